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
//! What groups of a `path_regex` matched is put in percent-decoded as for routing, and encoded again where it is sent; dot
//! segments that this makes are resolved once more.
//!
//! # Values
//! A variable that a request does not have is empty, and a value of which nothing is left is not sent. A `set` takes away
//! what came under its name in any case, also behind the body, and of a request also with `_` for `-`: no client can forge
//! such a field.

mod location;
mod path;
mod value;

pub use value::{Facts, TlsFacts};

use evenkeel_http::Edits;
use evenkeel_model::{FieldChanges, Name, PathChange, RedirectTo, Route, RouteAction, Template};
use evenkeel_route::{Found, Groups};
use path::PathRule;

/// What one route changes, made ready.
#[derive(Debug, Clone)]
pub struct Rewrite {
    path: Option<PathRule>,
    host: Option<Name>,
    request: FieldChanges,
    response: FieldChanges,
    location: Option<Template>,
    groups: InUse,
}

/// The groups of the route's `path_regex`, for what uses them.
#[derive(Debug, Clone, Default)]
struct InUse {
    groups: Option<Groups>,
    in_request: bool,
    in_response: bool,
}

impl InUse {
    fn new(route: &Route) -> InUse {
        let uses = |changes: &FieldChanges| {
            let mut values = changes.set.iter().chain(&changes.add);
            values.any(|(_, template)| template.has_groups())
        };
        let (in_request, in_response) = (uses(&route.request_headers), uses(&route.response_headers));
        let elsewhere = matches!(route.path_change, Some(PathChange::Groups(_))) || location(route).is_some();
        InUse {
            groups: (in_request || in_response || elsewhere)
                .then(|| Groups::new(route.matches.path.as_ref()))
                .flatten(),
            in_request,
            in_response,
        }
    }

    fn find(&self, path: &[u8], needed: bool) -> Option<Found> {
        self.groups.as_ref().filter(|_| needed)?.find(path)
    }
}

fn location(route: &Route) -> Option<&Template> {
    match &route.action {
        RouteAction::Redirect(RedirectTo::Groups(template)) => Some(template),
        RouteAction::Redirect(RedirectTo::Https { .. } | RedirectTo::Location(_))
        | RouteAction::Pool(_)
        | RouteAction::Split(_)
        | RouteAction::Respond(_)
        | RouteAction::Files(_) => None,
    }
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
            location: location(route).cloned(),
            groups: InUse::new(route),
        };
        let changes = rewrite.changes_request() || rewrite.changes_response() || rewrite.location.is_some();
        changes.then_some(rewrite)
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
        let groups = self.groups.groups.as_ref();
        self.path.as_ref().is_some_and(|rule| rule.apply(path, groups, out))
    }

    /// Where a redirect with groups leads, appended to `out`; nothing for any other route.
    pub fn location(&self, path: &[u8], out: &mut Vec<u8>) {
        if let Some(template) = &self.location {
            location::write(template, self.groups.find(path, true).as_ref(), out);
        }
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
        let found = self.groups.find(facts.path, self.groups.in_request);
        let mut values = Values {
            facts,
            found: found.as_ref(),
            room,
        };
        for name in &self.request.remove {
            edits.guard(name.as_bytes());
        }
        // What is set cannot come under another spelling of its name either.
        for (name, template) in &self.request.set {
            edits.set_guarded(name.as_bytes(), values.of(template));
        }
        for (name, template) in &self.request.add {
            edits.add(name.as_bytes(), values.of(template));
        }
    }

    /// Writes what changes on an answer into `edits`, which are empty.
    pub fn response(&self, facts: &Facts<'_>, edits: &mut Edits) {
        let found = self.groups.find(facts.path, self.groups.in_response);
        let mut values = Values {
            facts,
            found: found.as_ref(),
            room: Vec::new(),
        };
        for name in &self.response.remove {
            edits.remove(name.as_bytes());
        }
        for (name, template) in &self.response.set {
            edits.set(name.as_bytes(), values.of(template));
        }
        for (name, template) in &self.response.add {
            edits.add(name.as_bytes(), values.of(template));
        }
    }
}

/// Puts values together.
struct Values<'a> {
    facts: &'a Facts<'a>,
    found: Option<&'a Found>,
    room: Vec<u8>,
}

impl Values<'_> {
    fn of<'b>(&'b mut self, template: &'b Template) -> &'b [u8] {
        value::expanded(template, self.facts, self.found, &mut self.room)
    }
}
