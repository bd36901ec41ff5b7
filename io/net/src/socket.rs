use crate::reactor;
use evenkeel_model::BackendAddress;
use rustix::net::{RecvFlags, SendFlags, recv, send};
use socket2::{Domain, Protocol, SockAddr, Type};
use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd};

/// A connection's kind.
#[derive(Debug)]
#[allow(missing_docs)]
pub enum Stream {
    Tcp(mio::net::TcpStream),
    Unix(mio::net::UnixStream),
}

/// A connection on this worker. Its `try_` methods never wait and make no system call that is known to have nothing
/// to do; after `None` the owning task is queued as soon as it is worth another try.
#[derive(Debug)]
pub struct Socket {
    stream: Stream,
    key: u32,
}

/// Forwards to the stream inside.
macro_rules! stream {
    ($self:ident, $name:ident => $call:expr) => {
        match &$self.stream {
            Stream::Tcp($name) => $call,
            Stream::Unix($name) => $call,
        }
    };
}

impl Socket {
    /// Takes a connection into this worker; the task that runs owns it.
    ///
    /// # Errors
    /// When the kernel refuses to watch it.
    pub fn new(mut stream: Stream) -> io::Result<Socket> {
        let key = match &mut stream {
            Stream::Tcp(stream) => reactor::register(stream)?,
            Stream::Unix(stream) => reactor::register(stream)?,
        };
        Ok(Socket { stream, key })
    }

    /// Begins to connect; [`Socket::connected`] tells how it went.
    ///
    /// # Errors
    /// What can be known at once: no route, no descriptor left, connection refused by a unix socket.
    pub fn connect(address: &BackendAddress) -> io::Result<Socket> {
        let stream = match address {
            BackendAddress::Tcp(address) => {
                let kind = Type::STREAM.nonblocking();
                let socket = socket2::Socket::new(Domain::for_address(*address), kind, Some(Protocol::TCP))?;
                // Requests are written whole: waiting for more of them would only add latency.
                socket.set_tcp_nodelay(true)?;
                in_progress(socket.connect(&SockAddr::from(*address)))?;
                Stream::Tcp(mio::net::TcpStream::from_std(socket.into()))
            }
            BackendAddress::Unix(path) => Stream::Unix(mio::net::UnixStream::connect(path)?),
        };
        let socket = Socket::new(stream)?;
        // Nothing may be tried before the kernel has said that the connection stands.
        reactor::cell(socket.key, |cell| {
            cell.writable = false;
            cell.readable = false;
        });
        Ok(socket)
    }

    /// Whether a connect has come to its end.
    ///
    /// # Errors
    /// Why it failed.
    pub fn connected(&self) -> io::Result<bool> {
        let (writable, gone) = reactor::cell(self.key, |cell| (cell.writable, cell.gone));
        if !writable {
            return Ok(false);
        }
        if gone {
            let error = stream!(self, stream => stream.take_error())?;
            return Err(error.unwrap_or_else(|| io::ErrorKind::ConnectionReset.into()));
        }
        Ok(true)
    }

    /// Whether the two ends are one: the kernel may give a connect to a port where nobody listens that very port as
    /// its own, and then it answers itself.
    pub fn is_its_own_peer(&self) -> bool {
        match &self.stream {
            Stream::Tcp(stream) => match (stream.local_addr(), stream.peer_addr()) {
                (Ok(local), Ok(peer)) => local == peer,
                (Err(_), _) | (_, Err(_)) => false,
            },
            Stream::Unix(_) => false,
        }
    }

    /// Makes the running task the owner.
    pub fn adopt(&self) {
        reactor::adopt(self.key);
    }

    /// Leaves the socket to nobody: an idle connection.
    pub fn release(&self) {
        reactor::release(self.key);
    }

    /// Reads what is there; `Some(0)` = the other side has ended its sending, `None` = nothing now.
    ///
    /// # Errors
    /// As recv(2), without `WouldBlock` and `Interrupted`.
    pub fn try_read(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        if !reactor::cell(self.key, |cell| cell.readable) {
            return Ok(None);
        }
        let result = again_if_interrupted(|| receive(self.as_fd(), buffer));
        match result {
            Ok(length) => {
                if length < buffer.len() && length > 0 {
                    // Less than asked: the kernel has no more; the next bytes make a new event. An end that has
                    // been announced makes none, so it stays worth a read.
                    reactor::cell(self.key, |cell| cell.readable = cell.read_closed);
                }
                Ok(Some(length))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                reactor::cell(self.key, |cell| cell.readable = false);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Looks at what is there and leaves it there; as [`Socket::try_read`] otherwise, but for that more must come, or the
    /// other side end its sending, before it is worth another look.
    ///
    /// # Errors
    /// As recv(2), without `WouldBlock` and `Interrupted`.
    pub fn try_peek(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        if !reactor::cell(self.key, |cell| cell.readable) {
            return Ok(None);
        }
        let result = again_if_interrupted(|| Ok(recv(self.as_fd(), &mut *buffer, RecvFlags::PEEK)?.0));
        match result {
            Ok(length) => Ok(Some(length)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                reactor::cell(self.key, |cell| cell.readable = false);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// After a look that was not enough: whether more may come. Then the owning task is queued when it does.
    pub fn await_more(&self) -> bool {
        reactor::cell(self.key, |cell| {
            cell.readable = cell.read_closed;
            !cell.read_closed && !cell.gone
        })
    }

    /// The address of our end; `None` for a unix socket.
    pub fn local_address(&self) -> Option<std::net::SocketAddr> {
        match &self.stream {
            Stream::Tcp(stream) => stream.local_addr().ok(),
            Stream::Unix(_) => None,
        }
    }

    /// Writes what fits; `None` = nothing now.
    ///
    /// # Errors
    /// As send(2), without `WouldBlock` and `Interrupted`.
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<Option<usize>> {
        self.written(bytes.len(), || Ok(send(self.as_fd(), bytes, SendFlags::NOSIGNAL)?))
    }

    /// Writes what fits of several pieces; `None` = nothing now.
    ///
    /// # Errors
    /// As writev(2), without `WouldBlock` and `Interrupted`.
    pub fn try_write_pieces(&self, pieces: &[IoSlice<'_>]) -> io::Result<Option<usize>> {
        let length = pieces.iter().map(|piece| piece.len()).sum();
        self.written(length, || Ok(rustix::io::writev(self.as_fd(), pieces)?))
    }

    /// As [`Socket::try_write`], where more follows at once that may share a packet with it.
    ///
    /// # Errors
    /// As send(2), without `WouldBlock` and `Interrupted`.
    pub fn try_write_more(&self, bytes: &[u8]) -> io::Result<Option<usize>> {
        let flags = SendFlags::NOSIGNAL | SendFlags::MORE;
        self.written(bytes.len(), || Ok(send(self.as_fd(), bytes, flags)?))
    }

    /// Writes what fits of `length` bytes of a file from `offset` on, which no process has to copy; `None` = nothing
    /// now, `Some(0)` = the file has no byte there any more. Fewer than `length` says nothing about what still fits.
    ///
    /// # Errors
    /// As sendfile(2), without `WouldBlock` and `Interrupted`: the file's errors too.
    pub fn try_send_file(&self, file: BorrowedFd<'_>, offset: u64, length: usize) -> io::Result<Option<usize>> {
        let send = || {
            let mut offset = offset;
            Ok(rustix::fs::sendfile(self.as_fd(), file, Some(&mut offset), length)?)
        };
        if !reactor::cell(self.key, |cell| cell.writable) {
            return Ok(None);
        }
        match again_if_interrupted(send) {
            Ok(count) => Ok(Some(count)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                reactor::cell(self.key, |cell| cell.writable = false);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn written(&self, length: usize, write: impl FnMut() -> io::Result<usize>) -> io::Result<Option<usize>> {
        if !reactor::cell(self.key, |cell| cell.writable) {
            return Ok(None);
        }
        match again_if_interrupted(write) {
            Ok(count) => {
                if count < length {
                    reactor::cell(self.key, |cell| cell.writable = false);
                }
                Ok(Some(count))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                reactor::cell(self.key, |cell| cell.writable = false);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Whether something may be there to read (bytes, an end or an error), without asking the kernel.
    pub fn may_read(&self) -> bool {
        reactor::cell(self.key, |cell| cell.readable)
    }

    /// Whether the connection broke or both sides have ended it.
    pub fn is_gone(&self) -> bool {
        reactor::cell(self.key, |cell| cell.gone)
    }

    /// Asks the kernel whether an idle connection is still good: open, and nothing to read.
    pub fn is_quiet(&self) -> bool {
        let unread = reactor::cell(self.key, |cell| cell.readable || cell.gone);
        if unread {
            return false;
        }
        let mut byte = [0u8; 1];
        let peeked = match &self.stream {
            Stream::Tcp(stream) => stream.peek(&mut byte),
            Stream::Unix(_) => return true,
        };
        matches!(peeked, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Says that nothing more will be sent.
    pub fn end_writing(&self) {
        // A connection that is gone already needs no goodbye.
        let _ = stream!(self, stream => stream.shutdown(Shutdown::Write));
    }

    /// Closes with a reset instead of an orderly end: the other side must notice that what it got is not whole.
    pub fn reset(self) {
        let socket = socket2::SockRef::from(&self);
        let _ = socket.set_linger(Some(std::time::Duration::ZERO));
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.stream {
            Stream::Tcp(stream) => stream.as_fd(),
            Stream::Unix(stream) => stream.as_fd(),
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        reactor::forget(self.key);
    }
}

// The system calls without the C library around them: its versions are cancellation points, which costs two atomic
// operations each in a process with several threads.

fn receive(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    let (length, _) = recv(socket, buffer, RecvFlags::empty())?;
    Ok(length)
}

fn in_progress(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error()) => Ok(()),
        other => other,
    }
}

fn again_if_interrupted<R>(mut call: impl FnMut() -> io::Result<R>) -> io::Result<R> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}
