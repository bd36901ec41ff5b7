//! The request line (RFC 9112 3).

use super::{RequestHead, Sent};
use crate::bytes::{skip_target, skip_token};
use crate::fault::Fault;
use crate::field::Span;
use crate::host;
use crate::line::{Awaited, Limits, Version};
use crate::method::Method;

/// Empty lines before a request that are passed over (RFC 9112 2.2): some clients send one after a body.
const EMPTY_LINES: u8 = 8;
/// Most bytes of a method; registered ones have up to 17.
const METHOD_BYTES: usize = 64;
/// ` HTTP/1.x` and CRLF follow the target.
const VERSION_START: &[u8] = b"HTTP/1.";
/// Bytes of a version.
const VERSION_BYTES: usize = 8;

impl RequestHead {
    /// `Ok(false)`: not all of the line is here.
    pub(super) fn start_line(&mut self, window: &[u8], limits: &Limits) -> Result<bool, Fault> {
        if !self.skip_empty_lines(window)? {
            return Ok(self.scan.wait(window, Awaited::Anything));
        }
        let start = self.scan.position;
        let Some(method_end) = method_end(window, start)? else {
            return Ok(self.scan.wait(window, Awaited::Anything));
        };
        let target_start = method_end + 1;
        let Some(target_end) = target_end(window, target_start, limits.target_bytes)? else {
            let most = target_start - start + limits.target_bytes;
            return Ok(self.scan.wait(window, Awaited::TargetEnd { most }));
        };
        let Some((version, line_end)) = version(window, target_end + 1)? else {
            return Ok(self.scan.wait(window, Awaited::Anything));
        };
        self.method = Span::new(start, method_end);
        self.kind = Method::of(&window[start..method_end]);
        self.version = version;
        self.line_end = line_end as u32;
        self.take_target(window, target_start, target_end)?;
        self.scan.position = line_end;
        Ok(true)
    }

    fn skip_empty_lines(&mut self, window: &[u8]) -> Result<bool, Fault> {
        while let Some(b'\r') = window.get(self.scan.position) {
            match window.get(self.scan.position + 1) {
                None => return Ok(false),
                Some(b'\n') if self.scan.empty_lines < EMPTY_LINES => {
                    self.scan.empty_lines += 1;
                    self.scan.position += 2;
                }
                Some(b'\n') => return Err(Fault::EmptyLines),
                Some(_) => return Err(Fault::BareCarriageReturn),
            }
        }
        Ok(true)
    }

    fn take_target(&mut self, buffer: &[u8], start: usize, end: usize) -> Result<(), Fault> {
        let target = &buffer[start..end];
        self.target = Span::new(start, end);
        self.sent = if self.version == Version::Http11 {
            Sent::Verbatim
        } else {
            Sent::Target
        };
        if self.kind == Method::Connect {
            return Err(Fault::Connect);
        }
        if target.first() != Some(&b'/') {
            if target == b"*" && self.kind == Method::Options {
                self.path = self.target;
                return Ok(());
            }
            self.take_absolute(buffer, start, end)?;
        }
        self.split_query(buffer);
        Ok(())
    }

    fn split_query(&mut self, buffer: &[u8]) {
        let mark = self.target.of(buffer).iter().position(|&byte| byte == b'?');
        let mark = mark.map(|place| self.target.start + place as u32);
        let path_end = mark.unwrap_or(self.target.end);
        if self.sent != Sent::SlashTarget {
            self.path = Span {
                start: self.target.start,
                end: path_end,
            };
        }
        self.query = mark.map(|mark| Span {
            start: mark + 1,
            end: self.target.end,
        });
    }

    /// RFC 9112 3.2.2.
    fn take_absolute(&mut self, buffer: &[u8], start: usize, end: usize) -> Result<(), Fault> {
        let target = &buffer[start..end];
        let begins = |scheme: &[u8]| {
            target
                .get(..scheme.len())
                .is_some_and(|head| head.eq_ignore_ascii_case(scheme))
        };
        let (authority_start, default_port) = if begins(b"http://") {
            (start + 7, 80)
        } else if begins(b"https://") {
            (start + 8, 443)
        } else {
            return Err(Fault::TargetForm);
        };
        let length = buffer[authority_start..end]
            .iter()
            .position(|&byte| byte == b'/' || byte == b'?');
        let authority_end = length.map_or(end, |length| authority_start + length);
        host::host_length(&buffer[authority_start..authority_end])?;
        self.authority = Some(Span::new(authority_start, authority_end));
        self.default_port = default_port;
        self.target = Span::new(authority_end, end);
        self.sent = Sent::Target;
        if buffer.get(authority_end) != Some(&b'/') || authority_end == end {
            // The path is empty: `/` stands for it, and one is at hand in `//`.
            let slash = Span::new(authority_start - 1, authority_start);
            self.path = slash;
            if authority_end < end {
                self.sent = Sent::SlashTarget;
            } else {
                self.target = slash;
                self.sent = if self.kind == Method::Options {
                    Sent::Asterisk
                } else {
                    Sent::Target
                };
            }
        }
        Ok(())
    }
}

fn method_end(window: &[u8], start: usize) -> Result<Option<usize>, Fault> {
    let end = skip_token(window, start);
    if end - start > METHOD_BYTES {
        return Err(Fault::MethodTooLong);
    }
    match window.get(end) {
        None => Ok(None),
        Some(b' ') if end > start => Ok(Some(end)),
        Some(b'\n') => Err(Fault::BareLineFeed),
        Some(b' ' | b'\t' | b'\r') => Err(Fault::RequestLine),
        Some(_) => Err(Fault::Method),
    }
}

fn target_end(window: &[u8], start: usize, most: usize) -> Result<Option<usize>, Fault> {
    let end = skip_target(window, start);
    if end - start > most {
        return Err(Fault::TargetTooLong);
    }
    match window.get(end) {
        None => Ok(None),
        Some(b' ') if end > start => Ok(Some(end)),
        Some(b'\n') => Err(Fault::BareLineFeed),
        Some(b' ' | b'\r' | b'\t') => Err(Fault::RequestLine),
        Some(b'#') => Err(Fault::TargetFragment),
        Some(_) => Err(Fault::TargetByte),
    }
}

/// The version at `start`, and where its line ends.
fn version(window: &[u8], start: usize) -> Result<Option<(Version, usize)>, Fault> {
    let rest = &window[start.min(window.len())..];
    let known = rest.len().min(VERSION_START.len());
    if rest
        .first()
        .is_some_and(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
    {
        return Err(Fault::RequestLine);
    }
    if rest[..known] != VERSION_START[..known] {
        return Err(Fault::Version);
    }
    let version = match rest.get(VERSION_START.len()) {
        None => return Ok(None),
        Some(b'1') => Version::Http11,
        Some(b'0') => Version::Http10,
        Some(_) => return Err(Fault::Version),
    };
    match (rest.get(VERSION_BYTES), rest.get(VERSION_BYTES + 1)) {
        (None, _) | (Some(b'\r'), None) => Ok(None),
        (Some(b'\r'), Some(b'\n')) => Ok(Some((version, start + VERSION_BYTES + 2))),
        (Some(b'\r'), Some(_)) => Err(Fault::BareCarriageReturn),
        (Some(b'\n'), _) => Err(Fault::BareLineFeed),
        (Some(b' ' | b'\t'), _) => Err(Fault::RequestLine),
        (Some(_), _) => Err(Fault::Version),
    }
}
