use evenkeel_model::Moment;
use std::time::Duration;

/// Bytes a second below which a client counts as stuck, not slow: a stream of small messages manages more, and a drip
/// that only wants to keep a connection would have to cost its sender something.
const BYTES_PER_SECOND: f64 = 64.0;

/// How long a client is waited for. It has a window to move enough bytes in; one that did gets the next, so a large
/// body may take as long as it needs, and a drip of single bytes does not keep a connection for ever.
#[derive(Debug)]
pub(crate) struct Patience {
    window: Duration,
    since: Moment,
    bytes: u64,
    waiting: bool,
}

impl Patience {
    pub(crate) fn new(window: Duration) -> Patience {
        Patience {
            window,
            since: Moment::ZERO,
            bytes: 0,
            waiting: false,
        }
    }

    pub(crate) fn moved(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
    }

    /// The client is not what is waited for: the next window begins when it is.
    pub(crate) fn rest(&mut self) {
        self.waiting = false;
    }

    /// The client is waited for: until when. A moment that has passed means that it has had its chance.
    pub(crate) fn deadline(&mut self, now: Moment) -> Moment {
        if !self.waiting {
            self.waiting = true;
            self.since = now;
            self.bytes = 0;
        }
        let deadline = self.since + self.window;
        let enough = (BYTES_PER_SECOND * self.window.as_secs_f64()) as u64;
        if now < deadline || self.bytes < enough.max(1) {
            return deadline;
        }
        self.since = now;
        self.bytes = 0;
        now + self.window
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Moment {
        Moment::ZERO + Duration::from_secs(seconds)
    }

    #[test]
    fn a_drip_is_cut_and_an_honest_slow_client_is_not() {
        let mut drip = Patience::new(Duration::from_secs(10));
        let mut honest = Patience::new(Duration::from_secs(10));
        for second in 0..100 {
            drip.moved(1);
            honest.moved(2000);
            assert!(honest.deadline(seconds(second)) > seconds(second));
            let cut = drip.deadline(seconds(second)) <= seconds(second);
            assert_eq!(cut, second >= 10, "at {second} s");
        }
    }

    #[test]
    fn waiting_for_somebody_else_costs_the_client_nothing() {
        let mut patience = Patience::new(Duration::from_secs(10));
        patience.deadline(seconds(0));
        patience.rest();
        assert_eq!(patience.deadline(seconds(500)), seconds(510));
    }
}
