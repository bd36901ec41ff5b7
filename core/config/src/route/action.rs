//! What a route does.

use crate::atom::groups::Groups;
use crate::atom::{change, http, name, place};
use crate::problem::Fault;
use crate::reading::Reading;
use crate::report::Report;
use crate::route::pool_name;
use crate::slot::Slot;
use crate::view::View;
use evenkeel_model::{Files, Name, Respond, RouteAction, Side, Split};
use std::path::{Path, PathBuf};

/// Bytes of a fixed answer: it is kept in memory and written at once.
const BODY_LIMIT: usize = 64 * 1024;

/// Pools of a split: each is looked at for each request.
const SIDES_LIMIT: usize = 64;

/// What a route may do.
const ACTIONS: [&str; 5] = ["pool", "split", "redirect", "respond", "files"];

/// Keys about the way to backends and back.
const OF_BACKENDS: [&str; 7] = [
    "timeout",
    "retry",
    "set_host",
    "request_headers",
    "mirror",
    "buffer",
    "max_body_size",
];

/// Keys about what is asked for: of a backend or among files.
const OF_CONTENT: [&str; 3] = ["strip_prefix", "rewrite_path", "compress"];

/// What a route does; `None` when that is not sound (then that has been told).
pub(super) fn action(reading: &mut Reading<'_>, view: &View<'_>, groups: &Groups) -> Option<RouteAction> {
    let mut written: Vec<Slot<'_>> = ACTIONS.iter().filter_map(|action| view.get(action)).collect();
    written.sort_by_key(|slot| slot.key_span.start);
    for second in written.iter().skip(1) {
        let message = format!(
            "a route does one thing: either `{}` or `{}`",
            written[0].name, second.name
        );
        reading.report.add(second.key_span.clone(), Fault::new(message));
    }
    if !view.is_meant(&ACTIONS) {
        let fault = Fault::new("this route does nothing")
            .help("give it one of `pool`, `split`, `redirect`, `respond` and `files`");
        reading.report.absent(view.place.clone(), fault);
    }
    let pool = view.get("pool").and_then(|slot| pool_name(reading, &slot));
    let split = view.get("split").and_then(|slot| split(reading, view, &slot));
    let redirect = view
        .parsed(&mut reading.report, "redirect", |text| http::redirect(text, groups))
        .flatten();
    let respond = view
        .table(&mut reading.report, "respond")
        .map(|inner| respond(reading, &inner));
    let files = view
        .table(&mut reading.report, "files")
        .and_then(|inner| files(reading, &inner));
    pool.map(RouteAction::Pool)
        .or(split.map(RouteAction::Split))
        .or(redirect.map(RouteAction::Redirect))
        .or(respond.map(RouteAction::Respond))
        .or(files.map(RouteAction::Files))
}

/// Keys that say nothing to a route that does this.
pub(super) fn refuse_useless(reading: &mut Reading<'_>, view: &View<'_>, action: &RouteAction) {
    let useless: &[&str] = match action {
        RouteAction::Pool(_) | RouteAction::Split(_) => &[],
        RouteAction::Files(_) => &OF_BACKENDS,
        RouteAction::Redirect(_) | RouteAction::Respond(_) => {
            refuse(reading, view, &OF_CONTENT, "`pool` or `files`");
            &OF_BACKENDS
        }
    };
    refuse(reading, view, useless, "`pool`");
    if !matches!(action, RouteAction::Split(_)) {
        refuse(reading, view, &["split_by"], "`split`");
    }
}

fn refuse(reading: &mut Reading<'_>, view: &View<'_>, keys: &[&str], wanted: &str) {
    for key in keys {
        if let Some(slot) = view.get(key) {
            let fault = Fault::new(format!("`{key}` means nothing without {wanted}"));
            reading.report.add(slot.key_span, fault);
        }
    }
}

/// `{ stable = 95, canary = 5 }`
fn split(reading: &mut Reading<'_>, view: &View<'_>, slot: &Slot<'_>) -> Option<Split> {
    let by = view.parsed(&mut reading.report, "split_by", http::split_by);
    let told = reading.report.told();
    let pairs = slot.pairs(&mut reading.report);
    if pairs.len() > SIDES_LIMIT {
        let fault = Fault::new(format!("a split has at most {SIDES_LIMIT} pools"));
        slot.fault(&mut reading.report, fault);
    }
    let mut sides = Vec::new();
    for pair in pairs.iter().take(SIDES_LIMIT) {
        let weight = pair
            .integer(&mut reading.report)
            .and_then(|weight| u32::try_from(weight).ok());
        match name::name(pair.name) {
            Ok(pool) => {
                reading.want_pool(pair.key_span.clone(), &pool);
                sides.extend(weight.map(|weight| Side { pool, weight }));
            }
            Err(fault) => reading.report.add(pair.key_span.clone(), fault),
        }
    }
    let is_sound = reading.report.told() == told;
    if is_sound && sides.iter().all(|side| side.weight == 0) {
        let fault =
            Fault::new("no pool of this split has a weight above 0").help("for example `{ stable = 95, canary = 5 }`");
        slot.fault(&mut reading.report, fault);
    }
    (reading.report.told() == told).then_some(Split { sides, by })
}

fn files(reading: &mut Reading<'_>, view: &View<'_>) -> Option<Files> {
    let base = reading.base;
    let report = &mut reading.report;
    let root = view.parsed(report, "root", |text| place::path(text, base));
    let index = view.parsed(report, "index", change::file_name);
    let precompressed = view.flag(report, "precompressed");
    let hidden = view.flag(report, "hidden");
    let endings = endings(report, view);
    let fallback = view.parsed(report, "fallback", change::file_below);
    let not_found = view.parsed(report, "not_found", change::file_below);
    let links_into = links_into(report, view, base);
    let mut files = Files::new(root?);
    files.index = index.unwrap_or(files.index);
    files.precompressed = precompressed.unwrap_or(files.precompressed);
    files.hidden = hidden.unwrap_or(files.hidden);
    files.endings = endings;
    files.fallback = fallback.unwrap_or(files.fallback);
    files.not_found = not_found.unwrap_or(files.not_found);
    files.links_into = links_into;
    Some(files)
}

fn endings(report: &mut Report<'_>, view: &View<'_>) -> Vec<Name> {
    /// Each is looked for where a path names no file.
    const ENDINGS: usize = 4;
    let items = view.get("endings").map(|slot| slot.items(report)).unwrap_or_default();
    if items.len() > ENDINGS {
        let message = format!("`endings` has {} endings, at most {ENDINGS} are allowed", items.len());
        view.blame(report, "endings", Fault::new(message));
    }
    let parsed = items.iter().take(ENDINGS);
    parsed.filter_map(|item| item.parsed(report, change::ending)).collect()
}

fn links_into(report: &mut Report<'_>, view: &View<'_>, base: &Path) -> Vec<PathBuf> {
    /// Each is looked at for each link that leads out of the root.
    const DIRECTORIES: usize = 16;
    let items = view
        .get("links_into")
        .map(|slot| slot.items(report))
        .unwrap_or_default();
    if items.len() > DIRECTORIES {
        let message = format!(
            "`links_into` has {} directories, at most {DIRECTORIES} are allowed",
            items.len()
        );
        view.blame(report, "links_into", Fault::new(message));
    }
    let parsed = items.iter().take(DIRECTORIES);
    parsed
        .filter_map(|item| item.parsed(report, |text| place::path(text, base)))
        .collect()
}

fn respond(reading: &mut Reading<'_>, view: &View<'_>) -> Respond {
    let report = &mut reading.report;
    let status = view
        .integer(report, "status")
        .and_then(|status| u16::try_from(status).ok())
        .unwrap_or(200);
    let body = view.get("body").and_then(|slot| slot.text(report)).unwrap_or_default();
    if body.len() > BODY_LIMIT {
        let message = format!("`body` has {} bytes, a fixed answer at most {BODY_LIMIT}", body.len());
        view.blame(report, "body", Fault::new(message));
    }
    // RFC 9110 15.3.5, 15.3.6, 15.4.5.
    if !body.is_empty() && matches!(status, 204 | 205 | 304) {
        view.blame(
            report,
            "body",
            Fault::new(format!("an answer with status {status} has no body")),
        );
    }
    Respond {
        status,
        body: body.into(),
    }
}
