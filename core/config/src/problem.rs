//! What is wrong, and where.

use crate::render;
use std::ops::Range;

/// At most this many problems are told at once: more help nobody, and a hostile text must not fill the memory.
pub const PROBLEMS_LIMIT: usize = 100;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where it begins, from 1.
    pub line: usize,
    /// Where it begins in the line, in characters, from 1.
    pub column: usize,
    /// Where it is in the text, in bytes, on character boundaries.
    pub span: Range<usize>,
    /// What is wrong, one line without a full stop.
    pub message: String,
    /// What to do, one line: `did you mean ...?`
    pub help: Option<String>,
}

/// Everything that is wrong with a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems {
    /// In the order of the text, never empty, at most [`PROBLEMS_LIMIT`].
    pub list: Vec<Problem>,
    /// How many more there are that `list` has no room for.
    pub omitted: usize,
}

impl Problems {
    /// The problems as people read them: for each `file:line:column: error: message` (editors jump there), the line,
    /// a caret and the help; at the end a line that counts them. `color`: with ANSI colours.
    pub fn render(&self, file_name: &str, text: &str, color: bool) -> String {
        render::problems(self, file_name, text, color)
    }

    /// `[{"file", "line", "column", "message", "help"}]`; `help` is null when there is none.
    pub fn to_json(&self, file_name: &str) -> serde_json::Value {
        self.list
            .iter()
            .map(|problem| {
                serde_json::json!({
                    "file": file_name,
                    "line": problem.line,
                    "column": problem.column,
                    "message": problem.message,
                    "help": problem.help,
                })
            })
            .collect()
    }
}

/// `line:column: message` each, without the text; see [`Problems::render`] for people.
impl std::fmt::Display for Problems {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, problem) in self.list.iter().enumerate() {
            let end = if index == 0 { "" } else { "\n" };
            write!(
                formatter,
                "{end}{}:{}: {}",
                problem.line, problem.column, problem.message
            )?;
            if let Some(help) = &problem.help {
                write!(formatter, " ({help})")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// What is wrong with a value, before it is known where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) message: String,
    pub(crate) help: Option<String>,
    /// Which bytes of the value, where it is not all of it.
    pub(crate) part: Option<Range<usize>>,
}

impl Fault {
    pub(crate) fn new(message: impl Into<String>) -> Fault {
        Fault {
            message: message.into(),
            help: None,
            part: None,
        }
    }

    pub(crate) fn at(self, part: Range<usize>) -> Fault {
        Fault {
            part: Some(part),
            ..self
        }
    }

    pub(crate) fn help(self, help: impl Into<String>) -> Fault {
        Fault {
            help: Some(help.into()),
            ..self
        }
    }

    pub(crate) fn maybe_help(self, help: Option<String>) -> Fault {
        Fault { help, ..self }
    }
}

/// Text of the user's within a message: one line, printable, not endless.
pub(crate) fn shown(text: &str) -> String {
    /// Longer text is cut: the place shows the rest.
    const CHARACTERS: usize = 80;
    let mut shown: String = text.chars().take(CHARACTERS).map(printable).collect();
    if text.chars().nth(CHARACTERS).is_some() {
        shown.push('…');
    }
    shown
}

/// Control characters could move the cursor or recolour the terminal.
pub(crate) fn printable(character: char) -> char {
    let bidirectional =
        matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if character.is_control() || bidirectional {
        '\u{fffd}'
    } else {
        character
    }
}
