//! Paths, hosts and fields as backends get them.
#![allow(clippy::unwrap_used)]

mod laws;

use evenkeel_http::Edits;
use evenkeel_model::*;
use evenkeel_rewrite::{Facts, Rewrite, TlsFacts};

fn route(path: Option<&str>, change: Option<PathChange>) -> Route {
    let pattern = path.map(|path| match path.strip_suffix('*') {
        Some(prefix) => PathPattern::Prefix(prefix.into()),
        None => PathPattern::Exact(path.into()),
    });
    let matches = Match {
        path: pattern,
        ..Match::default()
    };
    let mut route = Route::new("r", matches, RouteAction::Pool("p".into()));
    route.path_change = change;
    route
}

fn path(rewrite: &Rewrite, path: &str) -> String {
    let mut out = Vec::new();
    if rewrite.path(path.as_bytes(), &mut out) {
        return String::from_utf8(out).unwrap();
    }
    assert!(out.is_empty());
    path.to_owned()
}

fn check(route: &Route, cases: &[(&str, &str)]) {
    let rewrite = Rewrite::new(route).unwrap();
    for (from, to) in cases {
        assert_eq!(path(&rewrite, from), *to, "{from}");
    }
}

#[test]
fn prefixes_are_stripped_by_whole_segments() {
    check(
        &route(Some("/api/*"), Some(PathChange::Strip("/api".into()))),
        &[
            ("/api", "/"),
            ("/api/", "/"),
            ("/api/a", "/a"),
            ("/api/a/", "/a/"),
            ("/api/a/b", "/a/b"),
            ("/api/api/b", "/api/b"),
            ("/apis/a", "/apis/a"),
            ("/b/api/a", "/b/api/a"),
            ("/", "/"),
            ("*", "*"),
            ("/%61pi/x", "/x"),
        ],
    );
    check(
        &route(None, Some(PathChange::Strip("/a/b".into()))),
        &[("/a/b/c", "/c"), ("/a/b", "/"), ("/a", "/a"), ("/a/bc", "/a/bc")],
    );
}

#[test]
fn what_is_left_keeps_its_spelling() {
    check(
        &route(Some("/api/*"), Some(PathChange::Strip("/api".into()))),
        &[
            ("/api/%41%2fb%3Bc;d", "/%41%2fb%3Bc;d"),
            ("/api/a%20b%C3%a9", "/a%20b%C3%a9"),
            ("/api/a%zz%", "/a%zz%"),
            ("/api/a\\b", "/a\\b"),
        ],
    );
}

#[test]
fn nothing_hides_behind_dots_and_empty_segments() {
    check(
        &route(Some("/api/*"), Some(PathChange::Strip("/api".into()))),
        &[
            ("/x/../api/a", "/a"),
            ("/./api/./a/.", "/a/"),
            ("/api//evil.example/", "/evil.example/"),
            ("//api//a", "/a"),
            ("/api/%2e%2E/api/a", "/a"),
            ("/api/a/..", "/"),
            ("/api/a/%2e%2e/%2E/b", "/b"),
            // What stays has been looked at by nobody, as without the key.
            ("/api/../admin", "/api/../admin"),
            ("/..//../api/a", "/a"),
        ],
    );
}

#[test]
fn what_the_star_matched_follows_the_new_beginning() {
    check(
        &route(Some("/v1/*"), Some(PathChange::Prefix("/v2/".into()))),
        &[
            ("/v1", "/v2"),
            ("/v1/", "/v2/"),
            ("/v1/a/b", "/v2/a/b"),
            ("/v1//a/../%2f", "/v2/%2f"),
            ("*", "*"),
        ],
    );
    check(
        &route(Some("/a//b/*"), Some(PathChange::Prefix("/".into()))),
        &[("/a/b", "/"), ("/a/b/", "/"), ("/a/b/c", "/c")],
    );
    for everything in [None, Some("/*")] {
        check(
            &route(everything, Some(PathChange::Prefix("/all/of/it/".into()))),
            &[("/", "/all/of/it"), ("/a", "/all/of/it/a"), ("/a/", "/all/of/it/a/")],
        );
    }
    check(
        &route(Some("/old"), Some(PathChange::Exact("/new%20one".into()))),
        &[("/old", "/new%20one"), ("/o%6cd", "/new%20one"), ("*", "*")],
    );
}

#[test]
fn no_spelling_climbs_out() {
    const PIECES: [&str; 16] = [
        "/", "//", ".", "..", "%2e", "%2E%2e", "a", "%2f", "\\", "v1", "/v1/", "/%761/", ";", "%", "%5c", "?",
    ];
    let mut state = 1_u64;
    for round in 0..20_000 {
        let mut text = String::from(if round % 2 == 0 { "/v1/" } else { "/" });
        for _ in 0..8 {
            state = state
                .wrapping_mul(0x5851_f42d_4c95_7f2d)
                .wrapping_add(0x1405_7b7e_f767_814f);
            text.push_str(PIECES[(state >> 33) as usize % PIECES.len()]);
        }
        laws::path(text.as_bytes());
    }
}

const FACTS: Facts<'_> = Facts {
    client_address: b"192.0.2.7",
    request_id: b"id",
    method: b"GET",
    host: b"h:80",
    path: b"/v1/a",
    query: Some(b"q=1"),
    scheme: b"https",
    backend: b"b2",
    tls: TlsFacts {
        version: b"TLSv1.3",
        cipher: b"TLS_AES_128_GCM_SHA256",
        server_name: b"h",
        client_subject: b"CN=alice\r\nx: y",
        client_fingerprint: b"00ff",
    },
};

fn template(parts: &[Part]) -> Template {
    Template { parts: parts.to_vec() }
}

fn written(edits: &Edits) -> Vec<String> {
    edits
        .fields()
        .map(|(name, value)| format!("{}: {}", name.escape_ascii(), value.escape_ascii()))
        .collect()
}

#[test]
fn every_variable_has_its_value() {
    let mut route = route(None, None);
    route.response_headers.set = Variable::ALL
        .iter()
        .map(|variable| {
            (
                format!("x-{}", variable.as_str()).into(),
                template(&[Part::Variable(*variable)]),
            )
        })
        .collect();
    let rewrite = Rewrite::new(&route).unwrap();
    assert!(rewrite.changes_response() && !rewrite.changes_request() && !rewrite.takes_fields());
    let mut edits = Edits::default();
    rewrite.response(&FACTS, &mut edits);
    assert_eq!(
        written(&edits),
        [
            "x-client_address: 192.0.2.7",
            "x-request_id: id",
            "x-method: GET",
            "x-host: h:80",
            "x-path: /v1/a",
            "x-query: q=1",
            "x-scheme: https",
            "x-backend: b2",
            "x-tls_version: TLSv1.3",
            "x-tls_cipher: TLS_AES_128_GCM_SHA256",
            "x-tls_server_name: h",
            "x-client_certificate_subject: CN=alicex: y",
            "x-client_certificate_fingerprint: 00ff",
        ]
    );
    edits.clear();
    rewrite.response(&Facts::default(), &mut edits);
    assert_eq!(written(&edits), Vec::<String>::new());
    assert!(edits.drops(b"X-TLS_Version"));
}

#[test]
fn a_request_is_changed_as_a_whole() {
    let mut route = route(Some("/v1/*"), Some(PathChange::Prefix("/v2/".into())));
    route.set_host = Some("app.internal".into());
    let mixed = [
        Part::Text("for=".into()),
        Part::Variable(Variable::ClientAddress),
        Part::Text(";proto=".into()),
        Part::Variable(Variable::Scheme),
    ];
    route.request_headers = FieldChanges {
        set: vec![("forwarded".into(), template(&mixed))],
        add: vec![("a".into(), template(&[Part::Text("1".into())]))],
        remove: vec!["b".into()],
    };
    let rewrite = Rewrite::new(&route).unwrap();
    assert!(rewrite.changes_request() && rewrite.takes_fields());
    let mut edits = Edits::default();
    rewrite.request(&FACTS, &mut edits);
    assert_eq!(written(&edits), ["forwarded: for=192.0.2.7;proto=https", "a: 1"]);
    assert!(edits.drops(b"B") && edits.drops(b"Forwarded") && !edits.drops(b"a"));
    let text = b"GET /v1/a?q=1 HTTP/1.1\r\nHost: h:80\r\n\r\n";
    let mut head = evenkeel_http::RequestHead::default();
    head.parse(text, &evenkeel_http::Limits::default()).unwrap();
    let forward = evenkeel_http::Forward {
        client_address: b"192.0.2.7",
        trusted: false,
        scheme: b"https",
        request_id: b"id",
        backend: b"",
    };
    let mut out = Vec::new();
    head.write_edited(text, &forward, &edits, &mut out);
    let out = String::from_utf8(out).unwrap();
    assert!(
        out.starts_with("GET /v2/a?q=1 HTTP/1.1\r\nhost: app.internal\r\n"),
        "{out}"
    );
    assert!(out.contains("\r\nx-forwarded-host: h:80\r\n"), "{out}");
}

#[test]
fn a_route_that_changes_nothing_has_no_rewrite() {
    assert!(Rewrite::new(&route(Some("/a/*"), None)).is_none());
}
