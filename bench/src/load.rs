//! `evenkeel-bench load`: a single-threaded load generator, closed or open loop.
//!
//! Closed: every connection asks again as soon as it is answered. Open: requests are due at a fixed rate whatever
//! became of those before, and latency counts from the moment a request was due, so a balancer that stalls cannot
//! hide it by slowing the generator down. Each answer's status and length are checked.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

mod connection;
mod engine;
pub(crate) mod h2load;
mod idle;
pub(crate) mod outcome;
pub(crate) mod schedule;

use crate::failure::Failure;
use crate::reactor;
use crate::response::Expected;
use engine::Engine;
use outcome::Outcome;
use schedule::Arrivals;

/// How requests follow each other.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mode {
    /// Keep-alive connections that are never without a request.
    Closed,
    /// The same with a new connection for each request.
    PerRequest,
    /// Requests due at `rate` per second over keep-alive connections, more of which are opened when all are busy.
    Open { rate: f64, arrivals: Arrivals },
    /// HTTP/2 with so many requests at a time on each connection, made by `h2load`.
    Streams(usize),
    /// One request on each connection, then silence: what does holding them cost?
    Idle,
}

/// What to ask for, how, and for how long.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) to: SocketAddr,
    pub(crate) path: String,
    /// Speak TLS with whoever shows the certificate in this file; none: no TLS.
    pub(crate) tls: Option<PathBuf>,
    /// Bytes of a POST body; none: GET.
    pub(crate) upload: Option<usize>,
    pub(crate) expected: Expected,
    pub(crate) mode: Mode,
    pub(crate) connections: usize,
    pub(crate) warmup: Duration,
    pub(crate) window: Duration,
    /// End the window after this many requests.
    pub(crate) requests: Option<u64>,
    /// The process whose tree's CPU time and memory are measured.
    pub(crate) watch: Option<u32>,
    /// A process that shares this one's core, to say how busy that is.
    pub(crate) companion: Option<u32>,
    pub(crate) seed: u64,
}

/// Runs the load to its end.
pub(crate) fn run(options: &Options) -> Result<Outcome, Failure> {
    reactor::sharpen_timers()?;
    match options.mode {
        Mode::Closed | Mode::PerRequest | Mode::Open { .. } => Engine::new(options)?.run(),
        Mode::Streams(streams) => h2load::run(options, streams),
        Mode::Idle => idle::run(options),
    }
}

/// The bytes of each request, built once.
fn request(options: &Options) -> Vec<u8> {
    let connection = match options.mode {
        Mode::PerRequest => "Connection: close\r\n",
        Mode::Closed | Mode::Open { .. } | Mode::Streams(_) | Mode::Idle => "",
    };
    let common = "Host: bench.test\r\nUser-Agent: evenkeel-bench\r\nAccept: */*\r\n";
    match options.upload {
        None => format!("GET {} HTTP/1.1\r\n{common}{connection}\r\n", options.path).into_bytes(),
        Some(length) => {
            let framing = format!("Content-Type: application/octet-stream\r\nContent-Length: {length}\r\n");
            let mut bytes = format!("POST {} HTTP/1.1\r\n{common}{framing}{connection}\r\n", options.path).into_bytes();
            bytes.resize(bytes.len() + length, b'x');
            bytes
        }
    }
}
