//! What is written to a stream: HTTP/1.1 text that becomes fields.

use super::{Chunk, Fault};
use crate::bytes::{is_token, length, lists, skip_text, trim};
use crate::hpack::{Encoder, Known, hash};
use crate::websocket;

/// Bytes of a head, or of trailers, that comes in pieces. Heads of backends are limited to 64 KiB before.
const SECTION_BYTES: usize = 128 * 1024;

/// Where in the message the writer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Sending {
    /// In a head.
    #[default]
    Head,
    /// In content: so many bytes are left.
    Length(u64),
    /// In a body in chunks.
    Chunked(Chunk),
    /// In content that ends when the writer says so.
    UntilEnd,
    /// All written.
    Done,
}

/// A message that is being written.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    pub(crate) sending: Sending,
    /// The beginning of a head or of trailers.
    pub(crate) partial: Vec<u8>,
}

impl Outgoing {
    /// A new one in the same buffer, unless that is large.
    pub(crate) fn renewed(self, most: usize) -> Outgoing {
        let mut partial = self.partial;
        partial.clear();
        if partial.capacity() > most {
            partial = Vec::new();
        }
        Outgoing {
            sending: Sending::Head,
            partial,
        }
    }

    /// Adds `bytes` to the section that is being collected: how many of them belong to it, and whether it is whole.
    pub(crate) fn collect(&mut self, bytes: &[u8]) -> Result<(usize, bool), Fault> {
        let before = self.partial.len();
        self.partial.extend_from_slice(bytes);
        let is_empty = self.partial.starts_with(b"\r\n");
        let end = match is_empty {
            true => Some(2),
            false => section_end(&self.partial, before.saturating_sub(3)),
        };
        if let Some(end) = end {
            self.partial.truncate(end);
            return Ok((end.saturating_sub(before), true));
        }
        if self.partial.len() > SECTION_BYTES {
            return Err("a head or trailers are too large");
        }
        Ok((bytes.len(), false))
    }
}

/// Where the section that begins with a line ends, searched from `at` on.
pub(crate) fn section_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at = skip_text(bytes, at);
        let rest = bytes.get(at..)?;
        if rest.starts_with(b"\r\n\r\n") {
            return Some(at + 4);
        }
        if rest.is_empty() {
            return None;
        }
        at += 1;
    }
}

/// Why a head cannot be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unsendable {
    Text(Fault),
    /// It asks for WebSocket, and the peer does not offer that.
    NoConnect,
}

impl From<Fault> for Unsendable {
    fn from(fault: Fault) -> Unsendable {
        Unsendable::Text(fault)
    }
}

/// A head that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    /// What follows it.
    pub(crate) sending: Sending,
    pub(crate) head_only: bool,
    /// An answer that switches; a request that asks to.
    pub(crate) websocket: bool,
    /// A request that asks to: the proof that the answer is to have.
    pub(crate) proof: [u8; websocket::PROOF_BYTES],
}

/// Writes heads as field blocks.
pub(crate) struct HeadWriter<'a> {
    pub(crate) encoder: &'a mut Encoder,
    /// For names in lower case.
    pub(crate) name: &'a mut Vec<u8>,
    pub(crate) out: &'a mut Vec<u8>,
}

/// What the fields said.
#[derive(Debug, Default)]
struct Said {
    length: Option<u64>,
    chunked: bool,
    /// Fields that belong to the handshake over HTTP/1.1 are left out.
    websocket: bool,
    /// The length is left out.
    no_length: bool,
    proof: [u8; websocket::PROOF_BYTES],
}

/// What must be known of a request before its first field is written.
#[derive(Debug, Default)]
struct Ahead<'a> {
    host: Option<&'a [u8]>,
    websocket: bool,
}

impl HeadWriter<'_> {
    /// An answer; `head` ends with its empty line. `head_only`: to HEAD; `asked`: to a request for WebSocket.
    pub(crate) fn answer(&mut self, head: &[u8], head_only: bool, asked: bool) -> Result<Head, Unsendable> {
        let (line, fields) = first_line(head)?;
        let status = status(line).ok_or("what was written is no answer")?;
        let mut said = Said::default();
        if status == 101 || (asked && (200..300).contains(&status)) {
            if status != 101 || !asked {
                return Err(Unsendable::Text(
                    "an answer switches that was not asked to, or does not where it should",
                ));
            }
            said.websocket = true;
        }
        said.no_length = matches!(status, 100..=199 | 204);
        self.encoder.begin(self.out);
        let index = match status {
            101 | 200 => 8,
            204 => 9,
            206 => 10,
            304 => 11,
            400 => 12,
            404 => 13,
            500 => 14,
            _ => 0,
        };
        if index == 0 {
            Encoder::named(8, &line[9..12], self.out);
        } else {
            Encoder::indexed(index, self.out);
        }
        self.fields(fields, &mut said)?;
        let sending = match status {
            101 => Sending::UntilEnd,
            100..=199 => Sending::Head,
            204 | 304 => Sending::Done,
            _ if head_only => Sending::Done,
            _ => after(&said, Sending::UntilEnd)?,
        };
        Ok(Head {
            sending,
            head_only,
            websocket: said.websocket,
            proof: said.proof,
        })
    }

    /// A request. `connect`: the peer offers extended CONNECT; `secure`: the scheme is https.
    pub(crate) fn request(&mut self, head: &[u8], connect: bool, secure: bool) -> Result<Head, Unsendable> {
        let (line, fields) = first_line(head)?;
        let mut words = line.split(|&byte| byte == b' ');
        let (Some(method), Some(target), Some(b"HTTP/1.1"), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(Unsendable::Text("what was written is no request"));
        };
        if !is_token(method) || method == b"CONNECT" || !matches!(target, [b'/', ..] | b"*") {
            return Err(Unsendable::Text("what was written is no request that can be sent"));
        }
        let ahead = look_ahead(fields)?;
        if ahead.websocket && !connect {
            return Err(Unsendable::NoConnect);
        }
        self.encoder.begin(self.out);
        match (ahead.websocket, method) {
            (true, _) => Encoder::named(2, b"CONNECT", self.out),
            (false, b"GET") => Encoder::indexed(2, self.out),
            (false, b"POST") => Encoder::indexed(3, self.out),
            (false, _) => Encoder::named(2, method, self.out),
        }
        if ahead.websocket {
            Encoder::literal(b":protocol", b"websocket", Known::Protocol, self.out);
        }
        Encoder::indexed(if secure { 7 } else { 6 }, self.out);
        self.authority(ahead.host.unwrap_or(b""));
        match target {
            b"/" => Encoder::indexed(4, self.out),
            target => Encoder::named(4, target, self.out),
        }
        let mut said = Said {
            websocket: ahead.websocket,
            no_length: ahead.websocket,
            ..Said::default()
        };
        self.fields(fields, &mut said)?;
        self.line(b"te: trailers\r\n", &mut said)?;
        let sending = match ahead.websocket {
            true => Sending::UntilEnd,
            false => after(&said, Sending::Done)?,
        };
        Ok(Head {
            sending,
            head_only: method == b"HEAD",
            websocket: ahead.websocket,
            proof: said.proof,
        })
    }

    fn authority(&mut self, host: &[u8]) {
        if host.is_empty() {
            return;
        }
        self.name.clear();
        self.name.extend_from_slice(b":authority: ");
        self.name.extend_from_slice(host);
        self.name.extend_from_slice(b"\r\n");
        let hash = hash(self.name);
        if !self.encoder.remembered(self.name, hash, self.out) {
            self.encoder.remember(self.name, hash, b":authority", host, self.out);
        }
    }

    /// Writes lines up to the empty one.
    fn fields(&mut self, text: &[u8], said: &mut Said) -> Result<(), Fault> {
        let mut rest = text;
        while !rest.starts_with(b"\r\n") {
            let end = line_end(rest)?;
            let (line, more) = rest.split_at(end + 2);
            self.line(line, said)?;
            rest = more;
        }
        Ok(())
    }

    #[inline]
    fn line(&mut self, line: &[u8], said: &mut Said) -> Result<(), Fault> {
        let hash = hash(line);
        if self.encoder.remembered(line, hash, self.out) {
            return Ok(());
        }
        let colon = line
            .iter()
            .position(|&byte| byte == b':')
            .ok_or("a line without a colon")?;
        self.name.clear();
        self.name.extend_from_slice(&line[..colon]);
        self.name.make_ascii_lowercase();
        let value = trim(&line[colon + 1..line.len() - 2]);
        if !is_token(self.name) {
            return Err("a field name is no token");
        }
        let known = Known::of(self.name);
        match known {
            Known::OfConnection => {
                said.chunked |= *self.name == b"transfer-encoding" && lists(value, b"chunked");
                return Ok(());
            }
            Known::ContentLength => {
                let length = length(value).ok_or("content-length is no length")?;
                if said.length.replace(length).is_some_and(|before| before != length) {
                    return Err("content-length is said twice");
                }
                if said.no_length {
                    return Ok(());
                }
            }
            Known::Te if value != b"trailers" => return Ok(()),
            Known::Upgrade => return Ok(()),
            Known::WebSocketKey if said.websocket => {
                said.proof = websocket::proof(value);
                return Ok(());
            }
            Known::WebSocketAccept if said.websocket => return Ok(()),
            Known::Host => return Ok(()),
            // Only what is written as the table writes it can be found there.
            Known::Plain | Known::Te if line.len() == colon + 4 + value.len() && line[colon + 1] == b' ' => {
                self.encoder.remember(line, hash, self.name, value, self.out);
                return Ok(());
            }
            Known::Method
            | Known::Scheme
            | Known::Authority
            | Known::Path
            | Known::Status
            | Known::Protocol
            | Known::UnknownPseudo
            | Known::Cookie
            | Known::WebSocketKey
            | Known::WebSocketAccept
            | Known::Secret
            | Known::Fleeting
            | Known::Te
            | Known::Plain => {}
        }
        Encoder::literal(self.name, value, known, self.out);
        Ok(())
    }
}

/// Writes trailers as a field block; `text` is their lines and the empty one.
pub(crate) fn write_trailers(writer: &mut HeadWriter<'_>, text: &[u8]) -> Result<(), Fault> {
    writer.encoder.begin(writer.out);
    let mut said = Said {
        no_length: true,
        ..Said::default()
    };
    writer.fields(text, &mut said)
}

fn after(said: &Said, otherwise: Sending) -> Result<Sending, Fault> {
    match (said.length, said.chunked) {
        (Some(_), true) => Err("both a length and chunks"),
        (Some(0), false) => Ok(Sending::Done),
        (Some(left), false) => Ok(Sending::Length(left)),
        (None, true) => Ok(Sending::Chunked(Chunk::START)),
        (None, false) => Ok(otherwise),
    }
}

fn first_line(head: &[u8]) -> Result<(&[u8], &[u8]), Fault> {
    let end = line_end(head)?;
    Ok((&head[..end], &head[end + 2..]))
}

/// Where the CRLF is that ends the line at the start of `text`.
#[inline]
fn line_end(text: &[u8]) -> Result<usize, Fault> {
    let mut at = skip_text(text, 0);
    while text.get(at) == Some(&b'\t') {
        at = skip_text(text, at + 1);
    }
    match text.get(at..at + 2) {
        Some(b"\r\n") => Ok(at),
        Some(_) | None => Err("a control byte in a head"),
    }
}

/// The status of a status line.
fn status(line: &[u8]) -> Option<u16> {
    if !line.starts_with(b"HTTP/1.1 ") || line.get(12).is_some_and(|&byte| byte != b' ') {
        return None;
    }
    let digits = line.get(9..12)?;
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let status = digits
        .iter()
        .fold(0, |status, &digit| status * 10 + u16::from(digit - b'0'));
    (100..=599).contains(&status).then_some(status)
}

fn look_ahead(text: &[u8]) -> Result<Ahead<'_>, Fault> {
    let mut ahead = Ahead::default();
    let mut rest = text;
    while !rest.starts_with(b"\r\n") {
        let end = line_end(rest)?;
        let line = &rest[..end];
        rest = &rest[end + 2..];
        if matches!(line, [b'h' | b'H' | b'u' | b'U', ..]) {
            let colon = line
                .iter()
                .position(|&byte| byte == b':')
                .ok_or("a line without a colon")?;
            let (name, value) = (&line[..colon], trim(&line[colon + 1..]));
            if name.eq_ignore_ascii_case(b"host") {
                if ahead.host.replace(value).is_some() {
                    return Err("two hosts");
                }
            } else if name.eq_ignore_ascii_case(b"upgrade") {
                ahead.websocket = value.eq_ignore_ascii_case(b"websocket");
            }
        }
    }
    Ok(ahead)
}
