//! What happens to clients when backends are drained, die, return, leave, or are full.

use crate::house::{House, Outcome, SOON, status};
use serde_json::{Value, json};

const COOKIE: &str = "sticky = \"cookie\"";

#[test]
fn a_drained_backend_keeps_its_clients_and_gets_no_new_ones() -> Outcome {
    let house = House::start(2, COOKIE)?;
    let mut settled = house.browser_at("b0")?;
    house.command(&["drain", "web/b0"])?;
    house.wait_for_backend("b0", |backend| backend["state"] == "drain")?;
    for _ in 0..20 {
        assert_eq!(settled.visit("/")?, "b0");
        assert_eq!(house.browser().visit("/")?, "b1");
    }
    // The last one stays until the operator takes the backend away.
    house.command(&["maintain", "web/b0"])?;
    house.wait_for_backend("b0", |backend| backend["state"] == "maintain")?;
    for _ in 0..5 {
        assert_eq!(settled.visit("/")?, "b1");
        assert_eq!(settled.given, None, "b0 is still its home");
    }
    house.command(&["ready", "web/b0", "--wait", "20s"])?;
    assert_eq!(settled.visit("/")?, "b0");
    assert!(house.counted("away")? >= 5.0);
    Ok(())
}

#[test]
fn status_tells_how_clients_stay() -> Outcome {
    let house = House::start(2, "sticky = { cookie = \"SERVER\", for = \"8h\" }")?;
    let mut browser = house.browser_at("b0")?;
    for _ in 0..3 {
        browser.visit("/")?;
    }
    let sticky = |house: &House| -> Result<Value, Box<dyn std::error::Error>> {
        Ok(status(&house.balancer)?["pools"][0]["sticky"].clone())
    };
    let told = sticky(&house)?;
    assert_eq!(
        (&told["by"], &told["name"], &told["for_ms"]),
        (&json!("cookie"), &json!("SERVER"), &json!(28_800_000))
    );
    assert!(
        told["requests"]["new"].as_u64() >= Some(1) && told["requests"]["home"].as_u64() >= Some(3),
        "{told}"
    );
    assert_eq!(told["requests"]["refused"], 0);
    let output = house.balancer.command(&["status"])?;
    let text = String::from_utf8_lossy(&output.stdout)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    assert!(text.contains("sticky cookie SERVER for 8h"), "{text}");
    house.reload(0, "sticky = { header = \"x-session\" }")?;
    let told = sticky(&house)?;
    assert_eq!((&told["by"], &told["name"]), (&json!("header"), &json!("x-session")));
    house.reload(0, "")?;
    assert_eq!(sticky(&house)?, json!(null));
    Ok(())
}

#[test]
fn a_dead_one_gives_its_clients_up_and_gets_them_back() -> Outcome {
    let mut house = House::start(3, COOKIE)?;
    let mut browser = house.browser_at("b1")?;
    house.backend("b1").kill()?;
    // From the first moment on every request is answered, wherever the checks are.
    let refuge = browser.visit("/")?;
    assert_ne!(refuge, "b1");
    for _ in 0..30 {
        assert_eq!(browser.visit("/")?, refuge, "it stays at one");
        assert_eq!(browser.given, None);
    }
    house.wait_for_backend("b1", |backend| backend["health"] == "down")?;
    assert_eq!(browser.visit("/")?, refuge);
    house.backend("b1").start_again()?;
    house.wait_for_backend("b1", |backend| backend["usable"] == true)?;
    for _ in 0..5 {
        assert_eq!(browser.visit("/")?, "b1");
    }
    Ok(())
}

#[test]
fn a_reload_moves_only_clients_whose_backend_has_left() -> Outcome {
    let house = House::start(3, COOKIE)?;
    let mut leaving = house.browser_at("b0")?;
    let mut staying = house.browser_at("b1")?;
    house.reload(0, &format!("{COOKIE}\nbalance = \"random\"\nmax_connections = 50"))?;
    assert_eq!(leaving.visit("/")?, "b0");
    house.reload(1, COOKIE)?;
    let home = leaving.visit("/")?;
    assert_ne!(home, "b0");
    assert!(leaving.given.is_some(), "it has a new home");
    assert_eq!((leaving.visit("/")?, leaving.given), (home.clone(), None));
    assert_eq!((staying.visit("/")?, &staying.given), ("b1".to_owned(), &None));
    // One that comes back takes nobody who has settled elsewhere.
    house.reload(0, COOKIE)?;
    house.wait_until_usable()?;
    assert_eq!(staying.visit("/")?, "b1");
    assert_eq!(house.counted("lost")?, 1.0);
    Ok(())
}

#[test]
fn who_finds_its_backend_full_waits_for_it() -> Outcome {
    let house = House::start(
        2,
        &format!("{COOKIE}\nmax_connections = 1\nqueue = {{ timeout = \"40s\" }}"),
    )?;
    let browser = house.browser_at("b0")?;
    let mut first = browser.send("/slow?ms=300")?;
    house.wait_for_backend("b0", |backend| backend["in_flight"] == 1)?;
    let mut second = browser.send("/")?;
    assert_eq!(first.response(SOON, false)?.status, 200);
    let answer = second.response(SOON, false)?;
    assert_eq!(
        (answer.status, &answer.body[..]),
        (200, &b"b0"[..]),
        "b1 was free all the time"
    );
    Ok(())
}

#[test]
fn who_waits_too_long_for_its_backend_goes_elsewhere_for_once() -> Outcome {
    let house = House::start(
        2,
        &format!(
            "{COOKIE}\nmax_connections = 1\nqueue = {{ timeout = \"200ms\" }}\ntimeouts = {{ response = \"60s\" }}"
        ),
    )?;
    let mut browser = house.browser_at("b0")?;
    let held = browser.send("/hang")?;
    house.wait_for_backend("b0", |backend| backend["in_flight"] == 1)?;
    assert_eq!(browser.visit("/")?, "b1");
    assert_eq!(browser.given, None);
    assert_eq!(house.counted("away")?, 1.0);
    // Both are full: it waits as everybody does, and no more than that.
    let mut other = house.browser();
    other.cookie = None;
    let second = other.send("/hang")?;
    house.wait_for_backend("b1", |backend| backend["in_flight"] == 1)?;
    assert_eq!(browser.ask("/")?.status, 503);
    held.reset()?;
    house.wait_for_backend("b0", |backend| backend["in_flight"] == 0)?;
    assert_eq!(browser.visit("/")?, "b0");
    drop(second);
    Ok(())
}
