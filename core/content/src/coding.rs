//! Whether an answer is compressed on its way, and what of its head changes then.

use crate::accept::Accepted;
use evenkeel_model::{Compress, Encoding, Name};

/// What is decided of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// It stays as it is.
    AsIs,
    /// It stays as it is for this client; others would get it in a coding, so caches must be told: `Vary`.
    Varies,
    /// It is sent in this coding.
    Coded(Encoding),
}

/// What matters of the head of an answer.
#[derive(Debug, Clone, Copy, Default)]
pub struct AnswerFacts<'a> {
    status: u16,
    length: Option<u64>,
    content_type: Option<&'a [u8]>,
    /// It is coded already, or is a part of something, or nobody may change it.
    fixed: bool,
    varies: bool,
}

impl<'a> AnswerFacts<'a> {
    /// Of an answer with this status, whose content has this length if that is known.
    pub fn new(status: u16, length: Option<u64>) -> AnswerFacts<'a> {
        AnswerFacts {
            status,
            length,
            ..AnswerFacts::default()
        }
    }

    /// Takes in one field of the answer's head; the name in any case.
    pub fn note(&mut self, name: &[u8], value: &'a [u8]) {
        let is = |known: &[u8]| name.eq_ignore_ascii_case(known);
        match name.len() {
            4 if is(b"vary") => self.varies |= names(value, b"accept-encoding") || names(value, b"*"),
            12 if is(b"content-type") => self.content_type = Some(value),
            13 if is(b"content-range") => self.fixed = true,
            13 if is(b"cache-control") => self.fixed |= names(value, b"no-transform"),
            16 if is(b"content-encoding") => self.fixed |= !value.trim_ascii().eq_ignore_ascii_case(b"identity"),
            _ => {}
        }
    }

    /// Whether `Vary` says already that the answer depends on `Accept-Encoding`.
    pub fn varies(&self) -> bool {
        self.varies
    }
}

/// Decides for a client that takes `accepted`. Only whole answers with content are compressed: 206 is a part of
/// something, 204 and 304 have none, and interim ones are not answers.
pub fn decide(facts: &AnswerFacts<'_>, accepted: Accepted, compress: &Compress) -> Coding {
    let has_content = matches!(facts.status, 200..=203 | 300..=303 | 307 | 308 | 400..=599);
    let large_enough = facts
        .length
        .is_none_or(|length| length >= compress.min_size && length > 0);
    let worth_it = facts.content_type.is_some_and(|text| is_among(text, &compress.types));
    if !has_content || !large_enough || facts.fixed || !worth_it {
        return Coding::AsIs;
    }
    match accepted.ranked(&compress.encodings).next() {
        Some(encoding) => Coding::Coded(encoding),
        None => Coding::Varies,
    }
}

/// Whether a field of the answer's head speaks of the very bytes that compression replaces and goes with them.
/// `ETag` stays, [weakened](weaken).
pub fn is_about_the_bytes(name: &[u8]) -> bool {
    const ABOUT: [&[u8]; 6] = [
        b"content-length",
        b"accept-ranges",
        b"content-md5",
        b"content-digest",
        b"repr-digest",
        b"digest",
    ];
    ABOUT.iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// A weak entity tag in place of `tag`: the compressed bytes are equal in meaning only (RFC 9110 8.8.1).
pub fn weaken(tag: &[u8], out: &mut Vec<u8>) {
    if !tag.starts_with(b"W/") {
        out.extend_from_slice(b"W/");
    }
    out.extend_from_slice(tag);
}

/// Whether a list of tokens (with parameters that do not matter) names this one, given in lower case.
fn names(list: &[u8], token: &[u8]) -> bool {
    list.split(|&byte| byte == b',')
        .any(|member| member.trim_ascii().eq_ignore_ascii_case(token))
}

fn is_among(content_type: &[u8], types: &[Name]) -> bool {
    let end = content_type.iter().position(|&byte| byte == b';');
    let essence = content_type[..end.unwrap_or(content_type.len())].trim_ascii();
    types.iter().any(|known| match known.strip_suffix('*') {
        Some(family) => essence
            .get(..family.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(family.as_bytes())),
        None => essence.eq_ignore_ascii_case(known.as_bytes()),
    })
}
