//! A backend that records every byte it receives and answers by a script.
//!
//! It forgives whatever it is sent: judging that is the test's business.

mod connection;

pub(crate) use connection::contains;

use std::io;
use std::mem::MaybeUninit;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The target of requests that are answered by themselves and leave no trace in the record: a test sends one to see
/// whether a connection, and the balancer behind it, is still good.
pub const PROBE_TARGET: &str = "/still-open";
/// The body of the answer to a request for [`PROBE_TARGET`].
pub const PROBE_BODY: &str = "still-open";

/// How often a connection is looked at for what has arrived and was not read yet.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// What the origin does for one request. Without a script, and after its last answer: 200 with the target as body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// When it begins.
    pub when: When,
    /// What is done, in order. The connection then stays open and its next request gets the next answer.
    pub steps: Vec<Step>,
}

/// When an answer begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum When {
    /// When the request, with its body, has arrived.
    #[default]
    WholeRequest,
    /// When its head has arrived; its body is read afterwards.
    Head,
}

/// One thing an origin does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Writes these bytes.
    Send(Vec<u8>),
    /// Writes these bytes, so many at a time.
    SendInPieces(Vec<u8>, usize),
    /// Reads until these bytes have arrived on this connection, in this round.
    Await(Vec<u8>),
    /// Closes the connection with FIN.
    Close,
    /// Closes it with RST.
    Reset,
    /// Never answers, and reads until the balancer closes.
    Hold,
    /// Sends back whatever arrives until the balancer closes: the far end of a tunnel.
    Echo,
    /// From here on this connection must not be used any more: a further byte on it is recorded as a reuse.
    NeverAgain,
}

/// What was received on one connection in the present round.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    /// Which connection: counted from 0 over the origin's life.
    pub connection: usize,
    /// Every byte, requests for [`PROBE_TARGET`] left out.
    pub bytes: Vec<u8>,
    /// The balancer has closed it, or the origin has.
    pub ended: bool,
    /// It was used after [`Step::NeverAgain`].
    pub reused: bool,
    /// Nothing of a request is outstanding.
    pub idle: bool,
}

/// A running origin; dropping it closes everything.
#[derive(Debug)]
pub struct Origin {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

impl Origin {
    /// Listens on a port of 127.0.0.1 that the kernel picks.
    ///
    /// # Errors
    /// What the kernel said.
    pub fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let acceptor = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        });
        Ok(Self {
            address,
            shared,
            acceptor: Some(acceptor),
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Begins a round: forgets what was recorded; the next requests get these answers, in order of their arrival.
    /// Connections that are idle stay and may be used again, the others are closed.
    pub fn begin(&self, script: Vec<Answer>) {
        let mut state = self.shared.state();
        state.script = script.into();
        state.connections.retain_mut(|connection| {
            if !connection.record.idle {
                connection.close();
            }
            connection.record.bytes.clear();
            connection.record.idle && !connection.record.ended
        });
    }

    /// What was received in this round, the connections with nothing left out.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        self.shared.state().records()
    }

    /// Waits until `enough` says so of the records; `false` when `wait` was over first.
    pub fn wait_until(&self, wait: Duration, enough: impl Fn(&[Record]) -> bool) -> bool {
        let deadline = Instant::now() + wait;
        let mut state = self.shared.state();
        loop {
            if enough(&state.records()) {
                return true;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let waited = self.shared.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits until every connection is idle or has ended, with nothing left unread of what was sent so far: then nothing
    /// more can come of what a client did. `false` when `wait` was over first.
    pub fn settle(&self, wait: Duration) -> bool {
        // Connections are accepted in order: once this one is, none of an earlier time waits any more.
        let Ok(last) = TcpStream::connect(self.address) else {
            return false;
        };
        let Ok(own) = last.local_addr() else { return false };
        let deadline = Instant::now() + wait;
        let mut state = self.shared.state();
        loop {
            let accepted = state.connections.iter().any(|connection| connection.peer == Some(own));
            if accepted && state.connections.iter().all(Connection::is_settled) {
                return true;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let waited = self.shared.changed.wait_timeout(state, left.min(LOOK_EVERY));
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        {
            let mut state = self.shared.state();
            state.stopped = true;
            for connection in &state.connections {
                connection.close();
            }
        }
        // Wakes the acceptor, which then sees that it is to stop.
        let _ = TcpStream::connect(self.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    script: std::collections::VecDeque<Answer>,
    connections: Vec<Connection>,
    accepted: usize,
    stopped: bool,
}

#[derive(Debug)]
struct Connection {
    /// A copy for closing it from outside; `None` once the connection was reset.
    stream: Option<TcpStream>,
    peer: Option<SocketAddr>,
    record: Record,
    never_again: bool,
}

impl Connection {
    /// Whether it has ended, or is idle with nothing unread. Exact while the state is locked: so is every read.
    fn is_settled(&self) -> bool {
        let Some(stream) = &self.stream else { return true };
        let flags = libc::MSG_PEEK | libc::MSG_DONTWAIT;
        let unread = socket2::SockRef::from(stream).recv_with_flags(&mut [MaybeUninit::uninit()], flags);
        let quiet = unread.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
        self.record.ended || (self.record.idle && quiet)
    }

    fn close(&self) {
        if let Some(stream) = &self.stream {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl State {
    fn records(&self) -> Vec<Record> {
        let records = self.connections.iter().map(|connection| &connection.record);
        records
            .filter(|record| !record.bytes.is_empty() || record.reused)
            .cloned()
            .collect()
    }

    fn connection(&mut self, number: usize) -> Option<&mut Connection> {
        self.connections
            .iter_mut()
            .find(|connection| connection.record.connection == number)
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes one connection's entry and wakes whoever waits for a change.
    fn change(&self, number: usize, change: impl FnOnce(&mut Connection)) {
        if let Some(connection) = self.state().connection(number) {
            change(connection);
        }
        self.changed.notify_all();
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.state().stopped {
            return;
        }
        let Ok(stream) = stream else { continue };
        let Ok(copy) = stream.try_clone() else { continue };
        let peer = stream.peer_addr().ok();
        let number = {
            let mut state = shared.state();
            let number = state.accepted;
            state.accepted += 1;
            let record = Record {
                connection: number,
                idle: true,
                ..Record::default()
            };
            state.connections.push(Connection {
                stream: Some(copy),
                peer,
                record,
                never_again: false,
            });
            number
        };
        let shared = Arc::clone(shared);
        std::thread::spawn(move || {
            connection::serve(stream, number, &shared);
            shared.change(number, |connection| connection.record.ended = true);
        });
    }
}

#[cfg(test)]
mod tests;
