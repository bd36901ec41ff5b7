use crate::Permit;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Called once when it is a request's turn; on whatever thread gave a place back, so it must only wake somebody.
type Waker = Box<dyn FnOnce() + Send>;

/// The waiting room of a pool: one line for all workers, first come first served. Only requests that found every
/// place taken come here, so its mutex is off the ordinary path.
///
/// The protocol of a waiting request:
/// 1. `choose` said `Full`: [`Gate::wait`].
/// 2. When called (the first in an empty room is called at once, as the last place may have come free while nobody was
///    there to be called): choose with `first_in_line`. On `Go`: [`Ticket::took`]. On `Full`:
///    [`Gate::wait_again`], which keeps the place in the line. On `Nothing`: drop the ticket.
/// 3. On timeout or a client that left: drop the ticket (or [`Gate::leave`]). If it had been called, the turn passes on
///    to the next, so no turn is ever lost.
///
/// A request that was called but has not taken its place yet still counts as waiting, so no newcomer can slip in.
#[derive(Debug, Clone, Default)]
pub struct Gate {
    room: Arc<Room>,
}

#[derive(Debug, Default)]
struct Room {
    /// In line, plus called and not settled yet.
    waiting: AtomicU32,
    line: Mutex<Line>,
}

#[derive(Default)]
struct Line {
    next: u64,
    waiters: VecDeque<(u64, Waker)>,
    /// Turns that came while everybody had been called already: the next to wait gets one at once, or a place that
    /// came free between its choice and its return to the line would be lost.
    owed: u32,
    /// Somebody joined only out of politeness, while one who had been called was on its way: there may be free places
    /// that nobody will give back. Until one finds that there are none, each who enters calls the next.
    unsure: bool,
}

impl std::fmt::Debug for Line {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Line")
            .field("waiters", &self.waiters.len())
            .finish_non_exhaustive()
    }
}

/// As many wait as may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueFull;

impl std::fmt::Display for QueueFull {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("the queue is full")
    }
}

impl std::error::Error for QueueFull {}

/// A place in the line. Dropping it leaves the line; if it had been called already, the turn passes on.
#[derive(Debug)]
#[must_use = "dropping a ticket leaves the line"]
pub struct Ticket {
    room: Arc<Room>,
    number: u64,
    settled: bool,
}

impl Gate {
    /// How many wait (one relaxed load): in line, or called and not at their place yet.
    pub fn waiting(&self) -> u32 {
        self.room.waiting.load(Ordering::SeqCst)
    }

    /// Joins the end of the line; `waker` is called when it is this one's turn.
    ///
    /// # Errors
    /// [`QueueFull`] when `limit` requests wait already.
    pub fn wait(&self, waker: Box<dyn FnOnce() + Send>, limit: u32) -> Result<Ticket, QueueFull> {
        let mut line = self.room.lock();
        if self.waiting() >= limit {
            return Err(QueueFull);
        }
        let number = line.next;
        line.next += 1;
        let waiting = self.room.waiting.fetch_add(1, Ordering::SeqCst);
        let first = waiting == 0;
        line.unsure |= waiting as usize > line.waiters.len();
        // The count must be seen before any place is looked at again.
        fence(Ordering::SeqCst);
        let waker = if first { Some(waker) } else { line.queue(number, waker) };
        drop(line);
        let ticket = Ticket {
            room: Arc::clone(&self.room),
            number,
            settled: false,
        };
        if let Some(waker) = waker {
            waker();
        }
        Ok(ticket)
    }

    /// Called, but there was no place after all: back to where it stood, before everybody who came later. A ticket
    /// that was not called stays where it is and only changes its waker.
    pub fn wait_again(&self, ticket: &Ticket, waker: Box<dyn FnOnce() + Send>) {
        let mut line = self.room.lock();
        line.unsure = false;
        let waker = line.queue(ticket.number, waker);
        drop(line);
        if let Some(waker) = waker {
            waker();
        }
    }

    /// Leaves the line. False: it had already been called, and the turn has been passed on to the next.
    pub fn leave(&self, ticket: Ticket) -> bool {
        let mut ticket = ticket;
        ticket.settle(true)
    }

    /// Calls the first `count` of the line.
    pub fn admit(&self, count: u32) {
        self.room.admit(count);
    }
}

impl Ticket {
    /// It was this one's turn and it took a place: the turn is used up. Who went home to a backend that others may not
    /// have (it is drained) left the place free that it was called for: then the turn passes on.
    pub fn took(self, permit: &Permit) {
        if permit.is_apart() {
            drop(self);
        } else {
            self.used();
        }
    }

    /// The turn is used up.
    pub(crate) fn used(mut self) {
        self.settle(false);
    }

    fn settle(&mut self, pass_on: bool) -> bool {
        if std::mem::replace(&mut self.settled, true) {
            return false;
        }
        let (removed, unsure) = self.room.remove(self.number);
        let in_line = removed.is_some();
        drop(removed);
        if unsure || (pass_on && !in_line) {
            self.room.admit(1);
        }
        in_line
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.settle(true);
    }
}

impl Room {
    fn lock(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Out of the line, and no longer counted. Says also whether somebody waits though nobody is on the way and there
    /// may be free places.
    fn remove(&self, number: u64) -> (Option<Waker>, bool) {
        let mut line = self.lock();
        let place = line.waiters.binary_search_by_key(&number, |waiter| waiter.0);
        let removed = place
            .ok()
            .and_then(|place| line.waiters.remove(place))
            .map(|waiter| waiter.1);
        let waiting = self.waiting.fetch_sub(1, Ordering::SeqCst) - 1;
        if waiting == 0 {
            line.owed = 0;
            line.unsure = false;
        }
        let all_in_line = waiting as usize == line.waiters.len();
        (removed, line.unsure && all_in_line)
    }

    fn admit(&self, count: u32) {
        for admitted in 0..count {
            let mut line = self.lock();
            let Some((_, waker)) = line.waiters.pop_front() else {
                let called = self.waiting.load(Ordering::SeqCst);
                line.owed = line.owed.saturating_add(count - admitted).min(called);
                return;
            };
            // Called outside the lock: a waker may come back to the gate.
            drop(line);
            waker();
        }
    }
}

impl Line {
    /// Puts the waker where its number stands; gives it back if a turn is owed and it must be called at once.
    fn queue(&mut self, number: u64, waker: Waker) -> Option<Waker> {
        match self.waiters.binary_search_by_key(&number, |waiter| waiter.0) {
            Ok(place) => self.waiters[place].1 = waker,
            Err(_) if self.owed > 0 => {
                self.owed -= 1;
                return Some(waker);
            }
            Err(place) => self.waiters.insert(place, (number, waker)),
        }
        None
    }
}

#[cfg(test)]
mod tests;
