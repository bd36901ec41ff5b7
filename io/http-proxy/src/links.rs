//! The connections to the backends of one pool that a request may use: those that all clients of a worker share, or, where
//! each begins with who the client is, those of this client alone.

use crate::conduit::Conduit;
use crate::idle::IdleConnections;
use crate::pool_side::PoolSide;
use crate::reach::{NoConnection, Reach, Speech};
use evenkeel_model::{BackendAddress, Moment};
use evenkeel_net::reactor;
use evenkeel_pool::BackendId;
use evenkeel_proxy_protocol::Told;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

/// Idle connections, HTTP/2 connections, and how to make another.
pub(crate) struct Links {
    idle: RefCell<IdleConnections>,
    reach: Reach,
}

impl Links {
    /// Those that clients share.
    pub(crate) fn new(speech: Speech) -> Links {
        Links {
            idle: RefCell::default(),
            reach: Reach::new(speech),
        }
    }

    /// A connection that stands, or a stream of one. `surely` asks the kernel too: for requests that must not be sent
    /// twice. `upgrade`: for a request that asks for one.
    pub(crate) fn take(&self, backend: BackendId, surely: bool, upgrade: bool) -> Option<Conduit> {
        match self.reach.stream(backend, upgrade) {
            Some(stream) => Some(Conduit::Stream(stream)),
            None => self.idle.borrow_mut().take(backend, surely),
        }
    }

    /// Keeps a connection for the next request. `upgrade`: it was made for a request that asked for one, and others are not
    /// to have less than what was agreed upon for them.
    pub(crate) fn give(&self, backend: BackendId, conduit: Conduit, now: Moment, upgrade: bool) {
        if self.reach.sets_apart(upgrade) {
            return;
        }
        self.idle.borrow_mut().give(backend, conduit, now);
    }

    /// A new connection until `deadline`, or a stream of one. `upgrade`: for a request that asks for one.
    ///
    /// # Errors
    /// See [`NoConnection`].
    pub(crate) async fn connect(
        &self,
        backend: BackendId,
        address: &BackendAddress,
        deadline: Moment,
        upgrade: bool,
    ) -> Result<Conduit, NoConnection> {
        self.reach.connect(backend, address, deadline, upgrade).await
    }

    /// Takes a new configuration of how backends are spoken to.
    pub(crate) fn change(&self, speech: Speech) {
        if self.reach.change(speech) {
            self.idle.borrow_mut().clear();
        }
    }

    /// The pool is no more.
    pub(crate) fn close(&self) {
        self.idle.borrow_mut().close();
        self.reach.close();
    }

    /// Closes what is held only to save time.
    pub(crate) fn clear_idle(&self) {
        self.idle.borrow_mut().clear();
    }

    /// Closes what has been idle for longer than `limit` or leads to a backend that is no more.
    pub(crate) fn sweep(&self, now: Moment, limit: Duration, keep: impl Fn(BackendId) -> bool) {
        self.idle.borrow_mut().sweep(now, limit, &keep);
        self.reach.sweep(keep);
    }
}

/// What one client's connection has of its own: connections that told a backend of this client and may serve no other.
/// They end with it.
#[derive(Default)]
pub(crate) struct OwnLinks {
    pools: RefCell<Vec<Own>>,
}

struct Own {
    pool: Rc<PoolSide>,
    links: Rc<Links>,
}

impl Drop for Own {
    fn drop(&mut self) {
        self.links.close();
    }
}

impl OwnLinks {
    /// Those for requests of this client to `pool`.
    pub(crate) fn of(&self, pool: &Rc<PoolSide>, told: &Told) -> Rc<Links> {
        if !pool.links.reach.introduces() {
            return pool.links.clone();
        }
        let mut pools = self.pools.borrow_mut();
        // What was made under another configuration says something else.
        pools.retain(|own| !Rc::ptr_eq(&own.pool, pool) || own.links.reach.speaks_as(&pool.links.reach));
        if let Some(own) = pools.iter().find(|own| Rc::ptr_eq(&own.pool, pool)) {
            let view = pool.view();
            let keep = |id: BackendId| view.member(id).is_some_and(|member| !member.leaving);
            own.links.sweep(reactor::now(), view.timeouts.idle, keep);
            return own.links.clone();
        }
        let links = Rc::new(Links {
            idle: RefCell::default(),
            reach: pool.links.reach.telling(*told),
        });
        pools.push(Own {
            pool: pool.clone(),
            links: links.clone(),
        });
        links
    }
}
