//! Collects what is wrong while the text is read.

use crate::problem::{Fault, PROBLEMS_LIMIT, Problem, Problems};
use std::ops::{Range, RangeInclusive};

/// Problems kept until they can be put in order; what comes later is only counted.
const COLLECTED_LIMIT: usize = 10 * PROBLEMS_LIMIT;

pub(crate) struct Report<'t> {
    text: &'t str,
    /// Where each line begins.
    line_starts: Vec<usize>,
    list: Vec<Problem>,
    omitted: usize,
    /// Everything that was told so far, kept or not.
    told: usize,
    /// Lines on which the text is no TOML: the values there are guesses, and what seems to be missing may stand there.
    torn_lines: Vec<usize>,
    /// Lines below a torn `[table]`: their keys seem to be another table's.
    lost_lines: Vec<RangeInclusive<usize>>,
}

impl<'t> Report<'t> {
    pub(crate) fn new(text: &'t str) -> Report<'t> {
        let line_starts = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(newline, _)| newline + 1))
            .collect();
        Report {
            text,
            line_starts,
            list: Vec::new(),
            omitted: 0,
            told: 0,
            torn_lines: Vec::new(),
            lost_lines: Vec::new(),
        }
    }

    /// Not TOML here. One line is told once; with `follows_from_before` it is not told at all, only remembered.
    pub(crate) fn torn(&mut self, span: Range<usize>, fault: Fault, follows_from_before: bool) {
        let line = self.line(span.start);
        if self.torn_lines.last() != Some(&line) {
            self.torn_lines.push(line);
            if self.is_header(line) {
                let next = (line + 1..=self.line_starts.len()).find(|next| self.is_header(*next));
                self.lost_lines
                    .push(line..=next.map_or(self.line_starts.len(), |next| next - 1));
            }
            if !follows_from_before {
                self.keep(span, fault);
            }
        }
    }

    /// Whether nothing but blank lines and comments stands between the last torn line and this place.
    pub(crate) fn is_torn_just_before(&self, offset: usize) -> bool {
        let Some(last) = self.torn_lines.last() else {
            return false;
        };
        let start = self.line_starts.get(*last).copied().unwrap_or(self.text.len());
        let end = self.line_starts.get(self.line(offset) - 1).copied().unwrap_or(start);
        let is_empty = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#');
        self.text.get(start..end).unwrap_or("").lines().all(is_empty)
    }

    /// Whether a `[table]` seems to begin in this line.
    fn is_header(&self, line: usize) -> bool {
        let start = self.line_starts.get(line - 1).copied().unwrap_or(self.text.len());
        self.text
            .get(start..)
            .unwrap_or("")
            .trim_start_matches([' ', '\t'])
            .starts_with('[')
    }

    /// Something is wrong here.
    pub(crate) fn add(&mut self, span: Range<usize>, fault: Fault) {
        self.told += 1;
        if self.is_full() {
            self.omitted += 1;
            return;
        }
        // An empty place is a value that stands for one that could not be read.
        if span.is_empty() && !self.torn_lines.is_empty() {
            return;
        }
        let lines = self.line(span.start)..=self.line(span.end);
        let is_torn = self.torn_lines.iter().any(|torn| lines.contains(torn));
        let is_lost = self.lost_lines.iter().any(|lost| lost.contains(lines.start()));
        if !is_torn && !is_lost {
            self.keep(span, fault);
        }
    }

    /// Something is not written that must be. Where the text is torn it may well be, so nothing is said.
    pub(crate) fn absent(&mut self, span: Range<usize>, fault: Fault) {
        self.told += 1;
        if self.torn_lines.is_empty() {
            self.add(span, fault);
        }
    }

    /// Grows with everything that is told, so that two looks at it say whether what was read between them is sound.
    pub(crate) fn told(&self) -> usize {
        self.told
    }

    /// Whether nothing more is kept, so that costly advice need not be worked out.
    pub(crate) fn is_full(&self) -> bool {
        self.list.len() >= COLLECTED_LIMIT
    }

    /// From 1.
    pub(crate) fn line(&self, offset: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= offset)
    }

    pub(crate) fn text(&self, span: Range<usize>) -> &'t str {
        self.text.get(span).unwrap_or("")
    }

    /// The end: nothing wrong, or everything that is, in order.
    pub(crate) fn finish(mut self) -> Result<(), Problems> {
        if self.list.is_empty() {
            return Ok(());
        }
        self.list.sort_by_key(|problem| (problem.span.start, problem.span.end));
        self.list.dedup();
        let omitted = self.omitted + self.list.len().saturating_sub(PROBLEMS_LIMIT);
        self.list.truncate(PROBLEMS_LIMIT);
        Err(Problems {
            list: self.list,
            omitted,
        })
    }

    fn keep(&mut self, span: Range<usize>, fault: Fault) {
        if self.is_full() {
            self.omitted += 1;
            return;
        }
        let start = self.text.floor_char_boundary(span.start);
        let end = self.text.floor_char_boundary(span.end).max(start);
        let line = self.line(start);
        let line_start = self.line_starts.get(line.saturating_sub(1)).copied().unwrap_or(0);
        let column = self.text.get(line_start..start).unwrap_or("").chars().count() + 1;
        self.list.push(Problem {
            line,
            column,
            span: start..end,
            message: fault.message,
            help: fault.help,
        });
    }
}
