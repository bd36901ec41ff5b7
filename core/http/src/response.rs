//! The head of a response.

mod write;

use crate::body::Body;
use crate::connection::{self, Sender};
use crate::fault::Fault;
use crate::field::{Field, FieldId, Span};
use crate::framing::{Declared, ResponseFraming, declared};
use crate::line::{self, Awaited, Limits, Parsed, Scan, Version};

pub use write::{Answer, AnswerFraming};

/// `HTTP/1.x`, a space and three digits.
const STATUS_BYTES: usize = 12;
/// What a status line begins with.
const VERSION_START: &[u8] = b"HTTP/1.";

/// What the request was that is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Asked {
    /// The method is HEAD: no answer has a body.
    pub head: bool,
    /// `Upgrade` was sent: 101 is allowed.
    pub upgrade: bool,
}

/// The head of a response. Kept and used again.
#[derive(Debug, Clone, Default)]
pub struct ResponseHead {
    /// As sent; to clients we speak 1.1 always.
    pub version: Version,
    /// 100 to 599.
    pub status: u16,
    /// May be empty.
    pub reason: Span,
    /// In the order sent.
    pub fields: Vec<Field>,
    /// How the body is delimited. `None` after HEAD, 1xx, 204 and 304.
    pub framing: ResponseFraming,
    /// Whether the backend connection may be used again once the body has ended.
    pub keep_alive: bool,
    /// The backend switches to the protocol asked for: what follows is a tunnel.
    pub upgrade: bool,
    /// Bytes of the head with the empty line.
    pub length: usize,
    scan: Scan,
    /// `Connection` names fields that may come as trailers.
    drops_trailers: bool,
    /// The status line with its CRLF.
    line: Span,
    /// The status line may be passed on as it is.
    verbatim: bool,
    /// The value of `Content-Length` where one may be passed on.
    declared_length: Option<u64>,
}

impl ResponseHead {
    /// Makes ready for the next response.
    pub fn reset(&mut self) {
        let mut fields = std::mem::take(&mut self.fields);
        fields.clear();
        *self = ResponseHead {
            fields,
            ..ResponseHead::default()
        };
    }

    /// Reads the head at the start of `buffer`. After `Partial`, call again with the same bytes and more behind them.
    ///
    /// # Errors
    /// Whatever is malformed, ambiguous or too large, and a 101 that was not asked for. The backend connection is to be
    /// closed.
    pub fn parse(&mut self, buffer: &[u8], asked: Asked, limits: &Limits) -> Result<Parsed, Fault> {
        let window = &buffer[..buffer.len().min(limits.head_bytes)];
        let is_full = buffer.len() >= limits.head_bytes;
        if !is_full && self.scan.must_wait(window) {
            return Ok(Parsed::Partial);
        }
        if self.advance(window, limits)? {
            self.conclude(window, asked)?;
            return Ok(Parsed::Whole);
        }
        if is_full {
            return Err(Fault::HeadTooLarge);
        }
        Ok(Parsed::Partial)
    }

    fn advance(&mut self, window: &[u8], limits: &Limits) -> Result<bool, Fault> {
        if !self.scan.started {
            if !self.status_line(window)? {
                return Ok(false);
            }
            self.scan.started = true;
        }
        line::fields(window, &mut self.scan, &mut self.fields, limits.fields)
    }

    /// RFC 9112 4. A missing reason may also miss the space before it.
    fn status_line(&mut self, window: &[u8]) -> Result<bool, Fault> {
        let known = window.len().min(VERSION_START.len());
        if window[..known] != VERSION_START[..known] {
            return Err(Fault::StatusLine);
        }
        let Some(start) = window.first_chunk::<STATUS_BYTES>() else {
            return Ok(self.scan.wait(window, Awaited::Anything));
        };
        self.version = match start[7] {
            b'0' => Version::Http10,
            b'1' => Version::Http11,
            _ => return Err(Fault::Version),
        };
        let digits = &start[9..];
        if start[8] != b' ' || !digits.iter().all(u8::is_ascii_digit) {
            return Err(Fault::StatusLine);
        }
        self.status = digits
            .iter()
            .fold(0, |status, &digit| status * 10 + u16::from(digit - b'0'));
        if !(100..=599).contains(&self.status) {
            return Err(Fault::StatusRange);
        }
        let spaced = match window.get(STATUS_BYTES) {
            None => return Ok(self.scan.wait(window, Awaited::Anything)),
            Some(b' ') => true,
            Some(b'\r' | b'\n') => false,
            Some(_) => return Err(Fault::StatusLine),
        };
        let reason_start = STATUS_BYTES + usize::from(spaced);
        let Some(end) = line::text_end(window, reason_start)? else {
            return Ok(self.scan.wait(window, Awaited::after_text(window)));
        };
        self.reason = Span::new(reason_start, end);
        self.line = Span::new(0, end + 2);
        self.verbatim = spaced && self.version == Version::Http11;
        self.scan.position = end + 2;
        Ok(true)
    }

    fn conclude(&mut self, buffer: &[u8], asked: Asked) -> Result<(), Fault> {
        self.length = self.scan.position;
        let declared = declared(buffer, &mut self.fields, self.version)?;
        let names_connection = self.fields.iter().any(|field| field.id == FieldId::Connection);
        let options = match names_connection {
            true => connection::options(buffer, &mut self.fields, Sender::Backend)?,
            false => connection::Options::default(),
        };
        self.drops_trailers = options.names_fields;
        self.keep_alive = match self.version {
            Version::Http11 => !options.close,
            Version::Http10 => options.keep_alive && !options.close,
        };
        if self.status == 101 {
            self.judge_switch(asked, options.upgrade)?;
        }
        self.frame(declared, asked);
        Ok(())
    }

    /// RFC 9110 15.2.2 and 7.8.
    fn judge_switch(&mut self, asked: Asked, named: bool) -> Result<(), Fault> {
        if !asked.upgrade {
            return Err(Fault::SwitchUnasked);
        }
        let protocol = self
            .fields
            .iter()
            .any(|field| field.id == FieldId::Upgrade && !field.value.is_empty());
        if self.version == Version::Http10 || !named || !protocol {
            return Err(Fault::SwitchWithoutProtocol);
        }
        self.upgrade = true;
        self.keep_alive = false;
        Ok(())
    }

    /// RFC 9112 6.3. Where there is no body, a backend that declares one may send it nevertheless.
    fn frame(&mut self, declared: Declared, asked: Asked) {
        let bodiless = matches!(self.status, 100..=199 | 204);
        if bodiless {
            self.keep_alive &= matches!(declared, Declared::Nothing | Declared::Length(0));
            for field in self
                .fields
                .iter_mut()
                .filter(|field| field.id == FieldId::ContentLength)
            {
                field.forward = false;
            }
        } else if let Declared::Length(length) = declared {
            self.declared_length = Some(length);
        }
        self.framing = if bodiless || asked.head || self.status == 304 {
            ResponseFraming::None
        } else {
            match declared {
                Declared::Length(length) => ResponseFraming::Length(length),
                Declared::Chunked => ResponseFraming::Chunked,
                Declared::Nothing => ResponseFraming::UntilClose,
            }
        };
        self.keep_alive &= self.framing != ResponseFraming::UntilClose;
    }

    /// The body that follows, at its beginning.
    pub fn body(&self) -> Body {
        let body = Body::of_response(&self.framing);
        if self.drops_trailers {
            body.drop_trailers()
        } else {
            body
        }
    }

    /// What `Content-Length` says, where one may be passed on: in answers to HEAD, how long the answer to GET would be.
    pub fn declared_length(&self) -> Option<u64> {
        self.declared_length
    }

    /// Whether it says when it was made.
    pub fn is_dated(&self) -> bool {
        self.fields.iter().any(|field| field.id == FieldId::Date)
    }

    /// 1xx other than 101: the real answer is still to come. Not to be sent to HTTP/1.0 clients (RFC 9110 15.2).
    pub fn is_interim(&self) -> bool {
        matches!(self.status, 100 | 102..=199)
    }

    /// The values of all fields of this name, which is given in any case.
    pub fn values<'a>(&'a self, buffer: &'a [u8], lower_name: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        self.fields
            .iter()
            .filter(move |field| field.name.of(buffer).eq_ignore_ascii_case(lower_name))
            .map(move |field| field.value.of(buffer))
    }
}
