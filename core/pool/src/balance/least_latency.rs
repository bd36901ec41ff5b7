use super::{Algorithm, Field, LOOK_AT_ALL, SAMPLE};
use crate::View;
use crate::dice::Dice;
use evenkeel_model::Moment;

/// Expected times within this factor of the best count as equal: answers scatter, and chasing the luckiest estimate
/// would only send everybody to the same backend.
const BAND: f32 = 1.5;
/// A silence of this many usual gaps between answers is nothing unusual; beyond it, it speaks against the backend.
const USUAL_GAPS: f32 = 2.0;
/// So many requests more than were seen to cost nothing may be tried: how else would it be learned that they do not.
const STRETCH: f32 = 1.0;
/// What each failure in a row does to the expected time. One alone leaves a backend among its equals, two do not.
const FAILURE_FACTOR: f32 = 1.25;
/// Failures in a row that are told apart: 35 times as long.
const FAILURES_MAX: u32 = 16;
/// One that was passed over for so long, in seconds, is tried again ...
const TRIAL_AFTER: f32 = 2.0;
/// ... but trials are at most this part of a worker's requests, as they are expected to be slow ...
const TRIAL_SHARE: u32 = 64;
/// ... unless it was passed over for so long, in seconds, that nothing is known any more.
const TRIAL_LATEST: f32 = 60.0;

/// Least expected wait.
///
/// Of each candidate it is known how long answers took recently and how many requests were unanswered meanwhile (see
/// `estimate`). Up to that many, one more request costs nothing; beyond, each waits its turn. A backend that has been
/// silent for longer than usual while requests wait for it is expected to be silent for as long again. The candidates
/// whose expected time is about the best are equal, and the least busy of them is chosen.
#[derive(Debug, Default)]
pub(super) struct LeastLatency {
    /// Choices since the last trial.
    since_trial: u32,
}

/// What is seen of one candidate.
#[derive(Debug, Clone, Copy, Default)]
struct Look {
    index: u16,
    /// Nothing is known of its speed.
    unknown: bool,
    /// Expected time to an answer, in nanoseconds; of an unknown one, in times of the best known.
    expected: f32,
    /// Unanswered requests and unusual silence, per weight; a random part below one request breaks ties.
    busy: f32,
}

/// What is seen of all candidates that were looked at.
struct Sight {
    looks: [Look; LOOK_AT_ALL],
    count: usize,
    /// Least expected time among the known, in nanoseconds.
    best: f32,
    /// For how long, in seconds, the one due for a trial was passed over, and its index.
    stalest: Option<(f32, u16)>,
}

impl Algorithm for LeastLatency {
    fn update(&mut self, _view: &View) {}

    fn pick(&mut self, field: &Field<'_>, dice: &mut Dice) -> Option<u16> {
        let sight = Sight::of(field, dice);
        self.since_trial = self.since_trial.saturating_add(1);
        if let Some((seconds, index)) = sight.stalest
            && (self.since_trial >= TRIAL_SHARE || seconds > TRIAL_LATEST)
        {
            self.since_trial = 0;
            return Some(index);
        }
        let chosen = sight.least_busy_of_the_fast();
        // A sample of a large pool may have met only closed ones.
        chosen.or_else(|| field.view.candidates.iter().copied().find(|index| field.open(*index)))
    }
}

impl Sight {
    fn of(field: &Field<'_>, dice: &mut Dice) -> Sight {
        let candidates = &*field.view.candidates;
        let all = candidates.len() <= LOOK_AT_ALL;
        let mut sight = Sight {
            looks: [Look::default(); LOOK_AT_ALL],
            count: 0,
            best: f32::INFINITY,
            stalest: None,
        };
        for place in 0..if all { candidates.len() } else { SAMPLE } {
            let index = candidates[if all { place } else { dice.below(candidates.len()) }];
            if field.open(index) {
                sight.add(field, index, dice);
            }
        }
        sight
    }

    fn add(&mut self, field: &Field<'_>, index: u16, dice: &mut Dice) {
        let member = &field.view.members[usize::from(index)];
        let load = &member.load;
        let estimate = load.estimate();
        let unanswered = load.places().unanswered as f32;
        let silence = if unanswered > 0.0 {
            nanos(load.progress(), field.now)
        } else {
            0.0
        };
        let mut busy = unanswered;
        let crowd = ((unanswered + 1.0) / (estimate.breadth + STRETCH)).max(1.0);
        let mut expected = estimate.latency * crowd;
        let unknown = estimate.latency == 0.0;
        if unknown {
            expected = unanswered + 1.0;
        } else {
            let gaps = silence * unanswered.min(estimate.breadth.max(1.0)) / estimate.latency;
            if gaps > USUAL_GAPS {
                busy += gaps - USUAL_GAPS;
                expected += silence;
            }
            expected *= FAILURE_FACTOR.powi(load.failures_in_a_row().min(FAILURES_MAX) as i32);
            self.best = self.best.min(expected);
        }
        self.looks[self.count] = Look {
            index,
            unknown,
            expected,
            busy: (busy + dice.fraction()) * 256.0 / member.scaled_weight as f32,
        };
        self.count += 1;
        // One that hangs is tried less and less often.
        let passed_over = nanos(load.chosen(), field.now) / 1e9;
        let due = passed_over > TRIAL_AFTER.max(silence / 2e9).min(TRIAL_LATEST);
        if due && self.stalest.is_none_or(|(most, _)| passed_over > most) {
            self.stalest = Some((passed_over, index));
        }
    }

    fn least_busy_of_the_fast(&self) -> Option<u16> {
        let fast = |look: &&Look| {
            if look.unknown {
                // One at a time until the first answer, unless nobody is known.
                look.expected <= BAND || self.best.is_infinite()
            } else {
                look.expected <= self.best * BAND
            }
        };
        let fast = self.looks[..self.count].iter().filter(fast);
        fast.min_by(|one, other| one.busy.total_cmp(&other.busy))
            .map(|look| look.index)
    }
}

fn nanos(from: Moment, to: Moment) -> f32 {
    to.as_nanos().saturating_sub(from.as_nanos()) as f32
}
