//! The common way: a request in, the backend's head out, a response in, the client's head out.

#![allow(clippy::unwrap_used)]

use evenkeel_http::*;

const FORWARD: Forward<'_> = Forward {
    client_address: b"192.0.2.7",
    trusted: false,
    scheme: b"http",
    request_id: b"made-1",
    backend: b"10.0.0.1:80",
};

fn request(bytes: &[u8]) -> RequestHead {
    let mut head = RequestHead::default();
    assert_eq!(
        head.parse(bytes, &Limits::default()),
        Ok(Parsed::Whole),
        "{:?}",
        bytes.escape_ascii().to_string()
    );
    head
}

fn forwarded(bytes: &[u8]) -> String {
    let mut out = Vec::new();
    request(bytes).write(bytes, &FORWARD, &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn a_plain_request_is_copied_and_says_who_the_client_is() {
    let bytes = b"GET /a/b?c=d HTTP/1.1\r\nHost: example.com:8080\r\nAccept: */*\r\n\r\nrest";
    let head = request(bytes);
    assert_eq!(
        (head.kind, head.version, head.keep_alive),
        (Method::Get, Version::Http11, true)
    );
    assert_eq!(head.path.of(bytes), b"/a/b");
    assert_eq!(head.query.unwrap().of(bytes), b"c=d");
    assert_eq!(head.host_name.of(bytes), b"example.com");
    assert_eq!(head.length, bytes.len() - 4);
    assert_eq!(
        forwarded(bytes),
        "GET /a/b?c=d HTTP/1.1\r\nHost: example.com:8080\r\nAccept: */*\r\nx-forwarded-for: 192.0.2.7\r\n\
         x-forwarded-proto: http\r\nx-forwarded-host: example.com:8080\r\nx-request-id: made-1\r\n\r\n"
    );
}

#[test]
fn hop_by_hop_fields_stay_here_and_the_rest_keeps_its_order() {
    let bytes = b"POST / HTTP/1.1\r\nA: 1\r\nConnection: close, X-Secret\r\nB: 2\r\nHost: h\r\nKeep-Alive: 5\r\n\
        x-secret: s\r\nX-Forwarded-For: 1.1.1.1\r\nX-Request-Id: mine\r\nTransfer-Encoding: Chunked\r\nC: 3\r\n\r\n";
    assert!(!request(bytes).keep_alive);
    assert_eq!(
        forwarded(bytes),
        "POST / HTTP/1.1\r\nA: 1\r\nB: 2\r\nHost: h\r\nC: 3\r\ntransfer-encoding: chunked\r\n\
         x-forwarded-for: 192.0.2.7\r\nx-forwarded-proto: http\r\nx-forwarded-host: h\r\nx-request-id: mine\r\n\r\n"
    );
}

#[test]
fn a_chunked_body_is_taken_apart() {
    let mut input = &b"4;a=b\r\nabcd\r\n0\r\nA: b\r\n\r\nnext"[..];
    let mut body = Body::of_request(&RequestFraming::Chunked);
    let mut parts = Vec::new();
    while !body.ended() {
        let segment = body.next(input).unwrap();
        assert_ne!(segment.length, 0);
        parts.push((segment.kind, std::str::from_utf8(&input[..segment.length]).unwrap()));
        input = &input[segment.length..];
    }
    assert_eq!(input, b"next");
    use SegmentKind::*;
    assert_eq!(
        parts,
        [
            (Frame, "4"),
            (Skip, ";a=b"),
            (Frame, "\r\n"),
            (Data, "abcd"),
            (Frame, "\r\n0\r\n"),
            (Trailer, "A: b\r\n"),
            (Trailer, "\r\n")
        ]
    );
}

#[test]
fn a_response_goes_to_clients_of_both_versions() {
    let bytes = b"HTTP/1.1 200 OK\r\nServer: s\r\nTransfer-Encoding: chunked\r\nX: y\r\n\r\n";
    let mut head = ResponseHead::default();
    assert_eq!(
        head.parse(bytes, Asked::default(), &Limits::default()),
        Ok(Parsed::Whole)
    );
    assert_eq!((head.framing, head.keep_alive), (ResponseFraming::Chunked, true));
    for (client_version, expected) in [
        (
            Version::Http11,
            "HTTP/1.1 200 OK\r\nServer: s\r\nX: y\r\ntransfer-encoding: chunked\r\n\r\n",
        ),
        (
            Version::Http10,
            "HTTP/1.1 200 OK\r\nServer: s\r\nX: y\r\nconnection: close\r\n\r\n",
        ),
    ] {
        let framing = head.answer_framing(client_version);
        let mut out = Vec::new();
        head.write(
            bytes,
            &Answer {
                client_version,
                keep_alive: true,
                framing,
                date: None,
            },
            &mut out,
        );
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}

#[test]
fn trailers_go_nowhere_when_connection_names_fields() {
    let bytes =
        b"POST / HTTP/1.1\r\nHost: h\r\nConnection: x-hop\r\nTransfer-Encoding: chunked\r\nTrailer: X-Hop\r\n\r\n";
    let mut body = request(bytes).body();
    let input = b"0\r\nX-Hop: secret\r\n\r\n";
    assert_eq!(
        body.next_run(input),
        Ok(Run {
            pass: 3,
            skip: 15,
            content: 0
        })
    );
    assert_eq!(
        body.next_run(&input[18..]),
        Ok(Run {
            pass: 2,
            skip: 0,
            content: 0
        })
    );
    assert!(body.ended());
    assert!(!forwarded(bytes).contains("Hop"));
    // What may not be a trailer takes none away.
    for connection in ["close", "close, TE", "HTTP2-Settings"] {
        let text = format!(
            "POST / HTTP/1.1\r\nHost: h\r\nConnection: {connection}\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\nTrailer: X-Hop\r\n\r\n"
        );
        assert_eq!(request(text.as_bytes()).body().next_run(input).unwrap().pass, 20);
        assert!(forwarded(text.as_bytes()).contains("Trailer: X-Hop"), "{connection}");
    }
}
