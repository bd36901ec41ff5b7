use super::LEAVING_EVERY;
use super::ejection::Ejection;
use super::probing::Probing;
use super::warmup::Warmup;
use crate::{BackendId, Health, Load, Membership, Why, keeps, usable};
use evenkeel_model::{AdminState, Backend as Spec, Moment, Name};
use std::sync::Arc;
use std::time::Duration;

/// How long a backend that refused a connection is left out of a panic in which others answer.
const REFUSED_FOR: Duration = Duration::from_secs(1);

/// What the heart knows of one backend.
#[derive(Debug)]
pub(super) struct Backend {
    pub(super) id: BackendId,
    /// As the file (or who added it) says.
    pub(super) spec: Spec,
    /// Not from the file.
    pub(super) added: bool,
    /// The operator's word now.
    pub(super) admin: AdminState,
    /// The operator's weight now.
    pub(super) weight: u32,
    pub(super) health: Health,
    /// Whether a check ever passed (or none is needed).
    pub(super) proven: bool,
    /// Verdicts in a row that disagree with `health` (for Up: failures; for Down: passes).
    pub(super) doubts: u32,
    /// Failures in a row.
    pub(super) failures: u32,
    pub(super) reason: Name,
    pub(super) remembered: bool,
    pub(super) probing: Probing,
    pub(super) ejection: Ejection,
    pub(super) warmup: Warmup,
    pub(super) membership: Membership,
    /// When to look whether a leaving one is gone.
    pub(super) look_at: Moment,
    /// Left out of panic until then: it refused connections.
    pub(super) refused_until: Option<Moment>,
    /// Connections that failed, at the last look.
    pub(super) refusals: u64,
    pub(super) load: Arc<Load>,
}

impl Backend {
    /// A newcomer: nothing is known.
    pub(super) fn new(id: BackendId, spec: Spec, load: Load) -> Backend {
        Backend {
            id,
            added: false,
            admin: spec.state,
            weight: spec.weight,
            spec,
            health: Health::Unproven,
            proven: false,
            doubts: 0,
            failures: 0,
            reason: "".into(),
            remembered: false,
            probing: Probing::Off,
            ejection: Ejection::default(),
            warmup: Warmup::Done,
            membership: Membership::Joined,
            look_at: Moment::NEVER,
            refused_until: None,
            refusals: 0,
            load: Arc::new(load),
        }
    }

    pub(super) fn usable(&self) -> bool {
        usable(self.health, self.admin, self.ejection.active(), self.membership) && self.weight > 0
    }

    /// Whether its own clients may still come.
    pub(super) fn keeps(&self) -> bool {
        keeps(self.health, self.admin, self.ejection.active(), self.membership) && self.weight > 0
    }

    /// Belongs to the pool and the operator lets it have traffic.
    pub(super) fn ready(&self) -> bool {
        self.membership == Membership::Joined && self.admin == AdminState::Ready && self.weight > 0
    }

    /// When something about this one is due.
    pub(super) fn timeout(&self) -> Moment {
        let refused = self.refused_until.unwrap_or(Moment::NEVER);
        let times = [
            self.probing.timeout(),
            self.ejection.timeout(),
            self.warmup.timeout(),
            self.look_at,
            refused,
        ];
        times.into_iter().min().unwrap_or(Moment::NEVER)
    }

    /// Traffic could not connect.
    pub(super) fn refused(&mut self, now: Moment) {
        self.refused_until = Some(now + REFUSED_FOR);
    }

    pub(super) fn down_why(&self) -> Why {
        let (failures, reason) = (self.failures, Arc::clone(&self.reason));
        if self.proven {
            Why::ProbesFailed { failures, reason }
        } else {
            Why::NeverPassed { failures, reason }
        }
    }

    pub(super) fn leave(&mut self, now: Moment) {
        self.membership = Membership::Leaving;
        self.probing = Probing::Off;
        self.look_at = now;
    }

    /// Whether a leaving one has ended its last request.
    pub(super) fn gone(&mut self, now: Moment) -> bool {
        if self.membership == Membership::Joined {
            return false;
        }
        if self.load.in_flight() == 0 {
            return true;
        }
        if self.look_at <= now {
            self.look_at = now + LEAVING_EVERY;
        }
        false
    }

    /// One reason for the state it is in; the strongest axis speaks.
    pub(super) fn why(&self, checked: bool, rise: u32) -> Why {
        if self.membership == Membership::Leaving {
            return Why::Leaving;
        }
        match self.admin {
            AdminState::Maintain => return Why::Maintained,
            AdminState::Drain => return Why::Drained,
            AdminState::Ready => {}
        }
        match self.health {
            Health::Unproven if self.failures == 0 => return Why::NotProbedYet,
            Health::Down if self.doubts > 0 => {
                return Why::Rising {
                    passed: self.doubts,
                    needed: rise,
                };
            }
            Health::Unproven | Health::Down => return self.down_why(),
            Health::Up => {}
        }
        if let Some(why) = self.ejection.why() {
            return why;
        }
        if self.weight == 0 {
            Why::NoWeight
        } else if !checked {
            Why::Unchecked
        } else if self.remembered {
            Why::Remembered
        } else if self.failures > 0 {
            Why::ProbesFailed {
                failures: self.failures,
                reason: Arc::clone(&self.reason),
            }
        } else {
            Why::ChecksPass
        }
    }
}
