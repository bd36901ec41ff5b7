//! The body of an answer, searched for a text (RFC 9112 6 and 7.1).

use crate::Verdict;
use crate::http::quoted;

/// How much of a body is searched, in bytes; what comes after is not read.
const SEARCHED: usize = 64 * 1024;
/// Longest line of a chunk size with its extensions, in bytes.
const LONGEST_CHUNK_LINE: usize = 1024;
/// Most digits of a chunk size: 2^60 bytes are enough for everyone.
const MOST_CHUNK_DIGITS: usize = 15;

/// How the end of a body is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// So many bytes.
    Length(u64),
    Chunked,
    UntilClose,
}

/// A body on its way.
#[derive(Debug, Clone)]
pub(crate) struct Body {
    text: Vec<u8>,
    /// What has come of the first [`SEARCHED`] bytes.
    found: Vec<u8>,
    rest: Rest,
}

/// What is still to come.
#[derive(Debug, Clone)]
enum Rest {
    Length(u64),
    Chunked(Chunk),
    UntilClose,
}

/// Where in the chunked coding the next byte stands.
#[derive(Debug, Clone)]
enum Chunk {
    /// A chunk's size and extensions, up to the LF.
    Line(Vec<u8>),
    Bytes(u64),
    /// CR and LF after a chunk's bytes; how many of the two have come.
    End(usize),
    /// The last chunk: trailers are not read.
    Last,
}

impl Body {
    pub(crate) fn new(text: Vec<u8>, framing: Framing) -> Body {
        let rest = match framing {
            Framing::Length(length) => Rest::Length(length),
            Framing::Chunked => Rest::Chunked(Chunk::Line(Vec::new())),
            Framing::UntilClose => Rest::UntilClose,
        };
        Body {
            text,
            found: Vec::new(),
            rest,
        }
    }

    /// Takes what came; the verdict once it is certain.
    pub(crate) fn handle(&mut self, bytes: &[u8]) -> Option<Verdict> {
        let searched = self.found.len();
        let broken = self.take(bytes);
        if self.contains_text(searched) {
            return Some(Verdict::Pass);
        }
        if let Some(reason) = broken {
            return Some(Verdict::Fail(reason));
        }
        let is_whole = matches!(self.rest, Rest::Length(0) | Rest::Chunked(Chunk::Last));
        (is_whole || self.found.len() == SEARCHED).then(|| self.without_text())
    }

    /// The backend sends no more.
    pub(crate) fn handle_eof(&self) -> Verdict {
        match &self.rest {
            Rest::UntilClose => self.without_text(),
            Rest::Length(left) => Verdict::Fail(format!("connection closed {left} bytes before the end of the body")),
            Rest::Chunked(_) => Verdict::Fail("connection closed within a chunked body".to_owned()),
        }
    }

    fn without_text(&self) -> Verdict {
        let place = if self.found.len() == SEARCHED {
            "the first 64 KiB of the body do"
        } else {
            "the body does"
        };
        Verdict::Fail(format!("{place} not contain {}", quoted(&self.text)))
    }

    /// Whether the text is there; the first `searched` bytes are known not to contain it.
    fn contains_text(&self, searched: usize) -> bool {
        let from = searched.saturating_sub(self.text.len().saturating_sub(1));
        match self.text.len() {
            0 => true,
            length => self.found[from..].windows(length).any(|window| window == self.text),
        }
    }

    /// Decodes `bytes` into `found`; says what is wrong with them.
    fn take(&mut self, bytes: &[u8]) -> Option<String> {
        match &mut self.rest {
            Rest::UntilClose => {
                keep(&mut self.found, bytes);
                None
            }
            Rest::Length(left) => {
                keep(&mut self.found, up_to(bytes, left));
                None
            }
            Rest::Chunked(chunk) => chunk.take(bytes, &mut self.found).err(),
        }
    }
}

impl Chunk {
    fn take(&mut self, bytes: &[u8], found: &mut Vec<u8>) -> Result<(), String> {
        let mut input = bytes;
        while !input.is_empty() {
            match self {
                Chunk::Last => return Ok(()),
                Chunk::Line(line) => {
                    let (byte, after) = (input[0], &input[1..]);
                    input = after;
                    line.push(byte);
                    if byte == b'\n' {
                        *self =
                            match chunk_size(line).ok_or_else(|| format!("malformed chunk size {}", quoted(line)))? {
                                0 => Chunk::Last,
                                size => Chunk::Bytes(size),
                            };
                    } else if line.len() == LONGEST_CHUNK_LINE {
                        return Err(format!("malformed chunk size {}", quoted(line)));
                    }
                }
                Chunk::Bytes(left) => {
                    let part = up_to(input, left);
                    keep(found, part);
                    input = &input[part.len()..];
                    if *left == 0 {
                        *self = Chunk::End(0);
                    }
                }
                Chunk::End(seen) => {
                    if input[0] != b"\r\n"[*seen] {
                        return Err("a chunk is longer than its size".to_owned());
                    }
                    input = &input[1..];
                    *seen += 1;
                    if *seen == 2 {
                        *self = Chunk::Line(Vec::new());
                    }
                }
            }
        }
        Ok(())
    }
}

/// RFC 9112 7.1: the size on a line that ends with LF; extensions are only looked at for control bytes.
fn chunk_size(line: &[u8]) -> Option<u64> {
    let line = line.strip_suffix(b"\r\n")?;
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let (digits, extensions) = line.split_at(digits);
    let sound = matches!(extensions.trim_ascii_start(), [] | [b';', ..])
        && !extensions.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t');
    if !sound || digits.len() > MOST_CHUNK_DIGITS {
        return None;
    }
    // An empty string is no number.
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// The start of `bytes`, at most `left`, which goes down by as much.
fn up_to<'a>(bytes: &'a [u8], left: &mut u64) -> &'a [u8] {
    let length = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
    *left -= length as u64;
    &bytes[..length]
}

fn keep(found: &mut Vec<u8>, bytes: &[u8]) {
    let room = SEARCHED - found.len();
    found.extend_from_slice(&bytes[..bytes.len().min(room)]);
}
