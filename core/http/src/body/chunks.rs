//! The chunked transfer coding (RFC 9112 7.1).

use super::{Segment, SegmentKind};
use crate::bytes::is_token_byte;
use crate::fault::Fault;
use crate::field::FieldId;
use crate::line::{Line, field_line};

/// Most hexadecimal digits of a chunk size.
const SIZE_DIGITS: u8 = 16;
/// Bytes of extensions that one chunk may have; they are thrown away, so more is only a burden.
const EXTENSION_BYTES: u32 = 1024;
/// Bytes of extensions that a whole body may have.
const ALL_EXTENSION_BYTES: u32 = 8 * 1024;
/// Bytes of one trailer line. The reader's buffer must have this place.
const TRAILER_BYTES: usize = 8 * 1024;
/// Bytes of all trailer lines.
const ALL_TRAILER_BYTES: usize = 32 * 1024;

/// A body in chunks that is being read.
#[derive(Debug, Clone, Default)]
pub struct Chunks {
    state: State,
    /// Extension bytes of this chunk.
    extension: u32,
    /// Extension bytes of the chunks before.
    extensions: u32,
    trailers: usize,
    /// Trailers are read and thrown away.
    drops_trailers: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// In the size: so many digits so far, and their value.
    Size { digits: u8, size: u64 },
    /// In the extensions behind the size.
    Extension { size: u64, at: Extension },
    /// Before the LF of a size line.
    SizeLineFeed { size: u64 },
    /// In the content.
    Data { left: u64 },
    /// Before the CR after the content.
    DataReturn,
    /// Before the LF after the content.
    DataLineFeed,
    /// At the start of a trailer line.
    Trailer,
    /// All read.
    Ended,
}

impl Default for State {
    fn default() -> Self {
        State::Size { digits: 0, size: 0 }
    }
}

/// Where in `*( BWS ";" BWS name [ BWS "=" BWS value ] )`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extension {
    /// White space before `;`.
    BeforeSemicolon,
    BeforeName,
    Name,
    /// White space after the name.
    AfterName,
    BeforeValue,
    Value,
    Quoted,
    /// After a backslash in quotes.
    Escaped,
    /// After the closing quote or the white space after a value.
    AfterValue,
}

impl Chunks {
    /// Of whose trailers nothing is passed on.
    pub(super) fn without_trailers() -> Chunks {
        Chunks {
            drops_trailers: true,
            ..Chunks::default()
        }
    }

    pub(super) fn ended(&self) -> bool {
        self.state == State::Ended
    }

    pub(super) fn next(&mut self, input: &[u8]) -> Result<Segment, Fault> {
        match self.state {
            State::Data { left } => Ok(self.data(left, input)),
            State::Extension { .. } => self.extension(input),
            State::Trailer => self.trailer(input),
            State::Size { .. } | State::SizeLineFeed { .. } | State::DataReturn | State::DataLineFeed => {
                self.frame(input)
            }
            State::Ended => Ok(Segment {
                length: 0,
                kind: SegmentKind::Data,
            }),
        }
    }

    fn data(&mut self, left: u64, input: &[u8]) -> Segment {
        let length = usize::try_from(left).map_or(input.len(), |left| left.min(input.len()));
        let left = left - length as u64;
        self.state = if left == 0 {
            State::DataReturn
        } else {
            State::Data { left }
        };
        Segment {
            length,
            kind: SegmentKind::Data,
        }
    }

    /// As much framing as there is in one piece.
    fn frame(&mut self, input: &[u8]) -> Result<Segment, Fault> {
        let mut length = 0;
        while let Some(&byte) = input.get(length) {
            let Some(state) = self.frame_byte(byte)? else { break };
            self.state = state;
            length += 1;
            if matches!(state, State::Data { .. } | State::Trailer) {
                break;
            }
        }
        match length {
            // The first byte already was of an extension.
            0 if !input.is_empty() => self.extension(input),
            _ => Ok(Segment {
                length,
                kind: SegmentKind::Frame,
            }),
        }
    }

    /// The state after `byte`; `None`: it begins an extension.
    fn frame_byte(&mut self, byte: u8) -> Result<Option<State>, Fault> {
        let state = match self.state {
            State::Size { digits, size } => match (byte, digits) {
                (b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F', _) => size_digit(digits, size, byte)?,
                (_, 0) => return Err(Fault::ChunkSize),
                (b'\r', _) => State::SizeLineFeed { size },
                (b';' | b' ' | b'\t', _) => {
                    self.state = State::Extension {
                        size,
                        at: Extension::BeforeSemicolon,
                    };
                    return Ok(None);
                }
                (b'\n', _) => return Err(Fault::BareLineFeed),
                (_, _) => return Err(Fault::ChunkSize),
            },
            State::SizeLineFeed { size } => match (byte, size) {
                (b'\n', 0) => State::Trailer,
                (b'\n', left) => {
                    self.extensions += self.extension;
                    self.extension = 0;
                    State::Data { left }
                }
                (_, _) => return Err(Fault::BareCarriageReturn),
            },
            State::DataReturn if byte == b'\r' => State::DataLineFeed,
            State::DataLineFeed if byte == b'\n' => State::default(),
            State::DataReturn | State::DataLineFeed => return Err(Fault::ChunkDataEnd),
            State::Extension { .. } | State::Data { .. } | State::Trailer | State::Ended => return Ok(None),
        };
        Ok(Some(state))
    }

    fn extension(&mut self, input: &[u8]) -> Result<Segment, Fault> {
        let mut length = 0;
        while let (Some(&byte), State::Extension { size, at }) = (input.get(length), self.state) {
            let Some(at) = extension_byte(at, byte)? else {
                // The CR belongs to the framing, and after the most digits nothing else may follow.
                self.state = State::Size {
                    digits: SIZE_DIGITS,
                    size,
                };
                break;
            };
            self.state = State::Extension { size, at };
            length += 1;
            self.extension += 1;
            if self.extension > EXTENSION_BYTES || self.extensions + self.extension > ALL_EXTENSION_BYTES {
                return Err(Fault::ChunkExtensionTooLong);
            }
        }
        match length {
            0 if !input.is_empty() => self.frame(input),
            _ => Ok(Segment {
                length,
                kind: SegmentKind::Skip,
            }),
        }
    }

    fn trailer(&mut self, input: &[u8]) -> Result<Segment, Fault> {
        let window = &input[..input.len().min(TRAILER_BYTES)];
        let mut drop = self.drops_trailers;
        let length = match field_line(window, 0)? {
            Line::Partial(_) if window.len() == TRAILER_BYTES => return Err(Fault::TrailerTooLarge),
            Line::Partial(_) => 0,
            Line::Empty => {
                self.state = State::Ended;
                2
            }
            Line::Field(field) if field.id.is_forbidden_in_trailers() => return Err(Fault::TrailerForbidden),
            Line::Field(field) => {
                drop |= field.id == FieldId::Disguised;
                field.line.end as usize
            }
        };
        self.trailers += length;
        if self.trailers > ALL_TRAILER_BYTES {
            return Err(Fault::TrailerTooLarge);
        }
        let kind = if drop && self.state == State::Trailer {
            SegmentKind::Skip
        } else {
            SegmentKind::Trailer
        };
        Ok(Segment { length, kind })
    }
}

fn size_digit(digits: u8, size: u64, byte: u8) -> Result<State, Fault> {
    if digits >= SIZE_DIGITS {
        return Err(Fault::ChunkSize);
    }
    let digit = match byte {
        b'0'..=b'9' => byte - b'0',
        _ => (byte | 0x20) - b'a' + 10,
    };
    if size > (i64::MAX as u64) >> 4 {
        return Err(Fault::ChunkSizeTooLarge);
    }
    Ok(State::Size {
        digits: digits + 1,
        size: size << 4 | u64::from(digit),
    })
}

/// Where we are after `byte`; `None`: it is the CR that ends the line (RFC 9112 7.1.1).
fn extension_byte(at: Extension, byte: u8) -> Result<Option<Extension>, Fault> {
    use Extension::*;
    let is_space = matches!(byte, b' ' | b'\t');
    let next = match (at, byte) {
        (Name | AfterName | Value | AfterValue, b'\r') => return Ok(None),
        (BeforeSemicolon | Name | AfterName | Value | AfterValue, b';') => BeforeName,
        (BeforeSemicolon | BeforeName | AfterName | BeforeValue | AfterValue, _) if is_space => at,
        (Name, _) if is_space => AfterName,
        (Value, _) if is_space => AfterValue,
        (BeforeName | Name, _) if is_token_byte(byte) => Name,
        (Name | AfterName, b'=') => BeforeValue,
        (BeforeValue, b'"') => Quoted,
        (BeforeValue | Value, _) if is_token_byte(byte) => Value,
        (Quoted, b'"') => AfterValue,
        (Quoted, b'\\') => Escaped,
        (Quoted, _) if byte == b'\t' || !byte.is_ascii_control() => Quoted,
        (Escaped, _) if byte == b'\t' || !byte.is_ascii_control() => Quoted,
        (_, _) => return Err(Fault::ChunkExtension),
    };
    Ok(Some(next))
}
