//! What a route changes on heads, byte for byte.
#![allow(clippy::unwrap_used)]

use evenkeel_http::*;

fn request(text: &str, trusted: bool, edits: &Edits) -> String {
    let mut head = RequestHead::default();
    assert_eq!(head.parse(text.as_bytes(), &Limits::default()), Ok(Parsed::Whole));
    let forward = Forward {
        client_address: b"192.0.2.7",
        trusted,
        scheme: b"http",
        request_id: b"made",
        backend: b"10.0.0.1:80",
    };
    let mut out = Vec::new();
    head.write_edited(text.as_bytes(), &forward, edits, &mut out);
    String::from_utf8(out).unwrap()
}

fn response(text: &str, edits: &Edits) -> String {
    let mut head = ResponseHead::default();
    let parsed = head.parse(text.as_bytes(), Asked::default(), &Limits::default());
    assert_eq!(parsed, Ok(Parsed::Whole));
    let answer = Answer {
        client_version: Version::Http11,
        keep_alive: true,
        framing: head.answer_framing(Version::Http11),
        date: None,
    };
    let mut out = Vec::new();
    head.write_edited(text.as_bytes(), &answer, edits, &mut out);
    String::from_utf8(out).unwrap()
}

fn edits(change: impl FnOnce(&mut Edits)) -> Edits {
    let mut edits = Edits::default();
    change(&mut edits);
    edits
}

const OURS: &str =
    "x-forwarded-for: 192.0.2.7\r\nx-forwarded-proto: http\r\nx-forwarded-host: h\r\nx-request-id: made\r\n";

#[test]
fn another_target_keeps_the_rest() {
    let edits = edits(|edits| edits.set_target(b"/v2/a", Some(b"q=1")));
    let written = request("GET /v1/a?q=1 HTTP/1.1\r\nHost: h\r\nA: b\r\n\r\n", false, &edits);
    assert_eq!(
        written,
        format!("GET /v2/a?q=1 HTTP/1.1\r\nHost: h\r\nA: b\r\n{OURS}\r\n")
    );
}

#[test]
fn a_target_cannot_end_its_line_or_become_a_query() {
    let target = |path: &[u8], query: Option<&[u8]>| {
        let edits = edits(|edits| edits.set_target(path, query));
        let written = request("GET / HTTP/1.1\r\nHost: h\r\n\r\n", false, &edits);
        written.split(" HTTP/1.1\r\n").next().unwrap().to_owned()
    };
    assert_eq!(target(b"/a b\r\nc: d", None), "GET /a%20b%0D%0Ac:%20d");
    assert_eq!(target(b"/a?b#c", Some(b"d?e#f")), "GET /a%3Fb%23c?d?e%23f");
    assert_eq!(target(b"", None), "GET /");
    assert_eq!(target(b"*", None), "GET /*");
    assert_eq!(target(b"/\xff%41", Some(b"")), "GET /%FF%41?");
}

#[test]
fn another_host_and_what_the_client_asked_for() {
    let edits = edits(|edits| edits.set_host(b"app.internal:81"));
    for asked in [
        "GET / HTTP/1.1\r\nhOsT: h\r\nA: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost:  h\r\nA: b\r\n\r\n",
        "GET http://h/ HTTP/1.1\r\nHost: h\r\nA: b\r\n\r\n",
    ] {
        let written = request(asked, false, &edits);
        assert_eq!(
            written,
            format!("GET / HTTP/1.1\r\nhost: app.internal:81\r\nA: b\r\n{OURS}\r\n")
        );
    }
    let nobody = request("GET / HTTP/1.0\r\n\r\n", false, &edits);
    assert!(
        nobody.starts_with("GET / HTTP/1.1\r\nhost: app.internal:81\r\n"),
        "{nobody}"
    );
    assert!(!nobody.contains("x-forwarded-host"));
}

#[test]
fn what_is_set_cannot_be_forged() {
    let edits = edits(|edits| {
        edits.set(b"x-client-cert", b"CN=alice");
        edits.remove(b"x-debug");
        edits.add(b"b", b"2");
    });
    let text = "GET / HTTP/1.1\r\nHost: h\r\nX-CLIENT-CERT: CN=root\r\nx-Client-cert:CN=root\r\nX-Debug: 1\r\nB: 1\r\nx-client-cert : a\r\n\r\n";
    // White space before the colon is refused before anything is written.
    assert!(
        RequestHead::default()
            .parse(text.as_bytes(), &Limits::default())
            .is_err()
    );
    let text = text.replace("x-client-cert : a\r\n", "");
    let expected = format!("GET / HTTP/1.1\r\nHost: h\r\nB: 1\r\n{OURS}x-client-cert: CN=alice\r\nb: 2\r\n\r\n");
    assert_eq!(request(&text, false, &edits), expected);
}

#[test]
fn a_set_value_that_is_empty_still_takes_the_clients_away() {
    let edits = edits(|edits| edits.set(b"x-client-cert", b" \r\n\0"));
    let text = "GET / HTTP/1.1\r\nHost: h\r\nX-Client-Cert: CN=root\r\n\r\n";
    assert_eq!(
        request(text, false, &edits),
        format!("GET / HTTP/1.1\r\nHost: h\r\n{OURS}\r\n")
    );
}

#[test]
fn what_we_say_of_the_client_can_be_changed_too() {
    let text = "GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 10.0.0.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Port: 1\r\nX-Request-Id: id\r\n\r\n";
    let edits = edits(|edits| {
        edits.set(b"X-Forwarded-Proto", b"https");
        for name in [
            &b"x-forwarded-for"[..],
            b"x-forwarded-host",
            b"x-forwarded-port",
            b"x-request-id",
        ] {
            edits.remove(name);
        }
    });
    for trusted in [false, true] {
        let written = request(text, trusted, &edits);
        assert_eq!(written, "GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-Proto: https\r\n\r\n");
    }
}

#[test]
fn a_value_stays_in_its_line() {
    let edits = edits(|edits| edits.set(b"a", b"\t b\r\nc: d\0\x7f\te \xff "));
    let fields: Vec<_> = edits.fields().collect();
    assert_eq!(fields, [(&b"a"[..], &b"bc: d\te \xff"[..])]);
}

#[test]
fn the_framing_and_the_connection_are_not_changed() {
    for name in [
        "connection",
        "Content-Length",
        "transfer-encoding",
        "TE",
        "upgrade",
        "trailer",
        "host",
        "expect",
        "keep-alive",
        "a b",
        "",
        "a\r\nb",
    ] {
        assert!(!Edits::may_change(name.as_bytes()), "{name}");
        let edits = edits(|edits| {
            edits.set(name.as_bytes(), b"1");
            edits.add(name.as_bytes(), b"1");
            edits.remove(name.as_bytes());
        });
        assert!(edits.is_empty(), "{name}");
    }
    assert!(Edits::may_change(b"cookie") && Edits::may_change(b"X-Forwarded-For"));
}

#[test]
fn trailers_bring_nothing_back() {
    let text = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTrailer: x-a\r\n\r\n";
    let mut head = RequestHead::default();
    assert_eq!(head.parse(text.as_bytes(), &Limits::default()), Ok(Parsed::Whole));
    head.drop_trailers();
    let mut body = head.body();
    let chunks = b"1\r\na\r\n0\r\nx-a: forged\r\n\r\n";
    let (mut passed, mut taken) = (Vec::new(), 0);
    while !body.ended() {
        let run = body.next_run(&chunks[taken..]).unwrap();
        passed.extend_from_slice(&chunks[taken..taken + run.pass]);
        taken += run.pass + run.skip;
    }
    assert_eq!(passed, b"1\r\na\r\n0\r\n\r\n");
}

#[test]
fn answers() {
    let edits = edits(|edits| {
        edits.remove(b"server");
        edits.set(b"x-frame-options", b"DENY");
        edits.add(b"set-cookie", b"b=2");
    });
    let text = "HTTP/1.1 200 OK\r\nSERVER: x\r\nSet-Cookie: a=1\r\nX-Frame-Options: ALLOW\r\nContent-Length: 2\r\n\r\n";
    let expected =
        "HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nContent-Length: 2\r\nx-frame-options: DENY\r\nset-cookie: b=2\r\n\r\n";
    assert_eq!(response(text, &edits), expected);
    let hints = "HTTP/1.1 103 Early Hints\r\nServer: x\r\nLink: <a>\r\n\r\n";
    assert_eq!(response(hints, &edits), hints);
}

#[test]
fn a_head_of_our_own_is_changed_behind_what_was_written_before_it() {
    let edits = edits(|edits| {
        edits.set(b"Etag", b"\"new\"");
        edits.remove(b"server");
        edits.add(b"x-a", b"1");
        edits.remove(b"content-length");
    });
    let mut out = b"HTTP/1.1 103 Early Hints\r\nserver: a\r\n\r\n".to_vec();
    let start = out.len();
    out.extend_from_slice(b"HTTP/1.1 200 OK\r\netag: \"old\"\r\nServer: a\r\ncontent-length: 3\r\n\r\n");
    edits.apply(start, &mut out);
    let expected = "HTTP/1.1 103 Early Hints\r\nserver: a\r\n\r\n\
                    HTTP/1.1 200 OK\r\ncontent-length: 3\r\nEtag: \"new\"\r\nx-a: 1\r\n\r\n";
    assert_eq!(String::from_utf8(out.clone()).unwrap(), expected);
    Edits::default().apply(start, &mut out);
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}

#[test]
fn a_name_that_is_believed_is_taken_away_however_it_is_spelled() {
    let edits = edits(|edits| {
        edits.set(b"x-ssl-client-verify", b"SUCCESS");
        edits.guard(b"x-ssl-client-verify");
    });
    assert!(edits.drops(b"X_SSL-client_Verify"));
    let head = "GET / HTTP/1.1\r\nHost: h\r\nX_SSL_Client_Verify: a\r\nx-ssl-client-VERIFY: b\r\nx-ssl_client-verify: c\r\n\
                x-ssl-client-verif: d\r\nxx-ssl-client-verify: e\r\n\r\n";
    assert_eq!(
        request(head, false, &edits),
        format!(
            "GET / HTTP/1.1\r\nHost: h\r\nx-ssl-client-verif: d\r\nxx-ssl-client-verify: e\r\n{OURS}x-ssl-client-verify: SUCCESS\r\n\r\n"
        )
    );
}

#[test]
fn what_we_say_of_the_client_cannot_come_in_disguise() {
    let head = "GET / HTTP/1.1\r\nHost: h\r\nX_Forwarded_For: 1\r\nx-forwarded_proto: 2\r\nX_FORWARDED-HOST: 3\r\n\
                x_forwarded_port: 4\r\nX_Request_Id: 5\r\nX_Real_IP: 6\r\nContent_Length: 7\r\nTransfer_Encoding: chunked\r\n\
                x_kept: 8\r\nx-real-ip: 9\r\n\r\n";
    for trusted in [false, true] {
        let expected = format!("GET / HTTP/1.1\r\nHost: h\r\nx_kept: 8\r\nx-real-ip: 9\r\n{OURS}\r\n");
        assert_eq!(request(head, trusted, &Edits::default()), expected);
    }
    // What a backend says of itself passes.
    let answer = "HTTP/1.1 200 OK\r\nX_Request_Id: 5\r\nContent_Length: 7\r\nContent-Length: 2\r\n\r\n";
    assert_eq!(response(answer, &Edits::default()), answer);
}

#[test]
fn nothing_in_disguise_comes_behind_the_body() {
    let mut body = Body::of_request(&RequestFraming::Chunked);
    let chunks = b"1\r\na\r\n0\r\nx_a: kept\r\nX_Forwarded_For: forged\r\nx-request_id: forged\r\nb: kept\r\n\r\n";
    let (mut passed, mut taken) = (Vec::new(), 0);
    while !body.ended() {
        let run = body.next_run(&chunks[taken..]).unwrap();
        passed.extend_from_slice(&chunks[taken..taken + run.pass]);
        taken += run.pass + run.skip;
    }
    assert_eq!(passed, b"1\r\na\r\n0\r\nx_a: kept\r\nb: kept\r\n\r\n");
}

#[test]
fn what_is_set_for_backends_that_believe_it_is_set_alone() {
    let edits = edits(|edits| {
        edits.set_guarded(b"x-user_name", b"alice");
        edits.set(b"x-b", b"new");
    });
    let head =
        "GET / HTTP/1.1\r\nHost: h\r\nX-User-Name: a\r\nX_User_Name: b\r\nx-user-names: c\r\nX_B: d\r\nX-B: e\r\n\r\n";
    let expected = format!(
        "GET / HTTP/1.1\r\nHost: h\r\nx-user-names: c\r\nX_B: d\r\n{OURS}x-user_name: alice\r\nx-b: new\r\n\r\n"
    );
    assert_eq!(request(head, false, &edits), expected);
}
