//! The laws, over the corpora of the fuzz targets and over seeded disturbances of them. A failure prints the seed.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod laws;

use std::path::Path;

/// Disturbed inputs of each kind.
const ROUNDS: u64 = 6_000;
/// Bytes that are likelier to hurt than others.
const SHARP: &[u8] = b"\r\n\t :;,=\"\\\0\x0b\x7f\xff0155aAfFgGxX%#?/*[]@+-";
/// Pieces that are likelier to hurt than bytes.
const PIECES: &[&[u8]] = &[
    b"\r\n",
    b"\r\n\r\n",
    b"\r\n ",
    b"\n",
    b"Content-Length: 5\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Host: h\r\n",
    b"Connection: close, a\r\n",
    b"Connection: upgrade\r\nUpgrade: websocket\r\n",
    b"chunked",
    b"http://h",
    b"0\r\n",
    b"A: b\r\n",
    b"Expect: 100-continue\r\n",
    b"X-Forwarded-For: a\r\n",
    b"HTTP/1.0",
    b"HTTP/1.1",
    b" 101 ",
    b"HEAD",
    b"OPTIONS",
    b"*",
    b";a=\"b\"",
    b"ffffffff",
    b"X-Request-Id: a\r\n",
    b"Trailer: a\r\n",
];

struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }
}

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/corpus")
        .join(name);
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    assert!(!paths.is_empty());
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

fn disturbed(seed: u64, samples: &[Vec<u8>]) -> Vec<u8> {
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    for _ in 0..8 {
        dice.below(2);
    }
    let mut bytes = samples[dice.below(samples.len())].clone();
    for _ in 0..1 + dice.below(4) {
        let place = dice.below(bytes.len() + 1);
        let end = (place + 1 + dice.below(8)).min(bytes.len());
        match dice.below(6) {
            0 => bytes.insert(place, SHARP[dice.below(SHARP.len())]),
            1 if place < bytes.len() => bytes[place] = SHARP[dice.below(SHARP.len())],
            2 if place < bytes.len() => bytes[place] = dice.below(256) as u8,
            3 => drop(bytes.drain(place.min(end)..end)),
            4 => {
                let other = &samples[dice.below(samples.len())];
                let start = dice.below(other.len() + 1);
                bytes.truncate(place);
                bytes.extend_from_slice(&other[start..]);
            }
            _ => drop(bytes.splice(place..place, PIECES[dice.below(PIECES.len())].iter().copied())),
        }
    }
    bytes
}

fn hold(name: &str, law: impl Fn(&[u8]) + std::panic::RefUnwindSafe) {
    let samples = corpus(name);
    let disturbances = (0..ROUNDS).map(|seed| (format!("seed {seed}"), disturbed(seed, &samples)));
    for (origin, bytes) in samples
        .iter()
        .map(|sample| ("corpus".to_owned(), sample.clone()))
        .chain(disturbances)
    {
        if std::panic::catch_unwind(|| law(&bytes)).is_err() {
            panic!("{origin}: {}", bytes.escape_ascii());
        }
    }
}

#[test]
fn requests() {
    hold("http_request", laws::request);
}

#[test]
fn responses() {
    hold("http_response", laws::response);
}

#[test]
fn bodies_in_chunks() {
    hold("chunked", laws::chunked);
}

/// Heads of both kinds, with orders in front of them.
#[test]
fn changed_heads() {
    let mut samples = corpus("http_request");
    samples.extend(corpus("http_response"));
    let mut dice = Dice(0xed17);
    for round in 0..ROUNDS {
        let orders: Vec<u8> = (0..dice.below(48))
            .map(|_| match dice.below(3) {
                0 => SHARP[dice.below(SHARP.len())],
                _ => dice.below(256) as u8,
            })
            .collect();
        let mut bytes = vec![orders.len() as u8];
        bytes.extend_from_slice(&orders);
        bytes.extend_from_slice(&samples[dice.below(samples.len())]);
        if std::panic::catch_unwind(|| laws::edited(&bytes)).is_err() {
            panic!("round {round}: {}", bytes.escape_ascii());
        }
    }
}

/// Not made from anything sound.
#[test]
fn noise() {
    let mut dice = Dice(0x5eed);
    for _ in 0..ROUNDS {
        let bytes: Vec<u8> = (0..dice.below(64)).map(|_| dice.below(256) as u8).collect();
        laws::request(&bytes);
        laws::response(&bytes);
        laws::chunked(&bytes);
    }
}
