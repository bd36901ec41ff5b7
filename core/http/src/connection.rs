//! The `Connection` field (RFC 9110 7.6.1): what it asks of this hop, and which fields it takes off the message.

use crate::bytes::is_token;
use crate::fault::Fault;
use crate::field::{Field, FieldId};
use crate::list::elements;

/// Options in all `Connection` fields of a message. Real ones have up to three; each is compared with each field, so
/// that the worst head of 256 fields costs some 100 microseconds.
const OPTIONS: usize = 128;

/// What `Connection` asks.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Options {
    pub(crate) close: bool,
    pub(crate) keep_alive: bool,
    pub(crate) upgrade: bool,
    /// It names fields besides, of which some may come as trailers.
    pub(crate) names_fields: bool,
}

/// Who sent the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sender {
    Client,
    Backend,
}

/// Reads all `Connection` fields and unmarks the fields they name.
///
/// # Errors
/// An option that is no token, too many of them, or the name of a field that must not be lost.
pub(crate) fn options(buffer: &[u8], fields: &mut [Field], sender: Sender) -> Result<Options, Fault> {
    let mut options = Options::default();
    let mut count = 0;
    for index in 0..fields.len() {
        if fields[index].id != FieldId::Connection {
            continue;
        }
        for option in elements(fields[index].value.of(buffer)) {
            count += 1;
            if count > OPTIONS {
                return Err(Fault::ConnectionTooMany);
            }
            if !is_token(option) {
                return Err(Fault::ConnectionOption);
            }
            if option.eq_ignore_ascii_case(b"close") {
                options.close = true;
            } else if option.eq_ignore_ascii_case(b"keep-alive") {
                options.keep_alive = true;
            } else if option.eq_ignore_ascii_case(b"upgrade") {
                options.upgrade = true;
            } else {
                let id = FieldId::of(option);
                take_off(id, option, buffer, fields, sender)?;
                // `Connection: TE` comes from every client that asks for trailers, and takes none away.
                options.names_fields |= !id.is_forbidden_in_trailers();
            }
        }
    }
    Ok(options)
}

fn take_off(id: FieldId, name: &[u8], buffer: &[u8], fields: &mut [Field], sender: Sender) -> Result<(), Fault> {
    if must_stay(id, sender) {
        return Err(Fault::ConnectionNames);
    }
    for field in fields {
        if field.id == id && field.name.of(buffer).eq_ignore_ascii_case(name) {
            field.forward = false;
        }
    }
    Ok(())
}

/// Fields that a message must not lose on the way. A client that names one of them wants the backend to judge another
/// request than the one we judged (its framing, its authority, who sent it and with what right). A backend that does
/// so hurts only its own answer, so there the framing alone is protected.
fn must_stay(id: FieldId, sender: Sender) -> bool {
    use FieldId::*;
    match id {
        ContentLength => true,
        Authorization | ContentDigest | ContentEncoding | ContentMd5 | ContentOther | ContentRange | ContentType
        | Cookie | Expect | Forwarded | Host | TransferEncoding | XForwardedFor | XForwardedHost | XForwardedOther
        | XForwardedProto | XRequestId => sender == Sender::Client,
        Other
        | Disguised
        | Te
        | Age
        | Date
        | Vary
        | Range
        | Accept
        | Server
        | Pragma
        | Upgrade
        | Trailer
        | Referer
        | Expires
        | Warning
        | Location
        | IfMatch
        | IfRange
        | Connection
        | SetCookie
        | KeepAlive
        | UserAgent
        | RetryAfter
        | MaxForwards
        | CacheControl
        | IfNoneMatch
        | Http2Settings
        | ProxyConnection
        | WwwAuthenticate
        | IfModifiedSince
        | ProxyAuthenticate
        | ProxyAuthorization
        | IfUnmodifiedSince
        | AuthenticationInfo
        | ProxyAuthenticationInfo => false,
    }
}
