//! What a route asks besides leading somewhere: changes, a limit, a mirror, a buffer. Most ask nothing, and their requests
//! never come here.

use crate::exchange::Exchange;
use crate::facts::{AddressText, HeadFields};
use crate::mirror::MirrorTo;
use evenkeel_model::{Name, Rate, RateKey, Route, SplitBy};
use evenkeel_net::reactor;
use evenkeel_rate::{Limiter, Verdict};
use evenkeel_rewrite::Rewrite;
use evenkeel_route::{Fields, HostKey, compared_path, key_of};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

/// Bytes of an IPv6 address that tell clients apart: who has one address of a /64 has all of them.
const NETWORK_BYTES: usize = 8;

#[derive(Default)]
pub(crate) struct Rules {
    pub(crate) rewrite: Option<Rewrite>,
    pub(crate) limit: Option<Limit>,
    pub(crate) mirror: Option<MirrorTo>,
    /// Bytes of a body that is held until it is whole.
    pub(crate) buffer: Option<u64>,
}

impl Rules {
    /// `None` when nothing is asked.
    pub(crate) fn boxed(self) -> Option<Box<Rules>> {
        let Rules {
            rewrite,
            limit,
            mirror,
            buffer,
        } = &self;
        let asks = rewrite.is_some() || limit.is_some() || mirror.is_some() || buffer.is_some();
        asks.then(|| Box::new(self))
    }

    /// Whether the limit takes this request; else after which time it would take one.
    pub(crate) fn refuses(&self, exchange: &Exchange, believed: Option<IpAddr>) -> Option<Duration> {
        self.limit.as_ref()?.refuses(exchange, believed)
    }
}

/// A limit of a route, shared by all workers.
pub(crate) struct Limit {
    pub(crate) on: Vec<RateKey>,
    pub(crate) limiter: Arc<Limiter>,
}

impl Limit {
    fn refuses(&self, exchange: &Exchange, believed: Option<IpAddr>) -> Option<Duration> {
        let ask = |kind, key: &[u8]| self.limiter.ask(kind, key, reactor::now());
        let verdict = match self.on.as_slice() {
            [only] => with_key(only, exchange, believed, ask),
            several => {
                let mut joined = Vec::new();
                for on in several {
                    with_key(on, exchange, believed, |kind, key| {
                        // With its length, so that what ends here and begins there makes a difference.
                        joined.push(kind);
                        joined.extend_from_slice(&key.len().to_le_bytes());
                        joined.extend_from_slice(key);
                    });
                }
                ask(b'+', &joined)
            }
        };
        match verdict {
            Verdict::Taken => None,
            Verdict::Refused { after } => Some(after),
        }
    }
}

/// Gives `use_it` what tells this request apart from others, and a kind that keeps values apart from addresses of the
/// same bytes.
fn with_key<T>(on: &RateKey, exchange: &Exchange, believed: Option<IpAddr>, use_it: impl FnOnce(u8, &[u8]) -> T) -> T {
    let (head, input) = (&exchange.head, &exchange.input);
    let value = match on {
        RateKey::Source => None,
        RateKey::All => Some(&[][..]),
        RateKey::Header(name) => head.values(input, name.as_bytes()).next(),
        RateKey::Cookie(name) => head.cookie(input, name.as_bytes()),
        RateKey::Host => return use_it(b'v', HostKey::new(head.host_name.of(input)).as_bytes()),
        RateKey::Path => return use_it(b'v', &compared_path(head.path.of(input))),
        RateKey::Uri => {
            let mut uri = compared_path(head.path.of(input)).into_owned();
            if let Some(query) = head.query {
                uri.push(b'?');
                uri.extend_from_slice(query.of(input));
            }
            return use_it(b'v', &uri);
        }
    };
    match (value, believed) {
        (Some(value), _) => use_it(b'v', value),
        (None, Some(IpAddr::V4(address))) => use_it(b'4', &address.octets()),
        (None, Some(IpAddr::V6(address))) => use_it(b'6', &address.octets()[..NETWORK_BYTES]),
        (None, None) => use_it(b'-', &[]),
    }
}

/// The key by which a client keeps its side of a split.
pub(crate) fn split_key(by: &SplitBy, exchange: &Exchange, believed: Option<IpAddr>) -> u64 {
    let (head, input) = (&exchange.head, &exchange.input);
    let mut found = None;
    match by {
        SplitBy::Source => {}
        SplitBy::Header(name) => HeadFields { head, input }.visit(name.as_bytes(), &mut |value| {
            found = Some(key_of(value));
            true
        }),
        SplitBy::Cookie(name) => found = head.cookie(input, name.as_bytes()).map(key_of),
    }
    found.unwrap_or_else(|| key_of(AddressText::new(believed).as_bytes()))
}

/// What makes a limit the same after a reload: then it counts on.
#[derive(PartialEq, Eq, Hash)]
struct LimitName {
    listener: Name,
    route: String,
    rate: Rate,
}

/// The limits of all workers.
pub(crate) struct Limits {
    limiters: Mutex<HashMap<LimitName, Weak<Limiter>>>,
    seed: std::hash::RandomState,
}

impl Limits {
    pub(crate) fn new() -> Limits {
        Limits {
            limiters: Mutex::default(),
            seed: std::hash::RandomState::new(),
        }
    }

    /// The one limiter of a route; a new one when its limit, or what the route matches, is new.
    pub(crate) fn limiter(&self, listener: &Name, route: &Route, rate: &Rate) -> Arc<Limiter> {
        let name = LimitName {
            listener: listener.clone(),
            route: format!("{:?}", route.matches),
            rate: rate.clone(),
        };
        let mut limiters = self.limiters.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(limiter) = limiters.get(&name).and_then(Weak::upgrade) {
            return limiter;
        }
        limiters.retain(|_, limiter| limiter.strong_count() > 0);
        let seed = std::hash::BuildHasher::hash_one(&self.seed, limiters.len());
        let limiter = Arc::new(Limiter::new(rate, seed));
        limiters.insert(name, Arc::downgrade(&limiter));
        limiter
    }
}
