//! After a switch of protocols: bytes in both directions until both have ended.

use crate::conduit::Conduit;
use crate::outbox::Outbox;
use crate::scratch;
use evenkeel_net::{Elapsed, reactor, within};
use std::io;
use std::task::Poll;
use std::time::Duration;

/// Rounds before others get their turn.
const ROUNDS: u32 = 32;

/// One direction.
struct Way<'a> {
    from: &'a Conduit,
    to: &'a Conduit,
    outbox: &'a mut Outbox,
    /// `from` has ended its sending.
    ended: bool,
    /// ... and `to` has been told.
    told: bool,
    bytes: u64,
}

impl Way<'_> {
    /// The side that had ended its sending takes nothing more either.
    fn is_cut(&self) -> bool {
        self.told && self.from.is_gone()
    }

    fn step(&mut self) -> io::Result<bool> {
        if self.outbox.waits_for(self.to) {
            let count = self.outbox.flush(self.to)?;
            if self.outbox.waits_for(self.to) {
                return Ok(count > 0);
            }
        }
        if self.ended {
            let tell = !self.told;
            if tell {
                self.told = true;
                self.to.end_writing();
            }
            return Ok(tell);
        }
        scratch::with(|buffer| match self.from.try_read(buffer)? {
            None => Ok(false),
            Some(0) => {
                self.ended = true;
                Ok(true)
            }
            Some(length) => {
                self.bytes += length as u64;
                self.outbox.send(self.to, &buffer[..length])?;
                Ok(true)
            }
        })
    }
}

/// What became of a tunnel.
pub(crate) struct Ended {
    /// Bytes from the client.
    pub(crate) up: u64,
    /// Bytes from the backend.
    pub(crate) down: u64,
    /// One side broke off: the other must not take that for an end.
    pub(crate) broken: bool,
}

/// Carries bytes until both sides have ended, one is gone, or nothing moved for `silence`. What is in the outboxes goes
/// first.
pub(crate) async fn run(
    client: &Conduit,
    backend: &Conduit,
    to_backend: &mut Outbox,
    to_client: &mut Outbox,
    silence: Duration,
) -> Ended {
    let mut up = Way {
        from: client,
        to: backend,
        outbox: to_backend,
        ended: false,
        told: false,
        bytes: 0,
    };
    let mut down = Way {
        from: backend,
        to: client,
        outbox: to_client,
        ended: false,
        told: false,
        bytes: 0,
    };
    loop {
        let mut moved_any = false;
        let round = within(reactor::now() + silence, || {
            for _ in 0..ROUNDS {
                let moved = match (up.step(), down.step()) {
                    (Ok(up), Ok(down)) => up | down,
                    (Err(_), _) | (_, Err(_)) => return Poll::Ready(Round::Broken),
                };
                if (up.told && down.told) || up.is_cut() || down.is_cut() {
                    return Poll::Ready(Round::Over);
                }
                if !moved {
                    // After anything moved, the time of silence begins anew.
                    return if moved_any {
                        Poll::Ready(Round::Quiet)
                    } else {
                        Poll::Pending
                    };
                }
                moved_any = true;
            }
            Poll::Ready(Round::Busy)
        });
        let broken = match round.await {
            Ok(Round::Quiet) => continue,
            Ok(Round::Busy) => {
                reactor::yield_now().await;
                continue;
            }
            Ok(Round::Over) | Err(Elapsed) => false,
            Ok(Round::Broken) => true,
        };
        return Ended {
            up: up.bytes,
            down: down.bytes,
            broken,
        };
    }
}

enum Round {
    /// Nothing is left to move for now.
    Quiet,
    /// There is more to move than one turn allows.
    Busy,
    Over,
    Broken,
}
