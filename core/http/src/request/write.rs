//! The head as the backend gets it.

use super::{RequestHead, Sent, is_about_the_client};
use crate::bytes::write_decimal;
use crate::edits::{Changes, Edits, Unchanged};
use crate::field::{FieldId, Span};
use crate::framing::RequestFraming;

/// What we tell the backend about the client.
#[derive(Debug, Clone, Copy)]
pub struct Forward<'a> {
    /// The client's address as text, without port.
    pub client_address: &'a [u8],
    /// The client is one of our trusted proxies: what it says about its client is believed, and extended.
    pub trusted: bool,
    /// `http` or `https`, as the client spoke to us.
    pub scheme: &'a [u8],
    /// Used if the request brought none that may be passed on.
    pub request_id: &'a [u8],
    /// What `Host` says when the client named none, as HTTP/1.0 allows: the backend's own address.
    pub backend: &'a [u8],
}

/// Bytes that we add at most in the common case.
const ADDED_BYTES: usize = 256;

/// Lines of the buffer that follow each other are copied together.
pub(crate) struct Run {
    span: Span,
}

impl Run {
    pub(crate) fn new(span: Span) -> Run {
        Run { span }
    }

    pub(crate) fn add(&mut self, line: Span, buffer: &[u8], out: &mut Vec<u8>) {
        if line.start != self.span.end {
            out.extend_from_slice(self.span.of(buffer));
            self.span.start = line.start;
        }
        self.span.end = line.end;
    }

    pub(crate) fn finish(self, buffer: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(self.span.of(buffer));
    }
}

impl RequestHead {
    /// Appends the head for a backend: always HTTP/1.1, nothing that was meant for us alone, in the order sent, and
    /// what we say of the client at the end. `buffer` is the one that was parsed, and `parse` has said `Whole`.
    pub fn write(&self, buffer: &[u8], forward: &Forward<'_>, out: &mut Vec<u8>) {
        self.write_changed(buffer, forward, &Unchanged, out);
    }

    /// The same with what a route changes. `X-Forwarded-Host` still says what the client asked for, unless it is changed
    /// itself. Fields of ours can be changed as any other.
    pub fn write_edited(&self, buffer: &[u8], forward: &Forward<'_>, edits: &Edits, out: &mut Vec<u8>) {
        self.write_changed(buffer, forward, edits, out);
    }

    fn write_changed(&self, buffer: &[u8], forward: &Forward<'_>, changes: &impl Changes, out: &mut Vec<u8>) {
        out.reserve(self.length + ADDED_BYTES);
        let mut run = Run::new(self.write_request_line(buffer, changes.target(), out));
        let mut wants_host = true;
        let mut wants_length = true;
        for field in &self.fields {
            if field.forward {
                wants_host &= field.id != FieldId::Host || changes.host().is_some();
                wants_length &= field.id != FieldId::ContentLength;
            }
        }
        if wants_host {
            run.finish(buffer, out);
            let named = changes.host().unwrap_or(self.host.of(buffer));
            write_field(b"host", if named.is_empty() { forward.backend } else { named }, out);
            run = Run::new(Span {
                start: self.line_end,
                end: self.line_end,
            });
        }
        let trailers = self.framing == RequestFraming::Chunked && !self.drops_trailers;
        for field in &self.fields {
            let passes = (trailers || field.id != FieldId::Trailer)
                && (field.id != FieldId::Host || changes.host().is_none())
                && !changes.drops_field(field, buffer);
            if field.forward && passes {
                run.add(field.line, buffer, out);
            }
        }
        run.finish(buffer, out);
        match self.framing {
            RequestFraming::Length(length) if wants_length => {
                out.extend_from_slice(b"content-length: ");
                write_decimal(length, out);
                out.extend_from_slice(b"\r\n");
            }
            RequestFraming::None | RequestFraming::Length(_) => {}
            RequestFraming::Chunked => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
        }
        self.write_client(buffer, forward, changes, out);
        changes.write(out);
        if let Some(protocol) = self.upgrade {
            out.extend_from_slice(b"connection: upgrade\r\n");
            write_field(b"upgrade", protocol.of(buffer), out);
        }
        out.extend_from_slice(b"\r\n");
    }

    /// Writes the request line, or returns it to be copied with the lines behind it.
    fn write_request_line(&self, buffer: &[u8], target: Option<&[u8]>, out: &mut Vec<u8>) -> Span {
        let nothing = Span {
            start: self.line_end,
            end: self.line_end,
        };
        if let Some(target) = target {
            out.extend_from_slice(self.method.of(buffer));
            out.push(b' ');
            out.extend_from_slice(target);
            out.extend_from_slice(b" HTTP/1.1\r\n");
            return nothing;
        }
        if self.sent == Sent::Verbatim {
            return Span {
                start: self.method.start,
                end: self.line_end,
            };
        }
        out.extend_from_slice(self.method.of(buffer));
        out.push(b' ');
        match self.sent {
            Sent::Verbatim | Sent::Target => out.extend_from_slice(self.target.of(buffer)),
            Sent::SlashTarget => {
                out.push(b'/');
                out.extend_from_slice(self.target.of(buffer));
            }
            Sent::Asterisk => out.push(b'*'),
        }
        out.extend_from_slice(b" HTTP/1.1\r\n");
        nothing
    }

    fn write_client(&self, buffer: &[u8], forward: &Forward<'_>, changes: &impl Changes, out: &mut Vec<u8>) {
        let mut said_host = false;
        let mut said_scheme = false;
        if !changes.drops(b"x-forwarded-for") {
            self.write_forwarded_for(buffer, forward, out);
        }
        if forward.trusted {
            for field in &self.fields {
                if is_about_the_client(field.id) && field.id != FieldId::XForwardedFor {
                    said_host |= field.id == FieldId::XForwardedHost;
                    said_scheme |= field.id == FieldId::XForwardedProto;
                    if !changes.drops_field(field, buffer) {
                        out.extend_from_slice(field.line.of(buffer));
                    }
                }
            }
        }
        if !said_scheme && !changes.drops(b"x-forwarded-proto") {
            write_field(b"x-forwarded-proto", forward.scheme, out);
        }
        if !said_host && !self.host.is_empty() && !changes.drops(b"x-forwarded-host") {
            write_field(b"x-forwarded-host", self.host.of(buffer), out);
        }
        if !changes.drops(b"x-request-id") {
            let request_id = self.request_id.map_or(forward.request_id, |id| id.of(buffer));
            write_field(b"x-request-id", request_id, out);
        }
    }

    fn write_forwarded_for(&self, buffer: &[u8], forward: &Forward<'_>, out: &mut Vec<u8>) {
        out.extend_from_slice(b"x-forwarded-for: ");
        if forward.trusted {
            for field in self.fields.iter().filter(|field| field.id == FieldId::XForwardedFor) {
                if !field.value.is_empty() {
                    out.extend_from_slice(field.value.of(buffer));
                    out.extend_from_slice(b", ");
                }
            }
        }
        out.extend_from_slice(forward.client_address);
        out.extend_from_slice(b"\r\n");
    }
}

pub(crate) fn write_field(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}
