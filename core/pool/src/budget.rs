use evenkeel_model::Moment;

/// Retries a second that are always allowed, so that a quiet pool may retry at all.
const FLOOR_PER_SECOND: f64 = 10.0;
/// Most retries that can be saved up by a calm pool, in seconds of its own traffic: a burst must not double the load.
const SAVED_SECONDS: f64 = 10.0;

/// How many retries a worker may still make: each request earns a share of one, time earns the floor.
#[derive(Debug)]
pub(crate) struct Budget {
    /// Earned by requests.
    earned: f64,
    /// Earned by time.
    floor: f64,
    /// Requests a second, smoothed, for the bound on what can be saved.
    rate: f64,
    last: Moment,
}

impl Budget {
    pub(crate) fn new() -> Budget {
        Budget {
            earned: 0.0,
            floor: FLOOR_PER_SECOND,
            rate: 0.0,
            last: Moment::ZERO,
        }
    }

    /// A request came (not a retry).
    pub(crate) fn earn(&mut self, share: f64) {
        self.rate += 1.0;
        let most = (self.rate * share).max(1.0);
        self.earned = (self.earned + share).min(most);
    }

    /// Whether one more retry is within the budget; if so it is spent.
    pub(crate) fn spend(&mut self, now: Moment) -> bool {
        self.pass(now);
        if self.earned >= 1.0 {
            self.earned -= 1.0;
            return true;
        }
        if self.floor >= 1.0 {
            self.floor -= 1.0;
            return true;
        }
        false
    }

    fn pass(&mut self, now: Moment) {
        let passed = now.since(self.last).as_secs_f64();
        self.last = now;
        self.floor = (self.floor + passed * FLOOR_PER_SECOND).min(FLOOR_PER_SECOND);
        // What requests earned fades, so that a quiet hour does not save up a storm.
        let keep = (-passed / SAVED_SECONDS).exp();
        self.rate *= keep;
        self.earned *= keep;
    }
}
