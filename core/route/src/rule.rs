//! One route, made ready.

use crate::BadRoute;
use crate::conditions::Conditions;
use crate::host::HostKey;
use crate::path::{self, Reading};
use evenkeel_model::{HostPattern, Name, PathPattern, Route};
use regex::bytes::{Regex, RegexBuilder};
use std::cmp::Reverse;

/// Most memory one compiled `path_regex` may need, in bytes: one expression must not eat the machine.
const REGEX_SIZE: usize = 1024 * 1024;

/// One route, made ready.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) index: usize,
    pub(crate) name: Name,
    pub(crate) host: HostRule,
    pub(crate) path: PathRule,
    pub(crate) conditions: Conditions,
}

/// Which hosts; keys are back to front.
#[derive(Debug, Clone)]
pub(crate) enum HostRule {
    Any,
    Exact(Box<[u8]>),
    /// Without the dot in front.
    Suffix(Box<[u8]>),
}

/// Which paths.
#[derive(Debug, Clone)]
pub(crate) enum PathRule {
    Any,
    Exact {
        path: Box<[u8]>,
        declares_reading: bool,
    },
    /// Without the slash at the end.
    Prefix {
        path: Box<[u8]>,
        declares_reading: bool,
    },
    Regex {
        regex: Regex,
        declares_reading: bool,
    },
}

/// Greater = more specific. Never equal for two rules of one list.
pub(crate) type Rank = (u8, usize, u8, usize, usize, Reverse<usize>);

impl Rule {
    pub(crate) fn new(index: usize, route: &Route) -> Result<Rule, BadRoute> {
        let path = match &route.matches.path {
            None => PathRule::Any,
            Some(pattern) => path_rule(pattern).map_err(|reason| BadRoute { route: index, reason })?,
        };
        Ok(Rule {
            index,
            name: route.name.clone(),
            host: host_rule(route.matches.host.as_ref()),
            path,
            conditions: Conditions::new(&route.matches),
        })
    }

    pub(crate) fn rank(&self) -> Rank {
        let (host, host_length) = match &self.host {
            HostRule::Any => (0, 0),
            HostRule::Suffix(key) => (1, key.len()),
            HostRule::Exact(_) => (2, 0),
        };
        let (path, path_length) = match &self.path {
            PathRule::Any => (0, 0),
            PathRule::Prefix { path, .. } => (1, path.len()),
            PathRule::Regex { .. } => (2, 0),
            PathRule::Exact { .. } => (3, 0),
        };
        let conditions = self.conditions.count();
        (host, host_length, path, path_length, conditions, Reverse(self.index))
    }

    pub(crate) fn matches_everything(&self) -> bool {
        matches!((&self.host, &self.path), (HostRule::Any, PathRule::Any)) && self.conditions.count() == 0
    }

    /// Whether its path itself contains what backends read differently.
    pub(crate) fn declares_reading(&self) -> bool {
        match &self.path {
            PathRule::Any => false,
            PathRule::Exact { declares_reading, .. }
            | PathRule::Prefix { declares_reading, .. }
            | PathRule::Regex { declares_reading, .. } => *declares_reading,
        }
    }
}

fn host_rule(pattern: Option<&HostPattern>) -> HostRule {
    match pattern {
        None => HostRule::Any,
        Some(HostPattern::Exact(name)) => HostRule::Exact(HostKey::new(name.as_bytes()).as_bytes().into()),
        Some(HostPattern::Suffix(name)) => {
            let name = name.strip_prefix('.').unwrap_or(name);
            HostRule::Suffix(HostKey::new(name.as_bytes()).as_bytes().into())
        }
    }
}

fn path_rule(pattern: &PathPattern) -> Result<PathRule, String> {
    match pattern {
        PathPattern::Exact(text) => {
            let (path, declares_reading) = path::normalise(text.as_bytes(), Reading::Strict);
            Ok(PathRule::Exact {
                path: path.into(),
                declares_reading,
            })
        }
        PathPattern::Prefix(text) => {
            let (path, declares_reading) = path::normalise(text.as_bytes(), Reading::Strict);
            match path.strip_suffix(b"/").unwrap_or(&path) {
                b"" => Ok(PathRule::Any),
                path => Ok(PathRule::Prefix {
                    path: path.into(),
                    declares_reading,
                }),
            }
        }
        PathPattern::Regex(text) => Ok(PathRule::Regex {
            regex: whole_path(text)?,
            declares_reading: ["%2F", "%2f", "%5C", "%5c", ";"].iter().any(|part| text.contains(part)),
        }),
    }
}

/// Compiles `text` to match whole paths, byte-wise: `.` is any byte, `\d`, `\w` and `(?i)` are ASCII.
pub(crate) fn whole_path(text: &str) -> Result<Regex, String> {
    let compile = |text: &str| RegexBuilder::new(text).unicode(false).size_limit(REGEX_SIZE).build();
    // On its own first: `a)(b` must not become sound by what is put around it.
    compile(text)
        .and_then(|_| compile(&format!(r"\A(?:{text})\z")))
        .map_err(|error| error.to_string())
}
