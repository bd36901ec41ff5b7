//! What groups of a `path_regex` matched, in paths, fields and redirects.
#![allow(clippy::unwrap_used)]

use evenkeel_http::*;
use evenkeel_model::*;
use evenkeel_rewrite::{Facts, Rewrite};

fn facts(path: &str) -> Facts<'_> {
    Facts {
        path: path.as_bytes(),
        query: Some(b"q"),
        ..Facts::default()
    }
}

fn path(rewrite: &Rewrite, path: &str) -> String {
    let mut out = Vec::new();
    match rewrite.path(path.as_bytes(), &mut out) {
        true => String::from_utf8(out).unwrap(),
        false => path.to_owned(),
    }
}

fn by_regex(regex: &str, change: impl FnOnce(&mut Route)) -> Rewrite {
    let mut route = Route::new("r", Match::default(), RouteAction::Pool("p".into()));
    route.matches.path = Some(PathPattern::Regex(regex.into()));
    change(&mut route);
    Rewrite::new(&route).unwrap()
}

/// Groups are `1`; anything else is text.
fn template(parts: &[&str]) -> Template {
    let part = |part: &&str| match part.parse() {
        Ok(number) => Part::Group(number),
        Err(_) => Part::Text((*part).into()),
    };
    Template {
        parts: parts.iter().map(part).collect(),
    }
}

#[test]
fn what_groups_matched_is_put_together_to_a_path() {
    let rewrite = by_regex(r"/([a-z]+)/(\d+)(/.*)?", |route| {
        route.path_change = Some(PathChange::Groups(template(&["/items/", "2", "/", "1", "3"])));
    });
    for (from, to) in [
        ("/shoes/12", "/items/12/shoes"),
        ("/shoes/12/a/b/", "/items/12/shoes/a/b/"),
        ("/shoes/12/", "/items/12/shoes/"),
        // As routing reads it.
        ("//x/../%73hoes/12/a%20b%2Fc%25d", "/items/12/shoes/a b%2Fc%25d"),
        ("*", "*"),
    ] {
        assert_eq!(path(&rewrite, from), to, "{from}");
    }
    let mut edits = Edits::default();
    rewrite.request(&facts("/shoes/1/a%20b%3Fc"), &mut edits);
    let mut head = RequestHead::default();
    let text = b"GET /shoes/1/a%20b%3Fc?q HTTP/1.1\r\nHost: h\r\n\r\n";
    assert_eq!(head.parse(text, &Limits::default()), Ok(Parsed::Whole));
    let forward = Forward {
        client_address: b"192.0.2.7",
        trusted: false,
        scheme: b"http",
        request_id: b"made",
        backend: b"10.0.0.1:80",
    };
    let mut out = Vec::new();
    head.write_edited(text, &forward, &edits, &mut out);
    assert!(out.starts_with(b"GET /items/1/shoes/a%20b%3Fc?q HTTP/1.1\r\n"));
}

#[test]
fn groups_side_by_side_climb_nowhere() {
    let rewrite = by_regex(r"/(.*)-(.*)", |route| {
        route.path_change = Some(PathChange::Groups(template(&["/base/", "1", "/", "2"])));
    });
    for (from, to) in [
        ("/a-b", "/base/a/b"),
        ("/..-..", "/base"),
        ("/..-../etc", "/base/etc"),
        ("/.-%2e%2e/", "/base/"),
        ("/.-.-x", "/base/.-./x"),
        ("/-", "/base/"),
        ("/-/a", "/base/a"),
    ] {
        assert_eq!(path(&rewrite, from), to, "{from}");
    }
}

#[test]
fn fields_say_what_groups_matched() {
    let rewrite = by_regex("/(?P<tenant>[^/]+)(/x)?/.*", |route| {
        route.request_headers.set = vec![
            ("x-tenant".into(), template(&["1"])),
            ("x-none".into(), template(&["2"])),
        ];
        route.response_headers.add = vec![("x-all".into(), template(&["<", "0", ">"]))];
    });
    let mut edits = Edits::default();
    rewrite.request(&facts("/a%0D%0Ab%20c/d"), &mut edits);
    let fields: Vec<_> = edits.fields().collect();
    assert_eq!(fields, [(&b"x-tenant"[..], &b"ab c"[..])]);
    assert!(edits.drops(b"x-none"));
    edits.clear();
    rewrite.response(&facts("/a/%64"), &mut edits);
    let fields: Vec<_> = edits.fields().collect();
    assert_eq!(fields, [(&b"x-all"[..], &b"</a/d>"[..])]);
}

#[test]
fn a_redirect_leads_to_the_host_that_the_route_names() {
    let location = |regex: &str, parts: &[&str], path: &str| {
        let rewrite = by_regex(regex, |route| {
            route.action = RouteAction::Redirect(RedirectTo::Groups(template(parts)));
        });
        let mut out = Vec::new();
        rewrite.location(path.as_bytes(), &mut out);
        String::from_utf8(out).unwrap()
    };
    let all = |path: &str| location("/old(.*)", &["https://example.com/new", "1"], path);
    assert_eq!(all("/old/a%20b/c"), "https://example.com/new/a%20b/c");
    assert_eq!(all("/old@evil.com"), "https://example.com/new@evil.com");
    assert_eq!(
        all("/old/%3Fa%23b%5Cc%0dset-cookie:%c3"),
        "https://example.com/new/%3Fa%23b%5Cc%0Dset-cookie:%C3"
    );
    assert_eq!(all("/old/a%2Fb%25c"), "https://example.com/new/a%2Fb%25c");
    for parts in [&["/", "1"][..], &["/", "1", "/", "2"], &["/", "2", "/", "1"]] {
        for path in [
            "/old//evil.com",
            "/old/%2f/evil.com",
            "/old/%5Cevil.com",
            "/old///",
            "/old/",
        ] {
            let to = location("/old/?(.*)()", parts, path);
            assert!(
                to.starts_with('/') && !to.starts_with("//") && !to.starts_with("/\\"),
                "{path}: {to}"
            );
        }
    }
    let query = location("/old/(.*)", &["/find?q=", "1", "&x=", "0"], "/old/a&b=c+d/e");
    assert_eq!(query, "/find?q=a%26b%3Dc%2Bd/e&x=/old/a%26b%3Dc%2Bd/e");
}
