//! What `GET /api/v1/status` and `status --json` say.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// Of the running binary.
    pub version: String,
    /// Its process.
    pub pid: u32,
    /// Since the start.
    pub uptime_seconds: f64,
    /// `starting`, `serving` or `stopping`.
    pub phase: String,
    /// Where the configuration came from.
    pub config: ConfigStatus,
    /// In the order of the file.
    pub listeners: Vec<ListenerStatus>,
    /// In the order of the file.
    pub pools: Vec<PoolStatus>,
}

/// Where the configuration came from, and how the last reload went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConfigStatus {
    /// The file; none for `proxy` and `demo`.
    pub file: Option<String>,
    /// False after a reload that was refused: what runs is the configuration before it.
    pub last_reload_success: bool,
    /// RFC 3339, of the last reload (or the start).
    pub last_reload: String,
    /// Why the last reload was refused.
    pub last_reload_error: Option<String>,
}

/// Where clients arrive.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ListenerStatus {
    /// The key of its table.
    pub name: String,
    /// Its addresses.
    pub bind: Vec<String>,
    /// `http`.
    pub protocol: String,
    /// Client connections open now.
    pub connections: u64,
    /// At most.
    pub max_connections: u32,
}

/// A set of equal backends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PoolStatus {
    /// The key of its table.
    pub name: String,
    /// How a backend is chosen.
    pub balance: String,
    /// Backends that may have traffic.
    pub usable: usize,
    /// So few are usable that all are used.
    pub panic: bool,
    /// Requests that wait for a place.
    pub queued: u64,
    /// None if it is turned off.
    pub check: Option<CheckStatus>,
    /// None if clients are not kept with their backends.
    #[serde(default)]
    pub sticky: Option<StickyStatus>,
    /// In the order of the file, added ones last.
    pub backends: Vec<BackendStatus>,
}

/// How a pool's clients stay with their backends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StickyStatus {
    /// `cookie`, `header` or `source`.
    pub by: String,
    /// The cookie's, or the field's.
    pub name: Option<String>,
    /// How long after its last visit a client is known; none is until its browser ends.
    pub for_ms: Option<u64>,
    /// Requests since the start, by how it went: `new`, `home`, `away`, `lost`, `refused`.
    pub requests: BTreeMap<String, u64>,
}

/// What the pool's backends are asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckStatus {
    /// `tcp`, or `http` with its path.
    pub kind: String,
    /// Between two probes of one backend.
    pub every_ms: u64,
    /// For one probe.
    pub timeout_ms: u64,
    /// Failures in a row that take a backend down.
    pub fall: u32,
    /// Successes in a row that bring it up.
    pub rise: u32,
}

/// One of a pool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BackendStatus {
    /// How people call it.
    pub name: String,
    /// Where it is.
    pub address: String,
    /// The operator's word: `ready`, `drain` or `maintain`.
    pub state: String,
    /// The checks' word: `up`, `down` or `unproven`.
    pub health: String,
    /// Whether it may have new traffic now.
    pub usable: bool,
    /// Why it is as it is, for people.
    pub why: String,
    /// Traffic's own verdict keeps it out for now.
    pub ejected: bool,
    /// Removed; it finishes what it has.
    pub leaving: bool,
    /// Used only when no other is usable.
    pub backup: bool,
    /// Requests under way.
    pub in_flight: u64,
    /// Its share in relation to the others'.
    pub weight: u32,
    /// Requests under way at most; none is no cap.
    pub max_connections: Option<u32>,
    /// Since the start.
    pub requests: u64,
    /// Of these, failed on the backend's side.
    pub errors: u64,
    /// Requests a second, mean of the last seconds.
    pub rate: f64,
    /// Recent time to the first byte of an answer; none before the first.
    pub latency_ms: Option<f64>,
    /// How its probes went.
    pub checks: ChecksStatus,
}

/// How a backend's probes went since the start.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ChecksStatus {
    /// Successes.
    pub passed: u64,
    /// Failures.
    pub failed: u64,
    /// Since the last verdict.
    pub last_ago_ms: Option<u64>,
    /// How long the last success took.
    pub last_took_ms: Option<f64>,
}

/// `1 pool`, `2 pools`.
pub fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}
