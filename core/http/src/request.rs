//! The head of a request.

mod cookie;
mod start;
mod write;

use crate::body::Body;
use crate::bytes::trim;
use crate::connection::{self, Sender};
use crate::fault::{Fault, Refused};
use crate::field::{Field, FieldId, Span};
use crate::framing::{Declared, RequestFraming, declared};
use crate::host;
use crate::line::{self, Limits, Parsed, Scan, Version};
use crate::list::elements;
use crate::method::{Method, may_repeat};

pub use write::Forward;
pub(crate) use write::{Run, write_field};

/// Most bytes of an `X-Request-Id` that is passed on; it ends in logs.
const REQUEST_ID_BYTES: usize = 128;

/// The head of a request. Kept and used again for the next one: after the first few nothing is allocated.
#[derive(Debug, Clone, Default)]
pub struct RequestHead {
    /// As sent.
    pub method: Span,
    /// Which method that is.
    pub kind: Method,
    /// As sent; to backends we speak 1.1 always.
    pub version: Version,
    /// Path and query, or `*`. Of an absolute-form target this is what follows the authority; if that has no path,
    /// the target is `?query` or `/`.
    pub target: Span,
    /// Begins with `/`, or is `*`.
    pub path: Span,
    /// What follows the first `?`.
    pub query: Option<Span>,
    /// The authority as in `Host`, or of the absolute-form target where there is no `Host` (HTTP/1.0 only); empty when
    /// the request has neither (HTTP/1.0 only).
    pub host: Span,
    /// `host` without the port; an IPv6 address with its brackets.
    pub host_name: Span,
    /// In the order sent.
    pub fields: Vec<Field>,
    /// How the body is delimited.
    pub framing: RequestFraming,
    /// Whether the client wants to send another request on this connection.
    pub keep_alive: bool,
    /// Whether the client waits for `100 Continue` before it sends the body. Never without a body.
    pub expect_continue: bool,
    /// The value of `Upgrade`, if an upgrade is asked for and may be passed on.
    pub upgrade: Option<Span>,
    /// Bytes of the head, with empty lines before it and the one after it.
    pub length: usize,
    scan: Scan,
    /// `Connection` names fields that may come as trailers.
    drops_trailers: bool,
    /// The authority of an absolute-form target.
    authority: Option<Span>,
    default_port: u16,
    sent: Sent,
    /// The end of the request line with its CRLF.
    line_end: u32,
    request_id: Option<Span>,
}

/// How the target is sent on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Sent {
    /// The request line may be passed on as it is.
    #[default]
    Verbatim,
    /// The target is as in `target`.
    Target,
    /// A `/` comes before `target`, which is `?query`.
    SlashTarget,
    /// `*` (RFC 9112 3.2.4).
    Asterisk,
}

impl RequestHead {
    /// Makes ready for the next request.
    pub fn reset(&mut self) {
        let mut fields = std::mem::take(&mut self.fields);
        fields.clear();
        *self = RequestHead {
            fields,
            ..RequestHead::default()
        };
    }

    /// Reads the head at the start of `buffer`. After `Partial`, call again with the same bytes and more behind them;
    /// nothing is read twice. Once `Whole`, `reset` before the next request.
    ///
    /// # Errors
    /// Whatever is malformed, ambiguous, too large or not offered, as soon as its line is complete. The connection is
    /// to be closed after the answer, because where the next request begins is not certain.
    pub fn parse(&mut self, buffer: &[u8], limits: &Limits) -> Result<Parsed, Refused> {
        let window = &buffer[..buffer.len().min(limits.head_bytes)];
        let is_full = buffer.len() >= limits.head_bytes;
        if !is_full && self.scan.must_wait(window) {
            return Ok(Parsed::Partial);
        }
        if self.advance(window, limits)? {
            self.conclude(window)?;
            return Ok(Parsed::Whole);
        }
        if is_full {
            return Err(Fault::HeadTooLarge.into());
        }
        Ok(Parsed::Partial)
    }

    fn advance(&mut self, window: &[u8], limits: &Limits) -> Result<bool, Fault> {
        if !self.scan.started {
            if !self.start_line(window, limits)? {
                return Ok(false);
            }
            self.scan.started = true;
        }
        line::fields(window, &mut self.scan, &mut self.fields, limits.fields)
    }

    /// What can only be judged when all of the head is known.
    fn conclude(&mut self, buffer: &[u8]) -> Result<(), Fault> {
        self.length = self.scan.position;
        let mut seen = Seen::default();
        for (index, field) in self.fields.iter().enumerate() {
            seen.note(index, field.id)?;
        }
        self.judge_host(buffer, seen.host)?;
        self.framing = match declared(buffer, &mut self.fields, self.version)? {
            Declared::Nothing => RequestFraming::None,
            Declared::Length(length) => RequestFraming::Length(length),
            Declared::Chunked => RequestFraming::Chunked,
        };
        let options = match seen.connection {
            true => connection::options(buffer, &mut self.fields, Sender::Client)?,
            false => connection::Options::default(),
        };
        self.drops_trailers = options.names_fields;
        self.keep_alive = match self.version {
            Version::Http11 => !options.close,
            Version::Http10 => options.keep_alive && !options.close,
        };
        if let Some(index) = seen.expect {
            self.judge_expect(buffer, index)?;
        }
        if let (Some(index), true, false) = (seen.upgrade, options.upgrade, seen.upgrade_repeated) {
            self.judge_upgrade(buffer, index);
        }
        if seen.replaced {
            self.judge_replaced(buffer);
        }
        Ok(())
    }

    /// RFC 9112 3.2, RFC 9110 7.2.
    fn judge_host(&mut self, buffer: &[u8], index: Option<usize>) -> Result<(), Fault> {
        if let Some(index) = index {
            self.host = self.fields[index].value;
            self.fields[index].forward = self.fields[index].is_tight(buffer);
        } else if self.version == Version::Http11 {
            return Err(Fault::HostMissing);
        } else if let Some(authority) = self.authority {
            self.host = authority;
        } else {
            return Ok(());
        }
        let length = host::host_length(self.host.of(buffer))?;
        self.host_name = Span {
            start: self.host.start,
            end: self.host.start + length as u32,
        };
        if let Some(authority) = self.authority
            && !host::is_same(authority.of(buffer), self.host.of(buffer), self.default_port)?
        {
            return Err(Fault::HostDiffers);
        }
        Ok(())
    }

    /// RFC 9110 10.1.1.
    fn judge_expect(&mut self, buffer: &[u8], index: usize) -> Result<(), Fault> {
        let field = &mut self.fields[index];
        if !field.value.of(buffer).eq_ignore_ascii_case(b"100-continue") {
            return Err(Fault::Expectation);
        }
        self.expect_continue = self.version == Version::Http11
            && match self.framing {
                RequestFraming::None | RequestFraming::Length(0) => false,
                RequestFraming::Length(_) | RequestFraming::Chunked => true,
            };
        field.forward &= self.expect_continue;
        Ok(())
    }

    /// RFC 9110 7.8. What is not passed on is ignored, which a server may do with any upgrade.
    fn judge_upgrade(&mut self, buffer: &[u8], index: usize) {
        let bodiless = matches!(self.framing, RequestFraming::None | RequestFraming::Length(0));
        let value = self.fields[index].value;
        let mut protocols = elements(value.of(buffer)).peekable();
        if self.version == Version::Http11
            && bodiless
            && protocols.peek().is_some()
            && protocols.all(is_protocol_to_pass)
        {
            self.upgrade = Some(value);
        }
    }

    /// Fields that are written anew, unless the client is trusted or the value is good; and those that look like them.
    fn judge_replaced(&mut self, buffer: &[u8]) {
        let mut request_ids = 0;
        for field in &mut self.fields {
            if field.id == FieldId::XRequestId {
                request_ids += 1;
                let value = field.value.of(buffer);
                let good = (1..=REQUEST_ID_BYTES).contains(&value.len()) && value.iter().all(u8::is_ascii_graphic);
                self.request_id = (good && request_ids == 1).then_some(field.value);
                field.forward = false;
            } else if field.id == FieldId::Disguised || is_about_the_client(field.id) {
                field.forward = false;
            }
        }
    }

    /// The body that follows, at its beginning.
    pub fn body(&self) -> Body {
        let body = Body::of_request(&self.framing);
        if self.drops_trailers {
            body.drop_trailers()
        } else {
            body
        }
    }

    /// Lets no trailers pass: where a route takes fields away, none may come in again behind the body.
    pub fn drop_trailers(&mut self) {
        self.drops_trailers = true;
    }

    /// Whether it may be sent a second time although the first may have been executed (RFC 9110 9.2.2).
    pub fn may_repeat(&self) -> bool {
        may_repeat(self.kind)
    }

    /// The client's `X-Request-Id`, if it sent one that is passed on: one field of 1 to 128 visible ASCII bytes.
    pub fn request_id<'a>(&self, buffer: &'a [u8]) -> Option<&'a [u8]> {
        self.request_id.map(|id| id.of(buffer))
    }

    /// The values of all fields of this name, which is given in any case.
    pub fn values<'a>(&'a self, buffer: &'a [u8], lower_name: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        self.fields
            .iter()
            .filter(move |field| field.name.of(buffer).eq_ignore_ascii_case(lower_name))
            .map(move |field| field.value.of(buffer))
    }

    /// The value of the first cookie of this name.
    pub fn cookie<'a>(&self, buffer: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
        self.fields
            .iter()
            .filter(|field| field.id == FieldId::Cookie)
            .find_map(|field| cookie::value(field.value.of(buffer), name))
    }
}

/// Fields that say who the client is and what it asked of us: believed from trusted proxies only.
fn is_about_the_client(id: FieldId) -> bool {
    matches!(
        id,
        FieldId::XForwardedFor
            | FieldId::XForwardedHost
            | FieldId::XForwardedProto
            | FieldId::XForwardedOther
            | FieldId::Forwarded
    )
}

/// `name ["/" version]`, and not a version of HTTP.
fn is_protocol_to_pass(protocol: &[u8]) -> bool {
    let name = protocol.split(|&byte| byte == b'/').next().unwrap_or(b"");
    let sound = protocol.splitn(2, |&byte| byte == b'/').all(crate::bytes::is_token);
    let http = [&b"h2c"[..], b"h2", b"h3", b"http"]
        .iter()
        .any(|other| name.eq_ignore_ascii_case(other));
    sound && !http && trim(protocol) == protocol
}

/// Which fields a head has, by their place.
#[derive(Default)]
struct Seen {
    host: Option<usize>,
    expect: Option<usize>,
    upgrade: Option<usize>,
    upgrade_repeated: bool,
    connection: bool,
    replaced: bool,
}

impl Seen {
    fn note(&mut self, index: usize, id: FieldId) -> Result<(), Fault> {
        if id == FieldId::Host {
            if self.host.replace(index).is_some() {
                return Err(Fault::HostRepeated);
            }
        } else if id == FieldId::Expect {
            if self.expect.replace(index).is_some() {
                return Err(Fault::Expectation);
            }
        } else if id == FieldId::Upgrade {
            self.upgrade_repeated = self.upgrade.replace(index).is_some();
        } else if id == FieldId::Connection {
            self.connection = true;
        } else if matches!(id, FieldId::XRequestId | FieldId::Disguised) || is_about_the_client(id) {
            self.replaced = true;
        }
        Ok(())
    }
}
