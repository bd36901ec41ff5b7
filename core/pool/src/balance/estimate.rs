//! What is learned of a backend's speed from its answers.

use crate::Load;
use crate::load::Estimate;
use evenkeel_model::Moment;
use std::time::Duration;

/// Share of a sample in the moving values while samples are frequent: a memory of about 64 answers.
const SHARE: f32 = 1.0 / 64.0;
/// What was learned this long ago, in seconds, is stale: the next sample replaces most of it.
const MEMORY: f32 = 10.0;
/// Largest share of a single sample: one lucky answer must not bring a slow backend back.
const SHARE_MOST: f32 = 0.63;
/// A sample above this times the moving value counts as this: the answers that a stall held back all come at once,
/// and the stall must not outlive itself in what is learned from them.
const CLAMP: f32 = 4.0;
/// So many first samples count fully: nothing is known yet that they could be held against.
const CLAMP_AFTER: u32 = 8;
/// Longest latency worth telling apart, in nanoseconds: above ten minutes all are equally bad.
const LATENCY_MOST: f32 = 600e9;

/// What is known after an answer that took `sample`, given when `beside` were unanswered (itself included).
pub(crate) fn after(load: &Load, sample: Duration, beside: u32, now: Moment) -> Estimate {
    let old = load.estimate();
    let sample = (sample.as_nanos() as f32).clamp(1.0, LATENCY_MOST);
    let beside = beside as f32;
    if old.latency == 0.0 {
        return Estimate {
            latency: sample,
            breadth: beside,
        };
    }
    let age = now.since(load.answered()).as_secs_f32() / MEMORY;
    let samples = load.samples();
    // The first ones make a plain mean.
    let share = (age * SHARE_MOST)
        .clamp(SHARE, SHARE_MOST)
        .max(1.0 / (samples + 1) as f32);
    let sample = if samples < CLAMP_AFTER {
        sample
    } else {
        sample.min(old.latency * CLAMP)
    };
    Estimate {
        latency: old.latency + (sample - old.latency) * share,
        breadth: old.breadth + (beside - old.breadth) * share,
    }
}
