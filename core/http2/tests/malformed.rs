//! Messages that RFC 9113 calls malformed: the stream ends, nothing of them is handed out, and the connection lives.

mod kit;

use evenkeel_http2::{ErrorCode, Event, Read, Settings, Write};
use kit::wire::{DATA, END_HEADERS, END_STREAM, GET, HEADERS, POST, RST_STREAM, WHOLE, Wire, block, frame};

type Fields<'a> = &'a [(&'a str, &'a str)];

/// A server that gets `fields` must refuse them, and take the next request.
fn is_refused(fields: Fields<'_>, flags: u8) {
    let mut wire = Wire::server(&Settings::default());
    wire.receive(&frame(HEADERS, flags, 1, &block(fields)))
        .expect("no connection error");
    assert_eq!(wire.events(), [], "{fields:?}");
    let frames = wire.frames();
    let [reset] = frames.as_slice() else {
        panic!("{fields:?}: {frames:?}")
    };
    assert_eq!(
        (reset.kind, reset.stream, reset.code()),
        (RST_STREAM, 1, ErrorCode::PROTOCOL_ERROR)
    );
    assert_eq!(wire.connection.streams(), 0);
    let id = wire.open(3, WHOLE, &GET);
    assert!(wire.read(id).0.starts_with("GET / HTTP/1.1\r\n"));
}

#[test]
fn requests_without_the_right_pseudo_fields() {
    let m = (":method", "GET");
    let s = (":scheme", "https");
    let p = (":path", "/");
    let a = (":authority", "a");
    let cases: [Fields<'_>; 45] = [
        &[],
        &[s, p, a],
        &[m, p, a],
        &[m, s, a],
        &[m, s, p],
        &[m, m, s, p, a],
        &[m, s, s, p, a],
        &[m, s, p, p, a],
        &[m, s, p, a, a],
        &[m, s, p, ("x", "y"), a],
        &[("x", "y"), m, s, p, a],
        &[m, s, p, a, ("x", "y"), p],
        &[m, s, p, a, (":status", "200")],
        &[m, s, p, a, (":unknown", "x")],
        &[m, s, p, a, (":", "x")],
        &[m, s, p, a, (":Path", "/")],
        &[(":method", ""), s, p, a],
        &[(":method", "G T"), s, p, a],
        &[(":method", "GET\u{7f}"), s, p, a],
        &[(":method", "G/T"), s, p, a],
        &[m, (":scheme", ""), p, a],
        &[m, (":scheme", "ftp"), p, a],
        &[m, (":scheme", "https "), p, a],
        &[m, s, (":path", ""), a],
        &[m, s, (":path", "x"), a],
        &[m, s, (":path", "*"), a],
        &[m, s, (":path", "/a b"), a],
        &[m, s, (":path", "/a#b"), a],
        &[m, s, (":path", "/a\tb"), a],
        &[m, s, (":path", "/\u{e9}"), a],
        &[m, s, (":path", "/ HTTP/1.1\r\nx: y\r\n\r\n"), a],
        &[m, s, (":path", "http://a/"), a],
        &[m, s, p, (":authority", "")],
        &[m, s, p, (":authority", "user@a")],
        &[m, s, p, (":authority", "a/b")],
        &[m, s, p, (":authority", "a b")],
        &[m, s, p, (":authority", "a\r\nx: y")],
        &[m, s, p, a, ("host", "b")],
        &[m, s, p, a, ("host", "a"), ("host", "a")],
        &[m, s, p, a, ("host", "")],
        &[m, s, p, ("host", "user@a")],
        &[m, s, p, a, (":protocol", "websocket")],
        &[(":method", "CONNECT"), s, p, a],
        &[(":method", "CONNECT")],
        &[(":method", "CONNECT"), s, p, (":protocol", "websocket")],
    ];
    for fields in cases {
        is_refused(fields, WHOLE);
    }
    is_refused(&[(":method", "CONNECT"), s, p, a, (":protocol", "h3")], END_HEADERS);
    is_refused(&[(":method", "CONNECT"), a, (":protocol", "websocket")], END_HEADERS);
}

#[test]
fn requests_with_fields_that_must_not_be() {
    for field in [
        ("connection", "close"),
        ("connection", "keep-alive"),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "keep-alive"),
        ("transfer-encoding", "chunked"),
        ("transfer-encoding", "identity"),
        ("upgrade", "h2c"),
        ("upgrade", "websocket"),
        ("http2-settings", "AAMAAABk"),
        ("te", "gzip"),
        ("te", "trailers, gzip"),
        ("te", ""),
        ("X-Capital", "y"),
        ("x y", "z"),
        ("", "x"),
        ("x:", "y"),
        ("x\r\ny", "z"),
        ("x\0", "z"),
        ("x\u{e9}", "z"),
        ("x", "y\r\nz: 1"),
        ("x", "y\nz: 1"),
        ("x", "y\rz"),
        ("x", "y\0"),
        ("x", "\u{1}"),
        ("x", "y\u{7f}"),
        ("x", " y"),
        ("x", "y "),
        ("x", "\ty"),
        ("x", "y\t"),
        ("content-length", ""),
        ("content-length", "-1"),
        ("content-length", "+1"),
        ("content-length", "1,1"),
        ("content-length", "1 1"),
        ("content-length", "0x1"),
        ("content-length", "9223372036854775808"),
        ("content-length", "99999999999999999999"),
        ("content-length", "1"),
    ] {
        let mut fields = GET.to_vec();
        fields.push(field);
        is_refused(&fields, WHOLE);
    }
    let mut twice = POST.to_vec();
    twice.extend([("content-length", "1"), ("content-length", "1")]);
    is_refused(&twice, END_HEADERS);
}

#[test]
fn sound_requests_that_look_odd() {
    let mut odd = GET.to_vec();
    odd[3] = (":authority", "Example.com:443");
    odd.extend([
        ("host", "example.COM:443"),
        ("te", "trailers"),
        ("x", ""),
        ("y", "a\tb \u{e9}"),
        ("content-length", "0"),
        ("cookie", "a=1"),
        ("z", "last"),
        ("cookie", "b=2"),
    ]);
    let mut wire = Wire::server(&Settings::default());
    let id = wire.open(1, WHOLE, &odd);
    let text = "GET / HTTP/1.1\r\nhost: Example.com:443\r\nx: \r\ny: a\tb \u{e9}\r\ncontent-length: 0\r\nz: last\r\n\
                cookie: a=1; b=2\r\n\r\n";
    assert_eq!(wire.read(id), (text.to_owned(), Read::End));
    let id = wire.open(3, WHOLE, &[GET[0], GET[1], GET[2], ("x", "y"), ("host", "only.host")]);
    assert_eq!(wire.read(id).0, "GET / HTTP/1.1\r\nx: y\r\nhost: only.host\r\n\r\n");
    let id = wire.open(5, END_HEADERS, &[(":method", "CONNECT"), (":authority", "a:443")]);
    assert_eq!(
        wire.read(id),
        (
            "CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\n\r\n".to_owned(),
            Read::Nothing
        )
    );
}

/// A request that has been handed out and then turns out malformed: its stream ends with an error.
fn breaks(fields: Fields<'_>, frames: &[Vec<u8>]) {
    let mut wire = Wire::server(&Settings::default());
    let id = wire.open(1, END_HEADERS, fields);
    for bytes in frames {
        wire.receive(bytes).expect("no connection error");
    }
    assert!(wire.events().contains(&Event::Ended(id)), "{frames:?}");
    assert_eq!(wire.read(id).1, Read::Broken(ErrorCode::PROTOCOL_ERROR));
    assert_eq!(
        wire.connection.write(id, b"x"),
        Write::Broken(ErrorCode::PROTOCOL_ERROR)
    );
    let sent = wire.frames();
    assert!(
        sent.iter()
            .any(|sent| sent.kind == RST_STREAM && sent.code() == ErrorCode::PROTOCOL_ERROR)
    );
}

#[test]
fn requests_whose_body_is_malformed() {
    let mut long = POST.to_vec();
    long.push(("content-length", "3"));
    let data = |flags, content: &[u8]| frame(DATA, flags, 1, content);
    let trailers = |flags, fields: Fields<'_>| frame(HEADERS, flags, 1, &block(fields));
    breaks(&long, &[data(0, b"four")]);
    breaks(&long, &[data(END_STREAM, b"ab")]);
    breaks(&long, &[data(0, b"abc"), data(END_STREAM, b"d")]);
    breaks(&long, &[data(END_STREAM, b"")]);
    breaks(&long, &[data(0, b"ab"), trailers(WHOLE, &[("x", "y")])]);
    breaks(&POST, &[trailers(END_HEADERS, &[("x", "y")])]);
    breaks(&POST, &[trailers(END_HEADERS, &GET)]);
    for field in [
        (":path", "/"),
        (":status", "200"),
        (":unknown", "x"),
        ("connection", "close"),
        ("transfer-encoding", "chunked"),
        ("te", "trailers"),
        ("X", "y"),
        ("x", "y\r\nz: 1"),
        ("x", " y"),
    ] {
        breaks(&POST, &[data(0, b"abc"), trailers(WHOLE, &[("fine", "x"), field])]);
    }
}

#[test]
fn trailers_of_a_declared_length_are_dropped_unless_they_were_announced() {
    let mut long = POST.to_vec();
    long.push(("content-length", "3"));
    let mut wire = Wire::server(&Settings::default());
    let id = wire.open(1, END_HEADERS, &long);
    wire.receive(&frame(DATA, 0, 1, b"abc")).expect("sound");
    wire.receive(&frame(HEADERS, WHOLE, 1, &block(&[("x", "y")])))
        .expect("sound");
    assert_eq!(
        wire.read(id),
        (
            "POST / HTTP/1.1\r\nhost: example.com\r\ncontent-length: 3\r\n\r\nabc".to_owned(),
            Read::End
        )
    );
    let mut announced = POST.to_vec();
    announced.extend([("content-length", "3"), ("trailer", "x")]);
    let mut wire = Wire::server(&Settings::default());
    let id = wire.open(1, END_HEADERS, &announced);
    wire.receive(&frame(DATA, 0, 1, b"abc")).expect("sound");
    wire.receive(&frame(HEADERS, WHOLE, 1, &block(&[("x", "y")])))
        .expect("sound");
    let text = "POST / HTTP/1.1\r\nhost: example.com\r\ntrailer: x\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx: y\r\n\r\n";
    assert_eq!(wire.read(id), (text.to_owned(), Read::End));
    // The length is held against it all the same.
    let data = |flags, content: &[u8]| frame(DATA, flags, 1, content);
    breaks(&announced, &[data(END_STREAM, b"ab")]);
    breaks(&announced, &[data(0, b"abcd")]);
    breaks(
        &announced,
        &[data(0, b"ab"), frame(HEADERS, WHOLE, 1, &block(&[("x", "y")]))],
    );
    // Nothing can follow where there is no content.
    let mut wire = Wire::server(&Settings::default());
    announced[POST.len()].1 = "0";
    let id = wire.open(1, WHOLE, &announced);
    assert!(wire.read(id).0.contains("content-length: 0\r\n"));
}

#[test]
fn trailers_of_an_answer_that_declares_a_length_pass_where_they_are_announced() {
    let head = [
        (":status", "200"),
        ("content-length", "2"),
        ("content-type", "application/grpc"),
        ("a", "b"),
    ];
    for (method, body) in [("GET", true), ("HEAD", false)] {
        let mut wire = Wire::client(&Settings::default());
        let id = asked(&mut wire, &format!("{method} / HTTP/1.1\r\nhost: a\r\n\r\n"));
        wire.receive(&frame(HEADERS, END_HEADERS, 1, &block(&head)))
            .expect("sound");
        if body {
            wire.receive(&frame(DATA, 0, 1, b"hi")).expect("sound");
        }
        wire.receive(&frame(HEADERS, WHOLE, 1, &block(&[("grpc-status", "0")])))
            .expect("sound");
        let text = wire.read(id).0;
        let rest = match body {
            true => {
                "content-type: application/grpc\r\na: b\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\ngrpc-status: 0\r\n\r\n"
            }
            false => "content-length: 2\r\ncontent-type: application/grpc\r\na: b\r\n\r\n",
        };
        assert_eq!(text, format!("HTTP/1.1 200 OK\r\n{rest}"));
    }
}

fn asked(wire: &mut Wire, head: &str) -> evenkeel_http2::StreamId {
    let id = wire.connection.open().expect("a stream");
    assert_eq!(wire.connection.write(id, head.as_bytes()), Write::Took(head.len()));
    wire.frames();
    id
}

#[test]
fn malformed_answers() {
    let ok = (":status", "200");
    let data = |flags, content: &[u8]| frame(DATA, flags, 1, content);
    let heads = |flags, fields: Fields<'_>| frame(HEADERS, flags, 1, &block(fields));
    let mut cases: Vec<Vec<Vec<u8>>> = vec![
        vec![data(0, b"x")],
        vec![data(END_STREAM, b"")],
        vec![heads(WHOLE, &[])],
        vec![heads(WHOLE, &[("x", "y")])],
        vec![heads(WHOLE, &[ok, ok])],
        vec![heads(WHOLE, &[("x", "y"), ok])],
        vec![heads(WHOLE, &[ok, (":path", "/")])],
        vec![heads(WHOLE, &[ok, (":unknown", "/")])],
        vec![heads(WHOLE, &[(":status", "100")])],
        vec![heads(END_HEADERS, &[(":status", "101")])],
        vec![heads(END_HEADERS, &[(":status", "100")]), data(0, b"x")],
        vec![heads(WHOLE, &[ok, ("content-length", "1")])],
        vec![heads(END_HEADERS, &[ok, ("content-length", "1")]), data(0, b"xy")],
        vec![
            heads(END_HEADERS, &[ok, ("content-length", "2")]),
            data(END_STREAM, b"x"),
        ],
        vec![
            heads(END_HEADERS, &[ok, ("content-length", "2")]),
            data(0, b"x"),
            heads(WHOLE, &[("x", "y")]),
        ],
        vec![heads(END_HEADERS, &[(":status", "204")]), data(END_STREAM, b"x")],
        vec![heads(END_HEADERS, &[(":status", "304")]), data(END_STREAM, b"x")],
        vec![heads(END_HEADERS, &[ok]), heads(END_HEADERS, &[ok])],
        vec![heads(END_HEADERS, &[ok]), heads(WHOLE, &[ok])],
    ];
    for status in ["", "20", "2000", "abc", "099", "600", "+20", "20 "] {
        cases.push(vec![heads(WHOLE, &[(":status", status)])]);
    }
    for field in [
        ("connection", "close"),
        ("keep-alive", "x"),
        ("proxy-connection", "x"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "x"),
        ("te", "trailers"),
        ("X", "y"),
        ("x", "y\nz"),
        ("x", " y"),
        ("content-length", "x"),
    ] {
        cases.push(vec![heads(WHOLE, &[ok, field])]);
    }
    for case in cases {
        let mut wire = Wire::client(&Settings::default());
        let id = asked(&mut wire, "GET / HTTP/1.1\r\nhost: a\r\n\r\n");
        for bytes in &case {
            wire.receive(bytes).expect("no connection error");
        }
        assert!(wire.events().contains(&Event::Ended(id)), "{case:?}");
        assert_eq!(wire.read(id).1, Read::Broken(ErrorCode::PROTOCOL_ERROR), "{case:?}");
        assert!(wire.connection.fault(id).is_some(), "{case:?}");
        let frames = wire.frames();
        assert!(
            frames
                .iter()
                .any(|sent| sent.kind == RST_STREAM && sent.code() == ErrorCode::PROTOCOL_ERROR)
        );
        wire.connection.close(id);
        assert_eq!(wire.connection.streams(), 0);
    }
}

#[test]
fn sound_answers() {
    let heads = |flags, fields: Fields<'_>| frame(HEADERS, flags, 1, &block(fields));
    let get = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
    let head = "HEAD / HTTP/1.1\r\nhost: a\r\n\r\n";
    let cases: [(&str, Vec<Vec<u8>>, &str); 9] = [
        (
            get,
            vec![heads(WHOLE, &[(":status", "200"), ("x", "y")])],
            "HTTP/1.1 200 OK\r\nx: y\r\ncontent-length: 0\r\n\r\n",
        ),
        (
            get,
            vec![heads(WHOLE, &[(":status", "200"), ("content-length", "0")])],
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
        ),
        (
            get,
            vec![heads(WHOLE, &[(":status", "204")])],
            "HTTP/1.1 204 No Content\r\n\r\n",
        ),
        (
            get,
            vec![heads(WHOLE, &[(":status", "304"), ("content-length", "9")])],
            "HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n",
        ),
        (
            head,
            vec![heads(WHOLE, &[(":status", "200"), ("content-length", "9")])],
            "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n",
        ),
        (
            head,
            vec![
                heads(END_HEADERS, &[(":status", "200")]),
                frame(DATA, END_STREAM, 1, b""),
            ],
            "HTTP/1.1 200 OK\r\n\r\n",
        ),
        (
            get,
            vec![
                heads(END_HEADERS, &[(":status", "200"), ("content-length", "2")]),
                frame(DATA, 0, 1, b"ok"),
                frame(DATA, END_STREAM, 1, b""),
            ],
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
        ),
        (
            get,
            vec![
                heads(END_HEADERS, &[(":status", "200")]),
                heads(WHOLE, &[("grpc-status", "0")]),
            ],
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\ngrpc-status: 0\r\n\r\n",
        ),
        (
            get,
            vec![
                heads(END_HEADERS, &[(":status", "100")]),
                heads(END_HEADERS, &[(":status", "103"), ("link", "x")]),
                heads(END_HEADERS, &[(":status", "200")]),
                frame(DATA, END_STREAM, 1, b"ok"),
            ],
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\
             2\r\nok\r\n0\r\n\r\n",
        ),
    ];
    for (request, frames, text) in cases {
        let mut wire = Wire::client(&Settings::default());
        let id = asked(&mut wire, request);
        for bytes in &frames {
            wire.receive(bytes).expect("sound");
        }
        assert_eq!(wire.read(id), (text.to_owned(), Read::End));
    }
}
