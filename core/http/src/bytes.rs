//! Classes of bytes, and scanning by them.

/// `tchar` of RFC 9110 5.6.2.
const TOKEN: [bool; 256] = table(b"!#$%&'*+-.^_`|~");
/// What `reg-name` of RFC 3986 3.2.2 may hold besides percent-encoded bytes, without the comma.
const HOST: [bool; 256] = table(b"-._~!$&'()*+;=");
/// What we take in a request target: visible ASCII without `#` (RFC 9112 3.2).
const TARGET: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0x21;
    while byte < 0x7f {
        table[byte] = byte != b'#' as usize;
        byte += 1;
    }
    table
};

const fn table(others: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let mut at = 0;
    while at < others.len() {
        table[others[at] as usize] = true;
        at += 1;
    }
    table
}

pub(crate) fn is_token_byte(byte: u8) -> bool {
    TOKEN[byte as usize]
}

pub(crate) fn is_target_byte(byte: u8) -> bool {
    TARGET[byte as usize]
}

pub(crate) fn is_host_byte(byte: u8) -> bool {
    HOST[byte as usize]
}

/// A whole token, not empty.
pub(crate) fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|&byte| is_token_byte(byte))
}

/// The first place at or after `at` that is not a token byte; `bytes.len()` when there is none.
pub(crate) fn skip_token(bytes: &[u8], mut at: usize) -> usize {
    // Names are letters and `-` nearly always: eight of them at once, and what is left one by one.
    while let Some(eight) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let strange = not_letter_or_dash(u64::from_le_bytes(*eight));
        if strange != 0 {
            at += (strange.trailing_zeros() / 8) as usize;
            break;
        }
        at += 8;
    }
    skip(bytes, at, &TOKEN)
}

/// Marks the high bit of every byte that is neither an ASCII letter nor `-`.
fn not_letter_or_dash(word: u64) -> u64 {
    let seven = word & !HIGH;
    let lower = seven | (LOW * 0x20);
    // Sums of two bytes below 0x80 stay within their byte: its high bit says whether a bound is reached.
    let from_a = lower + LOW * (0x80 - b'a' as u64);
    let beyond_z = lower + LOW * (0x80 - (b'z' as u64 + 1));
    let not_dash = (seven ^ (LOW * b'-' as u64)) + LOW * 0x7f;
    let letter = from_a & !beyond_z;
    ((!letter & not_dash) | word) & HIGH
}

/// The first place at or after `at` that may not be in a target; `bytes.len()` when there is none.
pub(crate) fn skip_target(bytes: &[u8], at: usize) -> usize {
    skip(bytes, at, &TARGET)
}

fn skip(bytes: &[u8], at: usize, table: &[bool; 256]) -> usize {
    let rest = &bytes[at.min(bytes.len())..];
    at + rest
        .iter()
        .position(|&byte| !table[byte as usize])
        .unwrap_or(rest.len())
}

const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// The first place at or after `at` that holds a control byte (TAB and DEL are some); `bytes.len()` when there is none.
pub fn skip_text(bytes: &[u8], mut at: usize) -> usize {
    while let Some(eight) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*eight);
        // The lowest marked byte is exact in both sums: a borrow can only mark bytes above a true one.
        let below_space = word.wrapping_sub(LOW * 0x20) & !word;
        let delete = word ^ (LOW * 0x7f);
        let marked = (below_space | (delete.wrapping_sub(LOW) & !delete)) & HIGH;
        if marked != 0 {
            return at + (marked.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    let rest = bytes.get(at..).unwrap_or(&[]);
    at + rest.iter().position(u8::is_ascii_control).unwrap_or(rest.len())
}

/// Without spaces and tabs at both ends (OWS, RFC 9110 5.6.3).
pub(crate) fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = text {
        text = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

/// Appends `number` in decimal.
pub(crate) fn write_decimal(mut number: u64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// Appends `number` in lower-case hexadecimal.
pub(crate) fn write_hexadecimal(mut number: u64, out: &mut Vec<u8>) {
    let mut digits = [0; 16];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b"0123456789abcdef"[(number % 16) as usize];
        number /= 16;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests;
