//! `evenkeel-bench relay`: the floor. Bytes are carried both ways and nobody looks at them.
//!
//! One backend connection for each client connection, one buffer for all, no timeouts, no counters: what a balancer
//! costs above this is what it does for its users, and what it costs below is a mistake of the measurement. With a
//! certificate it speaks TLS with its clients: the floor for the TLS library used.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;

use crate::certificate::Server;
use crate::channel::{Channel, Received, Space};
use crate::failure::Failure;
use crate::reactor::{self, Reactor, Ready};
use crate::slab::Slab;

/// The buffer when not told: the size that cost least in most trials on loopback.
pub(crate) const BUFFER_BYTES: usize = 32 * 1024;

/// Connections accepted in a row before others get their turn.
const ACCEPTS_PER_TURN: usize = 64;

/// The listener's token; the sides of pair N have 1 + 2N (client) and 2 + 2N (backend).
const LISTENER: usize = 0;

/// Where to listen and what lies behind, taken in turn.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) listen: SocketAddr,
    pub(crate) to: Vec<SocketAddr>,
    /// Bytes read at once, at least 1.
    pub(crate) buffer: usize,
    /// Certificate and key in one file; none: no TLS.
    pub(crate) tls: Option<PathBuf>,
}

/// Bytes read from one side that the other has not taken; while there are any, nothing more is read.
#[derive(Default)]
struct Direction {
    kept: Vec<u8>,
    from_ended: bool,
    told: bool,
}

struct Pair {
    client: Channel,
    backend: Channel,
    to_backend: Direction,
    to_client: Direction,
}

/// Relays until the process is ended. Says on stdout where it listens.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    reactor::end_with_parent()?;
    if options.to.is_empty() {
        return Err(Failure::new("relay: no --to"));
    }
    let server = options.tls.as_deref().map(Server::showing).transpose()?;
    let listener = reactor::listen(options.listen)?;
    let mut reactor = Reactor::new()?;
    reactor.register_listener(&listener, LISTENER)?;
    println!("{}", listener.local_addr()?);
    io::stdout().flush()?;
    let mut pairs = Slab::new();
    let mut backends = options.to.iter().cycle();
    let mut space = Space::new(options.buffer);
    let mut ready = Vec::new();
    loop {
        reactor.wait(None, &mut ready)?;
        for event in &ready {
            if event.token == LISTENER {
                accept(&listener, server.as_ref(), &reactor, &mut backends, &mut pairs)?;
                continue;
            }
            let number = (event.token - 1) / 2;
            let Some(pair) = pairs.at(number) else { continue };
            if pair.handle(*event, &mut space).unwrap_or(true) {
                pairs.remove(number);
            }
        }
    }
}

fn accept<'a>(
    listener: &TcpListener,
    server: Option<&Server>,
    reactor: &Reactor,
    backends: &mut impl Iterator<Item = &'a SocketAddr>,
    pairs: &mut Slab<Pair>,
) -> Result<(), Failure> {
    for _ in 0..ACCEPTS_PER_TURN {
        let Some(client) = reactor::accept(listener)? else {
            return Ok(());
        };
        let Some(address) = backends.next() else { return Ok(()) };
        let backend = reactor::connect(*address)?;
        let session = server.map(Server::session).transpose();
        let session = session.map_err(|error| Failure::new(error.to_string()))?;
        let pair = Pair {
            client: Channel::new(client, session),
            backend: Channel::new(backend, None::<rustls::Connection>),
            to_backend: Direction::default(),
            to_client: Direction::default(),
        };
        let number = pairs.insert(pair);
        if let Some(pair) = pairs.at(number) {
            reactor.register(&pair.client.stream, 1 + 2 * number)?;
            reactor.register(&pair.backend.stream, 2 + 2 * number)?;
        }
    }
    Ok(())
}

impl Pair {
    /// Carries what can be carried; true when the pair is over.
    fn handle(&mut self, ready: Ready, space: &mut Space) -> io::Result<bool> {
        let is_client = ready.token % 2 == 1;
        let (forth, back) = if is_client {
            (&mut self.to_backend, &mut self.to_client)
        } else {
            (&mut self.to_client, &mut self.to_backend)
        };
        let (this, other) = if is_client {
            (&mut self.client, &mut self.backend)
        } else {
            (&mut self.backend, &mut self.client)
        };
        if ready.writable {
            this.flush()?;
        }
        // Room here again: the other side may be read once more, and its edge is long gone.
        if ready.writable && (!back.kept.is_empty() || back.from_ended) {
            back.carry(other, this, true, space)?;
        }
        if ready.readable {
            forth.carry(this, other, ready.ended, space)?;
        }
        Ok(self.to_backend.told && self.to_client.told)
    }
}

impl Direction {
    /// Reads `from` until it has no more (a short read says so unless it has `ended`) and writes it all to `to`.
    fn carry(&mut self, from: &mut Channel, to: &mut Channel, ended: bool, space: &mut Space) -> io::Result<()> {
        while !self.kept.is_empty() {
            match to.write(&self.kept) {
                Ok(written) => drop(self.kept.drain(..written)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        while !self.from_ended {
            let (bytes, drained) = match from.receive(space) {
                Ok(Received::Ended) => {
                    self.from_ended = true;
                    break;
                }
                Ok(Received::Bytes { bytes, drained }) => (bytes, drained),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            // TLS has words of its own that bring nothing.
            let written = match bytes {
                [] => 0,
                bytes => match to.write(bytes) {
                    Ok(written) => written,
                    Err(error) if would_block(&error) => 0,
                    Err(error) => return Err(error),
                },
            };
            if written < bytes.len() {
                self.kept.extend_from_slice(&bytes[written..]);
                return Ok(());
            }
            if drained && !ended {
                return Ok(());
            }
        }
        if !self.told && !to.is_behind() {
            self.told = true;
            to.end();
        }
        Ok(())
    }
}

/// A connection to the backend that is still being made takes no bytes either; it becomes writable later.
fn would_block(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::NotConnected)
}
