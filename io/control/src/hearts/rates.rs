//! Requests a second of each backend, over the last seconds.

use evenkeel_pool::{BackendId, View};
use std::collections::{HashMap, VecDeque};
use tokio::time::Instant;

/// Samples kept, one a second: the mean is over this many seconds less one.
const SAMPLES: usize = 6;

/// Counts at the last seconds, newest last.
#[derive(Default)]
pub(super) struct Rates {
    samples: VecDeque<(Instant, HashMap<BackendId, u64>)>,
}

impl Rates {
    /// Takes a sample, and gives the rates of the backends that are in the View.
    pub(super) fn sample(&mut self, view: &View, now: Instant) -> HashMap<BackendId, f64> {
        let counts = view
            .members
            .iter()
            .map(|member| (member.id, member.load.requests()))
            .collect();
        self.samples.push_back((now, counts));
        while self.samples.len() > SAMPLES {
            self.samples.pop_front();
        }
        view.members
            .iter()
            .map(|member| (member.id, self.rate(member.id)))
            .collect()
    }

    fn rate(&self, id: BackendId) -> f64 {
        let mut known = self
            .samples
            .iter()
            .filter_map(|(at, counts)| Some((*at, *counts.get(&id)?)));
        let Some((first_at, first)) = known.next() else {
            return 0.0;
        };
        let Some((last_at, last)) = known.next_back() else {
            return 0.0;
        };
        let seconds = last_at.duration_since(first_at).as_secs_f64();
        if seconds > 0.0 {
            last.saturating_sub(first) as f64 / seconds
        } else {
            0.0
        }
    }
}
