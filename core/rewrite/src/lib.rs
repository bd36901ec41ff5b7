//! What a route changes on the way: the path, the host, and fields, with variables in their values.
//!
//! This crate owns how paths are shortened and replaced and what variables stand for. It must never decide what may be
//! sent: that is [`evenkeel_http::Edits`], which nothing here can talk into ending a line early or changing the framing.
//!
//! # Paths
//! What the route's `path` matched, segment by segment, is taken off the path as the client sent it; what is left keeps
//! its spelling (percent-encoding and all). Dot segments and empty segments are resolved first, in the order in which
//! routing resolves them, so that what is left is never more than the client could have asked for plainly. The query stays.
//! `*` (RFC 9112 3.2.4) is no path and stays.
//!
//! # Values
//! A variable that a request does not have is empty, and a value of which nothing is left is not sent. A `set` takes away
//! what came under its name in any case, also behind the body, and of a request also with `_` for `-`: no client can forge
//! such a field.

mod path;
mod value;

pub use value::{Facts, TlsFacts};

use evenkeel_http::Edits;
use evenkeel_model::{FieldChanges, Name, Route};
use path::PathRule;

/// What one route changes, made ready.
#[derive(Debug, Clone)]
pub struct Rewrite {
    path: Option<PathRule>,
    host: Option<Name>,
    request: FieldChanges,
    response: FieldChanges,
}

impl Rewrite {
    /// `None` when the route changes nothing.
    pub fn new(route: &Route) -> Option<Rewrite> {
        let rewrite = Rewrite {
            path: route
                .path_change
                .as_ref()
                .map(|change| PathRule::new(change, route.matches.path.as_ref())),
            host: route.set_host.clone(),
            request: route.request_headers.clone(),
            response: route.response_headers.clone(),
        };
        (rewrite.changes_request() || rewrite.changes_response()).then_some(rewrite)
    }

    /// Whether a request is sent otherwise than it came.
    pub fn changes_request(&self) -> bool {
        self.path.is_some() || self.host.is_some() || !self.request.is_empty()
    }

    /// Whether an answer is sent otherwise than it came.
    pub fn changes_response(&self) -> bool {
        !self.response.is_empty()
    }

    /// Whether fields of requests are taken away: trailers could bring them back.
    pub fn takes_fields(&self) -> bool {
        !self.request.set.is_empty() || !self.request.remove.is_empty()
    }

    /// The path that is sent on, or looked for among files, appended to `out`. Returns false when it stays as it is; then
    /// nothing is appended.
    pub fn path(&self, path: &[u8], out: &mut Vec<u8>) -> bool {
        self.path.as_ref().is_some_and(|rule| rule.apply(path, out))
    }

    /// Writes what changes on a request into `edits`, which are empty.
    pub fn request(&self, facts: &Facts<'_>, edits: &mut Edits) {
        let mut room = Vec::new();
        if self.path(facts.path, &mut room) {
            edits.set_target(&room, facts.query);
        }
        if let Some(host) = &self.host {
            edits.set_host(host.as_bytes());
        }
        request_fields(&self.request, facts, &mut room, edits);
    }

    /// Writes what changes on an answer into `edits`, which are empty.
    pub fn response(&self, facts: &Facts<'_>, edits: &mut Edits) {
        response_fields(&self.response, facts, &mut Vec::new(), edits);
    }
}

/// Of a request: what is set or taken away cannot come under another spelling of its name either.
fn request_fields(changes: &FieldChanges, facts: &Facts<'_>, room: &mut Vec<u8>, edits: &mut Edits) {
    for name in &changes.remove {
        edits.guard(name.as_bytes());
    }
    for (name, template) in &changes.set {
        edits.set_guarded(name.as_bytes(), value::expanded(template, facts, room));
    }
    added(changes, facts, room, edits);
}

fn response_fields(changes: &FieldChanges, facts: &Facts<'_>, room: &mut Vec<u8>, edits: &mut Edits) {
    for name in &changes.remove {
        edits.remove(name.as_bytes());
    }
    for (name, template) in &changes.set {
        edits.set(name.as_bytes(), value::expanded(template, facts, room));
    }
    added(changes, facts, room, edits);
}

fn added(changes: &FieldChanges, facts: &Facts<'_>, room: &mut Vec<u8>, edits: &mut Edits) {
    for (name, template) in &changes.add {
        edits.add(name.as_bytes(), value::expanded(template, facts, room));
    }
}
