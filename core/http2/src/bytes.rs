//! Classes of bytes, scanning by them, and numbers in text.

pub(crate) use evenkeel_http::skip_text;

/// Whether `value` may be a field's value (RFC 9113 8.2.1, RFC 9110 5.5): no control bytes but tabs, no white space at
/// its ends.
pub(crate) fn is_value(value: &[u8]) -> bool {
    let is_space = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    if is_space(value.first()) || is_space(value.last()) {
        return false;
    }
    let mut at = skip_text(value, 0);
    while value.get(at) == Some(&b'\t') {
        at = skip_text(value, at + 1);
    }
    at >= value.len()
}

/// What a byte may be part of, as bits.
const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0x21;
    while byte < 0x7f {
        let this = byte as u8;
        if this.is_ascii_alphanumeric() {
            classes[byte] |= TOKEN;
        }
        if this != b'#' {
            classes[byte] |= TARGET;
        }
        byte += 1;
    }
    let others = b"!#$%&'*+-.^_`|~";
    let mut at = 0;
    while at < others.len() {
        classes[others[at] as usize] |= TOKEN;
        at += 1;
    }
    let mut byte = 0;
    while byte < 256 {
        if classes[byte] & TOKEN != 0 && !(byte as u8).is_ascii_uppercase() {
            classes[byte] |= LOWER;
        }
        byte += 1;
    }
    classes
};
/// `tchar` of RFC 9110 5.6.2.
const TOKEN: u8 = 1;
/// `tchar` without capital letters (RFC 9113 8.2.1).
const LOWER: u8 = 2;
/// Visible ASCII without `#`.
const TARGET: u8 = 4;

fn all(text: &[u8], class: u8) -> bool {
    !text.is_empty() && text.iter().all(|&byte| CLASSES[usize::from(byte)] & class != 0)
}

/// A token, not empty.
pub(crate) fn is_token(text: &[u8]) -> bool {
    all(text, TOKEN)
}

/// A token without capital letters, not empty.
pub(crate) fn is_lower_token(text: &[u8]) -> bool {
    all(text, LOWER)
}

/// Visible ASCII without `#`, not empty: what may be in a target or an authority, as far as this crate judges them.
pub(crate) fn is_target(text: &[u8]) -> bool {
    all(text, TARGET)
}

/// Most digits of a length; 2^63 - 1 has 19.
const LENGTH_DIGITS: usize = 19;

/// The value of a `content-length`, at most 2^63 - 1.
pub(crate) fn length(value: &[u8]) -> Option<u64> {
    if value.is_empty() || value.len() > LENGTH_DIGITS || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let length = value
        .iter()
        .fold(0u64, |length, &digit| length * 10 + u64::from(digit - b'0'));
    (length <= i64::MAX as u64).then_some(length)
}

/// Without spaces and tabs at both ends.
pub(crate) fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = text {
        text = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

/// Whether a comma-separated list has this element, in any case.
pub(crate) fn lists(value: &[u8], element: &[u8]) -> bool {
    value
        .split(|&byte| byte == b',')
        .any(|each| trim(each).eq_ignore_ascii_case(element))
}

/// A number in some base, without allocation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Digits {
    bytes: [u8; 20],
    start: usize,
}

impl Digits {
    pub(crate) fn new(mut number: u64, base: u64) -> Digits {
        let mut bytes = [0; 20];
        let mut start = bytes.len();
        loop {
            start -= 1;
            bytes[start] = b"0123456789abcdef"[(number % base) as usize];
            number /= base;
            if number == 0 {
                return Digits { bytes, start };
            }
        }
    }

    pub(crate) fn text(&self) -> &[u8] {
        &self.bytes[self.start..]
    }
}
