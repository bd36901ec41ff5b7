//! The tables of keys against the code that reads.

use super::{Key, Kind, ROOT, Section, sections};
use crate::parse;
use std::collections::HashSet;
use std::path::Path;
use toml::de::{DeTable, DeValue};

const EVERY_KEY: &str = include_str!("../../../../examples/every-key.toml");
const INTERFACE: &str = include_str!("../../tests/interface.toml");

/// Marks every key of the tables that `table` has.
fn mark(found: &mut HashSet<(&'static str, &'static str)>, section: &'static Section, table: &DeTable<'_>) {
    for (name, value) in table {
        if let Some(key) = section.find(name.get_ref()) {
            found.insert((section.id, key.name));
            mark_value(found, &key.kind, value.get_ref());
        }
    }
}

fn mark_value(found: &mut HashSet<(&'static str, &'static str)>, kind: &'static Kind, value: &DeValue<'_>) {
    match (kind, value) {
        (Kind::Table(section), DeValue::Table(table)) => mark(found, section, table),
        (Kind::Named(section), DeValue::Table(table)) => {
            table
                .values()
                .filter_map(|value| value.get_ref().as_table())
                .for_each(|table| mark(found, section, table));
        }
        (Kind::Tables(section), DeValue::Array(array)) => {
            array
                .iter()
                .filter_map(|value| value.get_ref().as_table())
                .for_each(|table| mark(found, section, table));
        }
        (Kind::List(kind) | Kind::OneOrMore(kind), DeValue::Array(array)) => {
            array.iter().for_each(|value| mark_value(found, kind, value.get_ref()));
        }
        (Kind::Either(kinds), value) => kinds.iter().for_each(|kind| mark_value(found, kind, value)),
        (_, _) => {}
    }
}

fn marked(text: &str) -> HashSet<(&'static str, &'static str)> {
    let mut found = HashSet::new();
    mark(&mut found, &ROOT, DeTable::parse(text).unwrap().get_ref());
    found
}

#[test]
fn every_key_of_the_tables_is_accepted() {
    if let Err(problems) = parse(EVERY_KEY, Path::new("/")) {
        panic!("{}", problems.render("every-key.toml", EVERY_KEY, false));
    }
    let found = marked(EVERY_KEY);
    for section in sections() {
        for key in section.ready() {
            assert!(
                found.contains(&(section.id, key.name)),
                "`{}` of {} is not in the example",
                key.name,
                section.place
            );
        }
    }
}

#[test]
fn every_key_of_the_interface_is_accepted_or_answered() {
    // A file may not say everything at once: what contradicts itself there is none of this test's business.
    let allowed = [
        "a listener has either",
        "a check has either",
        "there is no pool",
        "means nothing without",
        "never chosen",
    ];
    let problems = parse(INTERFACE, Path::new("/")).unwrap_err();
    for problem in &problems.list {
        let known = problem
            .message
            .ends_with("is not supported by this version of Evenkeel yet")
            || allowed.iter().any(|start| problem.message.contains(start));
        assert!(known, "{}", problems.render("interface.toml", INTERFACE, false));
    }
    assert_eq!(problems.omitted, 0);
    // And it has every key of the tables, later ones included; what it leaves to us is in the example.
    let found = &marked(INTERFACE) | &marked(EVERY_KEY);
    for section in sections() {
        for Key { name, .. } in section.keys {
            let answered = section.find(name).is_some_and(|key| key.ready)
                || problems
                    .list
                    .iter()
                    .any(|problem| problem.message.starts_with(&format!("`{name}` is not")));
            assert!(
                found.contains(&(section.id, name)) && answered,
                "`{name}` of {}",
                section.place
            );
        }
    }
}

#[test]
fn every_later_key_is_refused_at_its_place() {
    for (section, before) in [
        ("listener", "[listener.a]\nbind = \":80\"\npool = \"a\"\n"),
        ("route", "[[listener.a.route]]\npool = \"a\"\n"),
        ("pool", "[pool.a]\nbackends = []\n"),
        ("configuration", ""),
    ] {
        let section = sections().into_iter().find(|known| known.id == section).unwrap();
        for key in section.keys.iter().filter(|key| !key.ready) {
            let text = format!("{before}{} = 1\n", key.name);
            let problems = parse(&text, Path::new("/")).unwrap_err();
            let message = format!("`{}` is not supported by this version of Evenkeel yet", key.name);
            let problem = problems.list.iter().find(|problem| problem.message == message);
            let Some(problem) = problem else { panic!("{problems}") };
            assert_eq!(text.get(problem.span.clone()), Some(key.name));
        }
    }
}

/// `key = default` for the keys that have one.
fn defaults(id: &str, separator: &str) -> String {
    let section = sections().into_iter().find(|known| known.id == id).unwrap();
    let written = section.ready().filter(|key| !key.default.is_empty());
    written
        .map(|key| format!("{} = {}", key.name, key.default))
        .collect::<Vec<_>>()
        .join(separator)
}

const NO_DEFAULTS: &str = "
        [listener.a]
        bind = ':80'
        [[listener.a.route]]
        pool = 'a'
        retry = {}
        mirror = { pool = 'hash' }
        rate = { requests = 7 }
        [[listener.a.route]]
        path = '/'
        respond = {}
        [[listener.a.route]]
        path = '/compressed'
        pool = 'a'
        compress = true
        [[listener.a.route]]
        path = '/files/*'
        files = { root = '/srv' }
        [pool.a]
        backends = [{ address = '10.0.0.1:80' }]
        check = { http = '/' }
        [pool.hash]
        backends = []
        balance = 'hash'
        tls = {}
        [listener.secure]
        bind = ':443'
        redirect = '/'
        tls = { certificates = 'a.pem', client_ca = 'b.pem' }
        [log]
";

#[test]
fn writing_a_default_changes_nothing() {
    let with = format!(
        "
        [listener.a]
        bind = ':80'
        {}
        timeouts = {{ {} }}
        [[listener.a.route]]
        pool = 'a'
        retry = {{ {} }}
        {}
        mirror = {{ pool = 'hash', {} }}
        rate = {{ requests = 7, {} }}
        [[listener.a.route]]
        path = '/'
        respond = {{ {} }}
        [[listener.a.route]]
        path = '/compressed'
        pool = 'a'
        compress = {{ {} }}
        [[listener.a.route]]
        path = '/files/*'
        files = {{ root = '/srv', {} }}
        [pool.a]
        backends = [{{ address = '10.0.0.1:80', {} }}]
        check = {{ http = '/', {} }}
        {}
        eject = {{ {} }}
        queue = {{ {} }}
        retry = {{ {} }}
        timeouts = {{ {} }}
        [pool.hash]
        backends = []
        balance = 'hash'
        hash = {{ {} }}
        tls = {{ {} }}
        [listener.secure]
        bind = ':443'
        redirect = '/'
        tls = {{ certificates = 'a.pem', client_ca = 'b.pem', {} }}
        [log]
        {}
        ",
        defaults("listener", "\n"),
        defaults("listener-timeouts", ", "),
        defaults("route-retry", ", "),
        defaults("route", "\n"),
        defaults("mirror", ", "),
        defaults("rate", ", "),
        defaults("respond", ", "),
        defaults("compress", ", "),
        defaults("files", ", "),
        defaults("backend", ", "),
        defaults("check", ", "),
        defaults("pool", "\n"),
        defaults("eject", ", "),
        defaults("queue", ", "),
        defaults("retry", ", "),
        defaults("pool-timeouts", ", "),
        defaults("hash", ", "),
        defaults("pool-tls", ", "),
        defaults("listener-tls", ", "),
        defaults("log", "\n"),
    );
    let read = |text: &str| match parse(text, Path::new("/")) {
        Ok(config) => config,
        Err(problems) => panic!("{}", problems.render("defaults.toml", text, false)),
    };
    assert_eq!(read(NO_DEFAULTS), read(&with));
}

#[test]
fn words_of_other_programs_are_not_our_own() {
    for section in sections() {
        for key in section.keys {
            for word in key.also {
                assert!(section.find(word).is_none(), "{word} in {}", section.place);
            }
        }
    }
}
