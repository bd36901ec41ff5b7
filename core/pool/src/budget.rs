use evenkeel_model::Moment;
use std::time::Duration;

/// Retries a second that each worker may always make, so that a quiet pool may retry at all.
const FLOOR_PER_SECOND: f64 = 10.0;
/// Most retries that a calm time saves up, in seconds of the pool's own traffic: enough for everything that was under
/// way at a backend that dies, and no more.
const SAVED_SECONDS: f64 = 10.0;
/// How often the traffic is measured.
const MEASURE: Duration = Duration::from_secs(1);

/// How many retries a worker may still make: each request earns a share of one, time earns the floor.
#[derive(Debug)]
pub(crate) struct Budget {
    /// Earned by requests.
    earned: f64,
    /// Most that may be earned.
    most: f64,
    /// Requests since `measured`.
    requests: f64,
    measured: Moment,
    /// Earned by time.
    floor: f64,
    last: Moment,
}

impl Budget {
    pub(crate) fn new() -> Budget {
        Budget {
            earned: 0.0,
            most: FLOOR_PER_SECOND,
            requests: 0.0,
            measured: Moment::ZERO,
            floor: FLOOR_PER_SECOND,
            last: Moment::ZERO,
        }
    }

    /// A request came (not a retry).
    pub(crate) fn earn(&mut self, share: f64, now: Moment) {
        self.requests += 1.0;
        let passed = now.since(self.measured);
        if passed >= MEASURE {
            let saved = self.requests / passed.as_secs_f64() * share * SAVED_SECONDS;
            // Traffic that ebbs takes what it had earned along, by and by.
            self.most = saved.max(self.most / 2.0);
            self.requests = 0.0;
            self.measured = now;
        }
        self.earned = (self.earned + share).min(self.most);
    }

    /// Whether one more retry is within the budget; if so it is spent.
    pub(crate) fn spend(&mut self, now: Moment) -> bool {
        let passed = now.since(self.last).as_secs_f64();
        self.last = now;
        self.floor = (self.floor + passed * FLOOR_PER_SECOND).min(FLOOR_PER_SECOND);
        for purse in [&mut self.earned, &mut self.floor] {
            if *purse >= 1.0 {
                *purse -= 1.0;
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Moment {
        Moment::ZERO + Duration::from_millis(millis)
    }

    #[test]
    fn retries_are_a_share_of_requests_and_a_floor() {
        let mut budget = Budget::new();
        let mut retries = 0;
        for millis in 0..60_000 {
            budget.earn(0.2, at(millis));
            // Everything fails and wants to be tried again.
            retries += u32::from(budget.spend(at(millis)));
        }
        // A fifth of 60,000, ten a second, and what the floor held at the beginning.
        assert!((12_500..=12_620).contains(&retries), "{retries}");
    }

    #[test]
    fn a_quiet_pool_may_retry_and_a_storm_may_not() {
        let mut budget = Budget::new();
        assert_eq!((0..100).filter(|_| budget.spend(at(3_600_000))).count(), 10);
        assert!(!budget.spend(at(3_600_050)));
        assert!(budget.spend(at(3_600_151)));
    }

    #[test]
    fn a_calm_hour_saves_up_ten_seconds() {
        let mut budget = Budget::new();
        for millis in 0..3_600_000 {
            budget.earn(0.2, at(millis));
        }
        let burst = (0..10_000).filter(|_| budget.spend(at(3_600_000))).count();
        assert!((2000..=2020).contains(&burst), "{burst}");
    }
}
