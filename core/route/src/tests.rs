mod choices;
mod naive;
mod paths;
mod splits;

use crate::{FieldList, Request, Router};
use evenkeel_model::{HostPattern, Match, PathPattern, Route, RouteAction, ValuePattern};

/// A route written as `host/path`: `*.` in front of the host is a suffix, `/*` at the end a prefix, `~` before the path
/// a regular expression; either part may be missing.
pub(crate) fn route(text: &str) -> Route {
    let (host, path) = match text.find(['/', '~']) {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    let host = match host.strip_prefix('*') {
        _ if host.is_empty() => None,
        Some(suffix) => Some(HostPattern::Suffix(suffix.into())),
        None => Some(HostPattern::Exact(host.into())),
    };
    let path = if path.is_empty() {
        None
    } else if let Some(regex) = path.strip_prefix('~') {
        Some(PathPattern::Regex(regex.into()))
    } else if let Some(prefix) = path.strip_suffix('*') {
        Some(PathPattern::Prefix(prefix.into()))
    } else {
        Some(PathPattern::Exact(path.into()))
    };
    let matches = Match {
        host,
        path,
        ..Match::default()
    };
    Route::new(text, matches, RouteAction::Pool("pool".into()))
}

pub(crate) fn value(text: &str) -> ValuePattern {
    match text {
        "*" => ValuePattern::Present,
        text => ValuePattern::Exact(text.into()),
    }
}

/// A GET of `host/path?query` from 192.0.2.1 without fields.
pub(crate) fn request(url: &str) -> Request<'_> {
    let (url, query) = match url.split_once('?') {
        Some((url, query)) => (url, Some(query.as_bytes())),
        None => (url, None),
    };
    let (host, path) = url.split_at(url.find(['/', '*']).unwrap_or(url.len()));
    Request {
        method: b"GET",
        host: host.as_bytes(),
        path: path.as_bytes(),
        query,
        fields: &FieldList(&[]),
        client: [192, 0, 2, 1].into(),
    }
}

/// Which of `routes` takes `url`.
pub(crate) fn chosen<'a>(routes: &[&'a str], url: &str) -> Option<&'a str> {
    let router = Router::new(&routes.iter().map(|text| route(text)).collect::<Vec<_>>()).unwrap();
    router.route(&request(url)).map(|index| routes[index])
}
