//! A non-blocking connection, plain or TLS: what the load and the relay read from and write to.

use std::io::{self, BufRead, Read, Write};
use std::net::{Shutdown, TcpStream};

use rustls::Connection as Session;

/// One connection.
pub(crate) struct Channel {
    pub(crate) stream: TcpStream,
    /// None: bytes go as they are.
    session: Option<Box<Session>>,
}

/// Where bytes are put; one for all connections of a process.
#[derive(Default)]
pub(crate) struct Space {
    wire: Vec<u8>,
    plain: Vec<u8>,
}

impl Space {
    /// Room for `bytes` from the socket at a time, at least 1.
    pub(crate) fn new(bytes: usize) -> Self {
        Self {
            wire: vec![0; bytes.max(1)],
            plain: Vec::new(),
        }
    }
}

/// What one read brought.
pub(crate) enum Received<'a> {
    /// Plain text, empty when TLS spoke to itself; `drained`: the socket had no more.
    Bytes { bytes: &'a [u8], drained: bool },
    /// The other side has sent its last byte.
    Ended,
}

impl Channel {
    pub(crate) fn new(stream: TcpStream, session: Option<impl Into<Session>>) -> Self {
        Self {
            stream,
            session: session.map(|session| Box::new(session.into())),
        }
    }

    /// Reads once from the socket. `InvalidData`: that was not TLS, or not from whom it should be.
    pub(crate) fn receive<'a>(&mut self, space: &'a mut Space) -> io::Result<Received<'a>> {
        let length = self.stream.read(&mut space.wire)?;
        if length == 0 {
            return Ok(Received::Ended);
        }
        let drained = length < space.wire.len();
        if self.session.is_none() {
            let bytes = &space.wire[..length];
            return Ok(Received::Bytes { bytes, drained });
        }
        space.plain.clear();
        self.decrypt(&space.wire[..length], &mut space.plain)?;
        let bytes = space.plain.as_slice();
        Ok(Received::Bytes { bytes, drained })
    }

    /// One read of the socket brings more than the session takes at once, so it is fed piece by piece.
    fn decrypt(&mut self, mut wire: &[u8], plain: &mut Vec<u8>) -> io::Result<()> {
        let Some(session) = &mut self.session else {
            return Ok(());
        };
        while !wire.is_empty() {
            if session.read_tls(&mut wire)? == 0 {
                break;
            }
            session
                .process_new_packets()
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            let mut reader = session.reader();
            loop {
                let length = match reader.fill_buf() {
                    Ok([]) => break,
                    Ok(bytes) => {
                        plain.extend_from_slice(bytes);
                        bytes.len()
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(error) => return Err(error),
                };
                reader.consume(length);
            }
        }
        self.flush()
    }

    /// Writes what is taken at once; `WouldBlock` when nothing is. With TLS what was taken may wait here for `flush`.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.flush()?;
        let Some(session) = &mut self.session else {
            return self.stream.write(bytes);
        };
        if session.wants_write() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        // Before the handshake is over TLS keeps what it is given, up to a limit, and has nothing to write yet.
        let written = session.writer().write(bytes)?;
        self.flush()?;
        if written == 0 && !bytes.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(written)
    }

    /// Writes what TLS has ready, as far as the socket takes it: at the start, and whenever the socket has room again.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        let Some(session) = &mut self.session else {
            return Ok(());
        };
        while session.wants_write() {
            match session.write_tls(&mut self.stream) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Whether `flush` has something to write.
    pub(crate) fn is_behind(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.wants_write())
    }

    /// Says that nothing more will be written.
    pub(crate) fn end(&mut self) {
        if let Some(session) = &mut self.session {
            session.send_close_notify();
        }
        // A side that is already gone needs not be told.
        let _ = self.flush();
        let _ = self.stream.shutdown(Shutdown::Write);
    }
}
