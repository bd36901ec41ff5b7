//! A TCP client that sends exactly the bytes it is given and keeps every byte it receives.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::message::{self, Read, Response};

/// How long connecting and one write may take before the test fails.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes asked of the kernel in one read.
const READ_BYTES: usize = 64 << 10;

/// One connection to the balancer.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    received: Vec<u8>,
    ended: bool,
    reset: bool,
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// What the kernel said.
    pub fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, WRITE_TIMEOUT)?;
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(WRITE_TIMEOUT))?;
        Ok(Self {
            stream,
            received: Vec::new(),
            ended: false,
            reset: false,
        })
    }

    /// Sends all of `bytes`.
    ///
    /// # Errors
    /// The balancer closed the connection or reads no more.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Sends all of `bytes`, `size` bytes at a time, so that the balancer sees them arrive in pieces.
    ///
    /// # Errors
    /// The balancer closed the connection or reads no more.
    pub fn send_in_pieces(&mut self, bytes: &[u8], size: usize) -> io::Result<()> {
        for piece in bytes.chunks(size.max(1)) {
            self.stream.write_all(piece)?;
            std::thread::yield_now();
        }
        Ok(())
    }

    /// Sends FIN and goes on reading.
    ///
    /// # Errors
    /// The connection is no more.
    pub fn close_write(&mut self) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Write)
    }

    /// Closes with RST instead of FIN.
    ///
    /// # Errors
    /// What the kernel said.
    pub fn reset(self) -> io::Result<()> {
        socket2::SockRef::from(&self.stream).set_linger(Some(Duration::ZERO))
    }

    /// Reads until `enough` says so of all bytes received, the connection ends, or `wait` is over.
    /// `true` when `enough` was satisfied.
    pub fn read_until(&mut self, wait: Duration, enough: impl Fn(&[u8], bool) -> bool) -> bool {
        let deadline = Instant::now() + wait;
        let mut buffer = vec![0; READ_BYTES];
        loop {
            if enough(&self.received, self.ended) {
                return true;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if self.ended || left.is_zero() || self.stream.set_read_timeout(Some(left)).is_err() {
                return false;
            }
            match self.stream.read(&mut buffer) {
                Ok(0) => self.ended = true,
                Ok(count) => self.received.extend_from_slice(&buffer[..count]),
                Err(error) if is_timeout(&error) => {}
                Err(_) => (self.ended, self.reset) = (true, true),
            }
        }
    }

    /// Reads until the connection has ended; `false` when `wait` was over first.
    pub fn read_to_end(&mut self, wait: Duration) -> bool {
        self.read_until(wait, |_, ended| ended)
    }

    /// Reads one response and takes its bytes out of what was received.
    ///
    /// # Errors
    /// A sentence: no response within `wait`, or no valid one.
    pub fn response(&mut self, wait: Duration, to_head: bool) -> Result<Response, String> {
        self.read_until(wait, |bytes, ended| {
            !matches!(message::response(bytes, ended, to_head), Read::Part(_))
        });
        match message::response(&self.received, self.ended, to_head) {
            Read::Whole(response, used) => {
                self.received.drain(..used);
                Ok(response)
            }
            Read::Part(_) if self.ended => Err("the connection ended before the response did".into()),
            Read::Part(_) => Err(format!("no whole response within {wait:?}")),
            Read::Broken(problem) => Err(problem),
        }
    }

    /// Every byte received and not yet taken.
    #[must_use]
    pub fn received(&self) -> &[u8] {
        &self.received
    }

    /// Forgets the first `count` bytes received.
    pub fn discard(&mut self, count: usize) {
        self.received.drain(..count.min(self.received.len()));
    }

    /// Whether the balancer has closed its side, by FIN or RST, as far as was read.
    #[must_use]
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// Whether it ended by RST.
    #[must_use]
    pub fn was_reset(&self) -> bool {
        self.reset
    }
}

/// Whether a read gave up because its time was over (or was interrupted) and may be tried again.
pub(crate) fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted
    )
}
