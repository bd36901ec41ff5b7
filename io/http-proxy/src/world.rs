//! Everything that one worker has: its doors, its pools, its dice.

use crate::access_log::Lines;
use crate::door::Door;
use crate::files;
use crate::pool_side::PoolSide;
use crate::rules::Limits;
use crate::stats::Stats;
use evenkeel_model::{Moment, Name};
use evenkeel_net::reactor;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How often idle connections are looked through for those that are too old.
const SWEEP: Duration = Duration::from_secs(1);

/// And how soon again when backends end connections that are idle: a sweep looks at all.
const SWEEP_PAUSE: Duration = Duration::from_millis(50);

pub(crate) struct World {
    pub(crate) worker: usize,
    pub(crate) stats: Arc<Stats>,
    /// Nothing new: every connection ends after the request under way.
    pub(crate) stopping: Cell<bool>,
    /// Some pool's backends are told who the client is at the beginning of a connection.
    pub(crate) introduces: Cell<bool>,
    pub(crate) doors: RefCell<HashMap<Name, Rc<Door>>>,
    pub(crate) pools: RefCell<HashMap<Name, Rc<PoolSide>>>,
    pub(crate) logs: RefCell<Vec<Rc<Lines>>>,
    /// The limits of routes, shared by all workers.
    pub(crate) limits: Arc<Limits>,
    /// Bytes of bodies that are held until they are whole.
    pub(crate) held_bytes: Cell<usize>,
    /// Mirrored requests under way.
    pub(crate) copies: Cell<usize>,
    /// Bytes of their bodies.
    pub(crate) copied_bytes: Cell<usize>,
    random: Cell<u64>,
    swept: Cell<Moment>,
}

impl World {
    pub(crate) fn new(worker: usize, stats: Arc<Stats>, limits: Arc<Limits>, seed: u64) -> World {
        World {
            worker,
            stats,
            stopping: Cell::new(false),
            introduces: Cell::new(false),
            doors: RefCell::default(),
            pools: RefCell::default(),
            logs: RefCell::default(),
            limits,
            held_bytes: Cell::new(0),
            copies: Cell::new(0),
            copied_bytes: Cell::new(0),
            random: Cell::new(seed | 1),
            swept: Cell::new(Moment::ZERO),
        }
    }

    /// A random number that nobody's safety depends on (splitmix64).
    pub(crate) fn random(&self) -> u64 {
        let state = self.random.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.random.set(state);
        let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// 128 random bits in hexadecimal: two requests never share them.
    pub(crate) fn request_id(&self) -> [u8; 32] {
        let mut id = [0; 32];
        for (half, digits) in [self.random(), self.random()].into_iter().zip(id.chunks_exact_mut(16)) {
            digits[..8].copy_from_slice(&hexadecimal((half >> 32) as u32));
            digits[8..].copy_from_slice(&hexadecimal(half as u32));
        }
        id
    }

    /// Gives back descriptors that are held only to save time.
    pub(crate) fn relieve(&self) {
        for pool in self.pools.borrow().values() {
            pool.links.clear_idle();
        }
        files::give_back();
    }

    /// Hands on the log lines of a batch, and closes idle connections that their backends ended meanwhile.
    pub(crate) fn after_batch(&self) {
        self.flush_logs();
        let now = reactor::now();
        if now.since(self.swept.get()) >= SWEEP_PAUSE && reactor::orphans_had_events() {
            self.sweep(now);
        }
    }

    pub(crate) fn flush_logs(&self) {
        for lines in self.logs.borrow().iter() {
            lines.flush();
        }
    }

    fn sweep(&self, now: Moment) {
        self.swept.set(now);
        for pool in self.pools.borrow().values() {
            pool.sweep(now);
        }
    }

    /// Looks after idle connections until the worker ends.
    pub(crate) async fn keep_house(self: Rc<World>) {
        let mut panics = 0;
        loop {
            reactor::sleep_until(reactor::now() + SWEEP).await;
            let seen = reactor::panics();
            self.stats
                .panics
                .fetch_add(seen - std::mem::replace(&mut panics, seen), Ordering::Relaxed);
            self.sweep(reactor::now());
        }
    }
}

/// Eight digits, most significant first, all at once: each nibble in a byte of its own, then to ASCII.
fn hexadecimal(number: u32) -> [u8; 8] {
    let mut spread = u64::from(number);
    spread = (spread | (spread << 16)) & 0x0000_ffff_0000_ffff;
    spread = (spread | (spread << 8)) & 0x00ff_00ff_00ff_00ff;
    spread = (spread | (spread << 4)) & 0x0f0f_0f0f_0f0f_0f0f;
    let letters = ((spread + 0x0606_0606_0606_0606) >> 4) & 0x0101_0101_0101_0101;
    (spread + 0x3030_3030_3030_3030 + letters * u64::from(b'a' - b'0' - 10)).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_digits_at_once_are_the_usual_ones() {
        for number in [0, 1, 0x9a, 0xdead_beef, 0x0123_4567, 0x89ab_cdef, u32::MAX] {
            assert_eq!(hexadecimal(number), *format!("{number:08x}").as_bytes());
        }
    }
}
