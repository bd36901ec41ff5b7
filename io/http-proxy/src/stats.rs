//! What the door counts. Each worker writes counters of its own, so counting is a plain addition; a scrape adds
//! them up.

use crate::reason::Reason;
use crate::sticky::Outcome;
use evenkeel_model::Name;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Upper bounds in seconds: 100 us to 60 s, close enough for a p99 to be told within a quarter.
const BOUNDS: [f64; 18] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
];
const BOUNDS_NANOS: [u64; 18] = [
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_500_000_000,
    5_000_000_000,
    10_000_000_000,
    30_000_000_000,
    60_000_000_000,
];

/// A counter with one writer.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, count: u64) {
        // One writer: no read-modify-write is needed.
        self.0
            .store(self.0.load(Ordering::Relaxed).wrapping_add(count), Ordering::Relaxed);
    }

    pub(crate) fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Durations, counted by bound.
#[derive(Debug, Default)]
pub(crate) struct Histogram {
    buckets: [Counter; BOUNDS.len() + 1],
    sum_nanos: Counter,
}

impl Histogram {
    pub(crate) fn record(&self, duration: Duration) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let bucket = BOUNDS_NANOS.partition_point(|bound| *bound < nanos);
        self.buckets[bucket].add(1);
        self.sum_nanos.add(nanos);
    }
}

/// Requests of one listener, route and pool, by class of status.
#[derive(Debug, Default)]
pub(crate) struct Codes([Counter; 6]);

impl Codes {
    pub(crate) fn count(&self, status: u16) {
        let class = usize::from(status / 100).min(5);
        self.0[class].add(1);
    }
}

/// Finished requests of one listener, by reason.
#[derive(Debug, Default)]
pub(crate) struct Reasons([Counter; Reason::COUNT]);

impl Reasons {
    pub(crate) fn count(&self, reason: Reason) {
        self.add(reason, 1);
    }

    pub(crate) fn add(&self, reason: Reason, times: u64) {
        self.0[reason as usize].add(times);
    }
}

/// Requests of clients that may stay with a backend, of one pool.
#[derive(Debug, Default)]
pub(crate) struct StickyCounts([Counter; Outcome::ALL.len()]);

impl StickyCounts {
    pub(crate) fn count(&self, outcome: Outcome) {
        self.0[outcome as usize].add(1);
    }
}

type Series<K, V> = Mutex<BTreeMap<(K, usize), Arc<V>>>;

/// Every series of the door. The maps are touched when a worker takes a configuration or meets a backend for the first
/// time, and by a scrape; never by a request.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    codes: Series<(Name, Name, Name), Codes>,
    reasons: Series<Name, Reasons>,
    requests: Series<(Name, Name), Histogram>,
    backends: Series<(Name, Name), Histogram>,
    retries: Series<Name, Counter>,
    sticky: Series<Name, StickyCounts>,
    copies: Series<(Name, &'static str), Counter>,
    connections: Mutex<BTreeMap<Name, Arc<AtomicI64>>>,
    /// Access log lines that found no room.
    pub(crate) log_dropped: AtomicU64,
    /// Times the accept loop found no descriptor or memory.
    pub(crate) exhausted: AtomicU64,
    /// Connections that were ended by a bug of ours.
    pub(crate) panics: AtomicU64,
    /// Times a request for a file had to wait for a disk.
    pub(crate) disk_waits: AtomicU64,
    /// Requests that wait for a disk now.
    pub(crate) disk_waiting: AtomicU64,
}

fn series<K: Ord, V: Default>(map: &Series<K, V>, key: K, worker: usize) -> Arc<V> {
    let mut map = map.lock().unwrap_or_else(PoisonError::into_inner);
    map.entry((key, worker)).or_default().clone()
}

impl Stats {
    pub(crate) fn codes(&self, listener: &Name, route: &Name, pool: &Name, worker: usize) -> Arc<Codes> {
        series(&self.codes, (listener.clone(), route.clone(), pool.clone()), worker)
    }

    pub(crate) fn reasons(&self, listener: &Name, worker: usize) -> Arc<Reasons> {
        series(&self.reasons, listener.clone(), worker)
    }

    pub(crate) fn requests(&self, listener: &Name, pool: &Name, worker: usize) -> Arc<Histogram> {
        series(&self.requests, (listener.clone(), pool.clone()), worker)
    }

    pub(crate) fn backend(&self, pool: &Name, backend: &Name, worker: usize) -> Arc<Histogram> {
        series(&self.backends, (pool.clone(), backend.clone()), worker)
    }

    pub(crate) fn retries(&self, pool: &Name, worker: usize) -> Arc<Counter> {
        series(&self.retries, pool.clone(), worker)
    }

    /// Requests that were to be mirrored to this pool, by what became of them.
    pub(crate) fn copies(&self, pool: &Name, result: &'static str, worker: usize) -> Arc<Counter> {
        series(&self.copies, (pool.clone(), result), worker)
    }

    pub(crate) fn sticky(&self, pool: &Name, worker: usize) -> Arc<StickyCounts> {
        series(&self.sticky, pool.clone(), worker)
    }

    /// The open connections of a listener, over all workers.
    pub(crate) fn connections(&self, listener: &Name) -> Arc<AtomicI64> {
        let mut map = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        map.entry(listener.clone()).or_default().clone()
    }

    /// Open connections of all listeners, also of those that the configuration has no more.
    pub(crate) fn open_connections(&self) -> i64 {
        let map = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        map.values().map(|count| count.load(Ordering::Relaxed)).sum()
    }

    /// Appends everything in the Prometheus text format.
    pub(crate) fn write(&self, out: &mut String) {
        self.write_codes(out);
        self.write_reasons(out);
        let labels = |(listener, pool): &(Name, Name)| labels(&[("listener", listener), ("pool", pool)]);
        write_histograms(
            out,
            &self.requests,
            "evenkeel_http_request_seconds",
            REQUEST_SECONDS,
            labels,
        );
        let labels = |(pool, backend): &(Name, Name)| self::labels(&[("pool", pool), ("backend", backend)]);
        write_histograms(out, &self.backends, "evenkeel_backend_seconds", BACKEND_SECONDS, labels);
        self.write_retries(out);
        self.write_sticky(out);
        self.write_copies(out);
        family(out, "evenkeel_connections", "gauge", "Open client connections.");
        for (listener, count) in self.connections.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let labels = self::labels(&[("listener", listener)]);
            line(
                out,
                "evenkeel_connections",
                &labels,
                count.load(Ordering::Relaxed).max(0),
            );
        }
        self.write_troubles(out);
    }

    fn write_codes(&self, out: &mut String) {
        let name = "evenkeel_http_requests_total";
        family(out, name, "counter", "Finished requests by class of status.");
        for (key, parts) in sums(&self.codes, |codes| codes.0.iter().map(Counter::value).collect()) {
            for (class, count) in parts.into_iter().enumerate().filter(|(_, count)| *count > 0) {
                let code = format!("{class}xx");
                let labels = labels(&[
                    ("listener", &key.0),
                    ("route", &key.1),
                    ("pool", &key.2),
                    ("code", &code),
                ]);
                line(out, name, &labels, count);
            }
        }
    }

    fn write_reasons(&self, out: &mut String) {
        let name = "evenkeel_requests_by_reason_total";
        family(out, name, "counter", "Finished requests by the reason of their end.");
        for (listener, parts) in sums(&self.reasons, |reasons| reasons.0.iter().map(Counter::value).collect()) {
            for (reason, count) in Reason::ALL.iter().zip(parts) {
                let labels = labels(&[("listener", &listener), ("reason", reason.as_str())]);
                line(out, name, &labels, count);
            }
        }
    }

    fn write_retries(&self, out: &mut String) {
        let name = "evenkeel_retries_total";
        family(
            out,
            name,
            "counter",
            "Requests sent once more, to another backend where there was one.",
        );
        for (pool, parts) in sums(&self.retries, |retries| vec![retries.value()]) {
            line(out, name, &labels(&[("pool", &pool)]), parts[0]);
        }
    }

    fn write_copies(&self, out: &mut String) {
        let name = "evenkeel_mirrored_total";
        family(
            out,
            name,
            "counter",
            "Requests that a mirror wanted, by what became of them.",
        );
        for ((pool, result), parts) in sums(&self.copies, |copies| vec![copies.value()]) {
            line(out, name, &labels(&[("pool", &pool), ("result", result)]), parts[0]);
        }
    }

    /// Requests of clients that stay with a backend of this pool, by outcome; empty if there are no such clients.
    pub(crate) fn sticky_counts(&self, pool: &str) -> Vec<(&'static str, u64)> {
        let sums = sums(&self.sticky, |counts| counts.0.iter().map(Counter::value).collect());
        let words = Outcome::ALL.iter().map(|outcome| outcome.as_str());
        sums.get(pool)
            .map(|parts| words.zip(parts.iter().copied()).collect())
            .unwrap_or_default()
    }

    fn write_sticky(&self, out: &mut String) {
        let name = "evenkeel_sticky_total";
        family(
            out,
            name,
            "counter",
            "Requests of clients that stay with a backend, by where they went.",
        );
        for (pool, parts) in sums(&self.sticky, |counts| counts.0.iter().map(Counter::value).collect()) {
            for (outcome, count) in Outcome::ALL.iter().zip(parts) {
                line(
                    out,
                    name,
                    &labels(&[("pool", &pool), ("result", outcome.as_str())]),
                    count,
                );
            }
        }
    }

    fn write_troubles(&self, out: &mut String) {
        let troubles = [
            (
                "evenkeel_access_log_dropped_total",
                "Access log lines that found no room.",
                &self.log_dropped,
            ),
            (
                "evenkeel_accept_exhausted_total",
                "Times no descriptor was left to accept.",
                &self.exhausted,
            ),
            (
                "evenkeel_panics_total",
                "Conversations ended by a bug of ours.",
                &self.panics,
            ),
            (
                "evenkeel_disk_waits_total",
                "Times a request for a file had to wait for a disk.",
                &self.disk_waits,
            ),
        ];
        for (name, help, count) in troubles {
            family(out, name, "counter", help);
            line(out, name, "", count.load(Ordering::Relaxed));
        }
        let name = "evenkeel_disk_waiting";
        family(out, name, "gauge", "Requests for files that wait for a disk.");
        line(out, name, "", self.disk_waiting.load(Ordering::Relaxed));
    }
}

const REQUEST_SECONDS: &str = "From the first byte of a request to the end of its answer.";
const BACKEND_SECONDS: &str = "From the choice of a backend to the head of its answer.";

/// Adds up the workers' parts of each series.
fn sums<K: Ord + Clone, V>(map: &Series<K, V>, parts: impl Fn(&V) -> Vec<u64>) -> BTreeMap<K, Vec<u64>> {
    let mut sums: BTreeMap<K, Vec<u64>> = BTreeMap::new();
    for ((key, _), value) in map.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        let parts = parts(value);
        match sums.get_mut(key) {
            Some(sum) => sum.iter_mut().zip(parts).for_each(|(sum, part)| *sum += part),
            None => {
                sums.insert(key.clone(), parts);
            }
        }
    }
    sums
}

fn write_histograms<K: Ord + Clone>(
    out: &mut String,
    map: &Series<K, Histogram>,
    name: &str,
    help: &str,
    labels: impl Fn(&K) -> String,
) {
    family(out, name, "histogram", help);
    let parts = |histogram: &Histogram| {
        let buckets = histogram.buckets.iter().map(Counter::value);
        buckets.chain([histogram.sum_nanos.value()]).collect()
    };
    for (key, parts) in sums(map, parts) {
        let labels = labels(&key);
        let mut total = 0;
        for (bucket, count) in parts[..=BOUNDS.len()].iter().enumerate() {
            total += count;
            let bound = BOUNDS.get(bucket).map_or("+Inf".to_owned(), f64::to_string);
            line(
                out,
                &format!("{name}_bucket"),
                &format!("{labels},le=\"{bound}\""),
                total,
            );
        }
        line(
            out,
            &format!("{name}_sum"),
            &labels,
            parts[BOUNDS.len() + 1] as f64 / 1e9,
        );
        line(out, &format!("{name}_count"), &labels, total);
    }
}

fn family(out: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn line(out: &mut String, name: &str, labels: &str, value: impl std::fmt::Display) {
    let _ = if labels.is_empty() {
        writeln!(out, "{name} {value}")
    } else {
        writeln!(out, "{name}{{{labels}}} {value}")
    };
}

/// `name="value",...` with the escapes of the text format.
fn labels(pairs: &[(&str, &str)]) -> String {
    let mut out = String::new();
    for (index, (name, value)) in pairs.iter().enumerate() {
        let separator = if index == 0 { "" } else { "," };
        let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let _ = write!(out, "{separator}{name}=\"{value}\"");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_are_added_up_and_labels_escaped() {
        let stats = Stats::default();
        let (listener, route, pool): (Name, Name, Name) = ("web".into(), "a\"b".into(), "api".into());
        stats.codes(&listener, &route, &pool, 0).count(200);
        stats.codes(&listener, &route, &pool, 1).count(204);
        stats.requests(&listener, &pool, 0).record(Duration::from_micros(700));
        stats.requests(&listener, &pool, 1).record(Duration::from_secs(100));
        let mut out = String::new();
        stats.write(&mut out);
        let codes = r#"evenkeel_http_requests_total{listener="web",route="a\"b",pool="api",code="2xx"} 2"#;
        assert!(out.contains(codes), "{out}");
        assert!(out.contains(r#"evenkeel_http_request_seconds_bucket{listener="web",pool="api",le="0.0005"} 0"#));
        assert!(out.contains(r#"evenkeel_http_request_seconds_bucket{listener="web",pool="api",le="0.001"} 1"#));
        assert!(out.contains(r#"evenkeel_http_request_seconds_bucket{listener="web",pool="api",le="+Inf"} 2"#));
        assert!(out.contains(r#"evenkeel_http_request_seconds_count{listener="web",pool="api"} 2"#));
    }
}
