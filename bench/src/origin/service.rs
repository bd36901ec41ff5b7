//! A backend with a service time: so many places work in parallel, the rest waits in line, and all may stall.
//!
//! Pure: told what time it is, it says when what is done. A stall freezes everything, as a garbage collector or a
//! disk would: what is at work takes that much longer, and nothing begins.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

/// How a backend behaves. Times count from the origin's start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Behaviour {
    /// Requests served at the same time, at least 1.
    pub(crate) places: usize,
    /// Mean of the exponential service time.
    pub(crate) mean: Duration,
    pub(crate) stall: Option<Stall>,
}

/// Nothing moves for `lasting` at the end of every `every`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stall {
    pub(crate) every: Duration,
    pub(crate) lasting: Duration,
}

/// One backend's places and line; `T` says whom an end concerns.
pub(crate) struct Service<T> {
    behaviour: Behaviour,
    dice: Dice,
    at_work: usize,
    waiting: VecDeque<T>,
    ends: BinaryHeap<Reverse<End<T>>>,
    begun: u64,
}

struct End<T> {
    at: Duration,
    number: u64,
    holds_place: bool,
    whom: T,
}

impl<T> Service<T> {
    pub(crate) fn new(behaviour: Behaviour, seed: u64) -> Self {
        Self {
            behaviour,
            dice: Dice::new(seed),
            at_work: 0,
            waiting: VecDeque::new(),
            ends: BinaryHeap::new(),
            begun: 0,
        }
    }

    /// A request arrives: it begins at once or waits in line.
    pub(crate) fn arrive(&mut self, now: Duration, whom: T) {
        if self.at_work < self.behaviour.places {
            self.at_work += 1;
            self.begin(now, whom);
        } else {
            self.waiting.push_back(whom);
        }
    }

    /// A check arrives: it takes no place and no time, but a stall holds it too.
    pub(crate) fn arrive_check(&mut self, now: Duration, whom: T) {
        let at = self.after_work(now, Duration::ZERO);
        self.push(at, false, whom);
    }

    /// When the next end is due.
    pub(crate) fn next_end(&self) -> Option<Duration> {
        self.ends.peek().map(|Reverse(end)| end.at)
    }

    /// Takes one end that is due; who waited longest takes over its place from that very moment.
    pub(crate) fn end_due(&mut self, now: Duration) -> Option<T> {
        if self.next_end()? > now {
            return None;
        }
        let Reverse(end) = self.ends.pop()?;
        if end.holds_place {
            match self.waiting.pop_front() {
                Some(next) => self.begin(end.at, next),
                None => self.at_work -= 1,
            }
        }
        Some(end.whom)
    }

    fn begin(&mut self, from: Duration, whom: T) {
        let work = self.behaviour.mean.mul_f64(self.dice.exponential());
        let at = self.after_work(from, work);
        self.push(at, true, whom);
    }

    fn push(&mut self, at: Duration, holds_place: bool, whom: T) {
        self.begun += 1;
        self.ends.push(Reverse(End {
            at,
            number: self.begun,
            holds_place,
            whom,
        }));
    }

    /// The moment when `work` begun at `from` is done, stalls on the way included.
    fn after_work(&self, from: Duration, work: Duration) -> Duration {
        let Some(stall) = self.behaviour.stall else {
            return from + work;
        };
        let mut at = from;
        let mut remaining = work;
        loop {
            let into = Duration::from_nanos((at.as_nanos() % stall.every.as_nanos()) as u64);
            let moving = stall.every - stall.lasting;
            if into < moving && remaining < moving - into {
                return at + remaining;
            }
            remaining = remaining.saturating_sub(moving.saturating_sub(into));
            at += stall.every - into;
        }
    }
}

impl<T> PartialEq for End<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<T> Eq for End<T> {}

impl<T> PartialOrd for End<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for End<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

/// Repeatable randomness (splitmix64): good enough for service times and arrivals, and the same in every run.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// An exponentially distributed number of mean 1.
    pub(crate) fn exponential(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        // 53 bits fill a double; half a step keeps the logarithm away from zero.
        let uniform = ((mixed >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
        -uniform.ln()
    }
}

#[cfg(test)]
mod tests;
