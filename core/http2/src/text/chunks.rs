//! The chunked coding in what is written (RFC 9112 7.1). Our own side wrote it; it is read leniently where that is safe.

use super::Fault;

/// Most hexadecimal digits of a size.
const SIZE_DIGITS: u8 = 15;

/// Where in a body in chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Chunk {
    /// In a size.
    Size { digits: u8, size: u64 },
    /// Behind the size, before the end of its line.
    Line { size: u64 },
    /// In content.
    Data { left: u64 },
    /// Before the CR behind content.
    Return,
    /// Before the LF behind content.
    LineFeed,
    /// In the trailers.
    Trailers,
}

impl Chunk {
    pub(crate) const START: Chunk = Chunk::Size { digits: 0, size: 0 };

    /// Reads framing; how many bytes it took. It ends before content and before trailers.
    pub(crate) fn frame(&mut self, bytes: &[u8]) -> Result<usize, Fault> {
        let mut count = 0;
        for &byte in bytes {
            *self = match *self {
                Chunk::Data { .. } | Chunk::Trailers => break,
                Chunk::Size { digits, size } => match (byte, char::from(byte).to_digit(16)) {
                    (_, Some(digit)) if digits < SIZE_DIGITS => Chunk::Size {
                        digits: digits + 1,
                        size: size << 4 | u64::from(digit),
                    },
                    (b'\r' | b';' | b' ', None) if digits > 0 => Chunk::Line { size },
                    (_, _) => return Err("a chunk size is no number"),
                },
                Chunk::Line { size } => match (byte, size) {
                    (b'\n', 0) => Chunk::Trailers,
                    (b'\n', left) => Chunk::Data { left },
                    (_, _) => Chunk::Line { size },
                },
                Chunk::Return if byte == b'\r' => Chunk::LineFeed,
                Chunk::LineFeed if byte == b'\n' => Chunk::START,
                Chunk::Return | Chunk::LineFeed => return Err("a chunk does not end where it should"),
            };
            count += 1;
        }
        Ok(count)
    }
}
