//! `Content-Length` and `Transfer-Encoding`: where the body ends (RFC 9112 6).

use crate::bytes::{is_token, trim};
use crate::fault::Fault;
use crate::field::{Field, FieldId};
use crate::line::Version;

/// How a request's body is delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RequestFraming {
    /// There is no body.
    #[default]
    None,
    /// So many bytes, at most 2^63 - 1.
    Length(u64),
    /// Chunks.
    Chunked,
}

/// How a response's body is delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ResponseFraming {
    /// There is no body, whatever the fields say.
    #[default]
    None,
    /// So many bytes, at most 2^63 - 1.
    Length(u64),
    /// Chunks.
    Chunked,
    /// Everything until the backend closes.
    UntilClose,
}

/// Most digits of a `Content-Length`; 2^63 - 1 has 19.
const LENGTH_DIGITS: usize = 19;

/// What the framing fields of a message say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Declared {
    Nothing,
    Length(u64),
    Chunked,
}

/// Reads the framing fields. A `Content-Length` line that is not in its plainest form is unmarked, to be written anew.
pub(crate) fn declared(buffer: &[u8], fields: &mut [Field], version: Version) -> Result<Declared, Fault> {
    let mut length = None;
    let mut codings = 0;
    for field in &mut *fields {
        if field.id == FieldId::ContentLength {
            if length.is_some() {
                return Err(Fault::LengthRepeated);
            }
            let value = field.value.of(buffer);
            length = Some(content_length(value)?);
            let plain = value.len() == 1 || value[0] != b'0';
            field.forward &= plain && field.is_tight(buffer);
        } else if field.id == FieldId::TransferEncoding {
            codings += 1;
        }
    }
    match (length, codings) {
        (None, 0) => Ok(Declared::Nothing),
        (Some(length), 0) => Ok(Declared::Length(length)),
        (Some(_), _) => Err(Fault::LengthAndCoding),
        (None, _) if version == Version::Http10 => Err(Fault::CodingInOldVersion),
        (None, _) => chunked_exactly(buffer, fields).map(|()| Declared::Chunked),
    }
}

fn content_length(value: &[u8]) -> Result<u64, Fault> {
    if value.is_empty() || value.len() > LENGTH_DIGITS {
        return Err(Fault::Length);
    }
    let mut length = 0u64;
    for &byte in value {
        if !byte.is_ascii_digit() {
            return Err(Fault::Length);
        }
        length = length * 10 + u64::from(byte - b'0');
    }
    if length > i64::MAX as u64 {
        return Err(Fault::Length);
    }
    Ok(length)
}

/// `chunked` and nothing else, once. A well-formed list that ends in it, which may be on several lines, asks for codings
/// that we do not have.
fn chunked_exactly(buffer: &[u8], fields: &[Field]) -> Result<(), Fault> {
    let codings = fields.iter().filter(|field| field.id == FieldId::TransferEncoding);
    let mut lines = codings.map(|field| field.value.of(buffer));
    let first = lines.next().unwrap_or(b"");
    let Some(second) = lines.next() else {
        return match first.eq_ignore_ascii_case(b"chunked") {
            true => Ok(()),
            false if is_chunked_after_others([first].into_iter()) => Err(Fault::CodingUnknown),
            false => Err(Fault::CodingNotChunked),
        };
    };
    match is_chunked_after_others([first, second].into_iter().chain(lines)) {
        true => Err(Fault::CodingUnknown),
        false => Err(Fault::CodingRepeated),
    }
}

/// Other codings, and `chunked` once at the end.
fn is_chunked_after_others<'a>(lines: impl Iterator<Item = &'a [u8]>) -> bool {
    let mut codings = lines
        .flat_map(|line| line.split(|&byte| byte == b','))
        .map(trim)
        .peekable();
    let mut others = 0;
    while let Some(coding) = codings.next() {
        let is_last = codings.peek().is_none();
        if is_last {
            return others > 0 && coding.eq_ignore_ascii_case(b"chunked");
        }
        if !is_other_coding(coding) {
            return false;
        }
        others += 1;
    }
    false
}

/// A well-formed coding that is neither `chunked` nor the `identity` of old.
fn is_other_coding(coding: &[u8]) -> bool {
    let mut parts = coding.split(|&byte| byte == b';').map(trim);
    let name = parts.next().unwrap_or(b"");
    let ours = name.eq_ignore_ascii_case(b"chunked") || name.eq_ignore_ascii_case(b"identity");
    !ours && is_token(name) && parts.all(is_parameter)
}

/// `name=value`, both tokens.
fn is_parameter(text: &[u8]) -> bool {
    let mut sides = text.splitn(2, |&byte| byte == b'=').map(trim);
    sides.next().is_some_and(is_token) && sides.next().is_some_and(is_token)
}
