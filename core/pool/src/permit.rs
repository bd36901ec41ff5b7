use crate::balance::estimate;
use crate::{BackendId, Load};
use evenkeel_model::Moment;
use std::sync::Arc;

/// How a backend failed a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Failure {
    /// The connection was refused or unreachable.
    Connect,
    /// The connection was not accepted in time.
    ConnectTimeout,
    /// The connection ended before the answer was whole.
    Reset,
    /// The answer did not begin, or go on, in time.
    ResponseTimeout,
    /// What came was no valid answer.
    BadResponse,
    /// A 5xx status that the route retries on.
    Status,
}

impl Failure {
    fn connecting(self) -> bool {
        match self {
            Failure::Connect | Failure::ConnectTimeout => true,
            Failure::Reset | Failure::ResponseTimeout | Failure::BadResponse | Failure::Status => false,
        }
    }
}

/// How a request came to its backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Stay {
    /// Its client is not known by anything.
    #[default]
    Free,
    /// Its client is known and had no backend in the pool: this is the one from now on.
    New,
    /// This is its client's backend.
    Home,
    /// Its client's backend may not be used now, or is full, or failed just now: this is another one, for this time.
    Away,
}

/// The right to use one backend once. Dropping it gives the place back, whatever happened, and calls the next in line.
#[derive(Debug)]
#[must_use = "dropping a permit gives the place back"]
pub struct Permit {
    load: Arc<Load>,
    id: BackendId,
    index: u16,
    started: Moment,
    /// How many were unanswered at the backend when it started, this one included.
    beside: u32,
    unanswered: bool,
    failed: bool,
    stay: Stay,
    /// Of a backend that is no candidate.
    apart: bool,
}

impl Permit {
    pub(crate) fn new(load: Arc<Load>, id: BackendId, index: u16, started: Moment, beside: u32) -> Permit {
        Permit {
            load,
            id,
            index,
            started,
            beside,
            unanswered: true,
            failed: false,
            stay: Stay::Free,
            apart: false,
        }
    }

    /// `candidate`: whether the backend is one.
    pub(crate) fn staying(self, stay: Stay, candidate: bool) -> Permit {
        // Field by field would move out of what has a Drop.
        let mut permit = self;
        permit.stay = stay;
        permit.apart = !candidate;
        permit
    }

    pub(crate) fn is_apart(&self) -> bool {
        self.apart
    }

    pub(crate) fn is_of(&self, load: &Arc<Load>) -> bool {
        Arc::ptr_eq(&self.load, load)
    }

    /// How the request came to this backend.
    pub fn stay(&self) -> Stay {
        self.stay
    }

    /// Whose.
    pub fn id(&self) -> BackendId {
        self.id
    }

    /// Its index in the View it was chosen from.
    pub fn index(&self) -> usize {
        usize::from(self.index)
    }

    /// When it was given.
    pub fn started(&self) -> Moment {
        self.started
    }

    /// The head of the answer came: a latency sample and a success. Only the first call counts.
    pub fn answered(&mut self, now: Moment) {
        if std::mem::replace(&mut self.unanswered, false) {
            let sample = now.since(self.started);
            self.load
                .answer(estimate::after(&self.load, sample, self.beside, now), now);
        }
    }

    /// The backend failed this request, before or after its answer began: counts for ejection, and makes the backend
    /// look slower. Only the first call counts.
    pub fn failed(&mut self, failure: Failure, _now: Moment) {
        if !std::mem::replace(&mut self.failed, true) {
            self.load.fail(failure.connecting());
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.load.leave(self.unanswered);
    }
}
