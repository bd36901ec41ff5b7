//! All hearts of this process. One task, the keeper, owns and writes them; this handle asks it, and reads the Views
//! that it publishes without asking.

use crate::clock;
use arc_swap::ArcSwap;
use evenkeel_model::{Backend, Name, Pool};
use evenkeel_pool::{BackendId, Member, Order, Saved, Shared, View};
use evenkeel_tls::ClientTls;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Notify, broadcast, mpsc, oneshot};
use tokio::time::Instant;

mod happening;
mod keeper;
mod probes;
mod rates;
#[cfg(test)]
mod tests;

pub use happening::Happening;

/// Messages to the keeper that may wait.
const MESSAGES: usize = 256;
/// Happenings that a slow subscriber may be behind before it misses some.
const HAPPENINGS: usize = 1024;
/// Between two looks at what is awaited.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// Looks in a row that must find nothing in flight: a worker that chose by the View before may still be about to
/// take its permit.
const EMPTY_LOOKS: u32 = 3;

/// What was asked for is not there, or may not be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// No such pool; the pools there are.
    UnknownPool(Vec<String>),
    /// No such backend; the pool's backends.
    UnknownBackend(Vec<String>),
    /// A backend of this name is there already, at this address.
    NameTaken(String),
    /// A backend at this address is there already, of this name.
    AddressTaken(String),
    /// The pool has as many backends as a pool may have.
    Full,
    /// The process ends.
    Stopping,
}

/// What is known of a pool, for readers.
#[derive(Clone)]
pub(crate) struct Published {
    pub(crate) pool: Arc<Pool>,
    pub(crate) shared: Arc<Shared>,
    /// Requests a second of each backend.
    pub(crate) rates: Arc<Mutex<HashMap<BackendId, f64>>>,
}

/// A pool's part of the runtime state.
pub(crate) struct Kept {
    pub(crate) pool: Arc<Pool>,
    pub(crate) saved: Saved,
}

/// What the keeper is asked.
/// What encrypts connections to backends, by the pool's name.
type PoolKeys = HashMap<Name, Arc<ClientTls>>;

enum Message {
    /// Make hearts for the pools that have none yet; nothing else changes.
    Prepare {
        pools: Vec<(Pool, Option<Saved>)>,
        tls: PoolKeys,
        reply: oneshot::Sender<Vec<Arc<Shared>>>,
    },
    /// Take the prepared pools as they are: new ones join, changed ones change, others go.
    Commit {
        reply: oneshot::Sender<()>,
    },
    /// Forget what was prepared.
    Abandon,
    Order {
        pool: String,
        backend: String,
        order: Order,
        reply: oneshot::Sender<Result<(), Refused>>,
    },
    Add {
        pool: String,
        backend: Backend,
        reply: oneshot::Sender<Result<(), Refused>>,
    },
    Remove {
        pool: String,
        backend: String,
        reply: oneshot::Sender<Result<(), Refused>>,
    },
    Saved {
        reply: oneshot::Sender<Vec<Kept>>,
    },
}

/// Asks the keeper. Cheap to clone.
#[derive(Clone)]
pub struct Hearts {
    messages: mpsc::Sender<Message>,
    published: Arc<ArcSwap<Vec<Published>>>,
    happenings: broadcast::Sender<Arc<Happening>>,
    dirty: Arc<Notify>,
}

impl Hearts {
    /// Starts the keeper on the current runtime; it ends when the last handle is dropped.
    pub(crate) fn start() -> Hearts {
        let (messages, inbox) = mpsc::channel(MESSAGES);
        let (happenings, _) = broadcast::channel(HAPPENINGS);
        let hearts = Hearts {
            messages,
            published: Arc::default(),
            happenings,
            dirty: Arc::default(),
        };
        let keeper = keeper::Keeper::new(inbox, &hearts);
        tokio::spawn(keeper.run());
        hearts
    }

    /// Makes hearts for those of `pools` that have none, and gives what doors hold of all of them, in this order.
    /// Must be followed by [`Hearts::commit`] or [`Hearts::abandon`].
    pub(crate) async fn prepare(
        &self,
        pools: Vec<(Pool, Option<Saved>)>,
        tls: PoolKeys,
    ) -> Result<Vec<Arc<Shared>>, Refused> {
        self.ask(|reply| Message::Prepare { pools, tls, reply }).await
    }

    pub(crate) async fn commit(&self) -> Result<(), Refused> {
        self.ask(|reply| Message::Commit { reply }).await
    }

    pub(crate) async fn abandon(&self) {
        // The keeper is gone: so is what was prepared.
        let _ = self.messages.send(Message::Abandon).await;
    }

    /// Tells a backend, by name or address, the operator's word.
    pub async fn order(&self, pool: &str, backend: &str, order: Order) -> Result<(), Refused> {
        let (pool, backend) = (pool.to_owned(), backend.to_owned());
        self.ask(|reply| Message::Order {
            pool,
            backend,
            order,
            reply,
        })
        .await?
    }

    /// As [`Hearts::order`], from a thread outside of the runtime.
    pub(crate) fn order_blocking(&self, pool: &str, backend: &str, order: Order) -> Result<(), Refused> {
        let (reply, answer) = oneshot::channel();
        let message = Message::Order {
            pool: pool.to_owned(),
            backend: backend.to_owned(),
            order,
            reply,
        };
        self.messages.blocking_send(message).map_err(|_| Refused::Stopping)?;
        answer.blocking_recv().map_err(|_| Refused::Stopping)?
    }

    /// Adds a backend at run time.
    pub async fn add(&self, pool: &str, backend: Backend) -> Result<(), Refused> {
        let pool = pool.to_owned();
        self.ask(|reply| Message::Add { pool, backend, reply }).await?
    }

    /// Removes a backend; it finishes what it has.
    pub async fn remove(&self, pool: &str, backend: &str) -> Result<(), Refused> {
        let (pool, backend) = (pool.to_owned(), backend.to_owned());
        self.ask(|reply| Message::Remove { pool, backend, reply }).await?
    }

    /// What must survive a restart.
    pub(crate) async fn saved(&self) -> Result<Vec<Kept>, Refused> {
        self.ask(|reply| Message::Saved { reply }).await
    }

    /// State changes from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Happening>> {
        self.happenings.subscribe()
    }

    /// Tells every subscriber.
    pub(crate) fn announce(&self, happening: Happening) {
        // Without subscribers nobody misses it.
        let _ = self.happenings.send(Arc::new(happening));
    }

    /// Something that must survive a restart has changed since this was last awaited.
    pub(crate) async fn dirty(&self) {
        self.dirty.notified().await;
    }

    /// The pools as they are now, in the order of the configuration.
    pub(crate) fn published(&self) -> Arc<Vec<Published>> {
        self.published.load_full()
    }

    /// The newest View of a pool.
    pub fn view(&self, pool: &str) -> Result<Arc<View>, Refused> {
        let published = self.published();
        match published.iter().find(|published| &*published.pool.name == pool) {
            Some(published) => Ok(Arc::clone(&published.shared.load())),
            None => Err(unknown_pool(&published)),
        }
    }

    /// Waits until the last request to a backend has ended; false if `limit` passed first.
    pub async fn wait_drained(&self, pool: &str, backend: &str, limit: Duration) -> Result<bool, Refused> {
        let view = self.view(pool)?;
        let load = view.named(backend).ok_or_else(|| unknown_backend(&view))?.load.clone();
        let mut empty = 0;
        Ok(wait_for(limit, || {
            empty = if load.in_flight() == 0 { empty + 1 } else { 0 };
            empty >= EMPTY_LOOKS
        })
        .await)
    }

    /// Waits until a backend may have traffic; false if `limit` passed first.
    pub async fn wait_usable(&self, pool: &str, backend: &str, limit: Duration) -> Result<bool, Refused> {
        let view = self.view(pool)?;
        view.named(backend).ok_or_else(|| unknown_backend(&view))?;
        Ok(wait_for(limit, || {
            self.view(pool)
                .is_ok_and(|view| view.named(backend).is_some_and(|member| member.usable))
        })
        .await)
    }

    async fn ask<T>(&self, message: impl FnOnce(oneshot::Sender<T>) -> Message) -> Result<T, Refused> {
        let (reply, answer) = oneshot::channel();
        self.messages
            .send(message(reply))
            .await
            .map_err(|_| Refused::Stopping)?;
        answer.await.map_err(|_| Refused::Stopping)
    }
}

/// Waits until every backend of these pools that is checked has had its first verdict; false if `limit` passed first.
pub(crate) async fn wait_probed(pools: &[Arc<Shared>], limit: Duration) -> bool {
    wait_for(limit, || {
        pools.iter().all(|pool| pool.load().members.iter().all(is_proven))
    })
    .await
}

fn is_proven(member: &Member) -> bool {
    use evenkeel_model::AdminState;
    use evenkeel_pool::Health;
    let asked = match member.admin {
        AdminState::Ready | AdminState::Drain => true,
        AdminState::Maintain => false,
    };
    let unknown = match member.health {
        Health::Unproven => member.load.probes().last_at().is_none(),
        Health::Up | Health::Down => false,
    };
    !(asked && unknown)
}

async fn wait_for(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + limit;
    loop {
        if condition() {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn unknown_pool(published: &[Published]) -> Refused {
    Refused::UnknownPool(
        published
            .iter()
            .map(|published| published.pool.name.to_string())
            .collect(),
    )
}

fn unknown_backend(view: &View) -> Refused {
    let there = view.members.iter().filter(|member| !member.leaving);
    Refused::UnknownBackend(there.map(|member| member.name.to_string()).collect())
}

/// Now, for tokio's timers; far away for what never comes.
fn timer(moment: evenkeel_model::Moment) -> Instant {
    /// Longer than any check's interval; a timer that rings for nothing once an hour costs nothing.
    const FAR: Duration = Duration::from_secs(3600);
    let far = Instant::now() + FAR;
    clock::instant(moment).map_or(far, |at| Instant::from_std(at).min(far))
}
