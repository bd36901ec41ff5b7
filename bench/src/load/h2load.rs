//! HTTP/2: nghttp2's `h2load` makes the requests, the clocks are read here, before it starts and after it has ended.
//!
//! Its handshakes are within the window, and there are few of them beside the requests.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::Command;
use std::time::{Duration, Instant};

use super::Options;
use super::outcome::{Outcome, Tally};
use crate::failure::Failure;
use crate::meter::{self, Cpu};

/// Requests of the warm-up for each of its streams; it also tells how many fill the window.
const WARMUP_REQUESTS_PER_STREAM: usize = 20;

/// A connection that is silent for so long is given up, so that a balancer that hangs does not hang the run.
const SILENCE_MAX: &str = "5s";

/// Between the end of the warm-up and the first reading, so that closing its connections is over.
const SETTLE: Duration = Duration::from_millis(100);

/// What h2load says at its end.
#[derive(Debug, PartialEq)]
struct Report {
    seconds: f64,
    succeeded: u64,
    lost: u64,
    content_bytes: u64,
    is_h2: bool,
}

pub(super) fn run(options: &Options, streams: usize) -> Result<Outcome, Failure> {
    let at_once = options.connections * streams;
    let url = url(options.to, options.tls.is_some(), &options.path);
    let load = |requests| h2load(&url, options.connections, streams, requests);
    let warmup = load(at_once * WARMUP_REQUESTS_PER_STREAM)?;
    let rate = warmup.succeeded as f64 / warmup.seconds.max(f64::MIN_POSITIVE);
    let wanted = match options.requests {
        Some(requests) => usize::try_from(requests).unwrap_or(usize::MAX),
        None => (rate * options.window.as_secs_f64()) as usize,
    };
    std::thread::sleep(SETTLE);

    let watched = options.watch.map(meter::tree).transpose()?.unwrap_or_default();
    let mut own = vec![std::process::id()];
    own.extend(options.companion);
    let read = || (Cpu::of(&watched), Cpu::of(&own), meter::machine(), Instant::now());
    let begun = read();
    let report = load(wanted.max(at_once))?;
    let ended = read();

    let watched_cpu = ended.0.since(begun.0);
    let own_cpu = ended.1.since(begun.1);
    let machine_cpu = ended.2.saturating_sub(begun.2);
    let mut tally = Tally::new();
    tally.completed = report.succeeded;
    Ok(Outcome {
        tally,
        window: ended.3 - begun.3,
        errors: errors(&report, options.expected.length),
        reopened: 0,
        watched_cpu: options.watch.map(|_| watched_cpu),
        own_cpu: Some(own_cpu),
        others_cpu: Some(machine_cpu.saturating_sub(watched_cpu + own_cpu)),
        idle: None,
    })
}

fn errors(report: &Report, length: u64) -> BTreeMap<&'static str, u64> {
    let mut errors = BTreeMap::new();
    if report.lost > 0 {
        errors.insert("not succeeded", report.lost);
    }
    if !report.is_h2 {
        errors.insert("not HTTP/2", 1);
    }
    if report.lost == 0 && report.content_bytes != report.succeeded * length {
        errors.insert("wrong length", 1);
    }
    errors
}

fn url(to: SocketAddr, is_encrypted: bool, path: &str) -> String {
    let scheme = if is_encrypted { "https" } else { "http" };
    format!("{scheme}://{to}{path}")
}

/// Whether whoever listens there answers one request.
pub(crate) fn serves(to: SocketAddr, is_encrypted: bool, path: &str) -> bool {
    h2load(&url(to, is_encrypted, path), 1, 1, 1).is_ok_and(|report| report.succeeded == 1)
}

fn h2load(url: &str, connections: usize, streams: usize, requests: usize) -> Result<Report, Failure> {
    let output = Command::new("h2load")
        .args([
            "--threads=1",
            "--tls13-ciphers=TLS_AES_128_GCM_SHA256",
            "--groups=X25519",
        ])
        .args(["--npn-list=h2", "--no-tls-proto=h2c"])
        .args(["--clients", &connections.to_string()])
        .args(["--max-concurrent-streams", &streams.to_string()])
        .args(["--requests", &requests.to_string()])
        .args(["--connection-inactivity-timeout", SILENCE_MAX])
        .args(["--header", "user-agent: evenkeel-bench", url])
        .output()
        .map_err(|error| Failure::new(format!("h2load (of nghttp2-client): {error}")))?;
    let text = String::from_utf8_lossy(&output.stdout);
    parse(&text).ok_or_else(|| {
        let words = String::from_utf8_lossy(&output.stderr);
        Failure::new(format!("h2load said neither what it did nor how long: {text}{words}"))
    })
}

/// Picks the figures from lines like these:
///
/// ```text
/// Application protocol: h2
/// finished in 1.50s, 6666.67 req/s, 1.70MB/s
/// requests: 10000 total, 10000 started, 10000 done, 10000 succeeded, 0 failed, 0 errored, 0 timeout
/// traffic: 1.67MB (1750000) total, 401.33KB (410960) headers (space savings 78.00%), 1.22MB (1280000) data
/// ```
fn parse(text: &str) -> Option<Report> {
    let line = |start: &str| text.lines().find_map(|line| line.strip_prefix(start));
    let requests = line("requests: ")?;
    let count = |word: &str| {
        let field = requests.split(", ").find_map(|field| field.strip_suffix(word))?;
        field.trim().parse::<u64>().ok()
    };
    let (total, succeeded) = (count("total")?, count("succeeded")?);
    let content = line("traffic: ")?.strip_suffix(" data")?;
    Some(Report {
        seconds: seconds(line("finished in ")?.split(',').next()?)?,
        succeeded,
        lost: total.saturating_sub(succeeded),
        content_bytes: content.rsplit('(').next()?.strip_suffix(')')?.parse().ok()?,
        is_h2: line("Application protocol: ").is_some_and(|protocol| protocol.starts_with("h2")),
    })
}

/// `1.50s`, `350.00ms` or `900us`.
fn seconds(text: &str) -> Option<f64> {
    for (unit, factor) in [("us", 1e-6), ("ms", 1e-3), ("s", 1.0)] {
        if let Some(number) = text.strip_suffix(unit) {
            return Some(number.parse::<f64>().ok()? * factor);
        }
    }
    None
}

#[cfg(test)]
mod tests;
