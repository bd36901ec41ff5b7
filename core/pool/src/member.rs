use crate::Load;
use evenkeel_model::{AdminState, BackendAddress, Name};
use std::sync::Arc;
use std::time::Duration;

/// A backend's number in its pool's heart: unique there, never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BackendId(pub u32);

/// The first axis: what checks say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Health {
    /// No check has passed yet: nothing may be sent there.
    Unproven,
    /// Checks pass.
    Up,
    /// Checks fail.
    Down,
}

impl Health {
    /// The word in status and events.
    pub fn as_str(self) -> &'static str {
        match self {
            Health::Unproven => "unproven",
            Health::Up => "up",
            Health::Down => "down",
        }
    }
}

/// The fourth axis: whether the backend belongs to the pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Membership {
    /// It does.
    Joined,
    /// It has been removed and only finishes what it has.
    Leaving,
}

/// The one function of the four axes: whether a backend may have new requests.
pub fn usable(health: Health, admin: AdminState, ejected: bool, membership: Membership) -> bool {
    health == Health::Up && admin == AdminState::Ready && !ejected && membership == Membership::Joined
}

/// Whether a backend may have requests of clients that belong to it: all that are usable, and drained ones that would
/// be.
pub fn keeps(health: Health, admin: AdminState, ejected: bool, membership: Membership) -> bool {
    let admin = match admin {
        AdminState::Ready | AdminState::Drain => AdminState::Ready,
        AdminState::Maintain => AdminState::Maintain,
    };
    usable(health, admin, ejected, membership)
}

/// Why a backend is in the state it is in; displays as one short sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// No check is configured.
    Unchecked,
    /// Its checks pass.
    ChecksPass,
    /// It was up before the restart.
    Remembered,
    /// The first probe has no verdict yet.
    NotProbedYet,
    /// Never passed, and this many probes in a row failed.
    NeverPassed {
        /// How many.
        failures: u32,
        /// The last one's reason.
        reason: Name,
    },
    /// So many probes in a row failed.
    ProbesFailed {
        /// How many.
        failures: u32,
        /// The last one's reason.
        reason: Name,
    },
    /// Was down, and so many probes of those needed passed since.
    Rising {
        /// Passed in a row.
        passed: u32,
        /// Needed.
        needed: u32,
    },
    /// The operator drains it.
    Drained,
    /// The operator took it out of service.
    Maintained,
    /// Traffic failed there.
    Ejected {
        /// How many requests failed.
        failures: u32,
        /// Within how long.
        window: Duration,
        /// How long it is left out.
        duration: Duration,
    },
    /// Its weight is 0.
    NoWeight,
    /// It has been removed and finishes what it has.
    Leaving,
}

impl std::fmt::Display for Why {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Why::Unchecked => formatter.write_str("not checked"),
            Why::ChecksPass => formatter.write_str("checks pass"),
            Why::Remembered => formatter.write_str("was up before the restart, not probed yet"),
            Why::NotProbedYet => formatter.write_str("not probed yet"),
            Why::NeverPassed { failures, reason } => {
                write!(formatter, "never passed, {} failed: {reason}", probes(*failures))
            }
            Why::ProbesFailed { failures, reason } => write!(formatter, "{} failed: {reason}", probes(*failures)),
            Why::Rising { passed, needed } => write!(formatter, "{passed} of {needed} probes passed since it was down"),
            Why::Drained => formatter.write_str("drained by the operator"),
            Why::Maintained => formatter.write_str("in maintenance by the operator"),
            Why::Ejected {
                failures,
                window,
                duration,
            } => write!(
                formatter,
                "ejected for {duration:?}: {failures} requests failed within {window:?}"
            ),
            Why::NoWeight => formatter.write_str("its weight is 0"),
            Why::Leaving => formatter.write_str("removed, finishes what it has"),
        }
    }
}

fn probes(count: u32) -> String {
    if count == 1 {
        "1 probe".to_owned()
    } else {
        format!("{count} probes")
    }
}

/// A backend as a View shows it.
#[derive(Debug, Clone)]
pub struct Member {
    /// Its number.
    pub id: BackendId,
    /// How people call it.
    pub name: Name,
    /// Where it is.
    pub address: BackendAddress,
    /// The operator's weight, 0 ..= 1000.
    pub weight: u32,
    /// Weight x 256, scaled down while it warms up; 0 only if the weight is 0.
    pub scaled_weight: u32,
    /// Most requests in flight; `u32::MAX` = no cap.
    pub cap: u32,
    /// Used only when no other backend is usable.
    pub backup: bool,
    /// The operator's word.
    pub admin: AdminState,
    /// What checks say.
    pub health: Health,
    /// Left out because traffic failed there.
    pub ejected: bool,
    /// Removed, finishing what it has.
    pub leaving: bool,
    /// Whether it may have new requests: the four axes, and a weight above 0.
    pub usable: bool,
    /// Whether it is among the View's candidates (usable, and backup and panic rules applied).
    pub candidate: bool,
    /// Whether clients that belong here may still come: usable, or it would be but for the operator's `drain`.
    pub keeps: bool,
    /// Made of its name, the same everywhere: which keys it draws.
    pub(crate) seed: u64,
    /// One short sentence.
    pub why: Why,
    /// The place it stands in.
    pub site: Option<Name>,
    /// What it carries.
    pub load: Arc<Load>,
}

impl Member {
    /// Whether clients that belong here may come: it keeps them, or it is used in a panic.
    pub fn takes_its_own(&self) -> bool {
        self.keeps || self.candidate
    }
}
