//! What a broken text still says: whoever breaks the file of a running balancer must reach it all the same.

use crate::TEXT_LIMIT;
use crate::atom::address;
use std::path::{Path, PathBuf};
use toml::de::DeTable;

/// `[admin] socket` of a text that may have errors, anywhere: of what can be read of it as TOML, else of the first line
/// that looks like it. Relative paths are taken from `base`.
pub fn control_socket(text: &str, base: &Path) -> Option<PathBuf> {
    if text.len() > TEXT_LIMIT {
        return None;
    }
    let (tree, _) = DeTable::parse_recoverable(text);
    let admin = tree.get_ref().get("admin").and_then(|admin| admin.get_ref().as_table());
    let socket = admin
        .and_then(|admin| admin.get("socket"))
        .and_then(|socket| socket.get_ref().as_str());
    let path = |text: &str| address::socket_path(text, base).ok();
    socket.and_then(path).or_else(|| path(&by_line(text)?))
}

/// The text in quotes of the first `socket = "..."` below `[admin]`, or of `admin.socket = "..."`.
fn by_line(text: &str) -> Option<String> {
    let mut in_admin = false;
    for line in text.lines().map(str::trim) {
        if let Some(header) = line.strip_prefix('[') {
            in_admin = header.trim_end_matches(']').trim() == "admin";
            continue;
        }
        let key = line.strip_prefix("admin.").or(in_admin.then_some(line));
        let value = key
            .and_then(|key| key.strip_prefix("socket"))
            .and_then(|rest| rest.trim_start().strip_prefix('='))
            .map(str::trim_start);
        if let Some(value) = value
            && let Some(quote) = value.chars().next().filter(|first| matches!(first, '"' | '\''))
        {
            return value.split(quote).nth(1).map(str::to_owned);
        }
    }
    None
}
