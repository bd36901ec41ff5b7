//! Runs the probes that hearts ask for, a bounded number at once.

use evenkeel_model::{BackendAddress, Check, Pool, PoolProtocol};
use evenkeel_pool::{BackendId, ProbeId, Verdict};
use evenkeel_probe::Manner;
use evenkeel_tls::ClientTls;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use tokio::task::{Id, JoinSet};

/// Probes that run at once, over all pools; the others wait their turn. Each needs a socket and a few KiB.
const AT_ONCE: usize = 256;

/// Whose probe it is: a heart that has gone never gets the verdict of its successor's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asker {
    pub(super) heart: u64,
    pub(super) backend: BackendId,
    pub(super) probe: ProbeId,
}

/// One probe to run.
pub(super) struct Job {
    pub(super) asker: Asker,
    pub(super) address: BackendAddress,
    pub(super) check: Arc<Check>,
    pub(super) manner: Manner,
}

/// Those that run and those that wait. A heart has at most one probe of a backend under way, which bounds both.
#[derive(Default)]
pub(super) struct Probes {
    running: JoinSet<Verdict>,
    askers: HashMap<Id, Asker>,
    waiting: VecDeque<Job>,
}

impl Probes {
    pub(super) fn push(&mut self, job: Job) {
        self.waiting.push_back(job);
        self.fill();
    }

    /// The next verdict; waits for ever while nothing runs.
    pub(super) async fn next(&mut self) -> (Asker, Verdict) {
        loop {
            let (id, verdict) = match self.running.join_next_with_id().await {
                None => std::future::pending().await,
                Some(Ok((id, verdict))) => (id, verdict),
                Some(Err(error)) => (error.id(), crashed()),
            };
            self.fill();
            if let Some(asker) = self.askers.remove(&id) {
                return (asker, verdict);
            }
        }
    }

    fn fill(&mut self) {
        while self.running.len() < AT_ONCE {
            let Some(job) = self.waiting.pop_front() else { return };
            let handle = self.running.spawn(run(job.address, job.check, job.manner));
            self.askers.insert(handle.id(), job.asker);
        }
    }
}

/// As the pool's traffic is spoken.
pub(super) fn manner(pool: &Pool, tls: Option<&Arc<ClientTls>>, address: &BackendAddress) -> Manner {
    Manner {
        tls: tls.map(|tls| tls.config(address)),
        h2: pool.protocol == PoolProtocol::H2,
    }
}

/// An http check that names no host says the backend's address.
async fn run(address: BackendAddress, check: Arc<Check>, manner: Manner) -> Verdict {
    let (verdict, took) = evenkeel_probe::probe(&address, &check, &address.to_string(), &manner).await;
    match verdict {
        evenkeel_check::Verdict::Pass => Verdict::Pass { took },
        evenkeel_check::Verdict::Fail(reason) => Verdict::Fail { reason },
    }
}

fn crashed() -> Verdict {
    Verdict::Fail {
        reason: "the probe itself broke off; this is a fault of Evenkeel".to_owned(),
    }
}
