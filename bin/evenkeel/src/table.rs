//! Aligned columns.

use crate::paint::{Colour, paint};

/// A cell: its text and its colour.
pub(crate) type Cell = (String, Colour);

/// Which way a column leans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// Rows under a heading, each column as wide as its widest cell.
pub(crate) struct Table {
    columns: Vec<(&'static str, Align)>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    pub(crate) fn new(columns: &[(&'static str, Align)]) -> Table {
        Table {
            columns: columns.to_vec(),
            rows: Vec::new(),
        }
    }

    pub(crate) fn push(&mut self, row: Vec<Cell>) {
        self.rows.push(row);
    }

    /// Every line indented by two, ended by a line feed, without spaces at its end.
    pub(crate) fn render(&self, colours: bool) -> String {
        let heading: Vec<Cell> = self
            .columns
            .iter()
            .map(|(name, _)| ((*name).to_owned(), Colour::Dim))
            .collect();
        let widths: Vec<usize> = (0..self.columns.len())
            .map(|column| {
                let cells = self.rows.iter().chain([&heading]).filter_map(|row| row.get(column));
                cells.map(|(text, _)| text.chars().count()).max().unwrap_or(0)
            })
            .collect();
        let mut out = String::new();
        for row in [&heading].into_iter().chain(&self.rows) {
            self.line(&mut out, row, &widths, colours);
        }
        out
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
        assert_eq!(table.render(false), expected);
        assert!(table.render(true).contains("\x1b[32mlonger\x1b[0m"));
    }
}
