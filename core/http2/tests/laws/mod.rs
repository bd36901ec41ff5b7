//! What holds whatever a peer sends. The fuzz targets and the tests check the same.
//!
//! The first bytes of an input choose how its user behaves, the others are what the peer sends behind its greeting.

use evenkeel_http::{Asked, Body, Limits, Parsed, RequestHead, ResponseHead};
use evenkeel_http2::{Connection, ErrorCode, Event, PREFACE, Read, Settings, StreamId, Write};
use evenkeel_model::Moment;
use std::collections::HashMap;
use std::time::Duration;

/// Bytes that may wait for the peer however it behaves: what `Connection::room` allows, what may be unread, and a head.
const MOST_OUTPUT: usize = 512 * 1024;
/// Bytes of the greeting: options and a seed.
const CHOICES: usize = 5;

const ANSWERS: [&[u8]; 6] = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nServer: x\r\n\r\nhello",
    b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx: y\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\ntunnel",
    b"HTTP/1.1 200 OK\r\n\r\nuntil the end",
    b"HTTP/1.1 broken\r\n\r\n",
];
const REQUESTS: [&[u8]; 6] = [
    b"GET / HTTP/1.1\r\nHost: a\r\nx: y\r\n\r\n",
    b"HEAD /head HTTP/1.1\r\nhost: a\r\n\r\n",
    b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello",
    b"PUT / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx: y\r\n\r\n",
    b"GET /chat HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: \
      dGhlIHNhbXBsZSBub25jZQ==\r\n\r\ntunnel",
    b"BROKEN\r\n\r\n",
];

struct Random(u64);

impl Random {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % most.max(1)
    }
}

/// What the user has read of a stream and is writing to it.
#[derive(Default)]
struct Use {
    text: Vec<u8>,
    message: usize,
    written: usize,
    done: bool,
}

struct User {
    connection: Connection,
    random: Random,
    is_server: bool,
    uses: HashMap<StreamId, Use>,
    wire: Vec<u8>,
    now: Moment,
}

/// Bytes from a client.
pub fn server(bytes: &[u8]) {
    let Some((mut user, rest)) = User::new(bytes, true) else {
        return;
    };
    let mut greeting = PREFACE.to_vec();
    greeting.extend_from_slice(b"\0\0\0\x04\0\0\0\0\0\0\0\0\x04\x01\0\0\0\0");
    user.run(&greeting, rest);
}

/// Bytes from a server.
pub fn client(bytes: &[u8]) {
    let Some((mut user, rest)) = User::new(bytes, false) else {
        return;
    };
    for message in 0..REQUESTS.len() {
        if let Some(id) = user.connection.open() {
            let its = Use {
                message,
                ..Use::default()
            };
            user.uses.insert(id, its);
            user.write(id);
        }
    }
    user.run(b"\0\0\x06\x04\0\0\0\0\0\0\x08\0\0\0\x01\0\0\0\x04\x01\0\0\0\0", rest);
}

/// Field blocks, cut by 0xff 0x00, each as a request.
pub fn hpack(bytes: &[u8]) {
    let mut wire = Vec::from([0; CHOICES]);
    let mut number = 1u32;
    let mut rest = bytes;
    while !rest.is_empty() {
        let end = rest.windows(2).position(|two| two == [0xff, 0]).unwrap_or(rest.len());
        let block = &rest[..end.min(16_384)];
        rest = rest.get(end + 2..).unwrap_or(&[]);
        wire.extend_from_slice(&(block.len() as u32).to_be_bytes()[1..]);
        wire.extend_from_slice(&[1, 5]);
        wire.extend_from_slice(&number.to_be_bytes());
        wire.extend_from_slice(block);
        number += 2;
    }
    server(&wire);
}

impl User {
    fn new(bytes: &[u8], is_server: bool) -> Option<(User, &[u8])> {
        let (choices, rest) = bytes.split_first_chunk::<CHOICES>()?;
        let settings = Settings {
            max_concurrent_streams: [128, 2][usize::from(choices[0] & 1)],
            stream_window: [256 * 1024, 50][usize::from(choices[0] >> 1 & 1)],
            connection_window: [1024 * 1024, 65_535][usize::from(choices[0] >> 2 & 1)],
            max_head_bytes: [32 * 1024, 300][usize::from(choices[0] >> 3 & 1)],
            ..Settings::default()
        };
        let seed = u32::from_be_bytes([choices[1], choices[2], choices[3], choices[4]]);
        let connection = match is_server {
            true => Connection::server(&settings, Moment::ZERO),
            false => Connection::client(&settings, Moment::ZERO),
        };
        let user = User {
            connection,
            random: Random(u64::from(seed) + 1),
            is_server,
            uses: HashMap::new(),
            wire: Vec::new(),
            now: Moment::ZERO,
        };
        Some((user, rest))
    }

    fn run(&mut self, greeting: &[u8], bytes: &[u8]) {
        self.connection.receive(greeting, self.now).expect("the greeting");
        let mut rest = bytes;
        while !rest.is_empty() {
            let most = [3, 40, 1000, 20_000][self.random.below(4)];
            let piece = (1 + self.random.below(most)).min(rest.len());
            let received = self.connection.receive(&rest[..piece], self.now);
            rest = &rest[piece..];
            self.act();
            if let Err(closed) = received {
                assert!(self.connection.is_finished());
                self.drain();
                self.judge_end(closed.code);
                return;
            }
        }
        if self.random.below(2) == 0 {
            self.connection.go_away(self.now);
        }
        self.now = self.now + Duration::from_secs(20);
        let _ = self.connection.handle_timeout(self.now);
        self.act();
        for id in Vec::from_iter(self.uses.keys().copied()) {
            self.connection.close(id);
        }
        // Those that were opened and never heard of.
        while let Some(event) = self.connection.poll_event() {
            if let Event::Opened(id) = event {
                self.connection.close(id);
            }
        }
        assert_eq!(self.connection.streams(), 0);
        self.drain();
        self.frames();
    }

    fn act(&mut self) {
        for _ in 0..100 {
            let Some(event) = self.connection.poll_event() else {
                break;
            };
            match event {
                Event::Opened(id) => {
                    let message = self.random.below(ANSWERS.len());
                    let before = self.uses.insert(
                        id,
                        Use {
                            message,
                            ..Use::default()
                        },
                    );
                    assert!(before.is_none(), "a name is given twice");
                    self.read(id);
                    self.write(id);
                }
                Event::Readable(id) => self.read(id),
                Event::Writable(id) => self.write(id),
                Event::Ended(id) => {
                    assert!(matches!(self.connection.read(id, &mut [0; 9]), Read::Broken(_)));
                    assert!(matches!(self.connection.write(id, b"x"), Write::Broken(_)));
                    self.close(id);
                }
                Event::GoAway | Event::Ready => {}
            }
        }
        for id in Vec::from_iter(self.uses.keys().copied()) {
            match self.random.below(40) {
                0 => self.close(id),
                1 => self.connection.reset(id, ErrorCode::CANCEL),
                2 => self.connection.end_writing(id),
                3..10 => self.read(id),
                10..20 => self.write(id),
                _ => {}
            }
        }
        assert!(self.connection.output().len() < MOST_OUTPUT);
        if self.random.below(4) > 0 {
            self.drain();
        }
    }

    fn close(&mut self, id: StreamId) {
        self.connection.close(id);
        self.uses.remove(&id);
    }

    fn drain(&mut self) {
        let output = self.connection.output();
        self.wire.extend_from_slice(output);
        let length = output.len();
        self.connection.sent(length);
    }

    fn read(&mut self, id: StreamId) {
        let Some(its) = self.uses.get_mut(&id) else { return };
        loop {
            let mut buffer = vec![0; 1 + self.random.below([5, 3000][self.random.0 as usize % 2])];
            match self.connection.read(id, &mut buffer) {
                Read::Bytes(count) => {
                    assert!(count > 0 && count <= buffer.len());
                    its.text.extend_from_slice(&buffer[..count]);
                }
                Read::Nothing => return,
                Read::End if its.done => return,
                Read::End => {
                    its.done = true;
                    match self.is_server {
                        true => judge_request(&its.text),
                        false => judge_answer(&its.text, its.message),
                    }
                    return;
                }
                Read::Broken(_) => return,
            }
        }
    }

    fn write(&mut self, id: StreamId) {
        let Some(its) = self.uses.get_mut(&id) else { return };
        let message = match self.is_server {
            true => ANSWERS[its.message],
            false => REQUESTS[its.message],
        };
        while its.written < message.len() {
            let piece = 1 + self.random.below(30);
            let piece = &message[its.written..(its.written + piece).min(message.len())];
            match self.connection.write(id, piece) {
                Write::Took(0) | Write::Broken(_) => return,
                Write::Took(count) => {
                    assert!(count <= piece.len());
                    its.written += count;
                }
            }
        }
    }

    /// The last frame says why.
    fn judge_end(&mut self, code: ErrorCode) {
        let (kind, payload) = self.frames();
        assert_eq!(kind, 7);
        assert_eq!(payload.get(4..8), Some(&code.0.to_be_bytes()[..]));
    }

    /// Everything sent is whole frames of allowed sizes; the last one.
    fn frames(&self) -> (u8, Vec<u8>) {
        let mut rest = self.wire.as_slice();
        if !self.is_server {
            rest = rest.strip_prefix(PREFACE).expect("the preface");
        }
        let mut last = (0, Vec::new());
        while !rest.is_empty() {
            let length = u32::from_be_bytes([0, rest[0], rest[1], rest[2]]) as usize;
            assert!(length <= 16_384 && rest[3] <= 9);
            last = (rest[3], rest[9..9 + length].to_vec());
            rest = &rest[9 + length..];
        }
        last
    }
}

/// What was handed out as one request is one request for the grammar of HTTP/1.1, or refused by it.
fn judge_request(text: &[u8]) {
    let mut head = RequestHead::default();
    let Ok(parsed) = head.parse(text, &limits()) else {
        return;
    };
    assert_eq!(parsed, Parsed::Whole, "{}", text.escape_ascii());
    if head.upgrade.is_none() {
        judge_body(head.body(), &text[head.length..]);
    }
}

fn judge_answer(text: &[u8], message: usize) {
    let asked = Asked {
        head: message == 1,
        upgrade: message == 4,
    };
    let mut rest = text;
    loop {
        let mut head = ResponseHead::default();
        let Ok(parsed) = head.parse(rest, asked, &limits()) else {
            return;
        };
        assert_eq!(parsed, Parsed::Whole, "{}", text.escape_ascii());
        rest = &rest[head.length..];
        if head.upgrade {
            return;
        }
        if !head.is_interim() {
            return judge_body(head.body(), rest);
        }
    }
}

fn judge_body(mut body: Body, mut rest: &[u8]) {
    loop {
        let Ok(segment) = body.next(rest) else { return };
        if segment.length == 0 {
            assert!(body.ended() && rest.is_empty(), "{}", rest.escape_ascii());
            return;
        }
        rest = &rest[segment.length..];
    }
}

fn limits() -> Limits {
    Limits {
        head_bytes: 1024 * 1024,
        target_bytes: 1024 * 1024,
        fields: 100_000,
    }
}
