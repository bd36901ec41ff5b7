//! The laws on frames that are mostly sound, made by chance.

#![allow(unreachable_pub)]

mod kit;
mod laws;

use kit::Random;
use kit::wire::{block, frame};

/// A frame that a peer could send, with a fault here and there.
fn some_frame(random: &mut Random, is_client: bool, out: &mut Vec<u8>) {
    let number = 1 + 2 * random.below(8) as u32;
    let numbers = ["0", "5", "7", "x"];
    let fields: Vec<(&str, &str)> = match (is_client, random.below(8)) {
        (_, 0) => vec![("x-trailer", "y")],
        (true, 1) => vec![
            (":method", "CONNECT"),
            (":protocol", "websocket"),
            (":scheme", "http"),
            (":path", "/"),
            (":authority", "a"),
        ],
        (true, _) => vec![
            (":method", ["GET", "POST", "HEAD"][random.below(3)]),
            (":scheme", "http"),
            (":path", ["/", "/x", "y", "/a b"][random.either(2, 4)]),
            (":authority", "a"),
            (
                ["x", "content-length", "cookie", "Connection"][random.either(3, 4)],
                numbers[random.below(4)],
            ),
        ],
        (false, _) => vec![
            (":status", ["200", "204", "103", "404", "abc"][random.either(4, 5)]),
            (
                ["x", "content-length", "server", "te"][random.either(3, 4)],
                numbers[random.below(4)],
            ),
        ],
    };
    let content = vec![b'c'; random.either(6, 400)];
    let flags = [0, 1, 4, 5, 5, 4][random.below(6)];
    match random.below(14) {
        0..6 => out.extend(frame(1, flags | 4, number, &block(&fields))),
        6..10 => out.extend(frame(0, flags & 1, number, &content)),
        10 => out.extend(frame(3, 0, number, &[0, 0, 0, random.below(14) as u8])),
        11 => out.extend(frame(
            8,
            0,
            number * (random.below(2) as u32),
            &[0, 0, random.below(20) as u8, 9],
        )),
        12 => out.extend(frame(
            4,
            0,
            0,
            &[0, [1, 3, 4, 5][random.below(4)], 0, 0, random.either(2, 255) as u8, 0],
        )),
        _ => out.extend(frame(random.below(11) as u8, random.below(256) as u8, number, &content)),
    }
}

#[test]
fn whatever_a_peer_sends() {
    for seed in 1..3000 {
        let mut random = Random(seed);
        for is_client in [true, false] {
            let mut bytes: Vec<u8> = (0..5).map(|_| random.below(256) as u8).collect();
            for _ in 0..random.below(60) {
                some_frame(&mut random, is_client, &mut bytes);
            }
            if random.below(4) == 0 && bytes.len() > 5 {
                let at = 5 + random.below(bytes.len() - 5);
                bytes[at] = random.below(256) as u8;
            }
            match is_client {
                true => laws::server(&bytes),
                false => laws::client(&bytes),
            }
        }
        let noise: Vec<u8> = (0..random.below(200)).map(|_| random.below(256) as u8).collect();
        laws::hpack(&noise);
    }
}
