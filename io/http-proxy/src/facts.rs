//! What is known of a request: who sent it, what its key is, what the log says of it.

use crate::access_log::Object;
use crate::client::{Client, Guest};
use crate::door::{Took, Ways};
use crate::exchange::Exchange;
use crate::reason::Reason;
use evenkeel_content::{DATE_BYTES, write_date};
use evenkeel_http::{Edits, RequestHead};
use evenkeel_model::{Balance, HashKey};
use evenkeel_rewrite::Facts;
use evenkeel_route::Fields;
use std::cell::Cell;
use std::io::Write;
use std::net::IpAddr;
use std::time::{Duration, SystemTime};

/// The longest text of an IP address is an IPv6 one with an embedded IPv4 one: 45 bytes.
const ADDRESS_BYTES: usize = 48;

/// An address as text, without allocation.
#[derive(Clone, Copy)]
pub(crate) struct AddressText {
    bytes: [u8; ADDRESS_BYTES],
    length: usize,
}

impl AddressText {
    /// `unknown` (RFC 7239 6.2) when there is none: a unix socket.
    pub(crate) fn new(address: Option<IpAddr>) -> AddressText {
        let mut text = AddressText {
            bytes: [0; ADDRESS_BYTES],
            length: 0,
        };
        let mut room = &mut text.bytes[..];
        // It fits, see ADDRESS_BYTES.
        let _ = match address {
            Some(address) => write!(room, "{address}"),
            None => write!(room, "unknown"),
        };
        text.length = ADDRESS_BYTES - room.len();
        text
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// Seconds since 1970.
pub(crate) fn seconds() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

/// Now, as an IMF-fixdate (RFC 9110 5.6.7), written once a second.
pub(crate) fn date() -> [u8; DATE_BYTES] {
    thread_local! {
        static WRITTEN: Cell<(u64, [u8; DATE_BYTES])> = const { Cell::new((u64::MAX, [0; DATE_BYTES])) };
    }
    let now = seconds();
    WRITTEN.with(|written| {
        let (at, text) = written.get();
        if at == now {
            return text;
        }
        let text = write_date(now);
        written.set((now, text));
        text
    })
}

/// A head's fields, for the router.
pub(crate) struct HeadFields<'a> {
    pub(crate) head: &'a RequestHead,
    pub(crate) input: &'a [u8],
}

impl Fields for HeadFields<'_> {
    fn visit(&self, lower_name: &[u8], each: &mut dyn FnMut(&[u8]) -> bool) {
        for value in self.head.values(self.input, lower_name) {
            if each(value) {
                return;
            }
        }
    }
}

/// The client's address: the peer's, or what trusted proxies say of whom they speak for (the last address in
/// `X-Forwarded-For` that is not itself trusted).
pub(crate) fn believed(peer: Option<IpAddr>, trusted: bool, ways: &Ways, exchange: &Exchange) -> Option<IpAddr> {
    if !trusted {
        return peer;
    }
    let mut believed = peer;
    let values: Vec<&[u8]> = exchange.head.values(&exchange.input, b"x-forwarded-for").collect();
    for value in values.iter().rev() {
        for element in value.rsplit(|byte| *byte == b',') {
            let Some(address) = std::str::from_utf8(element)
                .ok()
                .and_then(|text| text.trim().parse().ok())
            else {
                return believed;
            };
            believed = Some(address);
            if !ways.trusts(believed) {
                return believed;
            }
        }
    }
    believed
}

/// Whether the client came by TLS, to us or to a proxy that we trust.
pub(crate) fn is_secure(guest: &Guest, trusted: bool, exchange: &Exchange) -> bool {
    let told = || exchange.head.values(&exchange.input, b"x-forwarded-proto").next();
    guest.secure() || (trusted && told().is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"https")))
}

/// What clients say themselves of their certificates goes; what the one they showed says comes, unless the edits of the
/// route, which are there already, say otherwise.
pub(crate) fn tell_certificate(guarded: &[&str], guest: &Guest, edits: &mut Edits) {
    let fields = guest.tls.as_ref().map_or("", |tls| &*tls.certificate_fields);
    if fields.is_empty() && guarded.is_empty() {
        return;
    }
    for (name, value) in fields.split("\r\n").filter_map(|line| line.split_once(": ")) {
        if !edits.drops(name.as_bytes()) {
            edits.set(name.as_bytes(), value.as_bytes());
        }
    }
    for name in guarded {
        edits.guard(name.as_bytes());
    }
}

/// Adds to the edits of an exchange those that `edit` makes of what is known of the request.
pub(crate) fn edit(
    client: &Client,
    exchange: &mut Exchange,
    believed: Option<IpAddr>,
    backend: &str,
    edit: impl FnOnce(&Facts<'_>, &mut Edits),
) {
    let mut edits = std::mem::take(&mut exchange.edits);
    let (head, input) = (&exchange.head, &exchange.input);
    let address = AddressText::new(believed.or(client.peer()));
    let facts = Facts {
        client_address: address.as_bytes(),
        request_id: head.request_id(input).unwrap_or(&exchange.record.request_id),
        method: head.method.of(input),
        host: head.host.of(input),
        path: head.path.of(input),
        query: head.query.map(|query| query.of(input)),
        scheme: client.guest.scheme(),
        backend: backend.as_bytes(),
        tls: client.guest.tls.as_ref().map(|tls| tls.facts()).unwrap_or_default(),
    };
    edit(&facts, &mut edits);
    exchange.edits = edits;
}

/// The key that `balance = "hash"` hashes; 0 for other algorithms. Equal on every balancer with the same
/// configuration.
pub(crate) fn hash(balance: &Balance, exchange: &Exchange, believed: Option<IpAddr>) -> u64 {
    let Balance::Hash { on, .. } = balance else { return 0 };
    let (head, input) = (&exchange.head, &exchange.input);
    let key = match on {
        HashKey::Source => None,
        HashKey::Path => Some(head.path.of(input)),
        HashKey::Uri => Some(head.target.of(input)),
        HashKey::Header(name) => head.values(input, name.as_bytes()).next(),
        HashKey::Cookie(name) => head.cookie(input, name.as_bytes()),
    };
    match key {
        Some(key) => hash_bytes(key),
        None => hash_bytes(AddressText::new(believed).as_bytes()),
    }
}

/// Of a client's network: all of an IPv4 address, the /64 of an IPv6 one, as hosts change the rest from day to day.
/// `None`: there is no address.
pub(crate) fn network_hash(client: Option<IpAddr>) -> Option<u64> {
    Some(match client? {
        IpAddr::V4(address) => hash_bytes(&address.octets()),
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(address) => hash_bytes(&address.octets()),
            None => hash_bytes(&address.octets()[..8]),
        },
    })
}

/// FNV-1a, then the finaliser of MurmurHash3 so that all bits depend on all bytes.
pub(crate) fn hash_bytes(bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in bytes {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

/// One line of the access log.
pub(crate) struct Line<'a> {
    pub(crate) exchange: &'a Exchange,
    pub(crate) ways: &'a Ways,
    pub(crate) took: Option<Took<'a>>,
    pub(crate) reason: Reason,
    pub(crate) client: Option<IpAddr>,
    pub(crate) total: Duration,
    pub(crate) protocol: &'static str,
}

impl Line<'_> {
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let (head, input, record) = (&self.exchange.head, &self.exchange.input, &self.exchange.record);
        let mut object = Object::new(out);
        object.text("time", format!("{:.6}", jiff::Timestamp::now()).as_bytes());
        object.text("listener", self.ways.listener.name.as_bytes());
        object.text("client", AddressText::new(self.client).as_bytes());
        object.text("method", head.method.of(input));
        object.text("host", head.host.of(input));
        object.text("path", head.path.of(input));
        object.text("protocol", self.protocol.as_bytes());
        object.number("status", u64::from(record.status));
        object.text("reason", self.reason.as_str().as_bytes());
        if !record.detail.is_empty() {
            object.text("detail", record.detail.as_bytes());
        }
        object.text("route", self.took.map_or(b"", |took| took.way.name.as_bytes()));
        let target = self.took.and_then(|took| took.target);
        object.text("pool", target.map_or(b"", |target| target.pool.shared.name.as_bytes()));
        object.text("backend", record.backend.as_deref().unwrap_or("").as_bytes());
        object.number("attempts", u64::from(record.attempts));
        object.number("bytes_in", record.bytes_in);
        object.number("bytes_out", record.bytes_out);
        object.milliseconds("queue_ms", record.queued);
        object.milliseconds("connect_ms", record.connecting);
        object.milliseconds("first_byte_ms", record.first_byte);
        object.milliseconds("total_ms", Some(self.total));
        let made = if record.request_id[0] == 0 {
            &[][..]
        } else {
            &record.request_id
        };
        object.text("request_id", head.request_id(input).unwrap_or(made));
        object.end();
    }
}
