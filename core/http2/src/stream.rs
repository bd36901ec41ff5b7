//! The record of one stream, and all of them.

use crate::frame::ErrorCode;
use crate::text::{Framing, Incoming, Outgoing};

/// A stream of one connection, for whoever uses it. Not the number on the wire: a client's streams get theirs with their
/// first frame, because numbers must go out in order (RFC 9113 5.1.1). Never used again while anyone may hold it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamId(pub u32);

/// Bits of a `StreamId` that are the place of the record; the others count how often it was used.
const PLACE_BITS: u32 = 12;
/// Buffers above so many bytes are not kept for the next stream.
const KEPT_BYTES: usize = 8 * 1024;
/// Entries of the table that finds a record by its number on the wire at once; more streams are found by a search.
const HINTS: usize = 256;

/// Something to tell the user of a stream, as bits.
pub(crate) mod news {
    pub(crate) const OPENED: u8 = 1;
    pub(crate) const READABLE: u8 = 2;
    pub(crate) const WRITABLE: u8 = 4;
    pub(crate) const ENDED: u8 = 8;
    /// The stream is in the queue of those that have news.
    pub(crate) const QUEUED: u8 = 16;
}

/// Extended CONNECT on a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Switch {
    #[default]
    None,
    /// WebSocket was asked for.
    Asked,
    /// Both sides are a tunnel.
    Open,
}

/// One stream.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    generation: u32,
    in_use: bool,
    /// The number on the wire; 0 = none yet.
    pub(crate) number: u32,
    /// The user knows of it.
    pub(crate) known: bool,
    /// It counts as under way (RFC 9113 5.1.2).
    pub(crate) active: bool,
    /// `END_STREAM` came.
    pub(crate) peer_ended: bool,
    /// `END_STREAM` was sent.
    pub(crate) we_ended: bool,
    /// `RST_STREAM` came.
    pub(crate) reset_by_peer: bool,
    /// `RST_STREAM` was sent.
    pub(crate) reset_by_us: bool,
    pub(crate) read_broken: Option<ErrorCode>,
    pub(crate) write_broken: Option<ErrorCode>,
    /// What the peer did wrong with it, where we reset it for that.
    pub(crate) fault: Option<&'static str>,
    /// Nothing was done with it by the peer.
    pub(crate) refused: bool,
    pub(crate) news: u8,
    /// In the queue of those that wait for the connection to take more.
    pub(crate) waiting: bool,
    /// It was called from that queue and has written nothing since.
    pub(crate) called: bool,
    /// The write that is under way is the one it was called for.
    pub(crate) has_turn: bool,
    /// Waits for its own window.
    pub(crate) window_blocked: bool,
    pub(crate) send_window: i64,
    pub(crate) receive_window: i64,
    /// Bytes that were read and of which the peer has not been told.
    pub(crate) unreturned: u32,
    /// The request's method is HEAD.
    pub(crate) head_only: bool,
    pub(crate) switch: Switch,
    /// Client: the proof for the key that was sent.
    pub(crate) proof: [u8; crate::websocket::PROOF_BYTES],
    pub(crate) incoming: Incoming,
    pub(crate) outgoing: Outgoing,
}

impl Stream {
    /// Both sides have ended, or one has reset it: nothing more belongs to it.
    pub(crate) fn is_over(&self) -> bool {
        (self.peer_ended && self.we_ended) || self.reset_by_peer || self.reset_by_us
    }

    /// Client: the head of an answer has come.
    pub(crate) fn is_answered(&self) -> bool {
        self.incoming.framing != Framing::Nothing
    }

    /// Makes the record new, and keeps its buffers.
    fn renew(&mut self) {
        let incoming = std::mem::take(&mut self.incoming).renewed(KEPT_BYTES);
        let outgoing = std::mem::take(&mut self.outgoing).renewed(KEPT_BYTES);
        *self = Stream {
            generation: self.generation.wrapping_add(1),
            incoming,
            outgoing,
            ..Stream::default()
        };
    }
}

/// All streams of a connection.
#[derive(Debug)]
pub(crate) struct Streams {
    records: Vec<Stream>,
    /// The number of each record, for searching: 0 = none.
    numbers: Vec<u32>,
    free: Vec<u32>,
    hints: Vec<u16>,
    /// That of new records.
    generation: u32,
    in_use: usize,
    /// Streams under way as RFC 9113 5.1.2 counts them.
    pub(crate) active: usize,
}

impl Streams {
    pub(crate) fn new() -> Streams {
        Streams {
            records: Vec::new(),
            numbers: Vec::new(),
            free: Vec::new(),
            hints: vec![0; HINTS],
            generation: 0,
            in_use: 0,
            active: 0,
        }
    }

    /// Records in use.
    pub(crate) fn len(&self) -> usize {
        self.in_use
    }

    /// Takes a record; its place.
    pub(crate) fn add(&mut self) -> usize {
        let place = match self.free.pop() {
            Some(place) => place as usize,
            None => {
                self.records.push(Stream {
                    generation: self.generation,
                    ..Stream::default()
                });
                self.numbers.push(0);
                self.records.len() - 1
            }
        };
        let stream = &mut self.records[place];
        stream.in_use = true;
        stream.active = true;
        self.in_use += 1;
        self.active += 1;
        place
    }

    /// Gives the record its number on the wire.
    pub(crate) fn number(&mut self, place: usize, number: u32) {
        self.records[place].number = number;
        self.numbers[place] = number;
        self.hints[hint(number)] = place as u16;
    }

    /// Gives the record back.
    pub(crate) fn remove(&mut self, place: usize) {
        self.settle(place);
        self.numbers[place] = 0;
        self.records[place].renew();
        self.free.push(place as u32);
        self.in_use -= 1;
    }

    /// The stream may be over: then it no longer counts as under way.
    pub(crate) fn settle(&mut self, place: usize) {
        if self.records[place].active {
            self.records[place].active = false;
            self.active -= 1;
        }
    }

    /// Gives back all records, if none is in use.
    pub(crate) fn rest(&mut self) {
        if self.in_use == 0 {
            // No name is given twice.
            let last = self.records.iter().map(|stream| stream.generation).max();
            self.generation = last.map_or(self.generation, |last| last.wrapping_add(1));
            self.records = Vec::new();
            self.numbers = Vec::new();
            self.free = Vec::new();
        }
    }

    pub(crate) fn at(&self, place: usize) -> &Stream {
        &self.records[place]
    }

    pub(crate) fn at_mut(&mut self, place: usize) -> &mut Stream {
        &mut self.records[place]
    }

    /// The place of the stream with this number on the wire.
    pub(crate) fn find(&self, number: u32) -> Option<usize> {
        let place = usize::from(self.hints[hint(number)]);
        if self.numbers.get(place) == Some(&number) {
            return Some(place);
        }
        self.numbers.iter().position(|&its| its == number)
    }

    /// The place of a stream that its user names.
    pub(crate) fn place(&self, id: StreamId) -> Option<usize> {
        let place = (id.0 & ((1 << PLACE_BITS) - 1)) as usize;
        let stream = self.records.get(place)?;
        (stream.in_use && stream.generation & (u32::MAX >> PLACE_BITS) == id.0 >> PLACE_BITS).then_some(place)
    }

    pub(crate) fn id(&self, place: usize) -> StreamId {
        StreamId(self.records[place].generation << PLACE_BITS | place as u32)
    }

    /// The places of all records in use.
    pub(crate) fn places(&self) -> impl Iterator<Item = usize> + use<> {
        let in_use: Vec<usize> = (0..self.records.len())
            .filter(|&place| self.records[place].in_use)
            .collect();
        in_use.into_iter()
    }
}

fn hint(number: u32) -> usize {
    (number >> 1) as usize % HINTS
}
