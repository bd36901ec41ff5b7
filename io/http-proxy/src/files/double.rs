//! A disk of which some files hang, for tests.

use rustix::fs::fstat;
use std::collections::BTreeSet;
use std::os::fd::BorrowedFd;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Device and inode.
type Key = (u64, u64);

static HUNG: Mutex<BTreeSet<Key>> = Mutex::new(BTreeSet::new());
static BELL: Condvar = Condvar::new();

fn hung() -> MutexGuard<'static, BTreeSet<Key>> {
    HUNG.lock().unwrap_or_else(PoisonError::into_inner)
}

fn key(file: BorrowedFd<'_>) -> Key {
    let stat = fstat(file).expect("it is open");
    (stat.st_dev, stat.st_ino)
}

/// Reads of this file hang until the value is dropped.
pub(super) struct Hang(Key);

impl Hang {
    pub(super) fn begin(file: BorrowedFd<'_>) -> Hang {
        let key = key(file);
        hung().insert(key);
        Hang(key)
    }
}

impl Drop for Hang {
    fn drop(&mut self) {
        hung().remove(&self.0);
        BELL.notify_all();
    }
}

/// Whether whoever must not wait finds nothing of this file in memory.
pub(super) fn is_cold(file: BorrowedFd<'_>) -> bool {
    hung().contains(&key(file))
}

/// Waits as a read of this file would.
pub(super) fn wait(file: BorrowedFd<'_>) {
    let key = key(file);
    let mut hung = hung();
    while hung.contains(&key) {
        hung = BELL.wait(hung).unwrap_or_else(PoisonError::into_inner);
    }
}
