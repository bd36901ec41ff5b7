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
    let mut coding = None;
    for field in fields {
        let value = field.value.of(buffer);
        if field.id == FieldId::ContentLength {
            if length.is_some() {
                return Err(Fault::LengthRepeated);
            }
            length = Some(content_length(value)?);
            let plain = value.len() == 1 || value[0] != b'0';
            field.forward &= plain && field.is_tight(buffer);
        } else if field.id == FieldId::TransferEncoding && coding.replace(value).is_some() {
            return Err(Fault::CodingRepeated);
        }
    }
    match (length, coding) {
        (None, None) => Ok(Declared::Nothing),
        (Some(length), None) => Ok(Declared::Length(length)),
        (Some(_), Some(_)) => Err(Fault::LengthAndCoding),
        (None, Some(_)) if version == Version::Http10 => Err(Fault::CodingInOldVersion),
        (None, Some(coding)) => chunked_exactly(coding).map(|()| Declared::Chunked),
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

/// `chunked` and nothing else. A well-formed list that ends in it asks for codings that we do not have.
fn chunked_exactly(value: &[u8]) -> Result<(), Fault> {
    if value.eq_ignore_ascii_case(b"chunked") {
        return Ok(());
    }
    let mut codings = value.rsplit(|&byte| byte == b',').map(trim);
    let last = codings.next().unwrap_or(b"");
    let mut others = 0;
    for coding in codings {
        let mut parts = coding.split(|&byte| byte == b';').map(trim);
        let name = parts.next().unwrap_or(b"");
        let known_wrong = name.eq_ignore_ascii_case(b"chunked") || name.eq_ignore_ascii_case(b"identity");
        if known_wrong || !is_token(name) || !parts.all(is_parameter) {
            return Err(Fault::CodingNotChunked);
        }
        others += 1;
    }
    if others == 0 || !last.eq_ignore_ascii_case(b"chunked") {
        return Err(Fault::CodingNotChunked);
    }
    Err(Fault::CodingUnknown)
}

/// `name=value`, both tokens.
fn is_parameter(text: &[u8]) -> bool {
    let mut sides = text.splitn(2, |&byte| byte == b'=').map(trim);
    sides.next().is_some_and(is_token) && sides.next().is_some_and(is_token)
}
