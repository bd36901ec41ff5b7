//! Prints nanoseconds per request of our own code, server's side: the request is received, its text read, an answer of
//! 128 bytes written, the stream closed. 32 streams at a time, the best of several rounds.
//! `cargo run --release -p evenkeel-http2 --example cost`

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use evenkeel_http2::{Connection, Event, Read, Settings, Write};
use evenkeel_model::Moment;
use std::hint::black_box;
use std::time::Instant;

/// Streams at a time, as h2load has them.
const STREAMS: u32 = 32;
/// Batches in one round.
const BATCHES: u32 = 200;
/// Rounds; the best one is printed, the others were disturbed.
const ROUNDS: u32 = 300;

const ANSWER_HEAD: &str = "HTTP/1.1 200 OK\r\nServer: origin\r\nContent-Type: application/octet-stream\r\n\
    Content-Length: 128\r\nCache-Control: none\r\n\r\n";

fn request(name: &str, text: &str) {
    let mut best = f64::MAX;
    let mut answer = ANSWER_HEAD.as_bytes().to_vec();
    answer.extend_from_slice(&[b'x'; 128]);
    for _ in 0..ROUNDS {
        let settings = Settings::default();
        // The requests of all batches, as a client writes them.
        let mut client = Connection::client(&settings, Moment::ZERO);
        let mut server = Connection::server(&settings, Moment::ZERO);
        let mut batches = Vec::new();
        for _ in 0..BATCHES {
            for _ in 0..STREAMS {
                let id = client.open().unwrap();
                assert_eq!(client.write(id, text.as_bytes()), Write::Took(text.len()));
                client.reset(id, evenkeel_http2::ErrorCode::CANCEL);
                client.close(id);
            }
            let output = without_resets(client.output());
            batches.push(output);
            client.sent(usize::MAX / 2);
        }
        let mut buffer = vec![0; 16 * 1024];
        let start = Instant::now();
        for batch in &batches {
            server.receive(batch, Moment::ZERO).unwrap();
            while let Some(event) = server.poll_event() {
                let Event::Opened(id) = event else { continue };
                let Read::Bytes(count) = server.read(id, &mut buffer) else {
                    panic!()
                };
                black_box(&buffer[..count]);
                assert_eq!(server.write(id, &answer), Write::Took(answer.len()));
                server.close(id);
            }
            black_box(server.output());
            server.sent(server.output().len());
        }
        best = best.min(start.elapsed().as_nanos() as f64 / f64::from(BATCHES * STREAMS));
    }
    println!("{name:20} {best:8.1} ns a request");
}

/// The frames but `RST_STREAM`.
fn without_resets(mut bytes: &[u8]) -> Vec<u8> {
    let mut kept = Vec::new();
    if bytes.starts_with(b"PRI") {
        kept.extend_from_slice(&bytes[..24]);
        bytes = &bytes[24..];
    }
    while bytes.len() >= 9 {
        let length = u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]]) as usize;
        let (frame, rest) = bytes.split_at(9 + length);
        if frame[3] != 3 {
            kept.extend_from_slice(frame);
        }
        bytes = rest;
    }
    kept
}

/// What a frame that is only a burden costs: `bytes` are made for a number, and count as so many frames.
fn burden(name: &str, frames: u32, make: impl Fn(u32) -> Vec<u8>) {
    let mut best = f64::MAX;
    for _ in 0..ROUNDS {
        let mut server = Connection::server(&Settings::default(), Moment::ZERO);
        let mut greeting = evenkeel_http2::PREFACE.to_vec();
        greeting.extend_from_slice(b"\0\0\0\x04\0\0\0\0\0\0\0\0\x04\x01\0\0\0\0");
        server.receive(&greeting, Moment::ZERO).unwrap();
        // Within the burst of every limit.
        let bytes: Vec<u8> = (0..90).flat_map(&make).collect();
        let start = Instant::now();
        server.receive(&bytes, Moment::ZERO).unwrap();
        while let Some(event) = server.poll_event() {
            if let Event::Opened(id) | Event::Ended(id) = event {
                server.close(id);
            }
        }
        best = best.min(start.elapsed().as_nanos() as f64 / f64::from(90 * frames));
    }
    println!("{name:20} {best:8.1} ns a frame");
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    bytes.extend_from_slice(&[kind, flags]);
    bytes.extend_from_slice(&stream.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

fn main() {
    // :method GET, :scheme http, :path /, :authority www.example.com
    let get = b"\x82\x86\x84\x41\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff";
    burden("rapid reset", 2, |count| {
        let number = 2 * count + 1;
        [frame(1, 5, number, get), frame(3, 0, number, &[0, 0, 0, 8])].concat()
    });
    burden("malformed request", 1, |count| frame(1, 5, 2 * count + 1, &get[..3]));
    burden("ping", 1, |_| frame(6, 0, 0, &[0; 8]));
    burden("window update", 1, |_| frame(8, 0, 0, &[0, 0, 0, 1]));
    burden("priority", 1, |_| frame(2, 0, 1, &[0; 5]));
    request(
        "small",
        "GET / HTTP/1.1\r\nhost: 127.0.0.1:8080\r\nuser-agent: h2load nghttp2/1.52.0\r\n\r\n",
    );
    request(
        "browser",
        "GET /shop/products/list?category=shoes&sort=price&page=3 HTTP/1.1\r\n\
        Host: www.example.com\r\n\
        User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n\
        Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n\
        Accept-Language: en-US,en;q=0.5\r\n\
        Accept-Encoding: gzip, deflate, br, zstd\r\n\
        Referer: https://www.example.com/shop/products/list?category=shoes&sort=price&page=2\r\n\
        Cookie: session=0123456789abcdef0123456789abcdef; theme=dark; consent=yes; visitor=4711\r\n\
        Sec-Fetch-Dest: document\r\n\r\n",
    );
}
