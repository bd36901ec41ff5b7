//! The gRPC conversation against an HTTP/2 server, and against what is none.

use evenkeel_check::{Conversation, Verdict};
use evenkeel_http2::{Connection, ErrorCode, Event, Read, Settings};
use evenkeel_model::{Check, CheckKind, GrpcCheck, Moment};

fn check(service: &str, host: Option<&str>) -> Conversation {
    let check = Check {
        kind: CheckKind::Grpc(GrpcCheck {
            service: service.into(),
            host: host.map(Into::into),
        }),
        ..Check::default()
    };
    Conversation::new(&check, "10.0.0.1:8080")
}

/// A backend that answers with `answer`, everything in pieces of `size` bytes: what it heard, and the verdict.
fn held(mut conversation: Conversation, answer: &[u8], size: usize) -> (Vec<u8>, Option<Verdict>) {
    let mut backend = Connection::server(&Settings::default(), Moment::ZERO);
    let mut heard = Vec::new();
    conversation.connected();
    for _ in 0..100 {
        while let Some(bytes) = conversation.poll_transmit() {
            for piece in bytes.chunks(size) {
                backend.receive(piece, Moment::ZERO).expect("sound HTTP/2");
            }
        }
        while let Some(event) = backend.poll_event() {
            let (Event::Opened(id) | Event::Readable(id)) = event else {
                continue;
            };
            let mut buffer = [0; 1000];
            while let Read::Bytes(count) = backend.read(id, &mut buffer) {
                heard.extend_from_slice(&buffer[..count]);
            }
            if backend.read(id, &mut buffer) == Read::End {
                match answer {
                    b"reset" => backend.reset(id, ErrorCode::INTERNAL_ERROR),
                    b"refuse" => backend.reset(id, ErrorCode::REFUSED_STREAM),
                    answer => {
                        backend.write(id, answer);
                    }
                }
            }
        }
        let output = backend.output().to_vec();
        backend.sent(output.len());
        for piece in output.chunks(size) {
            conversation.handle(piece);
        }
    }
    (heard, conversation.verdict())
}

/// An answer with this message and this status.
fn answer(message: &[u8], status: &str) -> Vec<u8> {
    let mut text = b"HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    if !message.is_empty() {
        text.extend_from_slice(format!("{:x}\r\n", message.len()).as_bytes());
        text.extend_from_slice(message);
        text.extend_from_slice(b"\r\n");
    }
    text.extend_from_slice(format!("0\r\ngrpc-status: {status}\r\n\r\n").as_bytes());
    text
}

fn verdict(answer: &[u8]) -> Verdict {
    let (_, whole) = held(check("", None), answer, usize::MAX);
    for size in [1, 7] {
        assert_eq!(held(check("", None), answer, size).1, whole, "in pieces of {size}");
    }
    whole.expect("a verdict")
}

fn fail(reason: &str) -> Verdict {
    Verdict::Fail(reason.to_owned())
}

#[test]
fn asks_as_grpc_clients_do() {
    let body = |heard: &[u8]| {
        let end = heard.windows(4).position(|four| four == b"\r\n\r\n").expect("a head") + 4;
        (
            String::from_utf8_lossy(&heard[..end]).into_owned(),
            heard[end..].to_vec(),
        )
    };
    let (head, message) = body(&held(check("", None), b"", usize::MAX).0);
    assert_eq!(
        head,
        "POST /grpc.health.v1.Health/Check HTTP/1.1\r\nhost: 10.0.0.1:8080\r\ncontent-type: application/grpc\r\n\
         user-agent: evenkeel-check\r\ncontent-length: 5\r\n\r\n"
    );
    assert_eq!(message, [0, 0, 0, 0, 0]);
    let (head, message) = body(&held(check("my.Service", Some("api.test")), b"", usize::MAX).0);
    assert!(head.contains("host: api.test\r\n"));
    assert_eq!(message, b"\0\0\0\0\x0c\x0a\x0amy.Service");
    let long = "a".repeat(255);
    let (_, message) = body(&held(check(&long, None), b"", usize::MAX).0);
    assert_eq!(message[..8], [0, 0, 0, 1, 2, 0x0a, 0xff, 0x01]);
}

#[test]
fn what_the_service_says() {
    for (message, expected) in [
        (&b"\0\0\0\0\x02\x08\x01"[..], Verdict::Pass),
        (b"\0\0\0\0\x08\x12\x02hi\x08\x00\x08\x01", Verdict::Pass),
        (b"\0\0\0\0\x00", fail("health UNKNOWN, expected SERVING")),
        (b"\0\0\0\0\x02\x08\x00", fail("health UNKNOWN, expected SERVING")),
        (b"\0\0\0\0\x02\x08\x02", fail("health NOT_SERVING, expected SERVING")),
        (
            b"\0\0\0\0\x02\x08\x03",
            fail("health SERVICE_UNKNOWN, expected SERVING"),
        ),
        (b"\0\0\0\0\x02\x08\x09", fail("health 9, expected SERVING")),
        (b"", fail("the answer has no message")),
        (b"\0\0\0\0\x03\x08\x01", fail("the answer is not one message")),
        (
            b"\x01\0\0\0\x02\x08\x01",
            fail("the answer is compressed, which was not asked for"),
        ),
        (b"\0\0\0\0\x01\x08", fail("the message is no HealthCheckResponse")),
        (b"\0\0\0\0\x03\x12\x7fx", fail("the message is no HealthCheckResponse")),
        (b"\0\0\0\0\x01\x0f", fail("the message is no HealthCheckResponse")),
    ] {
        assert_eq!(verdict(&answer(message, "0")), expected, "{message:?}");
    }
}

#[test]
fn calls_that_fail() {
    assert_eq!(
        verdict(&answer(b"", "5")),
        fail("gRPC status 5 (NOT_FOUND), expected 0")
    );
    assert_eq!(
        verdict(&answer(b"\0\0\0\0\x02\x08\x01", "14")),
        fail("gRPC status 14 (UNAVAILABLE), expected 0")
    );
    assert_eq!(verdict(&answer(b"", "99")), fail("gRPC status \"99\", expected 0"));
    assert_eq!(
        verdict(b"HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\ngrpc-status: 12\r\ncontent-length: 0\r\n\r\n"),
        fail("gRPC status 12 (UNIMPLEMENTED), expected 0")
    );
    assert_eq!(
        verdict(b"HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\ncontent-length: 0\r\n\r\n"),
        fail("the answer has no gRPC status")
    );
    assert_eq!(
        verdict(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"),
        fail("status 404, expected 200")
    );
    assert_eq!(
        verdict(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 0\r\n\r\n"),
        fail("the answer is not gRPC but \"text/html\"")
    );
    assert_eq!(verdict(b"reset"), fail("the call was reset with INTERNAL_ERROR"));
    assert_eq!(
        verdict(b"refuse"),
        fail("the backend takes no calls on this connection")
    );
    let mut large = b"HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\ncontent-length: 70000\r\n\r\n".to_vec();
    large.resize(large.len() + 60_000, b'x');
    assert_eq!(held(check("", None), &large, usize::MAX).1, None);
    large.resize(large.len() + 10_000, b'x');
    assert_eq!(
        held(check("", None), &large, usize::MAX).1,
        Some(fail("the answer has more than 64 KiB"))
    );
}

#[test]
fn what_is_no_http2() {
    let mut conversation = check("", None);
    assert_eq!(conversation.poll_transmit(), None, "not before it is connected");
    conversation.connected();
    assert!(conversation.poll_transmit().is_some());
    conversation.handle(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    assert_eq!(
        conversation.verdict(),
        Some(fail(
            "the answer is not HTTP/2: \"HTTP/1.1 400 Bad Request\\r\\n\\r\\n\""
        ))
    );
    conversation.handle_eof();
    conversation.handle(b"more");
    assert!(conversation.verdict().is_some());
    for (bytes, reason) in [
        (&b"SSH"[..], "the answer is not HTTP/2: \"SSH\""),
        (b"", "the connection ended before the answer"),
        (b"\0\0\0\x04\0\0\0\0\0", "the connection ended before the answer"),
    ] {
        let mut conversation = check("", None);
        conversation.connected();
        conversation.handle(bytes);
        assert_eq!(conversation.verdict(), None);
        conversation.handle_eof();
        assert_eq!(conversation.verdict(), Some(fail(reason)));
    }
    let mut conversation = check("", None);
    conversation.connected();
    conversation.handle(b"\0\0\0\x04\0\0\0\0\0\0\0\x01\x06\0\0\0\0\0x");
    assert_eq!(
        conversation.verdict(),
        Some(fail("the backend breaks HTTP/2: PING of a wrong length"))
    );
}
