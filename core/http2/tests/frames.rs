//! What RFC 9113 says about single frames: which are errors, of what kind, and whether of a stream or the connection.

mod kit;

use evenkeel_http2::{Connection, ErrorCode, PREFACE, Settings};
use evenkeel_model::Moment;
use kit::wire::{
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, Frame, GET, GOAWAY, HEADERS, PADDED, PING, POST, PRIORITY,
    PUSH_PROMISE, RST_STREAM, SETTINGS, WHOLE, WINDOW_UPDATE, WITH_PRIORITY, Wire, block, frame,
};

fn get() -> Vec<u8> {
    block(&GET)
}

fn setting(id: u16, value: u32) -> Vec<u8> {
    [&id.to_be_bytes()[..], &value.to_be_bytes()].concat()
}

/// A server on which stream 1 is whole and not answered, and stream 3 still has its body to come.
fn server() -> Wire {
    let mut wire = Wire::server(&Settings::default());
    wire.open(1, WHOLE, &GET);
    wire.open(3, END_HEADERS, &POST);
    wire
}

fn ends_the_connection(wire: &mut Wire, bytes: &[u8], code: ErrorCode, what: &str) {
    let closed = wire.receive(bytes).expect_err(what);
    assert_eq!(closed.code, code, "{what}: {}", closed.why);
    let frames = wire.frames();
    let last: &Frame = frames.last().expect("a GOAWAY");
    assert_eq!((last.kind, last.code()), (GOAWAY, code), "{what}");
    assert_eq!(wire.receive(b"more"), Err(closed), "{what}");
    assert!(wire.connection.is_finished());
}

#[test]
fn errors_of_the_connection() {
    let protocol = ErrorCode::PROTOCOL_ERROR;
    let size = ErrorCode::FRAME_SIZE_ERROR;
    let flow = ErrorCode::FLOW_CONTROL_ERROR;
    let closed = ErrorCode::STREAM_CLOSED;
    let compression = ErrorCode::COMPRESSION_ERROR;
    let begun = frame(HEADERS, 0, 5, &get());
    let after = |bytes: Vec<u8>| [begun.clone(), bytes].concat();
    let cases: Vec<(&str, Vec<u8>, ErrorCode)> = vec![
        ("a frame too large", frame(DATA, 0, 3, &[0; 16_385]), size),
        ("an unknown frame too large", frame(77, 0, 0, &[0; 16_385]), size),
        ("DATA on 0", frame(DATA, 0, 0, b"x"), protocol),
        ("DATA on an idle stream", frame(DATA, 0, 5, b"x"), protocol),
        ("DATA on an even stream", frame(DATA, 0, 2, b"x"), protocol),
        (
            "DATA with too much padding",
            frame(DATA, PADDED, 3, &[5, 0, 0, 0, 0]),
            protocol,
        ),
        ("DATA with padding and nothing", frame(DATA, PADDED, 3, b""), protocol),
        ("HEADERS on 0", frame(HEADERS, WHOLE, 0, &get()), protocol),
        ("HEADERS on an even stream", frame(HEADERS, WHOLE, 6, &get()), protocol),
        (
            "HEADERS padded too much",
            frame(HEADERS, WHOLE | PADDED, 5, &[9, 0, 0]),
            protocol,
        ),
        ("HEADERS padded, empty", frame(HEADERS, WHOLE | PADDED, 5, b""), size),
        (
            "HEADERS, short priority",
            frame(HEADERS, WHOLE | WITH_PRIORITY, 5, b"abc"),
            size,
        ),
        (
            "HEADERS that do not decode",
            frame(HEADERS, WHOLE, 5, &[0x80]),
            compression,
        ),
        (
            "trailers that do not decode",
            frame(HEADERS, WHOLE, 3, &[0xff; 9]),
            compression,
        ),
        ("HEADERS cut short", frame(HEADERS, WHOLE, 5, &get()[..9]), compression),
        (
            "CONTINUATION first",
            frame(CONTINUATION, END_HEADERS, 5, &get()),
            protocol,
        ),
        (
            "CONTINUATION behind a whole block",
            frame(CONTINUATION, END_HEADERS, 1, b""),
            protocol,
        ),
        (
            "CONTINUATION elsewhere",
            after(frame(CONTINUATION, END_HEADERS, 7, b"")),
            protocol,
        ),
        (
            "CONTINUATION on 0",
            after(frame(CONTINUATION, END_HEADERS, 0, b"")),
            protocol,
        ),
        ("DATA in a block", after(frame(DATA, 0, 3, b"x")), protocol),
        ("HEADERS in a block", after(frame(HEADERS, WHOLE, 5, &get())), protocol),
        ("PING in a block", after(frame(PING, 0, 0, &[0; 8])), protocol),
        ("SETTINGS in a block", after(frame(SETTINGS, 0, 0, b"")), protocol),
        ("PRIORITY in a block", after(frame(PRIORITY, 0, 5, &[0; 5])), protocol),
        ("an unknown frame in a block", after(frame(77, 0, 5, b"")), protocol),
        (
            "WINDOW_UPDATE in a block",
            after(frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1])),
            protocol,
        ),
        (
            "RST_STREAM in a block",
            after(frame(RST_STREAM, 0, 5, &[0; 4])),
            protocol,
        ),
        ("PRIORITY on 0", frame(PRIORITY, 0, 0, &[0; 5]), protocol),
        ("RST_STREAM on 0", frame(RST_STREAM, 0, 0, &[0; 4]), protocol),
        (
            "RST_STREAM on an idle stream",
            frame(RST_STREAM, 0, 5, &[0; 4]),
            protocol,
        ),
        ("RST_STREAM too short", frame(RST_STREAM, 0, 1, &[0; 3]), size),
        ("RST_STREAM too long", frame(RST_STREAM, 0, 1, &[0; 5]), size),
        ("SETTINGS on a stream", frame(SETTINGS, 0, 1, b""), protocol),
        ("SETTINGS cut", frame(SETTINGS, 0, 0, &[0; 5]), size),
        (
            "SETTINGS acknowledged with more",
            frame(SETTINGS, ACK, 0, &[0; 6]),
            size,
        ),
        ("SETTINGS, push 2", frame(SETTINGS, 0, 0, &setting(2, 2)), protocol),
        (
            "SETTINGS, window",
            frame(SETTINGS, 0, 0, &setting(4, 0x8000_0000)),
            flow,
        ),
        (
            "SETTINGS, small frames",
            frame(SETTINGS, 0, 0, &setting(5, 16_383)),
            protocol,
        ),
        (
            "SETTINGS, large frames",
            frame(SETTINGS, 0, 0, &setting(5, 16_777_216)),
            protocol,
        ),
        ("SETTINGS, connect 2", frame(SETTINGS, 0, 0, &setting(8, 2)), protocol),
        (
            "SETTINGS, connect taken back",
            frame(SETTINGS, 0, 0, &[setting(8, 1), setting(8, 0)].concat()),
            protocol,
        ),
        (
            "SETTINGS make a window too large",
            [
                frame(WINDOW_UPDATE, 0, 1, &0x7fff_0000u32.to_be_bytes()),
                frame(SETTINGS, 0, 0, &setting(4, 0x7fff_ffff)),
            ]
            .concat(),
            flow,
        ),
        (
            "PUSH_PROMISE",
            frame(PUSH_PROMISE, END_HEADERS, 1, &[0, 0, 0, 2]),
            protocol,
        ),
        ("PING on a stream", frame(PING, 0, 1, &[0; 8]), protocol),
        ("PING too short", frame(PING, 0, 0, &[0; 7]), size),
        ("PING too long", frame(PING, 0, 0, &[0; 9]), size),
        ("GOAWAY on a stream", frame(GOAWAY, 0, 1, &[0; 8]), protocol),
        ("GOAWAY too short", frame(GOAWAY, 0, 0, &[0; 7]), size),
        ("WINDOW_UPDATE too short", frame(WINDOW_UPDATE, 0, 0, &[0; 3]), size),
        ("WINDOW_UPDATE too long", frame(WINDOW_UPDATE, 0, 1, &[0; 5]), size),
        ("WINDOW_UPDATE by 0", frame(WINDOW_UPDATE, 0, 0, &[0; 4]), protocol),
        (
            "WINDOW_UPDATE by 0, reserved bit",
            frame(WINDOW_UPDATE, 0, 0, &[0x80, 0, 0, 0]),
            protocol,
        ),
        (
            "WINDOW_UPDATE on an idle stream",
            frame(WINDOW_UPDATE, 0, 5, &[0, 0, 0, 1]),
            protocol,
        ),
        (
            "WINDOW_UPDATE too much",
            frame(WINDOW_UPDATE, 0, 0, &0x7fff_ffffu32.to_be_bytes()),
            flow,
        ),
        (
            "a stream number that goes back",
            [frame(HEADERS, WHOLE, 9, &get()), frame(HEADERS, WHOLE, 7, &get())].concat(),
            protocol,
        ),
        (
            "PRIORITY of a wrong length, no stream",
            frame(PRIORITY, 0, 5, &[0; 4]),
            size,
        ),
    ];
    for (what, bytes, code) in cases {
        ends_the_connection(&mut server(), &bytes, code, what);
        // And in pieces of one byte.
        let mut wire = server();
        let outcome = bytes.iter().try_for_each(|byte| wire.receive(&[*byte]));
        assert_eq!(outcome.map_err(|closed| closed.code), Err(code), "{what}");
    }
    // Streams that are closed on both sides.
    for (bytes, code) in [
        (frame(DATA, 0, 1, b"x"), closed),
        (frame(HEADERS, WHOLE, 1, &get()), closed),
        (frame(CONTINUATION, END_HEADERS, 1, &get()), protocol),
    ] {
        let mut wire = Wire::server(&Settings::default());
        let id = wire.open(1, WHOLE, &GET);
        wire.connection
            .write(id, b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
        wire.connection.close(id);
        ends_the_connection(&mut wire, &bytes, code, "closed");
    }
}

#[test]
fn errors_of_a_stream() {
    let over = frame(WINDOW_UPDATE, 0, 3, &0x7fff_ffffu32.to_be_bytes());
    for (what, bytes, code) in [
        ("DATA behind the end", frame(DATA, 0, 1, b"x"), ErrorCode::STREAM_CLOSED),
        (
            "HEADERS behind the end",
            frame(HEADERS, WHOLE, 1, &get()),
            ErrorCode::STREAM_CLOSED,
        ),
        (
            "WINDOW_UPDATE by 0",
            frame(WINDOW_UPDATE, 0, 3, &[0; 4]),
            ErrorCode::PROTOCOL_ERROR,
        ),
        ("WINDOW_UPDATE too much", over, ErrorCode::FLOW_CONTROL_ERROR),
        (
            "PRIORITY of a wrong length",
            frame(PRIORITY, 0, 3, &[0; 4]),
            ErrorCode::FRAME_SIZE_ERROR,
        ),
    ] {
        let mut wire = server();
        wire.receive(&bytes).expect(what);
        let frames = wire.frames();
        assert!(
            frames.iter().any(|sent| sent.kind == RST_STREAM && sent.code() == code),
            "{what}: {frames:?}"
        );
        // What still comes of it is passed over.
        let number = frames[0].stream;
        for late in [
            frame(DATA, 0, number, b"late"),
            frame(WINDOW_UPDATE, 0, number, &[0, 0, 0, 1]),
            frame(RST_STREAM, 0, number, &[0; 4]),
            frame(HEADERS, WHOLE, number, &block(&[("x", "y")])),
        ] {
            wire.receive(&late).expect(what);
        }
        wire.open(5, WHOLE, &GET);
    }
}

#[test]
fn what_comes_behind_a_reset() {
    // The peer's own: its fault.
    for bytes in [frame(DATA, 0, 3, b"x"), frame(HEADERS, WHOLE, 3, &get())] {
        let mut wire = server();
        wire.receive(&frame(RST_STREAM, 0, 3, &8u32.to_be_bytes()))
            .expect("a reset");
        wire.receive(&bytes).expect("an error of the stream");
        assert_eq!(wire.frames()[0].code(), ErrorCode::STREAM_CLOSED);
        // The same once the user has closed it.
        let mut wire = server();
        let id = wire.open(5, END_HEADERS, &POST);
        wire.receive(&frame(RST_STREAM, 0, 5, &8u32.to_be_bytes()))
            .expect("a reset");
        wire.connection.close(id);
        assert_eq!(wire.frames(), []);
        let mut late = bytes.clone();
        late[8] = 5;
        wire.receive(&late).expect("an error of the stream");
        assert_eq!(wire.frames()[0].code(), ErrorCode::STREAM_CLOSED);
    }
    // Ours: it was on its way.
    let mut wire = server();
    let id = wire.open(5, END_HEADERS, &POST);
    wire.connection.close(id);
    assert_eq!(wire.frames()[0].code(), ErrorCode::INTERNAL_ERROR);
    wire.receive(&frame(DATA, 0, 5, b"x")).expect("passed over");
    wire.receive(&frame(HEADERS, WHOLE, 5, &block(&[("x", "y")])))
        .expect("passed over");
    assert_eq!(wire.frames(), []);
}

#[test]
fn frames_that_are_fine() {
    let mut wire = server();
    for bytes in [
        frame(77, 0xff, 0, b"unknown"),
        frame(77, 0, 9, b"unknown"),
        frame(PRIORITY, 0, 5, &[0, 0, 0, 5, 0]),
        frame(PRIORITY, 0, 1, &[0x80, 0, 0, 3, 9]),
        frame(PRIORITY, 0, 101, &[0; 5]),
        frame(SETTINGS, 0, 0, &setting(99, 7)),
        frame(SETTINGS, ACK, 0, b""),
        frame(GOAWAY, 0, 0, b"\0\0\0\0\0\0\0\0because"),
        frame(WINDOW_UPDATE, 0, 1, &[0x80, 0, 0, 1]),
        frame(PING, 0, 0, b"pingpong"),
        frame(DATA, PADDED, 3, b"\x02hello\0\0"),
    ] {
        wire.receive(&bytes).expect("fine");
    }
    let frames = wire.frames();
    let pong = Frame {
        kind: PING,
        flags: ACK,
        stream: 0,
        payload: b"pingpong".to_vec(),
    };
    assert_eq!(frames.last(), Some(&pong));
    let mut padded = vec![3];
    padded.extend_from_slice(&[0x80, 0, 0, 1, 7]);
    padded.extend_from_slice(&get());
    padded.extend_from_slice(&[0; 3]);
    wire.receive(&frame(HEADERS, WHOLE | PADDED | WITH_PRIORITY, 5, &padded))
        .expect("fine");
    let block = get();
    wire.receive(&frame(HEADERS, END_STREAM, 7, &block[..3])).expect("fine");
    wire.receive(&frame(CONTINUATION, 0, 7, b"")).expect("fine");
    wire.receive(&frame(CONTINUATION, END_HEADERS, 7, &block[3..]))
        .expect("fine");
    assert_eq!(wire.connection.streams(), 4);
}

#[test]
fn the_preface_comes_first() {
    for wrong in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"PRI * HTTP/2.0\r\n\r\nXX", b"x"] {
        let mut server = Connection::server(&Settings::default(), Moment::ZERO);
        let closed = server.receive(wrong, Moment::ZERO).expect_err("not the preface");
        assert_eq!(closed.code, ErrorCode::PROTOCOL_ERROR);
    }
    let mut server = Connection::server(&Settings::default(), Moment::ZERO);
    for byte in PREFACE {
        server.receive(&[*byte], Moment::ZERO).expect("the preface");
    }
    for first in [frame(PING, 0, 0, &[0; 8]), frame(SETTINGS, ACK, 0, b"")] {
        let mut server = Connection::server(&Settings::default(), Moment::ZERO);
        server.receive(PREFACE, Moment::ZERO).expect("the preface");
        server.receive(&first, Moment::ZERO).expect_err("not SETTINGS");
    }
}

#[test]
fn windows_are_held_to() {
    let settings = Settings {
        stream_window: 65_535,
        connection_window: 100_000,
        ..Settings::default()
    };
    let piece = |stream| frame(DATA, 0, stream, &[0; 16_384]);
    let mut wire = Wire::server(&settings);
    wire.open(1, END_HEADERS, &POST);
    for _ in 0..3 {
        wire.receive(&piece(1)).expect("within the window");
    }
    wire.receive(&frame(DATA, 0, 1, &[0; 16_383]))
        .expect("exactly the window");
    assert_eq!(wire.frames(), [], "nothing was read");
    wire.receive(&frame(DATA, 0, 1, b"x")).expect("an error of the stream");
    let frames = wire.frames();
    assert_eq!(frames.last().map(Frame::code), Some(ErrorCode::FLOW_CONTROL_ERROR));
    // What was kept for it is given back to the connection, so another stream may be filled again.
    assert!(
        frames.iter().any(|sent| sent.kind == WINDOW_UPDATE && sent.stream == 0),
        "{frames:?}"
    );
    // The connection's.
    let mut wire = Wire::server(&settings);
    wire.open(1, END_HEADERS, &POST);
    wire.open(3, END_HEADERS, &POST);
    for stream in [1, 3, 1, 3, 1, 3] {
        wire.receive(&piece(stream)).expect("within the window");
    }
    ends_the_connection(
        &mut wire,
        &piece(1),
        ErrorCode::FLOW_CONTROL_ERROR,
        "the connection's window",
    );
}

#[test]
fn what_nobody_reads_gives_its_window_back() {
    let settings = Settings {
        connection_window: 65_535,
        ..Settings::default()
    };
    let mut wire = Wire::server(&settings);
    let mut number = 1;
    // Far more than the window in all, on streams that are closed unread, padded, or reset before.
    for round in 0..200 {
        let id = wire.open(number, END_HEADERS, &POST);
        let mut content = vec![255];
        content.resize(5000, 0);
        if round % 2 == 0 {
            wire.receive(&frame(DATA, PADDED, number, &content))
                .expect("within the window");
            wire.connection.close(id);
        } else {
            wire.connection.close(id);
            wire.receive(&frame(DATA, PADDED, number, &content))
                .expect("within the window");
        }
        number += 2;
        wire.now = wire.now + std::time::Duration::from_secs(1);
    }
}

#[test]
fn more_streams_than_allowed_are_refused() {
    let settings = Settings {
        max_concurrent_streams: 2,
        ..Settings::default()
    };
    let mut wire = Wire::server(&settings);
    let first = wire.open(1, WHOLE, &GET);
    wire.open(3, WHOLE, &GET);
    wire.receive(&frame(HEADERS, WHOLE, 5, &get()))
        .expect("an error of the stream");
    assert_eq!(wire.events(), []);
    assert_eq!(wire.frames()[0].code(), ErrorCode::REFUSED_STREAM);
    // A stream that has been answered makes room, closed by the user or not.
    wire.connection.write(first, b"HTTP/1.1 204 No Content\r\n\r\n");
    wire.open(7, WHOLE, &GET);
    wire.connection.close(first);
}
