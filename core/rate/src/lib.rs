//! How many requests are taken from whom.
//!
//! This crate owns the counting: a bucket for each key (a client's address, a field's value), kept in a table of fixed
//! size that all workers share without locks. It is told `now` and keys; it must never allocate for a client, wait or
//! ask a clock.
//!
//! # The promise
//! Of one key never more than `burst + requests * t / per + 1/256` requests are taken in any span of time `t`, whichever
//! workers they reach, as long as the table has room for the keys that are in use.
//!
//! # Memory
//! [`KEYS`] keys in half a MiB for each limit, taken when the configuration is applied and never more. Keys are kept as 33
//! bits of a hash with a secret seed (13 say where, 20 who): two clients share a bucket with a chance of less than one in
//! 100,000 in a full table, and nobody can arrange for it from outside. Where a new key finds no room, that one of the
//! eight in its place goes whose bucket is full again or will be so first: a key that was idle loses nothing, one in use
//! starts with a full bucket. To get there on purpose somebody must use tens of thousands of keys (addresses) at once.
//!
//! # The arithmetic
//! The generic cell rate algorithm (ITU-T I.371): what is kept of a key is the moment at which its bucket is full again.

use evenkeel_model::{Moment, Rate};
use foldhash::SharedSeed;
use foldhash::quality::FoldHasher;
use std::hash::Hasher;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Keys that are kept for each limit: enough for as many clients as one machine serves at once; 8 bytes each.
pub const KEYS: usize = SETS * WAYS;

/// Places; a power of two.
const SETS: usize = 8192;
/// Keys in a place: a line of the processor's cache.
const WAYS: usize = 8;
/// Parts of the time that one request takes: what a moment is rounded to.
const TICKS: u128 = 256;
/// Bits of a slot that say when its bucket is full again, in ticks; they come round after 2^36 requests' time, which is 19
/// hours at a million requests a second and 21 years at a hundred.
const TIME_BITS: u32 = 44;
const TIME_MASK: u64 = (1 << TIME_BITS) - 1;
/// A moment that is further ahead than this is behind: moments are compared on a circle.
const AHEAD: u64 = 1 << (TIME_BITS - 1);
/// Tries to change a slot. Each one that fails means that another worker did, so this many never fail.
const TRIES: usize = 64;

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is taken, and counted.
    Taken,
    /// It is not taken, nor counted.
    Refused {
        /// When one would be taken, if nobody else asks: above zero.
        after: Duration,
    },
}

/// One limit over all workers.
pub struct Limiter {
    sets: Box<[Set]>,
    seed: SharedSeed,
    second_seed: u64,
    /// Ticks for a second are this in each `nanos_per`.
    requests: u128,
    nanos_per: u128,
    /// How far ahead a bucket may be, in ticks: all of it but one request.
    tolerance: u64,
}

#[repr(align(64))]
#[derive(Default)]
struct Set([AtomicU64; WAYS]);

impl std::fmt::Debug for Limiter {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Limiter").finish_non_exhaustive()
    }
}

impl Limiter {
    /// Every bucket is full. `seed` is secret and differs between processes.
    pub fn new(rate: &Rate, seed: u64) -> Limiter {
        Limiter {
            sets: (0..SETS).map(|_| Set::default()).collect(),
            seed: SharedSeed::from_u64(seed),
            second_seed: seed.rotate_left(32) ^ 0x9e37_79b9_7f4a_7c15,
            requests: u128::from(rate.requests.max(1)),
            nanos_per: rate.per.as_nanos().max(1),
            tolerance: u64::from(rate.burst.max(1) - 1) * TICKS as u64,
        }
    }

    /// Whether one more request of `key` is taken now. `kind` keeps keys of the same bytes apart; `now` may go back a little
    /// between calls, as threads see it.
    pub fn ask(&self, kind: u8, key: &[u8], now: Moment) -> Verdict {
        let (set, tag) = self.place(kind, key);
        let now = self.ticks(now);
        for _ in 0..TRIES {
            let found = find(set, tag);
            let full = if found.is_this { ahead(found.slot, now) } else { 0 };
            if full > self.tolerance {
                let wait = full - self.tolerance;
                return Verdict::Refused {
                    after: self.duration(wait),
                };
            }
            let next = (tag << TIME_BITS) | (now.wrapping_add(full + TICKS as u64) & TIME_MASK);
            let slot = &set.0[found.index];
            let changed = slot.compare_exchange(found.slot, next, Ordering::Relaxed, Ordering::Relaxed);
            if changed.is_ok() {
                return Verdict::Taken;
            }
        }
        Verdict::Refused {
            after: self.duration(TICKS as u64),
        }
    }

    /// Where a key is kept, and as what: never 0, which is an empty slot.
    fn place(&self, kind: u8, key: &[u8]) -> (&Set, u64) {
        let mut hasher = FoldHasher::with_seed(self.second_seed, &self.seed);
        hasher.write_u8(kind);
        hasher.write(key);
        let hash = hasher.finish();
        let tag = (hash >> TIME_BITS).max(1);
        (&self.sets[hash as usize % SETS], tag)
    }

    fn ticks(&self, now: Moment) -> u64 {
        let ticks = u128::from(now.as_nanos()) * self.requests * TICKS / self.nanos_per;
        ticks as u64 & TIME_MASK
    }

    /// Rounded up, so that who waits so long is taken.
    fn duration(&self, ticks: u64) -> Duration {
        let nanos = (u128::from(ticks) * self.nanos_per).div_ceil(self.requests * TICKS);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

/// A slot of a set.
#[derive(Default)]
struct Found {
    index: usize,
    slot: u64,
    /// It is the key's own; otherwise the one that it may take.
    is_this: bool,
}

/// The key's own slot, or else an empty one, or the one whose bucket is full first. What is found depends on nothing but
/// the slots, so two workers that look for the same new key find the same one, and the later of them finds it changed.
fn find(set: &Set, tag: u64) -> Found {
    let mut best: Option<Found> = None;
    for (index, slot) in set.0.iter().enumerate() {
        let slot = slot.load(Ordering::Relaxed);
        let is_this = slot >> TIME_BITS == tag;
        let found = Found { index, slot, is_this };
        if is_this {
            return found;
        }
        if best.as_ref().is_none_or(|best| goes_before(slot, best.slot)) {
            best = Some(found);
        }
    }
    best.unwrap_or_default()
}

fn goes_before(slot: u64, other: u64) -> bool {
    other != 0 && (slot == 0 || ahead(other, slot & TIME_MASK) > 0)
}

/// How far ahead of `now` the slot's bucket is full, in ticks; 0 = it is full.
fn ahead(slot: u64, now: u64) -> u64 {
    let distance = (slot & TIME_MASK).wrapping_sub(now) & TIME_MASK;
    if distance < AHEAD { distance } else { 0 }
}
