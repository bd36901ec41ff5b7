//! The trickle: requests at a fixed pace over a few kept connections, each answer counted.

use std::io::{BufRead, BufReader, Error, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Clients that take turns.
const CLIENTS: usize = 16;
/// Requests that may wait for a free client; more are not sent, as nobody could.
const WAITING: usize = 1024;
/// How long a client waits for its answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of an answer's head, and of its body.
const LARGEST: u64 = 64 * 1024;

/// What the clients have seen.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) answers: AtomicU64,
    pub(crate) errors: AtomicU64,
    pub(crate) micros: AtomicU64,
    pub(crate) last_error: Mutex<String>,
}

/// Running traffic; ends when dropped, once every client has the answer that it waits for.
pub(crate) struct Traffic {
    pub(crate) seen: Arc<Seen>,
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<()>>,
}

impl Drop for Traffic {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for client in self.clients.drain(..) {
            // One that broke off has no answer to wait for.
            let _ = client.join();
        }
    }
}

/// Sends `rate` requests a second to `address`.
pub(crate) fn start(address: SocketAddr, rate: u32) -> Traffic {
    let seen = Arc::new(Seen::default());
    let stop = Arc::new(AtomicBool::new(false));
    let (ticks, turns) = sync_channel(WAITING);
    let turns = Arc::new(Mutex::new(turns));
    let spawn = |_| {
        let (seen, turns, stop) = (seen.clone(), turns.clone(), stop.clone());
        std::thread::spawn(move || client(address, &turns, &seen, &stop))
    };
    let clients = (0..CLIENTS).map(spawn).collect();
    let stopped = stop.clone();
    std::thread::spawn(move || {
        let pause = Duration::from_secs(1) / rate.max(1);
        let mut next = Instant::now();
        while !stopped.load(Ordering::Relaxed) {
            // Full: every client is still waiting for an answer.
            let _ = ticks.try_send(());
            next += pause;
            std::thread::sleep(next.saturating_duration_since(Instant::now()));
        }
    });
    Traffic { seen, stop, clients }
}

fn client(address: SocketAddr, turns: &Mutex<Receiver<()>>, seen: &Seen, stop: &AtomicBool) {
    let mut connection = None;
    loop {
        let turn = turns.lock().unwrap_or_else(PoisonError::into_inner).recv();
        if turn.is_err() || stop.load(Ordering::Relaxed) {
            return;
        }
        let start = Instant::now();
        match request(&mut connection, address) {
            Ok(()) => {
                let micros = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
                seen.micros.fetch_add(micros, Ordering::Relaxed);
                seen.answers.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => {
                connection = None;
                seen.errors.fetch_add(1, Ordering::Relaxed);
                *seen.last_error.lock().unwrap_or_else(PoisonError::into_inner) = error.to_string();
            }
        }
    }
}

fn request(connection: &mut Option<BufReader<TcpStream>>, address: SocketAddr) -> Result<(), Error> {
    let mut reader = match connection.take() {
        Some(reader) => reader,
        None => {
            let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            BufReader::new(stream)
        }
    };
    let head = format!("GET / HTTP/1.1\r\nhost: {address}\r\nuser-agent: evenkeel-demo\r\n\r\n");
    reader.get_mut().write_all(head.as_bytes())?;
    let (status, length, close) = read_head(&mut reader)?;
    let read = std::io::copy(&mut (&mut reader).take(length), &mut std::io::sink())?;
    if read < length {
        return Err(Error::new(ErrorKind::UnexpectedEof, "the answer was cut"));
    }
    if !close {
        *connection = Some(reader);
    }
    match status {
        200 => Ok(()),
        status => Err(Error::other(format!("answer {status}"))),
    }
}

/// Status, body length, and whether the connection ends.
fn read_head(reader: &mut BufReader<TcpStream>) -> Result<(u16, u64, bool), Error> {
    let invalid = || Error::new(ErrorKind::InvalidData, "not an answer");
    let mut head = String::new();
    let mut limited = reader.take(LARGEST);
    while !head.ends_with("\r\n\r\n") {
        if limited.read_line(&mut head)? == 0 {
            return Err(Error::new(ErrorKind::UnexpectedEof, "closed without an answer"));
        }
    }
    let mut lines = head.split("\r\n");
    let status = lines
        .next()
        .and_then(|line| line.get(9..12))
        .and_then(|status| status.parse().ok());
    let (mut length, mut close) = (0, false);
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().map_err(|_| invalid())?;
        } else if name.eq_ignore_ascii_case("connection") {
            close = value.trim().eq_ignore_ascii_case("close");
        }
    }
    if length > LARGEST {
        return Err(invalid());
    }
    Ok((status.ok_or_else(invalid)?, length, close))
}
