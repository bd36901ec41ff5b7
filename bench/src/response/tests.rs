use super::*;

const EXPECTED: Expected = Expected { status: 200, length: 5 };

/// Feeds an answer in pieces of `piece` bytes until it is complete or wrong.
fn feed(input: &[u8], piece: usize) -> Result<Progress, &'static str> {
    let mut reader = Reader::default();
    let mut progress = Progress::Partial;
    for part in input.chunks(piece) {
        progress = reader.feed(part, EXPECTED)?;
    }
    Ok(progress)
}

#[test]
fn an_answer_is_complete_however_it_is_cut() {
    for input in [
        &b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"[..],
        b"HTTP/1.1 200 OK\r\nA: b\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
    ] {
        for piece in 1..=input.len() {
            assert_eq!(feed(input, piece), Ok(Progress::Complete), "piece {piece}");
        }
        assert_eq!(feed(&input[..input.len() - 1], 7), Ok(Progress::Partial));
    }
}

#[test]
fn what_is_not_expected_is_named() {
    for (input, word) in [
        (&b"HTTP/1.1 503 No\r\nContent-Length: 5\r\n\r\nhello"[..], "status 503"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhell", "wrong length"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello!",
            "bytes after the answer",
        ),
        (b"HTTP/1.1 200 OK\r\n\r\nhello", "answer without length"),
        (b"SSH-2.0 hello\r\n\r\n", "not HTTP"),
    ] {
        assert_eq!(feed(input, input.len()), Err(word));
    }
}

#[test]
fn a_reader_reads_the_next_answer_too() {
    let mut reader = Reader::default();
    for _ in 0..3 {
        assert!(!reader.has_begun());
        assert_eq!(
            reader.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe", EXPECTED),
            Ok(Progress::Partial)
        );
        assert!(reader.has_begun());
        assert_eq!(reader.feed(b"llo", EXPECTED), Ok(Progress::Complete));
    }
}
