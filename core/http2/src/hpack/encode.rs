//! Writing field blocks (RFC 7541 3, 6).
//!
//! The table is searched by the line as our own side wrote it: a backend writes most of its lines in the same way again
//! and again, and such a line costs a hash, a comparison and one byte.

use super::huffman;
use super::known::Known;
use super::static_table::{COUNT, name_index};
use super::table::{ENTRY_OVERHEAD, LINE_OVERHEAD, TABLE_BYTES, Table};

/// Places of the search by hash. A table of 4096 bytes has some 60 fields.
const SLOTS: usize = 128;
/// Bytes of the largest line that is put into the table: an eighth of it, so that one does not drive out all others.
const LARGEST_LINE: usize = TABLE_BYTES / 8;

/// One direction's compression.
#[derive(Debug)]
pub(crate) struct Encoder {
    table: Table,
    /// By hash of a line: its number as `Table::inserted` counted after it was put in, and the hash. 0 = nothing.
    slots: Vec<(u32, u32)>,
    /// What the peer takes, if it has changed; said in the next block (RFC 7541 4.2).
    changed: Option<usize>,
    /// The table is to be emptied first.
    emptied: bool,
}

impl Encoder {
    pub(crate) fn new() -> Encoder {
        Encoder {
            table: Table::new(TABLE_BYTES),
            slots: Vec::new(),
            changed: None,
            emptied: false,
        }
    }

    /// Gives back memory that is only kept for speed.
    pub(crate) fn rest(&mut self) {
        self.table.rest();
    }

    /// The peer's `SETTINGS_HEADER_TABLE_SIZE`.
    pub(crate) fn set_limit(&mut self, bytes: u32) {
        let limit = usize::try_from(bytes).map_or(TABLE_BYTES, |bytes| bytes.min(TABLE_BYTES));
        if limit != self.table.limit() {
            // Going down and up again between two blocks: emptying says the lower limit too.
            self.emptied |= limit < self.table.limit();
            self.table.set_limit(if self.emptied { 0 } else { limit });
            self.table.set_limit(limit);
            self.changed = Some(limit);
        }
    }

    /// What was written since `begin` is thrown away: the peer's table no longer is like ours.
    pub(crate) fn forget(&mut self) {
        let limit = self.table.limit();
        self.table.set_limit(0);
        self.table.set_limit(limit);
        self.emptied = true;
        self.changed = Some(limit);
    }

    /// Begins a block.
    pub(crate) fn begin(&mut self, out: &mut Vec<u8>) {
        if let Some(limit) = self.changed.take() {
            if std::mem::take(&mut self.emptied) {
                integer(0, 5, 0x20, out);
            }
            integer(limit, 5, 0x20, out);
        }
    }

    /// A field of the static table, whole.
    pub(crate) fn indexed(index: usize, out: &mut Vec<u8>) {
        integer(index, 7, 0x80, out);
    }

    /// A field whose name is in the static table, not remembered.
    pub(crate) fn named(index: usize, value: &[u8], out: &mut Vec<u8>) {
        integer(index, 4, 0x00, out);
        string(value, out);
    }

    /// A field that is not remembered. The name is in lower case.
    pub(crate) fn literal(name: &[u8], value: &[u8], known: Known, out: &mut Vec<u8>) {
        let first = if known == Known::Secret || known == Known::Cookie {
            0x10
        } else {
            0x00
        };
        let index = name_index(name);
        integer(index, 4, first, out);
        if index == 0 {
            string(name, out);
        }
        string(value, out);
    }

    /// Writes the index of this very line if it is remembered: `name: value` and CRLF, names in any case.
    pub(crate) fn remembered(&self, line: &[u8], hash: u32, out: &mut Vec<u8>) -> bool {
        let Some(&(number, its_hash)) = self.slots.get(hash as usize % SLOTS) else {
            return false;
        };
        if its_hash != hash || number == 0 {
            return false;
        }
        let index = self.table.inserted().wrapping_sub(number) as usize;
        match self.table.entry(index) {
            Some((its_line, _)) if its_line == line => {
                integer(index + COUNT + 1, 7, 0x80, out);
                true
            }
            Some(_) | None => false,
        }
    }

    /// Writes a field and remembers it by `line`, which is `name: value` and CRLF with the name in any case; `hash` is
    /// the line's. The name is in lower case.
    pub(crate) fn remember(&mut self, line: &[u8], hash: u32, name: &[u8], value: &[u8], out: &mut Vec<u8>) {
        if line.len() > LARGEST_LINE || line.len() - LINE_OVERHEAD + ENTRY_OVERHEAD > self.table.limit() {
            return Encoder::literal(name, value, Known::Plain, out);
        }
        let index = name_index(name);
        integer(index, 6, 0x40, out);
        if index == 0 {
            string(name, out);
        }
        string(value, out);
        self.table.insert(line, name.len(), Known::Plain, true);
        if self.slots.is_empty() {
            self.slots.resize(SLOTS, (0, 0));
        }
        self.slots[hash as usize % SLOTS] = (self.table.inserted(), hash);
    }
}

/// A hash of a line; who makes lines collide only has them sent in full.
pub(crate) fn hash(line: &[u8]) -> u32 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut hash = line.len() as u64;
    let (words, rest) = line.as_chunks::<8>();
    for word in words {
        hash = (hash ^ u64::from_le_bytes(*word)).wrapping_mul(FACTOR).rotate_left(29);
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    hash = (hash ^ u64::from_le_bytes(last)).wrapping_mul(FACTOR);
    (hash >> 32) as u32
}

/// An integer (RFC 7541 5.1) behind the bits of `first`.
fn integer(value: usize, prefix: u32, first: u8, out: &mut Vec<u8>) {
    let mask = (1usize << prefix) - 1;
    if value < mask {
        out.push(first | value as u8);
        return;
    }
    out.push(first | mask as u8);
    let mut rest = value - mask;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// A string (RFC 7541 5.2), coded where that makes it shorter.
fn string(text: &[u8], out: &mut Vec<u8>) {
    let coded = huffman::coded_bytes(text);
    if coded < text.len() {
        integer(coded, 7, 0x80, out);
        huffman::encode(text, out);
    } else {
        integer(text.len(), 7, 0x00, out);
        out.extend_from_slice(text);
    }
}
