//! Request heads by the letter of RFC 9110 and 9112: what is refused and why, and what is forwarded of what is not.

#![allow(clippy::unwrap_used)]

use evenkeel_http::*;

const FORWARD: Forward<'_> = Forward {
    client_address: b"192.0.2.7",
    trusted: false,
    scheme: b"http",
    request_id: b"made",
    backend: b"10.0.0.1:80",
};
const ABOUT: &str =
    "x-forwarded-for: 192.0.2.7\r\nx-forwarded-proto: http\r\nx-forwarded-host: h\r\nx-request-id: made\r\n";

fn parse(bytes: &[u8]) -> Result<(Parsed, RequestHead), Refused> {
    let mut head = RequestHead::default();
    head.parse(bytes, &Limits::default()).map(|parsed| (parsed, head))
}

fn sound(bytes: &[u8]) -> RequestHead {
    match parse(bytes) {
        Ok((Parsed::Whole, head)) => head,
        other => panic!("{}: {:?}", bytes.escape_ascii(), other.map(|(parsed, _)| parsed)),
    }
}

#[track_caller]
fn refused(bytes: &[u8], fault: Fault) {
    match parse(bytes) {
        Err(refusal) => assert_eq!(
            refusal,
            Refused {
                status: fault.status(),
                reason: fault
            },
            "{}",
            bytes.escape_ascii()
        ),
        Ok((parsed, _)) => panic!("{}: {parsed:?}", bytes.escape_ascii()),
    }
}

/// A POST with these lines between `Host` and the end.
fn post(lines: &str) -> Vec<u8> {
    format!("POST / HTTP/1.1\r\nHost: h\r\n{lines}\r\n\r\n").into_bytes()
}

fn forwarded(bytes: &[u8], forward: &Forward<'_>) -> String {
    let mut out = Vec::new();
    sound(bytes).write(bytes, forward, &mut out);
    String::from_utf8(out).unwrap()
}

/// What is forwarded of a POST with these lines, between `Host` and what we say of the client.
fn kept(lines: &str) -> String {
    let text = forwarded(&post(lines), &FORWARD);
    let middle = text.strip_prefix("POST / HTTP/1.1\r\nHost: h\r\n").unwrap();
    middle
        .strip_suffix(&format!("{ABOUT}\r\n"))
        .unwrap_or_else(|| panic!("{text}"))
        .to_owned()
}

#[test]
fn request_lines_that_are_refused() {
    use Fault::*;
    for (line, fault) in [
        ("GET / HTTP/1.1 ", RequestLine),
        ("GET  / HTTP/1.1", RequestLine),
        ("GET /  HTTP/1.1", RequestLine),
        ("GET\t/ HTTP/1.1", RequestLine),
        ("GET /\tHTTP/1.1", RequestLine),
        ("GET / HTTP/1.1\t", RequestLine),
        (" GET / HTTP/1.1", RequestLine),
        ("\tGET / HTTP/1.1", RequestLine),
        ("GET /", RequestLine),
        ("GET / ", RequestLine),
        ("GET", RequestLine),
        ("GET ", RequestLine),
        ("GET HTTP/1.1", RequestLine),
        ("GET /a b HTTP/1.1", Version),
        ("GET / http/1.1", Version),
        ("GET / HTTP/1.2", Version),
        ("GET / HTTP/1.", Version),
        ("GET / HTTP/1", Version),
        ("GET / HTTP/11", Version),
        ("GET / HTTP/1.10", Version),
        ("GET / HTTP/1.1.1", Version),
        ("GET / HTTP/01.1", Version),
        ("GET / HTTP/2.0", Version),
        ("GET / HTTP/0.9", Version),
        ("GET / HTTP/1,1", Version),
        ("GET / HTTP /1.1", Version),
        ("GET / ICY/1.1", Version),
        ("GET / HTTP/1.1;", Version),
        ("PRI * HTTP/2.0", Version),
        ("G\"T / HTTP/1.1", Method),
        ("G(T / HTTP/1.1", Method),
        ("GET: / HTTP/1.1", Method),
        ("G\0T / HTTP/1.1", Method),
        ("\x16\x03\x01 / HTTP/1.1", Method),
        ("G\u{e9}T / HTTP/1.1", Method),
        ("CONNECT h:443 HTTP/1.1", Connect),
        ("CONNECT / HTTP/1.1", Connect),
        ("GET /#a HTTP/1.1", TargetFragment),
        ("GET # HTTP/1.1", TargetFragment),
        ("GET http://h/#a HTTP/1.1", TargetFragment),
        ("GET /\0 HTTP/1.1", TargetByte),
        ("GET /\x0b HTTP/1.1", TargetByte),
        ("GET /\x7f HTTP/1.1", TargetByte),
        ("GET /\u{e9} HTTP/1.1", TargetByte),
        ("GET * HTTP/1.1", TargetForm),
        ("OPTIONS ** HTTP/1.1", TargetForm),
        ("OPTIONS */ HTTP/1.1", TargetForm),
        ("GET a HTTP/1.1", TargetForm),
        ("GET h:80 HTTP/1.1", TargetForm),
        ("GET ?a HTTP/1.1", TargetForm),
        ("GET \\ HTTP/1.1", TargetForm),
        ("GET ftp://h/ HTTP/1.1", TargetForm),
        ("GET http:/h/ HTTP/1.1", TargetForm),
        ("GET http:h HTTP/1.1", TargetForm),
        ("GET httpx://h/ HTTP/1.1", TargetForm),
        ("GET ws://h/ HTTP/1.1", TargetForm),
        ("GET http:// HTTP/1.1", Host),
        ("GET http:/// HTTP/1.1", Host),
        ("GET http://?a HTTP/1.1", Host),
        ("GET http://:80/ HTTP/1.1", Host),
        ("GET http://user@h/ HTTP/1.1", Host),
        ("GET http://user:pass@h/ HTTP/1.1", Host),
        ("GET http://h\\/ HTTP/1.1", Host),
        ("GET http://h:65536/ HTTP/1.1", Host),
        ("GET http://h:x/ HTTP/1.1", Host),
        ("GET http://[::1/ HTTP/1.1", Host),
        ("GET http://other/ HTTP/1.1", HostDiffers),
        ("GET http://h:81/ HTTP/1.1", HostDiffers),
        ("GET https://h:80/ HTTP/1.1", HostDiffers),
        ("GET http://h./ HTTP/1.1", HostDiffers),
        ("GET http://%68/ HTTP/1.1", HostDiffers),
    ] {
        refused(format!("{line}\r\nHost: h\r\n\r\n").as_bytes(), fault);
    }
    refused(b"GET /\xff HTTP/1.1\r\nHost: h\r\n\r\n", TargetByte);
    refused(b"GET / HTTP/1.1\nHost: h\r\n\r\n", BareLineFeed);
    refused(b"GET / HTTP/1.1\rHost: h\r\n\r\n", BareCarriageReturn);
    refused(b"GET / HTTP/1.1\r\r\nHost: h\r\n\r\n", BareCarriageReturn);
    refused(
        format!("{} / HTTP/1.1\r\nHost: h\r\n\r\n", "A".repeat(65)).as_bytes(),
        MethodTooLong,
    );
    sound(format!("{} / HTTP/1.1\r\nHost: h\r\n\r\n", "A".repeat(64)).as_bytes());
    refused(b"GET /\n", BareLineFeed);
    refused(b"GET\n", BareLineFeed);
}

#[test]
fn what_is_wrong_is_seen_before_the_head_is_whole() {
    use Fault::*;
    for (start, fault) in [
        (&b"\0"[..], Method),
        (b"\n", BareLineFeed),
        (b"\r\r", BareCarriageReturn),
        (b" ", RequestLine),
        (b"\x16\x03\x01", Method),
        (b"GET /\r", RequestLine),
        (b"GET / HTTP/3", Version),
        (b"GET / X", Version),
        (b"GET a HTTP/1.1\r\n", TargetForm),
        (b"GET / HTTP/1.1\r\n ", Fold),
        (b"GET / HTTP/1.1\r\nA ", SpaceBeforeColon),
        (b"GET / HTTP/1.1\r\nA: b\n", BareLineFeed),
        (b"GET / HTTP/1.1\r\nA: b\0", ControlByte),
    ] {
        refused(start, fault);
    }
}

#[test]
fn field_lines_that_are_refused() {
    use Fault::*;
    for (lines, fault) in [
        (&b"A: b\n"[..], BareLineFeed),
        (b"A: b\nC: d", BareLineFeed),
        (b"A: b\rC: d", BareCarriageReturn),
        (b"A: b\r\r", BareCarriageReturn),
        (b"A: \r b", BareCarriageReturn),
        (b"A\r: b", FieldName),
        (b"A\n: b", BareLineFeed),
        (b"A: b\r\n c", Fold),
        (b"A: b\r\n\tc", Fold),
        (b"A: b\r\n ", Fold),
        (b" A: b", Fold),
        (b"A : b", SpaceBeforeColon),
        (b"A\t: b", SpaceBeforeColon),
        (b"Content-Length : 5", SpaceBeforeColon),
        (b"A B: c", SpaceBeforeColon),
        (b": b", FieldName),
        (b"A", FieldName),
        (b"A(: b", FieldName),
        (b"A/B: b", FieldName),
        (b"\"A\": b", FieldName),
        (b"[A]: b", FieldName),
        (b"A@: b", FieldName),
        (b"\xc3\xa9: b", FieldName),
        (b"A\0: b", ControlByte),
        (b"A\x7f: b", ControlByte),
        (b"A\x0b: b", ControlByte),
        (b"A: \0", ControlByte),
        (b"A: b\0c", ControlByte),
        (b"A: \x01", ControlByte),
        (b"A: \x0b", ControlByte),
        (b"A: \x0c", ControlByte),
        (b"A: \x1b[0m", ControlByte),
        (b"A: \x7f", ControlByte),
    ] {
        refused(&[b"GET / HTTP/1.1\r\nHost: h\r\n", lines, b"\r\n\r\n"].concat(), fault);
    }
}

#[test]
fn every_byte_of_names_and_values_is_judged() {
    for byte in 0..=255u8 {
        let name = [b"GET / HTTP/1.1\r\nHost: h\r\nX", &[byte][..], b"Y: b\r\n\r\n"].concat();
        let token = byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        assert_eq!(parse(&name).is_ok(), token || byte == b':', "{byte:#x} in a name");
        let value = [b"GET / HTTP/1.1\r\nHost: h\r\nX: a", &[byte][..], b"b\r\n\r\n"].concat();
        assert_eq!(
            parse(&value).is_ok(),
            !byte.is_ascii_control() || byte == b'\t',
            "{byte:#x} in a value"
        );
        let target = [b"GET /", &[byte][..], b"b HTTP/1.1\r\nHost: h\r\n\r\n"].concat();
        assert_eq!(
            parse(&target).is_ok(),
            byte.is_ascii_graphic() && byte != b'#',
            "{byte:#x} in a target"
        );
        let method = [b"G", &[byte][..], b"T / HTTP/1.1\r\nHost: h\r\n\r\n"].concat();
        assert_eq!(parse(&method).is_ok(), token, "{byte:#x} in a method");
    }
}

#[test]
fn hosts() {
    for host in [
        "h",
        "H.Example.COM",
        "h:80",
        "h:65535",
        "h:0",
        "h:",
        "a_b.c",
        "1.2.3.4:8080",
        "[::1]",
        "[::1]:80",
        "[2001:db8::192.0.2.1]",
        "xn--bcher-kva.example",
        "a%2db",
        "~a!$&'()*+;=-._",
    ] {
        let bytes = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
        assert_eq!(sound(bytes.as_bytes()).host.of(bytes.as_bytes()), host.as_bytes());
    }
    for host in [
        "",
        " ",
        ":80",
        "a b",
        "a,b",
        "a, b",
        "user@h",
        "h/",
        "h/path",
        "h?a",
        "h\\",
        "h#",
        "h:65536",
        "h:99999",
        "h:000080",
        "h:8o",
        "h:-1",
        "h:+1",
        "h:80:80",
        "h: 80",
        "::1",
        "[::1",
        "::1]",
        "[]",
        "[::g]",
        "[1.2.3.4]",
        "[::1]x",
        "[::1]:x",
        "[fe80::1%25eth0]",
        "[v1.a]",
        "h%",
        "h%2",
        "h%zz",
        "<h>",
        "\"h\"",
        "h|",
        "h^",
        "`h`",
        "h\u{e9}",
        "{h}",
        "h\t1",
    ] {
        refused(
            format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes(),
            Fault::Host,
        );
    }
    refused(b"GET / HTTP/1.1\r\n\r\n", Fault::HostMissing);
    refused(b"OPTIONS * HTTP/1.1\r\n\r\n", Fault::HostMissing);
    refused(b"GET http://h/ HTTP/1.1\r\n\r\n", Fault::HostMissing);
    refused(b"OPTIONS * HTTP/1.1\r\nHost:\r\n\r\n", Fault::Host);
    refused(b"GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", Fault::HostRepeated);
    refused(b"GET / HTTP/1.1\r\nHost: h\r\nhOST: i\r\n\r\n", Fault::HostRepeated);
    refused(b"GET / HTTP/1.0\r\nHost: h\r\nHost: h\r\n\r\n", Fault::HostRepeated);
    refused(b"GET / HTTP/1.0\r\nHost: a b\r\n\r\n", Fault::Host);
}

#[test]
fn names_and_ports_are_told_apart() {
    for (host, name) in [
        ("h:80", "h"),
        ("[::1]:80", "[::1]"),
        ("[::1]", "[::1]"),
        ("h:", "h"),
        ("h", "h"),
    ] {
        let bytes = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
        assert_eq!(sound(bytes.as_bytes()).host_name.of(bytes.as_bytes()), name.as_bytes());
    }
}

#[test]
fn targets_are_understood_and_sent_on() {
    for (version, line, path, query, sent) in [
        ("1.1", "GET /a?b=c?d", "/a", Some("b=c?d"), "GET /a?b=c?d"),
        ("1.1", "GET /?", "/", Some(""), "GET /?"),
        ("1.1", "GET //a//b", "//a//b", None, "GET //a//b"),
        ("1.1", "GET /%zz/../%00", "/%zz/../%00", None, "GET /%zz/../%00"),
        ("1.1", "GET /<>\"{}|\\^`", "/<>\"{}|\\^`", None, "GET /<>\"{}|\\^`"),
        ("1.1", "get /", "/", None, "get /"),
        ("1.1", "OPTIONS *", "*", None, "OPTIONS *"),
        ("1.1", "OPTIONS /", "/", None, "OPTIONS /"),
        ("1.1", "OPTIONS http://h", "/", None, "OPTIONS *"),
        ("1.1", "OPTIONS http://h/", "/", None, "OPTIONS /"),
        ("1.1", "GET http://h/a?b", "/a", Some("b"), "GET /a?b"),
        ("1.1", "GET HTTP://H:80/a", "/a", None, "GET /a"),
        ("1.1", "GET http://h:/a", "/a", None, "GET /a"),
        ("1.1", "GET http://h", "/", None, "GET /"),
        ("1.1", "GET http://h?b", "/", Some("b"), "GET /?b"),
        ("1.1", "GET http://h?", "/", Some(""), "GET /?"),
        ("1.1", "GET http://h?b/c", "/", Some("b/c"), "GET /?b/c"),
        ("1.0", "GET http://h/a", "/a", None, "GET /a"),
        ("1.0", "GET /a", "/a", None, "GET /a"),
    ] {
        let bytes = format!("{line} HTTP/{version}\r\nHost: h\r\n\r\n").into_bytes();
        let head = sound(&bytes);
        assert_eq!(head.path.of(&bytes), path.as_bytes(), "{line}");
        assert_eq!(
            head.query.map(|query| query.of(&bytes)),
            query.map(str::as_bytes),
            "{line}"
        );
        assert_eq!(
            forwarded(&bytes, &FORWARD),
            format!("{sent} HTTP/1.1\r\nHost: h\r\n{ABOUT}\r\n")
        );
    }
    let https = b"GET https://h:443/ HTTP/1.1\r\nHost: h\r\n\r\n";
    assert_eq!(sound(https).path.of(https), b"/");
}

#[test]
fn lengths_and_codings_that_are_refused() {
    use Fault::*;
    for (lines, fault) in [
        ("Content-Length:", Length),
        ("Content-Length: +5", Length),
        ("Content-Length: -5", Length),
        ("Content-Length: 0x5", Length),
        ("Content-Length: 5a", Length),
        ("Content-Length: 5 5", Length),
        ("Content-Length: 5,5", Length),
        ("Content-Length: 5, 5", Length),
        ("Content-Length: 5;", Length),
        ("Content-Length: \"5\"", Length),
        ("Content-Length: 5.0", Length),
        ("Content-Length: 1e3", Length),
        ("Content-Length: 1_000", Length),
        ("Content-Length: \u{0665}", Length),
        ("Content-Length: 9223372036854775808", Length),
        ("Content-Length: 18446744073709551621", Length),
        ("Content-Length: 00000000000000000005", Length),
        ("Content-Length: 5\r\nContent-Length: 5", LengthRepeated),
        ("Content-Length: 5\r\ncontent-length: 6", LengthRepeated),
        ("Content-Length: 5\r\nTransfer-Encoding: chunked", LengthAndCoding),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5", LengthAndCoding),
        ("Transfer-Encoding: identity\r\nContent-Length: 5", LengthAndCoding),
        (
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            CodingRepeated,
        ),
        ("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked", CodingUnknown),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip", CodingRepeated),
        (
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
            CodingRepeated,
        ),
        (
            "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
            CodingRepeated,
        ),
        ("Transfer-Encoding:\r\nTransfer-Encoding: chunked", CodingRepeated),
        (
            "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            CodingRepeated,
        ),
        ("Transfer-Encoding:", CodingNotChunked),
        ("Transfer-Encoding: ,", CodingNotChunked),
        ("Transfer-Encoding: identity", CodingNotChunked),
        ("Transfer-Encoding: gzip", CodingNotChunked),
        ("Transfer-Encoding: xchunked", CodingNotChunked),
        ("Transfer-Encoding: chunkedx", CodingNotChunked),
        ("Transfer-Encoding: chunked, chunked", CodingNotChunked),
        ("Transfer-Encoding: chunked, gzip", CodingNotChunked),
        ("Transfer-Encoding: chunked, identity", CodingNotChunked),
        ("Transfer-Encoding: identity, chunked", CodingNotChunked),
        ("Transfer-Encoding: chunked,", CodingNotChunked),
        ("Transfer-Encoding: ,chunked", CodingNotChunked),
        ("Transfer-Encoding: chunked;q=1", CodingNotChunked),
        ("Transfer-Encoding: \"chunked\"", CodingNotChunked),
        ("Transfer-Encoding: 'chunked'", CodingNotChunked),
        ("Transfer-Encoding: chunked chunked", CodingNotChunked),
        ("Transfer-Encoding: gzip;, chunked", CodingNotChunked),
        ("Transfer-Encoding: g zip, chunked", CodingNotChunked),
        ("Transfer-Encoding: chun\tked", CodingNotChunked),
        ("Transfer-Encoding: chunked\u{a0}", CodingNotChunked),
        ("Transfer-Encoding: \x0bchunked", ControlByte),
        ("Transfer-Encoding: chunked\0", ControlByte),
        ("Transfer-Encoding:\r\n chunked", Fold),
        ("Transfer-Encoding: gzip, chunked", CodingUnknown),
        ("Transfer-Encoding: gzip, deflate, chunked", CodingUnknown),
        ("Transfer-Encoding: x-a;b=c, chunked", CodingUnknown),
    ] {
        refused(&post(lines), fault);
    }
    refused(
        b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
        CodingInOldVersion,
    );
    refused(
        b"POST / HTTP/1.0\r\nTransfer-Encoding: x\r\nContent-Length: 0\r\n\r\n",
        LengthAndCoding,
    );
}

#[test]
fn framing_is_written_in_its_plainest_form() {
    for (lines, framing, written) in [
        ("A: b", RequestFraming::None, "A: b\r\n"),
        ("Content-Length: 5", RequestFraming::Length(5), "Content-Length: 5\r\n"),
        ("Content-Length: 0", RequestFraming::Length(0), "Content-Length: 0\r\n"),
        ("Content-Length:5", RequestFraming::Length(5), "content-length: 5\r\n"),
        (
            "Content-Length: \t 5\t",
            RequestFraming::Length(5),
            "content-length: 5\r\n",
        ),
        (
            "Content-Length: 007",
            RequestFraming::Length(7),
            "content-length: 7\r\n",
        ),
        (
            "content-length: 9223372036854775807",
            RequestFraming::Length(i64::MAX as u64),
            "content-length: 9223372036854775807\r\n",
        ),
        (
            "Transfer-Encoding: chunked",
            RequestFraming::Chunked,
            "transfer-encoding: chunked\r\n",
        ),
        (
            "transfer-encoding:\tCHUNKED ",
            RequestFraming::Chunked,
            "transfer-encoding: chunked\r\n",
        ),
    ] {
        assert_eq!(sound(&post(lines)).framing, framing, "{lines}");
        assert_eq!(kept(lines), written, "{lines}");
    }
}

#[test]
fn what_belongs_to_the_hop_is_not_forwarded() {
    for (lines, expected) in [
        ("Connection: close", ""),
        ("Connection: keep-alive\r\nKeep-Alive: timeout=5", ""),
        ("Connection:", ""),
        ("Connection: ,, close ,\t,", ""),
        (
            "A: 1\r\nConnection: B, C\r\nB: 2\r\nD: 3\r\nc: 4\r\nB: 5",
            "A: 1\r\nD: 3\r\n",
        ),
        ("B: 2\r\nConnection: A\r\nA: 1\r\nConnection: b", ""),
        ("Connection: te\r\nTE: trailers", ""),
        ("TE: trailers", ""),
        ("Proxy-Connection: keep-alive", ""),
        ("Proxy-Authorization: Basic a", ""),
        ("Upgrade: websocket", ""),
        ("HTTP2-Settings: AAAA", ""),
        ("Trailer: A", ""),
        (
            "Trailer: A\r\nTransfer-Encoding: chunked",
            "Trailer: A\r\ntransfer-encoding: chunked\r\n",
        ),
        (
            "Connection: Trailer\r\nTrailer: A\r\nTransfer-Encoding: chunked",
            "transfer-encoding: chunked\r\n",
        ),
        ("Connection: cache-control\r\nCache-Control: no-store", ""),
        (
            "X-Forwarded-Port: 1\r\nForwarded: for=a\r\nX-Forwarded-Host: evil\r\nX-Forwarded-Proto: https",
            "",
        ),
        (
            "Authorization: Basic a\r\nCookie: a=b\r\nTEA: 1",
            "Authorization: Basic a\r\nCookie: a=b\r\nTEA: 1\r\n",
        ),
        ("A:\tb \r\nC:", "A:\tb \r\nC:\r\n"),
        ("A: \u{e9}", "A: \u{e9}\r\n"),
    ] {
        assert_eq!(kept(lines), expected, "{lines}");
    }
}

#[test]
fn connection_that_is_refused() {
    use Fault::*;
    for (options, fault) in [
        ("a b", ConnectionOption),
        ("close;", ConnectionOption),
        ("\"close\"", ConnectionOption),
        ("a/b", ConnectionOption),
        ("Host", ConnectionNames),
        ("content-length", ConnectionNames),
        ("close, Content-Length", ConnectionNames),
        ("Transfer-Encoding", ConnectionNames),
        ("authorization", ConnectionNames),
        ("Cookie", ConnectionNames),
        ("Content-Type", ConnectionNames),
        ("Content-Anything", ConnectionNames),
        ("Expect", ConnectionNames),
        ("X-Forwarded-For", ConnectionNames),
        ("x-forwarded-port", ConnectionNames),
        ("X-Request-Id", ConnectionNames),
        ("Forwarded", ConnectionNames),
    ] {
        refused(&post(&format!("Connection: {options}")), fault);
    }
    refused(&post(&format!("Connection: {}", "a,".repeat(129))), ConnectionTooMany);
    sound(&post(&format!("Connection: {}", "a,".repeat(128))));
}

#[test]
fn connections_are_kept_or_not() {
    for (version, lines, expected) in [
        ("1.1", "", true),
        ("1.1", "Connection: close\r\n", false),
        ("1.1", "Connection: CLOSE\r\n", false),
        ("1.1", "Connection: keep-alive, close\r\n", false),
        ("1.1", "Connection: keep-alive\r\nConnection: close\r\n", false),
        ("1.1", "Connection: xclose\r\n", true),
        ("1.1", "Proxy-Connection: close\r\n", true),
        ("1.0", "", false),
        ("1.0", "Connection: Keep-Alive\r\n", true),
        ("1.0", "Connection: keep-alive, close\r\n", false),
        ("1.0", "Proxy-Connection: keep-alive\r\n", false),
    ] {
        let bytes = format!("GET / HTTP/{version}\r\nHost: h\r\n{lines}\r\n");
        assert_eq!(sound(bytes.as_bytes()).keep_alive, expected, "{version} {lines}");
    }
}

#[test]
fn expectations() {
    let waits = "Content-Length: 5\r\nExpect: 100-Continue";
    assert!(sound(&post(waits)).expect_continue);
    assert_eq!(kept(waits), "Content-Length: 5\r\nExpect: 100-Continue\r\n");
    for bodiless in ["Expect: 100-continue", "Content-Length: 0\r\nExpect: 100-continue"] {
        assert!(!sound(&post(bodiless)).expect_continue);
        assert!(!kept(bodiless).contains("Expect"));
    }
    let old = b"POST / HTTP/1.0\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
    assert!(!sound(old).expect_continue);
    assert!(!forwarded(old, &FORWARD).contains("Expect"));
    for wrong in [
        "Expect: 200-ok",
        "Expect:",
        "Expect: 100-continue, 100-continue",
        "Expect: 100-continue;a=b",
        "Expect: 100-continue\r\nExpect: 100-continue",
    ] {
        refused(&post(wrong), Fault::Expectation);
    }
    assert_eq!(Fault::Expectation.status(), 417);
}

#[test]
fn upgrades() {
    let websocket = "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13";
    let bytes = post(websocket);
    assert_eq!(sound(&bytes).upgrade.unwrap().of(&bytes), b"websocket");
    assert_eq!(
        forwarded(&bytes, &FORWARD),
        format!(
            "POST / HTTP/1.1\r\nHost: h\r\nSec-WebSocket-Version: 13\r\n{ABOUT}connection: upgrade\r\nupgrade: websocket\r\n\r\n"
        )
    );
    for dropped in [
        "Upgrade: websocket",
        "Connection: upgrade",
        "Connection: upgrade\r\nUpgrade:",
        "Connection: upgrade\r\nUpgrade: h2c",
        "Connection: upgrade\r\nUpgrade: websocket, H2C",
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__",
        "Connection: upgrade\r\nUpgrade: HTTP/2.0",
        "Connection: upgrade\r\nUpgrade: a b",
        "Connection: upgrade\r\nUpgrade: a/b/c",
        "Connection: upgrade\r\nUpgrade: websocket\r\nUpgrade: websocket",
        "Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 5",
        "Connection: upgrade\r\nUpgrade: websocket\r\nTransfer-Encoding: chunked",
    ] {
        assert_eq!(sound(&post(dropped)).upgrade, None, "{dropped}");
        assert!(!kept(dropped).to_lowercase().contains("upgrade"), "{dropped}");
    }
    let old = b"GET / HTTP/1.0\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
    assert_eq!(sound(old).upgrade, None);
}

#[test]
fn a_client_without_host_gets_one_and_odd_white_space_around_it_goes() {
    for (head, first) in [
        (
            "GET /a HTTP/1.0\r\nA: b\r\n\r\n",
            "GET /a HTTP/1.1\r\nhost: 10.0.0.1:80\r\nA: b\r\n",
        ),
        (
            "GET http://h:81/a HTTP/1.0\r\n\r\n",
            "GET /a HTTP/1.1\r\nhost: h:81\r\n",
        ),
        (
            "GET /a HTTP/1.1\r\nA: b\r\nHost:\th \r\n\r\n",
            "GET /a HTTP/1.1\r\nhost: h\r\nA: b\r\n",
        ),
        (
            "\r\n\r\nGET /a HTTP/1.1\r\nHost:h\r\n\r\n",
            "GET /a HTTP/1.1\r\nhost: h\r\n",
        ),
    ] {
        let text = forwarded(head.as_bytes(), &FORWARD);
        assert!(text.starts_with(&format!("{first}x-forwarded-for: ")), "{text}");
    }
    assert!(!forwarded(b"GET / HTTP/1.0\r\n\r\n", &FORWARD).contains("x-forwarded-host"));
}

#[test]
fn a_trusted_client_is_believed_and_extended() {
    let lines = "X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-Proto: https\r\nA: b\r\nX-Forwarded-For: 2.2.2.2, 3.3.3.3\r\n\
        X-Forwarded-For:\r\nX-Forwarded-Host: site\r\nForwarded: for=1.1.1.1";
    let text = forwarded(
        &post(lines),
        &Forward {
            trusted: true,
            ..FORWARD
        },
    );
    assert_eq!(
        text,
        "POST / HTTP/1.1\r\nHost: h\r\nA: b\r\nx-forwarded-for: 1.1.1.1, 2.2.2.2, 3.3.3.3, 192.0.2.7\r\n\
         X-Forwarded-Proto: https\r\nX-Forwarded-Host: site\r\nForwarded: for=1.1.1.1\r\nx-request-id: made\r\n\r\n"
    );
    let text = forwarded(
        &post("A: b"),
        &Forward {
            trusted: true,
            ..FORWARD
        },
    );
    assert_eq!(text, format!("POST / HTTP/1.1\r\nHost: h\r\nA: b\r\n{ABOUT}\r\n"));
}

#[test]
fn a_request_id_is_passed_on_when_it_is_one() {
    let long = "a".repeat(128);
    for (lines, expected) in [
        ("X-Request-Id: mine-1".to_owned(), Some("mine-1")),
        (format!("X-Request-Id: {long}"), Some(&*long)),
        (format!("X-Request-Id: {long}a"), None),
        ("X-Request-Id:".to_owned(), None),
        ("X-Request-Id: a b".to_owned(), None),
        ("X-Request-Id: \u{e9}".to_owned(), None),
        ("X-Request-Id: a\r\nX-Request-Id: a".to_owned(), None),
    ] {
        let bytes = post(&lines);
        assert_eq!(sound(&bytes).request_id(&bytes), expected.map(str::as_bytes), "{lines}");
        let sent = forwarded(&bytes, &FORWARD);
        assert!(
            sent.ends_with(&format!("x-request-id: {}\r\n\r\n", expected.unwrap_or("made"))),
            "{sent}"
        );
        assert_eq!(sent.to_lowercase().matches("x-request-id").count(), 1);
    }
}

#[test]
fn limits_hold_exactly() {
    let head = |extra: usize| format!("GET /{} HTTP/1.1\r\nHost: h\r\n\r\n", "a".repeat(extra)).into_bytes();
    let length = head(10).len();
    let parse = |bytes: &[u8], limits: Limits| RequestHead::default().parse(bytes, &limits);
    let limits = Limits {
        head_bytes: length,
        target_bytes: 11,
        fields: 1,
    };
    let body = [&head(10)[..], b"and a body"].concat();
    assert_eq!(parse(&body, limits), Ok(Parsed::Whole));
    assert_eq!(
        parse(
            &head(10),
            Limits {
                head_bytes: length - 1,
                ..limits
            }
        ),
        Err(Fault::HeadTooLarge.into())
    );
    assert_eq!(
        parse(
            &head(10)[..length - 1],
            Limits {
                head_bytes: length - 1,
                ..limits
            }
        ),
        Err(Fault::HeadTooLarge.into())
    );
    assert_eq!(
        parse(
            &head(11),
            Limits {
                head_bytes: 100,
                ..limits
            }
        ),
        Err(Fault::TargetTooLong.into())
    );
    assert_eq!(parse(b"GET /aaaaaaaaaaa", limits), Err(Fault::TargetTooLong.into()));
    let two = b"GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n\r\n";
    assert_eq!(
        parse(
            two,
            Limits {
                head_bytes: 100,
                ..limits
            }
        ),
        Err(Fault::FieldsTooMany.into())
    );
    assert_eq!(
        [Fault::HeadTooLarge, Fault::FieldsTooMany, Fault::TargetTooLong].map(Fault::status),
        [431, 431, 414]
    );
}

#[test]
fn empty_lines_before_a_request_are_passed_over_to_a_limit() {
    let lead = |count: usize| ["\r\n".repeat(count).as_bytes(), b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"].concat();
    assert_eq!(sound(&lead(8)).length, lead(8).len());
    refused(&lead(9), Fault::EmptyLines);
    refused(b"\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", Fault::BareLineFeed);
}

#[test]
fn a_head_is_used_again_for_the_next_request() {
    let first =
        b"POST http://h?q HTTP/1.1\r\nHost: h\r\nX-Request-Id: a\r\nContent-Length: 3\r\nConnection: close\r\n\r\n";
    let second = b"GET /b HTTP/1.1\r\nHost: i\r\n\r\n";
    let mut head = sound(first);
    head.reset();
    assert_eq!(head.parse(second, &Limits::default()), Ok(Parsed::Whole));
    let mut out = Vec::new();
    head.write(second, &FORWARD, &mut out);
    assert_eq!(String::from_utf8(out).unwrap(), forwarded(second, &FORWARD));
    assert_eq!(
        (head.framing, head.keep_alive, head.fields.len()),
        (RequestFraming::None, true, 1)
    );
}

#[test]
fn fields_and_cookies_are_found() {
    let bytes = post("A: 1\r\na: 2\r\nCookie: x=1; sid=\"abc\";y=\r\nCookie: sid=other; z = 5 ;empty");
    let head = sound(&bytes);
    assert_eq!(head.values(&bytes, b"a").collect::<Vec<_>>(), [b"1", b"2"]);
    for (name, value) in [
        ("x", Some("1")),
        ("sid", Some("abc")),
        ("y", Some("")),
        ("z", Some("5")),
        ("empty", None),
        ("SID", None),
    ] {
        assert_eq!(head.cookie(&bytes, name.as_bytes()), value.map(str::as_bytes), "{name}");
    }
}

#[test]
fn only_idempotent_methods_may_be_repeated() {
    for (method, expected) in [
        ("GET", true),
        ("HEAD", true),
        ("PUT", true),
        ("DELETE", true),
        ("OPTIONS", true),
        ("TRACE", true),
        ("POST", false),
        ("PATCH", false),
        ("get", false),
        ("QUERY", false),
    ] {
        let bytes = format!("{method} / HTTP/1.1\r\nHost: h\r\n\r\n");
        assert_eq!(sound(bytes.as_bytes()).may_repeat(), expected, "{method}");
    }
}
