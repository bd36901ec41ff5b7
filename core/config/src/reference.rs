//! `docs/reference.md` is written from the tables of keys, and this test keeps it true. To write it anew:
//! `EVENKEEL_WRITE_REFERENCE=1 cargo test -p evenkeel-config reference`
#![allow(
    clippy::disallowed_methods,
    reason = "the ban on files and environment is for the library; this is a test"
)]

use crate::atom::amount::{show_duration, show_size};
use crate::keys::{Key, Kind, Section, Word, sections};
use std::fmt::Write;
use std::path::Path;

const HEAD: &str = "# Reference: every key\n\n\
    <!-- Written from the tables of keys in core/config/src/keys. Do not edit: run\n     \
    EVENKEEL_WRITE_REFERENCE=1 cargo test -p evenkeel-config reference -->\n\n\
    The configuration is TOML. Paths are relative to the file. Durations are `\"500ms\"`, `\"2s\"`, `\"1m30s\"`, sizes\n\
    `\"32KiB\"` or `\"1MB\"`, shares `\"20%\"`; ranges include their ends. Unknown keys are errors. `evenkeel check` tells\n\
    every error at once, and `evenkeel schema` prints the same as a JSON Schema for editors.\n\n\
    Keys marked *later* belong to the interface but not to this version, which refuses them.\n";

fn reference() -> String {
    let mut out = String::from(HEAD);
    for section in sections() {
        // Writing to a String cannot fail.
        let _ = write_section(&mut out, section);
    }
    out
}

fn write_section(out: &mut String, section: &Section) -> std::fmt::Result {
    writeln!(out, "\n## {}\n\n{}\n", section.place, section.doc)?;
    writeln!(out, "| key | takes | default | |\n|---|---|---|---|")?;
    for key in section.ready() {
        writeln!(
            out,
            "| `{}` | {} | {} | {} |",
            key.name,
            cell(&takes(&key.kind)),
            cell(&default(key)),
            cell(key.doc)
        )?;
    }
    for key in section.ready() {
        for words in words(&key.kind) {
            writeln!(out, "\n`{}`:\n", key.name)?;
            for word in words {
                let later = if word.ready { "" } else { " *later*" };
                writeln!(out, "- `\"{}\"`: {}{later}", word.word, word.doc)?;
            }
        }
    }
    let later: Vec<String> = section
        .keys
        .iter()
        .filter(|key| !key.ready)
        .map(|key| format!("`{}`", key.name))
        .collect();
    if !later.is_empty() {
        writeln!(out, "\n*Later:* {}", later.join(", "))?;
    }
    Ok(())
}

fn default(key: &Key) -> String {
    match key.required {
        Some(_) => "*required*".into(),
        None if key.default.is_empty() => String::new(),
        None => format!("`{}`", key.default),
    }
}

fn takes(kind: &Kind) -> String {
    match kind {
        Kind::Integer { least, most } => format!("a whole number, {least} to {most}"),
        Kind::Number { least, most } => format!("a number, {least} to {most}"),
        Kind::Duration { least, most } => format!("a duration, {} to {}", show_duration(*least), show_duration(*most)),
        Kind::Size { least, most } => format!("a size, {} to {}", show_size(*least), show_size(*most)),
        Kind::Share { least, most } => format!("a share, {least}% to {most}%"),
        Kind::Word(_) => "a word, see below".into(),
        Kind::List(kind) => format!("an array, each of it {}", takes(kind)),
        Kind::OneOrMore(kind) => format!("{}, or an array of these", takes(kind)),
        Kind::Map { keys, values } => format!("a table of {} = {}", keys.what, takes(values)),
        Kind::Table(section) => format!("a table, see {}", section.place),
        Kind::Tables(section) => format!("tables, see {}", section.place),
        Kind::Named(section) => format!("named tables, see {}", section.place),
        Kind::Either(kinds) => kinds.iter().map(takes).collect::<Vec<_>>().join(", or "),
        Kind::Flag | Kind::Only(_) | Kind::Text(_) => kind.expected(),
    }
}

fn words(kind: &Kind) -> Vec<&'static [Word]> {
    let words = |kind: &Kind| match kind {
        Kind::Word(words) => Some(*words),
        Kind::Flag
        | Kind::Only(_)
        | Kind::Integer { .. }
        | Kind::Number { .. }
        | Kind::Duration { .. }
        | Kind::Size { .. }
        | Kind::Share { .. }
        | Kind::Text(_)
        | Kind::List(_)
        | Kind::OneOrMore(_)
        | Kind::Map { .. }
        | Kind::Table(_)
        | Kind::Tables(_)
        | Kind::Named(_)
        | Kind::Either(_) => None,
    };
    kind.alternatives().iter().filter_map(words).collect()
}

/// A bar would end the cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

#[test]
fn the_reference_says_what_the_tables_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference.md");
    let wanted = reference();
    if std::env::var_os("EVENKEEL_WRITE_REFERENCE").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == wanted,
        "docs/reference.md is not what the tables of keys say; write it anew with\n\
         EVENKEEL_WRITE_REFERENCE=1 cargo test -p evenkeel-config reference"
    );
}
