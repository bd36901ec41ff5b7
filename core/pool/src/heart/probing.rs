use super::backend::Backend;
use super::warmup::Warmup;
use super::{Change, Command, Heart, ProbeId, Verdict, command::REASON_MAX};
use crate::dice::Dice;
use crate::{BackendId, Health};
use evenkeel_model::{AdminState, Check, Moment};
use std::sync::Arc;
use std::time::Duration;

/// How long after its own timeout a probe without a verdict counts as failed: whoever runs it lost it.
const VERDICT_GRACE: Duration = Duration::from_secs(1);
/// While a verdict is undecided probes come at this part of `every` ...
const DOUBT_DIVISOR: u32 = 4;
/// ... but not faster than this, to spare a backend that is in trouble ...
const DOUBT_LEAST: Duration = Duration::from_millis(100);
/// ... and not slower than this.
const DOUBT_MOST: Duration = Duration::from_secs(1);
/// Between the end of a probe and the next: one that took longer than `every` must not follow itself at once.
const PAUSE_LEAST: Duration = Duration::from_millis(20);
/// Traffic that cannot connect makes the next probe immediate, at most this often for one backend.
const HURRY_EVERY: Duration = Duration::from_millis(100);

/// Where a backend's probing stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Probing {
    /// Not probed: no check, in maintenance, leaving.
    Off,
    /// The next probe begins then.
    Due { at: Moment, last: Moment },
    /// A probe runs; without a verdict by then it has failed.
    Running {
        probe: ProbeId,
        since: Moment,
        until: Moment,
    },
}

impl Probing {
    pub(super) fn timeout(self) -> Moment {
        match self {
            Probing::Off => Moment::NEVER,
            Probing::Due { at, .. } => at,
            Probing::Running { until, .. } => until,
        }
    }
}

impl Heart {
    /// Begins to probe at once, or stops, as check and admin state demand. Verdicts of a running probe are not
    /// wanted any more.
    pub(super) fn restart_probing(&mut self, index: usize, now: Moment) {
        let backend = &mut self.backends[index];
        if self.pool.check.is_none() {
            backend.probing = Probing::Off;
            backend.proven = true;
            backend.forget_verdicts();
            if backend.health != Health::Up {
                self.come_up(index, now);
            }
            return;
        }
        backend.probing = match backend.admin {
            AdminState::Maintain => Probing::Off,
            AdminState::Ready | AdminState::Drain => Probing::Due {
                at: now,
                last: Moment::ZERO,
            },
        };
        self.time_probe(index, now);
    }

    /// Starts the probe that is due, or fails the one that has no verdict in time.
    pub(super) fn time_probe(&mut self, index: usize, now: Moment) {
        match self.backends[index].probing {
            Probing::Due { at, .. } if at <= now => self.start_probe(index, now),
            Probing::Running { until, .. } if until <= now => self.judge(index, Err("no verdict in time"), now),
            Probing::Off | Probing::Due { .. } | Probing::Running { .. } => {}
        }
    }

    fn start_probe(&mut self, index: usize, now: Moment) {
        let Some(check) = self.check.clone() else {
            return;
        };
        let probe = ProbeId(self.next_probe);
        self.next_probe += 1;
        let backend = &mut self.backends[index];
        backend.probing = Probing::Running {
            probe,
            since: now,
            until: now + check.timeout + VERDICT_GRACE,
        };
        let command = Command::Probe {
            backend: backend.id,
            probe,
            name: Arc::clone(&backend.spec.name),
            address: backend.spec.address.clone(),
            check,
        };
        self.command(command);
    }

    /// Whether this probe is the one that runs for this backend.
    pub(super) fn expects(&self, id: BackendId, probe: ProbeId) -> bool {
        self.find(id).is_some_and(|index| match self.backends[index].probing {
            Probing::Running { probe: expected, .. } => expected == probe,
            Probing::Off | Probing::Due { .. } => false,
        })
    }

    /// A verdict came.
    pub(super) fn probed(&mut self, id: BackendId, probe: ProbeId, verdict: &Verdict, now: Moment) {
        let Some(index) = self.find(id).filter(|_| self.expects(id, probe)) else {
            return;
        };
        match verdict {
            Verdict::Pass { took } => self.judge(index, Ok(*took), now),
            Verdict::Fail { reason } => self.judge(index, Err(cut(reason)), now),
        }
    }

    fn judge(&mut self, index: usize, verdict: Result<Duration, &str>, now: Moment) {
        let Some(check) = self.check.clone() else {
            return;
        };
        let backend = &mut self.backends[index];
        let since = match backend.probing {
            Probing::Running { since, .. } => since,
            Probing::Off | Probing::Due { .. } => now,
        };
        // An ordinary pass of one that is up changes nothing that a View shows.
        let ordinary = backend.health == Health::Up && backend.failures == 0 && !backend.remembered;
        self.changed |= verdict.is_err() || !ordinary;
        match verdict {
            Ok(took) => {
                backend.load.probes().pass(took, now);
                if backend.pass(&check) {
                    self.come_up(index, now);
                }
            }
            Err(reason) => {
                backend.load.probes().fail(now);
                if backend.fail(&check, reason) {
                    self.go_down(index);
                }
            }
        }
        let backend = &mut self.backends[index];
        let at = backend.next_probe(&check, since, now, &mut self.dice);
        backend.probing = Probing::Due { at, last: since };
    }

    fn come_up(&mut self, index: usize, now: Moment) {
        let checked = self.pool.check.is_some();
        let rise = self.pool.check.as_ref().map_or(1, |check| check.rise);
        let backend = &mut self.backends[index];
        if backend.health == Health::Down {
            // Checks saw it fall and return: what traffic thought of the one before says nothing about this one.
            backend.ejection.end(now);
        }
        let from = backend.health.as_str();
        backend.health = Health::Up;
        backend.proven = true;
        backend.doubts = 0;
        backend.failures = 0;
        backend.warmup = Warmup::begin(self.pool.warmup, now);
        backend.load.forget_speed();
        let why = backend.why(checked, rise).to_string();
        let change = backend.change(from, "up", why);
        self.tell(change);
    }

    fn go_down(&mut self, index: usize) {
        let backend = &mut self.backends[index];
        let from = backend.health.as_str();
        backend.health = Health::Down;
        backend.doubts = 0;
        let why = backend.down_why().to_string();
        let change = backend.change(from, "down", why);
        self.tell(change);
    }

    /// Traffic could not connect: what does a check say, now?
    pub(super) fn hurry_probe(&mut self, index: usize, now: Moment) {
        let backend = &mut self.backends[index];
        if let Probing::Due { at, last } = backend.probing {
            let soonest = (last + HURRY_EVERY).max(now);
            backend.probing = Probing::Due {
                at: at.min(soonest),
                last,
            };
            self.time_probe(index, now);
        }
    }

    /// Something changed: the View must show it, and people hear of it.
    pub(super) fn tell(&mut self, change: Change) {
        self.changed = true;
        self.command(Command::Changed(change));
    }
}

impl Backend {
    /// A probe passed; whether that brings it up.
    fn pass(&mut self, check: &Check) -> bool {
        self.remembered = false;
        match self.health {
            Health::Up => {
                self.doubts = 0;
                self.failures = 0;
                false
            }
            Health::Unproven => true,
            Health::Down => {
                self.doubts += 1;
                // Never proven: like a newcomer, one is enough.
                !self.proven || self.doubts >= check.rise
            }
        }
    }

    /// A probe failed; whether that takes it down.
    fn fail(&mut self, check: &Check, reason: &str) -> bool {
        self.remembered = false;
        self.failures = self.failures.saturating_add(1);
        self.reason = reason.into();
        match self.health {
            Health::Up | Health::Unproven => {
                self.doubts += 1;
                self.doubts >= check.fall
            }
            Health::Down => {
                self.doubts = 0;
                false
            }
        }
    }

    pub(super) fn forget_verdicts(&mut self) {
        self.doubts = 0;
        self.failures = 0;
        self.remembered = false;
    }

    /// Sooner while the verdict is undecided. Counted from the last one's beginning and within 10 % of `every` either
    /// way, so that backends which begin together drift apart.
    fn next_probe(&self, check: &Check, since: Moment, now: Moment, dice: &mut Dice) -> Moment {
        let pause = if self.doubts > 0 {
            (check.every / DOUBT_DIVISOR)
                .clamp(DOUBT_LEAST, DOUBT_MOST)
                .min(check.every)
        } else if self.load.probes().passed() + self.load.probes().failed() == 1 {
            // The first pause is drawn from the whole, which spreads backends that joined together.
            check.every.mul_f32(0.1 + 0.9 * dice.fraction())
        } else {
            check.every.mul_f32(0.9 + 0.2 * dice.fraction())
        };
        (since + pause).max(now + PAUSE_LEAST)
    }

    pub(super) fn change(&self, from: &'static str, to: &'static str, why: String) -> Change {
        Change {
            backend: self.id,
            name: Arc::clone(&self.spec.name),
            from,
            to,
            why,
        }
    }
}

/// At most so many bytes, cut at a character.
fn cut(reason: &str) -> &str {
    &reason[..reason.floor_char_boundary(REASON_MAX)]
}
