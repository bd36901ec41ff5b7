//! 429 for whoever asks too often.

use crate::site::{Outcome, Site, value};

/// So rare that nothing flows back while a test runs.
const SLOW: &str = "requests = 1, per = '24h', burst = 3";

fn routes(rate: &str) -> String {
    format!(
        "[[listener.web.route]]\npath = '/limited'\npool = 'a'\nrate = {{ {rate} }}\n[[listener.web.route]]\npool = 'a'\n"
    )
}

#[test]
fn what_is_above_the_burst_is_answered_with_429() -> Outcome {
    let site = Site::start(&["a"], &routes(SLOW), "")?;
    for _ in 0..3 {
        assert_eq!(site.get("/limited", "")?.status, 200);
    }
    let mut client = site.connect()?;
    for _ in 0..2 {
        client.send(b"GET /limited HTTP/1.1\r\nhost: h\r\n\r\n")?;
        let refused = client.response(crate::site::SOON, false)?;
        assert_eq!(refused.status, 429);
        assert_eq!(value(&refused.fields, "retry-after"), "86400");
        assert_eq!(value(&refused.fields, "connection"), "(absent)");
    }
    assert_eq!(site.seen("a").len(), 3);
    // Other routes do not count.
    assert_eq!(site.get("/free", "")?.status, 200);
    let reason = [("listener", "web"), ("reason", "rate-limited")];
    site.wait_for_metric("evenkeel_requests_by_reason_total", &reason, 2.0)?;
    site.wait_for_metric(
        "evenkeel_http_requests_total",
        &[("route", "/limited"), ("code", "4xx")],
        2.0,
    )
}

#[test]
fn each_value_is_counted_apart() -> Outcome {
    let site = Site::start(&["a"], &routes(&format!("{SLOW}, on = 'header:x-key'")), "")?;
    for key in ["x-key: one\r\n", "X-Key: two\r\n", ""] {
        for _ in 0..3 {
            assert_eq!(site.get("/limited", key)?.status, 200, "{key}");
        }
        assert_eq!(site.get("/limited", key)?.status, 429, "{key}");
    }
    let site = Site::start(&["a"], &routes(&format!("{SLOW}, on = 'all'")), "")?;
    for key in ["x-key: one\r\n", "x-key: two\r\n", ""] {
        assert_eq!(site.get("/limited", key)?.status, 200);
    }
    assert_eq!(site.get("/limited", "x-key: three\r\n")?.status, 429);
    Ok(())
}

#[test]
fn hosts_and_paths_are_counted_apart_however_they_are_spelled() -> Outcome {
    let site = |on: &str| {
        Site::start(
            &["a"],
            &format!("[[listener.web.route]]\npool = 'a'\nrate = {{ {SLOW}, on = {on} }}\n"),
            "",
        )
    };
    let paths = site("'path'")?;
    for (path, expected) in [
        ("/a", 200),
        ("/%61?q", 200),
        ("//x/../a", 200),
        ("/a?other", 429),
        ("/A", 200),
        ("/a/", 200),
    ] {
        assert_eq!(paths.get(path, "")?.status, expected, "{path}");
    }
    let uris = site("'uri'")?;
    for (target, expected) in [
        ("/a?b", 200),
        ("/%61?b", 200),
        ("/a?b", 200),
        ("/a?b", 429),
        ("/a?c", 200),
        ("/a", 200),
    ] {
        assert_eq!(uris.get(target, "")?.status, expected, "{target}");
    }
    let hosts = site("'host'")?;
    for (host, expected) in [
        ("one.example", 200),
        ("ONE.example:80", 200),
        ("one.example.", 200),
        ("one.example:81", 429),
        ("two.example", 200),
    ] {
        let request = format!("GET / HTTP/1.1\r\nhost: {host}\r\n\r\n");
        assert_eq!(hosts.ask(&request)?.status, expected, "{host}");
    }
    Ok(())
}

#[test]
fn several_things_together_are_counted_apart() -> Outcome {
    let routes = format!(
        "trusted_proxies = '127.0.0.0/8'\n{}",
        routes(&format!("{SLOW}, on = ['source', 'header:x-key']"))
    );
    let site = Site::start(&["a"], &routes, "")?;
    let fields = |from: &str, key: &str| format!("x-forwarded-for: {from}\r\nx-key: {key}\r\n");
    for _ in 0..3 {
        for (from, key) in [("192.0.2.1", "a"), ("192.0.2.1", "b"), ("192.0.2.2", "a")] {
            assert_eq!(site.get("/limited", &fields(from, key))?.status, 200);
        }
    }
    assert_eq!(site.get("/limited", &fields("192.0.2.1", "b"))?.status, 429);
    assert_eq!(site.get("/limited", &fields("192.0.2.2", "b"))?.status, 200);
    Ok(())
}

#[test]
fn believed_clients_are_counted_apart() -> Outcome {
    let routes = format!("trusted_proxies = '127.0.0.0/8'\n{}", routes(SLOW));
    let site = Site::start(&["a"], &routes, "")?;
    // All addresses of an IPv6 /64 are one client.
    for (first, same) in [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.2", "192.0.2.2"),
        ("2001:db8::1", "2001:db8::ffff:2"),
    ] {
        for _ in 0..3 {
            assert_eq!(
                site.get("/limited", &format!("x-forwarded-for: {first}\r\n"))?.status,
                200
            );
        }
        assert_eq!(
            site.get("/limited", &format!("x-forwarded-for: {same}\r\n"))?.status,
            429
        );
    }
    Ok(())
}

#[test]
fn a_reload_counts_on_unless_the_limit_is_another() -> Outcome {
    let site = Site::start(&["a"], &routes(SLOW), "")?;
    for _ in 0..3 {
        assert_eq!(site.get("/limited", "")?.status, 200);
    }
    site.reload(&routes(SLOW), "max_connections = 77")?;
    assert_eq!(site.get("/limited", "")?.status, 429);
    site.reload(&routes("requests = 1, per = '24h', burst = 2"), "")?;
    assert_eq!(site.get("/limited", "")?.status, 200);
    Ok(())
}

#[test]
fn redirects_are_limited_too() -> Outcome {
    let routes = format!("[[listener.web.route]]\nredirect = 'https'\nrate = {{ {SLOW} }}\n");
    let site = Site::start(&[], &routes, "")?;
    for _ in 0..3 {
        assert_eq!(site.get("/", "")?.status, 308);
    }
    assert_eq!(site.get("/", "")?.status, 429);
    Ok(())
}
