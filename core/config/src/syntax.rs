//! Text to TOML: where the text is no TOML, what can be read of it still is.

use crate::problem::{Fault, shown};
use crate::report::Report;
use toml::Spanned;
use toml::de::DeTable;

/// More syntax errors than this are not even looked at.
const ERRORS_LIMIT: usize = 1000;

/// The tree, with every syntax error told.
pub(crate) fn tree<'t>(report: &mut Report<'_>, text: &'t str) -> Spanned<DeTable<'t>> {
    let (tree, mut errors) = DeTable::parse_recoverable(text);
    errors.sort_by_key(|error| error.span().map_or(0, |span| span.start));
    for error in errors.iter().take(ERRORS_LIMIT) {
        let span = error.span().unwrap_or(0..0);
        let follows = follows(error.message()) && report.is_torn_just_before(span.start);
        let fault = fault(error.message(), report.text(span.clone()));
        report.torn(span, fault, follows);
    }
    tree
}

/// What an array or inline table that is not closed makes of the lines after it.
fn follows(message: &str) -> bool {
    message.starts_with("missing comma") || message.starts_with("missing key")
}

fn fault(message: &str, at: &str) -> Fault {
    if message.starts_with("duplicate key") {
        return Fault::new(format!("`{}` is written twice", shown(at))).help("keep one");
    }
    if message.starts_with("string values must be quoted") {
        return Fault::new("text stands in quotes").help(format!("write `\"{}\"`", shown(at)));
    }
    let fault = Fault::new(shown(message));
    if message.starts_with("missing comma between array") {
        return fault.help("or the `[` before is not closed");
    }
    if message.starts_with("missing comma between key") {
        return fault.help("or the `{` before is not closed");
    }
    fault
}
