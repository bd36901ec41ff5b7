//! The terminal behind stdout: how large it is, and lines that fit.

use rustix::termios::tcgetwinsize;
use std::io::{IsTerminal, stdout};

/// Where a terminal does not say how large it is.
const USUAL: Size = Size { columns: 80, rows: 24 };

/// In characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) columns: usize,
    pub(crate) rows: usize,
}

/// Of the terminal behind stdout.
pub(crate) fn size() -> Size {
    let or_usual = |count: u16, usual: usize| if count == 0 { usual } else { usize::from(count) };
    tcgetwinsize(stdout()).map_or(USUAL, |size| Size {
        columns: or_usual(size.ws_col, USUAL.columns),
        rows: or_usual(size.ws_row, USUAL.rows),
    })
}

/// Columns that a result on stdout should fit in; files and pipes are endlessly wide.
pub(crate) fn columns() -> usize {
    if stdout().is_terminal() {
        size().columns
    } else {
        usize::MAX
    }
}

/// At most this many characters of a line. Colours take no room, and those after the cut stay, so that they end.
pub(crate) fn cut(line: &str, columns: usize) -> String {
    let mut out = String::new();
    let (mut shown, mut in_colour) = (0, false);
    for character in line.chars() {
        if in_colour || character == '\u{1b}' {
            in_colour = character != 'm';
            out.push(character);
        } else if shown < columns {
            shown += 1;
            out.push(character);
        }
    }
    out
}

/// The text in lines of at most this many characters, cut between words; words that are longer are cut themselves.
pub(crate) fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(1);
    let mut lines: Vec<String> = Vec::new();
    let mut room = 0;
    for word in text.split(' ') {
        let mut left: Vec<char> = word.chars().collect();
        match lines.last_mut() {
            Some(line) if left.len() < room => {
                room -= left.len() + 1;
                line.push(' ');
                line.extend(left);
                continue;
            }
            Some(_) | None => {}
        }
        while left.len() > columns {
            lines.push(left.drain(..columns).collect());
        }
        room = columns - left.len();
        lines.push(left.into_iter().collect());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts() {
        assert_eq!(cut("abcdef", 3), "abc");
        assert_eq!(cut("a\u{1b}[31mbcd\u{1b}[0mef", 3), "a\u{1b}[31mbc\u{1b}[0m");
        assert_eq!(cut("äöü", 2), "äö");
        assert_eq!(cut("abc", 0), "");
    }

    #[test]
    fn wraps() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("one two three", 6), ["one", "two", "three"]);
        assert_eq!(wrap("abcdefgh i", 3), ["abc", "def", "gh", "i"]);
        assert_eq!(wrap("one two", usize::MAX), ["one two"]);
        assert_eq!(wrap("", 3), [""]);
    }
}
