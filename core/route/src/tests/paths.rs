//! Conditions on a path cannot be dodged by another spelling of it.

use super::chosen;
use crate::path::{Reading, is_plain, normalise};

fn strict(path: &str) -> String {
    String::from_utf8(normalise(path.as_bytes(), Reading::Strict).0).unwrap()
}

fn lenient(path: &str) -> String {
    String::from_utf8(normalise(path.as_bytes(), Reading::Lenient).0).unwrap()
}

#[test]
fn normalises() {
    for (path, expected) in [
        ("", "/"),
        ("/", "/"),
        ("*", "*"),
        ("/a/b", "/a/b"),
        ("/a/./b", "/a/b"),
        ("/a/.", "/a/"),
        ("/a/..", "/"),
        ("/a/../", "/"),
        ("/..", "/"),
        ("/../../a", "/a"),
        ("/a/b/../../c", "/c"),
        ("/a/b/../c/.././d/", "/a/d/"),
        ("/.well-known/x", "/.well-known/x"),
        ("/...", "/..."),
        ("/a/..b/b..", "/a/..b/b.."),
        ("/%61dmin", "/admin"),
        ("/a/%2e%2E/b", "/b"),
        ("/a/.%2e", "/"),
        ("//a///b//", "/a/b/"),
        ("/caf%C3%A9%20x", "/café x"),
        ("/a%2fb", "/a%2Fb"),
        ("/a%252Fb", "/a%252Fb"),
        ("/100%", "/100%25"),
        ("/100%zz", "/100%25zz"),
        ("/100%25", "/100%25"),
        ("/%2561", "/%2561"),
        ("/a;b/c", "/a;b/c"),
        ("/a\\b", "/a\\b"),
        ("/a//../b", "/a/b"),
    ] {
        assert_eq!(strict(path), expected, "{path}");
    }
}

#[test]
fn reads_leniently() {
    for (path, expected) in [
        ("/a%2Fb", "/a/b"),
        ("/a%5c..%5Cb", "/b"),
        ("/a\\b", "/a/b"),
        ("/public/..;/admin", "/admin"),
        ("/admin;x=1/secret;y", "/admin/secret"),
        ("/public/..%2fadmin", "/admin"),
        ("/a//../b", "/b"),
        ("/%3bx", "/;x"),
    ] {
        assert_eq!(lenient(path), expected, "{path}");
    }
}

#[test]
fn plain_paths_are_already_normal() {
    let alphabet = ["/", ".", "%", "%2e", "%2F", ";", "\\", "a", "b"];
    let mut plain = 0;
    for number in 0..9_usize.pow(5) {
        let path: String = (0..5).map(|place| alphabet[number / 9_usize.pow(place) % 9]).collect();
        let path = format!("/{path}");
        if is_plain(path.as_bytes()) {
            plain += 1;
            assert_eq!((strict(&path), lenient(&path)), (path.clone(), path));
        }
    }
    assert!(plain > 100, "only {plain} plain paths");
}

#[test]
fn normalising_twice_changes_nothing() {
    let alphabet = ["/", ".", "..", "%", "%2e", "%2F", "%25", "\\", "a"];
    for number in 0..9_usize.pow(5) {
        let path: String = (0..5).map(|place| alphabet[number / 9_usize.pow(place) % 9]).collect();
        let (once, _) = normalise(format!("/{path}").as_bytes(), Reading::Strict);
        assert_eq!(normalise(&once, Reading::Strict).0, once, "/{path}");
    }
}

#[test]
fn another_spelling_takes_the_same_route() {
    let routes = ["/*", "/admin/*", "/public/*", "~/v[0-9]/x"];
    for url in [
        "/admin/x",
        "/public/../admin/x",
        "/%61dmin/x",
        "/public/%2e%2e/admin",
        "//admin/x",
        "/./admin",
        "/../admin",
        "/admin/a%2Fb",
        "/admin/x;session=1",
    ] {
        assert_eq!(chosen(&routes, url), Some("/admin/*"), "{url}");
    }
    assert_eq!(chosen(&routes, "/admin/../x"), Some("/*"));
    assert_eq!(chosen(&routes, "/%76%31//x"), Some("~/v[0-9]/x"));
}

#[test]
fn a_path_with_two_meanings_has_no_route() {
    let routes = ["/*", "/admin/*", "/public/*"];
    for url in [
        "/admin%2Fx",
        "/admin%5Cx",
        "/admin\\x",
        "/admin;/x",
        "/public/..%2fadmin",
        "/public/..;/admin",
        "/admin/..%2Fpublic",
        "/public//../admin",
    ] {
        assert_eq!(chosen(&routes, url), None, "{url}");
    }
    assert_eq!(
        chosen(&routes, "/group%2Fproject"),
        Some("/*"),
        "both meanings, one route"
    );
}

#[test]
fn a_route_that_writes_it_takes_it_as_it_stands() {
    let routes = ["/*", "/a;b", "/c%2Fd/*", "~/p/[^/]+%2F[^/]+"];
    assert_eq!(chosen(&routes, "/a;b"), Some("/a;b"));
    assert_eq!(chosen(&routes, "/c%2fd/x"), Some("/c%2Fd/*"));
    assert_eq!(chosen(&routes, "/p/x%2Fy"), Some("~/p/[^/]+%2F[^/]+"));
    assert_eq!(chosen(&routes, "/c/d"), Some("/*"));
}

#[test]
fn patterns_are_normalised_too() {
    assert_eq!(chosen(&["/caf%C3%A9/*"], "/café/x"), Some("/caf%C3%A9/*"));
    assert_eq!(chosen(&["/café"], "/caf%c3%a9"), Some("/café"));
    assert_eq!(chosen(&["/a//b/../c/*"], "/a/c"), Some("/a//b/../c/*"));
}
