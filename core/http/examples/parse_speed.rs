//! Prints nanoseconds per parse and per parse with write, the best of several rounds.
//! `cargo run --release -p evenkeel-http --example parse_speed`

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use evenkeel_http::{Answer, Asked, Forward, Limits, RequestHead, ResponseHead};
use std::hint::black_box;
use std::time::Instant;

/// Calls in one round.
const CALLS: u32 = 2_000;
/// Rounds; the best one is printed, the others were disturbed.
const ROUNDS: u32 = 500;

const SMALL: &[u8] = b"GET / HTTP/1.1\r\nHost: example.com:8080\r\n\r\n";
const BROWSER: &[u8] = b"GET /shop/products/list?category=shoes&sort=price&page=3 HTTP/1.1\r\n\
    Host: www.example.com\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n\
    Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n\
    Accept-Language: en-US,en;q=0.5\r\n\
    Accept-Encoding: gzip, deflate, br, zstd\r\n\
    Referer: https://www.example.com/shop/products/list?category=shoes&sort=price&page=2\r\n\
    DNT: 1\r\n\
    Connection: keep-alive\r\n\
    Cookie: session=0123456789abcdef0123456789abcdef; theme=dark; consent=yes; visitor=4711\r\n\
    Upgrade-Insecure-Requests: 1\r\n\
    Sec-Fetch-Dest: document\r\n\
    Sec-Fetch-Mode: navigate\r\n\
    Sec-Fetch-Site: same-origin\r\n\
    Priority: u=0, i\r\n\r\n";
const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\nServer: origin\r\nContent-Type: application/octet-stream\r\n\
    Content-Length: 128\r\nCache-Control: none\r\n\r\n";

fn best(name: &str, size: usize, mut call: impl FnMut()) {
    let mut best = f64::MAX;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for _ in 0..CALLS {
            call();
        }
        best = best.min(start.elapsed().as_nanos() as f64 / f64::from(CALLS));
    }
    println!("{name:32} {size:5} bytes {best:8.1} ns");
}

fn main() {
    let limits = Limits::default();
    let forward = Forward {
        client_address: b"192.0.2.7",
        trusted: false,
        scheme: b"http",
        request_id: b"0123456789abcdef0123456789abcdef",
        backend: b"10.0.0.1:80",
    };
    let mut request = RequestHead::default();
    let mut response = ResponseHead::default();
    let mut out = Vec::with_capacity(4096);
    for (name, bytes) in [("small request", SMALL), ("browser request", BROWSER)] {
        best(&format!("{name}: parse"), bytes.len(), || {
            request.reset();
            request.parse(black_box(bytes), &limits).unwrap();
            black_box(&request);
        });
        best(&format!("{name}: parse and write"), bytes.len(), || {
            request.reset();
            request.parse(black_box(bytes), &limits).unwrap();
            out.clear();
            request.write(bytes, &forward, &mut out);
            black_box(&out);
        });
    }
    best("response: parse", RESPONSE.len(), || {
        response.reset();
        response.parse(black_box(RESPONSE), Asked::default(), &limits).unwrap();
        black_box(&response);
    });
    best("response: parse and write", RESPONSE.len(), || {
        response.reset();
        response.parse(black_box(RESPONSE), Asked::default(), &limits).unwrap();
        let framing = response.answer_framing(request.version);
        out.clear();
        response.write(
            RESPONSE,
            &Answer {
                client_version: request.version,
                keep_alive: true,
                framing,
                date: None,
            },
            &mut out,
        );
        black_box(&out);
    });
}
