//! What a route asks besides host and path.

use crate::path::triplet;
use crate::{Fields, Request};
use evenkeel_model::{Match, Name, ValuePattern};
use ipnet::IpNet;

/// What a route asks besides host and path; everything must hold.
#[derive(Debug, Clone)]
pub(crate) struct Conditions {
    methods: Vec<Name>,
    from: Vec<IpNet>,
    query: Vec<(Name, ValuePattern)>,
    headers: Vec<(Name, ValuePattern)>,
    cookies: Vec<(Name, ValuePattern)>,
}

/// The first condition that does not hold.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Unmet<'a> {
    Method(&'a [Name]),
    From(&'a [IpNet]),
    Query(&'a Name, &'a ValuePattern),
    Header(&'a Name, &'a ValuePattern),
    Cookie(&'a Name, &'a ValuePattern),
}

impl Conditions {
    pub(crate) fn new(matches: &Match) -> Conditions {
        Conditions {
            methods: matches.methods.clone(),
            from: matches.from.clone(),
            query: matches.query.clone(),
            headers: matches.headers.clone(),
            cookies: matches.cookies.clone(),
        }
    }

    /// How many there are: `method` and `from` are one each.
    pub(crate) fn count(&self) -> usize {
        usize::from(!self.methods.is_empty())
            + usize::from(!self.from.is_empty())
            + self.query.len()
            + self.headers.len()
            + self.cookies.len()
    }

    pub(crate) fn hold(&self, request: &Request<'_>) -> bool {
        self.unmet(request).is_none()
    }

    /// The cheap ones are asked first.
    pub(crate) fn unmet(&self, request: &Request<'_>) -> Option<Unmet<'_>> {
        if !self.methods.is_empty() && !self.methods.iter().any(|method| method.as_bytes() == request.method) {
            return Some(Unmet::Method(&self.methods));
        }
        if !self.from.is_empty() {
            // A dual-stack socket shows IPv4 clients as mapped addresses.
            let client = request.client.to_canonical();
            if !self.from.iter().any(|network| network.contains(&client)) {
                return Some(Unmet::From(&self.from));
            }
        }
        for (name, pattern) in &self.query {
            if !query_holds(request.query, name.as_bytes(), pattern) {
                return Some(Unmet::Query(name, pattern));
            }
        }
        for (name, pattern) in &self.headers {
            if !header_holds(request.fields, name.as_bytes(), pattern) {
                return Some(Unmet::Header(name, pattern));
            }
        }
        for (name, pattern) in &self.cookies {
            if !cookie_holds(request.fields, name.as_bytes(), pattern) {
                return Some(Unmet::Cookie(name, pattern));
            }
        }
        None
    }
}

fn header_holds(fields: &dyn Fields, name: &[u8], pattern: &ValuePattern) -> bool {
    let mut found = false;
    fields.visit(name, &mut |value| {
        found = is_value(pattern, value);
        found
    });
    found
}

fn is_value(pattern: &ValuePattern, value: &[u8]) -> bool {
    match pattern {
        ValuePattern::Present => true,
        ValuePattern::Exact(wanted) => wanted.as_bytes() == value,
    }
}

/// RFC 6265 4.2.1: `name=value` pairs parted by `;`. A value may stand in quotes; it is compared with and without them,
/// because backends differ. Of several cookies of one name any may match.
fn cookie_holds(fields: &dyn Fields, name: &[u8], pattern: &ValuePattern) -> bool {
    let mut found = false;
    fields.visit(b"cookie", &mut |line| {
        found = line.split(|&byte| byte == b';').any(|pair| {
            let Some(equals) = pair.iter().position(|&byte| byte == b'=') else {
                return false;
            };
            let value = pair[equals + 1..].trim_ascii();
            let unquoted = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\""));
            pair[..equals].trim_ascii() == name
                && (is_value(pattern, value) || unquoted.is_some_and(|value| is_value(pattern, value)))
        });
        found
    });
    found
}

/// `name=value` pairs parted by `&`, percent-decoded, `+` is a space; `name` alone has the empty value. Of several
/// parameters of one name any may match.
fn query_holds(query: Option<&[u8]>, name: &[u8], pattern: &ValuePattern) -> bool {
    let Some(query) = query else {
        return false;
    };
    query.split(|&byte| byte == b'&').any(|pair| {
        let equals = pair.iter().position(|&byte| byte == b'=');
        let value = equals.map_or(&b""[..], |equals| &pair[equals + 1..]);
        // An empty pair (`a&&b`) is no parameter of the empty name.
        !pair.is_empty()
            && is_decoded(&pair[..equals.unwrap_or(pair.len())], name)
            && match pattern {
                ValuePattern::Present => true,
                ValuePattern::Exact(wanted) => is_decoded(value, wanted.as_bytes()),
            }
    })
}

/// Whether `encoded` decodes to `plain`. A `%` that begins no triplet stands for itself.
fn is_decoded(mut encoded: &[u8], plain: &[u8]) -> bool {
    let mut wanted = plain.iter();
    while let [byte, after @ ..] = encoded {
        encoded = after;
        let decoded = match byte {
            b'+' => b' ',
            b'%' => match triplet(after) {
                Some(value) => {
                    encoded = &after[2..];
                    value
                }
                None => b'%',
            },
            other => *other,
        };
        if wanted.next() != Some(&decoded) {
            return false;
        }
    }
    wanted.next().is_none()
}
