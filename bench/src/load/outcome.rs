//! What a load saw, and how it is told.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde_json::{Value, json};

/// Latencies are kept in microseconds up to this, with three digits: nothing here waits longer.
const LATENCY_MICROSECONDS_MAX: u64 = 60_000_000;
const LATENCY_DIGITS: u8 = 3;

/// Counts of one window.
pub(crate) struct Tally {
    pub(crate) completed: u64,
    pub(crate) latency: Histogram<u64>,
}

impl Tally {
    pub(crate) fn new() -> Self {
        let latency = Histogram::new_with_bounds(1, LATENCY_MICROSECONDS_MAX, LATENCY_DIGITS)
            .unwrap_or_else(|error| unreachable!("the bounds are constants: {error:?}"));
        Self { completed: 0, latency }
    }

    pub(crate) fn record(&mut self, took: Duration) {
        self.completed += 1;
        self.latency
            .saturating_record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1));
    }
}

/// The whole result of a load.
pub(crate) struct Outcome {
    pub(crate) tally: Tally,
    pub(crate) window: Duration,
    pub(crate) errors: BTreeMap<&'static str, u64>,
    /// Idle connections the balancer closed and the load opened again; no error.
    pub(crate) reopened: u64,
    /// CPU time of the watched process tree within the window.
    pub(crate) watched_cpu: Option<Duration>,
    /// CPU time of this process and its companions (the origin) within the window.
    pub(crate) own_cpu: Option<Duration>,
    /// CPU time of everything else on the machine within the window.
    pub(crate) others_cpu: Option<Duration>,
    pub(crate) idle: Option<Idle>,
}

/// What idle connections cost.
pub(crate) struct Idle {
    pub(crate) connections: u64,
    /// Of them, closed by the other side before the second reading.
    pub(crate) lost: u64,
    pub(crate) memory_before: u64,
    pub(crate) memory_after: u64,
}

impl Outcome {
    pub(crate) fn error_count(&self) -> u64 {
        self.errors.values().sum()
    }

    /// One line for the orchestrator: microseconds and bytes.
    pub(crate) fn to_json(&self) -> Value {
        let seconds = self.window.as_secs_f64();
        let latency = &self.tally.latency;
        // Whose requests others make has no latencies here.
        let quantile = |share: f64| (!latency.is_empty()).then(|| latency.value_at_quantile(share));
        let per_request = |cpu: Duration| cpu.as_secs_f64() * 1e6 / self.tally.completed.max(1) as f64;
        json!({
            "completed": self.tally.completed,
            "seconds": seconds,
            "requests_per_second": self.tally.completed as f64 / seconds.max(f64::MIN_POSITIVE),
            "cpu_us_per_request": self.watched_cpu.map(per_request),
            "core_share": self.watched_cpu.map(|cpu| cpu.as_secs_f64() / seconds),
            "load_core_share": self.own_cpu.map(|cpu| cpu.as_secs_f64() / seconds),
            "others": self.others_cpu.map(|cpu| cpu.as_secs_f64() / seconds),
            "p50_us": quantile(0.5),
            "p99_us": quantile(0.99),
            "p999_us": quantile(0.999),
            "max_us": quantile(1.0),
            "errors": self.errors,
            "reopened": self.reopened,
            "idle": self.idle.as_ref().map(|idle| json!({
                "connections": idle.connections,
                "lost": idle.lost,
                "memory_before": idle.memory_before,
                "memory_after": idle.memory_after,
            })),
        })
    }

    /// For a human at a terminal.
    pub(crate) fn to_text(&self) -> String {
        let mut text = format!(
            "{} requests in {:.2} s: {:.0}/s, p50 {:.3} ms, p99 {:.3} ms, p99.9 {:.3} ms, {} errors, {} reopened",
            self.tally.completed,
            self.window.as_secs_f64(),
            self.tally.completed as f64 / self.window.as_secs_f64().max(f64::MIN_POSITIVE),
            self.tally.latency.value_at_quantile(0.5) as f64 / 1e3,
            self.tally.latency.value_at_quantile(0.99) as f64 / 1e3,
            self.tally.latency.value_at_quantile(0.999) as f64 / 1e3,
            self.error_count(),
            self.reopened,
        );
        for (word, count) in &self.errors {
            text.push_str(&format!("\n  {count} x {word}"));
        }
        if let Some(cpu) = self.watched_cpu {
            let each = cpu.as_secs_f64() * 1e6 / self.tally.completed.max(1) as f64;
            text.push_str(&format!("\n  watched: {each:.2} us of CPU per request"));
        }
        if let Some(idle) = &self.idle {
            let each = idle.memory_after.saturating_sub(idle.memory_before) as f64 / idle.connections.max(1) as f64;
            text.push_str(&format!(
                "\n  {} idle connections ({} lost): {:.2} KiB each",
                idle.connections,
                idle.lost,
                each / 1024.0
            ));
        }
        text
    }
}
