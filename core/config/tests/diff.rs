//! What a reload is said to change.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use evenkeel_config::{Change, diff, parse};
use evenkeel_model::Config;
use std::path::Path;

const BEFORE: &str = "
    [listener.web]
    bind = ':80'
    pool = 'api'
    [listener.old]
    bind = ':81'
    redirect = 'https'
    [pool.api]
    backends = ['10.0.0.1:80', { address = '10.0.0.2:80', name = 'b2' }]
    [pool.gone]
    backends = []
";

fn config(text: &str) -> Config {
    parse(text, Path::new("/")).unwrap()
}

fn said(after: &str) -> Vec<String> {
    diff(&config(BEFORE), &config(after))
        .iter()
        .map(Change::to_string)
        .collect()
}

#[test]
fn nothing() {
    assert!(diff(&config(BEFORE), &config(BEFORE)).is_empty());
    assert!(diff(&Config::default(), &Config::default()).is_empty());
}

#[test]
fn everything() {
    let after = "
        [listener.new]
        bind = ':82'
        pool = 'fresh'
        [listener.web]
        bind = [':80', ':8080']
        pool = 'api'
        max_body_size = '1MB'
        accept_proxy_protocol = '::1'
        [pool.fresh]
        backends = []
        [pool.api]
        backends = ['10.0.0.3:80', { address = '10.0.0.2:80', name = 'b2', weight = 3 }]
        check = { http = '/up' }
        panic = '10%'
        sticky = 'cookie'
        send_proxy_protocol = 'v2'
        [admin]
        bind = '127.0.0.1:9180'
        [log]
        level = 'debug'
    ";
    assert_eq!(
        said(after),
        [
            "listener new: added",
            "listener web: changed bind, accept_proxy_protocol, max_body_size",
            "listener old: removed",
            "pool fresh: added",
            "pool api: added 10.0.0.3:80, removed 10.0.0.1:80, changed b2, check, sticky, send_proxy_protocol, panic",
            "pool gone: removed",
            "admin: changed",
            "log: changed",
        ]
    );
}

#[test]
fn whether_addresses_change() {
    let after = BEFORE.replace("':81'", "':82'");
    let expected = Change::ListenerChanged {
        name: "old".into(),
        bind_changed: true,
        settings: vec!["bind"],
    };
    assert_eq!(diff(&config(BEFORE), &config(&after)), [expected]);
    let after = BEFORE.replace("redirect = 'https'", "redirect = '/elsewhere'");
    let expected = Change::ListenerChanged {
        name: "old".into(),
        bind_changed: false,
        settings: vec!["routes"],
    };
    assert_eq!(diff(&config(BEFORE), &config(&after)), [expected]);
}

#[test]
fn backends_that_move_or_are_renamed_stay() {
    for after in [
        BEFORE.replace("10.0.0.2:80", "10.0.0.9:80"),
        BEFORE.replace("'b2'", "'b2', state = 'drain'"),
    ] {
        assert_eq!(said(&after), ["pool api: changed b2"]);
    }
    assert_eq!(said(&BEFORE.replace("'b2'", "'two'")), ["pool api: changed two"]);
    // Another order is another pool for `first`, and nothing is added or removed.
    let after = BEFORE.replace(
        "['10.0.0.1:80', { address = '10.0.0.2:80', name = 'b2' }]",
        "[{ address = '10.0.0.2:80', name = 'b2' }, '10.0.0.1:80']",
    );
    assert_eq!(said(&after), ["pool api: changed order"]);
}
