use super::*;
use evenkeel_control::status::{CheckStatus, ChecksStatus, ConfigStatus};

fn backend(name: &str, state: &str, why: &str) -> BackendStatus {
    BackendStatus {
        name: name.into(),
        address: "10.0.0.1:8080".into(),
        state: state.into(),
        health: "up".into(),
        usable: state == "ready",
        why: why.into(),
        ejected: false,
        leaving: false,
        backup: false,
        in_flight: 12,
        weight: 1,
        max_connections: None,
        requests: 1_234_567,
        errors: 3,
        rate: 1234.5,
        latency_ms: Some(12.25),
        checks: ChecksStatus::default(),
    }
}

fn status() -> Status {
    Status {
        version: "0".into(),
        pid: 1,
        uptime_seconds: 1.0,
        phase: "serving".into(),
        config: ConfigStatus {
            file: None,
            last_reload_success: true,
            last_reload: String::new(),
            last_reload_error: None,
        },
        listeners: vec![ListenerStatus {
            name: "web".into(),
            bind: vec!["[2001:db8::1]:8080".into(); 5],
            protocol: "http".into(),
            connections: 3,
            max_connections: 20_000,
        }],
        pools: vec![PoolStatus {
            name: "web".into(),
            balance: "least-connections".into(),
            usable: 1,
            panic: true,
            queued: 1000,
            check: Some(CheckStatus {
                kind: "http /healthz".into(),
                every_ms: 5000,
                timeout_ms: 2000,
                fall: 3,
                rise: 2,
            }),
            sticky: Some(StickyStatus {
                by: "cookie".into(),
                name: Some("SERVER".into()),
                for_ms: Some(8 * 3_600_000),
                requests: [("home", 340), ("new", 12), ("lost", 0)]
                    .map(|(result, count)| (result.to_owned(), count))
                    .into(),
            }),
            backends: vec![
                backend("10.0.0.1:8080", "ready", "checks pass"),
                backend(
                    "a-long-name-of-one",
                    "maintain",
                    "3 probes failed: connection refused (os error 111)",
                ),
            ],
        }],
    }
}

#[test]
fn fits_where_it_is_shown() {
    for columns in [60, 80, 100, 120] {
        let text = render(&status(), columns, false);
        let widest = text.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(widest <= columns, "{columns}:\n{text}");
        for word in [
            "10.0.0.1:8080",
            "maintain",
            "refused (os error 111)",
            "every 5s",
            "sticky cookie SERVER for 8h",
            "12 new, 340 home",
            "ERRORS",
        ] {
            let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(words.contains(word), "{word} at {columns}:\n{text}");
        }
    }
    let wide = render(&status(), usize::MAX, false);
    assert!(wide.contains("WEIGHT") && wide.contains("RATE"), "{wide}");
}

#[test]
fn health_in_maintenance_is_nobodys_guess() {
    let text = render(&status(), usize::MAX, true);
    let line = text.lines().find(|line| line.contains("a-long-name")).unwrap();
    assert!(!line.contains("up") && !line.contains("\u{1b}[32m"), "{line}");
}

#[test]
fn intervals() {
    assert_eq!((every(5000).as_str(), every(1500).as_str()), ("5s", "1500ms"));
}
