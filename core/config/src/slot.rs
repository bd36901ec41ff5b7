//! A value of the text and what it may be: wrong types and values out of range are told when it is read.

use crate::atom::{amount, number};
use crate::keys::{Kind, Word, ready_words};
use crate::problem::{Fault, shown};
use crate::report::Report;
use crate::suggest;
use crate::view::View;
use std::borrow::Cow;
use std::ops::Range;
use std::time::Duration;
use toml::Spanned;
use toml::de::DeValue;

/// What is said of the parts of the interface that this version cannot do.
pub(crate) fn not_yet(what: &str) -> Fault {
    Fault::new(format!("`{what}` is not supported by this version of Evenkeel yet"))
}

/// A value and what it may be.
#[derive(Clone)]
pub(crate) struct Slot<'a> {
    /// The key it was written under, for messages.
    pub(crate) name: &'a str,
    /// Where the key is.
    pub(crate) key_span: Range<usize>,
    kind: &'static Kind,
    value: &'a Spanned<DeValue<'a>>,
}

/// A table that may be `false`.
pub(crate) enum Switched<'a> {
    On(View<'a>),
    Off,
}

impl<'a> Slot<'a> {
    pub(crate) fn new(
        name: &'a str,
        key_span: Range<usize>,
        kind: &'static Kind,
        value: &'a Spanned<DeValue<'a>>,
    ) -> Slot<'a> {
        Slot {
            name,
            key_span,
            kind,
            value,
        }
    }

    pub(crate) fn span(&self) -> Range<usize> {
        self.value.span()
    }

    pub(crate) fn fault(&self, report: &mut Report<'_>, fault: Fault) {
        let span = self.part_span(report, &fault).unwrap_or(self.span());
        report.add(span, fault);
    }

    /// Where the part of the value is, if it is written as it is meant, without escapes.
    fn part_span(&self, report: &Report<'_>, fault: &Fault) -> Option<Range<usize>> {
        let part = fault.part.clone()?;
        let value = self.value.get_ref().as_str()?;
        let span = self.span();
        let quotes = (span.len().checked_sub(value.len())?) / 2;
        let start = span.start + quotes;
        (report.text(start..start + value.len()) == value).then(|| start + part.start..start + part.end)
    }

    pub(crate) fn flag(&self, report: &mut Report<'_>) -> Option<bool> {
        let value = self.value.get_ref().as_bool();
        let fits =
            |kind: &Kind, value| matches!(kind, Kind::Flag) || matches!(kind, Kind::Only(only) if *only == value);
        match value {
            Some(value) if self.kind.alternatives().iter().any(|kind| fits(kind, value)) => Some(value),
            Some(_) | None => self.wrong_type(report),
        }
    }

    pub(crate) fn integer(&self, report: &mut Report<'_>) -> Option<u64> {
        let kinds = self.kind.alternatives();
        let range = kinds.iter().find_map(|kind| {
            let Kind::Integer { least, most } = kind else {
                return None;
            };
            Some((*least, *most))
        });
        let (Some((least, most)), Some(integer)) = (range, self.value.get_ref().as_integer()) else {
            return self.wrong_type(report);
        };
        let found = number::integer(integer).and_then(|found| u64::try_from(found).ok());
        match found.filter(|found| (least..=most).contains(found)) {
            Some(found) => Some(found),
            None => self.out_of_range(report, least, most),
        }
    }

    pub(crate) fn number(&self, report: &mut Report<'_>) -> Option<f64> {
        let Kind::Number { least, most } = self.kind else {
            return self.wrong_type(report);
        };
        let found = match self.value.get_ref() {
            DeValue::Float(float) => float.as_str().parse().ok(),
            DeValue::Integer(integer) => number::integer(integer).map(|integer| integer as f64),
            DeValue::String(_) | DeValue::Boolean(_) | DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => {
                return self.wrong_type(report);
            }
        };
        match found.filter(|found| (least..=most).contains(&found)) {
            Some(found) => Some(found),
            None => self.out_of_range(report, least, most),
        }
    }

    pub(crate) fn duration(&self, report: &mut Report<'_>) -> Option<Duration> {
        let (Kind::Duration { least, most }, Some(text)) = (self.kind, self.value.get_ref().as_str()) else {
            return self.wrong_type(report);
        };
        let found = self.parsed(report, |_| amount::duration(text))?;
        if (*least..=*most).contains(&found) {
            return Some(found);
        }
        self.out_of_range(report, amount::show_duration(*least), amount::show_duration(*most))
    }

    pub(crate) fn size(&self, report: &mut Report<'_>) -> Option<u64> {
        let Kind::Size { least, most } = self.kind else {
            return self.wrong_type(report);
        };
        let found = match self.value.get_ref() {
            DeValue::String(text) => self.parsed(report, |_| amount::size(text))?,
            DeValue::Integer(integer) => number::integer(integer)
                .and_then(|integer| u64::try_from(integer).ok())
                .unwrap_or(u64::MAX),
            DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => {
                return self.wrong_type(report);
            }
        };
        if (*least..=*most).contains(&found) {
            return Some(found);
        }
        self.out_of_range(report, amount::show_size(*least), amount::show_size(*most))
    }

    pub(crate) fn share(&self, report: &mut Report<'_>) -> Option<evenkeel_model::Share> {
        let (Kind::Share { least, most }, Some(text)) = (self.kind, self.value.get_ref().as_str()) else {
            return self.wrong_type(report);
        };
        let percent = self.parsed(report, |_| amount::percent(text))?;
        if (f64::from(*least)..=f64::from(*most)).contains(&percent) {
            return Some(evenkeel_model::Share(percent / 100.0));
        }
        self.out_of_range(report, format!("{least}%"), format!("{most}%"))
    }

    pub(crate) fn word(&self, report: &mut Report<'_>) -> Option<&'static str> {
        let words = self.kind.alternatives().iter().find_map(|kind| {
            let Kind::Word(words) = kind else { return None };
            Some(*words)
        });
        let (Some(words), Some(text)) = (words, self.value.get_ref().as_str()) else {
            return self.wrong_type(report);
        };
        match words.iter().find(|word| word.word == text) {
            Some(word) if word.ready => Some(word.word),
            Some(word) => {
                self.fault(report, not_yet(&format!("{} = \"{}\"", self.name, word.word)));
                None
            }
            None => {
                self.fault(report, unknown_word(self.name, text, words));
                None
            }
        }
    }

    pub(crate) fn text(&self, report: &mut Report<'_>) -> Option<&'a str> {
        match self.value.get_ref().as_str() {
            Some(text) => Some(text),
            None => self.wrong_type(report),
        }
    }

    /// A text with a grammar of its own.
    pub(crate) fn parsed<T>(&self, report: &mut Report<'_>, parse: impl FnOnce(&str) -> Result<T, Fault>) -> Option<T> {
        match parse(self.text(report)?) {
            Ok(value) => Some(value),
            Err(fault) => {
                self.fault(report, fault);
                None
            }
        }
    }

    /// Whether it is written as a text rather than one of its other types.
    pub(crate) fn is_text(&self) -> bool {
        self.value.get_ref().is_str()
    }

    /// Tells that a bare port is no address.
    pub(crate) fn wrong_port(&self, report: &mut Report<'_>) {
        let port = shown(report.text(self.span()));
        let fault = Fault::new(format!("`{}` takes an address, not a number", self.name))
            .help(format!("write `\":{port}\"` for this port on every address"));
        self.fault(report, fault);
    }

    pub(crate) fn is_integer(&self) -> bool {
        self.value.get_ref().is_integer()
    }

    /// The values of an array, or the one value that stands alone.
    pub(crate) fn items(&self, report: &mut Report<'_>) -> Vec<Slot<'a>> {
        let kinds = self.kind.alternatives();
        let several = kinds
            .iter()
            .find(|kind| matches!(kind, Kind::List(_) | Kind::OneOrMore(_)));
        match (several, self.value.get_ref()) {
            (Some(Kind::List(kind) | Kind::OneOrMore(kind)), DeValue::Array(array)) => {
                array.iter().map(|value| self.within(kind, value)).collect()
            }
            (Some(Kind::OneOrMore(kind)), _) => vec![self.within(kind, self.value)],
            _ => {
                self.wrong_type::<()>(report);
                Vec::new()
            }
        }
    }

    /// Whether it is written as an array.
    pub(crate) fn is_array(&self) -> bool {
        self.value.get_ref().is_array()
    }

    /// Whether it is an array of tables, as `[[...]]` makes one.
    pub(crate) fn has_tables(&self) -> bool {
        let first = self.value.get_ref().as_array().and_then(|array| array.first());
        first.is_some_and(|first| first.get_ref().is_table())
    }

    /// Whether it is an array without anything in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.value.get_ref().as_array().is_some_and(|array| array.is_empty())
    }

    /// Whether it is written as a table.
    pub(crate) fn is_table(&self) -> bool {
        self.value.get_ref().is_table()
    }

    /// The keys that the user invented, with their values, in the order of the text.
    pub(crate) fn pairs(&self, report: &mut Report<'_>) -> Vec<Slot<'a>> {
        let (Kind::Map { keys: _, values }, Some(table)) = (self.kind, self.value.get_ref().as_table()) else {
            self.wrong_type::<()>(report);
            return Vec::new();
        };
        let mut pairs: Vec<Slot<'a>> = table
            .iter()
            .map(|(name, value)| Slot::new(name.get_ref(), name.span(), values, value))
            .collect();
        pairs.sort_by_key(|pair| pair.key_span.start);
        pairs
    }

    pub(crate) fn table(&self, report: &mut Report<'_>) -> Option<View<'a>> {
        let section = self.kind.alternatives().iter().find_map(|kind| {
            let Kind::Table(section) = kind else { return None };
            Some(*section)
        });
        match (section, self.value.get_ref().as_table()) {
            (Some(section), Some(table)) => Some(View::open(report, section, table, self.key_span.clone())),
            _ => self.wrong_type(report),
        }
    }

    /// A table that may be `false`.
    pub(crate) fn switched(&self, report: &mut Report<'_>) -> Option<Switched<'a>> {
        if self.value.get_ref().as_bool() == Some(false) {
            return Some(Switched::Off);
        }
        self.table(report).map(Switched::On)
    }

    /// The tables of `[[...]]`.
    pub(crate) fn tables(&self, report: &mut Report<'_>) -> Vec<View<'a>> {
        let (Kind::Tables(section), Some(array)) = (self.kind, self.value.get_ref().as_array()) else {
            self.wrong_type::<()>(report);
            return Vec::new();
        };
        let mut views = Vec::new();
        for value in array.iter() {
            match value.get_ref().as_table() {
                Some(table) => views.push(View::open(report, section, table, value.span())),
                None => {
                    self.within(self.kind, value).wrong_type::<()>(report);
                }
            }
        }
        views
    }

    /// The tables of `[listener.NAME]`, with their names, in the order of the text.
    pub(crate) fn named(&self, report: &mut Report<'_>) -> Vec<(&'a Spanned<Cow<'a, str>>, View<'a>)> {
        let (Kind::Named(section), Some(table)) = (self.kind, self.value.get_ref().as_table()) else {
            return self.unnamed(report);
        };
        let mut found: Vec<_> = table.iter().collect();
        found.sort_by_key(|(name, _)| name.span().start);
        let mut views = Vec::new();
        for (name, value) in found {
            match value.get_ref().as_table() {
                Some(table) => views.push((name, View::open(report, section, table, name.span()))),
                None => {
                    let fault = Fault::new(format!(
                        "`{}` is no table: each {} has a name of its own",
                        shown(name.get_ref()),
                        self.name
                    ))
                    .help(format!("write `[{}.NAME]` above its keys", self.name));
                    report.add(name.span(), fault);
                }
            }
        }
        views
    }

    fn unnamed<T>(&self, report: &mut Report<'_>) -> Vec<T> {
        let fault = Fault::new(format!("each {} has a name of its own", self.name))
            .help(format!("write `[{}.NAME]` above its keys", self.name));
        report.add(self.key_span.clone(), fault);
        Vec::new()
    }

    fn within(&self, kind: &'static Kind, value: &'a Spanned<DeValue<'a>>) -> Slot<'a> {
        Slot {
            kind,
            value,
            ..self.clone()
        }
    }

    /// Tells it, and is `None`.
    pub(crate) fn wrong_type<T>(&self, report: &mut Report<'_>) -> Option<T> {
        let value = self.value.get_ref();
        let article = match value {
            DeValue::Integer(_) | DeValue::Array(_) => "an",
            DeValue::String(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) | DeValue::Table(_) => {
                "a"
            }
        };
        let message = format!(
            "`{}` takes {}, not {article} {}",
            shown(self.name),
            self.kind.expected(),
            value.type_str()
        );
        let help = self.retyped(report);
        self.fault(report, Fault::new(message).maybe_help(help));
        None
    }

    /// The value as it may have been meant.
    fn retyped(&self, report: &Report<'_>) -> Option<String> {
        let written = report.text(self.span());
        let quoted = |unit: &str| Some(format!("write `\"{written}{unit}\"`"));
        let kinds = self.kind.alternatives();
        let has = |wanted: fn(&Kind) -> bool| kinds.iter().any(wanted);
        match self.value.get_ref() {
            DeValue::Integer(_) | DeValue::Float(_) if has(|kind| matches!(kind, Kind::Duration { .. })) => quoted("s"),
            DeValue::Float(fraction) if has(|kind| matches!(kind, Kind::Share { .. })) => {
                let percent = fraction.as_str().parse::<f64>().ok()? * 100.0;
                Some(format!("write `\"{percent}%\"`"))
            }
            DeValue::Integer(_) if has(|kind| matches!(kind, Kind::Share { .. })) => quoted("%"),
            DeValue::Integer(_) | DeValue::Float(_) if has(|kind| matches!(kind, Kind::Text(_))) => quoted(""),
            // Not where "true" would be a path or a network.
            DeValue::Boolean(_) if has(|kind| matches!(kind, Kind::Text(text) if text.is_free())) => quoted(""),
            DeValue::String(text) if kinds.iter().any(|kind| is_meant_by(kind, text)) => {
                Some("leave out the quotes".into())
            }
            DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::String(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_)
            | DeValue::Table(_) => kinds.iter().find_map(smallest_table),
        }
    }

    fn out_of_range<T>(
        &self,
        report: &mut Report<'_>,
        least: impl std::fmt::Display,
        most: impl std::fmt::Display,
    ) -> Option<T> {
        let written = shown(report.text(self.span()));
        let message = format!("`{}` must be from {least} to {most}, not {written}", self.name);
        self.fault(report, Fault::new(message));
        None
    }
}

/// A table with nothing but what it must have.
fn smallest_table(kind: &Kind) -> Option<String> {
    let Kind::Table(section) = kind else { return None };
    let required: Vec<String> = section
        .keys
        .iter()
        .filter_map(|key| Some(format!("{} = {}", key.name, key.required?)))
        .collect();
    (!required.is_empty()).then(|| format!("for example `{{ {} }}`", required.join(", ")))
}

fn unknown_word(name: &str, text: &str, words: &[Word]) -> Fault {
    let ready = || words.iter().filter(|word| word.ready);
    let called = ready().find(|word| word.also.contains(&text)).map(|word| word.word);
    let meant = called.or_else(|| suggest::nearest(text, ready().map(|word| word.word)));
    Fault::new(format!(
        "`{name}` takes {}, not \"{}\"",
        ready_words(words),
        shown(text)
    ))
    .maybe_help(meant.map(|word| format!("did you mean \"{word}\"?")))
}

/// Whether the text, without its quotes, is of this kind.
fn is_meant_by(kind: &Kind, text: &str) -> bool {
    match kind {
        Kind::Integer { .. } => text.parse::<u64>().is_ok(),
        Kind::Number { .. } => text.parse::<f64>().is_ok(),
        Kind::Flag => text == "true" || text == "false",
        Kind::Only(only) => text == only.to_string(),
        Kind::Duration { .. }
        | Kind::Size { .. }
        | Kind::Share { .. }
        | Kind::Word(_)
        | Kind::Text(_)
        | Kind::List(_)
        | Kind::OneOrMore(_)
        | Kind::Map { .. }
        | Kind::Table(_)
        | Kind::Tables(_)
        | Kind::Named(_)
        | Kind::Either(_) => false,
    }
}
