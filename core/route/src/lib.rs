//! The choice: which route of a listener a request takes, and why.
//!
//! This crate owns the order of routes and the reading of hosts, paths, cookies and queries for comparison. It must
//! never change what is sent to a backend: it compares copies, the bytes of the request stay as they came.
//!
//! # Which route wins
//! A candidate must match in everything it says. Among those the most specific wins, decided by, in this order:
//! 1. **host**: exact, then the longest `*.suffix`, then any;
//! 2. **path**: exact, then `path_regex`, then the longest prefix, then any (`/*` is any path);
//! 3. the **number of other conditions** (methods and `from` count as one each, every header, cookie and query
//!    parameter counts as one);
//! 4. the **order of the file**.
//!
//! So a request for a host that has routes of its own, none of which matches, falls back to less specific hosts.
//! A regular expression beats a prefix, because `/*` next to it would otherwise take everything from it.
//!
//! # How paths are read
//! Conditions on a path must not be dodged by another spelling of it. Paths, and the patterns of the
//! configuration, are compared after percent-decoding (all but `%2F` and `%25`, in one pass), removal of dot segments
//! (RFC 3986 5.2.4; `..` above the root stays at the root) and merging of empty segments (`//`).
//!
//! Some paths are read differently by different backends: `%2F`, `%5C` and `\` may be a slash, `;...` may be a
//! parameter that is not part of the segment, and `..` after an empty segment may remove it or the one before. Such a
//! path is routed in both readings; where these lead to different routes the request has no route. A route that writes
//! `%2F`, `%5C`, `\` or `;` in its own path has declared that its backend takes them as they stand, and when it wins no
//! second reading is made (in a `path_regex` a backslash declares nothing).

mod conditions;
mod explain;
mod groups;
mod host;
mod path;
mod prefixes;
mod rule;
mod split;
pub mod sticky;
mod table;
#[cfg(test)]
mod tests;

pub use explain::{Explanation, Missed};
pub use groups::{Found, Groups};
pub use host::HostKey;
pub use path::compared as compared_path;
pub use split::{Sides, key_of};

use evenkeel_model::Route;
use path::Reading;
use rule::Rule;
use std::net::IpAddr;
use table::Table;

/// What a request shows of itself to be routed.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// Case-sensitive (RFC 9110 9.1).
    pub method: &'a [u8],
    /// Without port, in any case, IPv6 in brackets, perhaps with a trailing dot. Empty = none was given.
    pub host: &'a [u8],
    /// The path as received, without the query. Empty is read as `/`; `*` (RFC 9112 3.2.4) matches only routes for any
    /// path.
    pub path: &'a [u8],
    /// What follows the `?`; `None` when there is none.
    pub query: Option<&'a [u8]>,
    /// The fields; asked only when a route with a header or cookie condition is a candidate.
    pub fields: &'a dyn Fields,
    /// The believed client address.
    pub client: IpAddr,
}

/// The fields of a request, wherever they are kept.
pub trait Fields {
    /// Calls `each` with every value of the field `lower_name`, in order, without surrounding whitespace, until it
    /// says `true` (stop).
    fn visit(&self, lower_name: &[u8], each: &mut dyn FnMut(&[u8]) -> bool);
}

/// Fields as a list of names (any case) and values.
#[derive(Debug, Clone, Copy, Default)]
pub struct FieldList<'a>(pub &'a [(&'a [u8], &'a [u8])]);

impl Fields for FieldList<'_> {
    fn visit(&self, lower_name: &[u8], each: &mut dyn FnMut(&[u8]) -> bool) {
        for (name, value) in self.0 {
            if name.eq_ignore_ascii_case(lower_name) && each(value) {
                return;
            }
        }
    }
}

/// A route that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRoute {
    /// Its index in the list given.
    pub route: usize,
    /// What is wrong with its `path_regex`.
    pub reason: String,
}

impl std::fmt::Display for BadRoute {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "route {}: path_regex: {}", self.route + 1, self.reason)
    }
}

impl std::error::Error for BadRoute {}

/// The routes of one listener, made ready. A clone costs memory but shares no lock with the original (a regular
/// expression keeps its scratch space behind one), so a worker thread may keep its own.
#[derive(Debug, Clone)]
pub struct Router {
    /// In the order of the file.
    rules: Vec<Rule>,
    table: Table,
    /// The first rule matches everything and no other can come before it.
    only: bool,
}

impl Router {
    /// Makes `routes` ready, in the order of the file.
    ///
    /// # Errors
    /// A `path_regex` that is not a regular expression, or one that would need more than 1 MiB of memory.
    pub fn new(routes: &[Route]) -> Result<Router, BadRoute> {
        let rules = routes
            .iter()
            .enumerate()
            .map(|(index, route)| Rule::new(index, route))
            .collect::<Result<Vec<_>, _>>()?;
        let table = Table::new(&rules);
        let only = matches!(rules.as_slice(), [rule] if rule.matches_everything());
        Ok(Router { rules, table, only })
    }

    /// The index of the route that `request` takes; `None` when no route matches, or when its path can be read in two
    /// ways that lead to different routes.
    #[inline]
    pub fn route(&self, request: &Request<'_>) -> Option<usize> {
        if self.only {
            return Some(0);
        }
        self.choose(request)
    }

    /// The choice and its reason. Slow (it looks at every route); for people.
    pub fn explain(&self, request: &Request<'_>) -> Explanation {
        explain::explain(&self.rules, self.route(request), request)
    }

    fn choose(&self, request: &Request<'_>) -> Option<usize> {
        let host = if self.table.looks_at_host() {
            HostKey::new(request.host)
        } else {
            HostKey::default()
        };
        if !self.table.looks_at_path() || path::is_plain(request.path) {
            return self.find(&host, request.path, request);
        }
        let (strict, ambiguous) = path::normalise(request.path, Reading::Strict);
        let chosen = self.find(&host, &strict, request);
        if !ambiguous || chosen.is_some_and(|index| self.rules[index].declares_reading()) {
            return chosen;
        }
        let (lenient, _) = path::normalise(request.path, Reading::Lenient);
        if lenient == strict || self.find(&host, &lenient, request) == chosen {
            return chosen;
        }
        None
    }

    fn find(&self, host: &HostKey, path: &[u8], request: &Request<'_>) -> Option<usize> {
        self.table
            .first(host, path, &mut |index| self.rules[index].conditions.hold(request))
    }
}
