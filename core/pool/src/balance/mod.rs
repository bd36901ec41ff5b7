//! How one of several candidates is chosen. An [`Algorithm`] is told of new Views and asked for a choice; it is
//! chosen once per pool and worker, not branched on per request.

pub(crate) mod estimate;
mod first;
mod hash;
mod least_connections;
mod least_latency;
mod random;
mod ring;
mod round_robin;
#[cfg(test)]
mod tests;

pub use ring::Ring;

use crate::dice::Dice;
use crate::{BackendId, View};
use evenkeel_model::{Balance, Moment};
use std::fmt::Debug;

/// Up to here a choice looks at every candidate; beyond, at a sample. 64 looks cost about half a microsecond.
const LOOK_AT_ALL: usize = 64;
/// How many a sample of a large pool holds: the best of 16 is among the best sixth with 95 %.
const SAMPLE: usize = 16;

/// One way to choose.
pub(crate) trait Algorithm: Debug + Send {
    /// Members, candidates or weights changed.
    fn update(&mut self, view: &View);

    /// The index of an open member; `None` when none is open.
    fn pick(&mut self, field: &Field<'_>, dice: &mut Dice) -> Option<u16>;
}

/// What a choice is made from.
#[derive(Debug)]
pub(crate) struct Field<'a> {
    pub(crate) view: &'a View,
    pub(crate) avoid: &'a [BackendId],
    pub(crate) hash: u64,
    /// Called from the gate: may pass those who wait for one backend.
    pub(crate) first_in_line: bool,
    pub(crate) now: Moment,
}

impl Field<'_> {
    /// Whether this candidate may be picked: not avoided, and it has a place.
    pub(crate) fn open(&self, index: u16) -> bool {
        let member = &self.view.members[usize::from(index)];
        member.load.has_room(member.cap, self.first_in_line) && !self.avoid.contains(&member.id)
    }

    /// The open ones with the smallest cost: of all when they are few, of a sample otherwise. When a sample holds no
    /// open one, the first open one of all.
    fn cheapest(&self, dice: &mut Dice, mut cost: impl FnMut(u16, &mut Dice) -> f32) -> Option<u16> {
        let candidates = &*self.view.candidates;
        let mut best: Option<(f32, u16)> = None;
        let looks = if candidates.len() <= LOOK_AT_ALL {
            candidates.len()
        } else {
            SAMPLE
        };
        for look in 0..looks {
            let place = if looks == candidates.len() {
                look
            } else {
                dice.below(candidates.len())
            };
            let index = candidates[place];
            if self.open(index) {
                let cost = cost(index, dice);
                if best.is_none_or(|(least, _)| cost < least) {
                    best = Some((cost, index));
                }
            }
        }
        match best {
            Some((_, index)) => Some(index),
            None => candidates.iter().copied().find(|index| self.open(*index)),
        }
    }
}

/// The algorithm of this name. The seed makes workers start at different places.
pub(crate) fn algorithm(balance: &Balance, seed: u64) -> Box<dyn Algorithm> {
    match balance {
        Balance::LeastLatency => Box::new(least_latency::LeastLatency::default()),
        Balance::RoundRobin => Box::new(round_robin::RoundRobin::new(seed)),
        Balance::LeastConnections => Box::new(least_connections::LeastConnections),
        Balance::Random => Box::new(random::Random),
        Balance::Hash { on: _, bounded } => Box::new(hash::Hash::new(*bounded)),
        Balance::First => Box::new(first::First),
    }
}
