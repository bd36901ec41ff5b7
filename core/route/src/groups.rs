//! What the groups of a `path_regex` match.

use crate::path;
use crate::rule::whole_path;
use evenkeel_model::PathPattern;
use regex::bytes::{CaptureLocations, Regex};

/// The groups of one `path_regex`. Finding them costs time in proportion to the path's length times the expression's.
#[derive(Debug, Clone)]
pub struct Groups {
    regex: Regex,
}

/// What they matched of one path.
#[derive(Debug, Clone)]
pub struct Found {
    path: Vec<u8>,
    places: CaptureLocations,
}

impl Groups {
    /// Those of what a route matches; `None` when that is no sound expression.
    pub fn new(pattern: Option<&PathPattern>) -> Option<Groups> {
        match pattern? {
            PathPattern::Regex(text) => whole_path(text).ok().map(|regex| Groups { regex }),
            PathPattern::Exact(_) | PathPattern::Prefix(_) => None,
        }
    }

    /// What they match of `path`, which is as it was received and is read as for routing; `None` when it does not match.
    pub fn find(&self, path: &[u8]) -> Option<Found> {
        let path = path::compared(path).into_owned();
        let mut places = self.regex.capture_locations();
        self.regex.captures_read(&mut places, &path)?;
        Some(Found { path, places })
    }
}

impl Found {
    /// What the group of this number matched, percent-decoded but for `%2F` and `%25`; empty when it took no part. 0 is all
    /// of the path.
    pub fn group(&self, number: u16) -> &[u8] {
        let place = self.places.get(usize::from(number));
        place
            .and_then(|(start, end)| self.path.get(start..end))
            .unwrap_or_default()
    }
}
