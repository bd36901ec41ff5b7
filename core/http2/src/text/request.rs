//! A request that came, as text (RFC 9113 8.2, 8.3.1, RFC 8441 4).

use super::incoming::{Announced, CHUNKED, Framing};
use super::{Fault, Scratch};
use crate::bytes::{is_target, is_token, length};
use crate::hpack::{Field, Known};
use crate::websocket;

/// Reads the fields of a request and appends its head to `text`.
pub(crate) struct RequestReader<'a> {
    text: &'a mut Vec<u8>,
    scratch: &'a mut Scratch,
    size: usize,
    limit: usize,
    /// Extended CONNECT was offered.
    connect: bool,
    fault: Option<Fault>,
    started: bool,
    scheme: bool,
    websocket: bool,
    has_host: bool,
    length: Option<u64>,
    announced: Announced,
}

/// What is known of a request when its head is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) framing: Framing,
    pub(crate) head_only: bool,
    pub(crate) websocket: bool,
}

/// How reading a head can end otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unusable {
    /// It is malformed.
    Malformed(Fault),
    /// Its fields are larger than the limit.
    TooLarge,
}

impl<'a> RequestReader<'a> {
    pub(crate) fn new(text: &'a mut Vec<u8>, scratch: &'a mut Scratch, limit: usize, connect: bool) -> Self {
        scratch.clear();
        RequestReader {
            text,
            scratch,
            size: 0,
            limit,
            connect,
            fault: None,
            started: false,
            scheme: false,
            websocket: false,
            has_host: false,
            length: None,
            announced: Announced::default(),
        }
    }

    pub(crate) fn take(&mut self, field: Field<'_>) {
        self.size += field.size();
        if self.fault.is_some() || self.size > self.limit {
            return;
        }
        if let Err(fault) = self.judge(field) {
            self.fault = Some(fault);
        }
    }

    /// Bytes of all fields.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    fn judge(&mut self, field: Field<'_>) -> Result<(), Fault> {
        if !field.sound {
            return Err("a field name or value has bytes that are not allowed");
        }
        match field.known {
            Known::Method => return keep(field.value(), self.started, &mut self.scratch.method),
            Known::Path => return keep(field.value(), self.started, &mut self.scratch.path),
            Known::Authority => return keep(field.value(), self.started, &mut self.scratch.authority),
            Known::Scheme => return self.scheme(field.value()),
            Known::Protocol => return self.protocol(field.value()),
            Known::Status | Known::UnknownPseudo => return Err("a pseudo-field that requests do not have"),
            Known::Plain | Known::Secret | Known::Fleeting | Known::WebSocketAccept => self.announced.line(field.line),
            Known::Host => return self.host(field),
            Known::Cookie => {
                self.start()?;
                if !self.scratch.cookies.is_empty() {
                    self.scratch.cookies.extend_from_slice(b"; ");
                }
                self.scratch.cookies.extend_from_slice(field.value());
                return Ok(());
            }
            Known::ContentLength => {
                if self.length.is_some() {
                    return Err("content-length is repeated");
                }
                self.length = Some(length(field.value()).ok_or("content-length is no length")?);
                self.start()?;
                self.announced.length(self.text, field.line);
            }
            Known::Te if field.value().eq_ignore_ascii_case(b"trailers") => return self.start(),
            Known::Te => return Err("te other than trailers"),
            Known::OfConnection | Known::Upgrade => return Err("a field that belongs to HTTP/1.1 connections"),
            Known::WebSocketKey if self.websocket => return Ok(()),
            Known::WebSocketKey => {}
        }
        self.start()?;
        self.text.extend_from_slice(field.line);
        Ok(())
    }

    fn scheme(&mut self, value: &[u8]) -> Result<(), Fault> {
        let known = value.eq_ignore_ascii_case(b"http") || value.eq_ignore_ascii_case(b"https");
        let first = !std::mem::replace(&mut self.scheme, true);
        match known && first && !self.started {
            true => Ok(()),
            false => Err(":scheme is repeated, late or unknown"),
        }
    }

    fn protocol(&mut self, value: &[u8]) -> Result<(), Fault> {
        let first = !std::mem::replace(&mut self.websocket, true);
        match self.connect && first && !self.started && value.eq_ignore_ascii_case(b"websocket") {
            true => Ok(()),
            false => Err(":protocol that was not offered"),
        }
    }

    /// The first field that is no pseudo-field, or the end: the request line can be written.
    fn start(&mut self) -> Result<(), Fault> {
        if self.started {
            return Ok(());
        }
        self.started = true;
        let Scratch {
            method,
            path,
            authority,
            ..
        } = &*self.scratch;
        if !is_token(method) {
            return Err(":method is missing or no token");
        }
        let is_connect = method == b"CONNECT";
        if is_connect && !self.websocket {
            if self.scheme || !path.is_empty() || authority.is_empty() {
                return Err("CONNECT has :authority and nothing else");
            }
        } else if !self.scheme || !is_path(path, method) {
            return Err(":scheme or :path is missing, or :path is no path");
        }
        if !authority.is_empty() && (!is_target(authority) || authority.iter().any(|byte| b"@/?".contains(byte))) {
            return Err(":authority is no authority");
        }
        if self.websocket && (!is_connect || authority.is_empty()) {
            return Err(":protocol without CONNECT or :authority");
        }
        self.text
            .extend_from_slice(if self.websocket { b"GET" } else { method });
        self.text.push(b' ');
        self.text
            .extend_from_slice(if is_connect && !self.websocket { authority } else { path });
        self.text.extend_from_slice(b" HTTP/1.1\r\n");
        if !authority.is_empty() {
            self.text.extend_from_slice(b"host: ");
            self.text.extend_from_slice(authority);
            self.text.extend_from_slice(b"\r\n");
        }
        if self.websocket {
            self.text
                .extend_from_slice(b"connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: ");
            self.text.extend_from_slice(websocket::KEY);
            self.text.extend_from_slice(b"\r\n");
        }
        Ok(())
    }

    fn host(&mut self, field: Field<'_>) -> Result<(), Fault> {
        self.start()?;
        if std::mem::replace(&mut self.has_host, true) {
            return Err("host is repeated");
        }
        let host = field.value();
        if host.is_empty() || !is_target(host) || host.iter().any(|byte| b"@/?".contains(byte)) {
            return Err("host is no authority");
        }
        if self.scratch.authority.is_empty() {
            self.text.extend_from_slice(field.line);
        } else if !self.scratch.authority.eq_ignore_ascii_case(host) {
            return Err("host and :authority differ");
        }
        Ok(())
    }

    /// All fields were taken; `end` is whether the request ends here.
    pub(crate) fn finish(mut self, end: bool) -> Result<Request, Unusable> {
        if self.fault.is_none() && self.size <= self.limit {
            self.fault = self.start().err();
        }
        if let Some(fault) = self.fault {
            return Err(Unusable::Malformed(fault));
        }
        if self.size > self.limit {
            return Err(Unusable::TooLarge);
        }
        if self.scratch.authority.is_empty() && !self.has_host {
            return Err(Unusable::Malformed("neither :authority nor host"));
        }
        if !self.scratch.cookies.is_empty() {
            self.text.extend_from_slice(b"cookie: ");
            self.text.extend_from_slice(&self.scratch.cookies);
            self.text.extend_from_slice(b"\r\n");
        }
        let framing = if self.websocket || self.scratch.method == b"CONNECT" {
            if self.length.is_some() {
                return Err(Unusable::Malformed("content-length in a CONNECT"));
            }
            Framing::Tunnel { open: false }
        } else {
            match (self.length, end) {
                (Some(length), true) if length > 0 => {
                    return Err(Unusable::Malformed("content-length without content"));
                }
                (_, true) => Framing::None,
                (Some(length), false) => self.announced.framing(length, self.text),
                (None, false) => {
                    self.text.extend_from_slice(CHUNKED);
                    Framing::Chunked { declared: None }
                }
            }
        };
        self.text.extend_from_slice(b"\r\n");
        Ok(Request {
            framing,
            head_only: self.scratch.method == b"HEAD",
            websocket: self.websocket,
        })
    }
}

/// A pseudo-field that comes once, before the others, and with a value.
fn keep(value: &[u8], late: bool, kept: &mut Vec<u8>) -> Result<(), Fault> {
    if late || !kept.is_empty() || value.is_empty() {
        return Err("a pseudo-field is late, empty or repeated");
    }
    kept.extend_from_slice(value);
    Ok(())
}

/// `/...`, or `*` for OPTIONS.
fn is_path(path: &[u8], method: &[u8]) -> bool {
    match path {
        [b'/', ..] => is_target(path),
        b"*" => method == b"OPTIONS",
        _ => false,
    }
}
