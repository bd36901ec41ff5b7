//! What is told, and where: a text, then `line:column message | help` of everything that is wrong with it, in order.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use evenkeel_config::{PROBLEMS_LIMIT, Problems, TEXT_LIMIT, parse};
use std::path::Path;

fn problems(text: &str) -> Problems {
    match parse(text, Path::new("/etc/evenkeel")) {
        Ok(config) => panic!("nothing is wrong with\n{text}\n{config:?}"),
        Err(problems) => problems,
    }
}

/// Each problem as `line:column message | help`.
fn told(text: &str) -> Vec<String> {
    let line = |problem: &evenkeel_config::Problem| {
        let help = problem
            .help
            .as_ref()
            .map(|help| format!(" | {help}"))
            .unwrap_or_default();
        format!("{}:{} {}{help}", problem.line, problem.column, problem.message)
    };
    problems(text).list.iter().map(line).collect()
}

/// `lines` in `[listener.web]`, beside a sound rest; lines count from 1 at the first of `lines`.
fn in_listener(lines: &str) -> Vec<String> {
    shifted(told(&format!(
        "[listener.web]\n{lines}\n[pool.web]\nbackends = [\"10.0.0.1:80\"]\n[pool.api]\nbackends = []\n"
    )))
}

fn in_route(lines: &str) -> Vec<String> {
    let before = "listener.web.bind = ':80'\n[[listener.web.route]]\n";
    let after = "\n[pool.web]\nbackends = []\n";
    shifted(shifted(told(&format!("{before}{lines}{after}"))))
}

fn in_pool(lines: &str) -> Vec<String> {
    shifted(shifted(told(&format!(
        "listener.web = {{ bind = ':80', pool = 'web' }}\n[pool.web]\n{lines}\n"
    ))))
}

fn shifted(told: Vec<String>) -> Vec<String> {
    let shift = |line: String| {
        let (number, rest) = line.split_once(':').unwrap();
        format!("{}:{rest}", number.parse::<i64>().unwrap() - 1)
    };
    told.into_iter().map(shift).collect()
}

fn check(read: fn(&str) -> Vec<String>, cases: &[(&str, &[&str])]) {
    for (text, expected) in cases {
        assert_eq!(&read(text), expected, "\n{text}");
    }
}

#[test]
fn listeners() {
    check(
        in_listener,
        &[
            (
                "pool = 'web'",
                &["0:11 `bind` is missing | for example `bind = \":8080\"`"],
            ),
            (
                "bind = ':80'",
                &[
                    "0:11 this listener does nothing: it has no pool, no routes and no redirect | write for example `pool = \"web\"`",
                ],
            ),
            (
                "bind = []\npool = 'web'",
                &["1:8 `bind` has no address | for example `bind = \":8080\"`"],
            ),
            (
                "bind = 8080\npool = 'web'",
                &["1:8 `bind` takes an address, not a number | write `\":8080\"` for this port on every address"],
            ),
            (
                "bind = true\npool = 'web'",
                &["1:8 `bind` takes an address such as \":8080\", not a boolean"],
            ),
            (
                "bind = [':80', '0.0.0.0:80', ':80']\npool = 'web'",
                &[
                    "1:16 0.0.0.0:80 is listened on twice: line 2 has :80",
                    "1:30 :80 is listened on twice, first in line 2",
                ],
            ),
            (
                "bind = ':80'\npool = 'wbe'",
                &["2:8 there is no pool `wbe` | did you mean `web`?"],
            ),
            (
                "bind = ':80'\npool = 'elsewhere'",
                &["2:8 there is no pool `elsewhere` | write `[pool.elsewhere]` with `backends = [...]`"],
            ),
            (
                "bind = ':80'\npool = 'web'\nredirect = 'https'",
                &[
                    "3:1 a listener has either `redirect` or `pool` | to redirect some requests only, write a `[[listener.NAME.route]]` with `redirect`",
                ],
            ),
            (
                "bind = ':80'\npool = 'web'\nmax_connections = 0\nmax_header_size = '1B'\nmax_body_size = -1",
                &[
                    "3:19 `max_connections` must be from 1 to 10000000, not 0",
                    "4:19 `max_header_size` must be from 1KiB to 1MiB, not '1B'",
                    "5:17 `max_body_size` must be from 0 to 1PiB, not -1",
                ],
            ),
            (
                "bind = ':80'\npool = 'web'\nmax_connections = 99999999999999999999999999999999999999999999",
                &[
                    "3:19 `max_connections` must be from 1 to 10000000, not 99999999999999999999999999999999999999999999",
                ],
            ),
            (
                "bind = ':80'\npool = 'web'\ntimeouts = { header = '0s', idle = 5, request = '25h' }",
                &[
                    "3:23 `header` must be from 1ms to 24h, not '0s'",
                    "3:36 `idle` takes a duration such as \"5s\", not an integer | write `\"5s\"`",
                    "3:49 `request` must be from 1ms to 24h, not '25h'",
                ],
            ),
            (
                "bind = ':80'\npool = 'web'\naccess_log = 'stdot'",
                &["3:14 did you mean \"stdout\"? | for a file write \"./stdot\""],
            ),
            (
                "bind = ':80'\npool = 'web'\ntrusted_proxies = '10.0.0.5/8'",
                &["3:19 \"10.0.0.5/8\" has bits set beyond its prefix | did you mean \"10.0.0.0/8\"?"],
            ),
        ],
    );
}

#[test]
fn what_is_not_supported_yet() {
    let not_yet = "is not supported by this version of Evenkeel yet";
    let lines = "bind = ':80'\npool = 'web'\nprotocol = 'tcp'\nmode = 'nat'\nhttp3 = true";
    assert_eq!(
        in_listener(lines),
        [
            format!("3:12 `protocol = \"tcp\"` {not_yet}"),
            format!("4:8 `mode = \"nat\"` {not_yet}"),
            format!("5:1 `http3` {not_yet}"),
        ]
    );
    // What is not supported stands for what would be missing.
    assert_eq!(
        in_listener("bind = ':80'\ntls_passthrough = {}"),
        [format!("2:1 `tls_passthrough` {not_yet}")]
    );
    assert_eq!(
        in_pool("backends = [{ address = '10.0.0.1:80', site = 'eu' }]\ncheck = { redis = {} }"),
        [format!("1:40 `site` {not_yet}"), format!("2:11 `redis` {not_yet}"),]
    );
    assert_eq!(told("[vip.\"10.0.0.1/24\"]\nid = 1"), [format!("1:2 `vip` {not_yet}")]);
}

#[test]
fn routes() {
    check(
        in_listener,
        &[
            (
                "bind = ':80'\nroutes = { 'example.com:80/x' = 'web', '/api*' = 'api', '/x' = 5 }",
                &[
                    "2:12 \"example.com:80\" is no host: a host has no port here | write \"example.com\": the port is the listener's",
                    "2:40 \"/api*\" is no path: `*` stands only at the end, after a `/` | write \"/api/*\"",
                    "2:64 `/x` takes the name of a pool, not an integer | write `\"5\"`",
                ],
            ),
            (
                "bind = ':80'\nroutes = { 'a.example' = 'web', 'A.example/*' = 'api' }",
                &["2:33 this is never chosen: line 3 already matches the same"],
            ),
            (
                "bind = ':80'\npool = 'web'\nroutes = { '*' = 'api' }",
                &["2:8 this is never chosen: line 4 already matches the same"],
            ),
            (
                "bind = ':80'\nroutes = ['a']",
                &["2:10 `routes` takes a table of \"host/path\" = the name of a pool, not an array"],
            ),
            (
                "bind = ':80'\nroutes = [{ path = '/a', pool = 'web' }]",
                &["2:1 `routes` is a table of \"host/path\" = the name of a pool | \
                   the long form is `[[listener.NAME.route]]`, without an `s`"],
            ),
            (
                "bind = ':80'\nroute = { pool = 'web' }",
                &["2:9 `route` takes an array of tables, written as `[[listener.NAME.route]]`, not a table"],
            ),
        ],
    );
    check(
        in_route,
        &[
            (
                "host = 'a.example'",
                &["0:1 this route does nothing | give it one of `pool`, `split`, `redirect`, `respond` and `files`"],
            ),
            (
                "pool = 'web'\nmethod = []",
                &["2:10 `method` is empty, so nothing would match | leave it out to match all"],
            ),
            (
                "pool = 'web'\nhost = 'https://a.example/b'",
                &["2:8 \"https://a.example/b\" is no host: it is a URL | leave out `https://`: \"a.example\""],
            ),
            (
                "pool = 'web'\nrewrite_path = '/a?b=c'",
                &["2:16 \"/a?b=c\" is no path: it has a query | leave it out: the query stays as the client sent it"],
            ),
            (
                "pool = 'web'\nrate = '100/s'",
                &["2:8 `rate` takes a table, not a string | for example `{ requests = 100 }`"],
            ),
            (
                "pool = 'web'\ncompress = 'gzipp'",
                &["2:12 `compress` takes \"zstd\", \"br\" or \"gzip\", not \"gzipp\" | did you mean \"gzip\"?"],
            ),
            (
                "pool = 'web'\nredirect = 'https'\nrespond = {}",
                &[
                    "2:1 a route does one thing: either `pool` or `redirect`",
                    "3:1 a route does one thing: either `pool` or `respond`",
                ],
            ),
            (
                "path = '/'\npath_regex = '/'\npool = 'web'",
                &["2:1 a route has either `path` or `path_regex`"],
            ),
            (
                "path_regex = '('\npool = 'web'",
                &["1:14 no regular expression: unclosed group"],
            ),
            (
                "method = ['GET', 'post']\npool = 'web'",
                &["1:18 methods are case-sensitive | did you mean \"POST\"?"],
            ),
            (
                "header = { X-A = '1', x-a = '2', 'b:' = '3', c = ' d', e = 1 }\npool = 'web'",
                &[
                    "1:23 `x-a` is asked for twice",
                    "1:34 \"b:\" is no name of a header field",
                    "1:50 a header field's value has no blanks around it | write \"d\"",
                    "1:60 `e` takes a value in quotes (\"*\" = present), not an integer | write `\"1\"`",
                ],
            ),
            (
                "respond = { status = 199, body = 'x' }",
                &["1:22 `status` must be from 200 to 599, not 199"],
            ),
            (
                "respond = { status = 304, body = 'x' }",
                &["1:34 an answer with status 304 has no body"],
            ),
            (
                "redirect = 'https'\ntimeout = '5s'",
                &["2:1 `timeout` means nothing without `pool`"],
            ),
            (
                "pool = 'web'\nretry = { attempts = 11, on = ['conect', '404', 503, 200] }",
                &[
                    "2:22 `attempts` must be from 0 to 10, not 11",
                    "2:32 \"conect\" is nothing to retry on | did you mean \"connect\"?",
                    "2:42 \"404\" is nothing to retry on | write \"connect\", \"reset\" or a status from 500 to 599",
                    "2:54 `on` must be from 500 to 599, not 200",
                ],
            ),
            (
                "pool = 'web'\nretry = { on = [] }",
                &["2:16 `on` is empty | `attempts = 0` turns retries off"],
            ),
        ],
    );
}

#[test]
fn routes_that_match_the_same() {
    let lines = "host = 'a.example'\nheader = { a = '1', b = '2' }\npool = 'web'\n\
                 [[listener.web.route]]\nheader = { b = '2', a = '1' }\nhost = 'A.example'\nredirect = 'https'";
    assert_eq!(
        in_route(lines),
        ["4:1 this is never chosen: line 2 already matches the same"]
    );
}

#[test]
fn a_route_with_a_problem_is_nobodys_double() {
    let second = "[[listener.web.route]]\npool = 'web'";
    for (first, count) in [
        ("path = 'api/*'\npool = 'web'", 1),
        ("path = '/a'\npath_regex = '^/b$'\npool = 'web'", 1),
        ("pth = '/a'\npool = 'web'", 1),
        ("from = ['nobody']\npool = 'web'", 1),
        ("header = { 'a b' = '1' }\npool = 'web'", 1),
        ("path = '/a\npool = 'web'", 1),
        ("pool = 'web'", 1),
    ] {
        let told = in_route(&format!(
            "{first}\n{second}\n[[listener.web.route]]\npath = '/a'\npool = 'web'"
        ));
        let doubles = told.iter().filter(|line| line.contains("never chosen")).count();
        let expected = usize::from(first == "pool = 'web'");
        assert_eq!((told.len(), doubles), (count, expected), "{first}\n{told:#?}");
    }
}

#[test]
fn pools() {
    check(
        in_pool,
        &[
            (
                "",
                &["0:7 `backends` is missing | for example `backends = [\"10.0.0.1:8080\"]`"],
            ),
            (
                "bakends = []",
                &["1:1 unknown key `bakends` in `[pool.NAME]` | did you mean `backends`?"],
            ),
            (
                "backends = '10.0.0.1:80'",
                &[
                    "1:12 `backends` takes an array, each of it an address such as \"10.0.0.1:8080\" or a table, not a string",
                ],
            ),
            (
                "backends = ['10.0.0.1:80', 5, '10.0.0.1:80', 'app:80', { name = 'x' }]",
                &[
                    "1:1 `address` is missing | for example `address = \"10.0.0.1:8080\"`",
                    "1:28 `backends` takes an address such as \"10.0.0.1:8080\" or a table, not an integer | write `\"5\"`",
                    "1:31 10.0.0.1:80 is in this pool twice, first in line 3 | `weight = 2` gives it twice the work",
                    "1:46 \"app:80\" is a name, and names are not looked up by this version of Evenkeel yet | write its address, such as \"10.0.0.1:8080\"; looking names up comes with `discover`",
                ],
            ),
            (
                "backends = [{ address = '10.0.0.1:80', name = 'a' }, { address = '10.0.0.2:80', name = 'a' }, { address = '10.0.0.3:80', name = '10.0.0.1:80' }]",
                &[
                    "1:54 the name `a` is taken in this pool, in line 3",
                    "1:95 the name `10.0.0.1:80` is taken in this pool, in line 3",
                ],
            ),
            (
                "backends = [{ address = '10.0.0.1:80', weight = 1001, backup = 'true', state = 'drian' }]",
                &[
                    "1:49 `weight` must be from 0 to 1000, not 1001",
                    "1:64 `backup` takes true or false, not a string | leave out the quotes",
                    "1:80 `state` takes \"ready\", \"drain\" or \"maintain\", not \"drian\" | did you mean \"drain\"?",
                ],
            ),
            (
                "backends = []\nbalance = 'leastconn'",
                &[
                    "2:11 `balance` takes \"least-latency\", \"round-robin\", \"least-connections\", \"random\", \"hash\" or \"first\", not \"leastconn\" | did you mean \"least-connections\"?",
                ],
            ),
            (
                "backends = []\nbalance = 'first'\nhash = { on = 'ip', bounded = 1 }",
                &[
                    "3:1 `hash` means nothing without `balance = \"hash\"`",
                    "3:15 \"ip\" is nothing to hash | write \"source\", \"path\", \"uri\", \"header:NAME\" or \"cookie:NAME\"",
                    "3:31 `bounded` must be from 1.05 to 100, not 1",
                ],
            ),
            (
                "backends = []\nbalance = 'hash'\nhash = { bounded = nan }",
                &["3:20 `bounded` must be from 1.05 to 100, not nan"],
            ),
            (
                "backends = []\nfall = 3\ncheck = { evry = '5s', timeouts = {}, colour = 1 }",
                &[
                    "2:1 unknown key `fall` in `[pool.NAME]` | `fall` belongs into `check` of `[pool.NAME]`",
                    "3:11 unknown key `evry` in `check` of `[pool.NAME]` | did you mean `every`?",
                    "3:24 unknown key `timeouts` in `check` of `[pool.NAME]` | did you mean `timeout`?",
                    "3:39 unknown key `colour` in `check` of `[pool.NAME]` | known here: http, grpc, tcp, host, expect, body, every, timeout, fall, rise, port",
                ],
            ),
            (
                "backends = []\ncheck = true",
                &["2:9 `check` takes a table or false, not a boolean"],
            ),
            (
                "backends = []\ncheck = { every = '50ms', timeout = '2m', fall = 0, rise = 101, port = 65536 }",
                &[
                    "2:19 `every` must be from 100ms to 1h, not '50ms'",
                    "2:37 `timeout` must be from 10ms to 1m, not '2m'",
                    "2:50 `fall` must be from 1 to 100, not 0",
                    "2:60 `rise` must be from 1 to 100, not 101",
                    "2:72 `port` must be from 1 to 65535, not 65536",
                ],
            ),
            (
                "backends = []\ncheck = { tcp = true, http = '/', expect = [] }",
                &[
                    "2:11 a check has one of `http`, `grpc` and `tcp`",
                    "2:44 `expect` has no status | for example `expect = \"2xx\"`",
                ],
            ),
            (
                "backends = []\ncheck = { tcp = false, body = 'ok' }",
                &[
                    "2:17 `tcp` takes true, not a boolean",
                    "2:24 `body` means nothing without `http` | for example `http = \"/healthz\"`",
                ],
            ),
            (
                "backends = []\ncheck = { grpc = 'a b', expect = '2xx' }",
                &[
                    "2:18 \"a b\" is no gRPC service | write for example \"package.Service\", or \"\" for the server as a whole",
                    "2:25 `expect` means nothing without `http` | for example `http = \"/healthz\"`",
                ],
            ),
            (
                "backends = []\ncheck = { http = '/', grpc = '', host = 'a' }",
                &["2:23 a check has one of `http`, `grpc` and `tcp`"],
            ),
            (
                "backends = []\ncheck = { host = 'a' }",
                &["2:11 `host` means nothing without `http` or `grpc` | for example `http = \"/healthz\"`"],
            ),
            (
                "backends = ['unix:/a']\ncheck = { port = 80 }",
                &["2:18 unix:/a has no ports to probe"],
            ),
            (
                "backends = []\npanic = 0.5\nretry = { budget = 20 }\neject = { max = '101%' }",
                &[
                    "2:9 `panic` takes a share such as \"20%\", not a float | write `\"50%\"`",
                    "3:20 `budget` takes a share such as \"20%\", not an integer | write `\"20%\"`",
                    "4:17 `max` must be from 0% to 100%, not '101%'",
                ],
            ),
            (
                "backends = []\nsticky = 'cooky'",
                &["2:10 `sticky` takes \"cookie\", not \"cooky\" | did you mean \"cookie\"?"],
            ),
            (
                "backends = []\nsticky = 'source'",
                &["2:10 `sticky` takes \"cookie\" or a table, not \"source\" | write `{ source = true }`"],
            ),
            (
                "backends = []\nsticky = 'header:x-session'",
                &[
                    "2:10 `sticky` takes \"cookie\" or a table, not \"header:x-session\" | write `{ header = \"x-session\" }`",
                ],
            ),
            (
                "backends = []\nprotocol = 'http2'",
                &["2:12 `protocol` takes \"http1\", \"h2\" or \"auto\", not \"http2\" | did you mean \"h2\"?"],
            ),
            (
                "backends = []\nsticky = true",
                &["2:10 `sticky` takes \"cookie\" or a table, not a boolean"],
            ),
            (
                "backends = []\nsticky = {}",
                &["2:10 `sticky` says nothing of how a client is known again | write `sticky = \"cookie\"`"],
            ),
            (
                "backends = []\nsticky = { cookie = 'a b', for = '9601h', source = false }",
                &[
                    "2:21 \"a b\" is no name of a cookie",
                    "2:34 `for` must be from 1s to 9600h, not '9601h'",
                    "2:43 a client is known by either `cookie` or `source`",
                    "2:52 `source` takes true, not a boolean",
                ],
            ),
            (
                "backends = []\nsticky = { for = '0s', cooky = 'a' }",
                &[
                    "2:18 `for` must be from 1s to 9600h, not '0s'",
                    "2:24 unknown key `cooky` in `sticky` of `[pool.NAME]` | did you mean `cookie`?",
                ],
            ),
            (
                "backends = []\nsticky = { header = 'x', for = '1h' }",
                &["2:26 `for` means nothing with `header` | only a cookie has it"],
            ),
            (
                "backends = []\nservers = []\nbind = ':80'",
                &[
                    "2:1 unknown key `servers` in `[pool.NAME]` | did you mean `backends`?",
                    "3:1 unknown key `bind` in `[pool.NAME]` | `bind` belongs into `[listener.NAME]` or `[admin]`",
                ],
            ),
        ],
    );
}

#[test]
fn the_top_level() {
    let nothing = "1:1 there is no listener, so nothing is served | write for example `[listener.web]`, `bind = \":8080\"` and `pool = \"web\"`";
    check(
        told,
        &[
            ("", &[nothing]),
            ("# nothing", &[nothing]),
            ("[pool.a]\nbackends = []", &[nothing]),
            (
                "[listeners.web]\nbind = ':80'",
                &["1:2 unknown key `listeners` in the top level | did you mean `listener`?"],
            ),
            (
                "[upstream.a]\n[listener]\nbind = ':80'",
                &[
                    "1:2 unknown key `upstream` in the top level | did you mean `pool`?",
                    "3:1 `bind` is no table: each listener has a name of its own | write `[listener.NAME]` above its keys",
                ],
            ),
            (
                "[[listener]]\nbind = ':80'",
                &["1:3 each listener has a name of its own | write `[listener.NAME]` above its keys"],
            ),
            (
                "[listener.'a/b']\nbind = ':80'\nredirect = 'https'",
                &["1:11 a name has no '/': \"a/b\" | use letters, digits, `-`, `_` and `.`"],
            ),
            (
                "listener.a = { bind = ':80', redirect = 'https' }\n[admin]\nbind = '127.0.0.1:80'\nsocket = ''\ntoken = 'x'\n[log]\nlevel = 'trace'",
                &[
                    "3:8 127.0.0.1:80 is listened on twice: line 1 has :80",
                    "4:10 a path is not empty",
                    "5:1 unknown key `token` in `[admin]` | did you mean `token_file`?",
                    "7:9 `level` takes \"error\", \"warn\", \"info\" or \"debug\", not \"trace\"",
                ],
            ),
        ],
    );
}

#[test]
fn no_toml() {
    check(
        told,
        &[
            (
                "[listener.web]\nbind = :8080\npool == 'web'\nmax_connections = 0\n",
                &[
                    "2:8 text stands in quotes | write `\":8080\"`",
                    "3:7 extra `=`, expected nothing",
                    "4:19 `max_connections` must be from 1 to 10000000, not 0",
                ],
            ),
            (
                "[listener.web]\nbind = ':80'\nbind = ':81'\npool = 'web'\n[pool.web]\n[pool.web]\n",
                &[
                    "3:1 `bind` is written twice | keep one",
                    "6:7 `web` is written twice | keep one",
                ],
            ),
            (
                "[pool.web]\nbackends = ['10.0.0.1:80'\nbalance = 'first'\n\n# more\ncheck = false\n",
                &["3:1 missing comma between array elements, expected `,` | or the `[` before is not closed"],
            ),
            ("[listener.web\nbind = ':80'\n", &["1:14 unclosed table, expected `]`"]),
        ],
    );
}

#[test]
fn places_are_counted_in_characters_and_spans_in_bytes() {
    let text = "# größe\r\nlistener.a = { bind = ':80', redirect = 'https', größe = 1 }\r\n";
    let problem = problems(text).list.remove(0);
    // A bare key of TOML is ASCII, so this is no TOML, and the place is after what was read.
    assert_eq!(problem.line, 2);
    let text = "listener.a = { bind = ':80', redirect = 'https', 'größe' = 1, x = 1 }";
    let list = problems(text).list;
    assert_eq!((list[0].column, &text[list[0].span.clone()]), (50, "'größe'"));
    assert_eq!((list[1].column, &text[list[1].span.clone()]), (63, "x"));
}

#[test]
fn a_long_text_is_refused_and_many_problems_are_cut() {
    let long = "#".repeat(TEXT_LIMIT + 1);
    assert_eq!(
        told(&long),
        ["1:1 the text has 1048577 bytes, a configuration at most 1048576"]
    );
    let many: String = (0..20_000).map(|index| format!("key{index} = 1\n")).collect();
    let problems = problems(&many);
    assert_eq!(problems.list.len(), PROBLEMS_LIMIT);
    assert_eq!(problems.list[99].line, 100);
    assert_eq!(problems.omitted, 20_001 - PROBLEMS_LIMIT);
}

#[test]
fn deep_and_broken_texts_are_only_refused() {
    for text in [
        format!("a = {}", "[".repeat(500_000)),
        format!("a = {}", "{a=".repeat(300_000)),
        format!("{} = 1", "a.".repeat(500_000)),
        "[".repeat(1_000_000),
        "[[a]]\n".repeat(150_000),
        "a\n".repeat(500_000),
        "=".repeat(1_000_000),
        "\"".repeat(1_000_000),
        "\u{feff}\u{0}\r\r\n".repeat(100),
    ] {
        assert!(!problems(&text).list.is_empty());
    }
}
