//! Problems as people read them.

use crate::problem::{Problem, Problems, printable};
use std::fmt::Write;

/// Longer lines are shown in part, so that the caret stays in sight.
const WIDTH: usize = 120;
/// Characters shown before the place when a line is shown in part.
const BEFORE: usize = 40;

struct Colors {
    error: &'static str,
    place: &'static str,
    help: &'static str,
    end: &'static str,
}

const PLAIN: Colors = Colors {
    error: "",
    place: "",
    help: "",
    end: "",
};

const ANSI: Colors = Colors {
    error: "\u{1b}[1;31m",
    place: "\u{1b}[1;34m",
    help: "\u{1b}[1;32m",
    end: "\u{1b}[0m",
};

pub(crate) fn problems(problems: &Problems, file_name: &str, text: &str, color: bool) -> String {
    let colors = if color { &ANSI } else { &PLAIN };
    let mut out = String::new();
    for problem in &problems.list {
        // Writing to a String cannot fail.
        let _ = one(&mut out, problem, file_name, text, colors);
    }
    let count = problems.list.len() + problems.omitted;
    let plural = if count == 1 { "" } else { "s" };
    let omitted = if problems.omitted == 0 {
        String::new()
    } else {
        format!(", the first {} shown", problems.list.len())
    };
    let _ = writeln!(out, "{file_name}: {count} error{plural}{omitted}");
    out
}

fn one(out: &mut String, problem: &Problem, file_name: &str, text: &str, colors: &Colors) -> std::fmt::Result {
    let Colors {
        error,
        place,
        help,
        end,
    } = colors;
    let (line, column) = (problem.line, problem.column);
    writeln!(
        out,
        "{file_name}:{line}:{column}: {error}error:{end} {}",
        problem.message
    )?;
    let number = line.to_string();
    let gutter = " ".repeat(number.len());
    let (source, padding, carets) = excerpt(problem, text);
    writeln!(out, "{gutter} {place}|{end}")?;
    writeln!(out, "{place}{number} |{end} {source}")?;
    writeln!(out, "{gutter} {place}|{end} {padding}{error}{carets}{end}")?;
    if let Some(advice) = &problem.help {
        writeln!(out, "{gutter} {place}={end} {help}help:{end} {advice}")?;
    }
    writeln!(out)
}

/// The line, what stands below it before the caret, and the carets.
fn excerpt(problem: &Problem, text: &str) -> (String, String, String) {
    let line = text.split('\n').nth(problem.line.saturating_sub(1)).unwrap_or("");
    let line = line.strip_suffix('\r').unwrap_or(line);
    let before = problem.column.saturating_sub(1);
    let spanned = text.get(problem.span.clone()).unwrap_or("");
    let length = spanned
        .split('\n')
        .next()
        .unwrap_or("")
        .trim_end()
        .chars()
        .count()
        .max(1);

    let total = line.chars().count();
    let skipped = if total > WIDTH {
        before.saturating_sub(BEFORE)
    } else {
        0
    };
    let shown: Vec<char> = line.chars().skip(skipped).take(WIDTH).map(tab_or_printable).collect();
    let start_mark = if skipped > 0 { "…" } else { "" };
    let end_mark = if skipped + shown.len() < total { "…" } else { "" };

    let below = before - skipped.min(before);
    let padding: String = shown.iter().take(below).map(|character| blank(*character)).collect();
    let missing = " ".repeat(below.saturating_sub(shown.len()));
    let start_blank = if skipped > 0 { " " } else { "" };
    let carets = length.min(shown.len().saturating_sub(below).max(1));
    (
        format!("{start_mark}{}{end_mark}", shown.iter().collect::<String>()),
        format!("{start_blank}{padding}{missing}"),
        "^".repeat(carets),
    )
}

fn tab_or_printable(character: char) -> char {
    if character == '\t' { '\t' } else { printable(character) }
}

/// A tab stays a tab, so that the caret stands below its text however wide tabs are.
fn blank(character: char) -> char {
    if character == '\t' { '\t' } else { ' ' }
}
