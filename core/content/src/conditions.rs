//! Conditional requests (RFC 9110 13).

use crate::asked::Asked;
use crate::date::parse_date;
use crate::range::{self, Part, Ranges};
use crate::tag::{Tag, Validators, matches};

/// What a GET or HEAD gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// 200 and everything.
    Whole,
    /// 206 and these parts, in this order; never empty.
    Parts(Vec<Part>),
    /// 304: the client has it already.
    NotModified,
    /// 412: it is not the version that the client wants.
    PreconditionFailed,
    /// 416: nothing of what is asked for is there.
    Unsatisfiable,
}

/// In the order of RFC 9110 13.2.2. `now` and all dates are in seconds since 1970; `length` is that of the content.
pub fn judge(asked: &Asked<'_>, head_only: bool, validators: &Validators, length: u64, now: u64) -> Verdict {
    let tag = &validators.tag;
    if !asked.if_match.is_empty() {
        if !matches(&asked.if_match, tag, false) {
            return Verdict::PreconditionFailed;
        }
    } else if let Some(date) = asked.if_unmodified_since.value().and_then(parse_date)
        && validators.modified > date
    {
        return Verdict::PreconditionFailed;
    }
    if !asked.if_none_match.is_empty() {
        if matches(&asked.if_none_match, tag, true) {
            return Verdict::NotModified;
        }
    } else if let Some(date) = asked.if_modified_since.value().and_then(parse_date)
        && validators.modified <= date
    {
        return Verdict::NotModified;
    }
    let Some(range) = asked.range.value() else {
        return Verdict::Whole;
    };
    // Range is defined for GET only (14.2).
    if head_only || !is_same_version(asked, validators, now) {
        return Verdict::Whole;
    }
    match range::parse(range, length) {
        Ranges::Ignored => Verdict::Whole,
        Ranges::Outside => Verdict::Unsatisfiable,
        Ranges::Parts(parts) => Verdict::Parts(parts),
    }
}

/// `If-Range` (13.1.5): whether parts of this version fit what the client has.
fn is_same_version(asked: &Asked<'_>, validators: &Validators, now: u64) -> bool {
    if !asked.if_range.is_there() {
        return true;
    }
    let Some(value) = asked.if_range.value() else {
        return false;
    };
    if let Some((tag, rest)) = Tag::first(value) {
        return rest.is_empty() && !tag.weak && tag.opaque == validators.tag;
    }
    // A date is a strong validator only when the file cannot have changed twice within it (8.8.2.2).
    parse_date(value) == Some(validators.modified) && validators.modified.saturating_add(1) < now
}
