//! What keeps a connection moving: one task for each.

use super::{Over, Trunk};
use crate::patience::Patience;
use evenkeel_http2::StreamId;
use evenkeel_model::Moment;
use evenkeel_net::{Elapsed, reactor, within};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

/// Rounds of reading and writing before others get their turn.
const ROUNDS: u32 = 8;
/// How long a connection without streams keeps memory for the next ones.
const REST: Duration = Duration::from_secs(1);

/// What ends a wait of a driver.
enum Round {
    Over,
    /// There is more to move than one turn allows.
    Busy,
    /// A deadline is to be looked at anew.
    Changed,
}

/// Moves the bytes of a connection until it is over.
pub(super) struct Driver<'a> {
    trunk: &'a Rc<Trunk>,
    /// How long the connection is kept without streams.
    idle: Duration,
    leaving: &'a dyn Fn() -> bool,
    /// Told of each new stream.
    opened: &'a mut dyn FnMut(StreamId),
    patience: Patience,
    idle_since: Moment,
    /// The other side has been told that we take no new streams.
    told: bool,
    /// The memory of busier times has been given back.
    rested: bool,
}

/// How a connection stands: what ends a wait when it changes.
#[derive(PartialEq)]
struct Standing {
    idle: bool,
    sending: bool,
    leaving: bool,
    finished: bool,
    timeout: Option<Moment>,
}

impl<'a> Driver<'a> {
    /// `window`: how long the other side may take without progress when we have something for it.
    pub(super) fn new(
        trunk: &'a Rc<Trunk>,
        idle: Duration,
        window: Duration,
        leaving: &'a dyn Fn() -> bool,
        opened: &'a mut dyn FnMut(StreamId),
    ) -> Driver<'a> {
        Driver {
            trunk,
            idle,
            leaving,
            opened,
            patience: Patience::new(window),
            idle_since: reactor::now(),
            told: false,
            rested: false,
        }
    }

    pub(super) async fn drive(&mut self) {
        // Whoever came while we leave is told so at once.
        if self.settle(true, reactor::now()).is_err() {
            return;
        }
        loop {
            let deadline = self.deadline();
            let before = self.standing();
            let round = within(deadline, || {
                for _ in 0..ROUNDS {
                    match self.trunk.step(&mut self.patience, self.opened) {
                        Err(Over) => return Poll::Ready(Round::Over),
                        Ok(true) => {}
                        Ok(false) if self.standing() != before => return Poll::Ready(Round::Changed),
                        Ok(false) => return Poll::Pending,
                    }
                }
                Poll::Ready(Round::Busy)
            });
            let over = match round.await {
                Ok(Round::Over) => return,
                Ok(Round::Busy) => {
                    reactor::yield_now().await;
                    Ok(())
                }
                Ok(Round::Changed) => Ok(()),
                Err(Elapsed) => self.elapsed(reactor::now()),
            };
            if over.is_err() || self.settle(before.idle, reactor::now()).is_err() {
                return;
            }
        }
    }

    fn standing(&self) -> Standing {
        let connection = self.trunk.connection.borrow();
        Standing {
            idle: connection.streams() == 0,
            sending: self.trunk.is_waiting_to_send(),
            leaving: (self.leaving)() && !self.told,
            finished: self.trunk.is_done(),
            timeout: connection.poll_timeout(),
        }
    }

    /// When something is to be done although nothing happens. Never in the past twice: whoever was waited for in vain is
    /// not waited for again.
    fn deadline(&mut self) -> Moment {
        let connection = self.trunk.connection.borrow();
        let mut deadline = connection.poll_timeout().unwrap_or(Moment::NEVER);
        if connection.streams() == 0 {
            if !self.told {
                deadline = deadline.min(self.idle_since + self.idle);
            }
            if !self.rested {
                deadline = deadline.min(self.idle_since + REST);
            }
        }
        drop(connection);
        if self.trunk.is_waiting_to_send() {
            deadline = deadline.min(self.patience.deadline(reactor::now()));
        } else {
            self.patience.rest();
        }
        deadline
    }

    fn elapsed(&mut self, now: Moment) -> Result<(), Over> {
        if self.trunk.is_waiting_to_send() && self.patience.deadline(now) <= now {
            return Err(Over);
        }
        let mut connection = self.trunk.connection.borrow_mut();
        if !self.rested && connection.streams() == 0 && now >= self.idle_since + REST {
            self.rested = true;
            drop(connection);
            self.trunk.rest();
            connection = self.trunk.connection.borrow_mut();
        }
        let timed = connection.handle_timeout(now);
        drop(connection);
        timed.map_err(|_| {
            self.trunk.last_words();
            Over
        })
    }

    /// Looks whether it is time to leave, or left already. `was_idle`: before the wait.
    fn settle(&mut self, was_idle: bool, now: Moment) -> Result<(), Over> {
        if !was_idle || !self.standing().idle {
            self.idle_since = now;
            self.rested = false;
        }
        if !self.told && ((self.leaving)() || now >= self.idle_since + self.idle) {
            self.told = true;
            self.trunk.closed.set(true);
            self.trunk.connection.borrow_mut().go_away(now);
        }
        if self.trunk.is_done() {
            self.trunk.last_words();
            return Err(Over);
        }
        Ok(())
    }
}
