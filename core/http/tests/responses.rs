//! Response heads by the letter of RFC 9110 and 9112, and what a client gets of them.

#![allow(clippy::unwrap_used)]

use evenkeel_http::*;

const PLAIN: Asked = Asked {
    head: false,
    upgrade: false,
};
const HEAD: Asked = Asked {
    head: true,
    upgrade: false,
};
const UPGRADE: Asked = Asked {
    head: false,
    upgrade: true,
};

fn parse(bytes: &[u8], asked: Asked) -> Result<(Parsed, ResponseHead), Fault> {
    let mut head = ResponseHead::default();
    head.parse(bytes, asked, &Limits::default())
        .map(|parsed| (parsed, head))
}

fn sound(bytes: &[u8], asked: Asked) -> ResponseHead {
    match parse(bytes, asked) {
        Ok((Parsed::Whole, head)) => head,
        other => panic!("{}: {:?}", bytes.escape_ascii(), other.map(|(parsed, _)| parsed)),
    }
}

#[track_caller]
fn refused(bytes: &[u8], fault: Fault) {
    match parse(bytes, PLAIN) {
        Err(found) => assert_eq!(found, fault, "{}", bytes.escape_ascii()),
        Ok((parsed, _)) => panic!("{}: {parsed:?}", bytes.escape_ascii()),
    }
}

fn answer(lines: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\n{lines}\r\n\r\n").into_bytes()
}

fn sent(bytes: &[u8], asked: Asked, client_version: Version, keep_alive: bool) -> String {
    let head = sound(bytes, asked);
    let mut out = Vec::new();
    let framing = head.answer_framing(client_version);
    head.write(
        bytes,
        &Answer {
            client_version,
            keep_alive,
            framing,
            date: None,
        },
        &mut out,
    );
    String::from_utf8(out).unwrap()
}

#[test]
fn status_lines_that_are_refused() {
    use Fault::*;
    for (line, fault) in [
        ("HTTP/1.1 abc OK", StatusLine),
        ("HTTP/1.1 20 OK", StatusLine),
        ("HTTP/1.1 2 OK", StatusLine),
        ("HTTP/1.1 2000 OK", StatusLine),
        ("HTTP/1.1 200OK", StatusLine),
        ("HTTP/1.1 200\tOK", StatusLine),
        ("HTTP/1.1 2e2 OK", StatusLine),
        ("HTTP/1.1 +20 OK", StatusLine),
        ("HTTP/1.1 -20 OK", StatusLine),
        ("HTTP/1.1  200 OK", StatusLine),
        ("HTTP/1.1\t200 OK", StatusLine),
        ("HTTP/1.1 OK 200", StatusLine),
        ("http/1.1 200 OK", StatusLine),
        ("HTTP 200 OK", StatusLine),
        ("ICY 200 OK", StatusLine),
        (" HTTP/1.1 200 OK", StatusLine),
        ("\r\nHTTP/1.1 200 OK", StatusLine),
        ("<html>hello</html>", StatusLine),
        ("HTTP/2 200 OK", StatusLine),
        ("HTTP/1.2 200 OK", Version),
        ("HTTP/1.9 200 OK", Version),
        ("HTTP/1.10 200 OK", StatusLine),
        ("HTTP/11.1 200 OK", StatusLine),
        ("HTTP/1.1 000 OK", StatusRange),
        ("HTTP/1.1 099 OK", StatusRange),
        ("HTTP/1.1 600 OK", StatusRange),
        ("HTTP/1.1 999 OK", StatusRange),
        ("HTTP/1.1 200 O\0K", ControlByte),
        ("HTTP/1.1 200 O\x7fK", ControlByte),
        ("HTTP/1.1 200 O\rK", BareCarriageReturn),
        ("HTTP/1.1 200 O\nK: b", BareLineFeed),
        ("HTTP/1.1 200\nA: b", BareLineFeed),
    ] {
        refused(format!("{line}\r\nContent-Length: 0\r\n\r\n").as_bytes(), fault);
    }
    refused(b"h", StatusLine);
    refused(
        b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        CodingInOldVersion,
    );
}

#[test]
fn field_lines_and_framing_that_are_refused() {
    use Fault::*;
    for (lines, fault) in [
        ("A: b\n", BareLineFeed),
        ("A: b\rC: d", BareCarriageReturn),
        ("A: b\r\n c", Fold),
        (" A: b", Fold),
        ("A : b", SpaceBeforeColon),
        (": b", FieldName),
        ("A", FieldName),
        ("A\0: b", ControlByte),
        ("A: \0", ControlByte),
        ("A: \x1b", ControlByte),
        ("Content-Length:", Length),
        ("Content-Length: +5", Length),
        ("Content-Length: -1", Length),
        ("Content-Length: 5,5", Length),
        ("Content-Length: 0x5", Length),
        ("Content-Length: 9223372036854775808", Length),
        ("Content-Length: 5\r\nContent-Length: 5", LengthRepeated),
        ("Content-Length: 5\r\nTransfer-Encoding: chunked", LengthAndCoding),
        ("Transfer-Encoding: gzip", CodingNotChunked),
        ("Transfer-Encoding: identity", CodingNotChunked),
        ("Transfer-Encoding:", CodingNotChunked),
        ("Transfer-Encoding: chunked, chunked", CodingNotChunked),
        ("Transfer-Encoding: gzip, chunked", CodingUnknown),
        (
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            CodingRepeated,
        ),
        ("Connection: a b", ConnectionOption),
        ("Connection: Content-Length\r\nContent-Length: 5", ConnectionNames),
    ] {
        refused(&answer(lines), fault);
    }
    // What says nothing of the body must be sound nevertheless.
    for start in ["HTTP/1.1 204 No", "HTTP/1.1 304 No", "HTTP/1.1 100 Go"] {
        refused(format!("{start}\r\nContent-Length: x\r\n\r\n").as_bytes(), Length);
        refused(
            format!("{start}\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n").as_bytes(),
            LengthAndCoding,
        );
    }
}

#[test]
fn reasons_may_miss() {
    for (line, reason, written) in [
        ("HTTP/1.1 200 OK", "OK", "HTTP/1.1 200 OK"),
        ("HTTP/1.1 200 ", "", "HTTP/1.1 200 "),
        ("HTTP/1.1 200", "", "HTTP/1.1 200 "),
        (
            "HTTP/1.1 599 a b\tc \u{e9}",
            "a b\tc \u{e9}",
            "HTTP/1.1 599 a b\tc \u{e9}",
        ),
        ("HTTP/1.0 404 Gone away", "Gone away", "HTTP/1.1 404 Gone away"),
        ("HTTP/1.0 404", "", "HTTP/1.1 404 "),
    ] {
        let bytes = format!("{line}\r\nContent-Length: 0\r\n\r\n").into_bytes();
        assert_eq!(sound(&bytes, PLAIN).reason.of(&bytes), reason.as_bytes());
        assert_eq!(
            sent(&bytes, PLAIN, Version::Http11, true),
            format!("{written}\r\nContent-Length: 0\r\n\r\n")
        );
    }
}

#[test]
fn where_the_body_ends_and_whether_the_backend_may_be_used_again() {
    use ResponseFraming::*;
    for (line, fields, asked, framing, keep_alive) in [
        ("HTTP/1.1 200", "Content-Length: 5", PLAIN, Length(5), true),
        (
            "HTTP/1.1 200",
            "Content-Length: 5\r\nConnection: close",
            PLAIN,
            Length(5),
            false,
        ),
        ("HTTP/1.1 200", "Transfer-Encoding: chunked", PLAIN, Chunked, true),
        ("HTTP/1.1 200", "A: b", PLAIN, UntilClose, false),
        ("HTTP/1.1 200", "Connection: keep-alive", PLAIN, UntilClose, false),
        ("HTTP/1.0 200", "Content-Length: 5", PLAIN, Length(5), false),
        (
            "HTTP/1.0 200",
            "Content-Length: 5\r\nConnection: keep-alive",
            PLAIN,
            Length(5),
            true,
        ),
        ("HTTP/1.0 200", "Connection: keep-alive", PLAIN, UntilClose, false),
        ("HTTP/1.1 200", "Content-Length: 5", HEAD, None, true),
        ("HTTP/1.1 200", "Transfer-Encoding: chunked", HEAD, None, true),
        ("HTTP/1.1 200", "A: b", HEAD, None, true),
        ("HTTP/1.1 304", "Content-Length: 5", PLAIN, None, true),
        ("HTTP/1.1 304", "A: b", PLAIN, None, true),
        ("HTTP/1.1 204", "A: b", PLAIN, None, true),
        ("HTTP/1.1 204", "Content-Length: 0", PLAIN, None, true),
        ("HTTP/1.1 204", "Content-Length: 5", PLAIN, None, false),
        ("HTTP/1.1 204", "Transfer-Encoding: chunked", PLAIN, None, false),
        ("HTTP/1.1 100", "A: b", PLAIN, None, true),
        ("HTTP/1.1 103", "Link: a", PLAIN, None, true),
        ("HTTP/1.1 205", "Content-Length: 0", PLAIN, Length(0), true),
    ] {
        let bytes = format!("{line}\r\n{fields}\r\n\r\n");
        let head = sound(bytes.as_bytes(), asked);
        assert_eq!(
            (head.framing, head.keep_alive),
            (framing, keep_alive),
            "{line} {fields}"
        );
        assert_eq!(head.is_interim(), head.status < 200);
    }
}

#[test]
fn a_switch_must_be_asked_for_and_say_to_what() {
    let switch = b"HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nA: b\r\n\r\n";
    assert_eq!(
        parse(switch, PLAIN).map(|(parsed, _)| parsed),
        Err(Fault::SwitchUnasked)
    );
    let head = sound(switch, UPGRADE);
    assert!(head.upgrade && !head.is_interim() && !head.keep_alive);
    assert_eq!(
        sent(switch, UPGRADE, Version::Http11, true),
        "HTTP/1.1 101 Switching\r\nA: b\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"
    );
    for wrong in [
        "HTTP/1.1 101 S\r\nUpgrade: websocket",
        "HTTP/1.1 101 S\r\nConnection: upgrade",
        "HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade:",
        "HTTP/1.0 101 S\r\nConnection: upgrade\r\nUpgrade: websocket",
    ] {
        let found = parse(format!("{wrong}\r\n\r\n").as_bytes(), UPGRADE).map(|(parsed, _)| parsed);
        assert_eq!(found, Err(Fault::SwitchWithoutProtocol), "{wrong}");
    }
    assert!(
        !sound(
            b"HTTP/1.1 200 OK\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",
            UPGRADE
        )
        .upgrade
    );
}

#[test]
fn what_belongs_to_the_hop_is_not_sent_and_the_rest_keeps_its_order() {
    let bytes = answer(
        "A: 1\r\nConnection: B, keep-alive, Transfer-Encoding\r\nb: 2\r\nKeep-Alive: timeout=5\r\nUpgrade: h2c\r\n\
         Proxy-Authenticate: Basic\r\nProxy-Connection: close\r\nTE: a\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\nContent-Length: 3",
    );
    assert_eq!(
        sent(&bytes, PLAIN, Version::Http11, true),
        "HTTP/1.1 200 OK\r\nA: 1\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\nContent-Length: 3\r\n\r\n"
    );
}

#[test]
fn framing_and_connection_as_the_client_understands_them() {
    use Version::*;
    for (fields, version, keep_alive, expected) in [
        ("Content-Length:03", Http11, true, "content-length: 3\r\n"),
        (
            "Content-Length: 3",
            Http11,
            false,
            "Content-Length: 3\r\nconnection: close\r\n",
        ),
        (
            "Content-Length: 3",
            Http10,
            true,
            "Content-Length: 3\r\nconnection: keep-alive\r\n",
        ),
        (
            "Content-Length: 3",
            Http10,
            false,
            "Content-Length: 3\r\nconnection: close\r\n",
        ),
        ("A: b", Http11, true, "A: b\r\ntransfer-encoding: chunked\r\n"),
        ("A: b", Http10, true, "A: b\r\nconnection: close\r\n"),
        (
            "Transfer-Encoding: chunked\r\nTrailer: T",
            Http11,
            true,
            "Trailer: T\r\ntransfer-encoding: chunked\r\n",
        ),
        (
            "Transfer-Encoding: chunked\r\nTrailer: T",
            Http10,
            true,
            "connection: close\r\n",
        ),
    ] {
        let text = sent(&answer(fields), PLAIN, version, keep_alive);
        assert_eq!(
            text,
            format!("HTTP/1.1 200 OK\r\n{expected}\r\n"),
            "{fields} {version:?}"
        );
    }
    assert_eq!(
        sent(&answer("Content-Length: 3"), HEAD, Http11, true),
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"
    );
    assert_eq!(
        sent(&answer("Content-Length: 03"), HEAD, Http11, true),
        "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n"
    );
    assert_eq!(
        sent(&answer("Transfer-Encoding: chunked"), HEAD, Http11, true),
        "HTTP/1.1 200 OK\r\n\r\n"
    );
    for (head, expected) in [
        (
            "HTTP/1.1 204 No\r\nContent-Length: 0\r\nA: b\r\n\r\n",
            "HTTP/1.1 204 No\r\nA: b\r\n\r\n",
        ),
        (
            "HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.1 204 No\r\n\r\n",
        ),
        (
            "HTTP/1.1 304 No\r\nContent-Length: 9\r\n\r\n",
            "HTTP/1.1 304 No\r\nContent-Length: 9\r\n\r\n",
        ),
        (
            "HTTP/1.1 103 Hint\r\nLink: a\r\nConnection: close\r\n\r\n",
            "HTTP/1.1 103 Hint\r\nLink: a\r\n\r\n",
        ),
    ] {
        assert_eq!(sent(head.as_bytes(), PLAIN, Http11, true), expected);
    }
}

#[test]
fn limits_hold_exactly() {
    let bytes = answer("A: b");
    let parse = |bytes: &[u8], limits| ResponseHead::default().parse(bytes, PLAIN, &limits);
    let limits = Limits {
        head_bytes: bytes.len(),
        target_bytes: 0,
        fields: 1,
    };
    assert_eq!(parse(&[&bytes[..], b"body"].concat(), limits), Ok(Parsed::Whole));
    assert_eq!(
        parse(
            &bytes,
            Limits {
                head_bytes: bytes.len() - 1,
                ..limits
            }
        ),
        Err(Fault::HeadTooLarge)
    );
    assert_eq!(parse(&bytes, Limits { fields: 0, ..limits }), Err(Fault::FieldsTooMany));
}

#[test]
fn a_head_is_used_again_for_the_next_response() {
    let mut head = sound(
        b"HTTP/1.0 404\r\nContent-Length: 09\r\nConnection: close\r\n\r\n",
        PLAIN,
    );
    let next = answer("A: b\r\nContent-Length: 0");
    head.reset();
    assert_eq!(head.parse(&next, PLAIN, &Limits::default()), Ok(Parsed::Whole));
    assert_eq!(
        (head.status, head.framing, head.keep_alive),
        (200, ResponseFraming::Length(0), true)
    );
    assert_eq!(head.values(&next, b"a").collect::<Vec<_>>(), [b"b"]);
}

const DATE: &[u8] = b"Fri, 20 Nov 2026 12:00:00 GMT";

#[test]
fn our_own_answers_are_sound() {
    for status in 100..=599 {
        if status == 101 {
            continue;
        }
        for (keep_alive, head) in [(true, false), (false, false), (true, true)] {
            let mut out = Vec::new();
            error_answer(status, "why", DATE, keep_alive, head, &mut out);
            let parsed = sound(&out, Asked { head, upgrade: false });
            assert_eq!((parsed.status, parsed.keep_alive), (status, keep_alive));
            let body = &out[parsed.length..];
            match parsed.framing {
                ResponseFraming::Length(length) => assert_eq!((length, body), (4, &b"why\n"[..])),
                ResponseFraming::None => assert!(body.is_empty()),
                other => panic!("{other:?}"),
            }
            assert_eq!(parsed.reason.of(&out), reason_phrase(status).as_bytes());
        }
    }
    let mut out = Vec::new();
    fixed_answer(
        308,
        b"",
        &[(b"location", b"https://h/\r\nevil: 1")],
        b"",
        true,
        false,
        &mut out,
    );
    assert_eq!(
        out,
        b"HTTP/1.1 308 Permanent Redirect\r\ncontent-length: 0\r\nlocation: https://h/evil: 1\r\n\r\n"
    );
    out.clear();
    error_answer(405, "no", DATE, false, false, &mut out);
    assert!(String::from_utf8(out).unwrap().contains("\r\nallow: GET, "));
}
