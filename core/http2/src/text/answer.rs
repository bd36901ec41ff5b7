//! An answer that came, as text (RFC 9113 8.2, 8.3.2, RFC 8441 5).

use super::Fault;
use super::incoming::{Announced, CHUNKED, Framing};
use super::request::Unusable;
use crate::bytes::length;
use crate::hpack::{Field, Known};
use evenkeel_http::reason_phrase;

/// Reads the fields of an answer and appends its head to `text`.
pub(crate) struct AnswerReader<'a> {
    text: &'a mut Vec<u8>,
    size: usize,
    limit: usize,
    asked: AskedFor<'a>,
    fault: Option<Fault>,
    status: u16,
    started: bool,
    length: Option<u64>,
    announced: Announced,
}

/// What the request was.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AskedFor<'a> {
    pub(crate) head_only: bool,
    /// WebSocket: the proof that the answer is to have.
    pub(crate) proof: Option<&'a [u8]>,
}

/// What is known of an answer when a head is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answered {
    /// The real one is still to come.
    Interim,
    Final(Framing),
}

impl<'a> AnswerReader<'a> {
    pub(crate) fn new(text: &'a mut Vec<u8>, limit: usize, asked: AskedFor<'a>) -> Self {
        AnswerReader {
            text,
            size: 0,
            limit,
            asked,
            fault: None,
            status: 0,
            started: false,
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

    fn switches(&self) -> bool {
        self.asked.proof.is_some() && (200..300).contains(&self.status)
    }

    fn judge(&mut self, field: Field<'_>) -> Result<(), Fault> {
        if !field.sound {
            return Err("a field name or value has bytes that are not allowed");
        }
        match field.known {
            Known::Status => return self.status(field.value()),
            Known::Method | Known::Scheme | Known::Authority | Known::Path | Known::Protocol | Known::UnknownPseudo => {
                return Err("a pseudo-field that answers do not have");
            }
            Known::OfConnection | Known::Upgrade | Known::Te => {
                return Err("a field that belongs to HTTP/1.1 connections");
            }
            Known::ContentLength => {
                if self.length.is_some() {
                    return Err("content-length is repeated");
                }
                self.length = Some(length(field.value()).ok_or("content-length is no length")?);
                if self.switches() {
                    return Ok(());
                }
                self.start()?;
                self.announced.length(self.text, field.line);
            }
            Known::WebSocketAccept if self.asked.proof.is_some() => return Ok(()),
            Known::Host
            | Known::Cookie
            | Known::WebSocketKey
            | Known::WebSocketAccept
            | Known::Secret
            | Known::Fleeting
            | Known::Plain => self.announced.line_of_answer(field.line),
        }
        self.start()?;
        self.text.extend_from_slice(field.line);
        Ok(())
    }

    fn status(&mut self, value: &[u8]) -> Result<(), Fault> {
        let &[a @ b'1'..=b'5', b @ b'0'..=b'9', c @ b'0'..=b'9'] = value else {
            return Err(":status is no status");
        };
        if self.status != 0 || self.started {
            return Err(":status is repeated or late");
        }
        let digit = |byte: u8| u16::from(byte - b'0');
        self.status = digit(a) * 100 + digit(b) * 10 + digit(c);
        if self.status == 101 {
            return Err("HTTP/2 has no 101");
        }
        if let (true, Some(proof)) = (self.switches(), self.asked.proof) {
            self.text.extend_from_slice(
                b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: ",
            );
            self.text.extend_from_slice(proof);
            self.text.extend_from_slice(b"\r\n");
        } else {
            self.text.extend_from_slice(b"HTTP/1.1 ");
            self.text.extend_from_slice(value);
            self.text.push(b' ');
            // HTTP/2 has no such words, but some clients of HTTP/1.1 expect them.
            self.text.extend_from_slice(reason_phrase(self.status).as_bytes());
            self.text.extend_from_slice(b"\r\n");
        }
        Ok(())
    }

    fn start(&mut self) -> Result<(), Fault> {
        self.started = true;
        if self.status == 0 {
            Err(":status is missing")
        } else {
            Ok(())
        }
    }

    /// All fields were taken; `end` is whether the answer ends here.
    pub(crate) fn finish(mut self, end: bool) -> Result<Answered, Unusable> {
        if self.fault.is_none() && self.size <= self.limit {
            self.fault = self.start().err();
        }
        if let Some(fault) = self.fault {
            return Err(Unusable::Malformed(fault));
        }
        if self.size > self.limit {
            return Err(Unusable::TooLarge);
        }
        if self.status < 200 {
            if end {
                return Err(Unusable::Malformed("an interim answer ends the stream"));
            }
            self.text.extend_from_slice(b"\r\n");
            return Ok(Answered::Interim);
        }
        let framing = self.framing(end).map_err(Unusable::Malformed)?;
        self.text.extend_from_slice(b"\r\n");
        Ok(Answered::Final(framing))
    }

    fn framing(&mut self, end: bool) -> Result<Framing, Fault> {
        if self.switches() {
            return Ok(Framing::Tunnel { open: true });
        }
        if self.asked.head_only || matches!(self.status, 204 | 304) {
            return Ok(Framing::None);
        }
        match (self.length, end) {
            (Some(length), true) if length > 0 => Err("content-length without content"),
            (Some(_), true) => Ok(Framing::None),
            (None, true) => {
                self.text.extend_from_slice(b"content-length: 0\r\n");
                Ok(Framing::None)
            }
            (Some(length), false) => Ok(self.announced.framing(length, self.text)),
            (None, false) => {
                self.text.extend_from_slice(CHUNKED);
                Ok(Framing::Chunked { declared: None })
            }
        }
    }
}
