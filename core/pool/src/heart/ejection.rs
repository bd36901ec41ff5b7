use super::Heart;
use super::backend::Backend;
use crate::{Health, Why};
use evenkeel_model::{Eject, Moment};
use std::collections::VecDeque;
use std::time::Duration;

/// Longest ejection, in times of the configured duration.
const GROWTH_MAX: u32 = 10;
/// Most looks at a backend's counters that are remembered within a window; beyond, the oldest two become one.
const LOOKS_MAX: usize = 64;
/// Only a backend that fails at least this share of its requests is ejected: a busy and healthy one also reaches a
/// number of errors in a window.
const SHARE_LEAST: f64 = 0.05;
/// Somebody else must fail at most this part of its share: where everything fails alike the backend is not to blame.
const OTHERS_SHARE: f64 = 0.5;

/// What traffic says about a backend.
#[derive(Debug, Default)]
pub(super) struct Ejection {
    /// Left out until then.
    until: Option<Moment>,
    why: Option<Why>,
    /// Ejections in a row: the next one lasts so many times longer.
    times: u32,
    /// When the last one ended.
    ended: Moment,
    /// Counters at the last look.
    seen: Counters,
    /// What was new at each look within the window.
    looks: VecDeque<(Moment, Counters)>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Counters {
    failures: u64,
    successes: u64,
}

impl Counters {
    fn share(self) -> f64 {
        let all = self.failures + self.successes;
        if all == 0 {
            0.0
        } else {
            self.failures as f64 / all as f64
        }
    }
}

impl Ejection {
    pub(super) fn active(&self) -> bool {
        self.until.is_some()
    }

    pub(super) fn timeout(&self) -> Moment {
        self.until.unwrap_or(Moment::NEVER)
    }

    pub(super) fn why(&self) -> Option<Why> {
        self.why.clone()
    }

    fn look(&mut self, counters: Counters, window: Duration, now: Moment) {
        let fresh = Counters {
            failures: counters.failures.saturating_sub(self.seen.failures),
            successes: counters.successes.saturating_sub(self.seen.successes),
        };
        self.seen = counters;
        while self.looks.front().is_some_and(|(at, _)| now.since(*at) > window) {
            self.looks.pop_front();
        }
        if fresh.failures + fresh.successes > 0 {
            if self.looks.len() >= LOOKS_MAX
                && let (Some(oldest), Some(next)) = (self.looks.pop_front(), self.looks.front_mut())
            {
                next.1.failures += oldest.1.failures;
                next.1.successes += oldest.1.successes;
            }
            self.looks.push_back((now, fresh));
        }
    }

    fn within_window(&self) -> Counters {
        self.looks.iter().fold(Counters::default(), |sum, (_, new)| Counters {
            failures: sum.failures + new.failures,
            successes: sum.successes + new.successes,
        })
    }

    fn begin(&mut self, eject: &Eject, failures: u64, now: Moment) {
        // A calm time as long as the longest ejection forgets what was.
        if now.since(self.ended) > eject.duration * GROWTH_MAX {
            self.times = 0;
        }
        let duration = eject.duration * (1 << self.times.min(4)).min(GROWTH_MAX);
        self.times += 1;
        self.until = Some(now + duration);
        self.why = Some(Why::Ejected {
            failures: u32::try_from(failures).unwrap_or(u32::MAX),
            window: eject.window,
            duration,
        });
        self.looks.clear();
    }

    /// It is over.
    pub(super) fn end(&mut self, now: Moment) {
        self.until = None;
        self.why = None;
        self.ended = now;
        self.looks.clear();
    }
}

impl Heart {
    /// Reads the failure counters, ejects whom traffic condemns, and asks checks about those that refuse connections.
    pub(super) fn look_at_traffic(&mut self, now: Moment) {
        self.alarm.answer();
        for index in 0..self.backends.len() {
            let backend = &mut self.backends[index];
            let refused = backend.load.connect_failures();
            if refused > backend.refusals {
                backend.refusals = refused;
                backend.refused(now);
                self.changed = true;
                self.hurry_probe(index, now);
            }
        }
        let Some(eject) = self.pool.eject else {
            return;
        };
        for backend in &mut self.backends {
            let counters = Counters {
                failures: backend.load.errors(),
                successes: backend.load.successes(),
            };
            backend.ejection.look(counters, eject.window, now);
        }
        for index in 0..self.backends.len() {
            if self.condemned(index, &eject) {
                self.eject(index, &eject, now);
            }
        }
    }

    fn condemned(&self, index: usize, eject: &Eject) -> bool {
        let backend = &self.backends[index];
        let own = backend.ejection.within_window();
        if !backend.usable() || own.failures < u64::from(eject.errors) || own.share() < SHARE_LEAST {
            return false;
        }
        let better = |other: &Backend| {
            other.id != backend.id
                && other.usable()
                && other.spec.backup == backend.spec.backup
                && other.ejection.within_window().share() <= own.share() * OTHERS_SHARE
        };
        let joined = self.backends.iter().filter(|backend| backend.ready());
        let ejected = joined.clone().filter(|backend| backend.ejection.active()).count();
        // At least one may go, however small the share, as long as somebody better stays.
        let most = (joined.count() as f64 * eject.max.0).floor().max(1.0);
        eject.max.0 > 0.0 && (ejected as f64) < most && self.backends.iter().any(better)
    }

    fn eject(&mut self, index: usize, eject: &Eject, now: Moment) {
        let backend = &mut self.backends[index];
        let failures = backend.ejection.within_window().failures;
        backend.ejection.begin(eject, failures, now);
        let why = backend.ejection.why().map(|why| why.to_string()).unwrap_or_default();
        let change = backend.change(Health::Up.as_str(), "ejected", why);
        self.tell(change);
    }

    /// Ends an ejection whose time is over, and takes the warmup a step further.
    pub(super) fn time_backend(&mut self, index: usize, now: Moment) {
        let backend = &mut self.backends[index];
        let before = backend.warmup;
        backend.warmup.pass(now);
        self.changed |= backend.warmup != before;
        if backend.refused_until.is_some_and(|until| until <= now) {
            backend.refused_until = None;
            self.changed = true;
        }
        if !backend.ejection.active() || backend.ejection.timeout() > now {
            return;
        }
        backend.ejection.end(now);
        backend.load.forget_speed();
        let change = backend.change("ejected", backend.health.as_str(), "its ejection is over".to_owned());
        self.tell(change);
    }
}
