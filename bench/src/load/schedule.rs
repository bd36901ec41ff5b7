//! When requests ought to be sent: the open loop's clock.

use std::time::{Duration, Instant};

use crate::origin::service::Dice;

/// Intervals between requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrivals {
    /// All equal.
    Even,
    /// Exponential, as many independent clients make them.
    Poisson,
}

/// The moments at which requests ought to be sent, whatever became of those before.
pub(crate) struct Schedule {
    next: Instant,
    interval: Duration,
    arrivals: Arrivals,
    dice: Dice,
}

impl Schedule {
    /// `rate` in requests per second, above zero.
    pub(crate) fn new(start: Instant, rate: f64, arrivals: Arrivals, seed: u64) -> Self {
        Self {
            next: start,
            interval: Duration::from_secs_f64(1.0 / rate),
            arrivals,
            dice: Dice::new(seed),
        }
    }

    pub(crate) fn next(&self) -> Instant {
        self.next
    }

    /// Takes the next moment if it has come.
    pub(crate) fn due(&mut self, now: Instant) -> Option<Instant> {
        if self.next > now {
            return None;
        }
        let due = self.next;
        self.next += match self.arrivals {
            Arrivals::Even => self.interval,
            Arrivals::Poisson => self.interval.mul_f64(self.dice.exponential()),
        };
        Some(due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_caller_gets_every_moment_that_was_missed() {
        let start = Instant::now();
        for (arrivals, tolerance) in [(Arrivals::Even, 1), (Arrivals::Poisson, 400)] {
            let mut schedule = Schedule::new(start, 1000.0, arrivals, 1);
            let mut count = 0_i64;
            while schedule.due(start + Duration::from_secs(10)).is_some() {
                count += 1;
            }
            assert!((count - 10_000).abs() <= tolerance, "{arrivals:?}: {count}");
            assert!(schedule.next() > start + Duration::from_secs(10));
        }
    }
}
