use super::{Algorithm, Field, LOOK_AT_ALL, SAMPLE};
use crate::dice::Dice;
use crate::{BackendId, Load, View};
use evenkeel_model::Moment;
use std::sync::Arc;
use std::time::Duration;

/// Expected times within this factor of the best count as equal: answers scatter, and chasing the luckiest estimate
/// would only send everybody to the same backend.
const BAND: f32 = 1.5;
/// One of whom little has been seen gets the benefit of the doubt: the mean of n answers is off by about one part in the
/// root of n. After so many it is known well enough.
const WELL_KNOWN: u32 = 64;
/// A silence of this many usual gaps between answers is nothing unusual; beyond it, it speaks against the backend.
const USUAL_GAPS: f32 = 2.0;
/// So many requests more than were seen to cost nothing may be tried: how else would it be learned that they do not.
const STRETCH: f32 = 1.0;
/// What each failure in a row does to the expected time. One alone leaves a backend among its equals, two do not.
const FAILURE_FACTOR: f32 = 1.25;
/// Failures in a row that are told apart: 35 times as long.
const FAILURES_MAX: u32 = 16;
/// One that was passed over for so long is tried again ...
const TRIAL_AFTER: Duration = Duration::from_secs(2);
/// ... but trials are at most one of so many choices of a worker, as they are expected to be slow ...
const TRIAL_EVERY: u32 = 64;
/// ... unless it was passed over for so long that nothing is known any more.
const TRIAL_LATEST: Duration = Duration::from_secs(60);

/// Least expected wait.
///
/// Of each candidate it is known how long answers took recently and how many requests were unanswered meanwhile (see
/// `estimate`). Up to that many, one more request costs nothing; beyond, each waits its turn. A backend that has been
/// silent for longer than usual while requests wait for it is expected to be silent for as long again. The candidates
/// whose expected time is about the best are equal, and the least busy of them is chosen.
#[derive(Debug, Default)]
pub(super) struct LeastLatency {
    /// The candidates, close together in memory.
    lanes: Vec<Lane>,
    /// Room for what is seen of them, kept between choices.
    looks: Vec<Look>,
    /// Choices since the last trial.
    since_trial: u32,
}

/// What a choice needs of a candidate.
#[derive(Debug)]
struct Lane {
    load: Arc<Load>,
    id: BackendId,
    cap: u32,
    /// How much one request weighs: more on a backend of less weight.
    burden: f32,
    index: u16,
}

/// What is seen of one candidate.
#[derive(Debug, Clone, Copy)]
struct Look {
    /// Expected time to an answer, in nanoseconds.
    expected: f32,
    /// Unanswered requests and unusual silence, per weight; a random part below one request breaks ties.
    busy: f32,
    index: u16,
    /// Up to how many times the best expected time it counts as equal.
    band: f32,
    /// Nothing is known of its speed yet: it gets one request at a time, as if it were as fast as the best.
    unknown: bool,
    /// For how long it was passed over, in nanoseconds; 0 = not long enough for a trial.
    overdue: u64,
}

impl Algorithm for LeastLatency {
    fn update(&mut self, view: &View) {
        let lane = |index: &u16| {
            let member = &view.members[usize::from(*index)];
            Lane {
                load: Arc::clone(&member.load),
                id: member.id,
                cap: member.cap,
                burden: 256.0 / member.scaled_weight.max(1) as f32,
                index: *index,
            }
        };
        self.lanes.clear();
        self.lanes.extend(view.candidates.iter().map(lane));
        self.looks.reserve(LOOK_AT_ALL);
    }

    fn pick(&mut self, field: &Field<'_>, dice: &mut Dice) -> Option<u16> {
        self.look_around(field, dice);
        self.since_trial = self.since_trial.saturating_add(1);
        if let Some(due) = self.looks.iter().max_by_key(|look| look.overdue)
            && (due.overdue > 0 && self.since_trial >= TRIAL_EVERY || due.overdue > nanos(TRIAL_LATEST))
        {
            self.since_trial = 0;
            return Some(due.index);
        }
        let chosen = least_busy_of_the_fast(&self.looks);
        // A sample of a large pool may have met only closed ones.
        chosen.or_else(|| field.view.candidates.iter().copied().find(|index| field.open(*index)))
    }
}

impl LeastLatency {
    fn look_around(&mut self, field: &Field<'_>, dice: &mut Dice) {
        self.looks.clear();
        let mut random = dice.next();
        let all = self.lanes.len() <= LOOK_AT_ALL;
        for place in 0..if all { self.lanes.len() } else { SAMPLE } {
            let lane = &self.lanes[if all { place } else { dice.below(self.lanes.len()) }];
            // Spread well enough for a tie, and far cheaper than fresh dice for each.
            random = random
                .wrapping_mul(0x5851_f42d_4c95_7f2d)
                .wrapping_add(0x1405_7b7e_f767_814f);
            if lane.open(field) {
                let tie = (random >> 40) as f32 / (1u64 << 24) as f32;
                self.looks.push(lane.look(tie, field.now));
            }
        }
    }
}

impl Lane {
    fn open(&self, field: &Field<'_>) -> bool {
        self.load.has_room(self.cap, field.first_in_line) && !field.avoid.contains(&self.id)
    }

    fn look(&self, tie: f32, now: Moment) -> Look {
        let estimate = self.load.estimate();
        let unanswered = self.load.places().unanswered as f32;
        let silence = if unanswered > 0.0 {
            passed(self.load.progress(), now)
        } else {
            0
        };
        let mut expected = estimate.latency;
        let mut busy = unanswered;
        if unanswered > estimate.breadth + STRETCH - 1.0 {
            expected *= (unanswered + 1.0) / (estimate.breadth + STRETCH);
        }
        // How many usual gaps between answers the silence is worth, times the latency: mostly spares a division.
        let gaps = silence as f32 * unanswered.min(estimate.breadth.max(1.0));
        if gaps > USUAL_GAPS * estimate.latency {
            busy += gaps / estimate.latency.max(1.0) - USUAL_GAPS;
            expected += silence as f32;
        }
        let failures = self.load.failures_in_a_row();
        if failures > 0 {
            expected *= FAILURE_FACTOR.powi(failures.min(FAILURES_MAX) as i32);
        }
        let passed_over = passed(self.load.chosen(), now);
        // One that hangs is tried less and less often.
        let due = passed_over > nanos(TRIAL_AFTER) && passed_over > (silence / 2).min(nanos(TRIAL_LATEST));
        Look {
            index: self.index,
            band: band(self.load.samples()),
            unknown: estimate.latency == 0.0,
            expected,
            busy: (busy + tie) * self.burden,
            overdue: if due { passed_over } else { 0 },
        }
    }
}

fn least_busy_of_the_fast(looks: &[Look]) -> Option<u16> {
    let known = looks.iter().filter(|look| !look.unknown);
    let best = known.map(|look| look.expected).fold(f32::INFINITY, f32::min);
    let fast = |look: &&Look| {
        if look.unknown {
            best.is_infinite() || look.expected == 0.0
        } else {
            look.expected <= best * look.band
        }
    };
    let fast = looks.iter().filter(fast);
    let least = fast.reduce(|least, look| if look.busy < least.busy { look } else { least });
    least.map(|look| look.index)
}

fn band(samples: u32) -> f32 {
    if samples >= WELL_KNOWN {
        return BAND;
    }
    BAND * (1.0 + 1.0 / (samples.max(1) as f32).sqrt())
}

fn passed(from: Moment, to: Moment) -> u64 {
    to.as_nanos().saturating_sub(from.as_nanos())
}

const fn nanos(duration: Duration) -> u64 {
    duration.as_nanos() as u64
}
