use crate::{Conversation, Verdict};
use evenkeel_model::{Check, CheckKind, Expect, HttpCheck};

fn http(body: Option<&str>, expect: &[Expect]) -> Check {
    let kind = CheckKind::Http(HttpCheck {
        path: "/healthz".into(),
        host: None,
        expect: expect.to_vec(),
        body: body.map(Into::into),
    });
    Check {
        kind,
        ..Check::default()
    }
}

fn asked(check: &Check) -> Conversation {
    let mut conversation = Conversation::new(check, "10.0.0.1:8080");
    conversation.connected();
    assert!(conversation.poll_transmit().is_some());
    assert!(conversation.poll_transmit().is_none());
    conversation
}

/// The verdict on `answer` without an end of the connection; the same however the answer is cut.
fn verdict(check: &Check, answer: &[u8]) -> Option<Verdict> {
    let mut whole = asked(check);
    whole.handle(answer);
    for size in [1, 2, 3, 7] {
        let mut pieces = asked(check);
        answer.chunks(size).for_each(|piece| pieces.handle(piece));
        assert_eq!(pieces.verdict(), whole.verdict(), "in pieces of {size}");
    }
    whole.verdict()
}

fn verdict_at_eof(check: &Check, answer: &[u8]) -> Verdict {
    let mut conversation = asked(check);
    conversation.handle(answer);
    conversation.handle_eof();
    conversation.verdict().expect("a verdict at the end")
}

fn fail(reason: &str) -> Verdict {
    Verdict::Fail(reason.to_owned())
}

#[test]
fn tcp_passes_when_connected() {
    let mut conversation = Conversation::new(&Check::default(), "x");
    assert_eq!(conversation.verdict(), None);
    conversation.connected();
    assert_eq!(conversation.poll_transmit(), None);
    assert_eq!(conversation.verdict(), Some(Verdict::Pass));
    conversation.handle_eof();
    assert_eq!(conversation.verdict(), Some(Verdict::Pass));
}

fn request(path: &str, host: Option<&str>, name: &str) -> String {
    let kind = CheckKind::Http(HttpCheck {
        path: path.into(),
        host: host.map(Into::into),
        expect: vec![Expect::SUCCESS],
        body: None,
    });
    let check = Check {
        kind,
        ..Check::default()
    };
    let mut conversation = Conversation::new(&check, name);
    assert_eq!(conversation.poll_transmit(), None, "not before it is connected");
    conversation.connected();
    String::from_utf8(conversation.poll_transmit().unwrap()).unwrap()
}

#[test]
fn asks_as_an_http_client_must() {
    assert_eq!(
        request("/healthz?deep=1", Some("app.example.com"), "10.0.0.1:8080"),
        "GET /healthz?deep=1 HTTP/1.1\r\nHost: app.example.com\r\nUser-Agent: evenkeel-check\r\nAccept: */*\r\n\
         Connection: close\r\n\r\n"
    );
    for (host, name, expected) in [
        (None, "[::1]:80", "Host: [::1]:80\r\n"),
        (Some(""), "10.0.0.1:8080", "Host: 10.0.0.1:8080\r\n"),
        (None, "unix:/run/app.sock", "Host: localhost\r\n"),
        (Some("a\r\nX: y"), "b", "Host: localhost\r\n"),
    ] {
        let request = request("/", host, name);
        assert!(request.contains(expected), "{request}");
    }
    assert!(request("/a b\r\nX:#é", None, "b").starts_with("GET /a%20b%0D%0AX:%23%C3%A9 HTTP/1.1\r\n"));
}

#[test]
fn statuses() {
    let success = http(None, &[Expect::SUCCESS]);
    let some = http(
        None,
        &[
            Expect { first: 204, last: 204 },
            Expect { first: 301, last: 303 },
            Expect { first: 400, last: 499 },
        ],
    );
    let cases: [(&Check, u16, Verdict); 6] = [
        (&success, 200, Verdict::Pass),
        (&success, 299, Verdict::Pass),
        (&success, 503, fail("status 503, expected 2xx")),
        (&some, 204, Verdict::Pass),
        (&some, 302, Verdict::Pass),
        (&some, 200, fail("status 200, expected 204 or 301-303 or 4xx")),
    ];
    for (check, status, expected) in cases {
        let answer = format!("HTTP/1.1 {status} Whatever\r\nServer: x\r\n\r\n");
        assert_eq!(verdict(check, answer.as_bytes()), Some(expected), "{status}");
    }
}

#[test]
fn status_lines_are_parsed_strictly() {
    let check = http(None, &[Expect { first: 100, last: 599 }]);
    for line in [
        "HTTP/1.1 200 OK",
        "HTTP/1.0 200 OK",
        "HTTP/1.1 200 ",
        "HTTP/1.1 200",
        "HTTP/1.1 200 \u{e9}\t x",
    ] {
        assert_eq!(
            verdict(&check, format!("{line}\r\n\r\n").as_bytes()),
            Some(Verdict::Pass),
            "{line}"
        );
    }
    for line in [
        "HTTP/1.2 200 OK",
        "HTTP/1.1  200 OK",
        "HTTP/1.1 2000 OK",
        "HTTP/1.1 20 OK",
        "HTTP/1.1 +20 OK",
        "HTTP/1.1 abc OK",
        "HTTP/1.1 099 OK",
        "HTTP/1.1\t200 OK",
        "HTTP/1.1 200\tOK",
        "HTTP/1.1 200 O\rK",
        "HTTP/1.1 200 O\0K",
    ] {
        let Some(Verdict::Fail(reason)) = verdict(&check, format!("{line}\r\n\r\n").as_bytes()) else {
            panic!("{line:?} passed");
        };
        assert!(
            reason.starts_with("malformed status line \"HTTP/1."),
            "{line:?}: {reason}"
        );
    }
}

#[test]
fn what_is_not_http_fails_at_once() {
    let check = http(None, &[Expect::SUCCESS]);
    let mut conversation = asked(&check);
    conversation.handle(b"SSH-2.0-OpenSSH_9.2p1\r\n");
    assert_eq!(
        conversation.verdict(),
        Some(fail("the answer is not HTTP/1: \"SSH-2.0-OpenSSH_9.2p1\\r\\n\""))
    );
    assert_eq!(
        verdict(&check, b"HTTP/1.1 200 OK\nServer: x\n\n"),
        Some(fail("a line of the head ends with a bare LF"))
    );
    let mut early = Conversation::new(&check, "x");
    early.connected();
    early.handle(b"220 smtp ready\r\n");
    assert_eq!(early.verdict(), Some(fail("the backend spoke before it was asked")));
}

#[test]
fn malformed_headers_fail() {
    let check = http(None, &[Expect::SUCCESS]);
    for line in ["Server", ": x", "Ser ver: x", "Server : x", " folded", "Server: a\x01b"] {
        let answer = format!("HTTP/1.1 200 OK\r\n{line}\r\n\r\n");
        assert_eq!(
            verdict(&check, answer.as_bytes()),
            Some(fail(
                &format!("malformed header line \"{}\"", line.escape_default()).replace("\\u{1}", "\\x01")
            )),
        );
    }
    for (lines, reason) in [
        (
            "Content-Length: 1\r\ncontent-length: 1",
            "repeated header \"content-length\"",
        ),
        ("Content-Length: +1", "malformed content-length \"+1\""),
        ("Content-Length:", "malformed content-length \"\""),
        (
            "Content-Length: 99999999999999999999",
            "malformed content-length \"99999999999999999999\"",
        ),
        ("Transfer-Encoding: gzip", "unknown transfer-encoding \"gzip\""),
        (
            "Transfer-Encoding: chunked\r\nContent-Length: 1",
            "both content-length and transfer-encoding",
        ),
    ] {
        let answer = format!("HTTP/1.1 200 OK\r\n{lines}\r\n\r\n");
        assert_eq!(verdict(&check, answer.as_bytes()), Some(fail(reason)));
    }
}

#[test]
fn interim_answers_are_skipped_up_to_a_limit() {
    let check = http(None, &[Expect::SUCCESS]);
    let interim = "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n";
    let last = "HTTP/1.1 204 No Content\r\n\r\n";
    let answer = |count: usize| format!("{}{last}", interim.repeat(count));
    assert_eq!(verdict(&check, answer(8).as_bytes()), Some(Verdict::Pass));
    assert_eq!(
        verdict(&check, answer(9).as_bytes()),
        Some(fail("more than 8 interim answers"))
    );
    assert_eq!(verdict(&check, interim.as_bytes()), None);
    assert_eq!(
        verdict_at_eof(&check, interim.as_bytes()),
        fail("connection closed after an interim answer")
    );
    assert_eq!(
        verdict(&check, b"HTTP/1.1 101 Switching Protocols\r\n\r\n"),
        Some(fail("status 101, which was not asked for"))
    );
}

#[test]
fn a_head_is_bounded() {
    let check = http(None, &[Expect::SUCCESS]);
    let head = |length: usize| {
        let start = "HTTP/1.1 200 OK\r\nX: ";
        format!("{start}{}\r\n\r\n", "x".repeat(length - start.len() - 4))
    };
    assert_eq!(verdict(&check, head(16 * 1024).as_bytes()), Some(Verdict::Pass));
    assert_eq!(
        verdict(&check, head(16 * 1024 + 1).as_bytes()),
        Some(fail("the head of the answer is longer than 16384 bytes"))
    );
}

#[test]
fn the_end_of_the_connection_is_told() {
    let check = http(Some("ok"), &[Expect::SUCCESS]);
    for (answer, reason) in [
        ("", "connection closed without an answer"),
        ("HTTP/1.1 200 OK\r\n", "connection closed within the head of the answer"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab",
            "connection closed 3 bytes before the end of the body",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab",
            "connection closed within a chunked body",
        ),
        ("HTTP/1.1 200 OK\r\n\r\nabc", "the body does not contain \"ok\""),
    ] {
        assert_eq!(verdict_at_eof(&check, answer.as_bytes()), fail(reason), "{answer}");
    }
}

#[test]
fn bodies_are_searched() {
    let check = http(Some("all fine"), &[Expect::SUCCESS]);
    let missing = || Some(fail("the body does not contain \"all fine\""));
    let cases = [
        ("Content-Length: 10", "x all fine", Some(Verdict::Pass)),
        ("Content-Length: 10", "x all fin", None),
        ("Content-Length: 9", "x all fin", missing()),
        ("Content-Length: 9", "x all fine", missing()),
        ("Content-Length: 0", "", missing()),
        ("Content-Length: 100", "all fine", Some(Verdict::Pass)),
        ("Server: x", "x all f", None),
        ("Server: x", "all fall fine", Some(Verdict::Pass)),
        (
            "Transfer-Encoding: Chunked",
            "5\r\nall f\r\n3\r\nine\r\n",
            Some(Verdict::Pass),
        ),
        (
            "Transfer-Encoding: chunked",
            "5;a=\"b\"\r\nall f\r\n2 ; c\r\nin\r\n0\r\n\r\n",
            missing(),
        ),
        (
            "Transfer-Encoding: chunked",
            "00000A\r\n  all fine\r\n",
            Some(Verdict::Pass),
        ),
    ];
    for (field, body, expected) in cases {
        let answer = format!("HTTP/1.1 200 OK\r\n{field}\r\n\r\n{body}");
        assert_eq!(verdict(&check, answer.as_bytes()), expected, "{field}, {body}");
    }
    assert_eq!(
        verdict(&check, b"HTTP/1.1 204 No Content\r\nContent-Length: 8\r\n\r\nall fine"),
        missing()
    );
}

#[test]
fn bad_chunks_fail() {
    let check = http(Some("ok"), &[Expect::SUCCESS]);
    for (body, reason) in [
        ("\r\n", "malformed chunk size \"\\r\\n\""),
        ("x\r\n", "malformed chunk size \"x\\r\\n\""),
        ("-1\r\n", "malformed chunk size \"-1\\r\\n\""),
        ("1\n", "malformed chunk size \"1\\n\""),
        ("1 2\r\n", "malformed chunk size \"1 2\\r\\n\""),
        (
            "1000000000000000\r\n",
            "malformed chunk size \"1000000000000000\\r\\n\"",
        ),
        ("1\r\nab", "a chunk is longer than its size"),
        ("1\r\na\n", "a chunk is longer than its size"),
    ] {
        let answer = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
        assert_eq!(verdict(&check, answer.as_bytes()), Some(fail(reason)), "{body:?}");
    }
    let endless = format!(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;{}",
        "x".repeat(2000)
    );
    assert!(matches!(verdict(&check, endless.as_bytes()), Some(Verdict::Fail(_))));
}

#[test]
fn only_the_first_64_kib_are_searched() {
    let check = http(Some("ok"), &[Expect::SUCCESS]);
    let answer = |before: usize| format!("HTTP/1.1 200 OK\r\n\r\n{}ok", "x".repeat(before));
    assert_eq!(verdict(&check, answer(64 * 1024 - 2).as_bytes()), Some(Verdict::Pass));
    assert_eq!(
        verdict(&check, answer(64 * 1024 - 1).as_bytes()),
        Some(fail("the first 64 KiB of the body do not contain \"ok\""))
    );
}

#[test]
fn verdicts_are_short() {
    let check = http(Some(&"\u{7f}".repeat(5000)), &[Expect { first: 100, last: 101 }; 50]);
    let answers = [
        format!("{}\r\n", "\0".repeat(5000)),
        format!("HTTP/1.1 {}\r\n\r\n", "\u{1}".repeat(5000)),
        "HTTP/1.1 200 OK\r\n\r\n".to_owned(),
    ];
    for answer in answers {
        let Verdict::Fail(reason) = verdict_at_eof(&check, answer.as_bytes()) else {
            panic!("passed");
        };
        assert!(reason.len() <= 300 && reason.is_ascii(), "{reason}");
    }
}

#[test]
fn random_answers_are_judged_alike_however_they_are_cut() {
    let parts = [
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 100 \r\n\r\n",
        "\r\n",
        "\r\n",
        "\n",
        "Content-Length: 4\r\n",
        "Transfer-Encoding: chunked\r\n",
        "4\r\n",
        "o",
        "k",
        "abcd",
        "0\r\n",
        ":",
    ];
    let check = http(Some("ok"), &[Expect::SUCCESS]);
    let mut number = 1_u64;
    let (mut passed, mut failed) = (0, 0);
    for _ in 0..200_000 {
        let mut whole = asked(&check);
        let mut pieces = asked(&check);
        let mut answer = parts[0].to_owned();
        for _ in 0..8 {
            number = number
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            answer.push_str(parts[usize::try_from(number >> 33).unwrap() % parts.len()]);
        }
        whole.handle(answer.as_bytes());
        for byte in answer.as_bytes() {
            pieces.handle(&[*byte]);
        }
        whole.handle_eof();
        pieces.handle_eof();
        match (whole.verdict(), pieces.verdict()) {
            (Some(Verdict::Pass), Some(Verdict::Pass)) => passed += 1,
            (Some(Verdict::Fail(_)), Some(Verdict::Fail(_))) => failed += 1,
            other => panic!("{other:?} for {answer:?}"),
        }
    }
    assert!(passed > 50 && failed > 50, "{passed} passed, {failed} failed");
}
