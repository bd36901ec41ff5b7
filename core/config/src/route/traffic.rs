//! How much of the traffic, to where else, and how small.

use crate::atom::{change, http};
use crate::problem::Fault;
use crate::reading::Reading;
use crate::report::Report;
use crate::route::pool_name;
use crate::slot::Slot;
use crate::view::View;
use evenkeel_model::{Compress, Encoding, Mirror, Rate, RateKey, RouteAction, Share};
use std::time::Duration;

/// Parts of what a request is counted by: each is looked for in each request.
const RATE_KEYS_LIMIT: usize = 4;

/// `mirror = "shadow"` or `{ pool = "shadow", share = "10%" }`
pub(super) fn mirror(reading: &mut Reading<'_>, view: &View<'_>, action: Option<&RouteAction>) -> Option<Mirror> {
    let slot = view.get("mirror")?;
    let (place, pool, share) = if slot.is_table() {
        let inner = slot.table(&mut reading.report)?;
        let place = inner.get("pool")?;
        let share = inner.share(&mut reading.report, "share");
        let pool = pool_name(reading, &place)?;
        (place, pool, share)
    } else {
        let pool = pool_name(reading, &slot)?;
        (slot, pool, None)
    };
    let has_it_already = match action {
        Some(RouteAction::Pool(target)) => *target == pool,
        Some(RouteAction::Split(split)) => split.sides.iter().any(|side| side.pool == pool),
        Some(RouteAction::Redirect(_) | RouteAction::Respond(_) | RouteAction::Files(_)) | None => false,
    };
    if has_it_already {
        let fault = Fault::new("this pool has the requests already").help("a mirror is another pool");
        place.fault(&mut reading.report, fault);
    }
    Some(Mirror {
        pool,
        share: share.unwrap_or(Share::percent(100)),
    })
}

pub(super) fn rate(reading: &mut Reading<'_>, view: &View<'_>) -> Option<Rate> {
    reading.rate(view.get("rate")?.key_span);
    let report = &mut reading.report;
    let inner = view.table(report, "rate")?;
    let requests = inner.count(report, "requests");
    let per = inner.duration(report, "per");
    let on = inner.get("on").map(|slot| rate_on(report, &slot)).unwrap_or_default();
    let burst = inner.count(report, "burst");
    let requests = requests?;
    Some(Rate {
        requests,
        per: per.unwrap_or(Duration::from_secs(1)),
        on: if on.is_empty() { vec![RateKey::Source] } else { on },
        burst: burst.unwrap_or(requests),
    })
}

/// What each bucket is for: one thing, or several together.
fn rate_on(report: &mut Report<'_>, slot: &Slot<'_>) -> Vec<RateKey> {
    let items = slot.items(report);
    let mut on: Vec<RateKey> = Vec::new();
    for item in &items {
        let Some(key) = item.parsed(report, http::rate_on) else {
            continue;
        };
        if on.contains(&key) {
            item.fault(report, Fault::new("this stands here twice"));
        } else if key == RateKey::All && items.len() > 1 {
            item.fault(report, Fault::new("`all` stands alone: it tells nothing apart"));
        }
        on.push(key);
    }
    if items.is_empty() {
        slot.fault(
            report,
            Fault::new("`on` is empty").help("\"all\" is one bucket for the route"),
        );
    } else if items.len() > RATE_KEYS_LIMIT {
        slot.fault(report, Fault::new(format!("`on` has at most {RATE_KEYS_LIMIT} parts")));
    }
    on
}

/// `true`, `"gzip"`, `["br", "gzip"]`, or a table.
pub(super) fn compress(reading: &mut Reading<'_>, view: &View<'_>) -> Option<Compress> {
    let slot = view.get("compress")?;
    let report = &mut reading.report;
    let mut compress = Compress::default();
    if slot.is_array() || slot.is_text() {
        compress.encodings = encodings(report, &slot);
    } else if slot.is_table() {
        let inner = slot.table(report)?;
        if let Some(slot) = inner.get("encodings") {
            compress.encodings = encodings(report, &slot);
        }
        if let Some(bytes) = inner.size(report, "min_size") {
            compress.min_size = bytes;
        }
        if let Some(slot) = inner.get("types") {
            let items = slot.items(report);
            if items.is_empty() {
                slot.fault(
                    report,
                    Fault::new("`types` is empty").help("`compress = false` turns it off"),
                );
            }
            compress.types = items
                .iter()
                .filter_map(|item| item.parsed(report, change::content_type))
                .collect();
        }
    } else if !slot.flag(report)? {
        return None;
    }
    Some(compress)
}

fn encodings(report: &mut Report<'_>, slot: &Slot<'_>) -> Vec<Encoding> {
    let items = slot.items(report);
    if items.is_empty() {
        let fault = Fault::new(format!("`{}` has no encoding", slot.name)).help("`compress = false` turns it off");
        slot.fault(report, fault);
    }
    let mut encodings: Vec<Encoding> = Vec::new();
    for item in items {
        let Some(encoding) = item.word(report).and_then(Encoding::of) else {
            continue;
        };
        if encodings.contains(&encoding) {
            item.fault(report, Fault::new(format!("`{}` is there twice", encoding.as_str())));
        } else {
            encodings.push(encoding);
        }
    }
    encodings
}
