//! Reading field blocks (RFC 7541 3, 6).

use super::huffman;
use super::known::Known;
use super::static_table::{COUNT, FIELDS};
use super::table::{LINE_OVERHEAD, TABLE_BYTES, Table};
use crate::bytes::{is_lower_token, is_value};

/// Changes of the table's size at the start of one block: the least since the last block, and the last (RFC 7541 4.2).
const SIZE_UPDATES: u32 = 2;

/// A field as it was read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field<'a> {
    /// `name: value` and CRLF.
    pub(crate) line: &'a [u8],
    name: usize,
    pub(crate) known: Known,
    /// Name and value are as RFC 9113 8.2.1 wants them. If not, the line must not be read as a line.
    pub(crate) sound: bool,
}

impl<'a> Field<'a> {
    pub(crate) fn name(&self) -> &'a [u8] {
        &self.line[..self.name]
    }

    pub(crate) fn value(&self) -> &'a [u8] {
        &self.line[self.name + 2..self.line.len() - 2]
    }

    /// Bytes as `SETTINGS_MAX_HEADER_LIST_SIZE` counts them.
    pub(crate) fn size(&self) -> usize {
        self.line.len() - LINE_OVERHEAD + super::table::ENTRY_OVERHEAD
    }
}

/// A block is malformed: the whole connection ends with COMPRESSION_ERROR.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

/// One direction's decompression.
#[derive(Debug)]
pub(crate) struct Decoder {
    table: Table,
    /// The line of a literal field, while it is read.
    line: Vec<u8>,
}

impl Decoder {
    pub(crate) fn new() -> Decoder {
        Decoder {
            table: Table::new(TABLE_BYTES),
            line: Vec::new(),
        }
    }

    /// Gives back memory that is only kept for speed.
    pub(crate) fn rest(&mut self) {
        self.line = Vec::new();
        self.table.rest();
    }

    /// Gives every field of the whole block to `take`.
    ///
    /// # Errors
    /// A block that is malformed. Fields that are not sound are no error here: the next block must be read all the same.
    pub(crate) fn decode(&mut self, block: &[u8], mut take: impl FnMut(Field<'_>)) -> Result<(), Malformed> {
        let mut rest = self.size_updates(block)?;
        while let Some(&first) = rest.first() {
            if first & 0x80 != 0 {
                let index;
                (index, rest) = integer(rest, 7)?;
                take(self.indexed(index)?);
            } else if first & 0x40 != 0 {
                let (index, more) = integer(rest, 6)?;
                let (name, known, sound);
                (rest, name, known, sound) = self.literal(index, more)?;
                self.table.insert(&self.line, name, known, sound);
                take(Field {
                    line: &self.line,
                    name,
                    known,
                    sound,
                });
            } else if first & 0x20 != 0 {
                return Err(Malformed);
            } else {
                let (index, more) = integer(rest, 4)?;
                let (name, known, sound);
                (rest, name, known, sound) = self.literal(index, more)?;
                take(Field {
                    line: &self.line,
                    name,
                    known,
                    sound,
                });
            }
        }
        Ok(())
    }

    fn size_updates<'a>(&mut self, mut block: &'a [u8]) -> Result<&'a [u8], Malformed> {
        let mut updates = 0;
        while let Some(0x20..=0x3f) = block.first() {
            let size;
            (size, block) = integer(block, 5)?;
            updates += 1;
            if updates > SIZE_UPDATES || size > TABLE_BYTES {
                return Err(Malformed);
            }
            self.table.set_limit(size);
        }
        Ok(block)
    }

    fn indexed(&self, index: usize) -> Result<Field<'_>, Malformed> {
        match index.checked_sub(1 + COUNT) {
            Some(index) => {
                let (line, entry) = self.table.entry(index).ok_or(Malformed)?;
                Ok(Field {
                    line,
                    name: entry.name as usize,
                    known: entry.known,
                    sound: entry.sound,
                })
            }
            None => {
                let field = FIELDS.get(index.wrapping_sub(1)).ok_or(Malformed)?;
                Ok(Field {
                    line: field.line,
                    name: field.name,
                    known: field.known,
                    sound: true,
                })
            }
        }
    }

    /// Reads a literal field into `line`; `index` is that of its name, 0 when the name follows.
    fn literal<'a>(&mut self, index: usize, rest: &'a [u8]) -> Result<(&'a [u8], usize, Known, bool), Malformed> {
        let mut line = std::mem::take(&mut self.line);
        line.clear();
        let read = self.literal_into(index, rest, &mut line);
        self.line = line;
        read
    }

    fn literal_into<'a>(
        &mut self,
        index: usize,
        mut rest: &'a [u8],
        line: &mut Vec<u8>,
    ) -> Result<(&'a [u8], usize, Known, bool), Malformed> {
        let (known, mut sound) = if index == 0 {
            rest = string(rest, line)?;
            let known = Known::of(line);
            // Of names that begin with a colon only the few that exist are sound.
            (known, known.is_pseudo() || is_lower_token(line))
        } else {
            let named = self.indexed(index)?;
            line.extend_from_slice(named.name());
            (
                named.known,
                named.sound || is_lower_token(named.name()) || named.known.is_pseudo(),
            )
        };
        let name = line.len();
        line.extend_from_slice(b": ");
        rest = string(rest, line)?;
        sound &= is_value(&line[name + 2..]);
        line.extend_from_slice(b"\r\n");
        Ok((rest, name, known, sound))
    }
}

/// An integer (RFC 7541 5.1) of at most 28 bits and its prefix: nothing that is counted here is larger.
fn integer(bytes: &[u8], prefix: u32) -> Result<(usize, &[u8]), Malformed> {
    let (&first, mut rest) = bytes.split_first().ok_or(Malformed)?;
    let mask = (1usize << prefix) - 1;
    let mut value = usize::from(first) & mask;
    if value < mask {
        return Ok((value, rest));
    }
    for shift in [0, 7, 14, 21] {
        let (&byte, more) = rest.split_first().ok_or(Malformed)?;
        rest = more;
        value += usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok((value, rest));
        }
    }
    Err(Malformed)
}

/// Appends a string (RFC 7541 5.2).
fn string<'a>(bytes: &'a [u8], out: &mut Vec<u8>) -> Result<&'a [u8], Malformed> {
    let is_coded = bytes.first().is_some_and(|&first| first & 0x80 != 0);
    let (length, rest) = integer(bytes, 7)?;
    let (text, rest) = rest.split_at_checked(length).ok_or(Malformed)?;
    if is_coded {
        huffman::decode(text, out).ok_or(Malformed)?;
    } else {
        out.extend_from_slice(text);
    }
    Ok(rest)
}
