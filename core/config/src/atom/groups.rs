//! Groups of a `path_regex` in values: `$1`, `${name}`; `$$` is a dollar.

use crate::problem::{Fault, shown};
use crate::suggest;
use evenkeel_model::{Part, PathPattern, Template};

/// Bytes that a compiled `path_regex` may take whose groups are used: finding groups costs a few nanoseconds for each
/// byte of a path (8 KiB at most) times each place in the expression, and this bounds the places.
const COMPILED_LIMIT: usize = 64 * 1024;

/// What a route's values may refer to.
#[derive(Debug, Clone)]
pub(crate) enum Groups {
    /// The route has no `path_regex`.
    None,
    /// It has one that is not sound, which was told.
    Unknown,
    /// By number, with their names; 0 is all of the path.
    Known { names: Vec<Option<String>>, is_large: bool },
}

/// What follows a dollar.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Dollar<'a> {
    /// `$$`: a dollar, and the rest of the text.
    Escaped(&'a str),
    /// `$1`, `${1}`, `${name}`: what it says, its length with the dollar, and the rest of the text.
    Group(&'a str, usize, &'a str),
    /// Anything else stands for itself.
    Plain,
    /// `${` without its end.
    Open,
}

impl Groups {
    /// Those of what a route matches; `is_written`: it has a `path_regex`, perhaps an unsound one.
    pub(crate) fn of(path: Option<&PathPattern>, is_written: bool) -> Groups {
        let Some(PathPattern::Regex(text)) = path else {
            return if is_written { Groups::Unknown } else { Groups::None };
        };
        let compiled = |limit: Option<usize>| {
            let mut builder = regex::bytes::RegexBuilder::new(text);
            builder.unicode(false);
            builder.size_limit(limit.unwrap_or(super::pattern::REGEX_COMPILED_LIMIT));
            builder.build()
        };
        match compiled(None) {
            Ok(regex) => Groups::Known {
                names: regex.capture_names().map(|name| name.map(str::to_owned)).collect(),
                is_large: compiled(Some(COMPILED_LIMIT)).is_err(),
            },
            Err(_) => Groups::Unknown,
        }
    }

    /// The number of the group that `word` names. `None`: it is not known whether there is one.
    pub(crate) fn find(&self, word: &str) -> Result<Option<u16>, Fault> {
        let is_number = word.bytes().all(|byte| byte.is_ascii_digit());
        let written = if is_number {
            format!("${word}")
        } else {
            format!("${{{}}}", shown(word))
        };
        let (names, is_large) = match self {
            Groups::Unknown => return Ok(None),
            Groups::None => {
                let fault = Fault::new(format!(
                    "`{written}` is a group of `path_regex`, and this route has none"
                ));
                return Err(fault.help(format!("write `${written}` for these characters themselves")));
            }
            Groups::Known { names, is_large } => (names, *is_large),
        };
        let place = match is_number {
            true => word.parse().ok().filter(|&number: &usize| number < names.len()),
            false => names.iter().position(|name| name.as_deref() == Some(word)),
        };
        let Some(number) = place.and_then(|place| u16::try_from(place).ok()) else {
            return Err(unknown(&written, word, names));
        };
        if is_large {
            return Err(Fault::new(format!(
                "`path_regex` is too large for its groups to be used: compiled, it takes more than {COMPILED_LIMIT} bytes"
            )));
        }
        Ok(Some(number))
    }
}

fn unknown(written: &str, word: &str, names: &[Option<String>]) -> Fault {
    let fault = Fault::new(format!("`path_regex` has no group `{written}`"));
    let known = names.iter().flatten().map(String::as_str);
    if let Some(meant) = suggest::nearest(word, known) {
        return fault.help(format!("did you mean `${{{meant}}}`?"));
    }
    fault.help(match names.len() {
        0 | 1 => format!("it has no groups; write `${written}` for these characters themselves"),
        2 => "it has `$1`; `$0` is all of the path".to_owned(),
        count => format!("it has `$1` to `${}`; `$0` is all of the path", count - 1),
    })
}

/// What stands at the dollar with which `text` begins.
pub(crate) fn dollar(text: &str) -> Dollar<'_> {
    let after = text.strip_prefix('$').unwrap_or(text);
    if let Some(rest) = after.strip_prefix('$') {
        return Dollar::Escaped(rest);
    }
    if let Some(braced) = after.strip_prefix('{') {
        return match braced.split_once('}') {
            Some((word, rest)) if !word.is_empty() => Dollar::Group(word, text.len() - rest.len(), rest),
            Some(_) | None => Dollar::Open,
        };
    }
    let digits = after.bytes().take_while(u8::is_ascii_digit).count();
    match after.split_at(digits) {
        ("", _) => Dollar::Plain,
        (word, rest) => Dollar::Group(word, 1 + digits, rest),
    }
}

/// A text with groups and nothing else in it. `None`: it refers to an expression that is not sound.
pub(crate) fn template(text: &str, groups: &Groups) -> Result<Option<Template>, Fault> {
    let mut parts = Vec::new();
    let mut plain = String::new();
    let mut is_known = true;
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        let start = text.len() - rest.len();
        rest = match dollar(rest) {
            Dollar::Escaped(after) => {
                plain.push('$');
                after
            }
            Dollar::Plain => {
                plain.push('$');
                &rest[1..]
            }
            Dollar::Open => return Err(open(start)),
            Dollar::Group(word, length, after) => {
                let found = groups.find(word).map_err(|fault| fault.at(start..start + length))?;
                push(&mut parts, &mut plain);
                is_known &= found.is_some();
                parts.extend(found.map(Part::Group));
                after
            }
        };
    }
    plain.push_str(rest);
    push(&mut parts, &mut plain);
    Ok(is_known.then_some(Template { parts }))
}

/// A `${` at `start` that does not end.
pub(crate) fn open(start: usize) -> Fault {
    let fault = Fault::new("`${` begins the name of a group of `path_regex`, and does not end");
    fault.help("write `$$` for a dollar").at(start..start + 2)
}

fn push(parts: &mut Vec<Part>, plain: &mut String) {
    if !plain.is_empty() {
        parts.push(Part::Text(std::mem::take(plain).into()));
    }
}
