//! Bodies that are held until they are whole, and how large they may be.

use crate::site::{Outcome, SOON, Site, value};
use evenkeel_tests::origin::{Answer, Step};

const BUFFERED: &str = "
    [[listener.web.route]]
    path = '/held'
    pool = 'a'
    buffer = '64KiB'
    [[listener.web.route]]
    pool = 'a'
";

#[test]
fn the_backend_sees_nothing_before_the_body_is_whole() -> Outcome {
    let site = Site::start(&["a"], BUFFERED, "")?;
    let mut client = site.connect()?;
    client.send(b"POST /held HTTP/1.1\r\nhost: h\r\ncontent-length: 6\r\n\r\nabc")?;
    // By the time the other request has been answered, the first part would have been sent on.
    assert_eq!(site.get("/other", "")?.status, 200);
    site.origin("a").settle(SOON);
    assert!(site.seen("a").iter().all(|seen| seen.method() == b"GET"));
    client.send(b"defGET /next HTTP/1.1\r\nhost: h\r\n\r\n")?;
    assert_eq!(client.response(SOON, false)?.body, b"/held");
    // The connection goes on where the body ended.
    assert_eq!(client.response(SOON, false)?.body, b"/next");
    let held = site.seen("a").into_iter().find(|seen| seen.method() == b"POST");
    assert_eq!(held.ok_or("no POST")?.body, b"abcdef");
    Ok(())
}

#[test]
fn a_body_in_chunks_arrives_with_its_length() -> Outcome {
    let site = Site::start(&["a"], BUFFERED, "")?;
    let request = "POST /held HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n3\r\ndef\r\n0\r\nt: u\r\n\r\n";
    let mut client = site.connect()?;
    for size in [1, 7, 1000] {
        site.forget();
        client.send_in_pieces(request.as_bytes(), size)?;
        assert_eq!(client.response(SOON, false)?.status, 200);
        let seen = site.only("a")?;
        assert_eq!(seen.body, b"abcdef");
        assert_eq!(value(&seen.fields, "content-length"), "6");
        assert_eq!(value(&seen.fields, "transfer-encoding"), "(absent)");
        assert_eq!(value(&seen.fields, "t"), "(absent)");
    }
    Ok(())
}

#[test]
fn a_body_above_the_buffer_is_refused() -> Outcome {
    let site = Site::start(&["a"], BUFFERED, "")?;
    let declared = format!(
        "POST /held HTTP/1.1\r\nhost: h\r\ncontent-length: {}\r\n\r\n",
        (64 << 10) + 1
    );
    assert_eq!(site.ask(&declared)?.status, 413);
    let body = "x".repeat((64 << 10) + 1);
    let chunked = format!(
        "POST /held HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
        body.len()
    );
    assert_eq!(site.ask(&chunked)?.status, 413);
    assert_eq!(site.seen("a").len(), 0);
    let fits = format!(
        "POST /held HTTP/1.1\r\nhost: h\r\ncontent-length: {}\r\n\r\n{}",
        64 << 10,
        &body[1..]
    );
    assert_eq!(site.ask(&fits)?.status, 200);
    assert_eq!(site.only("a")?.body.len(), 64 << 10);
    Ok(())
}

#[test]
fn who_waits_for_leave_to_send_gets_it_from_us() -> Outcome {
    let site = Site::start(&["a"], BUFFERED, "")?;
    let mut client = site.connect()?;
    client.send(b"POST /held HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n")?;
    assert_eq!(client.response(SOON, false)?.status, 100);
    client.send(b"hi")?;
    assert_eq!(client.response(SOON, false)?.status, 200);
    let seen = site.only("a")?;
    assert_eq!(
        (&seen.body[..], value(&seen.fields, "expect")),
        (&b"hi"[..], "(absent)".to_owned())
    );
    Ok(())
}

#[test]
fn a_malformed_body_never_reaches_the_backend() -> Outcome {
    let site = Site::start(&["a"], BUFFERED, "")?;
    let request = "POST /held HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabcX";
    assert_eq!(site.ask(request)?.status, 400);
    assert_eq!(site.seen("a").len(), 0);
    Ok(())
}

/// More than what is held for a repetition otherwise (64 KiB) is sent again from the buffer.
#[test]
fn a_held_body_can_be_sent_again() -> Outcome {
    let routes = "
        [[listener.web.route]]
        pool = 'a'
        buffer = '1MiB'
        retry = { attempts = 2, on = ['503'] }
    ";
    let site = Site::start(&["a"], routes, "")?;
    let busy = b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n";
    site.origins[0].begin(vec![Answer {
        steps: vec![Step::Send(busy.to_vec())],
        ..Answer::default()
    }]);
    let body = "x".repeat(200 << 10);
    let request = format!(
        "PUT /a HTTP/1.1\r\nhost: h\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    assert_eq!(site.ask(&request)?.status, 200);
    let seen = site.seen("a");
    assert_eq!(
        seen.iter().map(|seen| seen.body.len()).collect::<Vec<_>>(),
        [body.len(), body.len()]
    );
    Ok(())
}

#[test]
fn a_route_has_its_own_limit_for_bodies() -> Outcome {
    let routes = "
        max_body_size = '1KiB'
        [[listener.web.route]]
        path = '/large'
        pool = 'a'
        max_body_size = '4KiB'
        [[listener.web.route]]
        path = '/any'
        pool = 'a'
        max_body_size = 0
        [[listener.web.route]]
        pool = 'a'
    ";
    let site = Site::start(&["a"], routes, "")?;
    let post = |target: &str, bytes: usize| {
        format!(
            "POST {target} HTTP/1.1\r\nhost: h\r\ncontent-length: {bytes}\r\n\r\n{}",
            "x".repeat(bytes)
        )
    };
    for (target, bytes, status) in [
        ("/", 1024, 200),
        ("/", 1025, 413),
        ("/large", 4096, 200),
        ("/large", 4097, 413),
        ("/any", 100_000, 200),
    ] {
        assert_eq!(site.ask(&post(target, bytes))?.status, status, "{target} {bytes}");
    }
    Ok(())
}
