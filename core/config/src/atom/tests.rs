use super::{address, amount, http, name, network, pattern, place};
use crate::problem::Fault;
use evenkeel_model::{BackendAddress, BindAddress, Expect, HashKey, HostPattern, PathPattern, RedirectTo, RetryOn};
use std::path::Path;
use std::time::Duration;

/// Each text must be refused, and message and help together must say this.
fn refused<T: std::fmt::Debug>(read: impl Fn(&str) -> Result<T, Fault>, cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        match read(text) {
            Ok(value) => panic!("{text:?} was read as {value:?}"),
            Err(fault) => {
                let told = format!("{} | {}", fault.message, fault.help.unwrap_or_default());
                assert!(told.contains(expected), "{text:?} says {told:?}, not {expected:?}");
            }
        }
    }
}

#[test]
fn durations() {
    let good: &[(&str, u64)] = &[
        ("0", 0),
        ("0s", 0),
        ("500ms", 500),
        ("2s", 2_000),
        ("1m30s", 90_000),
        ("1h", 3_600_000),
        ("1h1m1s1ms", 3_661_001),
        ("90s", 90_000),
    ];
    for (text, milliseconds) in good {
        assert_eq!(
            amount::duration(text),
            Ok(Duration::from_millis(*milliseconds)),
            "{text}"
        );
    }
    // More than fits is very long, and every range refuses it.
    assert!(amount::duration("18446744073709551615h").is_ok_and(|long| long > Duration::from_secs(1 << 40)));
    refused(
        amount::duration,
        &[
            ("", "for example"),
            ("5", "\"5s\" or \"5ms\""),
            ("s", "no duration"),
            ("5sec", "write \"5s\""),
            ("5 s", "no duration"),
            ("1.5s", "1500ms"),
            ("-5s", "no duration"),
            ("5us", "the units are ms, s, m and h"),
            ("5S", "the units are"),
            ("30s1m", "longest first"),
            ("1s1s", "once each"),
            ("99999999999999999999s", "no duration"),
        ],
    );
}

#[test]
fn durations_are_shown_as_they_are_written() {
    for text in ["0s", "1ms", "500ms", "2s", "1m30s", "1h", "24h", "1h1ms"] {
        assert_eq!(amount::duration(text).map(amount::show_duration), Ok(text.to_string()));
    }
}

#[test]
fn sizes() {
    let good: &[(&str, u64)] = &[
        ("0", 0),
        ("17", 17),
        ("17B", 17),
        ("1KB", 1_000),
        ("1kB", 1_000),
        ("32KiB", 32_768),
        ("1MB", 1_000_000),
        ("1MiB", 1 << 20),
        ("3GiB", 3 << 30),
        ("99999999999TiB", u64::MAX),
    ];
    for (text, bytes) in good {
        assert_eq!(amount::size(text), Ok(*bytes), "{text}");
    }
    for text in ["0", "1KiB", "32KiB", "1MiB", "1PiB", "1000MB", "7B"] {
        let shown = amount::size(text)
            .map(amount::show_size)
            .map(|shown| amount::size(&shown));
        assert_eq!(shown, Ok(amount::size(text)), "{text}");
    }
    refused(
        amount::size,
        &[
            ("", "no size"),
            ("32K", "did you mean \"32KiB\"?"),
            ("1m", "did you mean \"1MiB\"?"),
            ("1gb", "did you mean \"1GiB\"?"),
            ("5 MB", "the units are"),
            ("-1", "no size"),
            ("1.5MB", "the units are"),
        ],
    );
}

#[test]
fn shares() {
    assert_eq!(amount::percent("20%"), Ok(20.0));
    assert_eq!(amount::percent("12.5%"), Ok(12.5));
    refused(
        amount::percent,
        &[
            ("20", "percentage"),
            ("%", "percentage"),
            ("-5%", "percentage"),
            ("inf%", "percentage"),
            ("1e1%", "percentage"),
        ],
    );
}

#[test]
fn addresses_to_listen_on() {
    let base = Path::new("/etc/evenkeel");
    let good = [
        (":8080", ":8080"),
        (":0", ":0"),
        ("1.2.3.4:80", "1.2.3.4:80"),
        ("0.0.0.0:80", "0.0.0.0:80"),
        ("[::]:80", "[::]:80"),
        ("[::1]:80", "[::1]:80"),
        ("[::ffff:1.2.3.4]:80", "1.2.3.4:80"),
        ("localhost:80", "127.0.0.1:80"),
        ("unix:/run/web.sock", "unix:/run/web.sock"),
        ("unix:./web.sock", "unix:/etc/evenkeel/web.sock"),
    ];
    for (text, shown) in good {
        assert_eq!(
            address::bind(text, base).map(|address| address.to_string()),
            Ok(shown.to_string())
        );
    }
    assert!(matches!(
        address::bind(":80", base),
        Ok(BindAddress::Tcp {
            every_address: true,
            ..
        })
    ));
    assert!(matches!(
        address::bind("[::]:80", base),
        Ok(BindAddress::Tcp {
            every_address: false,
            ..
        })
    ));
    let long = format!("unix:/{}", "x".repeat(107));
    refused(
        |text| address::bind(text, base),
        &[
            ("", "no address to listen on"),
            ("8080", "write \":8080\""),
            ("*:80", "write \":80\""),
            (":", "no port"),
            (":http", "\"http\" is no port"),
            (":65536", "port 65536 does not exist"),
            ("1.2.3.4:99999", "port 99999 does not exist"),
            ("[::1]:x", "\"x\" is no port"),
            ("1.2.3.4", "1.2.3.4:8080"),
            ("::1", "[::1]:8080"),
            ("[::1]", "[::1]:8080"),
            ("localhost", "localhost:8080"),
            ("example.com:80", "names are not looked up"),
            ("https://1.2.3.4:80/", "leave out `https://`: \"1.2.3.4:80\""),
            ("/run/web.sock", "unix:/run/web.sock"),
            ("unix:", "a path is not empty"),
            ("unix:/a\0b", "zero byte"),
            (":+80", "is no port"),
            (&long, "at most 107 bytes, this has 108"),
        ],
    );
}

#[test]
fn addresses_of_backends() {
    let base = Path::new("/srv");
    let good = [
        ("10.0.0.1:8080", "10.0.0.1:8080"),
        ("[::1]:80", "[::1]:80"),
        ("localhost:3000", "127.0.0.1:3000"),
        ("unix:app.sock", "unix:/srv/app.sock"),
    ];
    for (text, shown) in good {
        assert_eq!(
            address::backend(text, base).map(|address| address.to_string()),
            Ok(shown.to_string())
        );
    }
    assert!(matches!(address::backend("unix:a", base), Ok(BackendAddress::Unix(_))));
    refused(
        |text| address::backend(text, base),
        &[
            ("http://10.0.0.1:80", "leave out `http://`: \"10.0.0.1:80\""),
            ("app.internal:8080", "names are not looked up by this version"),
            ("app", "is a name"),
            ("10.0.0.1", "no port"),
            ("10.0.0.1:0", "ports are 1 to 65535"),
            (":8080", "127.0.0.1:8080"),
            ("0.0.0.0:80", "127.0.0.1:80"),
            ("[::]:80", "no address of one backend"),
            ("300.1.1.1:80", "no address of a backend"),
            ("10.0.0.1:80/x", "is no port"),
            ("/run/app.sock", "unix:/run/app.sock"),
            ("", "no address of a backend"),
            ("a b:80", "no address of a backend"),
        ],
    );
}

#[test]
fn sockets_that_would_be_the_same() {
    let bind = |text| address::bind(text, Path::new("/")).unwrap();
    let cases = [
        (":80", ":80", true, true),
        (":80", "0.0.0.0:80", true, true),
        ("[::]:80", ":80", true, true),
        ("0.0.0.0:80", "[::]:80", false, true),
        (":80", "127.0.0.1:80", false, true),
        ("127.0.0.1:80", "127.0.0.1:80", true, true),
        ("127.0.0.1:80", "127.0.0.2:80", false, false),
        (":80", ":81", false, false),
        (":0", ":0", false, false),
        ("unix:/a", "unix:/./a", true, true),
        ("unix:/a", "unix:/b", false, false),
        ("unix:/a", ":80", false, false),
    ];
    for (one, other, same, overlap) in cases {
        for (one, other) in [(one, other), (other, one)] {
            assert_eq!(address::same_bind(&bind(one), &bind(other)), same, "{one} {other}");
            assert_eq!(address::overlap(&bind(one), &bind(other)), overlap, "{one} {other}");
        }
    }
}

#[test]
fn paths_are_resolved_lexically() {
    let path = |text| place::path(text, Path::new("/etc/evenkeel")).unwrap();
    assert_eq!(path("a.log"), Path::new("/etc/evenkeel/a.log"));
    assert_eq!(path("./logs/./a.log"), Path::new("/etc/evenkeel/logs/a.log"));
    assert_eq!(path("../a.log"), Path::new("/etc/evenkeel/../a.log"));
    assert_eq!(path("/var/a.log"), Path::new("/var/a.log"));
}

#[test]
fn names() {
    for text in ["web", "web-1", "a.b_c", "10.0.0.1:80", "größe"] {
        assert_eq!(name::name(text).as_deref(), Ok(text));
    }
    let long = "x".repeat(129);
    refused(
        name::name,
        &[
            ("", "not empty"),
            ("a/b", "no '/'"),
            ("a b", "no ' '"),
            ("a\nb", "no '\\n'"),
            (&long, "at most 128 bytes"),
        ],
    );
}

#[test]
fn networks() {
    for (text, shown) in [
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("2001:db8::/32", "2001:db8::/32"),
        ("10.0.0.1", "10.0.0.1/32"),
        ("::1", "::1/128"),
        ("0.0.0.0/0", "0.0.0.0/0"),
    ] {
        assert_eq!(
            network::network(text).map(|network| network.to_string()),
            Ok(shown.to_string())
        );
    }
    refused(
        network::network,
        &[
            ("10.0.0.5/8", "did you mean \"10.0.0.0/8\"?"),
            ("10.0.0.0/33", "no network"),
            ("10.0.0.0/255.0.0.0", "length of the prefix"),
            ("office", "no network"),
            ("", "no network"),
        ],
    );
}

#[test]
fn hosts() {
    let exact = |text: &str| Ok(Some(HostPattern::Exact(text.into())));
    assert_eq!(pattern::host("Example.COM"), exact("example.com"));
    assert_eq!(pattern::host("localhost"), exact("localhost"));
    assert_eq!(pattern::host("10.0.0.1"), exact("10.0.0.1"));
    assert_eq!(pattern::host("a_b.example"), exact("a_b.example"));
    assert_eq!(pattern::host("[0:0::1]"), exact("[::1]"));
    assert_eq!(
        pattern::host("*.Example.com"),
        Ok(Some(HostPattern::Suffix(".example.com".into())))
    );
    assert_eq!(pattern::host("*"), Ok(None));
    let long_label = format!("{}.com", "a".repeat(64));
    let long = format!("{}com", "abcdefg.".repeat(32));
    refused(
        pattern::host,
        &[
            ("", "not empty"),
            ("example.com:80", "write \"example.com\": the port is the listener's"),
            ("[::1]:80", "write \"[::1]\": the port is the listener's"),
            ("::1", "write \"[::1]\""),
            ("[::1", "no host"),
            ("[x]", "an IPv6 address"),
            ("example.com.", "write \"example.com\""),
            ("ex*.com", "whole first label"),
            ("*example.com", "whole first label"),
            ("www.*.com", "whole first label"),
            ("example.*", "whole first label"),
            ("*.*.com", "whole first label"),
            ("*..com", "a label is empty"),
            ("a..b", "a label is empty"),
            (".example.com", "a label is empty"),
            ("-a.com", "`-`"),
            ("a b.com", "' '"),
            ("bücher.de", "xn--"),
            (&long_label, "longer than 63 bytes"),
            (&long, "longer than 253 bytes"),
        ],
    );
}

#[test]
fn paths() {
    assert_eq!(pattern::path("/"), Ok(PathPattern::Exact("/".into())));
    assert_eq!(pattern::path("/login"), Ok(PathPattern::Exact("/login".into())));
    assert_eq!(pattern::path("/api/*"), Ok(PathPattern::Prefix("/api/".into())));
    assert_eq!(pattern::path("/*"), Ok(PathPattern::Prefix("/".into())));
    assert_eq!(pattern::path("/größe"), Ok(PathPattern::Exact("/größe".into())));
    assert_eq!(pattern::path("/a%20b"), Ok(PathPattern::Exact("/a%20b".into())));
    refused(
        pattern::path,
        &[
            ("", "begins with `/`"),
            ("api/*", "write \"/api/*\""),
            ("/api*", "write \"/api/*\""),
            ("/*/x", "only at the end"),
            ("/a*/*", "only at the end"),
            ("/**", "only at the end"),
            ("/a?b=1", "query"),
            ("/a#b", "never leaves the browser"),
            ("/a b", "percent-encoded"),
            ("/a/../b", "`..`"),
            ("/./b", "segment"),
        ],
    );
}

#[test]
fn keys_of_the_short_form() {
    let key = |text: &str| pattern::route_key(text).unwrap();
    let host = |text: &str| Some(HostPattern::Exact(text.into()));
    assert_eq!(key("*"), (None, None));
    assert_eq!(key("example.com"), (host("example.com"), None));
    assert_eq!(key("/static/*"), (None, Some(PathPattern::Prefix("/static/".into()))));
    assert_eq!(key("*/x"), (None, Some(PathPattern::Exact("/x".into()))));
    assert_eq!(key("[::1]/x"), (host("[::1]"), Some(PathPattern::Exact("/x".into()))));
    assert_eq!(
        key("*.example.com/api/*"),
        (
            Some(HostPattern::Suffix(".example.com".into())),
            Some(PathPattern::Prefix("/api/".into()))
        )
    );
    refused(
        pattern::route_key,
        &[
            ("", "not empty"),
            ("https://example.com/x", "leave out `https://`: \"example.com/x\""),
            ("example.com:8443/x", "the port is the listener's"),
            ("example.com/x*", "only at the end"),
        ],
    );
}

#[test]
fn regular_expressions() {
    assert_eq!(
        pattern::path_regex("/items/[0-9]+"),
        Ok(PathPattern::Regex("/items/[0-9]+".into()))
    );
    let long = "a".repeat(4097);
    refused(
        pattern::path_regex,
        &[
            ("/(", "unclosed group"),
            ("a)(b", "unopened group"),
            ("[z-a]", "invalid character class range"),
            ("(?x)a # b", "no regular expression"),
            (r"\w{1000}{1000}", "too large"),
            (r"\p{Greek}", "no regular expression"),
            (r"(?=a)", "look-around"),
            (&long, "at most 4096 bytes"),
        ],
    );
}

#[test]
fn methods_fields_and_values() {
    assert_eq!(http::method("GET").as_deref(), Ok("GET"));
    assert_eq!(http::method("PURGE").as_deref(), Ok("PURGE"));
    assert_eq!(http::field_name("X-Canary").as_deref(), Ok("x-canary"));
    refused(
        http::method,
        &[
            ("get", "did you mean \"GET\"?"),
            ("", "no method"),
            ("GE T", "no method"),
            ("CONNECT", "always refused"),
        ],
    );
    refused(
        http::field_name,
        &[("", "no name"), ("a:", "no name"), ("a b", "no name")],
    );
    refused(
        http::field_value,
        &[(" a", "blanks"), ("a\r\nb", "control"), ("a\n", "blanks")],
    );
}

#[test]
fn redirects() {
    let redirect = |text: &str| http::redirect(text, &super::groups::Groups::None);
    assert_eq!(redirect("https"), Ok(Some(RedirectTo::Https { port: None })));
    for text in ["https://example.com/", "http://a/", "/login"] {
        assert_eq!(redirect(text), Ok(Some(RedirectTo::Location(text.into()))));
    }
    refused(
        redirect,
        &[
            ("htps", "did you mean \"https\"?"),
            ("example.com", "or a URL"),
            ("https://", "same place over https"),
            ("https://a/\r\nset-cookie: a", "without blanks"),
            ("https://a/ä", "without blanks"),
            ("", "no place to redirect to"),
        ],
    );
}

#[test]
fn statuses() {
    assert_eq!(http::expect("2xx"), Ok(Expect { first: 200, last: 299 }));
    assert_eq!(http::expect("204"), Ok(Expect { first: 204, last: 204 }));
    assert_eq!(http::expect("200-399"), Ok(Expect { first: 200, last: 399 }));
    refused(
        http::expect,
        &[
            ("6xx", "no range"),
            ("20x", "no range"),
            ("300-200", "no range"),
            ("99", "no range"),
            ("+20", "no range"),
        ],
    );
    assert_eq!(http::retry_on("503"), Ok(RetryOn::Status(503)));
    assert_eq!(http::retry_on("reset"), Ok(RetryOn::Reset));
    refused(
        http::retry_on,
        &[
            ("404", "500 to 599"),
            ("conect", "did you mean \"connect\"?"),
            ("5xx", "500 to 599"),
        ],
    );
}

#[test]
fn hash_keys() {
    assert_eq!(http::hash_key("uri"), Ok(HashKey::Uri));
    assert_eq!(http::hash_key("header:X-User"), Ok(HashKey::Header("x-user".into())));
    assert_eq!(http::hash_key("cookie:SID"), Ok(HashKey::Cookie("SID".into())));
    refused(
        http::hash_key,
        &[
            ("sorce", "did you mean \"source\"?"),
            ("header:", "no name"),
            ("header", "header:NAME"),
            ("ip", "header:NAME"),
        ],
    );
}

#[test]
fn pieces_of_checks() {
    assert_eq!(http::check_target("/healthz?deep=1").as_deref(), Ok("/healthz?deep=1"));
    refused(
        http::check_target,
        &[
            ("healthz", "write \"/healthz\""),
            ("http://a/up", "write \"/up\""),
            ("/a b", "percent-encoded"),
            ("/a#b", "percent"),
        ],
    );
    assert_eq!(http::check_host(""), Ok(None));
    assert!(http::check_host("example.com:80").is_ok_and(|host| host.is_some()));
    refused(http::check_host, &[("a b", "no host"), ("a\r\nb", "no host")]);
    refused(http::check_body, &[("", "1 to 4096")]);
}
