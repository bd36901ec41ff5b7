//! Waiting for one backend: a client that belongs there rather waits a while than goes elsewhere.

use crate::{Load, Permit, QueueFull, Ticket};
use std::sync::Arc;

/// The line before one backend whose places are all taken, for requests that belong there. Works as the
/// [`crate::Gate`] does; each place that comes free calls the first of this line and the first of the pool's.
#[derive(Debug, Clone)]
pub struct HomeLine {
    load: Arc<Load>,
}

/// Lines before the same backend.
impl PartialEq for HomeLine {
    fn eq(&self, other: &HomeLine) -> bool {
        Arc::ptr_eq(&self.load, &other.load)
    }
}

impl Eq for HomeLine {}

/// A place in that line. Dropping it leaves the line; if it had been called already, the turn passes on.
#[derive(Debug)]
#[must_use = "dropping a ticket leaves the line"]
pub struct HomeTicket {
    ticket: Ticket,
    load: Arc<Load>,
}

impl HomeLine {
    pub(crate) fn new(load: Arc<Load>) -> HomeLine {
        HomeLine { load }
    }

    /// Joins the end of the line; `waker` is called when it is this one's turn: choose with `first_at_home`. On `Go`:
    /// [`HomeTicket::took`]. On `HomeFull` with this line: [`HomeLine::wait_again`]. On anything else: drop the ticket.
    ///
    /// # Errors
    /// [`QueueFull`] when `limit` requests wait here already.
    pub fn wait(&self, waker: Box<dyn FnOnce() + Send>, limit: u32) -> Result<HomeTicket, QueueFull> {
        let ticket = self.load.home().wait(waker, limit)?;
        Ok(HomeTicket {
            ticket,
            load: Arc::clone(&self.load),
        })
    }

    /// How many wait here.
    pub fn waiting(&self) -> u32 {
        self.load.waiting()
    }

    /// Called, but there was no place after all: back to where it stood.
    pub fn wait_again(&self, ticket: &HomeTicket, waker: Box<dyn FnOnce() + Send>) {
        self.load.home().wait_again(&ticket.ticket, waker);
    }
}

impl HomeTicket {
    /// It was this one's turn and it took a place: the turn is used up if the place is in its home.
    pub fn took(self, permit: &Permit) {
        if permit.is_of(&self.load) {
            self.ticket.used();
        }
    }
}
