use super::*;

/// Feeds the body in pieces of `piece` bytes; returns content bytes and how many bytes were left over.
fn feed(mut body: Body, input: &[u8], piece: usize) -> Result<(u64, usize), BadChunk> {
    let mut at = 0;
    while at < input.len() && !body.is_complete() {
        let end = (at + piece).min(input.len());
        at += body.advance(&input[at..end])?;
    }
    assert!(body.is_complete());
    Ok((body.received(), input.len() - at))
}

#[test]
fn a_length_takes_exactly_its_bytes() {
    for piece in 1..12 {
        assert_eq!(feed(Body::of_length(5), b"helloHTTP", piece), Ok((5, 4)));
    }
}

#[test]
fn chunks_are_counted_without_their_framing_however_they_are_cut() {
    let input = b"5\r\nhello\r\nA;x=y\r\n0123456789\r\n0\r\nt: 1\r\n\r\nHTTP";
    for piece in 1..input.len() {
        assert_eq!(feed(Body::chunked(), input, piece), Ok((15, 4)), "piece {piece}");
    }
}

#[test]
fn nonsense_is_refused() {
    for input in [
        &b"\r\n"[..],
        b"g\r\n",
        b"5\r\nhelloX",
        b"5\rX",
        b"11111111111111111\r\n",
    ] {
        assert_eq!(Body::chunked().advance(input), Err(BadChunk), "{input:?}");
    }
}
