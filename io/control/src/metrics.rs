//! Prometheus' text format: the families that the control plane knows of. The doors write theirs themselves.

use crate::status::{BackendStatus, PoolStatus, Status};
use std::fmt::{Display, Write};

#[cfg(test)]
mod tests;

/// A label value with what the format gives a meaning escaped.
pub struct Label<'a>(pub &'a str);

impl Display for Label<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for character in self.0.chars() {
            match character {
                '\\' => formatter.write_str("\\\\")?,
                '"' => formatter.write_str("\\\"")?,
                '\n' => formatter.write_str("\\n")?,
                other => formatter.write_char(other)?,
            }
        }
        Ok(())
    }
}

/// The two lines in front of a family's samples.
pub fn heading(out: &mut String, name: &str, kind: &str, help: &str) {
    out.push_str(&format!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
}

fn sample(out: &mut String, name: &str, labels: &[(&str, &str)], value: impl Display) {
    out.push_str(name);
    for (index, (label, text)) in labels.iter().enumerate() {
        let before = if index == 0 { '{' } else { ',' };
        out.push_str(&format!("{before}{label}=\"{}\"", Label(text)));
    }
    if !labels.is_empty() {
        out.push('}');
    }
    out.push_str(&format!(" {value}\n"));
}

/// Appends every family of the control plane. `last_reload` is in seconds since 1970.
pub(crate) fn write(out: &mut String, status: &Status, last_reload: f64) {
    let single: [(&str, &str, &str, &dyn Display); 3] = [
        (
            "evenkeel_config_last_reload_success",
            "gauge",
            "1 if the last reload was taken, 0 if it was refused.",
            &u8::from(status.config.last_reload_success),
        ),
        (
            "evenkeel_config_last_reload_timestamp_seconds",
            "gauge",
            "When the configuration was last reloaded, since 1970.",
            &last_reload,
        ),
        (
            "evenkeel_uptime_seconds",
            "gauge",
            "Since the start of the process.",
            &status.uptime_seconds,
        ),
    ];
    heading(out, "evenkeel_build_info", "gauge", "The running version.");
    sample(out, "evenkeel_build_info", &[("version", &status.version)], 1);
    for (name, kind, help, value) in single {
        heading(out, name, kind, help);
        sample(out, name, &[], value);
    }
    heading(out, "evenkeel_pool_queued", "gauge", "Requests that wait for a place.");
    for pool in &status.pools {
        sample(out, "evenkeel_pool_queued", &[("pool", &pool.name)], pool.queued);
    }
    write_backends(out, &status.pools);
    write_checks(out, &status.pools);
}

/// A family's name, kind and help, and how its value is found.
type Family = (&'static str, &'static str, &'static str, fn(&BackendStatus) -> u64);

const BACKEND_FAMILIES: [Family; 5] = [
    (
        "evenkeel_backend_up",
        "gauge",
        "1 if the backend's checks pass.",
        |backend| u64::from(backend.health == "up"),
    ),
    (
        "evenkeel_backend_usable",
        "gauge",
        "1 if the backend may have new traffic.",
        |backend| u64::from(backend.usable),
    ),
    (
        "evenkeel_backend_in_flight",
        "gauge",
        "Requests under way.",
        |backend| backend.in_flight,
    ),
    (
        "evenkeel_backend_requests_total",
        "counter",
        "Requests given to the backend.",
        |backend| backend.requests,
    ),
    (
        "evenkeel_backend_errors_total",
        "counter",
        "Requests that failed on the backend's side.",
        |backend| backend.errors,
    ),
];

fn write_backends(out: &mut String, pools: &[PoolStatus]) {
    for (name, kind, help, value) in BACKEND_FAMILIES {
        heading(out, name, kind, help);
        for pool in pools {
            for backend in &pool.backends {
                sample(
                    out,
                    name,
                    &[("pool", &pool.name), ("backend", &backend.name)],
                    value(backend),
                );
            }
        }
    }
}

fn write_checks(out: &mut String, pools: &[PoolStatus]) {
    let name = "evenkeel_checks_total";
    heading(out, name, "counter", "Probes by how they went.");
    for pool in pools {
        for backend in &pool.backends {
            for (result, value) in [("pass", backend.checks.passed), ("fail", backend.checks.failed)] {
                let labels = [("pool", &*pool.name), ("backend", &*backend.name), ("result", result)];
                sample(out, name, &labels, value);
            }
        }
    }
}
