//! Requests a second over a shorter time than status has: a picture must show at once that a backend is dead.

use evenkeel_control::status::Status;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Over which the mean is taken.
const WINDOW: Duration = Duration::from_millis(1500);

/// Counts of the last moments, newest last.
#[derive(Default)]
pub(super) struct Recent(VecDeque<(Instant, Vec<u64>)>);

impl Recent {
    /// Takes the counts, and puts the rates of the last moments into the status.
    pub(super) fn apply(&mut self, status: &mut Status, now: Instant) {
        let backends = || status.pools.iter().flat_map(|pool| &pool.backends);
        self.0
            .push_back((now, backends().map(|backend| backend.requests).collect()));
        while self.0.len() > 2 && self.0.get(1).is_some_and(|(at, _)| now.duration_since(*at) >= WINDOW) {
            self.0.pop_front();
        }
        let Some((since, before)) = self.0.front() else { return };
        let seconds = now.duration_since(*since).as_secs_f64();
        let backends = status.pools.iter_mut().flat_map(|pool| &mut pool.backends);
        for (backend, before) in backends.zip(before) {
            let count = backend.requests.saturating_sub(*before) as f64;
            backend.rate = if seconds > 0.0 { count / seconds } else { 0.0 };
        }
    }
}
