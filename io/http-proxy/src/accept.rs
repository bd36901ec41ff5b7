//! Where clients come in: one task for each listening socket.

use crate::client;
use crate::door::{Door, Inside};
use crate::world::World;
use evenkeel_model::Moment;
use evenkeel_net::listen::{Accepted, Listening};
use evenkeel_net::{TaskId, reactor, within};
use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Sender;
use std::task::Poll;
use std::time::Duration;

/// Connections taken in a row before those that are here already get their turn.
const IN_A_ROW: u32 = 64;
/// Between two looks when no descriptor was left: somebody must leave first.
const EXHAUSTED: Duration = Duration::from_millis(20);
/// Between two looks when the listener has as many connections as it may.
const FULL: Duration = Duration::from_millis(5);

/// A listening socket on this worker. It stays as long as its address is configured, whichever listener has it.
pub(crate) struct Entrance {
    pub(crate) door: RefCell<Rc<Door>>,
    pub(crate) closing: Cell<bool>,
    pub(crate) task: Cell<Option<TaskId>>,
    /// Dropped with the entrance: whoever listens learns that it has closed.
    pub(crate) closed: RefCell<Option<Sender<Infallible>>>,
}

impl Entrance {
    /// Takes in who has arrived already, then closes.
    pub(crate) fn close(&self) {
        self.closing.set(true);
        if let Some(task) = self.task.get() {
            reactor::wake(task);
        }
    }
}

/// Accepts until the entrance closes.
pub(crate) async fn run(listening: Listening, entrance: Rc<Entrance>, world: Rc<World>) {
    let mut in_a_row = 0;
    loop {
        if !entrance.door.borrow().has_room() {
            // Whoever comes now waits in the kernel.
            if entrance.closing.get() {
                return;
            }
            reactor::sleep_until(reactor::now() + FULL).await;
            continue;
        }
        let next = within(Moment::NEVER, || {
            if entrance.closing.get() {
                listening.look_again();
            }
            match listening.poll_accept() {
                Poll::Ready(accepted) => Poll::Ready(Some(accepted)),
                Poll::Pending if entrance.closing.get() => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            }
        });
        match next.await {
            Ok(Some(Accepted::Client(stream, address))) => {
                let Some(inside) = enter(&entrance).await else { return };
                client::welcome(stream, address, inside, world.clone());
            }
            Ok(Some(Accepted::Exhausted(_))) => {
                world.stats.exhausted.fetch_add(1, Ordering::Relaxed);
                world.relieve();
                reactor::sleep_until(reactor::now() + EXHAUSTED).await;
            }
            Ok(Some(Accepted::Lost)) => {}
            Ok(None) | Err(_) => return,
        }
        in_a_row += 1;
        if in_a_row == IN_A_ROW {
            in_a_row = 0;
            reactor::yield_now().await;
        }
    }
}

/// Counts in a client that has come, by the door that the entrance leads to now: a reload may have changed it while
/// nobody came. It waits when other workers have taken the last places in between; `None` when the entrance closes
/// before there is one.
async fn enter(entrance: &Entrance) -> Option<Inside> {
    loop {
        let door = entrance.door.borrow().clone();
        if let Some(inside) = door.enter() {
            return Some(inside);
        }
        if entrance.closing.get() {
            return None;
        }
        reactor::sleep_until(reactor::now() + FULL).await;
    }
}
