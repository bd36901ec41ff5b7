//! How problems look, to the character.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use evenkeel_config::{Problems, parse};
use std::path::Path;

fn problems(text: &str) -> Problems {
    parse(text, Path::new("/")).unwrap_err()
}

#[test]
fn for_people() {
    let text = "[listener.web]\nbind = \":80\"\n\tpool =\t\"wep\"  # tabs\n\n\n\n\n\n\n[pool.web]\nbakends = []\n";
    let expected = "\
evenkeel.toml:3:9: error: there is no pool `wep`
  |
3 | \tpool =\t\"wep\"  # tabs
  | \t      \t^^^^^
  = help: did you mean `web`?

evenkeel.toml:11:1: error: unknown key `bakends` in `[pool.NAME]`
   |
11 | bakends = []
   | ^^^^^^^
   = help: did you mean `backends`?

evenkeel.toml: 2 errors
";
    assert_eq!(problems(text).render("evenkeel.toml", text, false), expected);
}

#[test]
fn in_colour() {
    let text = "x = 1\n[listener]\n";
    let expected = "\
a.toml:1:1: \u{1b}[1;31merror:\u{1b}[0m unknown key `x` in the top level
  \u{1b}[1;34m|\u{1b}[0m
\u{1b}[1;34m1 |\u{1b}[0m x = 1
  \u{1b}[1;34m|\u{1b}[0m \u{1b}[1;31m^\u{1b}[0m
  \u{1b}[1;34m=\u{1b}[0m \u{1b}[1;32mhelp:\u{1b}[0m known here: listener, pool, admin, log

a.toml: 1 error
";
    assert_eq!(problems(text).render("a.toml", text, true), expected);
}

#[test]
fn a_long_line_is_shown_around_the_place() {
    let filler = "#".repeat(200);
    let text =
        format!("listener.a = {{ bind = ':80', redirect = 'https', \"{filler}\" = 1, dsr = true }} {filler}\r\n");
    let rendered = problems(&text).render("a.toml", &text, false);
    let lines: Vec<&str> = rendered.lines().collect();
    // The second problem: `dsr`.
    let (source, carets) = (lines[8], lines[9]);
    assert!(source.starts_with("1 | …###") && source.ends_with("##…"), "{rendered}");
    let column = source
        .chars()
        .collect::<String>()
        .split("dsr")
        .next()
        .unwrap()
        .chars()
        .count();
    assert_eq!(carets, format!("  |{}^^^", " ".repeat(column - 3)));
    assert!(source.chars().count() < 130);
}

#[test]
fn a_line_cannot_command_the_terminal() {
    let text = "listener.a = { bind = ':80', redirect = 'https', \"\\u001b[2Jx\" = 1 } # \u{202e}x\n";
    let problems = problems(text);
    let rendered = problems.render("a.toml", text, false);
    assert!(
        !rendered
            .chars()
            .any(|character| (character.is_control() && character != '\n') || character == '\u{202e}')
    );
    assert!(problems.list[0].message.contains("`\u{fffd}[2Jx`"));
}

#[test]
fn for_programs() {
    let text = "x = 1\nlistener.a.bind = ':80'\nlistener.a.redirect = 'https'\nlistener.a.dsr = 1\n";
    let expected = serde_json::json!([
        {"file": "a.toml", "line": 1, "column": 1, "message": "unknown key `x` in the top level", "help": "known here: listener, pool, admin, log"},
        {"file": "a.toml", "line": 4, "column": 12, "message": "`dsr` is not supported by this version of Evenkeel yet", "help": null},
    ]);
    assert_eq!(problems(text).to_json("a.toml"), expected);
}

#[test]
fn in_one_line_each() {
    let text = "x = 1\nlistener.a.bind = ':80'\nlistener.a.redirect = 'https'\nlistener.a.dsr = 1\n";
    let expected = "1:1: unknown key `x` in the top level (known here: listener, pool, admin, log)\n\
                    4:12: `dsr` is not supported by this version of Evenkeel yet";
    assert_eq!(problems(text).to_string(), expected);
}

#[test]
fn what_is_left_out_is_counted() {
    let text: String = (0..150).map(|index| format!("key{index} = 1\n")).collect();
    let rendered = problems(&text).render("a.toml", &text, false);
    assert!(
        rendered.ends_with("\na.toml: 151 errors, the first 100 shown\n"),
        "{rendered}"
    );
}
