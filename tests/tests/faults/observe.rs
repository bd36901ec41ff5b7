//! What is told of requests: the access log and the metrics agree with what was sent.

use evenkeel_tests::load::{Load, Plan};
use serde_json::Value;

use crate::house::{House, Outcome, SOON, ask};

/// Every line has these, in this order, and nothing else but `detail`.
const FIELDS: [&str; 20] = [
    "time",
    "listener",
    "client",
    "method",
    "host",
    "path",
    "protocol",
    "status",
    "reason",
    "route",
    "pool",
    "backend",
    "attempts",
    "bytes_in",
    "bytes_out",
    "queue_ms",
    "connect_ms",
    "first_byte_ms",
    "total_ms",
    "request_id",
];

#[test]
fn the_access_log_has_a_whole_line_for_every_request() -> Outcome {
    let house = House::start(&["b0"], "", "timeouts = { response = \"500ms\" }")?;
    house.wait_until_usable()?;
    let mut client = house.connect()?;
    assert_eq!(ask(&mut client, "/plain?query=1")?.status, 200);
    client.send(b"POST /echo HTTP/1.1\r\nhost: test:80\r\nx-request-id: mine\r\ncontent-length: 5\r\n\r\nhello")?;
    assert_eq!(client.response(SOON, false)?.body, b"hello");
    assert_eq!(ask(&mut client, "/%22,\"\\")?.status, 200);
    assert_eq!(ask(&mut client, "/hang")?.status, 504);
    let mut broken = house.connect()?;
    broken.send(b"GET / HTTP/1.1\r\nhost: test\r\nbad field: 1\r\n\r\n")?;
    assert_eq!(broken.response(SOON, false)?.status, 400);
    let lines = house.access_log(5)?;
    assert_eq!(lines.len(), 5);
    for line in &lines {
        let object = line.as_object().ok_or("a line is an object")?;
        for field in FIELDS {
            assert!(object.contains_key(field), "{field} is missing: {line}");
        }
        // And which rule was broken, where one was.
        let broken = line["reason"] == "bad-request";
        assert_eq!(object.contains_key("detail"), broken, "{line}");
        assert_eq!(object.len(), FIELDS.len() + usize::from(broken), "{line}");
        for field in ["status", "attempts", "bytes_in", "bytes_out"] {
            assert!(line[field].is_u64(), "{field}: {line}");
        }
        assert!(line["total_ms"].as_f64() >= Some(0.0), "{line}");
        assert!(line["time"].as_str().is_some_and(|time| time.ends_with('Z')), "{line}");
        assert_eq!(
            (&line["listener"], &line["client"]),
            (&"web".into(), &"127.0.0.1".into())
        );
    }
    let find = |path: &str| lines.iter().find(|line| line["path"] == path).unwrap_or(&Value::Null);
    let plain = find("/plain");
    for (field, value) in [
        ("method", "GET"),
        ("host", "test"),
        ("protocol", "HTTP/1.1"),
        ("reason", "ok"),
        ("pool", "web"),
        ("backend", "b0"),
    ] {
        assert_eq!(plain[field], value, "{field}: {plain}");
    }
    assert_eq!(plain["request_id"].as_str().map(str::len), Some(32), "{plain}");
    let echo = find("/echo");
    assert_eq!(
        (&echo["request_id"], &echo["bytes_in"]),
        (&"mine".into(), &5.into()),
        "{echo}"
    );
    assert!(echo["first_byte_ms"].as_f64() <= echo["total_ms"].as_f64(), "{echo}");
    assert_eq!(find("/%22,\"\\")["status"], 200);
    let hang = find("/hang");
    assert_eq!(
        (&hang["status"], &hang["reason"]),
        (&504.into(), &"response-timeout".into()),
        "{hang}"
    );
    assert!(
        hang["total_ms"].as_f64() >= Some(500.0) && hang["first_byte_ms"].is_null(),
        "{hang}"
    );
    let refused = lines.iter().find(|line| line["status"] == 400).unwrap_or(&Value::Null);
    assert_eq!(
        (&refused["reason"], &refused["backend"]),
        (&"bad-request".into(), &"".into()),
        "{refused}"
    );
    Ok(())
}

#[test]
fn the_last_lines_are_written_before_the_process_ends() -> Outcome {
    let mut house = House::start(&["b0", "b1"], "", "")?;
    house.wait_until_usable()?;
    let load = Load::start(Plan::gets(house.address(), 16));
    let flows = load.go_on(2000, SOON);
    house.balancer.signal("TERM")?;
    let ended = house.balancer.wait_for_end(SOON)?;
    let log = std::fs::read_to_string(house.access_log_path())?;
    let tally = load.stop();
    assert!(flows && ended.success());
    let answered = log.lines().filter(|line| line.contains("\"status\":200")).count();
    // Those whose connection ended before they had read their answer are logged, too.
    assert!(
        answered as u64 >= tally.gets,
        "{answered} lines, {} answers",
        tally.gets
    );
    Ok(())
}

#[test]
fn a_log_that_was_moved_away_is_opened_anew_by_a_reload() -> Outcome {
    let house = House::start(&["b0"], "", "")?;
    house.wait_until_usable()?;
    house.body("/before")?;
    house.access_log(1)?;
    std::fs::rename(house.access_log_path(), house.access_log_path().with_extension("1"))?;
    house.balancer.signal("HUP")?;
    crate::house::wait_for(|| Ok(house.access_log_path().exists()))?;
    house.body("/after")?;
    let log = house.access_log(1)?;
    assert_eq!((log.len(), &log[0]["path"]), (1, &"/after".into()));
    Ok(())
}

#[test]
fn a_log_that_takes_nothing_holds_up_nobody_and_what_is_dropped_is_counted() -> Outcome {
    let mut house = House::start(&["b0"], "", "")?;
    house.wait_until_usable()?;
    let pipe = house.balancer.directory().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status()?;
    assert!(made.success());
    // Open, and not read from.
    let mut reader = std::fs::OpenOptions::new().read(true).write(true).open(&pipe)?;
    let log = house.access_log_path().display().to_string();
    house.reconfigure(&log, &pipe.display().to_string())?;
    house.reload()?;
    let mut client = house.connect()?;
    let mut sent = 0;
    let dropped = || -> Result<f64, Box<dyn std::error::Error>> {
        Ok(house.metrics()?.sum("evenkeel_access_log_dropped_total", &[]))
    };
    // Large lines fill a pipe's buffer and the balancer's own sooner.
    let path = format!("/{}", "x".repeat(7000));
    while dropped()? < 100.0 && sent < 20_000 {
        for _ in 0..100 {
            assert_eq!(ask(&mut client, &path)?.status, 200);
            sent += 1;
        }
    }
    let dropped = dropped()?;
    assert!(dropped >= 100.0, "after {sent} requests");
    // Whatever was not dropped can be read now, each line whole.
    let expected = sent - dropped as usize;
    let mut text = Vec::new();
    let mut lines = 0;
    let mut buffer = vec![0; 64 << 10];
    while lines < expected {
        let count = std::io::Read::read(&mut reader, &mut buffer)?;
        lines += buffer[..count].iter().filter(|byte| **byte == b'\n').count();
        text.extend_from_slice(&buffer[..count]);
    }
    for line in String::from_utf8(text)?.lines() {
        let line: Value = serde_json::from_str(line)?;
        assert_eq!(line["status"], 200);
    }
    // Nor does it hold up the end.
    for _ in 0..100 {
        assert_eq!(ask(&mut client, &path)?.status, 200);
    }
    house.balancer.signal("TERM")?;
    assert!(house.balancer.wait_for_end(SOON)?.success());
    Ok(())
}

#[test]
fn metrics_agree_with_what_was_sent() -> Outcome {
    let house = House::start(
        &["b0", "b1"],
        "routes = { \"/echo\" = \"web\" }",
        "balance = \"round-robin\"",
    )?;
    house.wait_until_usable()?;
    let mut client = house.connect()?;
    for number in 0..30 {
        assert_eq!(ask(&mut client, &format!("/{number}"))?.status, 200);
    }
    for _ in 0..10 {
        client.send(b"POST /echo HTTP/1.1\r\nhost: test\r\ncontent-length: 5\r\n\r\nhello")?;
        assert_eq!(client.response(SOON, false)?.status, 200);
    }
    for _ in 0..5 {
        assert_eq!(house.get("/garbage")?.status, 502);
    }
    house.wait_until_quiet()?;
    house.access_log(45)?;
    let metrics = house.metrics()?;
    let requests = |labels: &[(&str, &str)]| metrics.sum("evenkeel_http_requests_total", labels);
    assert_eq!(requests(&[("listener", "web"), ("pool", "web")]), 45.0);
    assert_eq!(
        (requests(&[("code", "2xx")]), requests(&[("code", "5xx")])),
        (40.0, 5.0)
    );
    assert_eq!(requests(&[]), 45.0);
    let reason = |reason| metrics.sum("evenkeel_requests_by_reason_total", &[("reason", reason)]);
    assert_eq!((reason("ok"), reason("bad-response")), (40.0, 5.0));
    assert_eq!(metrics.sum("evenkeel_requests_by_reason_total", &[]), 45.0);
    assert_eq!(metrics.sum("evenkeel_http_request_seconds_count", &[]), 45.0);
    assert_eq!(
        metrics.sum("evenkeel_http_request_seconds_bucket", &[("le", "+Inf")]),
        45.0
    );
    assert_eq!(
        metrics.sum("evenkeel_backend_seconds_count", &[]),
        40.0,
        "those that answered"
    );
    assert_eq!(metrics.sum("evenkeel_backend_requests_total", &[("pool", "web")]), 45.0);
    assert_eq!(metrics.sum("evenkeel_backend_errors_total", &[("pool", "web")]), 5.0);
    for backend in ["b0", "b1"] {
        let labels = [("pool", "web"), ("backend", backend)];
        assert!(
            metrics.sum("evenkeel_backend_requests_total", &labels) > 15.0,
            "{backend}"
        );
        assert_eq!(metrics.sum("evenkeel_backend_up", &labels), 1.0);
        assert_eq!(metrics.sum("evenkeel_backend_usable", &labels), 1.0);
        assert_eq!(metrics.sum("evenkeel_backend_in_flight", &labels), 0.0);
        let passed = [("pool", "web"), ("backend", backend), ("result", "pass")];
        assert!(metrics.sum("evenkeel_checks_total", &passed) > 0.0);
    }
    assert_eq!(metrics.sum("evenkeel_config_last_reload_success", &[]), 1.0);
    assert_eq!(metrics.sum("evenkeel_access_log_dropped_total", &[]), 0.0);
    for (labels, _) in metrics.series("evenkeel_http_requests_total") {
        let names: Vec<&str> = labels.keys().map(String::as_str).collect();
        assert_eq!(names, ["code", "listener", "pool", "route"]);
    }
    Ok(())
}

#[test]
fn open_connections_are_counted() -> Outcome {
    let house = House::start(&["b0"], "", "")?;
    house.wait_until_usable()?;
    let open = || -> Result<f64, Box<dyn std::error::Error>> {
        Ok(house.metrics()?.sum("evenkeel_connections", &[("listener", "web")]))
    };
    assert_eq!(open()?, 0.0, "nobody is here");
    let mut clients = Vec::new();
    for number in 1..=10 {
        let mut client = house.connect()?;
        ask(&mut client, "/")?;
        clients.push(client);
        assert_eq!(open()?, f64::from(number));
    }
    drop(clients);
    crate::house::wait_for(|| Ok(open()? == 0.0))
}

#[test]
fn the_cap_of_a_listener_holds_and_whoever_waits_is_served() -> Outcome {
    let house = House::start(&["b0"], "max_connections = 1", "")?;
    house.wait_until_usable()?;
    // Whichever worker each of them is given to.
    let mut clients = (0..16).map(|_| house.connect()).collect::<Result<Vec<_>, _>>()?;
    for client in &mut clients {
        client.send(b"GET / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n")?;
    }
    for (number, client) in clients.iter_mut().enumerate() {
        let response = client.response(SOON, false);
        let response = response.map_err(|problem| format!("client {number}: {problem}"))?;
        assert_eq!(response.status, 200);
    }
    let mut kept = house.connect()?;
    assert_eq!(ask(&mut kept, "/")?.status, 200);
    let mut waiting = house.connect()?;
    waiting.send(b"GET /second HTTP/1.1\r\nhost: test\r\n\r\n")?;
    // It is not served beside the first, however often the first is.
    for _ in 0..50 {
        assert_eq!(ask(&mut kept, "/first")?.status, 200);
    }
    let log = house.access_log(67)?;
    assert!(log.iter().all(|line| line["path"] != "/second"));
    drop(kept);
    assert_eq!(waiting.response(SOON, false)?.status, 200);
    Ok(())
}
