//! What may be written: every key once, with its kind, range, default and one line of explanation. Reading, the
//! suggestions for misspelt keys and the JSON Schema are all driven by these tables.

mod kinds;
mod listener;
mod pool;
mod root;
mod route;
mod tls;

pub(crate) use root::ROOT;
use std::time::Duration;

/// A table of the configuration and the keys it may have.
pub(crate) struct Section {
    /// How people are told where this is, such as "`check` of `[pool.NAME]`".
    pub(crate) place: &'static str,
    /// The name of its definition in the schema.
    pub(crate) id: &'static str,
    /// One line.
    pub(crate) doc: &'static str,
    /// In the order in which they are explained.
    pub(crate) keys: &'static [Key],
}

impl Section {
    pub(crate) fn find(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }

    /// The keys that work in this version.
    pub(crate) fn ready(&self) -> impl Iterator<Item = &'static Key> {
        self.keys.iter().filter(|key| key.ready)
    }
}

/// One key.
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// One line.
    pub(crate) doc: &'static str,
    /// As TOML text; empty when leaving the key out means something that no value says.
    pub(crate) default: &'static str,
    /// It must be written; with an example of a value.
    pub(crate) required: Option<&'static str>,
    /// What other programs call it, for suggestions only.
    pub(crate) also: &'static [&'static str],
    /// False: part of the interface, but this version cannot do it and says so.
    pub(crate) ready: bool,
}

pub(crate) const fn key(name: &'static str, kind: Kind, doc: &'static str) -> Key {
    Key {
        name,
        kind,
        doc,
        default: "",
        required: None,
        also: &[],
        ready: true,
    }
}

/// A key of the interface that a later version brings.
pub(crate) const fn later(name: &'static str, doc: &'static str) -> Key {
    Key {
        ready: false,
        ..key(name, Kind::Flag, doc)
    }
}

impl Key {
    pub(crate) const fn default(self, default: &'static str) -> Key {
        Key { default, ..self }
    }

    pub(crate) const fn required(self, example: &'static str) -> Key {
        Key {
            required: Some(example),
            ..self
        }
    }

    pub(crate) const fn also(self, also: &'static [&'static str]) -> Key {
        Key { also, ..self }
    }
}

/// What a value may be.
pub(crate) enum Kind {
    /// true or false
    Flag,
    /// Only this one of true and false.
    Only(bool),
    /// A whole number within a range, ends included.
    Integer { least: u64, most: u64 },
    /// A number within a range, ends included.
    Number { least: f64, most: f64 },
    /// `"1m30s"`, ends included.
    Duration { least: Duration, most: Duration },
    /// `"32KiB"` or a whole number of bytes, ends included.
    Size { least: u64, most: u64 },
    /// `"20%"`, in percent, ends included.
    Share { least: u32, most: u32 },
    /// One of a few words.
    Word(&'static [Word]),
    /// Text that has a grammar of its own.
    Text(&'static Text),
    /// An array.
    List(&'static Kind),
    /// A value or an array of them.
    OneOrMore(&'static Kind),
    /// A table whose keys the user invents.
    Map { keys: &'static Text, values: &'static Kind },
    /// A table with known keys.
    Table(&'static Section),
    /// `[[...]]`
    Tables(&'static Section),
    /// `[listener.NAME]`: tables of one kind under names that the user invents.
    Named(&'static Section),
    /// Any of these, told apart by their types.
    Either(&'static [Kind]),
}

/// A word of a [`Kind::Word`].
pub(crate) struct Word {
    pub(crate) word: &'static str,
    /// One line.
    pub(crate) doc: &'static str,
    pub(crate) ready: bool,
    /// What other programs call it.
    pub(crate) also: &'static [&'static str],
}

pub(crate) const fn word(word: &'static str, doc: &'static str) -> Word {
    Word {
        word,
        doc,
        ready: true,
        also: &[],
    }
}

impl Word {
    pub(crate) const fn also(self, also: &'static [&'static str]) -> Word {
        Word { also, ..self }
    }
}

pub(crate) const fn later_word(word: &'static str, doc: &'static str) -> Word {
    Word {
        word,
        doc,
        ready: false,
        also: &[],
    }
}

/// A kind of text.
pub(crate) struct Text {
    /// What it is, with its article, as in "`bind` takes ...".
    pub(crate) what: &'static str,
    /// For editors: a regular expression (ECMA-262) that no sound value fails. The reading code is stricter.
    pub(crate) pattern: &'static str,
}

impl Text {
    /// Whether any text may be meant.
    pub(crate) fn is_free(&self) -> bool {
        self.pattern.is_empty() && self.what.starts_with("a value")
    }
}

impl Kind {
    /// Itself, or the alternatives.
    pub(crate) fn alternatives(&self) -> &[Kind] {
        match self {
            Kind::Either(kinds) => kinds,
            Kind::Flag
            | Kind::Only(_)
            | Kind::Integer { .. }
            | Kind::Number { .. }
            | Kind::Duration { .. }
            | Kind::Size { .. }
            | Kind::Share { .. }
            | Kind::Word(_)
            | Kind::Text(_)
            | Kind::List(_)
            | Kind::OneOrMore(_)
            | Kind::Map { .. }
            | Kind::Table(_)
            | Kind::Tables(_)
            | Kind::Named(_) => std::slice::from_ref(self),
        }
    }

    /// What it takes, as in "`every` takes a duration such as "5s"".
    pub(crate) fn expected(&self) -> String {
        match self {
            Kind::Flag => "true or false".into(),
            Kind::Only(value) => value.to_string(),
            Kind::Integer { .. } => "a whole number".into(),
            Kind::Number { .. } => "a number".into(),
            Kind::Duration { .. } => "a duration such as \"5s\"".into(),
            Kind::Size { .. } => "a size such as \"32KiB\"".into(),
            Kind::Share { .. } => "a share such as \"20%\"".into(),
            Kind::Word(words) => ready_words(words),
            Kind::Text(text) => text.what.into(),
            Kind::List(kind) => format!("an array, each of it {}", kind.expected()),
            Kind::OneOrMore(kind) => format!("{}, or an array of these", kind.expected()),
            Kind::Map { keys, values } => format!("a table of {} = {}", keys.what, values.expected()),
            Kind::Table(_) => "a table".into(),
            Kind::Tables(section) => format!("an array of tables, written as {}", section.place),
            Kind::Named(section) => format!("tables, written as {}", section.place),
            Kind::Either(kinds) => kinds.iter().map(Kind::expected).collect::<Vec<_>>().join(" or "),
        }
    }
}

/// The words that work, as a sentence has them.
pub(crate) fn ready_words(words: &[Word]) -> String {
    let mut quoted: Vec<String> = words
        .iter()
        .filter(|word| word.ready)
        .map(|word| format!("\"{}\"", word.word))
        .collect();
    let last = quoted.pop().unwrap_or_default();
    if quoted.is_empty() {
        last
    } else {
        format!("{} or {last}", quoted.join(", "))
    }
}

/// Every section with every key, the root first, each section once.
pub(crate) fn sections() -> Vec<&'static Section> {
    let mut found = vec![&ROOT];
    let mut next = 0;
    while next < found.len() {
        for key in found[next].keys {
            for section in sections_of(&key.kind) {
                if !found.iter().any(|known| std::ptr::eq(*known, section)) {
                    found.push(section);
                }
            }
        }
        next += 1;
    }
    found
}

fn sections_of(kind: &'static Kind) -> Vec<&'static Section> {
    match kind {
        Kind::Table(section) | Kind::Tables(section) | Kind::Named(section) => vec![section],
        Kind::List(kind) | Kind::OneOrMore(kind) => sections_of(kind),
        Kind::Map { keys: _, values } => sections_of(values),
        Kind::Either(kinds) => kinds.iter().flat_map(sections_of).collect(),
        Kind::Flag
        | Kind::Only(_)
        | Kind::Integer { .. }
        | Kind::Number { .. }
        | Kind::Duration { .. }
        | Kind::Size { .. }
        | Kind::Share { .. }
        | Kind::Word(_)
        | Kind::Text(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
