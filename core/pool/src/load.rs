use crate::Gate;
use crate::alarm::Alarm;
use evenkeel_model::Moment;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

/// What one backend carries and how it does: written by permits on every worker, read by choosers and by status.
/// In cache lines of its own, so that two backends never slow each other down, and what a choice reads comes first.
#[derive(Debug)]
#[repr(C, align(128))]
pub struct Load {
    /// Requests in flight << 32 | those of them whose answer has not begun.
    places: AtomicU64,
    /// Latency in nanoseconds as f32 bits << 32 | how many were unanswered when it was measured, as f32 bits.
    /// Zero latency: nothing is known yet.
    estimate: AtomicU64,
    /// When an answer last began, or when a request came to the idle backend, in nanoseconds.
    progress: AtomicU64,
    /// When it was last chosen, in nanoseconds.
    chosen: AtomicU64,
    /// Failures since the last success; each success takes off half of them.
    failures_in_a_row: AtomicU32,
    /// Answers that made the estimate; stops counting when it does not matter any more.
    samples: AtomicU32,
    /// When an answer last began, in nanoseconds.
    answered: AtomicU64,
    requests: AtomicU64,
    successes: AtomicU64,
    failures: AtomicU64,
    connect_failures: AtomicU64,
    gate: Gate,
    /// Where those wait who belong here and nowhere else.
    home: Gate,
    alarm: Arc<Alarm>,
    probes: Probes,
}

/// Facts of the last probes of a backend.
#[derive(Debug, Default)]
pub struct Probes {
    passed: AtomicU64,
    failed: AtomicU64,
    last_at: AtomicU64,
    last_took_micros: AtomicU32,
}

impl Probes {
    /// Probes that passed since the backend joined.
    pub fn passed(&self) -> u64 {
        self.passed.load(Ordering::Relaxed)
    }

    /// Probes that failed since the backend joined.
    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// When the last verdict came; `None` before the first.
    pub fn last_at(&self) -> Option<Moment> {
        let at = self.last_at.load(Ordering::Relaxed);
        (self.passed() + self.failed() > 0).then_some(Moment::from_nanos(at))
    }

    /// How long the last passed probe took.
    pub fn last_took(&self) -> Duration {
        Duration::from_micros(u64::from(self.last_took_micros.load(Ordering::Relaxed)))
    }

    pub(crate) fn pass(&self, took: Duration, now: Moment) {
        self.passed.fetch_add(1, Ordering::Relaxed);
        self.last_at.store(now.as_nanos(), Ordering::Relaxed);
        let micros = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
        self.last_took_micros.store(micros, Ordering::Relaxed);
    }

    pub(crate) fn fail(&self, now: Moment) {
        self.failed.fetch_add(1, Ordering::Relaxed);
        self.last_at.store(now.as_nanos(), Ordering::Relaxed);
    }
}

/// One look at what a backend carries.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Places {
    /// Requests that hold a permit.
    pub(crate) in_flight: u32,
    /// Those whose answer has not begun.
    pub(crate) unanswered: u32,
}

/// What is known of a backend's speed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Estimate {
    /// Recent time to the head of an answer, in nanoseconds; 0 = unknown.
    pub(crate) latency: f32,
    /// How many were unanswered when that was measured: up to here, one more costs nothing.
    pub(crate) breadth: f32,
}

/// Samples are counted up to here: by then each counts as one of 64 anyway.
const SAMPLES_MAX: u32 = 64;
const ONE_IN_FLIGHT: u64 = (1 << 32) | 1;

impl Load {
    pub(crate) fn new(gate: Gate, alarm: Arc<Alarm>) -> Load {
        Load {
            places: AtomicU64::new(0),
            estimate: AtomicU64::new(0),
            progress: AtomicU64::new(0),
            answered: AtomicU64::new(0),
            chosen: AtomicU64::new(0),
            failures_in_a_row: AtomicU32::new(0),
            samples: AtomicU32::new(0),
            requests: AtomicU64::new(0),
            successes: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            connect_failures: AtomicU64::new(0),
            gate,
            home: Gate::default(),
            alarm,
            probes: Probes::default(),
        }
    }

    /// Requests that hold a permit now.
    pub fn in_flight(&self) -> u32 {
        self.places().in_flight
    }

    /// Permits given since the backend joined.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Requests whose answer began.
    pub fn successes(&self) -> u64 {
        self.successes.load(Ordering::Relaxed)
    }

    /// Requests that failed by the backend's fault.
    pub fn errors(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// Recent time to the head of an answer; zero when nothing is known.
    pub fn latency(&self) -> Duration {
        Duration::from_nanos(self.estimate().latency as u64)
    }

    /// Facts of the last probes.
    pub fn probes(&self) -> &Probes {
        &self.probes
    }

    pub(crate) fn connect_failures(&self) -> u64 {
        self.connect_failures.load(Ordering::Relaxed)
    }

    pub(crate) fn places(&self) -> Places {
        let places = self.places.load(Ordering::Relaxed);
        Places {
            in_flight: (places >> 32) as u32,
            unanswered: places as u32,
        }
    }

    pub(crate) fn estimate(&self) -> Estimate {
        let estimate = self.estimate.load(Ordering::Relaxed);
        Estimate {
            latency: f32::from_bits((estimate >> 32) as u32),
            breadth: f32::from_bits(estimate as u32),
        }
    }

    pub(crate) fn progress(&self) -> Moment {
        Moment::from_nanos(self.progress.load(Ordering::Relaxed))
    }

    pub(crate) fn answered(&self) -> Moment {
        Moment::from_nanos(self.answered.load(Ordering::Relaxed))
    }

    pub(crate) fn chosen(&self) -> Moment {
        Moment::from_nanos(self.chosen.load(Ordering::Relaxed))
    }

    pub(crate) fn samples(&self) -> u32 {
        self.samples.load(Ordering::Relaxed)
    }

    pub(crate) fn failures_in_a_row(&self) -> u32 {
        self.failures_in_a_row.load(Ordering::Relaxed)
    }

    /// Whether there is a place for somebody who may go anywhere: those who wait for this backend alone are not passed,
    /// but by who was `called` from the pool's own line.
    #[inline]
    pub(crate) fn has_room(&self, cap: u32, called: bool) -> bool {
        cap == u32::MAX || (self.in_flight() < cap && (called || self.home.waiting() == 0))
    }

    /// Takes a place if fewer than `cap` are taken; gives how many are unanswered then, this one included.
    pub(crate) fn enter(&self, cap: u32, now: Moment) -> Option<u32> {
        let before = if cap == u32::MAX {
            self.places.fetch_add(ONE_IN_FLIGHT, Ordering::SeqCst)
        } else {
            let room = |places: u64| ((places >> 32) < u64::from(cap)).then_some(places + ONE_IN_FLIGHT);
            self.places
                .fetch_update(Ordering::SeqCst, Ordering::Relaxed, room)
                .ok()?
        };
        let unanswered = before as u32;
        if unanswered == 0 {
            self.progress.store(now.as_nanos(), Ordering::Relaxed);
        }
        self.chosen.store(now.as_nanos(), Ordering::Relaxed);
        self.requests.fetch_add(1, Ordering::Relaxed);
        Some(unanswered + 1)
    }

    /// The head of an answer came.
    pub(crate) fn answer(&self, estimate: Estimate, now: Moment) {
        self.places.fetch_sub(1, Ordering::Relaxed);
        self.learn(estimate);
        self.progress.store(now.as_nanos(), Ordering::Relaxed);
        self.answered.store(now.as_nanos(), Ordering::Relaxed);
        let samples = self.samples();
        if samples < SAMPLES_MAX {
            self.samples.store(samples + 1, Ordering::Relaxed);
        }
        let failures = self.failures_in_a_row();
        if failures > 0 {
            self.failures_in_a_row.store(failures / 2, Ordering::Relaxed);
        }
        self.successes.fetch_add(1, Ordering::Relaxed);
    }

    /// Two workers at once may lose one sample of the two; the next one makes it good.
    fn learn(&self, estimate: Estimate) {
        let packed = (u64::from(estimate.latency.to_bits()) << 32) | u64::from(estimate.breadth.to_bits());
        self.estimate.store(packed, Ordering::Relaxed);
    }

    /// It came back from somewhere: what was learned before is worth nothing.
    pub(crate) fn forget_speed(&self) {
        self.estimate.store(0, Ordering::Relaxed);
        self.samples.store(0, Ordering::Relaxed);
        self.failures_in_a_row.store(0, Ordering::Relaxed);
    }

    /// The backend failed a request.
    pub(crate) fn fail(&self, connecting: bool) {
        if connecting {
            self.connect_failures.fetch_add(1, Ordering::Relaxed);
        }
        self.failures_in_a_row.fetch_add(1, Ordering::Relaxed);
        self.failures.fetch_add(1, Ordering::SeqCst);
        self.alarm.ring();
    }

    /// Gives the place back and calls the next in line.
    pub(crate) fn leave(&self, unanswered: bool) {
        self.places
            .fetch_sub((1 << 32) | u64::from(unanswered), Ordering::SeqCst);
        if self.home.waiting() > 0 {
            self.call_both();
        } else {
            self.call_anyone();
        }
    }

    /// The next who may go anywhere.
    fn call_anyone(&self) {
        if self.gate.waiting() > 0 {
            self.gate.admit(1);
        }
    }

    /// One of each line: whoever is called from the pool's may take a free place elsewhere, and whoever is called
    /// home may have left; the other would never hear of it. By turns the one or the other is first, so that neither
    /// line starves.
    fn call_both(&self) {
        if self.requests().is_multiple_of(2) {
            self.call_anyone();
            self.home.admit(1);
        } else {
            self.home.admit(1);
            self.call_anyone();
        }
    }

    /// The line of those who belong here and nowhere else.
    pub(crate) fn home(&self) -> &Gate {
        &self.home
    }

    /// How many wait for a place here though they might go elsewhere: their client belongs here.
    pub fn waiting(&self) -> u32 {
        self.home.waiting()
    }
}
