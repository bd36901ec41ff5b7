//! What operators count, in Prometheus' text format.

use crate::failure::Counts;
use crate::vault::Vault;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Labels are escaped as the format wants it.
fn label(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn heading(out: &mut String, name: &str, kind: &str, help: &str) {
    // Writing to a String cannot fail, here and below.
    let _ = write!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
}

impl Vault {
    /// Appends every family.
    pub fn write_metrics(&self, out: &mut String) {
        let held = self.held();
        let listener_files = held.listeners.values().map(|side| &side.files);
        let pool_files = held.pools.values().map(|side| &side.files);
        // Two certificates of one name (ECDSA and RSA) are one line: what counts is which ends first.
        let mut ends: BTreeMap<&str, i64> = BTreeMap::new();
        let mut refused = 0;
        for files in listener_files.chain(pool_files) {
            refused += usize::from(files.refused.is_some());
            for shown in &files.shown {
                let end = ends.entry(&shown.name).or_insert(shown.not_after);
                *end = shown.not_after.min(*end);
            }
        }
        let name = "evenkeel_certificate_not_after_seconds";
        heading(out, name, "gauge", "When a certificate ends, since 1970.");
        for (label_text, end) in ends {
            let _ = writeln!(out, "{name}{{name=\"{}\"}} {end}", label(label_text));
        }
        let name = "evenkeel_certificates_refused";
        let help = "Listeners and pools whose files on disk are no good, so that those of before are in use.";
        heading(out, name, "gauge", help);
        let _ = writeln!(out, "{name} {refused}");
        let name = "evenkeel_certificate_changes_total";
        heading(out, name, "counter", "Changes of certificate files that were noticed.");
        for (result, count) in ["taken", "refused"].into_iter().zip(held.changes) {
            let _ = writeln!(out, "{name}{{result=\"{result}\"}} {count}");
        }
        let listeners: Vec<(&str, &Counts)> = held
            .listeners
            .iter()
            .map(|(name, side)| (&**name, &side.shared.counts))
            .collect();
        let pools: Vec<(&str, &Counts)> = held
            .pools
            .iter()
            .map(|(name, side)| (&**name, &side.shared.counts))
            .collect();
        write_handshakes(out, "", "listener", &listeners);
        write_handshakes(out, "backend_", "pool", &pools);
    }
}

fn write_handshakes(out: &mut String, side: &str, key: &str, counted: &[(&str, &Counts)]) {
    let name = format!("evenkeel_{side}tls_handshakes_total");
    heading(out, &name, "counter", "Handshakes that came to a good end.");
    for (value, counts) in counted {
        for (version, resumed, count) in counts.all_done() {
            let value = label(value);
            let _ = writeln!(
                out,
                "{name}{{{key}=\"{value}\",version=\"{version}\",resumed=\"{resumed}\"}} {count}"
            );
        }
    }
    let name = format!("evenkeel_{side}tls_handshake_failures_total");
    heading(out, &name, "counter", "Handshakes that failed, by why.");
    for (value, counts) in counted {
        for (failure, count) in counts.all_failed() {
            let (value, reason) = (label(value), failure.as_str());
            let _ = writeln!(out, "{name}{{{key}=\"{value}\",reason=\"{reason}\"}} {count}");
        }
    }
}
