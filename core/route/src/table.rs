//! The rules in the order in which they are asked: host, then path, then further conditions.

use crate::host::HostKey;
use crate::prefixes::Prefixes;
use crate::rule::{HostRule, PathRule, Rule};
use foldhash::fast::FixedState;
use regex::bytes::Regex;
use std::collections::{BTreeMap, HashMap};

/// Keys come from the configuration, so nobody outside can make them collide: a fixed seed is safe.
type ByKey<T> = HashMap<Box<[u8]>, T, FixedState>;

/// The one with most conditions first, then in the order of the file.
type Candidates = Vec<Candidate>;

/// A rule that is left when host and path match.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    index: usize,
    /// It has further conditions. Kept here so that a rule without any need not be touched.
    is_conditional: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Table {
    exact: ByKey<Paths>,
    suffixes: Prefixes<Paths>,
    any: Paths,
    looks_at_path: bool,
}

/// The rules of one host.
#[derive(Debug, Clone)]
struct Paths {
    exact: ByKey<Candidates>,
    regexes: Vec<(Regex, Candidate)>,
    prefixes: Prefixes<Candidates>,
    any: Candidates,
}

impl Table {
    pub(crate) fn new(rules: &[Rule]) -> Table {
        let mut sorted: Vec<&Rule> = rules.iter().collect();
        sorted.sort_by_key(|rule| std::cmp::Reverse(rule.rank()));
        let mut exact: BTreeMap<&[u8], Vec<&Rule>> = BTreeMap::new();
        let mut suffixes: BTreeMap<&[u8], Vec<&Rule>> = BTreeMap::new();
        let mut any = Vec::new();
        for rule in sorted {
            match &rule.host {
                HostRule::Any => any.push(rule),
                HostRule::Exact(key) => exact.entry(key).or_default().push(rule),
                HostRule::Suffix(key) => suffixes.entry(key).or_default().push(rule),
            }
        }
        let suffixes = suffixes
            .into_iter()
            .map(|(key, rules)| (Box::from(key), Paths::new(&rules)))
            .collect();
        Table {
            exact: exact
                .into_iter()
                .map(|(key, rules)| (Box::from(key), Paths::new(&rules)))
                .collect(),
            suffixes: Prefixes::new(suffixes, b'.', false),
            any: Paths::new(&any),
            looks_at_path: rules.iter().any(|rule| !matches!(rule.path, PathRule::Any)),
        }
    }

    pub(crate) fn looks_at_host(&self) -> bool {
        !self.exact.is_empty() || !self.suffixes.is_empty()
    }

    pub(crate) fn looks_at_path(&self) -> bool {
        self.looks_at_path
    }

    /// The most specific rule that matches `host` and `path` and of which `holds` is true.
    pub(crate) fn first(&self, host: &HostKey, path: &[u8], holds: &mut impl FnMut(usize) -> bool) -> Option<usize> {
        let host = host.as_bytes();
        if host.is_empty() {
            return self.any.first(path, holds);
        }
        if let Some(index) = self.exact.get(host).and_then(|paths| paths.first(path, holds)) {
            return Some(index);
        }
        self.suffixes
            .longest_first(host)
            .find_map(|paths| paths.first(path, holds))
            .or_else(|| self.any.first(path, holds))
    }
}

impl Paths {
    /// From the rules of one host, the most specific first.
    fn new(rules: &[&Rule]) -> Paths {
        let mut exact: ByKey<Candidates> = HashMap::default();
        let mut prefixes: BTreeMap<Box<[u8]>, Candidates> = BTreeMap::new();
        let mut regexes = Vec::new();
        let mut any = Vec::new();
        for rule in rules {
            let candidate = Candidate {
                index: rule.index,
                is_conditional: rule.conditions.count() > 0,
            };
            match &rule.path {
                PathRule::Any => any.push(candidate),
                PathRule::Exact { path, .. } => exact.entry(path.clone()).or_default().push(candidate),
                PathRule::Prefix { path, .. } => prefixes.entry(path.clone()).or_default().push(candidate),
                PathRule::Regex { regex, .. } => regexes.push((regex.clone(), candidate)),
            }
        }
        Paths {
            exact,
            regexes,
            prefixes: Prefixes::new(prefixes, b'/', true),
            any,
        }
    }

    fn first(&self, path: &[u8], holds: &mut impl FnMut(usize) -> bool) -> Option<usize> {
        let exact = self.exact.get(path).and_then(|candidates| choose(candidates, holds));
        exact
            .or_else(|| {
                let mut matching = self.regexes.iter().filter(|(regex, _)| regex.is_match(path));
                matching.find_map(|(_, candidate)| candidate.take(holds))
            })
            .or_else(|| {
                let mut under = self.prefixes.longest_first(path);
                under.find_map(|candidates| choose(candidates, holds))
            })
            .or_else(|| choose(&self.any, holds))
    }
}

impl Candidate {
    fn take(self, holds: &mut impl FnMut(usize) -> bool) -> Option<usize> {
        (!self.is_conditional || holds(self.index)).then_some(self.index)
    }
}

fn choose(candidates: &[Candidate], holds: &mut impl FnMut(usize) -> bool) -> Option<usize> {
    candidates.iter().find_map(|candidate| candidate.take(holds))
}
