//! A client and a server, and chance.
#![allow(dead_code)]

pub(crate) mod wire;

use evenkeel_http2::{Connection, Event, Read, Settings, StreamId, Write};
use evenkeel_model::Moment;

/// xorshift64*.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % most.max(1)
    }
}

impl Random {
    /// Below one bound or the other.
    pub(crate) fn either(&mut self, one: usize, other: usize) -> usize {
        let most = if self.below(2) == 0 { one } else { other };
        self.below(most)
    }
}

pub(crate) struct Pair {
    pub(crate) client: Connection,
    pub(crate) server: Connection,
    random: Random,
}

impl Pair {
    pub(crate) fn new(settings: &Settings, seed: u64) -> Pair {
        Pair {
            client: Connection::client(settings, Moment::ZERO),
            server: Connection::server(settings, Moment::ZERO),
            random: Random(seed),
        }
    }

    /// Carries bytes in random pieces until there are none.
    pub(crate) fn run(&mut self) {
        while !(self.client.output().is_empty() && self.server.output().is_empty()) {
            let Pair { client, server, random } = self;
            for up in [true, false] {
                let (from, to) = match up {
                    true => (&mut *client, &mut *server),
                    false => (&mut *server, &mut *client),
                };
                let length = from.output().len();
                let piece = 1 + random.either(40, 20_000);
                let piece = from.output()[..piece.min(length)].to_vec();
                from.sent(piece.len());
                to.receive(&piece, Moment::ZERO).expect("a sound connection");
            }
        }
    }

    /// The stream that the server is told of.
    pub(crate) fn opened(&mut self) -> StreamId {
        for _ in 0..100 {
            match self.server.poll_event() {
                Some(Event::Opened(id)) => return id,
                Some(_) => {}
                None => break,
            }
        }
        panic!("nothing was opened");
    }

    fn side(&mut self, client: bool) -> &mut Connection {
        if client { &mut self.client } else { &mut self.server }
    }

    /// Writes all of `text` in random pieces.
    pub(crate) fn write(&mut self, client: bool, id: StreamId, text: &[u8], random: &mut Random) {
        let mut at = 0;
        let mut idle = 0;
        while at < text.len() {
            let piece = 1 + random.either(10, 1000);
            let piece = &text[at..(at + piece).min(text.len())];
            match self.side(client).write(id, piece) {
                Write::Took(0) => idle += 1,
                Write::Took(count) => {
                    at += count;
                    idle = 0;
                }
                Write::Broken(code) => panic!("broken: {code:?}"),
            }
            assert!(idle < 100, "nothing is taken");
            if random.below(2) == 0 {
                self.run();
            }
        }
        self.run();
    }

    /// Reads until the end, with buffers of random sizes.
    pub(crate) fn read_all(&mut self, client: bool, id: StreamId, random: &mut Random) -> Vec<u8> {
        let mut text = Vec::new();
        let mut idle = 0;
        loop {
            let mut buffer = vec![0; 1 + random.either(7, 5000)];
            match self.side(client).read(id, &mut buffer) {
                Read::Bytes(count) => text.extend_from_slice(&buffer[..count]),
                Read::Nothing => {
                    self.run();
                    idle += 1;
                    assert!(idle < 100, "nothing comes after {}", String::from_utf8_lossy(&text));
                }
                Read::End => return text,
                Read::Broken(code) => panic!("broken: {code:?}"),
            }
        }
    }
}

/// The text with the chunks of its body joined into one.
pub(crate) fn joined(text: &[u8]) -> String {
    let text = String::from_utf8(text.to_vec()).expect("text");
    let Some(split) = text.rfind("transfer-encoding: chunked\r\n\r\n") else {
        return text;
    };
    let (head, mut body) = text.split_at(split + "transfer-encoding: chunked\r\n\r\n".len());
    let mut content = String::new();
    loop {
        let (size, rest) = body.split_once("\r\n").expect("a size");
        let size = usize::from_str_radix(size, 16).expect("a size");
        if size == 0 {
            return format!("{head}{:x}\r\n{content}\r\n0\r\n{rest}", content.len());
        }
        content.push_str(&rest[..size]);
        body = rest[size..].strip_prefix("\r\n").expect("the end of a chunk");
    }
}
