//! Runs checks: connects to a backend, holds the conversation of `evenkeel-check`, and says what came of it and how
//! long it took.
//!
//! This crate owns the sockets of probes. It must never decide what a verdict means for a backend, or when to probe.

mod manner;
#[cfg(test)]
mod tests;
mod words;

use evenkeel_check::{Conversation, Verdict};
use evenkeel_model::{BackendAddress, Check, ProxyProtocol};
pub use manner::Manner;

use evenkeel_proxy_protocol::{Told, write_v1, write_v2};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

/// Probes at once unless the caller says otherwise: each holds a file descriptor that traffic may need.
pub const MOST_PROBES: usize = 256;
/// Bytes read at a time.
const READ: usize = 16 * 1024;
/// After the verdict, how long the backend is given to close first, as `Connection: close` asks of it...
const FAREWELL: Duration = Duration::from_millis(100);
/// ... and how many bytes it may still send before that.
const FAREWELL_BYTES: usize = 64 * 1024;
/// How long to wait for a file descriptor or a local port when this machine has none left: that is no fault of the
/// backend's.
const SCARCE: Duration = Duration::from_millis(20);

/// How many probes may run at once; the caller keeps one for all its pools.
#[derive(Debug)]
pub struct Limits {
    places: Semaphore,
}

impl Default for Limits {
    fn default() -> Self {
        Limits::new(MOST_PROBES)
    }
}

impl Limits {
    /// At most `probes` at once; 0 is read as 1.
    pub fn new(probes: usize) -> Limits {
        Limits {
            places: Semaphore::new(probes.clamp(1, Semaphore::MAX_PERMITS)),
        }
    }

    /// As [`probe`], once there is a place; the wait for it counts neither as the check's timeout nor as time taken.
    pub async fn probe(
        &self,
        address: &BackendAddress,
        check: &Check,
        name: &str,
        manner: &Manner,
    ) -> (Verdict, Duration) {
        // An error would mean that the semaphore was closed, which nobody does.
        let _place = self.places.acquire().await.ok();
        probe(address, check, name, manner).await
    }
}

/// Runs `check` once against the backend at `address` (with the check's own port, if it has one) and returns what came
/// of it, after at most `check.timeout`, and the time until that was known. `name` is what an http check says in `Host`
/// when it names no host itself: the backend's address, or its name. Needs a tokio runtime with I/O and time.
/// `manner` is how the pool's traffic is spoken; a check with a port of its own is spoken plainly.
pub async fn probe(address: &BackendAddress, check: &Check, name: &str, manner: &Manner) -> (Verdict, Duration) {
    let started = Instant::now();
    let conversation = Conversation::new(check, name);
    let manner = if check.port.is_some() { &Manner::PLAIN } else { manner };
    match address {
        BackendAddress::Tcp(address) => {
            let address = SocketAddr::new(address.ip(), check.port.unwrap_or(address.port()));
            match connect(started, check.timeout, || TcpStream::connect(address)).await {
                Err(reason) => (Verdict::Fail(reason), started.elapsed()),
                Ok(stream) if is_ourselves(&stream) => (
                    Verdict::Fail(words::error(&ErrorKind::ConnectionRefused.into())),
                    started.elapsed(),
                ),
                Ok(mut stream) => {
                    let held = hold(&mut stream, conversation, started, check, manner).await;
                    if !held.backend_closed {
                        // Closing first would leave a local port in TIME_WAIT for a minute after every probe; a reset
                        // leaves nothing. If it cannot be had, that is no verdict on the backend.
                        let _ = stream.set_zero_linger();
                    }
                    (held.verdict, held.took)
                }
            }
        }
        BackendAddress::Unix(path) => match connect(started, check.timeout, || UnixStream::connect(path)).await {
            Err(reason) => (Verdict::Fail(reason), started.elapsed()),
            Ok(mut stream) => {
                let held = hold(&mut stream, conversation, started, check, manner).await;
                (held.verdict, held.took)
            }
        },
    }
}

/// A conversation that was held.
struct Held {
    verdict: Verdict,
    took: Duration,
    /// The backend ended the connection before us.
    backend_closed: bool,
}

/// Connects, however often it takes while this machine lacks the means, until `limit` after `started`.
async fn connect<S, F: Future<Output = io::Result<S>>>(
    started: Instant,
    limit: Duration,
    attempt: impl Fn() -> F,
) -> Result<S, String> {
    let mut scarce = None;
    let connecting = async {
        loop {
            match attempt().await {
                Err(error) if words::is_our_own_lack(&error) => {
                    scarce = Some(error);
                    sleep(SCARCE).await;
                }
                result => return result,
            }
        }
    };
    match timeout(left(started, limit), connecting).await {
        Ok(result) => result.map_err(|error| words::error(&error)),
        Err(_) => Err(match scarce {
            Some(error) => words::error(&error),
            None => words::too_slow("connection", limit),
        }),
    }
}

/// A connect to a port of this machine on which nobody listens may meet itself (RFC 9293 3.5, simultaneous open), when
/// the port is one that the system gives out: then no backend is there.
fn is_ourselves(stream: &TcpStream) -> bool {
    matches!((stream.local_addr(), stream.peer_addr()), (Ok(local), Ok(peer)) if local == peer)
}

/// Holds `conversation` over `stream` until there is a verdict, or until the check's timeout after `started`.
async fn hold<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    mut conversation: Conversation,
    started: Instant,
    check: &Check,
    manner: &Manner,
) -> Held {
    let limit = check.timeout;
    let mut backend_closed = false;
    let talk = async {
        introduce(stream, check.send_proxy_protocol).await?;
        manner::talk(stream, &mut conversation, &mut backend_closed, manner).await
    };
    let (verdict, is_certain) = match timeout(left(started, limit), talk).await {
        Ok(Ok(verdict)) => (verdict, true),
        Ok(Err(error)) => (Verdict::Fail(words::error(&error)), false),
        Err(_) => (Verdict::Fail(words::too_slow("answer", limit)), false),
    };
    let took = started.elapsed();
    if is_certain && !backend_closed {
        backend_closed = match conversation {
            // Nothing was said, so nothing asks the backend to close.
            Conversation::Tcp(_) => false,
            // Nor does HTTP/2: its connections are for many requests.
            Conversation::Grpc(_) => false,
            Conversation::Http(_) => timeout(FAREWELL, farewell(stream)).await.unwrap_or(false),
        };
    }
    Held {
        verdict,
        took,
        backend_closed,
    }
}

/// Where connections begin with a PROXY header, that of a probe says that it speaks for nobody.
async fn introduce<S: AsyncWrite + Unpin>(stream: &mut S, version: Option<ProxyProtocol>) -> io::Result<()> {
    let mut header = Vec::new();
    match version {
        None => return Ok(()),
        Some(ProxyProtocol::V1) => write_v1(&Told::Nothing, &mut header),
        Some(ProxyProtocol::V2) => write_v2(&Told::Nothing, &mut header),
    }
    stream.write_all(&header).await
}

async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    conversation: &mut Conversation,
    backend_closed: &mut bool,
) -> io::Result<Verdict> {
    conversation.connected();
    let mut buffer = vec![0; READ];
    loop {
        if let Some(verdict) = conversation.verdict() {
            return Ok(verdict);
        }
        while let Some(bytes) = conversation.poll_transmit() {
            stream.write_all(&bytes).await?;
        }
        if *backend_closed {
            // A conversation owes a verdict at the end.
            return Err(ErrorKind::UnexpectedEof.into());
        }
        match stream.read(&mut buffer).await? {
            0 => {
                *backend_closed = true;
                conversation.handle_eof();
            }
            length => conversation.handle(&buffer[..length]),
        }
    }
}

/// Reads what the backend still sends; whether it closed.
async fn farewell<S: AsyncRead + Unpin>(stream: &mut S) -> bool {
    let mut buffer = vec![0; READ];
    let mut seen = 0;
    while seen < FAREWELL_BYTES {
        match stream.read(&mut buffer).await {
            Ok(0) => return true,
            Ok(length) => seen += length,
            Err(_) => return false,
        }
    }
    false
}

fn left(started: Instant, limit: Duration) -> Duration {
    limit.saturating_sub(started.elapsed())
}
