//! Aligned columns.

use crate::paint::{Colour, paint};
use crate::screen::wrap;

/// A cell: its text and its colour.
pub(crate) type Cell = (String, Colour);

/// Which way a column leans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// Spaces before a note.
const NOTE_INDENT: usize = 6;

/// Rows under a heading, each column as wide as its widest cell.
#[derive(Clone)]
pub(crate) struct Table {
    columns: Vec<(&'static str, Align)>,
    rows: Vec<Vec<Cell>>,
    /// What stands below each row; empty for nothing.
    notes: Vec<String>,
}

impl Table {
    pub(crate) fn new(columns: &[(&'static str, Align)]) -> Table {
        Table {
            columns: columns.to_vec(),
            rows: Vec::new(),
            notes: Vec::new(),
        }
    }

    pub(crate) fn push(&mut self, row: Vec<Cell>) {
        self.rows.push(row);
        self.notes.push(String::new());
    }

    /// Leaves a column out and gives its cells.
    pub(crate) fn take(&mut self, name: &str) -> Vec<Cell> {
        let Some(index) = self.columns.iter().position(|(column, _)| *column == name) else {
            return Vec::new();
        };
        self.columns.remove(index);
        let rows = self.rows.iter_mut().filter(|row| index < row.len());
        rows.map(|row| row.remove(index)).collect()
    }

    /// Puts a column's cells below their rows instead.
    pub(crate) fn put_below(&mut self, name: &str) {
        let cells = self.take(name);
        for (note, (text, _)) in self.notes.iter_mut().zip(cells) {
            *note = text;
        }
    }

    /// Shortens the cells of a column so that the whole is at most this wide, but never below its heading.
    pub(crate) fn shorten(&mut self, name: &str, columns: usize) {
        let excess = self.width().saturating_sub(columns);
        let Some(index) = self
            .columns
            .iter()
            .position(|(column, _)| *column == name)
            .filter(|_| excess > 0)
        else {
            return;
        };
        let widest = self.widths().get(index).copied().unwrap_or(0);
        let limit = widest.saturating_sub(excess).max(name.len());
        for (text, _) in self.rows.iter_mut().filter_map(|row| row.get_mut(index)) {
            if text.chars().count() > limit {
                *text = text.chars().take(limit.saturating_sub(1)).chain(['…']).collect();
            }
        }
    }

    /// Characters of the longest line, notes left aside: they wrap.
    pub(crate) fn width(&self) -> usize {
        self.widths().iter().map(|width| width + 2).sum()
    }

    /// Every line indented by two, ended by a line feed, without spaces at its end.
    pub(crate) fn render(&self, columns: usize, colours: bool) -> String {
        let widths = self.widths();
        let mut out = String::new();
        self.line(&mut out, &self.heading(), &widths, colours);
        for (row, note) in self.rows.iter().zip(&self.notes) {
            self.line(&mut out, row, &widths, colours);
            for line in wrap(note, columns.saturating_sub(NOTE_INDENT))
                .iter()
                .filter(|_| !note.is_empty())
            {
                out += &format!("{:NOTE_INDENT$}{line}\n", "");
            }
        }
        out
    }

    fn heading(&self) -> Vec<Cell> {
        let names = self.columns.iter().map(|(name, _)| (*name).to_owned());
        names.map(|name| (name, Colour::Dim)).collect()
    }

    fn widths(&self) -> Vec<usize> {
        let heading = self.heading();
        let widest = |column: usize| {
            let cells = self.rows.iter().chain([&heading]).filter_map(|row| row.get(column));
            cells.map(|cell: &Cell| cell.0.chars().count()).max().unwrap_or(0)
        };
        (0..self.columns.len()).map(widest).collect()
    }

    fn line(&self, out: &mut String, row: &[Cell], widths: &[usize], colours: bool) {
        let mut spaces = 2;
        for ((text, colour), ((_, align), width)) in row.iter().zip(self.columns.iter().zip(widths)) {
            let missing = width.saturating_sub(text.chars().count());
            let (before, after) = match align {
                Align::Left => (0, missing),
                Align::Right => (missing, 0),
            };
            if !text.is_empty() {
                out.extend(std::iter::repeat_n(' ', spaces + before));
                out.push_str(&paint(colours, *colour, text));
                spaces = after + 2;
            } else {
                spaces += missing + 2;
            }
        }
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let mut table = Table::new(&[("NAME", Align::Left), ("RATE", Align::Right), ("WHY", Align::Left)]);
        let cell = |text: &str| (text.to_owned(), Colour::Green);
        table.push(vec![cell("a"), cell("1.5"), cell("")]);
        table.push(vec![cell("longer"), cell("12345"), cell("because")]);
        table.push(vec![cell("b"), cell(""), cell("so")]);
        let expected = "  NAME     RATE  WHY\n  a         1.5\n  longer  12345  because\n  b              so\n";
        assert_eq!(table.render(80, false), expected);
        assert!(table.render(80, true).contains("\x1b[32mlonger\x1b[0m"));
    }

    #[test]
    fn columns_go_below_and_are_shortened() {
        let mut table = Table::new(&[("NAME", Align::Left), ("RATE", Align::Right), ("WHY", Align::Left)]);
        let cell = |text: &str| (text.to_owned(), Colour::Plain);
        table.push(vec![cell("longername"), cell("1.5"), cell("because it is so")]);
        table.push(vec![cell("b"), cell("2.5"), cell("")]);
        assert_eq!(table.width(), 2 + 10 + 2 + 4 + 2 + 16);
        table.put_below("WHY");
        table.shorten("NAME", 14);
        let expected = "  NAME    RATE\n  longe…   1.5\n      because\n      it is so\n  b        2.5\n";
        assert_eq!(table.render(14, false), expected);
        table.shorten("NAME", 0);
        assert!(table.render(14, false).contains("  lon…   1.5\n"));
    }
}
