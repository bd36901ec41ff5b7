//! A sorted list that finds every prefix of a subject, longest first, with one binary search.

use std::collections::BTreeMap;
use std::ops::Range;

/// Values by key. A key is a prefix of a subject if the subject goes on with `boundary` after it (or, where `whole` is
/// set, ends there).
#[derive(Debug, Clone)]
pub(crate) struct Prefixes<T> {
    /// Sorted by key.
    entries: Vec<Entry<T>>,
    /// All keys one after the other: a search touches few cache lines.
    keys: Vec<u8>,
    boundary: u8,
    whole: bool,
}

#[derive(Debug, Clone)]
struct Entry<T> {
    /// Where its key stands.
    key: Range<usize>,
    /// The longest other key that this one begins with.
    parent: Option<usize>,
    value: T,
}

impl<T> Prefixes<T> {
    /// Keys without the boundary byte at their end. With `whole` the key itself counts as under it (`/api` under
    /// `/api`); without, something must follow the boundary (`a.example.com` under `example.com`).
    pub(crate) fn new(values: BTreeMap<Box<[u8]>, T>, boundary: u8, whole: bool) -> Prefixes<T> {
        let mut entries: Vec<Entry<T>> = Vec::with_capacity(values.len());
        let mut keys = Vec::new();
        for (key, value) in values {
            let before = entries.len().checked_sub(1);
            let parent = std::iter::successors(before, |&index| entries[index].parent)
                .find(|&index| key.starts_with(&keys[entries[index].key.clone()]));
            let start = keys.len();
            keys.extend_from_slice(&key);
            entries.push(Entry {
                key: start..keys.len(),
                parent,
                value,
            });
        }
        Prefixes {
            entries,
            keys,
            boundary,
            whole,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Every value whose key `subject` is under, longest key first. A key that `subject` begins with sorts before it,
    /// and so does everything between the two, which begins with that key too: hence it is the last key not after
    /// `subject`, or one of that one's parents.
    pub(crate) fn longest_first<'a>(&'a self, subject: &'a [u8]) -> impl Iterator<Item = &'a T> {
        let nearest = self
            .entries
            .partition_point(|entry| self.key(entry) <= subject)
            .checked_sub(1);
        std::iter::successors(nearest, |&index| self.entries[index].parent)
            .map(|index| &self.entries[index])
            .filter(|entry| self.is_under(subject, self.key(entry)))
            .map(|entry| &entry.value)
    }

    fn key(&self, entry: &Entry<T>) -> &[u8] {
        &self.keys[entry.key.clone()]
    }

    fn is_under(&self, subject: &[u8], key: &[u8]) -> bool {
        match subject.strip_prefix(key) {
            None => false,
            Some([]) => self.whole,
            Some([first, rest @ ..]) => *first == self.boundary && (self.whole || !rest.is_empty()),
        }
    }
}
