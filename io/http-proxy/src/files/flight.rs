//! Errands under way. Of several requests that want the same, one has it done.

use super::FilesSide;
use super::disk::{Busy, Urgency};
use super::errand::{Brought, Errand, Outcome};
use crate::client::Client;
use crate::reason::Reason;
use crate::stats::Stats;
use evenkeel_model::Moment;
use evenkeel_net::{Elapsed, TaskId, reactor, within};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

/// How long a request waits for a disk, in all before its answer and then for each window: as long as for a backend.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// By what they are about.
pub(super) type Flights = RefCell<HashMap<Vec<u8>, Rc<Flight>>>;

#[derive(Default)]
pub(super) struct Flight {
    landed: Cell<bool>,
    /// `None` = whoever had it done has left before it was.
    outcome: Cell<Option<Outcome>>,
    waiting: RefCell<Vec<TaskId>>,
}

/// The flight of the one who has the errand done. Ends with it, however it ends.
struct Pilot<'a> {
    flights: &'a Flights,
    key: Vec<u8>,
    flight: Rc<Flight>,
}

impl Drop for Pilot<'_> {
    fn drop(&mut self) {
        self.flights.borrow_mut().remove(&self.key);
        self.flight.landed.set(true);
        for task in self.flight.waiting.take() {
            reactor::wake(task);
        }
    }
}

/// One request that waits for a disk, counted.
pub(super) struct Waiter(Arc<Stats>);

impl Waiter {
    pub(super) fn new(client: &Client) -> Waiter {
        let stats = client.guest.world.stats.clone();
        stats.disk_waits.fetch_add(1, Ordering::Relaxed);
        stats.disk_waiting.fetch_add(1, Ordering::Relaxed);
        Waiter(stats)
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.0.disk_waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Has an errand run, or waits until somebody else's of the same kind is.
pub(super) async fn run(
    side: &FilesSide,
    client: &Client,
    errand: Box<Errand>,
    deadline: Moment,
) -> Result<Outcome, Reason> {
    let _waiter = Waiter::new(client);
    let key = errand.key();
    let known = side.flights.borrow().get(&key).cloned();
    if let Some(flight) = known {
        flight.waiting.borrow_mut().push(reactor::current());
        wait(client, deadline, || flight.landed.get().then_some(())).await?;
        return Ok(flight.outcome.get().unwrap_or(Outcome::Again));
    }
    let flight = Rc::new(Flight::default());
    side.flights.borrow_mut().insert(key.clone(), flight.clone());
    let pilot = Pilot {
        flights: &side.flights,
        key,
        flight,
    };
    let reply = side.disk.ask(Urgency::Begins, move || errand.run());
    let reply = reply.map_err(|Busy| Reason::DiskBusy)?;
    let brought: Brought = wait(client, deadline, || reply.take())
        .await?
        .map_err(|Busy| Reason::FileFailed)?;
    let outcome = side.take(brought);
    pilot.flight.outcome.set(Some(outcome));
    Ok(outcome)
}

/// Waits for what a disk has to say.
async fn wait<T>(client: &Client, deadline: Moment, mut poll: impl FnMut() -> Option<T>) -> Result<T, Reason> {
    let waited = within(deadline, || match poll() {
        Some(found) => Poll::Ready(Ok(found)),
        None if client.conduit.is_gone() => Poll::Ready(Err(Reason::ClientGone)),
        None => Poll::Pending,
    });
    match waited.await {
        Ok(found) => found,
        Err(Elapsed) => Err(Reason::DiskTimeout),
    }
}
