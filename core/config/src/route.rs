//! Routes: the short form `routes = { "host/path" = "pool" }` and the long form `[[listener.NAME.route]]`.

mod action;
mod change;
mod traffic;

use crate::atom::groups::Groups;
use crate::atom::{self, http, name, pattern};
use crate::listener;
use crate::problem::Fault;
use crate::reading::Reading;
use crate::slot::Slot;
use crate::view::View;
use evenkeel_model::{Match, Name, PathPattern, Retry, RetryOn, Route, RouteAction, RouteRetry, ValuePattern};
use std::collections::HashMap;
use std::ops::Range;

/// A route and its place.
pub(crate) struct Placed {
    pub(crate) span: Range<usize>,
    pub(crate) route: Route,
    /// Nothing is wrong with it, so that what it matches is what is meant.
    pub(crate) is_sound: bool,
}

/// Each key of `routes` with its place.
pub(crate) fn short_form(reading: &mut Reading<'_>, slot: &Slot<'_>) -> Vec<Placed> {
    let mut routes = Vec::new();
    if slot.has_tables() {
        let fault = Fault::new("`routes` is a table of \"host/path\" = the name of a pool");
        let help = "the long form is `[[listener.NAME.route]]`, without an `s`";
        reading.report.add(slot.key_span.clone(), fault.help(help));
        return routes;
    }
    for pair in slot.pairs(&mut reading.report) {
        let matches = match pattern::route_key(pair.name) {
            Ok((host, path)) => Some(Match {
                host,
                path,
                ..Match::default()
            }),
            Err(fault) => {
                reading.report.add(pair.key_span.clone(), fault);
                None
            }
        };
        let pool = pool_name(reading, &pair);
        if let (Some(matches), Some(pool)) = (matches, pool) {
            routes.push(Placed {
                span: pair.key_span.clone(),
                route: Route::new(pair.name, matches, RouteAction::Pool(pool)),
                is_sound: true,
            });
        }
    }
    routes
}

/// The name of a pool, noted as wanted.
pub(crate) fn pool_name(reading: &mut Reading<'_>, slot: &Slot<'_>) -> Option<Name> {
    let name = slot.parsed(&mut reading.report, name::name)?;
    reading.want_pool(slot.span(), &name);
    Some(name)
}

/// One `[[listener.NAME.route]]`; `None` when what it does is not sound.
pub(crate) fn long_form(reading: &mut Reading<'_>, view: &View<'_>) -> Option<Placed> {
    let told = reading.report.told();
    let name = route_name(reading, view);
    let matches = matches(reading, view);
    let groups = Groups::of(matches.path.as_ref(), view.has("path_regex"));
    let action = action::action(reading, view, &groups);
    let path_change = change::path(reading, view, &matches, &groups);
    let report = &mut reading.report;
    let timeout = view.duration(report, "timeout");
    let set_host = view.parsed(report, "set_host", atom::change::authority);
    let buffer = view.size(report, "buffer");
    let max_body_size = view.size(report, "max_body_size");
    let retry = view.table(report, "retry").map(|inner| self::retry(reading, &inner));
    let request_headers = change::fields(reading, view, "request_headers", &groups);
    let response_headers = change::fields(reading, view, "response_headers", &groups);
    let mirror = traffic::mirror(reading, view, action.as_ref());
    let rate = traffic::rate(reading, view);
    let compress = traffic::compress(reading, view);
    if let Some(action) = &action {
        action::refuse_useless(reading, view, action);
    }
    let route = Route {
        path_change,
        set_host,
        timeout,
        retry,
        request_headers,
        response_headers,
        mirror,
        buffer,
        max_body_size,
        rate,
        compress,
        ..Route::new(name, matches, action?)
    };
    Some(Placed {
        span: view.place.clone(),
        route,
        is_sound: view.is_sound && reading.report.told() == told,
    })
}

/// Host and path as they are written.
fn route_name(reading: &mut Reading<'_>, view: &View<'_>) -> Name {
    let mut name = String::new();
    for key in ["host", "path", "path_regex"] {
        let slot = view.get(key).filter(Slot::is_text);
        name.push_str(slot.and_then(|slot| slot.text(&mut reading.report)).unwrap_or_default());
    }
    if name.is_empty() { Name::from("*") } else { name.into() }
}

fn matches(reading: &mut Reading<'_>, view: &View<'_>) -> Match {
    let report = &mut reading.report;
    if let (Some(_), Some(second)) = (view.get("path"), view.get("path_regex")) {
        report.add(second.key_span, Fault::new("a route has either `path` or `path_regex`"));
    }
    let path = view.parsed(report, "path", pattern::path);
    let path_regex = view.parsed(report, "path_regex", pattern::path_regex);
    for key in ["method", "from"] {
        if let Some(slot) = view.get(key).filter(Slot::is_empty) {
            let fault = Fault::new(format!("`{key}` is empty, so nothing would match"));
            slot.fault(report, fault.help("leave it out to match all"));
        }
    }
    let methods = view.get("method").map(|slot| slot.items(report)).unwrap_or_default();
    Match {
        host: view.parsed(report, "host", pattern::host).flatten(),
        path: path.or(path_regex),
        methods: methods
            .iter()
            .filter_map(|item| item.parsed(report, http::method))
            .collect(),
        headers: conditions(reading, view, "header", http::field_name, http::field_value),
        cookies: conditions(reading, view, "cookie", http::cookie_name, http::value),
        query: conditions(reading, view, "query", http::parameter_name, http::value),
        from: listener::networks(reading, view, "from"),
    }
}

fn conditions(
    reading: &mut Reading<'_>,
    view: &View<'_>,
    key: &str,
    read_name: fn(&str) -> Result<Name, Fault>,
    read_value: fn(&str) -> Result<ValuePattern, Fault>,
) -> Vec<(Name, ValuePattern)> {
    let report = &mut reading.report;
    let pairs = view.get(key).map(|slot| slot.pairs(report)).unwrap_or_default();
    let mut conditions: Vec<(Name, ValuePattern)> = Vec::new();
    let mut seen: HashMap<Name, ()> = HashMap::new();
    for pair in pairs {
        let value = pair.parsed(report, read_value);
        match read_name(pair.name) {
            Ok(name) if seen.insert(name.clone(), ()).is_some() => {
                report.add(
                    pair.key_span.clone(),
                    Fault::new(format!("`{name}` is asked for twice")),
                );
            }
            Ok(name) => conditions.extend(value.map(|value| (name, value))),
            Err(fault) => report.add(pair.key_span.clone(), fault),
        }
    }
    conditions
}

fn retry(reading: &mut Reading<'_>, view: &View<'_>) -> RouteRetry {
    let report = &mut reading.report;
    let mut on = vec![RetryOn::Connect, RetryOn::Reset];
    if let Some(slot) = view.get("on") {
        let items = slot.items(report);
        if items.is_empty() {
            let fault = Fault::new("`on` is empty").help("`attempts = 0` turns retries off");
            slot.fault(report, fault);
        }
        on = items.iter().filter_map(|item| retry_on(report, item)).collect();
    }
    RouteRetry {
        attempts: view.count(report, "attempts").unwrap_or(Retry::default().attempts),
        on,
    }
}

fn retry_on(report: &mut crate::report::Report<'_>, item: &Slot<'_>) -> Option<RetryOn> {
    if item.is_integer() {
        return item
            .integer(report)
            .and_then(|status| u16::try_from(status).ok())
            .map(RetryOn::Status);
    }
    item.parsed(report, http::retry_on)
}

/// Two routes of one listener that match the same: the second would never be chosen. Of a route that is not sound
/// nobody knows what it is to match.
pub(crate) fn refuse_duplicates(reading: &mut Reading<'_>, routes: &[Placed]) {
    let mut seen: HashMap<String, usize> = HashMap::new();
    for Placed { span, route, .. } in routes.iter().filter(|placed| placed.is_sound) {
        let line = reading.report.line(span.start);
        match seen.entry(sameness(&route.matches)) {
            std::collections::hash_map::Entry::Vacant(entry) => {
                entry.insert(line);
            }
            std::collections::hash_map::Entry::Occupied(entry) => {
                let message = format!("this is never chosen: line {} already matches the same", entry.get());
                reading.report.absent(span.clone(), Fault::new(message));
            }
        }
    }
}

/// Equal for matches that match the same requests, as far as writing them differently goes.
fn sameness(matches: &Match) -> String {
    let mut matches = matches.clone();
    // `example.com/*` and `example.com` are the same.
    if matches.path == Some(PathPattern::Prefix("/".into())) {
        matches.path = None;
    }
    matches.methods.sort();
    matches.methods.dedup();
    matches.from.sort();
    for named in [&mut matches.headers, &mut matches.cookies, &mut matches.query] {
        named.sort_by(|(one, _), (other, _)| one.cmp(other));
    }
    format!("{matches:?}")
}
