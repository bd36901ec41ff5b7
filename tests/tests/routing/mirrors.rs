//! Copies of requests to a shadow, which the requests themselves never notice.

use crate::site::{Outcome, SOON, Site, target, value};
use evenkeel_tests::origin::{Answer, Step};

const MIRRORED: &str = "
    [[listener.web.route]]
    pool = 'a'
    mirror = 'shadow'
    rewrite_path = '/v2/*'
    request_headers = { set = { x-a = '1' } }
";

fn scripted(steps: Vec<Step>) -> Answer {
    Answer {
        steps,
        ..Answer::default()
    }
}

#[test]
fn the_shadow_gets_the_same_request() -> Outcome {
    let site = Site::start(&["a", "shadow"], MIRRORED, "")?;
    let chunked = "POST /c?d HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n";
    let sized = "PUT /c?d HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\n\r\nhi";
    for request in ["GET /c?d HTTP/1.1\r\nhost: h\r\n\r\n", sized, chunked] {
        site.forget();
        assert_eq!(site.ask(request)?.status, 200);
        site.wait_for("shadow", 1)?;
        let (seen, copy) = (site.only("a")?, site.only("shadow")?);
        assert_eq!(target(&copy), "/v2/c?d");
        assert_eq!((&copy.line, &copy.body), (&seen.line, &seen.body));
        assert_eq!(value(&copy.fields, "x-a"), "1");
        assert_eq!(value(&copy.fields, "x-request-id"), value(&seen.fields, "x-request-id"));
    }
    site.wait_for_metric(
        "evenkeel_mirrored_total",
        &[("pool", "shadow"), ("result", "sent")],
        3.0,
    )
}

/// The body comes after the head: the copy is made when it is whole.
#[test]
fn a_body_that_comes_late_is_copied_too() -> Outcome {
    let site = Site::start(&["a", "shadow"], MIRRORED, "")?;
    let mut client = site.connect()?;
    client.send(b"POST /late HTTP/1.1\r\nhost: h\r\ncontent-length: 6\r\n\r\nabc")?;
    assert!(site.origin("a").wait_until(SOON, |records| {
        records.iter().any(|record| record.bytes.ends_with(b"abc"))
    }));
    assert_eq!(site.seen("shadow").len(), 0);
    client.send(b"def")?;
    assert_eq!(client.response(SOON, false)?.status, 200);
    site.wait_for("shadow", 1)?;
    assert_eq!(site.only("shadow")?.body, b"abcdef");
    Ok(())
}

#[test]
fn a_large_body_is_not_copied_and_is_counted() -> Outcome {
    let site = Site::start(&["a", "shadow"], MIRRORED, "")?;
    let body = "x".repeat(65 << 10);
    let sized = format!(
        "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let chunked = format!(
        "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
        body.len()
    );
    for request in [sized, chunked] {
        assert_eq!(site.ask(&request)?.status, 200);
    }
    site.wait_for_metric("evenkeel_mirrored_total", &[("result", "too-large")], 2.0)?;
    assert_eq!(site.seen("a").len(), 2);
    assert_eq!(site.seen("shadow").len(), 0);
    Ok(())
}

/// What the route holds is whole before it is sent, and copied whatever its size.
#[test]
fn a_body_that_is_held_is_copied_too() -> Outcome {
    let routes = format!("{MIRRORED}\nbuffer = '1MiB'");
    let site = Site::start(&["a", "shadow"], &routes, "")?;
    let body = "x".repeat(300 << 10);
    let chunked = format!(
        "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
        body.len()
    );
    assert_eq!(site.ask(&chunked)?.status, 200);
    site.wait_for("shadow", 1)?;
    for pool in ["a", "shadow"] {
        assert!(site.only(pool)?.body == body.as_bytes(), "the body at {pool}");
    }
    Ok(())
}

#[test]
fn a_shadow_that_hangs_breaks_or_babbles_changes_nothing() -> Outcome {
    let site = Site::start(&["a", "shadow"], MIRRORED, "")?;
    let steps = [
        Step::Hold,
        Step::Reset,
        Step::Close,
        Step::Send(b"nonsense\r\n\r\n".to_vec()),
    ];
    site.origin("shadow")
        .begin(steps.into_iter().map(|step| scripted(vec![step])).collect());
    let mut client = site.connect()?;
    for number in 0..4 {
        client.send(format!("GET /{number} HTTP/1.1\r\nhost: h\r\n\r\n").as_bytes())?;
        let response = client.response(SOON, false)?;
        assert_eq!(response.status, 200);
        assert_eq!(response.body, format!("/v2/{number}").into_bytes());
        let labels = [("pool", "shadow"), ("result", "sent")];
        site.wait_for_metric("evenkeel_mirrored_total", &labels, f64::from(number + 1))?;
    }
    assert_eq!(site.seen("a").len(), 4);
    // The copies count nowhere as requests of the listener.
    site.wait_for_metric("evenkeel_http_requests_total", &[("listener", "web")], 4.0)?;
    site.wait_for_metric("evenkeel_requests_by_reason_total", &[("reason", "ok")], 4.0)?;
    // Nor as its connections: the copy that hangs holds none once the client has left.
    drop(client);
    site.wait_for_metric("evenkeel_connections", &[("listener", "web")], 0.0)
}

#[test]
fn a_shadow_that_is_not_there_changes_nothing() -> Outcome {
    let routes = format!("{MIRRORED}\n[pool.shadow]\nbackends = ['127.0.0.1:1']\ncheck = false\n");
    let site = Site::start(&["a"], &routes, "")?;
    for _ in 0..5 {
        assert_eq!(site.get("/", "")?.status, 200);
    }
    let routes = format!("{MIRRORED}\n[pool.shadow]\nbackends = []\n");
    let site = Site::start(&["a"], &routes, "")?;
    for _ in 0..5 {
        assert_eq!(site.get("/", "")?.status, 200);
    }
    Ok(())
}

#[test]
fn a_share_of_nothing_copies_nothing() -> Outcome {
    let routes = "
        [[listener.web.route]]
        path = '/none'
        pool = 'a'
        mirror = { pool = 'shadow', share = '0%' }
        [[listener.web.route]]
        path = '/half'
        pool = 'a'
        mirror = { pool = 'shadow', share = '50%' }
    ";
    let site = Site::start(&["a", "shadow"], routes, "")?;
    for _ in 0..40 {
        assert_eq!(site.get("/none", "")?.status, 200);
        assert_eq!(site.get("/half", "")?.status, 200);
    }
    let sent = site.metrics()?.sum("evenkeel_mirrored_total", &[("result", "sent")]);
    // Twenty are expected, with a standard deviation of three.
    assert!((2.0..=38.0).contains(&sent), "{sent}");
    site.wait_for("shadow", sent as usize)?;
    assert!(site.seen("shadow").iter().all(|copy| target(copy) == "/half"));
    Ok(())
}
