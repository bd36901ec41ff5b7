//! One connection: what its user calls, and what it keeps.

mod control;
mod end;
mod heads;
mod read;
mod receive;
mod write;

use crate::frame::{ErrorCode, HEAD_BYTES, Kind, LARGEST, PREFACE, write};
use crate::hpack::{Decoder, Encoder};
use crate::policy::{Policy, SETTINGS_SECONDS};
use crate::settings::{FIRST_WINDOW, Peer, Settings};
use crate::stream::{StreamId, Streams, news};
use crate::text::Scratch;
use control::Away;
use end::Late;
use evenkeel_model::Moment;
use receive::Block;
use std::collections::VecDeque;
use std::time::Duration;

/// Bytes of `output` above which streams take nothing more: as much as a socket takes in a few writes, and little enough
/// that what has to go first (answers to `PING`, windows) goes soon.
const ROOM_BYTES: usize = 64 * 1024;
/// Bytes of an empty buffer that is kept although nothing is under way.
const KEPT_BYTES: usize = 4 * 1024;

/// The connection has come to its end; what is in `output` is still to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closed {
    /// What the peer is told.
    pub code: ErrorCode,
    /// What it did, for our log.
    pub why: &'static str,
}

/// Something happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// Server: a request's head is here, whole and sound.
    Opened(StreamId),
    /// `read` gives something, or says how the stream ended.
    Readable(StreamId),
    /// A `write` took less than it was given; now it takes more. Whoever gets this must write, or `close` the stream:
    /// others wait behind it.
    Writable(StreamId),
    /// The stream was reset, by the peer or for an error: reads and writes fail. `close` it.
    Ended(StreamId),
    /// The peer takes no new streams, or will open none; or so many of its messages were malformed that we open no more.
    GoAway,
    /// The peer's first `SETTINGS` are here. Client: only now it is known how many streams there may be, and whether
    /// WebSocket is offered; streams may be opened before.
    Ready,
}

/// What a read came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Read {
    /// So many bytes, more than none.
    Bytes(usize),
    /// Nothing for now.
    Nothing,
    /// The peer has ended its message, and all of it was read.
    End,
    /// The stream was reset; for an unknown stream STREAM_CLOSED.
    Broken(ErrorCode),
}

/// What a write came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Write {
    /// So many bytes were taken. If not all, `Event::Writable` comes when more will be.
    Took(usize),
    /// The stream takes nothing more: it was reset (STREAM_CLOSED if it is unknown), what was written is no message
    /// (INTERNAL_ERROR), or it asks for WebSocket where the peer does not offer that (HTTP_1_1_REQUIRED; nothing was sent).
    Broken(ErrorCode),
}

/// Which side we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Server,
    Client,
}

/// An HTTP/2 connection without its socket.
#[derive(Debug)]
pub struct Connection {
    role: Role,
    settings: Settings,
    /// What we were told last.
    now: Moment,
    /// Set once: nothing is received any more.
    dead: Option<Closed>,

    /// Bytes of the preface that have come (server).
    preface: usize,
    /// A frame of which not all has come.
    input: Vec<u8>,
    /// A field block of which not all has come.
    block: Option<Block>,
    /// Since when the frame in `input` is incomplete, and how many came before it.
    begun: Option<(u64, Moment)>,
    decoder: Decoder,
    /// Trailers while they are read.
    trailers: Vec<u8>,
    scratch: Scratch,
    frames: u64,
    faults: u64,
    last_fault: Option<&'static str>,

    output: Vec<u8>,
    /// Bytes of `output` that were sent.
    sent: usize,
    encoder: Encoder,
    /// For names in lower case.
    name: Vec<u8>,

    streams: Streams,
    /// Places of streams that have news.
    queue: VecDeque<u32>,
    /// Places of streams that wait until the connection takes more.
    line: VecDeque<u32>,
    /// How many of them were called and have not come yet.
    called: usize,
    late: Late,
    /// The highest number of a stream that the peer opened (server).
    highest: u32,
    /// The number of the next stream (client).
    next: u32,

    peer: Peer,
    /// The peer's `SETTINGS` have come.
    is_ready: bool,
    /// By when our `SETTINGS` must be acknowledged.
    settings_deadline: Moment,
    /// The window that the peer takes each of its streams to begin with.
    stream_window: u32,
    send_window: i64,
    receive_window: i64,
    /// Bytes that were read and of which the peer has not been told.
    unreturned: u32,

    away: Away,
    /// The last stream that the peer will take, if it said so.
    peer_away: Option<u32>,
    tell_away: bool,
    tell_ready: bool,
    policy: Policy,
}

impl Connection {
    /// The server's side. The first bytes to `receive` are the client's preface.
    pub fn server(settings: &Settings, now: Moment) -> Connection {
        Connection::new(Role::Server, settings, now)
    }

    /// The client's side.
    pub fn client(settings: &Settings, now: Moment) -> Connection {
        Connection::new(Role::Client, settings, now)
    }

    fn new(role: Role, settings: &Settings, now: Moment) -> Connection {
        let settings = settings.bounded();
        let mut output = Vec::new();
        let mut payload = Vec::new();
        if role == Role::Client {
            output.extend_from_slice(PREFACE);
        }
        settings.write(role == Role::Server, &mut payload);
        write(Kind::Settings, 0, 0, &payload, &mut output);
        let more = settings.connection_window - FIRST_WINDOW;
        if more > 0 {
            write(Kind::WindowUpdate, 0, 0, &more.to_be_bytes(), &mut output);
        }
        Connection {
            role,
            now,
            dead: None,
            preface: 0,
            input: Vec::new(),
            block: None,
            begun: None,
            decoder: Decoder::new(),
            trailers: Vec::new(),
            scratch: Scratch::default(),
            frames: 0,
            faults: 0,
            last_fault: None,
            output,
            sent: 0,
            encoder: Encoder::new(),
            name: Vec::new(),
            streams: Streams::new(),
            queue: VecDeque::new(),
            line: VecDeque::new(),
            called: 0,
            late: Late::default(),
            highest: 0,
            next: 1,
            peer: Peer::default(),
            is_ready: false,
            settings_deadline: now + Duration::from_secs(SETTINGS_SECONDS),
            stream_window: FIRST_WINDOW,
            send_window: i64::from(FIRST_WINDOW),
            receive_window: i64::from(settings.connection_window),
            unreturned: 0,
            away: Away::No,
            peer_away: None,
            tell_away: false,
            tell_ready: false,
            policy: Policy::new(now),
            settings,
        }
    }

    /// The next thing that happened. Of one stream each kind is said once until it is polled.
    pub fn poll_event(&mut self) -> Option<Event> {
        if std::mem::take(&mut self.tell_ready) {
            return Some(Event::Ready);
        }
        if std::mem::take(&mut self.tell_away) {
            return Some(Event::GoAway);
        }
        while let Some(&place) = self.queue.front() {
            let id = self.streams.id(place as usize);
            let stream = self.streams.at_mut(place as usize);
            let told = if stream.news & news::OPENED != 0 {
                // What can be read with it needs no word of its own.
                stream.news &= !(news::OPENED | news::READABLE);
                stream.known = true;
                Some(Event::Opened(id))
            } else if stream.news & news::ENDED != 0 {
                stream.news &= news::QUEUED;
                Some(Event::Ended(id))
            } else if stream.news & news::READABLE != 0 {
                stream.news &= !news::READABLE;
                Some(Event::Readable(id))
            } else if stream.news & news::WRITABLE != 0 {
                stream.news &= !news::WRITABLE;
                Some(Event::Writable(id))
            } else {
                None
            };
            if stream.news & !news::QUEUED == 0 {
                stream.news = 0;
                self.queue.pop_front();
            }
            if told.is_some() {
                return told;
            }
        }
        None
    }

    /// Notes news of a stream.
    fn tell(&mut self, place: usize, what: u8) {
        let stream = self.streams.at_mut(place);
        if stream.news & news::QUEUED == 0 {
            self.queue.push_back(place as u32);
        }
        stream.news |= what | news::QUEUED;
    }

    /// Bytes for the peer.
    pub fn output(&self) -> &[u8] {
        &self.output[self.sent..]
    }

    /// The first `count` bytes of `output` were sent.
    pub fn sent(&mut self, count: usize) {
        self.sent = (self.sent + count).min(self.output.len());
        if self.sent == self.output.len() {
            self.output.clear();
            self.sent = 0;
            if self.streams.len() == 0 && self.output.capacity() > KEPT_BYTES {
                self.output = Vec::new();
            }
        } else if self.sent > ROOM_BYTES {
            self.output.drain(..self.sent);
            self.sent = 0;
        }
        self.wake();
    }

    /// Whether streams can be written: `false` while much of `output` waits.
    pub fn room(&self) -> bool {
        self.output.len() - self.sent < ROOM_BYTES
    }

    /// Client: whether `open` would give a stream.
    pub fn can_open(&self) -> bool {
        let most = self.peer.streams.min(self.settings.max_concurrent_streams) as usize;
        let unnumbered = self.streams.len() as u32 * 2;
        self.role == Role::Client
            && self.dead.is_none()
            && self.away == Away::No
            && self.peer_away.is_none()
            && self.streams.active < most
            // What has come of streams that are over, and was not read, takes room like all else.
            && self.streams.len() < self.settings.max_concurrent_streams as usize
            && self.next + unnumbered < LARGEST
    }

    /// Client: a new stream, for one request. The peer knows nothing of it until its head is written.
    pub fn open(&mut self) -> Option<StreamId> {
        if !self.can_open() {
            return None;
        }
        let place = self.streams.add();
        let stream = self.streams.at_mut(place);
        stream.known = true;
        stream.send_window = i64::from(self.peer.window);
        stream.receive_window = i64::from(self.stream_window);
        Some(self.streams.id(place))
    }

    /// Streams that are not closed by our side.
    pub fn streams(&self) -> usize {
        self.streams.len()
    }

    /// Frames that have come.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// What the peer did wrong, messages that were never handed out among it: how often, and what it was last.
    pub fn faults(&self) -> (u64, Option<&'static str>) {
        (self.faults, self.last_fault)
    }

    /// Nothing is under way and nothing is expected soon: gives back the memory that was kept for the next requests. To
    /// be called when a connection has been quiet for a while.
    pub fn rest(&mut self) {
        if self.streams.len() > 0 {
            return;
        }
        self.streams.rest();
        self.queue = VecDeque::new();
        self.line = VecDeque::new();
        self.trailers = Vec::new();
        self.name = Vec::new();
        self.scratch = Scratch::default();
        self.input.shrink_to_fit();
        self.output.shrink_to_fit();
        self.decoder.rest();
        self.encoder.rest();
    }

    /// Appends a frame to `output`; behind the last `GOAWAY` nothing goes.
    fn send(&mut self, kind: Kind, flags: u8, stream: u32, payload: &[u8]) {
        if self.dead.is_none() {
            write(kind, flags, stream, payload, &mut self.output);
        }
    }
}

/// Puts the head of a frame into the `HEAD_BYTES` bytes kept for it.
fn fill_head(output: &mut [u8], at: usize, head: crate::frame::Head) {
    if let Some(place) = output.get_mut(at..at + HEAD_BYTES) {
        place.copy_from_slice(&head.bytes());
    }
}
