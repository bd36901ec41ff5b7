//! Which route wins.

use super::{chosen, request, route, value};
use crate::{FieldList, Request, Router};
use evenkeel_model::{Match, Route};

#[test]
fn a_catch_all_takes_everything() {
    for routes in [["*anything*"; 0].as_slice(), &[""], &["/*"]] {
        for url in ["", "a.example/", "a.example/x/../y", "a.example*", "[::1]/%2e%2e;"] {
            assert_eq!(chosen(routes, url), routes.first().copied(), "{url}");
        }
    }
}

#[test]
fn hosts_exact_before_longer_suffix_before_any() {
    let routes = [
        "",
        "*.example.com",
        "*.eu.example.com",
        "www.eu.example.com",
        "example.com",
    ];
    let cases = [
        ("example.com/", "example.com"),
        ("EXAMPLE.Com./", "example.com"),
        ("www.example.com/", "*.example.com"),
        ("a.b.c.example.com/", "*.example.com"),
        ("xeu.example.com/", "*.example.com"),
        ("b.eu.example.com/", "*.eu.example.com"),
        ("www.eu.example.com/", "www.eu.example.com"),
        ("badexample.com/", ""),
        (".example.com/", ""),
        ("example.org/", ""),
        ("/", ""),
    ];
    for (url, expected) in cases {
        assert_eq!(chosen(&routes, url), Some(expected), "{url}");
    }
}

#[test]
fn a_host_longer_than_any_name_is_only_any() {
    let long = format!("{}.example.com", "a".repeat(300));
    assert_eq!(chosen(&["*.example.com", ""], &format!("{long}/")), Some(""));
    assert_eq!(
        chosen(&[&long], "/"),
        None,
        "an over-long pattern is not the empty host"
    );
}

#[test]
fn ipv6_hosts_compare_as_addresses() {
    for url in ["[2001:db8::1]/", "[2001:DB8:0:0::1]/", "[2001:0db8::0001]/"] {
        assert_eq!(chosen(&["", "[2001:db8:0::1]"], url), Some("[2001:db8:0::1]"), "{url}");
    }
    assert_eq!(chosen(&["", "[2001:db8::1]"], "[2001:db8::2]/"), Some(""));
}

#[test]
fn paths_exact_before_regex_before_longer_prefix_before_any() {
    let routes = [
        "/*",
        "/api/*",
        "/api/v1/*",
        "/api/v1/users",
        "~/api/v[0-9]+",
        "~/api/.*/deep",
    ];
    let cases = [
        ("/", "/*"),
        ("/apix", "/*"),
        ("/api", "/api/*"),
        ("/api/", "/api/*"),
        ("/api/x", "/api/*"),
        ("/api-x/y", "/*"),
        ("/api/v1", "~/api/v[0-9]+"),
        ("/api/v1/", "/api/v1/*"),
        ("/api/v1/users", "/api/v1/users"),
        ("/api/v1/users/", "/api/v1/*"),
        ("/api/v1/deep", "~/api/.*/deep"),
        ("/API", "/*"),
    ];
    for (url, expected) in cases {
        assert_eq!(chosen(&routes, url), Some(expected), "{url}");
    }
}

#[test]
fn host_counts_before_path() {
    let routes = ["/api/users", "*.example.com/api/*", "a.example.com"];
    assert_eq!(chosen(&routes, "a.example.com/api/users"), Some("a.example.com"));
    assert_eq!(chosen(&routes, "b.example.com/api/users"), Some("*.example.com/api/*"));
    assert_eq!(chosen(&routes, "b.example.com/x"), None);
}

#[test]
fn a_host_without_a_matching_path_falls_back() {
    let routes = ["a.example.com/api/*", "*.example.com/static/*", "/*"];
    assert_eq!(
        chosen(&routes, "a.example.com/static/x"),
        Some("*.example.com/static/*")
    );
    assert_eq!(chosen(&routes, "a.example.com/x"), Some("/*"));
}

#[test]
fn any_path_and_slash_star_are_equal_and_the_first_wins() {
    assert_eq!(chosen(&["", "/*"], "/x"), Some(""));
    assert_eq!(chosen(&["/*", ""], "/x"), Some("/*"));
}

#[test]
fn options_star_matches_only_any_path() {
    let routes = ["/x/*", "~.*/x", "example.com"];
    assert_eq!(chosen(&routes, "example.com*"), Some("example.com"));
    assert_eq!(chosen(&routes, "example.org*"), None);
}

#[test]
fn a_bad_regex_is_told_with_its_route() {
    for bad in ["~a)(b", "~(", "~a{1000}{1000}{1000}"] {
        let error = Router::new(&[route("/"), route(bad)]).unwrap_err();
        assert_eq!(error.route, 1);
        assert!(error.to_string().starts_with("route 2: path_regex: "), "{error}");
    }
}

/// Whether a route with these conditions takes `request`.
fn holds(matches: Match, request: &Request<'_>) -> bool {
    let with = Route { matches, ..route("") };
    Router::new(&[with]).unwrap().route(request).is_some()
}

#[test]
fn methods_are_case_sensitive_and_any_may_match() {
    let matches = || Match {
        methods: vec!["GET".into(), "HEAD".into()],
        ..Match::default()
    };
    for (method, expected) in [
        ("GET", true),
        ("HEAD", true),
        ("get", false),
        ("POST", false),
        ("", false),
    ] {
        let asked = Request {
            method: method.as_bytes(),
            ..request("/")
        };
        assert_eq!(holds(matches(), &asked), expected, "{method}");
    }
}

#[test]
fn clients_by_network_also_when_mapped() {
    let matches = || Match {
        from: vec!["10.0.0.0/8".parse().unwrap(), "2001:db8::/32".parse().unwrap()],
        ..Match::default()
    };
    for (client, expected) in [
        ("10.1.2.3", true),
        ("::ffff:10.1.2.3", true),
        ("2001:db8::1", true),
        ("11.0.0.1", false),
        ("::ffff:11.0.0.1", false),
        ("2001:db9::1", false),
    ] {
        let asked = Request {
            client: client.parse().unwrap(),
            ..request("/")
        };
        assert_eq!(holds(matches(), &asked), expected, "{client}");
    }
}

#[test]
fn query_parameters_are_decoded() {
    let cases = [
        ("debug", "*", Some("debug"), true),
        ("debug", "*", Some("debug="), true),
        ("debug", "*", Some("a=1&debug=x"), true),
        ("debug", "*", Some("%64ebug=x"), true),
        ("debug", "*", Some("debugx"), false),
        ("debug", "*", Some("debu"), false),
        ("debug", "*", Some("Debug"), false),
        ("debug", "*", Some(""), false),
        ("debug", "*", None, false),
        ("a", "1", Some("a=2&a=1"), true),
        ("a", "1", Some("a=11"), false),
        ("a", "1", Some("a=%31"), true),
        ("a", "x y", Some("a=x+y"), true),
        ("a", "x y", Some("a=x%20y"), true),
        ("a", "x+y", Some("a=x%2By"), true),
        ("a", "b=c", Some("a=b=c"), true),
        ("a", "%", Some("a=%"), true),
        ("a", "%4", Some("a=%4"), true),
        ("a", "", Some("a"), true),
        ("a", "1", Some("b=a=1;a=1"), false),
        ("", "*", Some("a&&b"), false),
    ];
    for (name, pattern, query, expected) in cases {
        let matches = Match {
            query: vec![(name.into(), value(pattern))],
            ..Match::default()
        };
        let asked = Request {
            query: query.map(str::as_bytes),
            ..request("/")
        };
        assert_eq!(holds(matches, &asked), expected, "{name}={pattern} in {query:?}");
    }
}

#[test]
fn headers_compare_with_any_of_the_values() {
    let fields = FieldList(&[(b"X-Canary", b"no"), (b"x-canary", b"yes"), (b"x-empty", b"")]);
    let asked = Request {
        fields: &fields,
        ..request("/")
    };
    for (name, pattern, expected) in [
        ("x-canary", "yes", true),
        ("x-canary", "no", true),
        ("x-canary", "YES", false),
        ("x-canary", "ye", false),
        ("x-canary", "*", true),
        ("x-empty", "*", true),
        ("x-empty", "x", false),
        ("x-none", "*", false),
    ] {
        let matches = Match {
            headers: vec![(name.into(), value(pattern))],
            ..Match::default()
        };
        assert_eq!(holds(matches, &asked), expected, "{name}={pattern}");
    }
}

#[test]
fn cookies_are_parsed() {
    let fields = FieldList(&[(b"Cookie", b"a=1; beta=\"x\";c= d ;e"), (b"cookie", b"f=g=h; Beta=2")]);
    let asked = Request {
        fields: &fields,
        ..request("/")
    };
    for (name, pattern, expected) in [
        ("a", "1", true),
        ("a", "*", true),
        ("A", "*", false),
        ("beta", "x", true),
        ("beta", "\"x\"", true),
        ("beta", "2", false),
        ("Beta", "2", true),
        ("c", "d", true),
        ("e", "*", false),
        ("f", "g=h", true),
        ("g", "*", false),
        ("", "*", false),
    ] {
        let matches = Match {
            cookies: vec![(name.into(), value(pattern))],
            ..Match::default()
        };
        assert_eq!(holds(matches, &asked), expected, "{name}={pattern}");
    }
}

#[test]
fn more_conditions_win_then_the_order_of_the_file() {
    let mut routes = vec![route("/api/*"), route("/api/*"), route("/api/*"), route("/api/x/*")];
    routes[1].matches.methods = vec!["GET".into()];
    routes[2].matches.methods = vec!["GET".into()];
    routes[2].matches.query = vec![("debug".into(), value("*"))];
    let router = Router::new(&routes).unwrap();
    assert_eq!(router.route(&request("/api/y?debug")), Some(2));
    assert_eq!(router.route(&request("/api/y")), Some(1));
    assert_eq!(
        router.route(&Request {
            method: b"POST",
            ..request("/api/y?debug")
        }),
        Some(0)
    );
    assert_eq!(
        router.route(&request("/api/x?debug")),
        Some(3),
        "a longer path counts before conditions"
    );
    routes.swap(0, 1);
    routes[0].matches.methods = Vec::new();
    assert_eq!(Router::new(&routes).unwrap().route(&request("/api/y")), Some(0));
}

#[test]
fn fields_are_not_looked_at_without_need() {
    struct Never;
    impl crate::Fields for Never {
        fn visit(&self, name: &[u8], _: &mut dyn FnMut(&[u8]) -> bool) {
            panic!("asked for {}", name.escape_ascii());
        }
    }
    let mut routes = vec![route("/a/*"), route("/b/*")];
    routes[0].matches.headers = vec![("x".into(), value("*"))];
    let router = Router::new(&routes).unwrap();
    assert_eq!(
        router.route(&Request {
            fields: &Never,
            ..request("/b/")
        }),
        Some(1)
    );
}

#[test]
fn explains_the_winner_and_what_was_nearer() {
    let mut routes = vec![
        route("example.com/api/*"),
        route("example.com/api/v1/*"),
        route("*.com"),
        route("example.org"),
        route("example.com/login"),
    ];
    routes[1].matches.headers = vec![("x-canary".into(), value("yes"))];
    let router = Router::new(&routes).unwrap();
    let explanation = router.explain(&request("example.com/api/v1/x"));
    assert_eq!(explanation.route, Some(0));
    assert_eq!(
        explanation.why,
        "route 1 (example.com/api/*) is the most specific that matches: it takes exactly the host example.com and a \
         path under /api/"
    );
    let missed: Vec<_> = explanation
        .missed
        .iter()
        .map(|missed| (missed.route, missed.why.as_str()))
        .collect();
    assert_eq!(
        missed,
        [
            (
                4,
                "route 5 (example.com/login) did not match: the path /api/v1/x is not exactly the path /login"
            ),
            (
                1,
                "route 2 (example.com/api/v1/*) did not match: the request has no header x-canary with the value \
                 \"yes\""
            ),
        ]
    );
    assert_eq!(explanation.more_missed, 0);
    let nothing = router.explain(&request("nowhere.net/"));
    assert_eq!(
        (nothing.route, nothing.why.as_str()),
        (None, "no route has the host nowhere.net")
    );
}

#[test]
fn explains_at_most_twenty_missed() {
    let routes: Vec<_> = (0..50).map(|number| route(&format!("/{number}/*"))).collect();
    let explanation = Router::new(&routes).unwrap().explain(&request("/x"));
    assert_eq!(
        (explanation.route, explanation.why.as_str()),
        (None, "no route matches")
    );
    assert_eq!((explanation.missed.len(), explanation.more_missed), (20, 30));
}

#[test]
fn explains_two_readings() {
    let router = Router::new(&[route("/*"), route("/admin/*")]).unwrap();
    let explanation = router.explain(&request("/admin%2Fx"));
    assert_eq!(explanation.route, None);
    assert!(
        explanation
            .why
            .starts_with("the path /admin%2Fx can be read in two ways"),
        "{}",
        explanation.why
    );
}
