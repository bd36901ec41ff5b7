//! The chunked coding by the letter of RFC 9112 7.1.

#![allow(clippy::unwrap_used)]

use evenkeel_http::*;

#[derive(Debug, Default, PartialEq)]
struct Read {
    content: Vec<u8>,
    passed: Vec<u8>,
    taken: usize,
    ended: bool,
}

fn read(input: &[u8]) -> Result<Read, Fault> {
    let mut body = Body::of_request(&RequestFraming::Chunked);
    let mut read = Read::default();
    loop {
        let Segment { length, kind } = body.next(&input[read.taken..])?;
        if length == 0 {
            read.ended = body.ended();
            return Ok(read);
        }
        let part = &input[read.taken..read.taken + length];
        read.taken += length;
        if kind == SegmentKind::Data {
            read.content.extend_from_slice(part);
        }
        if kind != SegmentKind::Skip {
            read.passed.extend_from_slice(part);
        }
    }
}

#[track_caller]
fn whole(input: &str, content: &str, passed: &str) {
    let expected = Read {
        content: content.into(),
        passed: passed.into(),
        taken: input.len(),
        ended: true,
    };
    assert_eq!(read(input.as_bytes()), Ok(expected), "{input:?}");
    let pipelined = format!("{input}GET / HTTP/1.1\r\n");
    assert_eq!(read(pipelined.as_bytes()).unwrap().taken, input.len(), "{input:?}");
    for cut in 0..input.len() {
        assert!(!read(&input.as_bytes()[..cut]).unwrap().ended, "{input:?} cut at {cut}");
    }
}

#[test]
fn bodies_that_are_sound() {
    for (input, content) in [
        ("0\r\n\r\n", ""),
        ("000\r\n\r\n", ""),
        ("0000000000000000\r\n\r\n", ""),
        ("3\r\nabc\r\n0\r\n\r\n", "abc"),
        ("0000000000000003\r\nabc\r\n0\r\n\r\n", "abc"),
        (
            "a\r\n0123456789\r\nA\r\n\r\n0\r\n\r\n012\r\n0\r\n\r\n",
            "0123456789\r\n0\r\n\r\n012",
        ),
        ("1\r\n\r\r\n1\r\n\n\r\n0\r\n\r\n", "\r\n"),
        ("0\r\nA: b\r\n\r\n", ""),
        (
            "0\r\nA:b \r\ngrpc-status:\t0\r\nContent-Digest: a\r\nETag: b\r\n\r\n",
            "",
        ),
    ] {
        whole(input, content, input);
    }
}

#[test]
fn extensions_are_skipped() {
    for extension in [
        ";a",
        ";a=b",
        ";a=b;c=d",
        ";a;b",
        "; a = b ; c",
        " ;a",
        "\t;\ta\t=\tb\t",
        ";a=\"\"",
        ";a=\"b c;\t=\"",
        ";a=\"\\\"\\\\\"",
        ";a=\"b\" ;c",
        ";a ",
        ";a=b ",
        ";a=\"\u{e9}\"",
    ] {
        let input = format!("3{extension}\r\nabc\r\n0{extension}\r\n\r\n");
        whole(&input, "abc", "3\r\nabc\r\n0\r\n\r\n");
    }
}

#[test]
fn what_is_refused() {
    use Fault::*;
    for (input, fault) in [
        ("\r\n", ChunkSize),
        (" 3\r\n", ChunkSize),
        ("\t3\r\n", ChunkSize),
        ("+3\r\n", ChunkSize),
        ("-3\r\n", ChunkSize),
        ("-0\r\n", ChunkSize),
        ("0x3\r\n", ChunkSize),
        ("x3\r\n", ChunkSize),
        ("3g\r\n", ChunkSize),
        ("3_0\r\n", ChunkSize),
        ("3.0\r\n", ChunkSize),
        ("\"3\"\r\n", ChunkSize),
        ("\u{ff13}\r\n", ChunkSize),
        (";a\r\n", ChunkSize),
        ("3,\r\n", ChunkSize),
        ("3\0\r\n", ChunkSize),
        ("3\x0b\r\n", ChunkSize),
        ("00000000000000003\r\n", ChunkSize),
        ("fffffffffffffffff\r\n", ChunkSizeTooLarge),
        ("8000000000000000\r\n", ChunkSizeTooLarge),
        ("ffffffffffffffff\r\n", ChunkSizeTooLarge),
        ("3\n", BareLineFeed),
        ("3\r3", BareCarriageReturn),
        ("3\r\r\n", BareCarriageReturn),
        ("3 \r\n", ChunkExtension),
        ("3\t\r\n", ChunkExtension),
        ("3 3\r\n", ChunkExtension),
        ("3;\r\n", ChunkExtension),
        ("3; \r\n", ChunkExtension),
        ("3;;\r\n", ChunkExtension),
        ("3;a;\r\n", ChunkExtension),
        ("3;=b\r\n", ChunkExtension),
        ("3;a=\r\n", ChunkExtension),
        ("3;a= \r\n", ChunkExtension),
        ("3;a=b=c\r\n", ChunkExtension),
        ("3;a=b c\r\n", ChunkExtension),
        ("3;a b\r\n", ChunkExtension),
        ("3;a=\"b\r\n", ChunkExtension),
        ("3;a=\"b\"c\r\n", ChunkExtension),
        ("3;a=\"\\\r\n", ChunkExtension),
        ("3;a=b\"c\"\r\n", ChunkExtension),
        ("3;a\n", ChunkExtension),
        ("3;a=b\n", ChunkExtension),
        ("3;\n", ChunkExtension),
        ("3;a=\"\n\"\r\n", ChunkExtension),
        ("3;a\0\r\n", ChunkExtension),
        ("3;a/b\r\n", ChunkExtension),
        ("3;a\r\r\n", BareCarriageReturn),
        ("3;a\ra", BareCarriageReturn),
        ("3\r\nabcd", ChunkDataEnd),
        ("3\r\nabc\n", ChunkDataEnd),
        ("3\r\nabc\r\r", ChunkDataEnd),
        ("3\r\nabc0\r\n", ChunkDataEnd),
        ("3\r\nabc\r\n\r\n", ChunkSize),
        ("0\r\n\n", BareLineFeed),
        ("0\r\n\rX", BareCarriageReturn),
        ("0\r\nA: b\n", BareLineFeed),
        ("0\r\nA: b\rc", BareCarriageReturn),
        ("0\r\nA: b\r\n c\r\n", Fold),
        ("0\r\n A: b\r\n", Fold),
        ("0\r\nA : b\r\n", SpaceBeforeColon),
        ("0\r\n: b\r\n", FieldName),
        ("0\r\nA\r\n", FieldName),
        ("0\r\nGET / HTTP/1.1\r\n", SpaceBeforeColon),
        ("0\r\nA: \0\r\n", ControlByte),
    ] {
        assert_eq!(read(input.as_bytes()), Err(fault), "{input:?}");
        assert_eq!(
            Body::of_request(&RequestFraming::Chunked).check(input.as_bytes()),
            Err(fault),
            "{input:?}"
        );
    }
}

#[test]
fn fields_that_may_not_be_trailers() {
    for name in [
        "Transfer-Encoding",
        "content-length",
        "Host",
        "Trailer",
        "Connection",
        "Keep-Alive",
        "TE",
        "Upgrade",
        "Proxy-Connection",
        "Content-Encoding",
        "Content-Type",
        "Content-Range",
        "Content-Language",
        "Authorization",
        "Proxy-Authorization",
        "Proxy-Authenticate",
        "WWW-Authenticate",
        "Cookie",
        "Set-Cookie",
        "Expect",
        "Max-Forwards",
        "Cache-Control",
        "Pragma",
        "Range",
        "If-Match",
        "If-None-Match",
        "If-Modified-Since",
        "If-Unmodified-Since",
        "If-Range",
        "Age",
        "Date",
        "Expires",
        "Location",
        "Retry-After",
        "Vary",
        "Warning",
        "X-Forwarded-For",
        "X-Forwarded-Port",
        "X-Request-Id",
        "Forwarded",
    ] {
        let input = format!("0\r\nA: b\r\n{name}: 1\r\n\r\n");
        assert_eq!(read(input.as_bytes()), Err(Fault::TrailerForbidden), "{name}");
    }
}

#[test]
fn extensions_and_trailers_have_limits() {
    let extended = |bytes: usize| format!("1;{}\r\na\r\n", "x".repeat(bytes - 1));
    assert!(read(extended(1024).as_bytes()).is_ok());
    assert_eq!(read(extended(1025).as_bytes()), Err(Fault::ChunkExtensionTooLong));
    assert!(read(extended(1024).repeat(8).as_bytes()).is_ok());
    assert_eq!(
        read((extended(1024).repeat(8) + "1;a\r\n").as_bytes()),
        Err(Fault::ChunkExtensionTooLong)
    );
    let trailer = |bytes: usize| format!("A: {}\r\n", "x".repeat(bytes - 5));
    assert_eq!(
        read(format!("0\r\n{}\r\n", trailer(8192)).as_bytes()).map(|read| read.ended),
        Ok(true)
    );
    assert_eq!(
        read(format!("0\r\n{}\r\n", trailer(8193)).as_bytes()),
        Err(Fault::TrailerTooLarge)
    );
    assert_eq!(
        read(&[&b"0\r\nA: "[..], &[b'x'; 8189]].concat()),
        Err(Fault::TrailerTooLarge)
    );
    assert_eq!(
        read(format!("0\r\n{}\r\n", trailer(8192).repeat(4)).as_bytes()),
        Err(Fault::TrailerTooLarge)
    );
}

#[test]
fn runs_take_together_what_passes() {
    let input = b"1\r\na\r\n2;x=y\r\nbc\r\n0\r\nA: b\r\n\r\nnext";
    let mut body = Body::of_response(&ResponseFraming::Chunked);
    let first = body.next_run(input).unwrap();
    assert_eq!(
        first,
        Run {
            pass: 7,
            skip: 4,
            content: 1
        }
    );
    let second = body.next_run(&input[11..]).unwrap();
    assert_eq!(
        second,
        Run {
            pass: 17,
            skip: 0,
            content: 2
        }
    );
    assert!(body.ended());
    assert_eq!(&input[28..], b"next");
    assert_eq!(body.next_run(b"next"), Ok(Run::default()));
}

#[test]
fn lengths_and_endings_without_chunks() {
    let mut body = Body::of_request(&RequestFraming::Length(5));
    assert_eq!(
        body.next(b"abc"),
        Ok(Segment {
            length: 3,
            kind: SegmentKind::Data
        })
    );
    assert_eq!(body.end_of_input(), Err(Fault::Truncated));
    assert_eq!(
        body.next(b"defg"),
        Ok(Segment {
            length: 2,
            kind: SegmentKind::Data
        })
    );
    assert!(body.ended());
    assert_eq!(
        body.next(b"fg"),
        Ok(Segment {
            length: 0,
            kind: SegmentKind::Data
        })
    );
    assert_eq!(body.end_of_input(), Ok(()));
    assert!(Body::of_request(&RequestFraming::Length(0)).ended());
    assert!(Body::of_request(&RequestFraming::None).ended());

    let mut body = Body::of_response(&ResponseFraming::UntilClose);
    assert_eq!(
        body.next(b"abc"),
        Ok(Segment {
            length: 3,
            kind: SegmentKind::Data
        })
    );
    assert!(!body.ended());
    assert_eq!(body.end_of_input(), Ok(()));
    assert!(body.ended());

    let mut body = Body::of_response(&ResponseFraming::Chunked);
    assert_eq!(body.end_of_input(), Err(Fault::Truncated));
    assert_eq!(body.next(b"0\r\n").map(|segment| segment.length), Ok(3));
    assert_eq!(body.end_of_input(), Err(Fault::Truncated));
}

#[test]
fn chunks_that_we_make_are_read_back() {
    let mut out = Vec::new();
    for size in [1usize, 15, 16, 255, 4096] {
        chunk_head(size, &mut out);
        out.extend(std::iter::repeat_n(b'x', size));
        out.extend_from_slice(CHUNK_END);
    }
    out.extend_from_slice(LAST_CHUNK);
    let read = read(&out).unwrap();
    assert_eq!(
        (read.content.len(), read.ended, read.taken),
        (1 + 15 + 16 + 255 + 4096, true, out.len())
    );
}
