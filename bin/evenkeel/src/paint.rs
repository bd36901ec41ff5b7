//! Colours, only where they are wanted.

use std::io::IsTerminal;

/// A colour of the terminal's own palette.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Colour {
    Plain,
    Bold,
    Dim,
    Red,
    Green,
    Yellow,
    Cyan,
}

/// Whether stdout is a terminal that wants colours.
pub(crate) fn wanted() -> bool {
    allowed() && std::io::stdout().is_terminal()
}

/// `text` in a colour if `wanted`.
pub(crate) fn paint(wanted: bool, colour: Colour, text: &str) -> String {
    let code = match colour {
        Colour::Plain => return text.to_owned(),
        Colour::Bold => 1,
        Colour::Dim => 2,
        Colour::Red => 31,
        Colour::Green => 32,
        Colour::Yellow => 33,
        Colour::Cyan => 36,
    };
    if wanted {
        format!("\x1b[{code}m{text}\x1b[0m")
    } else {
        text.to_owned()
    }
}

/// `text` without control characters: names from outside must not move the cursor.
pub(crate) fn visible(text: &str) -> String {
    text.chars()
        .map(|character| if character.is_control() { '?' } else { character })
        .collect()
}

/// Whether stderr is a terminal that wants colours.
pub(crate) fn wanted_on_stderr() -> bool {
    allowed() && std::io::stderr().is_terminal()
}

/// Nobody refuses colours (<https://no-color.org>).
fn allowed() -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    !refused && !dumb
}
