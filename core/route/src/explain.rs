//! The choice in words.

use crate::Request;
use crate::conditions::Unmet;
use crate::host::HostKey;
use crate::path::{self, Reading};
use crate::rule::{HostRule, PathRule, Rule};
use evenkeel_model::{Name, ValuePattern};
use std::cmp::Reverse;

/// How many routes that did not match are told of; more tire the reader.
const MOST_MISSED: usize = 20;

/// Which route a request takes, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The index of the route; `None` = no route.
    pub route: Option<usize>,
    /// One sentence: why this route won, or why there is none.
    pub why: String,
    /// More specific routes that the request's host could have taken and did not, the most specific first; at most 20.
    pub missed: Vec<Missed>,
    /// How many further ones are not listed.
    pub more_missed: usize,
}

/// A route that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missed {
    /// Its index.
    pub route: usize,
    /// One sentence: the first condition that did not hold.
    pub why: String,
}

pub(crate) fn explain(rules: &[Rule], chosen: Option<usize>, request: &Request<'_>) -> Explanation {
    let host = HostKey::new(request.host);
    let (path, _) = path::normalise(request.path, Reading::Strict);
    let mut nearer: Vec<&Rule> = rules
        .iter()
        .filter(|rule| host_matches(&rule.host, host.as_bytes()))
        .collect();
    nearer.sort_by_key(|rule| Reverse(rule.rank()));
    let mut missed = Vec::new();
    let mut matched = None;
    for rule in nearer {
        match unmet(rule, &path, request) {
            None => {
                matched = Some(rule);
                break;
            }
            Some(why) => missed.push(Missed {
                route: rule.index,
                why: format!("{} did not match: {why}", title(rule)),
            }),
        }
    }
    let more_missed = missed.len().saturating_sub(MOST_MISSED);
    missed.truncate(MOST_MISSED);
    let why = match (chosen, matched) {
        (Some(_), Some(rule)) => won(rule),
        (Some(index), None) => won(&rules[index]),
        (None, Some(rule)) => format!(
            "the path {} can be read in two ways (an encoded slash, a backslash or a parameter), and they lead to \
             different routes, of which {} is one",
            shown(request.path),
            title(rule)
        ),
        (None, None) if missed.is_empty() => format!("no route has the host {}", shown(request.host)),
        (None, None) => "no route matches".to_owned(),
    };
    Explanation {
        route: chosen,
        why,
        missed,
        more_missed,
    }
}

fn host_matches(rule: &HostRule, host: &[u8]) -> bool {
    match rule {
        HostRule::Any => true,
        HostRule::Exact(key) => !host.is_empty() && **key == *host,
        HostRule::Suffix(key) => host.starts_with(key) && host.len() > key.len() + 1 && host[key.len()] == b'.',
    }
}

/// The first condition that does not hold, in words.
fn unmet(rule: &Rule, path: &[u8], request: &Request<'_>) -> Option<String> {
    let path_matches = match &rule.path {
        PathRule::Any => true,
        PathRule::Exact { path: wanted, .. } => **wanted == *path,
        PathRule::Prefix { path: wanted, .. } => {
            matches!(path.strip_prefix(&**wanted), Some([] | [b'/', ..]))
        }
        PathRule::Regex { regex, .. } => regex.is_match(path),
    };
    if !path_matches {
        return Some(format!("the path {} is not {}", shown(path), path_words(&rule.path)));
    }
    Some(match rule.conditions.unmet(request)? {
        Unmet::Method(methods) => format!("the method {} is not {}", shown(request.method), listed(methods)),
        Unmet::From(networks) => format!(
            "the client {} is not in {}",
            request.client.to_canonical(),
            listed(networks)
        ),
        Unmet::Query(name, pattern) => format!("the query has no parameter {}", wanted(name, pattern)),
        Unmet::Header(name, pattern) => format!("the request has no header {}", wanted(name, pattern)),
        Unmet::Cookie(name, pattern) => format!("the request has no cookie {}", wanted(name, pattern)),
    })
}

fn won(rule: &Rule) -> String {
    let host = match &rule.host {
        HostRule::Any => "any host".to_owned(),
        HostRule::Exact(key) => format!("exactly the host {}", forward(key)),
        HostRule::Suffix(key) => format!("every host under {}", forward(key)),
    };
    let conditions = match rule.conditions.count() {
        0 => String::new(),
        1 => ", and its other condition holds".to_owned(),
        count => format!(", and its {count} other conditions hold"),
    };
    format!(
        "{} is the most specific that matches: it takes {host} and {}{conditions}",
        title(rule),
        path_words(&rule.path)
    )
}

fn title(rule: &Rule) -> String {
    format!("route {} ({})", rule.index + 1, rule.name)
}

fn path_words(path: &PathRule) -> String {
    match path {
        PathRule::Any => "any path".to_owned(),
        PathRule::Exact { path, .. } => format!("exactly the path {}", shown(path)),
        PathRule::Prefix { path, .. } => format!("a path under {}/", shown(path)),
        PathRule::Regex { regex, .. } => format!("a path that {} matches", regex.as_str()),
    }
}

fn wanted(name: &Name, pattern: &ValuePattern) -> String {
    match pattern {
        ValuePattern::Present => name.to_string(),
        ValuePattern::Exact(value) => format!("{name} with the value {value:?}"),
    }
}

fn listed(words: &[impl std::fmt::Display]) -> String {
    let words: Vec<String> = words.iter().map(ToString::to_string).collect();
    words.join(" or ")
}

fn forward(key: &[u8]) -> String {
    shown(&key.iter().rev().copied().collect::<Vec<_>>())
}

/// Bytes from outside, safe to print.
fn shown(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}
