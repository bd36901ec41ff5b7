//! What is learned of a backend's speed from its answers.

use crate::Load;
use crate::load::Estimate;
use evenkeel_model::Moment;
use std::time::Duration;

/// Share of a sample in the moving values while samples are frequent: a memory of about 32 answers.
const SHARE: f32 = 1.0 / 32.0;
/// A sample after a silence of this long counts for almost two thirds: what was known is stale then.
const MEMORY: Duration = Duration::from_secs(10);
/// A sample above this times the moving value counts as this: a single stall must not outlive itself.
const CLAMP: f32 = 8.0;
/// What a failure does to the moving latency.
const FAILURE_FACTOR: f32 = 2.0;
/// A failure counts as at least this long, in nanoseconds: refused connections are fast and must not attract.
const FAILURE_LEAST: f32 = 50e6;
/// Longest latency worth telling apart, in nanoseconds: above a minute all are equally bad.
const LATENCY_MAX: f32 = 60e9;

/// What is known after an answer that took `sample`, given when `beside` were unanswered (itself included).
pub(crate) fn after(load: &Load, sample: Duration, beside: u32, now: Moment) -> Estimate {
    let old = load.estimate();
    let sample = (sample.as_nanos() as f32).clamp(1.0, LATENCY_MAX);
    let beside = beside as f32;
    if old.latency == 0.0 {
        return Estimate {
            latency: sample,
            breadth: beside,
        };
    }
    let silence = now.since(load.progress()).as_secs_f32() / MEMORY.as_secs_f32();
    let share = SHARE.max(silence.min(1.0) * 0.63);
    let sample = sample.min(old.latency * CLAMP);
    Estimate {
        latency: old.latency + (sample - old.latency) * share,
        breadth: old.breadth + (beside - old.breadth) * share,
    }
}

/// What is known after a failure that took this long.
pub(crate) fn after_failure(load: &Load, took: Duration) -> Estimate {
    let old = load.estimate();
    let least = (took.as_nanos() as f32).max(FAILURE_LEAST);
    Estimate {
        latency: (old.latency * FAILURE_FACTOR).max(least).min(LATENCY_MAX),
        breadth: old.breadth.max(1.0),
    }
}
