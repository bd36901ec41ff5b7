//! Names that the operator gives.

use crate::problem::{Fault, shown};
use evenkeel_model::Name;

/// Bytes in a name: it is a label of metrics and a part of URLs.
const NAME_LIMIT: usize = 128;

/// A name of a listener, pool or backend. Commands write `POOL/BACKEND`, so a name has no `/`, and nothing that a
/// shell, a log or a URL would trip over.
pub(crate) fn name(text: &str) -> Result<Name, Fault> {
    let forbidden = |character: &char| {
        character.is_control() || character.is_whitespace() || matches!(character, '/' | '\\' | '"' | '\'' | '`')
    };
    if text.is_empty() {
        return Err(Fault::new("a name is not empty"));
    }
    if text.len() > NAME_LIMIT {
        return Err(Fault::new(format!("a name has at most {NAME_LIMIT} bytes")));
    }
    match text.chars().find(forbidden) {
        Some(character) => Err(Fault::new(format!("a name has no {character:?}: \"{}\"", shown(text)))
            .help("use letters, digits, `-`, `_` and `.`")),
        None => Ok(text.into()),
    }
}
