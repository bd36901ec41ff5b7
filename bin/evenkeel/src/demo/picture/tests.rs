use super::*;
use evenkeel_control::status::{ChecksStatus, ConfigStatus, PoolStatus};

fn status(rates: [f64; 2]) -> Status {
    let backend = |(name, rate): (&str, f64)| BackendStatus {
        name: name.into(),
        address: "127.0.0.1:1".into(),
        state: "ready".into(),
        health: if rate > 0.0 { "up".into() } else { "down".into() },
        usable: rate > 0.0,
        why: "checks\u{1b}[2J".into(),
        ejected: false,
        leaving: false,
        backup: false,
        in_flight: 1,
        weight: 1,
        max_connections: None,
        requests: 10,
        errors: 0,
        rate,
        latency_ms: Some(4.25),
        checks: ChecksStatus::default(),
    };
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
        listeners: Vec::new(),
        pools: vec![PoolStatus {
            name: "demo".into(),
            balance: "least-latency".into(),
            usable: 1,
            panic: false,
            queued: 0,
            sticky: None,
            check: None,
            backends: [("anna", rates[0]), ("boris", rates[1])].map(backend).into(),
        }],
    }
}

#[test]
fn the_bars_show_the_shares() {
    let status = status([30.0, 10.0]);
    let picture = Picture {
        status: &status,
        crew: &[],
        seen: &Seen::default(),
        listen: "127.0.0.1:8080".parse().unwrap(),
        admin: None,
        socket: Some(Path::new("/run/evenkeel.sock")),
        message: "",
    };
    let screen = picture.screen(Size { columns: 98, rows: 40 }, false);
    let blocks: Vec<usize> = screen
        .lines()
        .map(|line| line.matches('█').count())
        .filter(|count| *count > 0)
        .collect();
    assert_eq!(blocks, [30, 10], "{screen}");
    assert!(screen.contains("0 errors"), "{screen}");
    assert!(!screen.contains('\u{1b}'), "{screen}");
    assert!(screen.lines().all(|line| line.chars().count() <= 98), "{screen}");
    assert_eq!(
        picture.line(),
        "anna 30/s up  boris 10/s up  | clients: 0 answers, 0 errors"
    );
}

#[test]
fn fits_the_terminal() {
    let status = status([30.0, 10.0]);
    let picture = Picture {
        status: &status,
        crew: &[],
        seen: &Seen::default(),
        listen: "127.0.0.1:8080".parse().unwrap(),
        admin: Some("127.0.0.1:9180".parse().unwrap()),
        socket: Some(Path::new("/run/evenkeel.sock")),
        message: "a message",
    };
    for (rows, has) in [
        (40, ["curl", "in flight", "nobody notices"]),
        (14, ["in flight", "0 errors", "nobody notices"]),
        (5, ["anna 30/s up", "0 errors", "a message"]),
    ] {
        let screen = picture.screen(Size { columns: 80, rows }, false);
        assert!(screen.lines().count() <= rows, "{rows}:\n{screen}");
        assert!(screen.lines().all(|line| line.chars().count() <= 80), "{screen}");
        assert!(has.iter().all(|text| screen.contains(text)), "{rows}:\n{screen}");
    }
}

#[test]
fn nothing_at_all_is_no_trouble() {
    let status = status([0.0, 0.0]);
    let seen = Seen::default();
    seen.errors.store(3, Ordering::Relaxed);
    let picture = Picture {
        status: &status,
        crew: &[],
        seen: &seen,
        listen: "127.0.0.1:8080".parse().unwrap(),
        admin: Some("127.0.0.1:9180".parse().unwrap()),
        socket: None,
        message: "hello",
    };
    let screen = picture.screen(Size { columns: 0, rows: 40 }, false);
    assert!(
        !screen.contains('█')
            && screen.contains("3 errors")
            && screen.contains("hello")
            && !screen.contains("nobody notices"),
        "{screen}"
    );
}
