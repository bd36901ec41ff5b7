//! What a route changes on the way.

use crate::atom::groups::Groups;
use crate::atom::{change, template};
use crate::problem::Fault;
use crate::reading::Reading;
use crate::slot::Slot;
use crate::view::View;
use evenkeel_model::{FieldChanges, Match, Name, PathChange, PathPattern, Template};

/// Changes of fields of one message: each is held against each field.
const CHANGES_LIMIT: usize = 64;

/// `strip_prefix` or `rewrite_path`.
pub(super) fn path(reading: &mut Reading<'_>, view: &View<'_>, matches: &Match, groups: &Groups) -> Option<PathChange> {
    let report = &mut reading.report;
    let stripped = view.parsed(report, "strip_prefix", change::strip_prefix);
    let rewritten = view
        .parsed(report, "rewrite_path", |text| change::rewrite_path(text, groups))
        .flatten();
    if let (true, Some(second)) = (view.has("strip_prefix"), view.get("rewrite_path")) {
        let fault = Fault::new("a route has either `strip_prefix` or `rewrite_path`");
        report.add(second.key_span, fault);
        return None;
    }
    if let (Some(PathChange::Strip(prefix)), Some(path)) = (&stripped, &matches.path)
        && !begins_with(path, prefix)
    {
        let fault = Fault::new("`path` never matches what begins with this")
            .help("the route's `path` begins with what is taken off");
        view.blame(report, "strip_prefix", fault);
    }
    if let (Some(PathChange::Prefix(_)), Some(path @ (PathPattern::Exact(_) | PathPattern::Regex(_)))) =
        (&rewritten, &matches.path)
    {
        let fault = Fault::new("`*` is what the `*` of `path` matched, and the route's path has none");
        let help = "`$1` is what the first group of `path_regex` matched".to_owned();
        let is_regex = matches!(path, PathPattern::Regex(_));
        view.blame(report, "rewrite_path", fault.maybe_help(is_regex.then_some(help)));
    }
    stripped.or(rewritten)
}

/// Whether what `path` matches begins with `prefix`, whole segments; unknown for an expression.
fn begins_with(path: &PathPattern, prefix: &str) -> bool {
    let text = match path {
        PathPattern::Exact(text) | PathPattern::Prefix(text) => text,
        PathPattern::Regex(_) => return true,
    };
    text.strip_prefix(prefix)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// `{ set, add, remove }`
pub(super) fn fields(reading: &mut Reading<'_>, view: &View<'_>, key: &str, groups: &Groups) -> FieldChanges {
    let Some(inner) = view.table(&mut reading.report, key) else {
        return FieldChanges::default();
    };
    let changes = FieldChanges {
        set: set(reading, &inner, groups),
        add: add(reading, &inner, groups),
        remove: remove(reading, &inner),
    };
    let report = &mut reading.report;
    let count = changes.set.len() + changes.add.len() + changes.remove.len();
    if count > CHANGES_LIMIT {
        let message = format!("`{key}` changes {count} fields, a route at most {CHANGES_LIMIT}");
        view.blame(report, key, Fault::new(message));
    }
    let both = changes.set.iter().find(|(name, _)| changes.remove.contains(name));
    if let Some((name, _)) = both {
        let fault = Fault::new(format!("`{name}` is both set and removed")).help("`set` alone replaces whatever came");
        inner.blame(report, "remove", fault);
    }
    changes
}

fn set(reading: &mut Reading<'_>, view: &View<'_>, groups: &Groups) -> Vec<(Name, Template)> {
    let report = &mut reading.report;
    let pairs = view.get("set").map(|slot| slot.pairs(report)).unwrap_or_default();
    let mut changes: Vec<(Name, Template)> = Vec::new();
    for pair in pairs {
        let value = pair.parsed(&mut reading.report, |text| template::template(text, groups));
        let Some(name) = name(reading, &pair) else { continue };
        if changes.iter().any(|(known, _)| *known == name) {
            let fault = Fault::new(format!("`{name}` is set twice"));
            reading.report.add(pair.key_span.clone(), fault);
        }
        changes.extend(value.map(|value| (name, value)));
        if changes.len() > CHANGES_LIMIT {
            break;
        }
    }
    changes
}

fn add(reading: &mut Reading<'_>, view: &View<'_>, groups: &Groups) -> Vec<(Name, Template)> {
    let report = &mut reading.report;
    let pairs = view.get("add").map(|slot| slot.pairs(report)).unwrap_or_default();
    let mut changes = Vec::new();
    for pair in pairs {
        let report = &mut reading.report;
        let items = pair.items(report);
        let values: Vec<Template> = items
            .iter()
            .filter_map(|item| item.parsed(report, |text| template::template(text, groups)))
            .collect();
        let Some(name) = name(reading, &pair) else { continue };
        changes.extend(values.into_iter().map(|value| (name.clone(), value)));
    }
    changes
}

fn remove(reading: &mut Reading<'_>, view: &View<'_>) -> Vec<Name> {
    let report = &mut reading.report;
    let items = view.get("remove").map(|slot| slot.items(report)).unwrap_or_default();
    let mut names: Vec<Name> = items
        .iter()
        .filter_map(|item| item.parsed(report, change::field_name))
        .collect();
    names.sort();
    names.dedup();
    names
}

fn name(reading: &mut Reading<'_>, pair: &Slot<'_>) -> Option<Name> {
    match change::field_name(pair.name) {
        Ok(name) => Some(name),
        Err(fault) => {
            reading.report.add(pair.key_span.clone(), fault);
            None
        }
    }
}
