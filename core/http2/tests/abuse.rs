//! What costs us much and the peer little is cut, each with its own word; what honest peers do is not.

mod kit;

use evenkeel_http2::{Closed, ErrorCode, Event, Settings, Write};
use kit::wire::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, Frame, GET, GOAWAY, HEADERS, PADDED, PING, POST, PRIORITY, RST_STREAM,
    SETTINGS, WHOLE, WINDOW_UPDATE, Wire, block, frame,
};
use std::time::Duration;

/// Sends what `next` makes until the connection ends: how many it took, and why it ended.
fn until_cut(wire: &mut Wire, most: usize, mut next: impl FnMut(u32) -> Vec<u8>) -> (usize, &'static str) {
    for count in 0..most {
        let bytes = next(count as u32);
        if let Err(Closed { code, why }) = wire.receive(&bytes) {
            assert_eq!(code, ErrorCode::ENHANCE_YOUR_CALM, "{why}");
            return (count, why);
        }
        while let Some(event) = wire.connection.poll_event() {
            if let Event::Ended(id) = event {
                wire.connection.close(id);
            }
        }
        wire.frames();
    }
    panic!("not cut");
}

fn server() -> Wire {
    Wire::server(&Settings::default())
}

#[test]
fn rapid_resets() {
    let request = block(&GET);
    // Before anyone has heard of the stream, and after.
    for flags in [WHOLE, END_HEADERS] {
        let (count, why) = until_cut(&mut server(), 1000, |count| {
            let number = 2 * count + 1;
            let mut bytes = frame(HEADERS, flags, number, &request);
            bytes.extend(frame(RST_STREAM, 0, number, &8u32.to_be_bytes()));
            bytes
        });
        assert_eq!((count, why), (200, "too many streams reset"));
    }
    let (count, _) = until_cut(&mut server(), 1000, |count| {
        let number = count / 2 * 2 + 1;
        match count % 2 {
            0 => frame(HEADERS, WHOLE, number, &request),
            _ => frame(RST_STREAM, 0, number, &8u32.to_be_bytes()),
        }
    });
    assert_eq!(count, 401);
}

#[test]
fn resets_at_the_pace_of_a_browser_are_fine() {
    let mut wire = server();
    let mut number = 1;
    for _ in 0..50 {
        for _ in 0..40 {
            let id = wire.open(number, WHOLE, &GET);
            wire.receive(&frame(RST_STREAM, 0, number, &8u32.to_be_bytes()))
                .expect("fine");
            wire.connection.close(id);
            number += 2;
        }
        wire.now = wire.now + Duration::from_secs(1);
    }
}

/// Calls that are cancelled among others that are not: one connection may carry those of many users.
#[test]
fn resets_among_requests_that_are_answered_are_fine() {
    let mut wire = server();
    for round in 0..2000 {
        let number = 4 * round + 1;
        let id = wire.open(number, WHOLE, &GET);
        wire.connection.write(id, b"HTTP/1.1 204 No Content\r\n\r\n");
        wire.connection.close(id);
        let id = wire.open(number + 2, WHOLE, &GET);
        wire.receive(&frame(RST_STREAM, 0, number + 2, &8u32.to_be_bytes()))
            .expect("fine");
        wire.connection.close(id);
        wire.frames();
    }
}

#[test]
fn resets_that_we_are_made_to_send() {
    let request = block(&POST);
    let bad = block(&[(":method", "GET")]);
    let zero = [0; 4];
    let cases: [&dyn Fn(u32) -> Vec<u8>; 4] = [
        &|number| frame(HEADERS, WHOLE, number, &bad),
        &|number| {
            let mut bytes = frame(HEADERS, WHOLE, number, &request);
            bytes.extend(frame(WINDOW_UPDATE, 0, number, &zero));
            bytes
        },
        &|number| {
            let mut bytes = frame(HEADERS, WHOLE, number, &request);
            bytes.extend(frame(DATA, 0, number, b"x"));
            bytes
        },
        &|number| {
            let mut bytes = frame(HEADERS, WHOLE, number, &request);
            bytes.extend(frame(PRIORITY, 0, number, b"x"));
            bytes
        },
    ];
    for case in cases {
        let (count, why) = until_cut(&mut server(), 1000, |count| case(2 * count + 1));
        assert_eq!((count, why), (200, "too many stream errors provoked"));
    }
    // Streams beyond the limit, none of them answered.
    let (count, why) = until_cut(&mut server(), 1000, |count| {
        frame(HEADERS, WHOLE, 2 * count + 1, &request)
    });
    assert_eq!((count, why), (328, "too many stream errors provoked"));
    // Heads that are too large.
    let value = "x".repeat(5000);
    let mut fields = GET.to_vec();
    fields.extend([("a", value.as_str()); 3]);
    let large = block(&fields);
    let settings = Settings {
        max_head_bytes: 8000,
        ..Settings::default()
    };
    let mut wire = Wire::server(&settings);
    let (count, why) = until_cut(&mut wire, 1000, |count| frame(HEADERS, WHOLE, 2 * count + 1, &large));
    assert_eq!((count, why), (200, "too many stream errors provoked"));
}

/// A server's connection carries streams of many clients.
#[test]
fn a_server_that_talks_nonsense_loses_no_stream_that_it_answers_well() {
    let mut wire = Wire::client(&Settings::default());
    let ask = |wire: &mut Wire| {
        let id = wire.connection.open()?;
        let head = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";
        assert_eq!(wire.connection.write(id, head), Write::Took(head.len()));
        wire.frames();
        Some(id)
    };
    let patient = ask(&mut wire).expect("a stream");
    let nonsense = block(&[("x", "no status")]);
    let (mut number, mut told) = (3, Vec::new());
    while let Some(id) = ask(&mut wire) {
        wire.receive(&frame(HEADERS, WHOLE, number, &nonsense))
            .expect("the connection lives");
        assert_eq!(wire.connection.fault(id), Some(":status is missing"));
        let away = wire.events().contains(&Event::GoAway);
        assert_eq!(away, !wire.connection.can_open());
        wire.connection.close(id);
        told.extend(wire.frames().into_iter().filter(|sent| sent.kind == GOAWAY));
        number += 2;
    }
    let codes: Vec<_> = told.iter().map(Frame::code).collect();
    assert_eq!(codes, [ErrorCode::NO_ERROR]);
    assert_eq!(number, 2 * 201 + 3, "the limit");
    // What was under way can still come to grief, and can still end well.
    assert!(!wire.connection.is_finished());
    let answer = block(&[(":status", "204")]);
    wire.receive(&frame(HEADERS, WHOLE, 1, &answer))
        .expect("the connection lives");
    assert!(wire.read(patient).0.starts_with("HTTP/1.1 204 "));
    assert_eq!(wire.connection.fault(patient), None);
    wire.connection.close(patient);
    assert!(wire.connection.is_finished());
}

#[test]
fn continuations() {
    let settings = Settings::default();
    let mut wire = Wire::server(&settings);
    wire.receive(&frame(HEADERS, END_STREAM, 1, b"")).expect("a beginning");
    let (count, why) = until_cut(&mut wire, 1000, |_| frame(CONTINUATION, 0, 1, b""));
    assert_eq!((count, why), (32, "too many CONTINUATION frames"));
    let mut wire = Wire::server(&settings);
    wire.receive(&frame(HEADERS, END_STREAM, 1, b"")).expect("a beginning");
    let (count, why) = until_cut(&mut wire, 1000, |_| frame(CONTINUATION, 0, 1, &[0; 16_384]));
    assert_eq!((count, why), (5, "a field block is too large"));
}

#[test]
fn bombs() {
    // One large field in the table, and thousands of references to it.
    let mut bomb = block(&GET);
    bomb.extend_from_slice(&[0x40, 1, b'a', 127, 0x80 | 0x31, 0x1e]);
    bomb.resize(bomb.len() + 0x31 + 127 + (0x1e << 7), b'x');
    let field = 32 + 1 + 0x31 + 127 + (0x1e << 7);
    let mut large = bomb.clone();
    large.extend_from_slice(&[0xbe; 8]);
    bomb.extend_from_slice(&vec![0xbe; 32 * 1024 * 16 / field + 1]);
    let mut wire = server();
    let closed = wire.receive(&frame(HEADERS, WHOLE, 1, &bomb)).expect_err("a bomb");
    assert_eq!(closed.why, "a field block grows too large when it is read");
    // A head that is merely too large is answered, and the table is still right.
    let mut wire = server();
    wire.receive(&frame(HEADERS, WHOLE, 1, &large)).expect("not an error");
    assert_eq!(wire.events(), []);
    let answer = &wire.frames()[0];
    assert_eq!((answer.kind, answer.flags, answer.stream), (HEADERS, WHOLE, 1));
    assert_eq!(wire.connection.streams(), 0);
    let mut again = block(&GET);
    again.push(0xbe);
    wire.receive(&frame(HEADERS, WHOLE, 3, &again)).expect("sound");
    let Some(evenkeel_http2::Event::Opened(id)) = wire.connection.poll_event() else {
        panic!("nothing was opened")
    };
    assert!(wire.read(id).0.contains("a: xxx"));
}

#[test]
fn floods() {
    let floods: [(Vec<u8>, usize, &str); 8] = [
        (frame(PING, 0, 0, &[0; 8]), 1000, "too many PING frames"),
        (frame(PING, 1, 0, &[0; 8]), 1000, "too many PING frames"),
        (frame(SETTINGS, 0, 0, b""), 49, "too many SETTINGS frames"),
        (frame(SETTINGS, 1, 0, b""), 49, "too many SETTINGS frames"),
        (frame(DATA, 0, 1, b""), 100, "too many empty DATA frames"),
        (frame(DATA, PADDED, 1, &[9; 10]), 100, "too many empty DATA frames"),
        (
            frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1]),
            1000,
            "too many WINDOW_UPDATE frames",
        ),
        (frame(PRIORITY, 0, 1, &[0; 5]), 1000, "too many frames without effect"),
    ];
    for (bytes, most, word) in floods {
        let mut wire = server();
        wire.open(1, END_HEADERS, &POST);
        let (count, why) = until_cut(&mut wire, 10_000, |_| bytes.clone());
        assert_eq!((count, why), (most, word));
    }
    let (count, why) = until_cut(&mut server(), 10_000, |_| frame(200, 0, 0, b"x"));
    assert_eq!((count, why), (1000, "too many frames without effect"));
}

#[test]
fn the_same_frames_slowly_are_fine() {
    for (bytes, each_second) in [
        (frame(PING, 0, 0, &[0; 8]), 400),
        (frame(SETTINGS, 0, 0, b""), 4),
        (frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1]), 400),
        (frame(PRIORITY, 0, 1, &[0; 5]), 400),
    ] {
        let mut wire = server();
        for _ in 0..100 {
            for _ in 0..each_second {
                wire.receive(&bytes).expect("fine");
            }
            wire.frames();
            wire.now = wire.now + Duration::from_secs(1);
        }
    }
}

#[test]
fn windows_earned_by_data_are_fine() {
    let mut wire = server();
    let id = wire.open(1, WHOLE, &GET);
    wire.connection
        .write(id, b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n");
    for _ in 0..5000 {
        wire.connection.write(id, &[0; 10]);
        for stream in [0, 1] {
            wire.receive(&frame(WINDOW_UPDATE, 0, stream, &10u32.to_be_bytes()))
                .expect("fine");
        }
        wire.frames();
    }
}

#[test]
fn a_peer_that_does_not_read_is_cut_before_much_waits_for_it() {
    let mut wire = server();
    let mut most = 0;
    let closed = loop {
        // So slowly that no budget is exceeded.
        wire.now = wire.now + Duration::from_millis(10);
        if let Err(closed) = wire.receive(&frame(PING, 0, 0, &[0; 8])) {
            break closed;
        }
        most = most.max(wire.connection.output().len());
    };
    assert_eq!(closed.why, "frames that must be answered, and what is sent is not read");
    assert!(most < 300_000);
}

#[test]
fn a_stream_that_is_not_read_keeps_no_more_than_its_window() {
    let settings = Settings {
        stream_window: 65_535,
        ..Settings::default()
    };
    let mut wire = Wire::server(&settings);
    let id = wire.open(1, END_HEADERS, &POST);
    let mut sent = 0;
    // One byte a frame.
    while sent < 65_535 {
        wire.receive(&frame(DATA, 0, 1, b"x")).expect("within the window");
        sent += 1;
    }
    wire.receive(&frame(DATA, 0, 1, b"x")).expect("an error of the stream");
    assert_eq!(
        wire.frames().last().map(Frame::code),
        Some(ErrorCode::FLOW_CONTROL_ERROR)
    );
    wire.connection.close(id);
}

#[test]
fn who_lets_us_answer_may_give_up_as_often() {
    let mut wire = server();
    for round in 0..1000 {
        let number = 4 * round + 1;
        let id = wire.open(number, WHOLE, &GET);
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        assert_eq!(wire.connection.write(id, answer), Write::Took(answer.len()));
        wire.connection.close(id);
        let id = wire.open(number + 2, WHOLE, &GET);
        wire.receive(&frame(RST_STREAM, 0, number + 2, &8u32.to_be_bytes()))
            .expect("as many answers as resets");
        wire.connection.close(id);
        wire.frames();
    }
}

#[test]
fn frames_without_content_for_streams_that_are_over() {
    let end = frame(DATA, END_STREAM, 1, &[]);
    let fields = frame(HEADERS, WHOLE, 1, &block(&[("a", "b")]));
    for late in [end, fields] {
        let mut wire = server();
        let id = wire.open(1, END_HEADERS, &POST);
        wire.connection.reset(id, ErrorCode::CANCEL);
        let (_, why) = until_cut(&mut wire, 2000, |_| late.clone());
        assert_eq!(why, "too many frames without effect");
        let mut wire = server();
        let id = wire.open(1, END_HEADERS, &POST);
        wire.connection.close(id);
        let (_, why) = until_cut(&mut wire, 2000, |_| late.clone());
        assert_eq!(why, "too many frames without effect");
    }
    // Behind the last GOAWAY nothing is opened, and nothing earned.
    let mut wire = server();
    wire.connection.go_away(wire.now);
    let deadline = wire.connection.poll_timeout().expect("a deadline");
    wire.connection.handle_timeout(deadline).expect("no error");
    let request = block(&GET);
    let (_, why) = until_cut(&mut wire, 2000, |count| frame(HEADERS, WHOLE, 2 * count + 1, &request));
    assert_eq!(why, "too many frames without effect");
}
