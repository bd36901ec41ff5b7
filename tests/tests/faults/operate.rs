//! What operators do: drain, maintain, ready, restart, stop.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use evenkeel_tests::balancer::binary;
use evenkeel_tests::client::Client;
use serde_json::Value;

use crate::house::{House, Outcome, SOON, ask, wait_for};

/// b0 gets everything as long as it may have it.
const FIRST: &str = "balance = \"first\"\ncheck = { http = \"/healthz\", every = \"200ms\" }";
/// How long a graceful stop waits for what is running.
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// A request that is under way at b0 until this client leaves.
fn long_request(house: &House) -> Result<Client, Box<dyn std::error::Error>> {
    let mut client = house.connect()?;
    client.send(b"GET /endless HTTP/1.1\r\nhost: test\r\n\r\n")?;
    assert!(client.read_until(SOON, |bytes, _| bytes.windows(5).any(|word| word == b"tick\n")));
    house.wait_for_backend("b0", |backend| backend["in_flight"] == 1)?;
    Ok(client)
}

fn spawn(house: &House, arguments: &[&str]) -> std::io::Result<Child> {
    Command::new(binary()?)
        .args(arguments)
        .env("EVENKEEL_SOCKET", house.balancer.socket())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
}

#[test]
fn drain_waits_for_the_last_request_and_sends_no_new_one() -> Outcome {
    let house = House::start(&["b0", "b1"], "", FIRST)?;
    house.wait_until_usable()?;
    assert_eq!(house.body("/before")?, "b0");
    let mut client = long_request(&house)?;
    let mut drain = spawn(&house, &["drain", "web/b0", "--wait", "60s"])?;
    house.wait_for_backend("b0", |backend| backend["state"] == "drain")?;
    for _ in 0..20 {
        assert_eq!(house.body("/during")?, "b1");
    }
    // What runs goes on, and the command waits for it.
    let ticks = |bytes: &[u8]| bytes.windows(5).filter(|word| *word == b"tick\n").count();
    let seen = ticks(client.received());
    assert!(client.read_until(SOON, |bytes, _| ticks(bytes) > seen + 50));
    assert!(drain.try_wait()?.is_none(), "it still has a request");
    drop(client);
    wait_for(|| Ok(drain.try_wait()?.is_some()))?;
    assert!(drain.wait()?.success());
    let backend = house.backend_status("b0")?;
    assert_eq!(
        (&backend["in_flight"], &backend["health"]),
        (&0.into(), &"up".into()),
        "{backend}"
    );
    house.command(&["ready", "web/b0", "--wait", "20s"])?;
    assert_eq!(house.body("/after")?, "b0");
    Ok(())
}

#[test]
fn drain_says_so_when_a_request_outlasts_its_patience() -> Outcome {
    let house = House::start(&["b0", "b1"], "", FIRST)?;
    house.wait_until_usable()?;
    let _client = long_request(&house)?;
    let output = house.balancer.command(&["drain", "web/b0", "--wait", "300ms"])?;
    assert_eq!(output.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("1 request"),
        "{output:?}"
    );
    assert_eq!(house.backend_status("b0")?["state"], "drain", "it stays drained");
    let output = house.balancer.command(&["drain", "web/b7"])?;
    assert_eq!(output.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("did you mean"),
        "{output:?}"
    );
    Ok(())
}

#[test]
fn a_drained_backend_finishes_the_request_it_has() -> Outcome {
    let house = House::start(&["b0", "b1"], "", FIRST)?;
    house.wait_until_usable()?;
    let mut client = house.connect()?;
    client.send(b"GET /slow?ms=1000 HTTP/1.1\r\nhost: test\r\n\r\n")?;
    house.wait_for_backend("b0", |backend| backend["in_flight"] == 1)?;
    house.command(&["drain", "web/b0", "--wait", "60s"])?;
    // The answer was there before the command was done.
    let response = client.response(Duration::from_secs(1), false)?;
    assert_eq!((response.status, &*response.body), (200, &b"b0"[..]));
    assert_eq!(ask(&mut client, "/next")?.body, b"b1");
    Ok(())
}

#[test]
fn a_backend_in_maintenance_gets_nothing_and_is_not_checked() -> Outcome {
    let house = House::start(&["b0", "b1"], "", FIRST)?;
    house.wait_until_usable()?;
    house.command(&["maintain", "web/b0", "--wait", "20s"])?;
    house.backend("b0").ask("/control?health=fail")?;
    let failed = |backend: &Value| backend["checks"]["failed"].as_u64();
    let passed = |backend: &Value| backend["checks"]["passed"].as_u64();
    let before = house.backend_status("b0")?;
    let other = passed(&house.backend_status("b1")?);
    // While the other is checked ten times, this one is not.
    house.wait_for_backend("b1", |backend| passed(backend) >= other.map(|count| count + 10))?;
    let after = house.backend_status("b0")?;
    assert_eq!((failed(&before), passed(&before)), (failed(&after), passed(&after)));
    assert_eq!(after["state"], "maintain");
    assert_eq!(house.body("/")?, "b1");
    // Ready again, it must prove itself.
    house.command(&["ready", "web/b0"])?;
    house.wait_for_backend("b0", |backend| {
        backend["health"] == "down" && backend["usable"] == false
    })?;
    house.backend("b0").ask("/control?health=ok")?;
    house.command(&["ready", "web/b0", "--wait", "20s"])?;
    assert_eq!(house.body("/")?, "b0");
    Ok(())
}

#[test]
fn the_operators_word_and_known_health_survive_a_restart_and_a_crash() -> Outcome {
    let mut house = House::start(&["b0", "b1", "b2", "b3"], "", FIRST)?;
    house.wait_until_usable()?;
    house.command(&["drain", "web/b0"])?;
    house.command(&["maintain", "web/b1"])?;
    let (status, body) = house
        .balancer
        .admin("PUT", "/api/v1/pools/web/backends/b2", "{\"weight\": 7}")?;
    assert_eq!(status, 200, "{body}");
    for (signal, how) in [("TERM", "a restart"), ("KILL", "a crash")] {
        // Its checks say nothing now: that it is up is known only from before.
        house.backend("b3").ask("/control?health=hang")?;
        if signal == "KILL" {
            wait_for(|| saved(&house, &["drain", "maintain", "7"]))?;
        }
        house.balancer.signal(signal)?;
        house.balancer.wait_for_end(SOON)?;
        house.balancer.start_again()?;
        for (name, key, value) in [
            ("b0", "state", Value::from("drain")),
            ("b1", "state", "maintain".into()),
            ("b2", "weight", 7.into()),
            ("b3", "health", "up".into()),
            ("b3", "usable", true.into()),
        ] {
            let backend = house.backend_status(name)?;
            assert_eq!(backend[key], value, "{key} after {how}: {backend}");
        }
        let served = house.body("/")?;
        assert!(["b2", "b3"].contains(&&*served), "{served} after {how}");
        house.backend("b3").ask("/control?health=ok")?;
        house.wait_for_backend("b3", |backend| backend["why"] == "checks pass")?;
    }
    Ok(())
}

/// Whether the state's file has all of these words.
fn saved(house: &House, words: &[&str]) -> Result<bool, Box<dyn std::error::Error>> {
    let mut text = String::new();
    for entry in std::fs::read_dir(house.balancer.directory().join("state"))? {
        // A file that is being replaced may be gone by now.
        text += &std::fs::read_to_string(entry?.path()).unwrap_or_default();
    }
    Ok(words.iter().all(|word| text.contains(word)))
}

#[test]
fn a_graceful_stop_finishes_what_is_running_and_takes_nothing_new() -> Outcome {
    let mut house = House::start(&["b0", "b1"], "", FIRST)?;
    house.wait_until_usable()?;
    let mut idle = house.connect()?;
    ask(&mut idle, "/")?;
    let mut running = house.connect()?;
    running.send(b"GET /slow?ms=2000 HTTP/1.1\r\nhost: test\r\n\r\n")?;
    let mut sending = house.connect()?;
    sending.send(b"POST /sink HTTP/1.1\r\nhost: test\r\ncontent-length: 10\r\n\r\n12345")?;
    house.wait_for_backend("b0", |backend| backend["in_flight"] == 2)?;
    house.balancer.signal("TERM")?;
    wait_for(|| Ok(house.connect().is_err()))?;
    assert!(
        idle.read_to_end(SOON) && idle.received().is_empty(),
        "an idle connection ends at once"
    );
    sending.send(b"67890")?;
    for (client, body) in [(&mut sending, "10"), (&mut running, "b0")] {
        let response = client.response(SOON, false)?;
        assert_eq!((response.status, &*response.body), (200, body.as_bytes()));
        assert!(client.read_to_end(SOON), "and the connection ends");
    }
    assert!(house.balancer.wait_for_end(SOON)?.success());
    let log = std::fs::read_to_string(house.access_log_path())?;
    for path in ["/slow", "/sink"] {
        assert!(
            log.contains(&format!("\"path\":\"{path}\"")),
            "{path} is in the log: {log}"
        );
    }
    Ok(())
}

#[test]
fn a_graceful_stop_answers_whoever_has_just_come() -> Outcome {
    let mut house = House::start(&["b0", "b1"], "", FIRST)?;
    house.wait_until_usable()?;
    let mut clients = (0..16).map(|_| house.connect()).collect::<Result<Vec<_>, _>>()?;
    wait_for(|| Ok(house.metrics()?.sum("evenkeel_connections", &[("listener", "web")]) == 16.0))?;
    house.balancer.signal("TERM")?;
    let request = b"GET / HTTP/1.1\r\nhost: test\r\n\r\n";
    // Some as it stops, some when it surely has.
    for client in &mut clients[..8] {
        client.send(request)?;
    }
    wait_for(|| Ok(house.connect().is_err()))?;
    for client in &mut clients[8..] {
        client.send(request)?;
    }
    for (number, client) in clients.iter_mut().enumerate() {
        let response = client.response(SOON, false);
        let response = response.map_err(|problem| format!("client {number}: {problem}"))?;
        assert_eq!(response.status, 200);
        // The first ones may be answered before the signal arrives.
        let closes = response.fields.members("connection") == ["close"];
        assert!(closes || number < 8, "client {number} is told");
        assert!(client.read_to_end(SOON), "client {number} is ended");
    }
    assert!(house.balancer.wait_for_end(SOON)?.success());
    Ok(())
}

#[test]
fn a_second_signal_stops_at_once() -> Outcome {
    let mut house = House::start(&["b0"], "", FIRST)?;
    house.wait_until_usable()?;
    let mut client = long_request(&house)?;
    house.balancer.signal("TERM")?;
    wait_for(|| Ok(house.connect().is_err()))?;
    let seen = client.received().len();
    assert!(
        client.read_until(SOON, |bytes, _| bytes.len() > seen + 100),
        "it goes on"
    );
    house.balancer.signal("TERM")?;
    house.balancer.wait_for_end(SOON)?;
    assert!(client.read_to_end(SOON));
    Ok(())
}

#[test]
fn a_graceful_stop_has_a_limit() -> Outcome {
    let mut house = House::start(&["b0"], "", FIRST)?;
    house.wait_until_usable()?;
    let _client = long_request(&house)?;
    let begun = Instant::now();
    house.balancer.signal("TERM")?;
    house.balancer.wait_for_end(STOP_LIMIT + SOON)?;
    assert!(begun.elapsed() >= STOP_LIMIT, "{:?}", begun.elapsed());
    Ok(())
}
