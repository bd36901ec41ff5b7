//! `evenkeel-bench origin`: a single-threaded HTTP/1.1 origin that costs as little as it can.
//!
//! Answers are built once; the path says which. With `--uneven` each of its addresses is a backend of the uneven
//! pool: `/work` is answered after a service time, with few places, a line before them, two backends three times
//! slower than the rest and one that stalls.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

pub(crate) mod answers;
mod connection;
mod request;
pub(crate) mod service;

use crate::failure::Failure;
use crate::reactor::{self, Reactor, Ready};
use crate::slab::Slab;
use answers::Answers;
use connection::{Connection, Wish};
use service::{Behaviour, Service, Stall};

/// One read takes at most this much: uploads want few system calls.
const BUFFER_BYTES: usize = 128 * 1024;

/// Connections accepted in a row before others get their turn.
const ACCEPTS_PER_TURN: usize = 64;

/// The uneven pool's service: 8 x 4 / 20 ms + 2 x 4 / 60 ms = 1733 requests/s, 1713 with the stall.
const UNEVEN_PLACES: usize = 4;
const UNEVEN_MEAN: Duration = Duration::from_millis(20);
const UNEVEN_SLOW: [usize; 2] = [3, 7];
const UNEVEN_SLOWER_BY: u32 = 3;
const UNEVEN_STALLING: usize = 5;
const UNEVEN_STALL: Stall = Stall {
    every: Duration::from_secs(5),
    lasting: Duration::from_millis(500),
};

/// What to serve.
#[derive(Debug)]
pub(crate) struct Options {
    /// Addresses to listen on, one backend each; port 0 lets the kernel choose.
    pub(crate) listen: Vec<SocketAddr>,
    pub(crate) uneven: bool,
    pub(crate) seed: u64,
}

/// How backend number `index` of the uneven pool behaves.
fn uneven(index: usize) -> Behaviour {
    let slower_by = if UNEVEN_SLOW.contains(&index) {
        UNEVEN_SLOWER_BY
    } else {
        1
    };
    let stall = (index == UNEVEN_STALLING).then_some(UNEVEN_STALL);
    Behaviour {
        places: UNEVEN_PLACES,
        mean: UNEVEN_MEAN * slower_by,
        stall,
    }
}

/// Serves until the process is ended. Says on stdout, in one line, where it listens.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    reactor::end_with_parent()?;
    reactor::sharpen_timers()?;
    let mut origin = Origin::open(options)?;
    let addresses: Vec<String> = origin
        .listeners
        .iter()
        .map(|listener| Ok(listener.local_addr()?.to_string()))
        .collect::<io::Result<_>>()?;
    println!("{}", addresses.join(" "));
    io::stdout().flush()?;
    origin.serve()
}

#[derive(Clone, Copy)]
struct Whom {
    token: usize,
    serial: u64,
}

struct Origin {
    reactor: Reactor,
    /// Their tokens are the first ones: connection tokens begin behind them.
    listeners: Vec<TcpListener>,
    connections: Slab<Connection>,
    services: Vec<Service<Whom>>,
    answers: Answers,
    accepted: u64,
    started: Instant,
}

impl Origin {
    fn open(options: &Options) -> Result<Self, Failure> {
        let reactor = Reactor::new()?;
        let mut listeners = Vec::new();
        let mut services = Vec::new();
        for (index, address) in options.listen.iter().enumerate() {
            let listener = reactor::listen(*address)?;
            reactor.register_listener(&listener, index)?;
            listeners.push(listener);
            let behaviour = if options.uneven {
                uneven(index)
            } else {
                Behaviour {
                    places: 1,
                    mean: Duration::ZERO,
                    stall: None,
                }
            };
            services.push(Service::new(
                behaviour,
                options.seed.wrapping_mul(1000).wrapping_add(index as u64),
            ));
        }
        Ok(Self {
            reactor,
            listeners,
            connections: Slab::new(),
            services,
            answers: Answers::build(),
            accepted: 0,
            started: Instant::now(),
        })
    }

    fn serve(&mut self) -> Result<(), Failure> {
        let mut buffer = vec![0; BUFFER_BYTES];
        let mut ready = Vec::new();
        loop {
            let next = self.services.iter().filter_map(Service::next_end).min();
            let timeout = next.map(|at| at.saturating_sub(self.started.elapsed()));
            self.reactor.wait(timeout, &mut ready)?;
            for event in &ready {
                if event.token < self.listeners.len() {
                    self.accept(event.token)?;
                } else {
                    self.handle(*event, &mut buffer);
                }
            }
            if next.is_some() {
                self.end_services();
            }
        }
    }

    fn accept(&mut self, backend: usize) -> Result<(), Failure> {
        for _ in 0..ACCEPTS_PER_TURN {
            let Some(stream) = reactor::accept(&self.listeners[backend])? else {
                return Ok(());
            };
            self.accepted += 1;
            let number = self.connections.insert(Connection::new(stream, self.accepted, backend));
            if let Some(connection) = self.connections.at(number) {
                self.reactor
                    .register(connection.stream(), number + self.listeners.len())?;
            }
        }
        Ok(())
    }

    fn handle(&mut self, ready: Ready, buffer: &mut [u8]) {
        let number = ready.token - self.listeners.len();
        let Some(connection) = self.connections.at(number) else {
            return;
        };
        let wish = connection.handle(ready, &self.answers, buffer);
        self.grant(number, &wish);
    }

    /// Does what a connection wishes; one that failed is closed, which is nobody's concern here.
    fn grant(&mut self, number: usize, wish: &io::Result<Wish>) {
        let Some(connection) = self.connections.at(number) else {
            return;
        };
        let whom = Whom {
            token: number,
            serial: connection.serial,
        };
        let service = &mut self.services[connection.backend];
        match wish {
            Ok(Wish::Stay) => {}
            Ok(Wish::Work) => service.arrive(self.started.elapsed(), whom),
            Ok(Wish::Check) => service.arrive_check(self.started.elapsed(), whom),
            Ok(Wish::Close) | Err(_) => {
                self.connections.remove(number);
            }
        }
    }

    fn end_services(&mut self) {
        let now = self.started.elapsed();
        for index in 0..self.services.len() {
            while let Some(whom) = self.services[index].end_due(now) {
                let Some(connection) = self.connections.at(whom.token) else {
                    continue;
                };
                if connection.serial == whom.serial {
                    let wish = connection.finish_work(&self.answers);
                    self.grant(whom.token, &wish);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_uneven_pool_serves_about_1700_requests_a_second() {
        let behaviours: Vec<Behaviour> = (0..10).map(uneven).collect();
        let rate = |behaviour: &Behaviour| {
            let moving = behaviour
                .stall
                .map_or(1.0, |stall| 1.0 - stall.lasting.div_duration_f64(stall.every));
            behaviour.places as f64 / behaviour.mean.as_secs_f64() * moving
        };
        let capacity: f64 = behaviours.iter().map(rate).sum();
        assert!((1690.0..1735.0).contains(&capacity), "{capacity}");
        let slow = behaviours
            .iter()
            .filter(|behaviour| behaviour.mean == 3 * UNEVEN_MEAN)
            .count();
        let stalling = behaviours.iter().filter(|behaviour| behaviour.stall.is_some()).count();
        assert_eq!((slow, stalling), (2, 1));
    }
}
