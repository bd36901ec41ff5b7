//! The admin API over real sockets.

use crate::house::{LONG, Plan};
use serde_json::json;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

#[test]
fn reading() {
    let plan = Plan::new();
    let house = plan.start();
    let status = house.get("/api/v1/status").json();
    assert_eq!(status["version"], "1.2.3");
    assert_eq!(status["phase"], "serving");
    let listener = &status["listeners"][0];
    assert_eq!(listener["name"], "web");
    assert_eq!(listener["bind"], json!(["127.0.0.1:1"]));
    assert_eq!(listener["connections"], 3);
    let pool = &status["pools"][0];
    assert_eq!(
        (pool["name"].as_str(), pool["balance"].as_str()),
        (Some("web"), Some("least-latency"))
    );
    assert_eq!(pool["sticky"], json!(null));
    let backend = &pool["backends"][0];
    assert_eq!(backend["name"], "one");
    assert_eq!(backend["address"], plan.address(0).to_string());
    assert_eq!(backend["state"], "ready");
    assert_eq!(backend["health"], "up");
    assert_eq!(backend["usable"], true);
    assert!(backend["why"].is_string());
    for number in ["in_flight", "weight", "requests", "errors"] {
        assert!(backend[number].is_u64(), "{number}: {backend}");
    }
    assert_eq!(house.get("/api/v1/pools/web").json()["name"], "web");
    assert_eq!(house.get("/api/v1/pools").json()["pools"][0]["name"], "web");
    assert_eq!(house.get("/healthz").status, 200);
    assert_eq!(house.get("/readyz").status, 200);
    assert_eq!(house.get("/").status, 200);
    let told = house
        .get("/api/v1/explain?method=HEAD&url=/a%3Fb&header=x-a:+1&from=192.0.2.7")
        .json();
    assert_eq!(
        (&told["listener"], &told["client"]),
        (&json!("web"), &json!("192.0.2.7"))
    );
    assert_eq!(told["why"], "HEAD /a?b HTTP/1.1\r\nhost: localhost\r\nx-a: 1\r\n\r\n");
    for wrong in [
        "",
        "?method=GET",
        "?url=%20",
        "?url=/&from=me",
        "?url=/&header=a",
        "?url=/&who=me",
    ] {
        assert_eq!(house.get(&format!("/api/v1/explain{wrong}")).status, 400, "{wrong}");
    }
    let metrics = house.get("/metrics");
    assert!(
        metrics.head.contains("content-type: text/plain; version=0.0.4"),
        "{}",
        metrics.head
    );
    for line in [
        "evenkeel_backend_usable{pool=\"web\",backend=\"one\"} 1",
        "evenkeel_of_the_doors 7",
        "evenkeel_config_last_reload_success 1",
    ] {
        assert!(
            metrics.body.lines().any(|found| found == line),
            "{line} in\n{}",
            metrics.body
        );
    }
    house.stop();
}

#[test]
fn what_is_not_there() {
    let plan = Plan::new();
    let house = plan.start();
    let unknown = house.get("/api/v1/pools/wbe");
    assert_eq!(unknown.status, 404);
    assert_eq!(unknown.json()["help"], "did you mean \"web\"?");
    let drain = r#"{"state":"drain"}"#;
    let unknown = house.send("PUT", "/api/v1/pools/web/backends/somebody", "", drain);
    assert_eq!(unknown.status, 404);
    assert!(
        unknown.json()["help"].as_str().unwrap().contains("one"),
        "{}",
        unknown.body
    );
    assert_eq!(
        house.send("PUT", "/api/v1/pools/none/backends/one", "", drain).status,
        404
    );
    assert_eq!(
        house
            .send("DELETE", "/api/v1/pools/web/backends/somebody", "", "")
            .status,
        404
    );
    assert_eq!(house.get("/api/v2/status").status, 404);
    assert_eq!(house.get("/%zz").status, 400);
    let wrong = house.send("POST", "/api/v1/status", "", "{}");
    assert_eq!(wrong.status, 405);
    assert!(wrong.head.contains("allow: get, head"), "{}", wrong.head);
    assert_eq!(house.get("/api/v1/reload").status, 405);
    assert_eq!(house.get("/api/v1/pools/web/backends/one").status, 405);
}

#[test]
fn orders() {
    let plan = Plan::new();
    let house = plan.start();
    let one = "/api/v1/pools/web/backends/one";
    let answer = house.send("PUT", &format!("{one}?wait=20s"), "", r#"{"state":"drain"}"#);
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.json()["done"], true);
    let backend = house.backend("one");
    assert_eq!(
        (backend["state"].as_str(), backend["usable"].as_bool()),
        (Some("drain"), Some(false))
    );
    let answer = house.send("PUT", &format!("{one}?wait=20s"), "", r#"{"state":"ready","weight":7}"#);
    assert_eq!(answer.json()["done"], true, "{}", answer.body);
    let backend = house.backend("one");
    assert_eq!(
        (backend["weight"].as_u64(), backend["usable"].as_bool()),
        (Some(7), Some(true))
    );
    // By address too.
    let by_address = format!("/api/v1/pools/web/backends/{}", plan.address(0));
    assert_eq!(
        house.send("PUT", &by_address, "", r#"{"state":"maintain"}"#).status,
        200
    );
    assert_eq!(house.backend("one")["state"], "maintain");
}

#[test]
fn backends_come_and_go() {
    let plan = Plan::new();
    let house = plan.start();
    let extra = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = extra.local_addr().unwrap();
    let target = "/api/v1/pools/web/backends/extra";
    let body = json!({ "address": address.to_string(), "weight": 3, "state": "ready" }).to_string();
    let added = house.send("PUT", &format!("{target}?wait=20s"), "", &body);
    assert_eq!(
        (added.status, added.json()["done"].as_bool()),
        (200, Some(true)),
        "{}",
        added.body
    );
    assert_eq!(house.backend("extra")["weight"], 3);
    assert_eq!(house.send("PUT", target, "", &body).status, 200);
    let elsewhere = json!({ "address": "127.0.0.1:1" }).to_string();
    let conflict = house.send("PUT", target, "", &elsewhere);
    assert_eq!(conflict.status, 409);
    assert!(conflict.body.contains(&address.to_string()), "{}", conflict.body);
    let by_name = json!({ "address": format!("localhost:{}", address.port()), "state": "ready" }).to_string();
    assert_eq!(house.send("PUT", target, "", &by_name).status, 200);
    let twice = house.send("PUT", "/api/v1/pools/web/backends/other", "", &body);
    assert_eq!(twice.status, 409, "{}", twice.body);
    assert!(twice.body.contains("extra"), "{}", twice.body);
    assert_eq!(house.send("DELETE", target, "", "").status, 200);
    assert!(house.backend("extra").is_null());
    for address in ["nonsense", "10.0.0.1", "unix:relative", ""] {
        let body = json!({ "address": address }).to_string();
        assert_eq!(house.send("PUT", target, "", &body).status, 400, "{address}");
    }
}

#[test]
fn bad_wishes_change_nothing() {
    let plan = Plan::new();
    let house = plan.start();
    let one = "/api/v1/pools/web/backends/one";
    let before = house.backend("one");
    let large = format!("{{\"state\": \"drain\", \"weight\": 1{}}}", " ".repeat(70_000));
    for (body, status) in [
        ("", 400),
        ("{}", 400),
        ("[]", 400),
        ("{\"state\": \"drian\"}", 400),
        ("{\"state\": \"drain\", \"color\": 1}", 400),
        ("{\"weight\": 1001}", 400),
        ("{\"weight\": -1}", 400),
        ("{\"weight\": 1, \"backup\": true}", 400),
        (&large, 413),
    ] {
        let answer = house.send("PUT", one, "", body);
        assert_eq!(answer.status, status, "{}", answer.body);
        assert!(answer.json()["error"].is_string());
    }
    let drain = r#"{"state":"drain"}"#;
    for query in ["wait=5", "wait=%zz", "color=red", "wait=25h"] {
        assert_eq!(
            house.send("PUT", &format!("{one}?{query}"), "", drain).status,
            400,
            "{query}"
        );
    }
    let after = house.backend("one");
    assert_eq!(
        (&before["state"], &before["weight"]),
        (&after["state"], &after["weight"])
    );
}

#[test]
fn tcp_reads_and_needs_the_token_to_change() {
    let plan = Plan::new();
    let house = plan.start();
    let host = format!("host: {}\r\n", house.tcp);
    let read = house.send_tcp("GET", "/api/v1/status", &host, "");
    assert_eq!(read.status, 200);
    for field in [
        "x-content-type-options: nosniff",
        "x-frame-options: deny",
        "cache-control: no-store",
    ] {
        assert!(read.head.contains(field), "{}", read.head);
    }
    assert!(!read.head.contains("access-control"), "{}", read.head);
    assert_eq!(
        house
            .send_tcp("GET", "/api/v1/status", "host: evil.example\r\n", "")
            .status,
        421
    );
    assert_eq!(
        house
            .send_tcp("GET", "/metrics", &format!("{host}origin: http://evil.example\r\n"), "")
            .status,
        403
    );
    assert_eq!(
        house
            .send_tcp("GET", "/metrics", &format!("{host}sec-fetch-site: cross-site\r\n"), "")
            .status,
        403
    );

    let one = "/api/v1/pools/web/backends/one";
    let drain = r#"{"state":"drain"}"#;
    let json = "content-type: application/json\r\n";
    let put = |fields: &str| house.send_tcp("PUT", one, &format!("{host}{fields}"), drain).status;
    assert_eq!(put(json), 401);
    assert_eq!(put(&format!("{json}authorization: Bearer wrong!\r\n")), 401);
    assert_eq!(house.backend("one")["state"], "ready");
    assert_eq!(put("authorization: Bearer secret\r\n"), 200);
    assert_eq!(house.backend("one")["state"], "drain");
    let reload = house.send_tcp("POST", "/api/v1/reload", &format!("{host}{json}"), "");
    assert_eq!(reload.status, 401);
    // Before the token is asked for, it is said what makes no sense.
    let wrong = house.send_tcp("POST", "/api/v1/status", &host, "");
    assert_eq!(wrong.status, 405);
    assert!(wrong.head.contains("allow: get, head"), "{}", wrong.head);
    assert_eq!(house.send_tcp("PUT", "/api/v1/nothing", &host, "").status, 404);
    let shown = format!("{host}authorization: Bearer secret\r\n");
    assert_eq!(house.send_tcp("POST", "/api/v1/reload", &shown, "").status, 200);
    std::fs::remove_file(plan.path("token")).unwrap();
    assert_eq!(put(&format!("{json}authorization: Bearer secret\r\n")), 403);
}

#[test]
fn events_are_told_as_they_happen() {
    let plan = Plan::new();
    let house = plan.start();
    let mut stream = UnixStream::connect(&house.socket).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream
        .write_all(b"GET /api/v1/events HTTP/1.1\r\nhost: x\r\n\r\n")
        .unwrap();
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
    lines.find(|line| line == ": follow").unwrap();
    house.send("PUT", "/api/v1/pools/web/backends/one", "", r#"{"state":"drain"}"#);
    let event = lines
        .find_map(|line| line.strip_prefix("data: ").map(str::to_owned))
        .unwrap();
    let event: serde_json::Value = serde_json::from_str(&event).unwrap();
    assert_eq!(event["kind"], "backend");
    assert_eq!(
        (&event["pool"], &event["backend"], &event["to"]),
        (&json!("web"), &json!("one"), &json!("drain"))
    );
    assert_eq!(event["usable"], false);
}
