//! `sticky` of `[pool.NAME]`

use crate::atom::{http, place};
use crate::problem::{Fault, shown};
use crate::report::Report;
use crate::slot::Slot;
use crate::view::View;
use evenkeel_model::Sticky;
use std::path::Path;

/// `None` when it is not sound (then that has been told).
pub(crate) fn read(report: &mut Report<'_>, base: &Path, slot: &Slot<'_>) -> Option<Sticky> {
    if slot.is_text() {
        let text = slot.text(report)?;
        if let Some(written) = written_as_table(text) {
            let fault = Fault::new(format!("`sticky` takes \"cookie\" or a table, not \"{}\"", shown(text)));
            slot.fault(report, fault.help(written));
            return None;
        }
        return slot.word(report).map(|_| Sticky::Cookie {
            name: None,
            duration: None,
            secret_file: None,
        });
    }
    let view = slot.table(report)?;
    let cookie = view.parsed(report, "cookie", http::cookie_name);
    let duration = view.duration(report, "for");
    let secret_file = view.parsed(report, "secret_file", |text| place::path(text, base));
    let header = view.parsed(report, "header", http::field_name);
    view.flag(report, "source");
    one_of(report, &view, slot);
    if view.has("header") {
        return header.map(Sticky::Header);
    }
    if view.has("source") {
        return Some(Sticky::Source);
    }
    Some(Sticky::Cookie {
        name: cookie,
        duration,
        secret_file,
    })
}

/// How to write it, for those words that name a way but are none of the words.
fn written_as_table(text: &str) -> Option<String> {
    match text.split_once(':').unwrap_or((text, "")) {
        ("source" | "ip" | "ip_hash", "") => Some("write `{ source = true }`".to_owned()),
        ("header", "") => Some("write for example `{ header = \"x-session\" }`".to_owned()),
        (kind @ ("header" | "cookie"), name) if !name.is_empty() => {
            Some(format!("write `{{ {kind} = \"{}\" }}`", shown(name)))
        }
        _ => None,
    }
}

/// Exactly one way to know a client; `for` and `secret_file` alone mean a cookie.
fn one_of(report: &mut Report<'_>, view: &View<'_>, slot: &Slot<'_>) {
    let cookie = view.first_of(&["cookie", "for", "secret_file"]);
    let found: Vec<Slot<'_>> = [cookie, view.get("header"), view.get("source")]
        .into_iter()
        .flatten()
        .collect();
    match found.as_slice() {
        [] => {
            if view.is_sound {
                let fault = Fault::new("`sticky` says nothing of how a client is known again");
                slot.fault(report, fault.help("write `sticky = \"cookie\"`"));
            }
        }
        [_] => {}
        [first, second, ..] if first.name == "for" || first.name == "secret_file" => {
            let fault = Fault::new(format!("`{}` means nothing with `{}`", first.name, second.name));
            report.add(first.key_span.clone(), fault.help("only a cookie has it"));
        }
        [first, second, ..] => {
            let message = format!("a client is known by either `{}` or `{}`", first.name, second.name);
            report.add(second.key_span.clone(), Fault::new(message));
        }
    }
}
