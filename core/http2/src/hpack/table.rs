//! The dynamic table (RFC 7541 2.3.2, 4).

use super::known::Known;
use std::collections::VecDeque;

/// Bytes of a dynamic table, unless the peer wants less: the protocol's default, and as much as browsers use.
pub(crate) const TABLE_BYTES: usize = 4096;
/// Bytes that an entry counts beyond its name and value (RFC 7541 4.1).
pub(crate) const ENTRY_OVERHEAD: usize = 32;
/// Bytes that a line has beyond name and value: `: ` and CRLF.
pub(crate) const LINE_OVERHEAD: usize = 4;

/// A table: lines one after the other, the oldest first.
#[derive(Debug)]
pub(crate) struct Table {
    /// Lines, live ones and before them some that are gone.
    arena: Vec<u8>,
    /// Newest first.
    entries: VecDeque<Entry>,
    /// Bytes as RFC 7541 4.1 counts them.
    size: usize,
    limit: usize,
    /// Entries that were ever put in, wrapping.
    inserted: u32,
}

/// An entry.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    start: u32,
    end: u32,
    /// Bytes of the name.
    pub(crate) name: u32,
    pub(crate) known: Known,
    /// Name and value are as RFC 9113 8.2.1 wants them.
    pub(crate) sound: bool,
}

impl Table {
    pub(crate) fn new(limit: usize) -> Table {
        Table {
            arena: Vec::new(),
            entries: VecDeque::new(),
            size: 0,
            limit,
            inserted: 0,
        }
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// Entries that were ever put in, wrapping.
    pub(crate) fn inserted(&self) -> u32 {
        self.inserted
    }

    pub(crate) fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
        self.make_room(0);
    }

    /// The entry at `index`, 0 being the newest, and its line.
    pub(crate) fn entry(&self, index: usize) -> Option<(&[u8], Entry)> {
        let entry = *self.entries.get(index)?;
        Some((&self.arena[entry.start as usize..entry.end as usize], entry))
    }

    /// Puts a line in; one that is larger than the table empties it (RFC 7541 4.4). `name` is its bytes of the name.
    pub(crate) fn insert(&mut self, line: &[u8], name: usize, known: Known, sound: bool) {
        let size = line.len() - LINE_OVERHEAD + ENTRY_OVERHEAD;
        self.make_room(size);
        if size > self.limit {
            return;
        }
        if self.arena.len() + line.len() > 2 * self.limit {
            self.compact();
        }
        let start = self.arena.len() as u32;
        self.arena.extend_from_slice(line);
        self.entries.push_front(Entry {
            start,
            end: start + line.len() as u32,
            name: name as u32,
            known,
            sound,
        });
        self.size += size;
        self.inserted = self.inserted.wrapping_add(1);
    }

    /// Gives back memory that is only kept for speed.
    pub(crate) fn rest(&mut self) {
        self.compact();
        self.arena.shrink_to_fit();
        self.entries.shrink_to_fit();
    }

    fn make_room(&mut self, size: usize) {
        while self.size + size > self.limit {
            let Some(oldest) = self.entries.pop_back() else { break };
            self.size -= (oldest.end - oldest.start) as usize - LINE_OVERHEAD + ENTRY_OVERHEAD;
        }
        if self.entries.is_empty() {
            self.arena.clear();
        }
    }

    /// Throws away what is gone: live lines are less than half, so that each byte is moved rarely.
    fn compact(&mut self) {
        let gone = self.entries.back().map_or(0, |oldest| oldest.start);
        self.arena.drain(..gone as usize);
        for entry in &mut self.entries {
            entry.start -= gone;
            entry.end -= gone;
        }
    }
}
