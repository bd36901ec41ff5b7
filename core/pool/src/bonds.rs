use crate::BackendId;
use crate::dice::mix;
use std::sync::atomic::{AtomicU64, Ordering};

/// Entries of a set: one cache line, so that a look costs one.
const WAYS: usize = 8;
/// Sets of a table: 131,072 keys in 1 MiB for a pool, a power of two. A key that finds no room any more is only
/// forgotten: its next request is placed as its first was.
const SETS: usize = 16_384;
/// Bits of an entry that say which backend.
const NUMBER_BITS: u32 = 22;
const NUMBER_MASK: u64 = (1 << NUMBER_BITS) - 1;
/// Was found since it was put there.
const FOUND: u64 = 1 << NUMBER_BITS;
/// What is left tells keys of one set apart: two of them are taken for the same with a chance of 2^-41.
const KEY_SHIFT: u32 = NUMBER_BITS + 1;

/// Which backend each key has, shared by all workers: fixed memory, no locks. When a set is full the newcomer takes
/// the place of a key that never came back; so a flood of keys that come once cannot drive out those that do.
#[derive(Debug)]
pub(crate) struct Bonds {
    sets: Box<[Set]>,
}

#[derive(Debug, Default)]
#[repr(align(64))]
struct Set([AtomicU64; WAYS]);

/// A backend's number as entries hold it, never 0. Numbers come again only after four million backends have joined
/// the pool; what then still remembers the first of them goes to the second.
pub(crate) fn number(id: BackendId) -> u32 {
    (u64::from(id.0) % NUMBER_MASK) as u32 + 1
}

impl Bonds {
    pub(crate) fn new() -> Bonds {
        Bonds {
            sets: (0..SETS).map(|_| Set::default()).collect(),
        }
    }

    /// The same as [`Bonds::find`] for whoever only asks.
    pub(crate) fn peek(&self, key: u64) -> Option<u32> {
        let (set, key) = self.place(key);
        let entries = set.0.iter().map(|entry| entry.load(Ordering::Relaxed));
        let number = |entry: u64| (entry & NUMBER_MASK) as u32;
        entries
            .filter(|entry| entry >> KEY_SHIFT == key)
            .map(number)
            .find(|number| *number != 0)
    }

    /// The number of the backend that this key has.
    pub(crate) fn find(&self, key: u64) -> Option<u32> {
        let (set, key) = self.place(key);
        let is_it = |entry: &&AtomicU64| {
            let entry = entry.load(Ordering::Relaxed);
            entry >> KEY_SHIFT == key && entry & NUMBER_MASK != 0
        };
        let entry = set.0.iter().find(is_it)?;
        let found = entry.load(Ordering::Relaxed);
        if found >> KEY_SHIFT != key {
            return None;
        }
        if found & FOUND == 0 {
            // Should another key have come in between, it is kept a little longer than it deserves.
            entry.fetch_or(FOUND, Ordering::Relaxed);
        }
        Some((found & NUMBER_MASK) as u32)
    }

    /// The key has this backend from now on. Should two workers do so at once for one key, one of them is believed.
    pub(crate) fn remember(&self, key: u64, number: u32) {
        let (set, key) = self.place(key);
        let new = (key << KEY_SHIFT) | u64::from(number);
        let hand = (key % WAYS as u64) as usize;
        let ways = || (0..WAYS).map(|way| &set.0[(hand + way) % WAYS]);
        let put = |entry: &AtomicU64, may: &dyn Fn(u64) -> bool| {
            let old = entry.load(Ordering::Relaxed);
            may(old)
                && entry
                    .compare_exchange(old, new, Ordering::Relaxed, Ordering::Relaxed)
                    .is_ok()
        };
        let same = |old: u64| old != 0 && old >> KEY_SHIFT == key;
        let idle = |old: u64| old & FOUND == 0;
        if ways().any(|entry| put(entry, &same)) || ways().any(|entry| put(entry, &|old| old == 0)) {
            return;
        }
        if ways().any(|entry| put(entry, &idle)) {
            return;
        }
        for entry in ways() {
            entry.fetch_and(!FOUND, Ordering::Relaxed);
        }
        // Whoever found its entry again just now stays; if all did, this key is not remembered this time.
        let _ = ways().any(|entry| put(entry, &idle));
    }

    fn place(&self, key: u64) -> (&Set, u64) {
        let mixed = mix(key);
        (&self.sets[mixed as usize % SETS], mixed >> KEY_SHIFT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_the_backend_that_was_remembered_last() {
        let bonds = Bonds::new();
        assert_eq!(bonds.find(7), None);
        bonds.remember(7, 1);
        bonds.remember(8, 2);
        assert_eq!((bonds.find(7), bonds.find(8)), (Some(1), Some(2)));
        bonds.remember(7, 3);
        assert_eq!((bonds.find(7), bonds.find(8)), (Some(3), Some(2)));
    }

    #[test]
    fn most_of_half_a_table_of_keys_find_room() {
        let bonds = Bonds::new();
        let keys = (SETS * WAYS / 2) as u64;
        for key in 0..keys {
            bonds.remember(key, 1 + (key % 1000) as u32);
        }
        let right = (0..keys)
            .filter(|key| bonds.find(*key) == Some(1 + (key % 1000) as u32))
            .count();
        assert!(right as f64 > 0.97 * keys as f64, "{right} of {keys}");
    }

    #[test]
    fn a_flood_of_keys_that_come_once_drives_out_nobody_who_comes_back() {
        let bonds = Bonds::new();
        let regulars = 20_000;
        for key in 0..regulars {
            bonds.remember(key, 9);
            assert_eq!(bonds.find(key), Some(9));
        }
        for key in regulars..40 * regulars {
            bonds.remember(key, 5);
        }
        let left = (0..regulars).filter(|key| bonds.find(*key) == Some(9)).count();
        assert!(left as f64 > 0.99 * regulars as f64, "{left} of {regulars}");
    }

    #[test]
    fn numbers_are_never_zero_and_fit() {
        for id in [0, 1, 4_194_301, 4_194_302, 4_194_303, u32::MAX] {
            let number = number(BackendId(id));
            assert!(number >= 1 && u64::from(number) <= NUMBER_MASK, "{id}: {number}");
        }
    }
}
