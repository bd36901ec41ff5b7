//! base64url without padding (RFC 4648 5) of a whole number of three bytes: one text for each value, and back.

use super::{PLAIN_BYTES, VALUE_BYTES};

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

pub(super) fn encode(plain: &[u8; PLAIN_BYTES]) -> [u8; VALUE_BYTES] {
    let mut text = [0; VALUE_BYTES];
    for (three, four) in plain.chunks_exact(3).zip(text.chunks_exact_mut(4)) {
        let bits = u32::from_be_bytes([0, three[0], three[1], three[2]]);
        for (place, letter) in four.iter_mut().enumerate() {
            *letter = LETTERS[(bits >> (18 - 6 * place)) as usize & 63];
        }
    }
    text
}

/// `None` when a letter is none.
pub(super) fn decode(text: &[u8; VALUE_BYTES]) -> Option<[u8; PLAIN_BYTES]> {
    let mut plain = [0; PLAIN_BYTES];
    for (four, three) in text.chunks_exact(4).zip(plain.chunks_exact_mut(3)) {
        let mut bits = 0;
        for letter in four {
            bits = (bits << 6) | value(*letter)?;
        }
        three.copy_from_slice(&bits.to_be_bytes()[1..]);
    }
    Some(plain)
}

fn value(letter: u8) -> Option<u32> {
    let value = match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'-' => 62,
        b'_' => 63,
        _ => return None,
    };
    Some(u32::from(value))
}
