//! What `explain` says of clients that stay, and of the way there.

use crate::house::{House, Outcome};
use serde_json::{Value, json};

fn explain(house: &House, arguments: &[&str]) -> Result<Value, Box<dyn std::error::Error>> {
    let output = house
        .balancer
        .command(&[&["explain", "GET"], arguments, &["--json"]].concat())?;
    let error = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).map_err(|_| error.into())
}

#[test]
fn a_known_client_is_told_its_home() -> Outcome {
    let house = House::start(3, "sticky = { cookie = \"SERVER\" }")?;
    let new = explain(&house, &["http://a/"])?;
    assert_eq!(new["sticky"], "cookie `SERVER` (the request has none), new client");
    assert_eq!((&new["pool"], &new["backend"]), (&json!("web"), &json!(null)));
    assert!(
        new["why_backend"]
            .as_str()
            .is_some_and(|why| why.ends_with("b0, b1, b2")),
        "{new}"
    );
    let browser = house.browser_at("b1")?;
    let cookie = format!("cookie: {}", browser.cookie.as_deref().unwrap_or_default());
    let known = explain(&house, &["http://a/", "-H", &cookie])?;
    assert_eq!(
        (&known["sticky"], &known["backend"]),
        (&json!("cookie `SERVER`, known client"), &json!("b1"))
    );
    let output = house.balancer.command(&["explain", "GET", "/x", "-H", &cookie])?;
    let text = String::from_utf8_lossy(&output.stdout)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    assert!(
        text.contains("sticky cookie `SERVER`, known client -> backend b1"),
        "{text}"
    );
    let forged = explain(&house, &["/", "-H", "cookie: SERVER=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"])?;
    assert_eq!(
        forged["sticky"],
        "cookie `SERVER` (this pool did not sign the request's), new client"
    );
    house.command(&["maintain", "web/b1"])?;
    house.wait_for_backend("b1", |backend| backend["state"] == "maintain")?;
    let away = explain(&house, &["/", "-H", &cookie])?;
    assert_ne!(away["backend"], "b1");
    assert!(
        away["why_backend"]
            .as_str()
            .is_some_and(|why| why.contains("its home b1 may not be used")),
        "{away}"
    );
    Ok(())
}

#[test]
fn what_is_said_of_a_key_is_what_happens() -> Outcome {
    let house = House::start(3, "sticky = { header = \"x-session\" }")?;
    for key in ["one", "two", "three", "four"] {
        let field = format!("x-session: {key}");
        let before = explain(&house, &["/", "-H", &field])?;
        assert_eq!(before["sticky"], "header `x-session`, new client");
        let mut browser = house.browser();
        browser.fields = format!("{field}\r\n");
        assert_eq!(before["backend"], browser.visit("/")?);
        let after = explain(&house, &["/", "-H", &field])?;
        assert_eq!(
            (&after["sticky"], &after["backend"]),
            (&json!("header `x-session`, known client"), &before["backend"])
        );
    }
    let none = explain(&house, &["/"])?;
    assert_eq!(none["sticky"], "header `x-session` (the request has none), new client");
    // Asking is no visit.
    for result in ["new", "home"] {
        assert!(house.counted(result)? <= 4.0);
    }
    Ok(())
}

#[test]
fn a_request_that_is_refused_is_told_so() -> Outcome {
    let house = House::start(1, "")?;
    let refused = explain(&house, &["/", "-H", "content-length: x"])?;
    assert!(
        refused["refused"].as_str().is_some_and(|why| why.ends_with("(400)")),
        "{refused}"
    );
    assert!(explain(&house, &["http://"]).is_err());
    Ok(())
}
