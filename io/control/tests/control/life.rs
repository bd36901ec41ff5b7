//! Start, reload, restart, stop.

use crate::house::{LONG, Plan};
use evenkeel_control::Phase;
use std::time::{Duration, Instant};

const ONE: &str = "/api/v1/pools/web/backends/one";

#[test]
fn a_good_reload_is_taken_whole() {
    let plan = Plan::new();
    let house = plan.start();
    house.send("PUT", ONE, "", r#"{"state":"drain"}"#);
    let more = format!("[pool.more]\nbackends = [\"{}\"]\n", plan.address(1));
    plan.write(&(plan.text("balance = \"random\"") + &more));
    let answer = house.send("POST", "/api/v1/reload", "", "{}");
    assert_eq!(answer.status, 200, "{}", answer.body);
    let changes = answer.json()["changes"].to_string();
    assert!(
        changes.contains("pool more: added") && changes.contains("balance"),
        "{changes}"
    );
    let status = house.get("/api/v1/status").json();
    assert_eq!(status["pools"][0]["balance"], "random");
    assert_eq!(status["pools"][1]["name"], "more");
    assert_eq!(status["pools"][0]["backends"][0]["state"], "drain");
    assert_eq!(
        *house.doors.applied.lock().unwrap(),
        [vec!["web".to_owned()], vec!["web".to_owned(), "more".to_owned()]]
    );
    // And back again.
    plan.write(&plan.text(""));
    assert_eq!(house.send("POST", "/api/v1/reload", "", "").status, 200);
    assert_eq!(house.get("/api/v1/pools/more").status, 404);
}

#[test]
fn a_bad_file_changes_nothing() {
    let plan = Plan::new();
    let house = plan.start();
    plan.write(&plan.text("blance = \"random\""));
    let answer = house.send("POST", "/api/v1/reload", "", "{}");
    assert_eq!(answer.status, 422);
    let json = answer.json();
    assert!(
        json["help"].as_str().unwrap().contains("evenkeel.toml:6:1: error:"),
        "{json}"
    );
    assert_eq!(json["problems"][0]["line"], 6);
    let status = house.get("/api/v1/status").json();
    assert_eq!(status["config"]["last_reload_success"], false);
    assert!(status["config"]["last_reload_error"].is_string());
    assert_eq!(house.doors.applied.lock().unwrap().len(), 1);
    assert!(
        house
            .get("/metrics")
            .body
            .contains("\nevenkeel_config_last_reload_success 0\n")
    );
    std::fs::remove_file(plan.path("evenkeel.toml")).unwrap();
    assert_eq!(house.send("POST", "/api/v1/reload", "", "{}").status, 422);
    plan.write(&plan.text(""));
    assert_eq!(house.send("POST", "/api/v1/reload", "", "{}").status, 200);
    assert!(
        house
            .get("/metrics")
            .body
            .contains("\nevenkeel_config_last_reload_success 1\n")
    );
}

#[test]
fn what_the_doors_refuse_changes_nothing() {
    let plan = Plan::new();
    let house = plan.start();
    let more = format!("[pool.more]\nbackends = [\"{}\"]\n", plan.address(1));
    plan.write(&(plan.text("balance = \"random\"") + &more));
    house.doors.refuse.lock().unwrap().push("port 1 is taken".to_owned());
    let answer = house.send("POST", "/api/v1/reload", "", "{}");
    assert_eq!(
        (answer.status, answer.json()["help"].as_str()),
        (422, Some("port 1 is taken"))
    );
    let status = house.get("/api/v1/status").json();
    assert_eq!(status["pools"].as_array().unwrap().len(), 1);
    assert_eq!(status["pools"][0]["balance"], "least-latency");
}

#[test]
fn what_cannot_be_changed_live_is_said() {
    let plan = Plan::new();
    let house = plan.start();
    plan.write(&plan.text("").replace("control.sock", "other.sock"));
    // The second time it is as true as the first.
    house.send("POST", "/api/v1/reload", "", "{}");
    let notes = house.send("POST", "/api/v1/reload", "", "{}").json()["notes"].to_string();
    // The house listens elsewhere than the file says.
    assert_eq!(notes, r#"["admin: needs a restart: socket, bind"]"#);
}

#[test]
fn readiness_is_of_backends_that_are_well() {
    let mut plan = Plan::new();
    // The second pool is well, but no listener uses it.
    let other = format!("[pool.other]\nbackends = [\"{}\"]\ncheck = false\n", plan.address(1));
    let text = plan.text("check = { tcp = true, every = \"100ms\", timeout = \"100ms\", fall = 1 }");
    plan.write(&(text + &other));
    let house = plan.start();
    assert_eq!(house.get("/readyz").status, 200);
    // The two of the first die; a panic still makes them candidates.
    plan.backends.clear();
    let deadline = Instant::now() + LONG;
    while house.get("/readyz").status == 200 {
        assert!(Instant::now() < deadline, "{}", house.get("/api/v1/status").body);
    }
    let answer = house.get("/readyz");
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (503, "no pool that a listener uses has a usable backend\n")
    );
    assert_eq!(house.get("/api/v1/pools/web").json()["panic"], true);
    // A listener that needs no backend is ready.
    let text = "[listener.web]\nbind = \"127.0.0.1:1\"\nredirect = \"https\"\n";
    plan.write(&(text.to_owned() + &other));
    assert_eq!(house.send("POST", "/api/v1/reload", "", "").status, 200);
    assert_eq!(house.get("/readyz").status, 200);
}

#[test]
fn decisions_and_health_survive_a_restart() {
    let plan = Plan::new();
    let house = plan.start();
    house.send("PUT", ONE, "", r#"{"state":"drain","weight":5}"#);
    house.stop();
    let house = plan.start();
    let one = house.backend("one");
    assert_eq!(
        (one["state"].as_str(), one["weight"].as_u64()),
        (Some("drain"), Some(5))
    );
    house.stop();
    // What the file says anew wins over what was decided before it did.
    plan.write(&plan.text("").replace("name = \"one\"", "name = \"one\", weight = 9"));
    let house = plan.start();
    let one = house.backend("one");
    assert_eq!(
        (one["state"].as_str(), one["weight"].as_u64()),
        (Some("drain"), Some(9))
    );
}

#[test]
fn a_spoilt_state_is_no_reason_not_to_start() {
    let plan = Plan::new();
    let house = plan.start();
    house.send("PUT", ONE, "", r#"{"state":"drain"}"#);
    house.stop();
    let files = || {
        std::fs::read_dir(plan.path("state"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
    };
    let file = files().next().unwrap();
    std::fs::write(&file, "{ spoilt").unwrap();
    let house = plan.start();
    assert_eq!(house.backend("one")["state"], "ready");
    assert!(files().any(|path| path.extension().is_some_and(|extension| extension == "unreadable")));
}

#[test]
fn one_socket_one_process() {
    let plan = Plan::new();
    let house = plan.start();
    let error = plan.try_start().err().unwrap();
    assert!(error.contains("already running"), "{error}");
    assert_eq!(house.get("/healthz").status, 200);
}

#[test]
fn stops_gracefully() {
    let plan = Plan::new();
    let house = plan.start();
    let (control, doors, socket) = (house.control.clone(), house.doors.clone(), house.socket.clone());
    assert!(socket.exists());
    assert!(control.is_ready());
    house.stop();
    assert_eq!(*doors.stopped.lock().unwrap(), Some(Duration::from_secs(7)));
    assert_eq!(control.phase(), Phase::Stopping);
    assert!(!control.is_ready());
    assert!(!socket.exists());
}

#[test]
fn a_socket_that_cannot_be_made_is_the_error() {
    let plan = Plan::new();
    plan.write(&plan.text("").replace("control.sock", "missing/folder/control.sock"));
    let error = plan.try_start().err().unwrap();
    assert!(error.contains("control.sock"), "{error}");
}
