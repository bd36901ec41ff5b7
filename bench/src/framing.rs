//! Where a message body ends: by length or by chunks. Shared by the origin (requests) and the load (responses).

use std::fmt;

/// A chunk size of more digits than this is nonsense (16 hexadecimal digits fill 64 bits).
const CHUNK_SIZE_DIGITS: u32 = 16;

/// The body broke the chunked grammar.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadChunk;

impl fmt::Display for BadChunk {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the body is not correctly chunked")
    }
}

/// Counts a body's bytes without keeping them.
#[derive(Debug)]
pub(crate) struct Body {
    end: End,
    received: u64,
}

#[derive(Debug)]
enum End {
    Length { remaining: u64 },
    Chunked(Chunk),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chunk {
    Size { value: u64, digits: u32 },
    Extension { value: u64 },
    SizeLineFeed { value: u64 },
    Bytes { remaining: u64 },
    BytesReturn,
    BytesLineFeed,
    Trailer { line_is_empty: bool },
    Ended,
}

impl Body {
    /// A body of exactly `length` bytes.
    pub(crate) fn of_length(length: u64) -> Self {
        Self {
            end: End::Length { remaining: length },
            received: 0,
        }
    }

    /// A body in chunks.
    pub(crate) fn chunked() -> Self {
        Self {
            end: End::Chunked(Chunk::Size { value: 0, digits: 0 }),
            received: 0,
        }
    }

    /// Content bytes seen until now, without chunk framing.
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    pub(crate) fn is_complete(&self) -> bool {
        match &self.end {
            End::Length { remaining } => *remaining == 0,
            End::Chunked(chunk) => *chunk == Chunk::Ended,
        }
    }

    /// Takes what belongs to the body from the start of `input` and says how many bytes that was.
    pub(crate) fn advance(&mut self, input: &[u8]) -> Result<usize, BadChunk> {
        match &mut self.end {
            End::Length { remaining } => {
                let taken = (*remaining).min(input.len() as u64);
                *remaining -= taken;
                self.received += taken;
                Ok(usize::try_from(taken).unwrap_or(input.len()))
            }
            End::Chunked(chunk) => {
                let mut at = 0;
                while at < input.len() && *chunk != Chunk::Ended {
                    if let Chunk::Bytes { remaining } = chunk {
                        let taken = (*remaining).min((input.len() - at) as u64);
                        self.received += taken;
                        at += usize::try_from(taken).unwrap_or(0);
                        *chunk = after_bytes(*remaining - taken);
                    } else {
                        *chunk = step(*chunk, input[at])?;
                        at += 1;
                    }
                }
                Ok(at)
            }
        }
    }
}

fn after_bytes(remaining: u64) -> Chunk {
    if remaining == 0 {
        Chunk::BytesReturn
    } else {
        Chunk::Bytes { remaining }
    }
}

fn step(chunk: Chunk, byte: u8) -> Result<Chunk, BadChunk> {
    match (chunk, byte) {
        (Chunk::Size { digits, value }, b'\r') if digits > 0 => Ok(Chunk::SizeLineFeed { value }),
        (Chunk::Size { digits, value }, b';' | b' ' | b'\t') if digits > 0 => Ok(Chunk::Extension { value }),
        (Chunk::Size { digits, value }, digit) if digits < CHUNK_SIZE_DIGITS => {
            let digit_value = char::from(digit).to_digit(16).ok_or(BadChunk)?;
            Ok(Chunk::Size {
                value: value << 4 | u64::from(digit_value),
                digits: digits + 1,
            })
        }
        (Chunk::Extension { value }, b'\r') => Ok(Chunk::SizeLineFeed { value }),
        (Chunk::Extension { value }, _) => Ok(Chunk::Extension { value }),
        (Chunk::SizeLineFeed { value: 0 }, b'\n') => Ok(Chunk::Trailer { line_is_empty: true }),
        (Chunk::SizeLineFeed { value }, b'\n') => Ok(Chunk::Bytes { remaining: value }),
        (Chunk::BytesReturn, b'\r') => Ok(Chunk::BytesLineFeed),
        (Chunk::BytesLineFeed, b'\n') => Ok(Chunk::Size { value: 0, digits: 0 }),
        (Chunk::Trailer { line_is_empty: true }, b'\n') => Ok(Chunk::Ended),
        (Chunk::Trailer { line_is_empty: false }, b'\n') => Ok(Chunk::Trailer { line_is_empty: true }),
        (Chunk::Trailer { line_is_empty }, b'\r') => Ok(Chunk::Trailer { line_is_empty }),
        (Chunk::Trailer { .. }, _) => Ok(Chunk::Trailer { line_is_empty: false }),
        (
            Chunk::Size { .. }
            | Chunk::SizeLineFeed { .. }
            | Chunk::Bytes { .. }
            | Chunk::BytesReturn
            | Chunk::BytesLineFeed
            | Chunk::Ended,
            _,
        ) => Err(BadChunk),
    }
}

#[cfg(test)]
mod tests;
