//! A peer that writes frames by hand.

use evenkeel_http2::{Closed, Connection, ErrorCode, Event, PREFACE, Read, Settings, StreamId};
use evenkeel_model::Moment;

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const PRIORITY: u8 = 2;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PUSH_PROMISE: u8 = 5;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const ACK: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;
pub(crate) const PADDED: u8 = 8;
pub(crate) const WITH_PRIORITY: u8 = 0x20;
/// A whole message in `HEADERS`.
pub(crate) const WHOLE: u8 = END_STREAM | END_HEADERS;

pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    bytes.extend_from_slice(&[kind, flags]);
    bytes.extend_from_slice(&stream.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// Fields as literals that are not remembered.
pub(crate) fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, value) in fields {
        bytes.push(0);
        for text in [name, value] {
            if text.len() < 127 {
                bytes.push(text.len() as u8);
            } else {
                let rest = text.len() - 127;
                bytes.extend_from_slice(&[127, rest as u8 | 0x80, (rest >> 7) as u8 | 0x80, (rest >> 14) as u8]);
            }
            bytes.extend_from_slice(text.as_bytes());
        }
    }
    bytes
}

pub(crate) const GET: [(&str, &str); 4] = [
    (":method", "GET"),
    (":scheme", "https"),
    (":path", "/"),
    (":authority", "example.com"),
];
pub(crate) const POST: [(&str, &str); 4] = [
    (":method", "POST"),
    (":scheme", "https"),
    (":path", "/"),
    (":authority", "example.com"),
];

/// A frame that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    pub(crate) fn code(&self) -> ErrorCode {
        let at = if self.kind == GOAWAY { 4 } else { 0 };
        ErrorCode(u32::from_be_bytes(
            self.payload[at..at + 4].try_into().expect("four bytes"),
        ))
    }
}

/// A connection whose peer is the test.
pub(crate) struct Wire {
    pub(crate) connection: Connection,
    pub(crate) now: Moment,
}

impl Wire {
    /// A server that has heard the preface and empty settings, and whose own are acknowledged.
    pub(crate) fn server(settings: &Settings) -> Wire {
        let mut wire = Wire {
            connection: Connection::server(settings, Moment::ZERO),
            now: Moment::ZERO,
        };
        wire.receive(PREFACE).expect("the preface");
        wire.greet();
        wire
    }

    /// A client that has heard empty settings.
    pub(crate) fn client(settings: &Settings) -> Wire {
        let mut wire = Wire {
            connection: Connection::client(settings, Moment::ZERO),
            now: Moment::ZERO,
        };
        let preface = wire.connection.output()[..PREFACE.len()].to_vec();
        assert_eq!(preface, PREFACE);
        wire.connection.sent(PREFACE.len());
        wire.greet();
        wire
    }

    fn greet(&mut self) {
        self.receive(&frame(SETTINGS, 0, 0, &[])).expect("settings");
        self.receive(&frame(SETTINGS, ACK, 0, &[])).expect("an acknowledgement");
        assert_eq!(self.connection.poll_event(), Some(Event::Ready));
        self.frames();
    }

    pub(crate) fn receive(&mut self, bytes: &[u8]) -> Result<(), Closed> {
        self.connection.receive(bytes, self.now)
    }

    /// What was sent since the last call.
    pub(crate) fn frames(&mut self) -> Vec<Frame> {
        let output = self.connection.output().to_vec();
        self.connection.sent(output.len());
        let mut rest = output.as_slice();
        let mut frames = Vec::new();
        while rest.len() >= 9 {
            let length = u32::from_be_bytes([0, rest[0], rest[1], rest[2]]) as usize;
            frames.push(Frame {
                kind: rest[3],
                flags: rest[4],
                stream: u32::from_be_bytes([rest[5], rest[6], rest[7], rest[8]]),
                payload: rest[9..9 + length].to_vec(),
            });
            rest = &rest[9 + length..];
        }
        assert!(rest.is_empty());
        frames
    }

    /// A request that arrives; its stream.
    pub(crate) fn open(&mut self, number: u32, flags: u8, fields: &[(&str, &str)]) -> StreamId {
        self.receive(&frame(HEADERS, flags, number, &block(fields)))
            .expect("a sound request");
        loop {
            match self.connection.poll_event() {
                Some(Event::Opened(id)) => return id,
                Some(_) => {}
                None => panic!("nothing was opened"),
            }
        }
    }

    /// Everything that can be read of a stream, and what was said then.
    pub(crate) fn read(&mut self, id: StreamId) -> (String, Read) {
        let mut text = Vec::new();
        let mut buffer = [0; 1000];
        loop {
            match self.connection.read(id, &mut buffer) {
                Read::Bytes(count) => text.extend_from_slice(&buffer[..count]),
                end => return (String::from_utf8(text).expect("text"), end),
            }
        }
    }

    pub(crate) fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.connection.poll_event()).collect()
    }
}
