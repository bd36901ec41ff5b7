//! The head as the client gets it.

use super::ResponseHead;
use crate::bytes::write_decimal;
use crate::edits::{Changes, Edits, Unchanged};
use crate::field::{FieldId, Span};
use crate::framing::ResponseFraming;
use crate::line::Version;
use crate::request::{Run, write_field};

/// How an answer is sent to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// The version of the request.
    pub client_version: Version,
    /// Whether the client may send another request.
    pub keep_alive: bool,
    /// How the body is delimited towards the client.
    pub framing: AnswerFraming,
    /// When the answer came, as an IMF-fixdate, for one that does not say so itself ([`ResponseHead::is_dated`]): whoever
    /// passes it on must (RFC 9110 6.6.1). `None` leaves it as it is.
    pub date: Option<[u8; DATE_BYTES]>,
}

/// The length of an IMF-fixdate (RFC 9110 5.6.7).
const DATE_BYTES: usize = 29;

/// How a body is delimited towards the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerFraming {
    /// As the backend did: a length, or no body.
    AsIs,
    /// In chunks.
    Chunked,
    /// By closing; whatever `Answer::keep_alive` says, `connection: close` is sent.
    Close,
}

/// Bytes that we add at most.
const ADDED_BYTES: usize = 128;

impl ResponseHead {
    /// How the body goes to a client of this version.
    pub fn answer_framing(&self, client: Version) -> AnswerFraming {
        match (self.framing, client) {
            (ResponseFraming::None | ResponseFraming::Length(_), _) => AnswerFraming::AsIs,
            (ResponseFraming::Chunked | ResponseFraming::UntilClose, Version::Http11) => AnswerFraming::Chunked,
            (ResponseFraming::Chunked | ResponseFraming::UntilClose, Version::Http10) => AnswerFraming::Close,
        }
    }

    /// Appends the head for the client: always HTTP/1.1, nothing that was meant for us alone, in the order sent.
    /// `buffer` is the one that was parsed, and `parse` has said `Whole`.
    pub fn write(&self, buffer: &[u8], answer: &Answer, out: &mut Vec<u8>) {
        self.write_changed(buffer, answer, &Unchanged, out);
    }

    /// The same with what a route changes on fields; an interim answer stays as it is.
    pub fn write_edited(&self, buffer: &[u8], answer: &Answer, edits: &Edits, out: &mut Vec<u8>) {
        if self.is_interim() {
            self.write(buffer, answer, out);
        } else {
            self.write_changed(buffer, answer, edits, out);
        }
    }

    fn write_changed(&self, buffer: &[u8], answer: &Answer, changes: &impl Changes, out: &mut Vec<u8>) {
        out.reserve(self.length + ADDED_BYTES);
        let mut run = Run::new(self.write_status_line(buffer, out));
        let trailers = answer.framing == AnswerFraming::Chunked && !self.drops_trailers;
        let as_is = answer.framing == AnswerFraming::AsIs;
        let mut wants_length = as_is && self.declared_length.is_some();
        for field in &self.fields {
            let passes = (as_is || field.id != FieldId::ContentLength) && (trailers || field.id != FieldId::Trailer);
            if field.forward && passes && !changes.drops_field(field, buffer) {
                wants_length &= field.id != FieldId::ContentLength;
                run.add(field.line, buffer, out);
            }
        }
        run.finish(buffer, out);
        if let (true, Some(length)) = (wants_length, self.declared_length) {
            out.extend_from_slice(b"content-length: ");
            write_decimal(length, out);
            out.extend_from_slice(b"\r\n");
        }
        if answer.framing == AnswerFraming::Chunked {
            out.extend_from_slice(b"transfer-encoding: chunked\r\n");
        }
        if let Some(date) = &answer.date {
            write_field(b"date", date, out);
        }
        changes.write(out);
        self.write_connection(buffer, answer, out);
        out.extend_from_slice(b"\r\n");
    }

    /// Writes the status line, or returns it to be copied with the lines behind it.
    fn write_status_line(&self, buffer: &[u8], out: &mut Vec<u8>) -> Span {
        if self.verbatim {
            return self.line;
        }
        out.extend_from_slice(b"HTTP/1.1 ");
        write_decimal(u64::from(self.status), out);
        out.push(b' ');
        out.extend_from_slice(self.reason.of(buffer));
        out.extend_from_slice(b"\r\n");
        Span {
            start: self.line.end,
            end: self.line.end,
        }
    }

    fn write_connection(&self, buffer: &[u8], answer: &Answer, out: &mut Vec<u8>) {
        if self.is_interim() {
            return;
        }
        if self.upgrade {
            out.extend_from_slice(b"connection: upgrade\r\n");
            for field in self.fields.iter().filter(|field| field.id == FieldId::Upgrade) {
                write_field(b"upgrade", field.value.of(buffer), out);
            }
            return;
        }
        match (
            answer.keep_alive && answer.framing != AnswerFraming::Close,
            answer.client_version,
        ) {
            (true, Version::Http11) => {}
            (true, Version::Http10) => out.extend_from_slice(b"connection: keep-alive\r\n"),
            (false, _) => out.extend_from_slice(b"connection: close\r\n"),
        }
    }
}
