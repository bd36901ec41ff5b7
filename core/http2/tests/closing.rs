//! How connections and streams end in good order.

mod kit;

use evenkeel_http2::{Connection, ErrorCode, Event, Read, Settings, StreamId, Write};
use evenkeel_model::Moment;
use kit::wire::{
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, Frame, GET, GOAWAY, HEADERS, PING, POST, RST_STREAM, SETTINGS,
    WHOLE, WINDOW_UPDATE, Wire, block, frame,
};
use std::time::Duration;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

fn server() -> Wire {
    Wire::server(&Settings::default())
}

fn codes(frames: &[Frame], kind: u8) -> Vec<ErrorCode> {
    frames
        .iter()
        .filter(|sent| sent.kind == kind)
        .map(Frame::code)
        .collect()
}

fn last_stream(away: &Frame) -> u32 {
    u32::from_be_bytes(away.payload[..4].try_into().expect("four bytes"))
}

#[test]
fn the_server_goes_away_in_two_steps() {
    for by_timeout in [false, true] {
        let mut wire = server();
        let first = wire.open(1, WHOLE, &GET);
        wire.connection.go_away(Moment::ZERO);
        wire.connection.go_away(Moment::ZERO);
        let frames = wire.frames();
        assert_eq!(frames.len(), 2, "{frames:?}");
        assert_eq!((frames[0].kind, last_stream(&frames[0])), (GOAWAY, 0x7fff_ffff));
        assert_eq!((frames[1].kind, frames[1].flags), (PING, 0));
        if !by_timeout {
            wire.receive(&frame(PING, ACK, 0, &frames[1].payload))
                .expect("an answer");
        }
        let deadline = wire.connection.poll_timeout().expect("a deadline");
        let wait = if by_timeout { 1000 } else { 50 };
        assert_eq!(deadline, Moment::ZERO + Duration::from_millis(wait));
        // It was on its way, or opened by a program that had not heard yet, and is served.
        let second = wire.open(3, WHOLE, &GET);
        assert!(!wire.connection.is_finished());
        wire.connection.handle_timeout(deadline).expect("no error");
        assert_eq!(wire.connection.poll_timeout(), None);
        let frames = wire.frames();
        assert_eq!((frames[0].kind, last_stream(&frames[0])), (GOAWAY, 3));
        // It is not; its fields are read all the same.
        let mut late = block(&GET);
        late.extend_from_slice(&[0x40, 1, b'a', 1, b'b']);
        wire.receive(&frame(HEADERS, END_HEADERS, 5, &late))
            .expect("passed over");
        for bytes in [
            frame(DATA, 0, 5, b"x"),
            frame(WINDOW_UPDATE, 0, 5, &[0, 0, 0, 1]),
            frame(RST_STREAM, 0, 5, &[0; 4]),
        ] {
            wire.receive(&bytes).expect("passed over");
        }
        assert_eq!(wire.events(), []);
        assert_eq!(wire.frames(), []);
        for id in [first, second] {
            assert!(!wire.connection.is_finished());
            assert_eq!(wire.connection.write(id, OK), Write::Took(OK.len()));
            wire.connection.close(id);
        }
        assert!(wire.connection.is_finished());
    }
}

#[test]
fn the_server_that_was_closed_early_says_what_it_must() {
    for (request, answer, code) in [
        (WHOLE, OK, None),
        (END_HEADERS, OK, Some(ErrorCode::NO_ERROR)),
        (WHOLE, b"", Some(ErrorCode::INTERNAL_ERROR)),
        (END_HEADERS, b"", Some(ErrorCode::INTERNAL_ERROR)),
        (WHOLE, &OK[..OK.len() - 1], Some(ErrorCode::INTERNAL_ERROR)),
    ] {
        let mut wire = server();
        let id = wire.open(1, request, &POST);
        assert_eq!(wire.connection.write(id, answer), Write::Took(answer.len()));
        wire.connection.close(id);
        assert_eq!(codes(&wire.frames(), RST_STREAM), Vec::from_iter(code));
        assert_eq!(wire.connection.streams(), 0);
        // The name is of no use any more.
        assert_eq!(wire.read(id).1, Read::Broken(ErrorCode::STREAM_CLOSED));
        assert_eq!(wire.connection.write(id, b"x"), Write::Broken(ErrorCode::STREAM_CLOSED));
        wire.connection.close(id);
        let other = wire.open(3, WHOLE, &GET);
        assert_ne!(id, other);
    }
}

fn asked(wire: &mut Wire, head: &str) -> StreamId {
    let id = wire.connection.open().expect("a stream");
    assert_eq!(wire.connection.write(id, head.as_bytes()), Write::Took(head.len()));
    id
}

const ASK: &str = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
const SEND: &str = "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\n";

#[test]
fn the_client_learns_what_was_not_looked_at() {
    let mut wire = Wire::client(&Settings::default());
    let ids = [ASK, SEND, ASK].map(|text| asked(&mut wire, text));
    let unsent = wire.connection.open().expect("a stream");
    wire.receive(&frame(RST_STREAM, 0, 1, &7u32.to_be_bytes()))
        .expect("a refusal");
    assert_eq!(wire.events(), [Event::Ended(ids[0])]);
    wire.receive(&frame(GOAWAY, 0, 0, &[0, 0, 0, 3, 0, 0, 0, 0]))
        .expect("going away");
    assert_eq!(
        wire.events(),
        [Event::GoAway, Event::Ended(ids[2]), Event::Ended(unsent)]
    );
    let refused = ids.map(|id| wire.connection.is_refused(id));
    assert_eq!(refused, [true, false, true]);
    assert!(wire.connection.is_refused(unsent));
    assert_eq!(wire.read(ids[2]).1, Read::Broken(ErrorCode::REFUSED_STREAM));
    assert!(!wire.connection.can_open());
    assert_eq!(wire.connection.open(), None);
    // The one that counts goes on.
    assert_eq!(wire.connection.write(ids[1], b"hello"), Write::Took(5));
    let answer = block(&[(":status", "204")]);
    wire.receive(&frame(HEADERS, WHOLE, 3, &answer)).expect("an answer");
    assert_eq!(
        wire.read(ids[1]),
        ("HTTP/1.1 204 No Content\r\n\r\n".to_owned(), Read::End)
    );
    for id in [ids[0], ids[1], ids[2], unsent] {
        assert!(!wire.connection.is_finished());
        wire.connection.close(id);
    }
    assert!(wire.connection.is_finished());
    assert!(codes(&wire.frames(), RST_STREAM).is_empty());
}

#[test]
fn an_answer_before_the_end_of_the_request_is_whole() {
    let mut wire = Wire::client(&Settings::default());
    let id = asked(&mut wire, SEND);
    let answer = block(&[(":status", "413"), ("content-length", "2")]);
    wire.receive(&frame(HEADERS, END_HEADERS, 1, &answer))
        .expect("an answer");
    wire.receive(&frame(DATA, END_STREAM, 1, b"no")).expect("its content");
    wire.receive(&frame(RST_STREAM, 0, 1, &0u32.to_be_bytes()))
        .expect("the rest is waived");
    assert!(!wire.events().contains(&Event::Ended(id)));
    assert_eq!(wire.connection.write(id, b"hello"), Write::Broken(ErrorCode::NO_ERROR));
    assert_eq!(
        wire.read(id),
        (
            "HTTP/1.1 413 Content Too Large\r\ncontent-length: 2\r\n\r\nno".to_owned(),
            Read::End
        )
    );
    wire.frames();
    wire.connection.close(id);
    assert_eq!(wire.frames(), []);
    // If it is not whole, it is lost.
    let id = asked(&mut wire, SEND);
    wire.receive(&frame(HEADERS, END_HEADERS, 3, &answer))
        .expect("an answer");
    wire.receive(&frame(RST_STREAM, 0, 3, &0u32.to_be_bytes()))
        .expect("a reset");
    assert_eq!(wire.read(id).1, Read::Broken(ErrorCode::NO_ERROR));
    assert!(!wire.connection.is_refused(id));
}

#[test]
fn the_client_says_what_it_no_longer_wants() {
    let mut wire = Wire::client(&Settings::default());
    let id = asked(&mut wire, ASK);
    wire.frames();
    wire.connection.close(id);
    assert_eq!(codes(&wire.frames(), RST_STREAM), [ErrorCode::CANCEL]);
    // The answer is on its way.
    let answer = block(&[(":status", "200")]);
    wire.receive(&frame(HEADERS, END_HEADERS, 1, &answer))
        .expect("passed over");
    wire.receive(&frame(DATA, END_STREAM, 1, b"late")).expect("passed over");
    // One that was never sent needs no word.
    let id = wire.connection.open().expect("a stream");
    wire.connection.close(id);
    assert_eq!(wire.frames(), []);
}

#[test]
fn streams_are_numbered_in_the_order_of_their_heads() {
    let mut wire = Wire::client(&Settings::default());
    let first = wire.connection.open().expect("a stream");
    let second = wire.connection.open().expect("a stream");
    wire.connection.write(second, ASK.as_bytes());
    wire.connection.write(first, ASK.as_bytes());
    let numbers: Vec<u32> = wire.frames().iter().map(|sent| sent.stream).collect();
    assert_eq!(numbers, [1, 3]);
    wire.receive(&frame(HEADERS, WHOLE, 1, &block(&[(":status", "204")])))
        .expect("an answer");
    assert_eq!(wire.events(), [Event::Readable(second)]);
}

#[test]
fn the_peer_limits_how_many_there_are() {
    let mut wire = Wire::client(&Settings::default());
    let limit = [&3u16.to_be_bytes()[..], &2u32.to_be_bytes()].concat();
    wire.receive(&frame(SETTINGS, 0, 0, &limit)).expect("settings");
    let first = asked(&mut wire, ASK);
    asked(&mut wire, ASK);
    assert!(!wire.connection.can_open());
    wire.receive(&frame(HEADERS, WHOLE, 1, &block(&[(":status", "204")])))
        .expect("an answer");
    assert!(wire.connection.can_open());
    wire.connection.close(first);
    assert!(wire.connection.open().is_some());
    assert!(wire.connection.open().is_none());
}

#[test]
fn settings_must_be_acknowledged() {
    let mut connection = Connection::client(&Settings::default(), Moment::ZERO);
    let deadline = connection.poll_timeout().expect("a deadline");
    assert_eq!(deadline, Moment::ZERO + Duration::from_secs(10));
    connection.handle_timeout(Moment::ZERO).expect("not yet");
    let closed = connection.handle_timeout(deadline).expect_err("too late");
    assert_eq!(closed.code, ErrorCode::SETTINGS_TIMEOUT);
    assert!(connection.is_finished());
    assert_eq!(connection.poll_timeout(), None);
    let mut wire = server();
    assert_eq!(wire.connection.poll_timeout(), None);
    wire.connection.handle_timeout(deadline).expect("acknowledged");
}

#[test]
fn what_is_written_must_be_a_message() {
    for text in [
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/2 200 OK\r\n\r\n",
        "200\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\n: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\na b: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\na: \0\r\n\r\n",
        "HTTP/1.1 200 OK\r\na: b\nc: d\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nx",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nab",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\nno colon\r\n\r\n",
    ] {
        let mut wire = server();
        let id = wire.open(1, WHOLE, &GET);
        assert_eq!(
            wire.connection.write(id, text.as_bytes()),
            Write::Broken(ErrorCode::INTERNAL_ERROR),
            "{text}"
        );
        assert_eq!(codes(&wire.frames(), RST_STREAM), [ErrorCode::INTERNAL_ERROR], "{text}");
        wire.connection.close(id);
        // The next answer still decodes: with a client of our own.
        let id = wire.open(3, WHOLE, &GET);
        assert_eq!(wire.connection.write(id, OK), Write::Took(OK.len()));
        let mut client = Wire::client(&Settings::default());
        asked(&mut client, ASK);
        for sent in wire.frames() {
            client
                .receive(&frame(sent.kind, sent.flags, 1, &sent.payload))
                .expect("sound");
        }
    }
    let mut wire = server();
    let id = wire.open(1, WHOLE, &GET);
    wire.connection.write(id, OK);
    assert_eq!(
        wire.connection.write(id, b"more"),
        Write::Broken(ErrorCode::INTERNAL_ERROR)
    );
    for text in [
        "CONNECT a:1 HTTP/1.1\r\n\r\n",
        "GET a HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
        "x\r\n\r\n",
    ] {
        let mut wire = Wire::client(&Settings::default());
        let id = wire.connection.open().expect("a stream");
        assert_eq!(
            wire.connection.write(id, text.as_bytes()),
            Write::Broken(ErrorCode::INTERNAL_ERROR)
        );
        assert_eq!(wire.frames(), []);
    }
}

#[test]
fn an_answer_without_a_length_ends_when_that_is_said() {
    let mut wire = server();
    let id = wire.open(1, WHOLE, &GET);
    wire.connection.write(id, b"HTTP/1.1 200 OK\r\n\r\nsome");
    wire.connection.end_writing(id);
    let frames = wire.frames();
    let flags: Vec<(u8, u8)> = frames.iter().map(|sent| (sent.kind, sent.flags)).collect();
    assert_eq!(flags, [(HEADERS, END_HEADERS), (DATA, 0), (DATA, END_STREAM)]);
    // What should have been longer is no whole answer.
    let id = wire.open(3, WHOLE, &GET);
    wire.connection
        .write(id, b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nsome");
    wire.connection.end_writing(id);
    assert_eq!(codes(&wire.frames(), RST_STREAM), [ErrorCode::INTERNAL_ERROR]);
}

#[test]
fn the_end_of_a_message_is_in_its_last_frame() {
    for (text, frames) in [
        ("HTTP/1.1 204 No Content\r\n\r\n", vec![(HEADERS, WHOLE)]),
        ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", vec![(HEADERS, WHOLE)]),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
            vec![(HEADERS, END_HEADERS), (DATA, END_STREAM)],
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            vec![(HEADERS, END_HEADERS), (DATA, END_STREAM)],
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n",
            vec![(HEADERS, END_HEADERS), (DATA, 0), (DATA, END_STREAM)],
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            vec![(HEADERS, END_HEADERS), (DATA, END_STREAM)],
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\na: b\r\n\r\n",
            vec![(HEADERS, END_HEADERS), (DATA, 0), (HEADERS, WHOLE)],
        ),
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 304 Not Modified\r\n\r\n",
            vec![(HEADERS, END_HEADERS), (HEADERS, WHOLE)],
        ),
    ] {
        let mut wire = server();
        let id = wire.open(1, WHOLE, &GET);
        assert_eq!(wire.connection.write(id, text.as_bytes()), Write::Took(text.len()));
        let sent: Vec<(u8, u8)> = wire.frames().iter().map(|sent| (sent.kind, sent.flags)).collect();
        assert_eq!(sent, frames, "{text}");
    }
}

#[test]
fn after_a_rest_everything_goes_on_and_no_name_comes_twice() {
    let mut wire = server();
    let mut names = Vec::new();
    for number in 0..20 {
        let id = wire.open(2 * number + 1, WHOLE, &GET);
        assert!(!names.contains(&id));
        names.push(id);
        wire.connection.write(
            id,
            b"HTTP/1.1 200 OK\r\nserver: remembered\r\ncontent-length: 0\r\n\r\n",
        );
        wire.connection.rest();
        wire.connection.close(id);
        wire.connection.rest();
        let answer = &wire.frames()[0].payload;
        // What was remembered before still is.
        assert_eq!(answer.len() < 8, number > 0, "{answer:?}");
    }
}

#[test]
fn an_answer_that_is_whole_outlives_the_connection() {
    let mut wire = Wire::client(&Settings::default());
    let whole = asked(&mut wire, ASK);
    let part = asked(&mut wire, ASK);
    let answer = block(&[(":status", "200"), ("content-length", "2")]);
    for number in [1, 3] {
        wire.receive(&frame(HEADERS, END_HEADERS, number, &answer))
            .expect("an answer");
    }
    let mut last = frame(DATA, END_STREAM, 1, b"ok");
    last.extend(frame(PING, 0, 0, b"x"));
    wire.receive(&last).expect_err("nonsense");
    assert_eq!(
        wire.read(whole),
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok".to_owned(), Read::End)
    );
    assert_eq!(wire.read(part).1, Read::Broken(ErrorCode::FRAME_SIZE_ERROR));
    assert_eq!(
        wire.connection.write(whole, b"x"),
        Write::Broken(ErrorCode::FRAME_SIZE_ERROR)
    );
}

#[test]
fn going_away_takes_a_second_from_now() {
    let mut wire = server();
    let now = Moment::ZERO + Duration::from_secs(100);
    wire.connection.go_away(now);
    assert_eq!(wire.connection.poll_timeout(), Some(now + Duration::from_secs(1)));
}

#[test]
fn what_begins_must_be_whole_in_time() {
    let limit = Duration::from_secs(10);
    let settings = Settings {
        head_within: Some(limit),
        ..Settings::default()
    };
    let whole = frame(HEADERS, WHOLE, 1, &block(&GET));
    let begun = frame(HEADERS, 0, 1, &block(&GET));
    let data = frame(DATA, 0, 1, b"hello");
    let open = frame(HEADERS, END_HEADERS, 1, &block(&POST));
    let second = Moment::ZERO + Duration::from_secs(1);
    for (bytes, deadline) in [
        (vec![], None),
        (whole.clone(), None),
        (whole[..2].to_vec(), Some(second + limit)),
        (whole[..20].to_vec(), Some(second + limit)),
        (begun.clone(), Some(second + limit)),
        ([&open[..], &data[..12]].concat(), None),
    ] {
        let mut wire = Wire::server(&settings);
        wire.now = second;
        wire.receive(&bytes).expect("nothing wrong yet");
        assert_eq!(wire.connection.poll_timeout(), deadline, "{bytes:?}");
        let Some(deadline) = deadline else { continue };
        // More of it changes nothing, ...
        wire.now = second + Duration::from_secs(2);
        let more = if bytes == begun {
            frame(CONTINUATION, 0, 1, &[])
        } else {
            whole[bytes.len()..=bytes.len()].to_vec()
        };
        wire.receive(&more).expect("nothing wrong yet");
        assert_eq!(wire.connection.poll_timeout(), Some(deadline));
        // ... and who never ends it is cut.
        let closed = wire.connection.handle_timeout(deadline).expect_err("too slow");
        assert_eq!(closed.code, ErrorCode::ENHANCE_YOUR_CALM);
    }
    // The next one has time of its own.
    let mut wire = Wire::server(&settings);
    let next = frame(HEADERS, WHOLE, 3, &block(&GET));
    wire.receive(&whole[..20]).expect("nothing wrong");
    wire.now = second;
    wire.receive(&[&whole[20..], &next[..20]].concat())
        .expect("nothing wrong");
    assert_eq!(wire.connection.poll_timeout(), Some(second + limit));
    wire.receive(&next[20..]).expect("nothing wrong");
    assert_eq!(wire.connection.poll_timeout(), None);
}

#[test]
fn what_was_answered_is_not_refused() {
    let away = frame(GOAWAY, 0, 0, &[0; 8]);
    let reset = frame(RST_STREAM, 0, 1, &7u32.to_be_bytes());
    for (late, goes_on) in [(away, true), (reset, false)] {
        let mut wire = Wire::client(&Settings::default());
        let id = wire.connection.open().expect("a stream");
        let request = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n";
        assert_eq!(wire.connection.write(id, request), Write::Took(request.len()));
        wire.receive(&frame(HEADERS, END_HEADERS, 1, &block(&[(":status", "200")])))
            .expect("an answer");
        wire.receive(&late).expect("no error");
        assert!(!wire.connection.is_refused(id));
        assert!(wire.connection.may_read(id));
        let mut buffer = [0; 100];
        assert_eq!(matches!(wire.connection.read(id, &mut buffer), Read::Bytes(_)), goes_on);
    }
}

#[test]
fn what_nobody_has_read_counts_against_new_streams() {
    let settings = Settings {
        max_concurrent_streams: 2,
        ..Settings::default()
    };
    let mut wire = Wire::client(&settings);
    let ids: Vec<StreamId> = (0..2).filter_map(|_| wire.connection.open()).collect();
    for (id, number) in ids.iter().zip([1, 3]) {
        let request = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";
        assert_eq!(wire.connection.write(*id, request), Write::Took(request.len()));
        wire.receive(&frame(HEADERS, END_HEADERS, number, &block(&[(":status", "200")])))
            .expect("an answer");
        wire.receive(&frame(DATA, END_STREAM, number, b"unread"))
            .expect("content");
    }
    assert!(!wire.connection.can_open());
    wire.connection.close(ids[0]);
    assert!(wire.connection.can_open());
}

#[test]
fn what_is_said_before_a_tunnel_opens_waits_for_it() {
    let mut wire = server();
    let fields = [
        (":method", "CONNECT"),
        (":protocol", "websocket"),
        (":scheme", "https"),
        (":path", "/"),
        (":authority", "a"),
    ];
    let id = wire.open(1, END_HEADERS, &fields);
    wire.receive(&frame(DATA, END_STREAM, 1, b"early")).expect("content");
    let mut buffer = [0; 1000];
    assert!(matches!(wire.connection.read(id, &mut buffer), Read::Bytes(_)));
    assert_eq!(wire.connection.read(id, &mut buffer), Read::Nothing);
    let answer = b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
    assert_eq!(wire.connection.write(id, answer), Write::Took(answer.len()));
    assert_eq!(wire.read(id), ("early".to_owned(), Read::End));
}
