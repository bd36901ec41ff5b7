//! Paths on their way to a backend.

use crate::value::{Facts, expanded};
use evenkeel_model::{PathChange, PathPattern, Template};
use evenkeel_route::Groups;
use std::borrow::Cow;

/// What becomes of a path, made ready.
#[derive(Debug, Clone)]
pub(crate) enum PathRule {
    /// These segments, decoded, are taken off.
    Strip(Vec<Box<[u8]>>),
    /// This instead.
    Exact(Box<[u8]>),
    /// This instead of so many segments; `base` has no slash at its end.
    Replace { skip: usize, base: Box<[u8]> },
    /// What the groups match, put together.
    Groups(Template),
}

impl PathRule {
    /// `matched` is the path of the route.
    pub(crate) fn new(change: &PathChange, matched: Option<&PathPattern>) -> PathRule {
        match change {
            PathChange::Strip(prefix) => {
                let (segments, _) = segments(prefix.as_bytes());
                PathRule::Strip(segments.into_iter().map(|segment| decoded(segment).into()).collect())
            }
            PathChange::Exact(path) => PathRule::Exact(path.as_bytes().into()),
            PathChange::Groups(template) => PathRule::Groups(template.clone()),
            PathChange::Prefix(base) => PathRule::Replace {
                skip: match matched {
                    Some(PathPattern::Prefix(prefix)) => segments(prefix.as_bytes()).0.len(),
                    Some(PathPattern::Exact(_) | PathPattern::Regex(_)) | None => 0,
                },
                base: base.strip_suffix('/').unwrap_or(base).as_bytes().into(),
            },
        }
    }

    /// Appends the new path; false when it stays. `groups`: those of the route's `path_regex`, where they are used.
    pub(crate) fn apply(&self, path: &[u8], groups: Option<&Groups>, out: &mut Vec<u8>) -> bool {
        if !path.starts_with(b"/") {
            return false;
        }
        match self {
            PathRule::Exact(exact) => {
                out.extend_from_slice(exact);
                true
            }
            PathRule::Groups(template) => {
                let found = groups.and_then(|groups| groups.find(path));
                let mut room = Vec::new();
                let put = expanded(template, &Facts::default(), found.as_ref(), &mut room);
                join(&[], &plain_segments(put), put.ends_with(b"/"), out);
                true
            }
            PathRule::Strip(prefix) => {
                let (segments, slash) = segments(path);
                let begins = segments.len() >= prefix.len()
                    && segments
                        .iter()
                        .zip(prefix)
                        .all(|(segment, wanted)| *decoded(segment) == **wanted);
                if begins {
                    join(&[], &segments[prefix.len()..], slash, out);
                }
                begins
            }
            PathRule::Replace { skip, base } => {
                let (segments, slash) = segments(path);
                join(base, segments.get(*skip..).unwrap_or_default(), slash, out);
                true
            }
        }
    }
}

fn join(base: &[u8], segments: &[&[u8]], slash: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(base);
    for segment in segments {
        out.push(b'/');
        out.extend_from_slice(segment);
    }
    if slash || (base.is_empty() && segments.is_empty()) {
        out.push(b'/');
    }
}

/// The segments as they are spelt, without `.`, what `..` takes off, and empty ones, in routing's order: `..` takes off an
/// empty segment too (RFC 3986 5.2.4). And whether a slash follows the last; there is none behind the root itself.
fn segments(path: &[u8]) -> (Vec<&[u8]>, bool) {
    let mut kept = Vec::new();
    let mut slash = false;
    for segment in path.strip_prefix(b"/").unwrap_or(path).split(|byte| *byte == b'/') {
        let dots = if segment.contains(&b'%') {
            decoded(segment)
        } else {
            Cow::Borrowed(segment)
        };
        slash = true;
        match &*dots {
            b"." => {}
            b".." => drop(kept.pop()),
            other => {
                slash = other.is_empty();
                kept.push(segment);
            }
        }
    }
    kept.retain(|segment| !segment.is_empty());
    let slash = slash && !kept.is_empty();
    (kept, slash)
}

/// The segments without empty ones and dots. Parts of segments side by side can make a `..` that neither had, which must not
/// take off what the route wrote before it.
fn plain_segments(path: &[u8]) -> Vec<&[u8]> {
    let is_plain = |segment: &&[u8]| !matches!(&*decoded(segment), b"" | b"." | b"..");
    path.split(|byte| *byte == b'/').filter(is_plain).collect()
}

/// Percent-decoded as routing compares: `%2F` and `%25` stay, in upper case, and a `%` that begins no triplet becomes
/// `%25`.
fn decoded(segment: &[u8]) -> Cow<'_, [u8]> {
    if !segment.contains(&b'%') {
        return Cow::Borrowed(segment);
    }
    let mut out = Vec::with_capacity(segment.len());
    let mut rest = segment;
    while let [byte, after @ ..] = rest {
        rest = after;
        if *byte != b'%' {
            out.push(*byte);
            continue;
        }
        match triplet(after) {
            None => out.extend_from_slice(b"%25"),
            Some(value) => {
                rest = &after[2..];
                match value {
                    b'%' => out.extend_from_slice(b"%25"),
                    b'/' => out.extend_from_slice(b"%2F"),
                    other => out.push(other),
                }
            }
        }
    }
    Cow::Owned(out)
}

/// The byte that two hexadecimal digits stand for.
fn triplet(digits: &[u8]) -> Option<u8> {
    let digit = |index: usize| {
        digits
            .get(index)
            .and_then(|digit| char::from(*digit).to_digit(16))
            .and_then(|digit| u8::try_from(digit).ok())
    };
    Some(digit(0)? * 16 + digit(1)?)
}
