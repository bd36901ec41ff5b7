use super::*;
use crate::status::{ChecksStatus, ConfigStatus};

fn status(pool: &str) -> Status {
    let backend = BackendStatus {
        name: "10.0.0.1:80".into(),
        address: "10.0.0.1:80".into(),
        state: "ready".into(),
        health: "up".into(),
        usable: true,
        why: "up".into(),
        ejected: false,
        leaving: false,
        backup: false,
        max_connections: None,
        in_flight: 3,
        weight: 1,
        requests: 17,
        errors: 2,
        rate: 0.5,
        latency_ms: None,
        checks: ChecksStatus {
            passed: 5,
            failed: 1,
            last_ago_ms: None,
            last_took_ms: None,
        },
    };
    Status {
        version: "0.1.0".into(),
        pid: 1,
        uptime_seconds: 1.5,
        phase: "serving".into(),
        config: ConfigStatus {
            file: None,
            last_reload_success: true,
            last_reload: String::new(),
            last_reload_error: None,
        },
        listeners: Vec::new(),
        pools: vec![PoolStatus {
            name: pool.into(),
            balance: "random".into(),
            usable: 1,
            panic: false,
            queued: 4,
            sticky: None,
            check: None,
            backends: vec![backend],
        }],
    }
}

#[test]
fn every_family_is_announced_once_before_its_samples() {
    let mut out = String::new();
    write(&mut out, &status("web"), 1.0);
    let mut announced = Vec::new();
    for line in out.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let name = rest.split(' ').next().unwrap();
            assert!(!announced.contains(&name), "{name} twice");
            announced.push(name);
        } else if !line.starts_with('#') {
            let name = line.split(['{', ' ']).next().unwrap();
            assert_eq!(announced.last(), Some(&name), "{line}");
        }
    }
    for line in [
        "evenkeel_backend_up{pool=\"web\",backend=\"10.0.0.1:80\"} 1",
        "evenkeel_backend_usable{pool=\"web\",backend=\"10.0.0.1:80\"} 1",
        "evenkeel_backend_in_flight{pool=\"web\",backend=\"10.0.0.1:80\"} 3",
        "evenkeel_backend_requests_total{pool=\"web\",backend=\"10.0.0.1:80\"} 17",
        "evenkeel_pool_queued{pool=\"web\"} 4",
        "evenkeel_checks_total{pool=\"web\",backend=\"10.0.0.1:80\",result=\"fail\"} 1",
        "evenkeel_config_last_reload_success 1",
    ] {
        assert!(out.lines().any(|found| found == line), "{line} in\n{out}");
    }
}

#[test]
fn labels_are_escaped() {
    let mut out = String::new();
    write(&mut out, &status("a\"b\\c\nd"), 1.0);
    assert!(
        out.contains("evenkeel_pool_queued{pool=\"a\\\"b\\\\c\\nd\"} 4\n"),
        "{out}"
    );
}
