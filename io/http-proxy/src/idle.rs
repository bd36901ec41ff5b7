//! Idle connections to the backends of one pool, on one worker.

use crate::conduit::Conduit;
use evenkeel_model::Moment;
use evenkeel_pool::BackendId;
use std::collections::HashMap;
use std::time::Duration;

/// Idle connections kept to one backend by one worker; the oldest goes first. More than any worker can have in use
/// to one backend in a burst costs only descriptors.
const IDLE_PER_BACKEND: usize = 1024;

struct Idle {
    conduit: Conduit,
    since: Moment,
}

/// Stacks of idle connections: the one used last is used next, so that the surplus grows old.
#[derive(Default)]
pub(crate) struct IdleConnections {
    stacks: HashMap<BackendId, Vec<Idle>, foldhash::fast::RandomState>,
    closed: bool,
}

impl IdleConnections {
    /// An idle connection to `backend` on which nothing has happened. `surely` asks the kernel too: for requests
    /// that must not be sent twice.
    pub(crate) fn take(&mut self, backend: BackendId, surely: bool) -> Option<Conduit> {
        let stack = self.stacks.get_mut(&backend)?;
        while let Some(idle) = stack.pop() {
            if idle.conduit.may_read() || idle.conduit.is_gone() || (surely && !idle.conduit.is_quiet()) {
                continue;
            }
            idle.conduit.adopt();
            return Some(idle.conduit);
        }
        None
    }

    pub(crate) fn give(&mut self, backend: BackendId, conduit: Conduit, now: Moment) {
        if self.closed {
            return;
        }
        conduit.release();
        let stack = self.stacks.entry(backend).or_default();
        if stack.len() >= IDLE_PER_BACKEND {
            stack.remove(0);
        }
        stack.push(Idle { conduit, since: now });
    }

    /// Closes what has been idle for longer than `limit`, what its other side ended, and what leads to a backend
    /// that is no more.
    pub(crate) fn sweep(&mut self, now: Moment, limit: Duration, keep: impl Fn(BackendId) -> bool) {
        self.stacks.retain(|backend, stack| {
            if !keep(*backend) {
                return false;
            }
            stack.retain(|idle| now.since(idle.since) < limit && !idle.conduit.may_read() && !idle.conduit.is_gone());
            !stack.is_empty()
        });
    }

    /// The pool is no more: nobody will look after what is idle, so nothing is kept.
    pub(crate) fn close(&mut self) {
        self.closed = true;
        self.clear();
    }

    pub(crate) fn clear(&mut self) {
        self.stacks.clear();
    }
}
