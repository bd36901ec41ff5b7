//! Threads that may wait for a disk, so that no worker has to.
//!
//! Each directory that is served has threads of its own, shared by all workers: a disk that hangs keeps nobody waiting who
//! wants something from another. They begin when there is something to do and end when there was nothing for a while.

use evenkeel_net::reactor;
use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

/// Threads of one directory: as many reads as a disk of a laptop or a network answers at once without each becoming slower.
const THREADS: usize = 8;
/// Requests that may wait for a thread of one directory before the next are refused: at a tenth of a millisecond each, as much
/// as anybody waits for a page.
const WAITING: usize = 1024;
/// How long a thread without work stays.
const IDLE: Duration = Duration::from_secs(10);
/// A job calls the kernel, or compresses a file with state on the heap.
const STACK_BYTES: usize = 512 * 1024;

type Job = Box<dyn FnOnce() + Send>;

/// The threads of one directory.
#[derive(Clone)]
pub(super) struct Disk(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    bell: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    threads: usize,
    idle: usize,
}

/// Whom a job is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Urgency {
    /// A request that has no answer yet: it is refused where too many wait.
    Begins,
    /// One whose answer is on its way, which has at most one job: it waits however many do.
    GoesOn,
}

/// Too many wait already, or there is no thread to be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Busy;

/// What a job will have found. Dropped before that, the job is not done unless it has begun.
pub(super) struct Reply<T>(Arc<Mutex<Slot<T>>>);

enum Slot<T> {
    Pending,
    Done(T),
    /// A bug of ours.
    Failed,
}

impl<T> Reply<T> {
    /// `None` = not yet; `Some(Err)` = the job was ended by a bug. The task that asked is woken when it is there.
    pub(super) fn take(&self) -> Option<Result<T, Busy>> {
        match std::mem::replace(&mut *locked(&self.0), Slot::Pending) {
            Slot::Pending => None,
            Slot::Done(found) => Some(Ok(found)),
            Slot::Failed => Some(Err(Busy)),
        }
    }
}

impl Disk {
    /// The threads of the directory of this path.
    pub(super) fn of(root: &Path) -> Disk {
        static DISKS: Mutex<Option<HashMap<PathBuf, Weak<Shared>>>> = Mutex::new(None);
        let mut disks = locked(&DISKS);
        let disks = disks.get_or_insert_default();
        if let Some(shared) = disks.get(root).and_then(Weak::upgrade) {
            return Disk(shared);
        }
        disks.retain(|_, shared| shared.strong_count() > 0);
        let shared = Arc::new(Shared::default());
        disks.insert(root.to_owned(), Arc::downgrade(&shared));
        Disk(shared)
    }

    /// Has a thread do this, and the task that runs woken afterwards.
    pub(super) fn ask<T: Send + 'static>(
        &self,
        urgency: Urgency,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<Reply<T>, Busy> {
        let slot = Arc::new(Mutex::new(Slot::Pending));
        let (remote, task) = (reactor::remote(), reactor::current());
        let reply = Reply(slot.clone());
        self.queue(
            urgency,
            Box::new(move || {
                // Nobody waits for it any more.
                if Arc::strong_count(&slot) == 1 {
                    return;
                }
                let done = catch_unwind(AssertUnwindSafe(work));
                *locked(&slot) = done.map_or(Slot::Failed, Slot::Done);
                remote.wake(task);
            }),
        )?;
        Ok(reply)
    }

    /// Has a thread do this if nobody waits for one.
    pub(super) fn suggest(&self, work: impl FnOnce() + Send + 'static) {
        if locked(&self.0.state).jobs.is_empty() {
            // It was a suggestion.
            let _ = self.queue(Urgency::Begins, Box::new(work));
        }
    }

    fn queue(&self, urgency: Urgency, job: Job) -> Result<(), Busy> {
        let mut state = locked(&self.0.state);
        if urgency == Urgency::Begins && state.jobs.len() >= WAITING {
            return Err(Busy);
        }
        if state.idle <= state.jobs.len() && state.threads < THREADS {
            let shared = self.0.clone();
            let thread = std::thread::Builder::new()
                .name("disk".to_owned())
                .stack_size(STACK_BYTES);
            match thread.spawn(move || shared.work()) {
                Ok(_) => state.threads += 1,
                Err(_) if state.threads == 0 => return Err(Busy),
                // Those that are there will do it.
                Err(_) => {}
            }
        }
        state.jobs.push_back(job);
        drop(state);
        self.0.bell.notify_one();
        Ok(())
    }
}

impl Shared {
    /// What a thread does, until there was nothing to do for a while.
    fn work(&self) {
        let mut state = locked(&self.state);
        loop {
            if let Some(job) = state.jobs.pop_front() {
                drop(state);
                // Those of `ask` catch their own; what is suggested may fail.
                let _ = catch_unwind(AssertUnwindSafe(job));
                state = locked(&self.state);
                continue;
            }
            state.idle += 1;
            let (woken, waited) = self
                .bell
                .wait_timeout(state, IDLE)
                .unwrap_or_else(PoisonError::into_inner);
            state = woken;
            state.idle -= 1;
            if waited.timed_out() && state.jobs.is_empty() {
                state.threads -= 1;
                return;
            }
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
