use crate::BackendId;
use evenkeel_model::{AdminState, Backend, BackendAddress, Check, Name, Pool};
use std::sync::Arc;
use std::time::Duration;

/// Longest reason of a failed probe that is kept, in bytes: it is shown in a table.
pub(super) const REASON_MAX: usize = 200;

/// A probe's number in its pool's heart: never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProbeId(pub u64);

/// What the heart is told.
// Reloads are rare and an event is moved once: boxing the pool would only burden those who write it.
#[allow(clippy::large_enum_variant)]
#[derive(Debug, Clone)]
pub enum Event {
    /// A reload: the pool is this now. Backends whose address stays keep id, health and load; what the operator
    /// decided at run time stays unless the file's own value changed.
    Configure(Pool),
    /// A probe ended.
    Probed {
        /// Whose.
        backend: BackendId,
        /// Which; a number that is not expected any more is ignored.
        probe: ProbeId,
        /// How.
        verdict: Verdict,
    },
    /// The alarm rang: failure counters moved.
    Traffic,
    /// The operator decided.
    Operator {
        /// About whom.
        backend: BackendId,
        /// What.
        order: Order,
    },
    /// A backend that is not in the file joins; nothing happens if its address is there already or the pool is full.
    Add(Backend),
    /// A backend leaves: it finishes what it has.
    Remove(BackendId),
}

/// What the operator wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// This state.
    State(AdminState),
    /// This weight, 0 ..= 1000.
    Weight(u32),
}

/// How a probe ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// As expected.
    Pass {
        /// How long it took.
        took: Duration,
    },
    /// Not as expected.
    Fail {
        /// Why, in a few words; cut at 200 bytes.
        reason: String,
    },
}

/// What the heart wants done.
#[derive(Debug, Clone)]
pub enum Command {
    /// Probe a backend and say how it ended.
    Probe {
        /// Whom.
        backend: BackendId,
        /// The number to answer with.
        probe: ProbeId,
        /// How people call it.
        name: Name,
        /// Where it is.
        address: BackendAddress,
        /// What to ask.
        check: Arc<Check>,
    },
    /// Something changed: for a log line and the event stream.
    Changed(Change),
}

/// A change of a backend's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Whose.
    pub backend: BackendId,
    /// How people call it.
    pub name: Name,
    /// The state before: of health `unproven`, `up`, `down`, `ejected`; of the operator `ready`, `drain`, `maintain`; of
    /// membership `new`, `joined`, `leaving`; `weight` for a new weight, which `why` tells.
    pub from: &'static str,
    /// The state now.
    pub to: &'static str,
    /// One short sentence.
    pub why: String,
}
