//! Entity tags (RFC 9110 8.8.3).

use evenkeel_model::Encoding;

/// What tells one version of a file from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Validators {
    /// A strong tag with its quotes.
    pub tag: Vec<u8>,
    /// When it was last changed, in seconds since 1970.
    pub modified: u64,
}

impl Validators {
    /// Of a file of `length` bytes, last changed `modified` seconds and `nanoseconds` after 1970, whose bytes are in this
    /// coding. Equal on every machine to which the file was copied with its time.
    pub fn new(modified: u64, nanoseconds: u32, length: u64, coding: Option<Encoding>) -> Validators {
        let suffix = match coding {
            None => "",
            Some(Encoding::Brotli) => "-br",
            Some(Encoding::Zstd) => "-zstd",
            Some(Encoding::Gzip) => "-gzip",
        };
        let tag = format!("\"{modified:x}.{nanoseconds:x}-{length:x}{suffix}\"").into_bytes();
        Validators { tag, modified }
    }
}

/// One tag of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tag<'a> {
    pub(crate) weak: bool,
    /// With its quotes.
    pub(crate) opaque: &'a [u8],
}

impl<'a> Tag<'a> {
    /// The tag at the beginning of `text`, and what follows.
    pub(crate) fn first(text: &'a [u8]) -> Option<(Tag<'a>, &'a [u8])> {
        let (weak, quoted) = match text.strip_prefix(b"W/") {
            Some(quoted) => (true, quoted),
            None => (false, text),
        };
        let inner = quoted.strip_prefix(b"\"")?;
        let end = inner.iter().position(|&byte| byte == b'"')?;
        let sound = inner[..end].iter().all(|&byte| byte > b' ' && byte != 0x7f);
        let (opaque, rest) = quoted.split_at(end + 2);
        sound.then_some((Tag { weak, opaque }, rest))
    }
}

/// Whether one of the tags in the lists is `tag` (or any will do: `*`). Weak tags match only where `weakly`.
pub(crate) fn matches(lists: &[&[u8]], tag: &[u8], weakly: bool) -> bool {
    lists.iter().any(|list| {
        let list = list.trim_ascii();
        list == b"*" || is_in(list, tag, weakly).unwrap_or(false)
    })
}

/// `None` = malformed.
fn is_in(mut list: &[u8], tag: &[u8], weakly: bool) -> Option<bool> {
    let mut found = false;
    loop {
        while let [b',' | b' ' | b'\t', rest @ ..] = list {
            list = rest;
        }
        if list.is_empty() {
            return Some(found);
        }
        let (one, rest) = Tag::first(list)?;
        found |= one.opaque == tag && (weakly || !one.weak);
        list = rest.trim_ascii_start();
        if !list.is_empty() && list[0] != b',' {
            return None;
        }
    }
}
