//! What routes do and change: sound texts and what they mean, unsound ones and what is told.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use evenkeel_config::parse;
use evenkeel_model::*;
use std::path::Path;
use std::time::Duration;

const AROUND: &str = "
[pool.web]
backends = []
[pool.canary]
backends = []
[pool.shadow]
backends = []
";

/// The text of one route with what is around it; its lines count from 3.
fn text(lines: &str) -> String {
    format!("listener.web.bind = ':80'\n[[listener.web.route]]\n{lines}\n{AROUND}")
}

fn route(lines: &str) -> Route {
    let text = text(lines);
    match parse(&text, Path::new("/etc/evenkeel")) {
        Ok(mut config) => config.listeners.remove(0).routes.remove(0),
        Err(problems) => panic!("{}", problems.render("test.toml", &text, false)),
    }
}

/// Each problem as `message | help`.
fn told(lines: &str) -> Vec<String> {
    let text = text(lines);
    let problems = match parse(&text, Path::new("/etc/evenkeel")) {
        Ok(config) => panic!("nothing is wrong with\n{text}\n{config:?}"),
        Err(problems) => problems,
    };
    let line = |problem: &evenkeel_config::Problem| match &problem.help {
        Some(help) => format!("{} | {help}", problem.message),
        None => problem.message.clone(),
    };
    problems.list.iter().map(line).collect()
}

fn check(cases: &[(&str, &str)]) {
    for (lines, expected) in cases {
        assert_eq!(told(lines), [*expected], "\n{lines}");
    }
}

fn plain(text: &str) -> Template {
    Template {
        parts: vec![Part::Text(text.into())],
    }
}

#[test]
fn splits() {
    let side = |pool: &str, weight| Side {
        pool: pool.into(),
        weight,
    };
    let split = |by| {
        RouteAction::Split(Split {
            sides: vec![side("web", 95), side("canary", 5), side("shadow", 0)],
            by,
        })
    };
    let lines = "split = { web = 95, canary = 5, shadow = 0 }\n";
    assert_eq!(route(lines).action, split(None));
    for (by, expected) in [
        ("source", SplitBy::Source),
        ("header:X-User", SplitBy::Header("x-user".into())),
        ("cookie:User", SplitBy::Cookie("User".into())),
    ] {
        assert_eq!(
            route(&format!("{lines}split_by = '{by}'")).action,
            split(Some(expected))
        );
    }
    check(&[
        (
            "split = {}",
            "no pool of this split has a weight above 0 | for example `{ stable = 95, canary = 5 }`",
        ),
        (
            "split = { web = 0 }",
            "no pool of this split has a weight above 0 | for example `{ stable = 95, canary = 5 }`",
        ),
        ("split = { web = 1001 }", "`web` must be from 0 to 1000, not 1001"),
        (
            "split = { web = '5' }",
            "`web` takes a whole number, not a string | leave out the quotes",
        ),
        (
            "split = { web = 1, cannary = 2 }",
            "there is no pool `cannary` | did you mean `canary`?",
        ),
        (
            "split = { web = 1 }\npool = 'web'",
            "a route does one thing: either `split` or `pool`",
        ),
        (
            "pool = 'web'\nsplit_by = 'source'",
            "`split_by` means nothing without `split`",
        ),
        (
            "split = { web = 1 }\nsplit_by = 'cookies:a'",
            "\"cookies:a\" is nothing to split by | write one of \"source\", \"header:NAME\", \"cookie:NAME\"",
        ),
    ]);
}

#[test]
fn mirrors() {
    let mirror = |share| {
        Some(Mirror {
            pool: "shadow".into(),
            share,
        })
    };
    assert_eq!(route("pool = 'web'\nmirror = 'shadow'").mirror, mirror(Share(1.0)));
    let lines = "pool = 'web'\nmirror = { pool = 'shadow', share = '10%' }";
    assert_eq!(route(lines).mirror, mirror(Share(0.1)));
    check(&[
        (
            "pool = 'web'\nmirror = 'shadw'",
            "there is no pool `shadw` | did you mean `shadow`?",
        ),
        (
            "pool = 'web'\nmirror = 'web'",
            "this pool has the requests already | a mirror is another pool",
        ),
        (
            "split = { web = 1, canary = 1 }\nmirror = { pool = 'canary' }",
            "this pool has the requests already | a mirror is another pool",
        ),
        (
            "pool = 'web'\nmirror = { share = '5%' }",
            "`pool` is missing | for example `pool = \"shadow\"`",
        ),
        (
            "pool = 'web'\nmirror = { pool = 'shadow', share = 0.5 }",
            "`share` takes a share such as \"20%\", not a float | write `\"50%\"`",
        ),
        (
            "redirect = 'https'\nmirror = 'shadow'",
            "`mirror` means nothing without `pool`",
        ),
    ]);
}

#[test]
fn paths() {
    let changed = |lines: &str| route(&format!("pool = 'web'\n{lines}")).path_change;
    assert_eq!(changed("strip_prefix = '/api'"), Some(PathChange::Strip("/api".into())));
    assert_eq!(
        changed("path = '/api/*'\nstrip_prefix = '/api'"),
        Some(PathChange::Strip("/api".into()))
    );
    assert_eq!(
        changed("path = '/v1/*'\nrewrite_path = '/v2/*'"),
        Some(PathChange::Prefix("/v2/".into()))
    );
    assert_eq!(
        changed("path = '/v1/*'\nrewrite_path = '/*'"),
        Some(PathChange::Prefix("/".into()))
    );
    assert_eq!(
        changed("path = '/old'\nrewrite_path = '/new'"),
        Some(PathChange::Exact("/new".into()))
    );
    check(&[
        (
            "pool = 'web'\nstrip_prefix = 'api'",
            "\"api\" is no path: a path begins with `/` | write \"/api\"",
        ),
        (
            "pool = 'web'\nstrip_prefix = '/api/'",
            "`strip_prefix` is the beginning of a path, without a `/` or a `*` at its end | write \"/api\"",
        ),
        (
            "pool = 'web'\nstrip_prefix = '/api/*'",
            "`strip_prefix` is the beginning of a path, without a `/` or a `*` at its end | write \"/api\"",
        ),
        (
            "pool = 'web'\nstrip_prefix = '/'",
            "there is nothing to take off | write for example \"/api\"",
        ),
        (
            "pool = 'web'\npath = '/apis/*'\nstrip_prefix = '/api'",
            "`path` never matches what begins with this | the route's `path` begins with what is taken off",
        ),
        (
            "pool = 'web'\npath = '/a'\nrewrite_path = '/b/*'",
            "`*` is what the `*` of `path` matched, and the route's path has none",
        ),
        (
            "pool = 'web'\nrewrite_path = '/b'\nstrip_prefix = '/a'",
            "a route has either `strip_prefix` or `rewrite_path`",
        ),
        (
            "pool = 'web'\nrewrite_path = '/b?x=1'",
            "\"/b?x=1\" is no path: it has a query | leave it out: the query stays as the client sent it",
        ),
        (
            "pool = 'web'\nrewrite_path = '/é'",
            "\"/é\" is no path: it is not ASCII | write it percent-encoded, as it is sent: %C3%A9 is an é",
        ),
        (
            "pool = 'web'\nrewrite_path = '//b'",
            "\"//b\" is no path: it has an empty segment",
        ),
        (
            "redirect = 'https'\nstrip_prefix = '/a'",
            "`strip_prefix` means nothing without `pool` or `files`",
        ),
    ]);
}

#[test]
fn hosts() {
    let host = |text: &str| route(&format!("pool = 'web'\nset_host = '{text}'")).set_host;
    assert_eq!(host("App.internal:8080"), Some("app.internal:8080".into()));
    assert_eq!(host("[::1]"), Some("[::1]".into()));
    assert_eq!(host("[::1]:80"), Some("[::1]:80".into()));
    let help = "write for example \"app.internal\" or \"app.internal:8080\"";
    check(&[
        (
            "pool = 'web'\nset_host = 'a:70000'",
            &format!("\"a:70000\" is no host | {help}"),
        ),
        (
            "pool = 'web'\nset_host = '*.a'",
            &format!("\"*.a\" is no host | {help}"),
        ),
        (
            "pool = 'web'\nset_host = 'http://a'",
            "\"http://a\" is no host | leave out `http://`: \"a\"",
        ),
        ("pool = 'web'\nset_host = 'a b'", "\"a b\" is no host: it has ' '"),
    ]);
}

#[test]
fn fields() {
    let lines = "
        pool = 'web'
        request_headers = { set = { X-Client = '{client_address}', x-b = 'a {{b}} {tls_version};{host}' }, remove = ['X-C', 'x-c'] }
        response_headers = { add = { link = ['<a>', '<b>'], x = '' } }
    ";
    let route = route(lines);
    let variable = Part::Variable;
    let mixed = vec![
        Part::Text("a {b} ".into()),
        variable(Variable::TlsVersion),
        Part::Text(";".into()),
        variable(Variable::Host),
    ];
    let client = vec![variable(Variable::ClientAddress)];
    let request = FieldChanges {
        set: vec![
            ("x-client".into(), Template { parts: client }),
            ("x-b".into(), Template { parts: mixed }),
        ],
        add: vec![],
        remove: vec!["x-c".into()],
    };
    assert_eq!(route.request_headers, request);
    let response = FieldChanges {
        add: vec![
            ("link".into(), plain("<a>")),
            ("link".into(), plain("<b>")),
            ("x".into(), Template::default()),
        ],
        ..FieldChanges::default()
    };
    assert_eq!(route.response_headers, response);
}

#[test]
fn every_variable_is_read() {
    for variable in Variable::ALL {
        let route = route(&format!(
            "pool = 'web'\nrequest_headers.set.a = '{{{}}}'",
            variable.as_str()
        ));
        let parts = vec![Part::Variable(variable)];
        assert_eq!(route.request_headers.set, [("a".into(), Template { parts })]);
    }
}

#[test]
fn fields_that_are_not_sound() {
    let fixed =
        |name: &str| format!("`{name}` cannot be changed: it belongs to the connection or says where the message ends");
    for name in [
        "Connection",
        "content-length",
        "Transfer-Encoding",
        "upgrade",
        "TE",
        "trailer",
        "expect",
    ] {
        let lower = name.to_lowercase();
        for change in [
            format!("set = {{ '{name}' = 'x' }}"),
            format!("add = {{ '{name}' = 'x' }}"),
            format!("remove = '{name}'"),
        ] {
            assert_eq!(
                told(&format!("pool = 'web'\nrequest_headers = {{ {change} }}")),
                [fixed(&lower)]
            );
            assert_eq!(
                told(&format!("pool = 'web'\nresponse_headers = {{ {change} }}")),
                [fixed(&lower)]
            );
        }
    }
    let set = |value: &str| {
        told(&format!(
            "pool = 'web'\nrequest_headers = {{ set = {{ a = {value} }} }}"
        ))
    };
    for (value, expected) in [
        (
            "'{client_adress}'",
            "there is no variable `{client_adress}` | did you mean `{client_address}`?",
        ),
        (
            "'{remote_addr}'",
            "there is no variable `{remote_addr}` | did you mean `{client_address}`?",
        ),
        (
            "'$remote_addr'",
            "`$remote_addr` is no variable here | write `{client_address}`",
        ),
        ("'a-${host}'", "`$host` is no variable here | write `{host}`"),
        ("'a}b'", "`}` stands alone | write `}}` for a brace"),
        ("'{host'", "`{` stands alone | write `{{` for a brace"),
        ("\"a\\r\\nb: c\"", "a value has no control characters"),
        ("\"a\\u0000\"", "a value has no control characters"),
        ("' a'", "a header field's value has no blanks around it | write \"a\""),
        ("1", "`a` takes a value in quotes, not an integer | write `\"1\"`"),
    ] {
        assert_eq!(set(value), [expected], "{value}");
    }
    assert!(set("'{zzzzzzzzz}'")[0].contains("there are client_address, request_id,"));
    check(&[
        (
            "pool = 'web'\nrequest_headers = { set = { Host = 'a' } }",
            "`host` is not changed as a field | write `set_host = \"...\"` for what the backend sees",
        ),
        (
            "pool = 'web'\nrequest_headers = { set = { 'a b' = 'a' } }",
            "\"a b\" is no name of a header field",
        ),
        (
            "pool = 'web'\nrequest_headers = { set = { a = '1', A = '2' } }",
            "`a` is set twice",
        ),
        (
            "pool = 'web'\nrequest_headers = { set = { a = '1' }, remove = ['A'] }",
            "`a` is both set and removed | `set` alone replaces whatever came",
        ),
        (
            "redirect = 'https'\nrequest_headers = {}",
            "`request_headers` means nothing without `pool`",
        ),
    ]);
    let many: String = (0..65).map(|number| format!("x{number} = '', ")).collect();
    let lines = format!("pool = 'web'\nrequest_headers = {{ add = {{ {many} }} }}");
    assert_eq!(
        told(&lines),
        ["`request_headers` changes 65 fields, a route at most 64"]
    );
}

#[test]
fn rates() {
    let rate = |lines: &str| route(&format!("pool = 'web'\nrate = {{ {lines} }}")).rate.unwrap();
    let expected = Rate {
        requests: 100,
        per: Duration::from_secs(1),
        on: vec![RateKey::Source],
        burst: 100,
    };
    assert_eq!(rate("requests = 100"), expected);
    let expected = Rate {
        requests: 5,
        per: Duration::from_secs(60),
        on: vec![RateKey::Header("x-key".into())],
        burst: 50,
    };
    assert_eq!(
        rate("requests = 5, per = '1m', on = 'header:X-Key', burst = 50"),
        expected
    );
    assert_eq!(rate("requests = 1, on = 'all'").on, [RateKey::All]);
    assert_eq!(
        rate("requests = 1, on = 'cookie:Key'").on,
        [RateKey::Cookie("Key".into())]
    );
    assert_eq!(rate("requests = 1, on = ['host']").on, [RateKey::Host]);
    assert_eq!(
        rate("requests = 1, on = ['source', 'path', 'uri', 'header:A']").on,
        [
            RateKey::Source,
            RateKey::Path,
            RateKey::Uri,
            RateKey::Header("a".into())
        ]
    );
    assert!(route("redirect = 'https'\nrate = { requests = 1 }").rate.is_some());
    check(&[
        (
            "pool = 'web'\nrate = { per = '1s' }",
            "`requests` is missing | for example `requests = 100`",
        ),
        (
            "pool = 'web'\nrate = { requests = 0 }",
            "`requests` must be from 1 to 1000000, not 0",
        ),
        (
            "pool = 'web'\nrate = { requests = 1, burst = 0 }",
            "`burst` must be from 1 to 1000000, not 0",
        ),
        (
            "pool = 'web'\nrate = { requests = 1, per = '2d' }",
            "\"2d\" is no duration | the units are ms, s, m and h, once each and the longest first: \"1m30s\"",
        ),
        (
            "pool = 'web'\nrate = { requests = 1, on = 'sources' }",
            "\"sources\" is nothing to count apart | did you mean \"source\"?",
        ),
        (
            "pool = 'web'\nrate = { requests = 1, on = ['source', 'all'] }",
            "`all` stands alone: it tells nothing apart",
        ),
        (
            "pool = 'web'\nrate = { requests = 1, on = ['path', 'path'] }",
            "this stands here twice",
        ),
        (
            "pool = 'web'\nrate = { requests = 1, on = [] }",
            "`on` is empty | \"all\" is one bucket for the route",
        ),
        (
            "pool = 'web'\nrate = { requests = 1, on = ['source', 'host', 'path', 'uri', 'header:a'] }",
            "`on` has at most 4 parts",
        ),
        (
            "pool = 'web'\nrate = 100",
            "`rate` takes a table, not an integer | for example `{ requests = 100 }`",
        ),
    ]);
}

#[test]
fn the_memory_for_rates_is_bounded() {
    let routes = |count: u32| {
        let route =
            |number| format!("[[listener.web.route]]\npath = '/{number}'\nrespond = {{}}\nrate = {{ requests = 1 }}\n");
        let routes: String = (0..count).map(route).collect();
        parse(&format!("listener.web.bind = ':80'\n{routes}"), Path::new("/"))
    };
    assert!(routes(1024).is_ok());
    let problems = routes(1025).unwrap_err();
    assert_eq!(problems.list.len(), 1);
    assert_eq!(problems.list[0].message, "a configuration has at most 1024 rates");
}

#[test]
fn sizes_of_bodies() {
    let route = route("pool = 'web'\nbuffer = '1MiB'\nmax_body_size = '10MiB'");
    assert_eq!((route.buffer, route.max_body_size), (Some(1 << 20), Some(10 << 20)));
    check(&[
        (
            "pool = 'web'\nbuffer = '1GiB'",
            "`buffer` must be from 1KiB to 64MiB, not '1GiB'",
        ),
        ("respond = {}\nbuffer = '1MiB'", "`buffer` means nothing without `pool`"),
    ]);
}

#[test]
fn files_and_compression() {
    let lines = "path = '/a/*'\nstrip_prefix = '/a'\nfiles = { root = 'www', index = '', precompressed = false, hidden = true }";
    let found = route(lines);
    let files = Files {
        root: "/etc/evenkeel/www".into(),
        index: "".into(),
        precompressed: false,
        hidden: true,
        endings: Vec::new(),
        fallback: "".into(),
        not_found: "".into(),
        links_into: Vec::new(),
    };
    assert_eq!(found.action, RouteAction::Files(files));
    assert_eq!(found.path_change, Some(PathChange::Strip("/a".into())));
    let lines = "files = { root = '/w', endings = ['html', '.xhtml'], fallback = '/index.html', not_found = 'errors/404.html', links_into = ['shared', '/x'] }";
    let files = Files {
        endings: vec![".html".into(), ".xhtml".into()],
        fallback: "index.html".into(),
        not_found: "errors/404.html".into(),
        links_into: vec!["/etc/evenkeel/shared".into(), "/x".into()],
        ..Files::new("/w")
    };
    assert_eq!(route(lines).action, RouteAction::Files(files));
    let compress = |text: &str| route(&format!("pool = 'web'\ncompress = {text}")).compress;
    assert_eq!(compress("false"), None);
    assert_eq!(compress("true"), Some(Compress::default()));
    let only = |encodings: &[Encoding]| {
        Some(Compress {
            encodings: encodings.to_vec(),
            ..Compress::default()
        })
    };
    assert_eq!(compress("['gzip', 'br']"), only(&[Encoding::Gzip, Encoding::Brotli]));
    assert_eq!(compress("{ encodings = 'zstd' }"), only(&[Encoding::Zstd]));
    let types = compress("{ min_size = 0, types = ['Text/HTML', 'text/*'] }").unwrap();
    assert_eq!(
        (types.min_size, types.types),
        (0, vec!["text/html".into(), "text/*".into()])
    );
    check(&[
        ("files = {}", "`root` is missing | for example `root = \"/srv/www\"`"),
        (
            "files = { root = '/a', index = 'a/b' }",
            "\"a/b\" is no name of a file | write for example \"index.html\"",
        ),
        (
            "files = { root = '/a', fallback = '../secret' }",
            "\"../secret\" is no path of a file below `root` | write for example \"index.html\"",
        ),
        (
            "files = { root = '/a', endings = '/x' }",
            "\"/x\" is no ending of a name | write for example \".html\"",
        ),
        (
            "files = { root = '/a', endings = ['a', 'b', 'c', 'd', 'e'] }",
            "`endings` has 5 endings, at most 4 are allowed",
        ),
        (
            "files = { root = '/a', not_found = '' }",
            "\"\" is no path of a file below `root` | write for example \"index.html\"",
        ),
        (
            "pool = 'web'\ncompress = []",
            "`compress` has no encoding | `compress = false` turns it off",
        ),
        ("pool = 'web'\ncompress = ['br', 'br']", "`br` is there twice"),
        (
            "pool = 'web'\ncompress = ['deflate']",
            "`compress` takes \"zstd\", \"br\" or \"gzip\", not \"deflate\"",
        ),
        (
            "pool = 'web'\ncompress = { types = '*/*' }",
            "\"*/*\" is no content type | write for example \"text/html\" or \"text/*\", without parameters",
        ),
        (
            "redirect = 'https'\ncompress = true",
            "`compress` means nothing without `pool` or `files`",
        ),
    ]);
}

#[test]
fn words_of_other_programs_lead_here() {
    check(&[
        (
            "pool = 'web'\nproxy_set_header = {}",
            "unknown key `proxy_set_header` in `[[listener.NAME.route]]` | did you mean `request_headers`?",
        ),
        (
            "pool = 'web'\nlimit_req = {}",
            "unknown key `limit_req` in `[[listener.NAME.route]]` | did you mean `rate`?",
        ),
        (
            "pool = 'web'\nshadow = 'a'",
            "unknown key `shadow` in `[[listener.NAME.route]]` | did you mean `mirror`?",
        ),
    ]);
}

#[test]
fn groups_of_a_regular_expression() {
    let regex = "path_regex = '/(?P<kind>[a-z]+)/([0-9]+)'\n";
    let text = |text: &str| Part::Text(text.into());
    let with = |lines: &str| route(&format!("{regex}{lines}"));
    let rewritten = with("pool = 'web'\nrewrite_path = '/v2/$2/${kind}/${1}x/$$1'").path_change;
    let parts = vec![
        text("/v2/"),
        Part::Group(2),
        text("/"),
        Part::Group(1),
        text("/"),
        Part::Group(1),
        text("x/$1"),
    ];
    assert_eq!(rewritten, Some(PathChange::Groups(Template { parts })));
    assert_eq!(
        with("pool = 'web'\nrewrite_path = '/a$$b$'").path_change,
        Some(PathChange::Exact("/a$b$".into()))
    );
    let redirect = |to: &str| with(&format!("redirect = '{to}'")).action;
    let to = |parts| RouteAction::Redirect(RedirectTo::Groups(Template { parts }));
    assert_eq!(redirect("/$1"), to(vec![text("/"), Part::Group(1)]));
    assert_eq!(
        redirect("https://example.com/$0?a=$2"),
        to(vec![
            text("https://example.com/"),
            Part::Group(0),
            text("?a="),
            Part::Group(2)
        ])
    );
    assert_eq!(
        redirect("https://$$1.example.com"),
        RouteAction::Redirect(RedirectTo::Location("https://$1.example.com".into()))
    );
    let changes =
        with("pool = 'web'\nrequest_headers = { set = { a = '${kind}: $2 $$2 {method} $' } }").request_headers;
    let parts = vec![
        Part::Group(1),
        text(": "),
        Part::Group(2),
        text(" $2 "),
        Part::Variable(Variable::Method),
        text(" $"),
    ];
    assert_eq!(changes.set, [("a".into(), Template { parts })]);
    // A group may have the name of a variable of another program.
    let host = route("path_regex = '/(?P<host>.*)'\npool = 'web'\nrequest_headers = { set = { a = '${host}' } }");
    assert_eq!(host.request_headers.set[0].1.parts, [Part::Group(1)]);
}

#[test]
fn groups_that_there_are_not() {
    check(&[
        (
            "path_regex = '/(?P<kind>a)/(b)'\npool = 'web'\nrewrite_path = '/$3'",
            "`path_regex` has no group `$3` | it has `$1` to `$2`; `$0` is all of the path",
        ),
        (
            "path_regex = '/(?P<kind>a)/(b)'\npool = 'web'\nrewrite_path = '/${kid}'",
            "`path_regex` has no group `${kid}` | did you mean `${kind}`?",
        ),
        (
            "path_regex = '/a'\nredirect = '/$1'",
            "`path_regex` has no group `$1` | it has no groups; write `$$1` for these characters themselves",
        ),
        (
            "path = '/a'\npool = 'web'\nrewrite_path = '/$1'",
            "`$1` is a group of `path_regex`, and this route has none | write `$$1` for these characters themselves",
        ),
        (
            "pool = 'web'\nresponse_headers = { add = { a = ['x', 'for $5'] } }",
            "`$5` is a group of `path_regex`, and this route has none | write `$$5` for these characters themselves",
        ),
        (
            "path_regex = '/(a)'\npool = 'web'\nrewrite_path = '/${1'",
            "`${` begins the name of a group of `path_regex`, and does not end | write `$$` for a dollar",
        ),
        (
            "path_regex = '/(a)'\npool = 'web'\nrewrite_path = '/$1/*'",
            "a path has either groups or a `*` | a group such as `(.*)` matches what `*` would",
        ),
        (
            "path_regex = '/(.*)'\npool = 'web'\nrewrite_path = '/v2/*'",
            "`*` is what the `*` of `path` matched, and the route's path has none | `$1` is what the first group of `path_regex` matched",
        ),
        (
            "path_regex = '/(.*)'\nredirect = 'https://$1.example.com/'",
            "a group stands only behind the host and its `/` | else a client could choose the host",
        ),
        (
            "path_regex = '/(.*)'\nredirect = '//$1/'",
            "a group stands only behind the host and its `/` | else a client could choose the host",
        ),
        (
            "path_regex = '/([a-z]{200}){20}'\npool = 'web'\nrewrite_path = '/$1'",
            "`path_regex` is too large for its groups to be used: compiled, it takes more than 65536 bytes",
        ),
    ]);
    // What is wrong with the expression is told, and nothing of its groups.
    assert_eq!(told("path_regex = '/(a'\npool = 'web'\nrewrite_path = '/$7'").len(), 1);
}

#[test]
fn the_caret_stands_below_the_group() {
    let text = text("path_regex = '/(a)'\npool = 'web'\nrewrite_path = \"/e/b$2c\"");
    let problems = parse(&text, Path::new("/")).unwrap_err();
    let place = problems.list[0].span.clone();
    assert_eq!(&text[place], "$2");
    // With escapes it is not known where: all of the value.
    let text = text.replace("\"/e/b", "\"/\\u0041/b");
    let problems = parse(&text, Path::new("/")).unwrap_err();
    assert_eq!(&text[problems.list[0].span.clone()], "\"/\\u0041/b$2c\"");
}
