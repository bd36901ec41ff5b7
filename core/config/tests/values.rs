//! What sound texts mean.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use evenkeel_config::{parse, proxy};
use evenkeel_model::*;
use std::path::{Path, PathBuf};
use std::time::Duration;

fn config(text: &str) -> Config {
    match parse(text, Path::new("/etc/evenkeel")) {
        Ok(config) => config,
        Err(problems) => panic!("{}", problems.render("test.toml", text, false)),
    }
}

fn tcp(text: &str) -> BackendAddress {
    BackendAddress::Tcp(text.parse().unwrap())
}

fn bind(text: &str) -> BindAddress {
    BindAddress::Tcp {
        address: text.parse().unwrap(),
        every_address: false,
    }
}

fn host(text: &str) -> Option<HostPattern> {
    Some(HostPattern::Exact(text.into()))
}

fn route(name: &str, matches: Match, action: RouteAction) -> Route {
    Route::new(name, matches, action)
}

#[test]
fn two_lines() {
    let every = BindAddress::Tcp {
        address: "[::]:8080".parse().unwrap(),
        every_address: true,
    };
    let mut listener = Listener::new("web", every);
    listener.routes = vec![route("*", Match::default(), RouteAction::Pool("app".into()))];
    let expected = Config {
        listeners: vec![listener],
        pools: vec![Pool::new(
            "app",
            vec![Backend::new(tcp("10.0.0.1:8080")), Backend::new(tcp("10.0.0.2:8080"))],
        )],
        ..Config::default()
    };
    assert_eq!(config(include_str!("../../../examples/two-lines.toml")), expected);
}

#[test]
fn a_listener_with_everything() {
    let text = "
        [listener.web]
        bind = ['1.2.3.4:80', 'unix:web.sock']
        pool = 'rest'
        routes = { '*.Example.com/api/*' = 'api' }
        max_connections = 7
        accept_proxy_protocol = '10.1.0.0/16'
        trusted_proxies = ['10.0.0.0/8', '::1']
        timeouts = { header = '1s', request = '3s' }
        max_header_size = '2KiB'
        max_body_size = 1_000_000
        access_log = 'logs/access.log'
        [[listener.web.route]]
        path_regex = '/v[0-9]+'
        method = 'GET'
        header = { X-A = '*', x-b = '1' }
        cookie = { C = '2' }
        query = { 'd e' = '' }
        from = '192.0.2.1'
        pool = 'api'
        timeout = '1m30s'
        retry = { attempts = 1, on = ['503', 502, 'connect'] }
        [pool.api]
        backends = []
        [pool.rest]
        backends = []
    ";
    let suffix = Match {
        host: Some(HostPattern::Suffix(".example.com".into())),
        path: Some(PathPattern::Prefix("/api/".into())),
        ..Match::default()
    };
    let long = Match {
        host: None,
        path: Some(PathPattern::Regex("/v[0-9]+".into())),
        methods: vec!["GET".into()],
        headers: vec![
            ("x-a".into(), ValuePattern::Present),
            ("x-b".into(), ValuePattern::Exact("1".into())),
        ],
        cookies: vec![("C".into(), ValuePattern::Exact("2".into()))],
        query: vec![("d e".into(), ValuePattern::Exact("".into()))],
        from: vec!["192.0.2.1/32".parse().unwrap()],
    };
    let expected = Listener {
        name: "web".into(),
        bind: vec![bind("1.2.3.4:80"), BindAddress::Unix("/etc/evenkeel/web.sock".into())],
        routes: vec![
            route("*.Example.com/api/*", suffix, RouteAction::Pool("api".into())),
            Route {
                timeout: Some(Duration::from_secs(90)),
                retry: Some(RouteRetry {
                    attempts: 1,
                    on: vec![RetryOn::Status(503), RetryOn::Status(502), RetryOn::Connect],
                }),
                ..route("/v[0-9]+", long, RouteAction::Pool("api".into()))
            },
            route("*", Match::default(), RouteAction::Pool("rest".into())),
        ],
        max_connections: 7,
        accept_proxy_protocol: vec!["10.1.0.0/16".parse().unwrap()],
        trusted_proxies: vec!["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()],
        timeouts: ListenerTimeouts {
            header: Duration::from_secs(1),
            request: Duration::from_secs(3),
            ..ListenerTimeouts::default()
        },
        max_header_size: 2048,
        max_body_size: 1_000_000,
        access_log: AccessLog::File("/etc/evenkeel/logs/access.log".into()),
        tls: None,
    };
    assert_eq!(config(text).listeners, [expected]);
}

#[test]
fn routes_that_do_not_forward() {
    let text = "
        [[listener.web.route]]
        host = 'a.example'
        redirect = 'https://b.example/'
        [[listener.web.route]]
        host = 'c.example'
        path = '/x'
        respond = { status = 503, body = 'later' }
        [listener.web]
        bind = ':80'
        [listener.plain]
        bind = 'localhost:0'
        redirect = 'https'
    ";
    let config = config(text);
    let location = RouteAction::Redirect(RedirectTo::Location("https://b.example/".into()));
    let respond = RouteAction::Respond(Respond {
        status: 503,
        body: "later".into(),
    });
    let first = Match {
        host: host("a.example"),
        ..Match::default()
    };
    let second = Match {
        host: host("c.example"),
        path: Some(PathPattern::Exact("/x".into())),
        ..Match::default()
    };
    assert_eq!(
        config.listeners[0].routes,
        [
            route("a.example", first, location),
            route("c.example/x", second, respond)
        ]
    );
    let https = RouteAction::Redirect(RedirectTo::Https { port: None });
    assert_eq!(config.listeners[1].routes, [route("*", Match::default(), https)]);
    assert_eq!(config.listeners[1].bind, [bind("127.0.0.1:0")]);
}

#[test]
fn a_pool_with_everything() {
    let text = "
        listener.a = { bind = ':80', pool = 'p' }
        [pool.p]
        backends = [
            { address = 'localhost:1', name = 'one', weight = 0, max_connections = 9, backup = true, state = 'maintain' },
            'unix:two.sock',
        ]
        balance = 'hash'
        hash = { on = 'cookie:SID', bounded = 2 }
        check = { http = '/up?a', host = 'h', expect = ['2xx', 404, '410-412'], body = 'ok', every = '1s', timeout = '100ms', fall = 1, rise = 4 }
        eject = { errors = 1, window = '1s', for = '2s', max = '12.5%' }
        sticky = { cookie = 'SID', for = '90s', secret_file = 'sticky.secret' }
        max_connections = 3
        queue = { size = 0, timeout = '1ms' }
        retry = { attempts = 0, budget = '100%' }
        warmup = '1m'
        timeouts = { connect = '1s', response = '2s', idle = '3s' }
        send_proxy_protocol = 'v1'
        panic = '0%'
    ";
    let mut one = Backend::new(tcp("127.0.0.1:1"));
    one.name = "one".into();
    one.weight = 0;
    one.max_connections = Some(9);
    one.backup = true;
    one.state = AdminState::Maintain;
    let mut pool = Pool::new(
        "p",
        vec![one, Backend::new(BackendAddress::Unix("/etc/evenkeel/two.sock".into()))],
    );
    pool.balance = Balance::Hash {
        on: HashKey::Cookie("SID".into()),
        bounded: Some(2.0),
    };
    let status = |first, last| Expect { first, last };
    pool.check = Some(Check {
        kind: CheckKind::Http(HttpCheck {
            path: "/up?a".into(),
            host: Some("h".into()),
            expect: vec![status(200, 299), status(404, 404), status(410, 412)],
            body: Some("ok".into()),
        }),
        every: Duration::from_secs(1),
        timeout: Duration::from_millis(100),
        fall: 1,
        rise: 4,
        port: None,
        send_proxy_protocol: Some(ProxyProtocol::V1),
    });
    pool.eject = Some(Eject {
        errors: 1,
        window: Duration::from_secs(1),
        duration: Duration::from_secs(2),
        max: Share(0.125),
    });
    pool.sticky = Some(Sticky::Cookie {
        name: Some("SID".into()),
        duration: Some(Duration::from_secs(90)),
        secret_file: Some("/etc/evenkeel/sticky.secret".into()),
    });
    pool.max_connections = Some(3);
    pool.queue = Queue {
        size: 0,
        timeout: Duration::from_millis(1),
    };
    pool.retry = Retry {
        attempts: 0,
        budget: Share(1.0),
    };
    pool.warmup = Duration::from_secs(60);
    pool.timeouts = PoolTimeouts {
        connect: Duration::from_secs(1),
        response: Duration::from_secs(2),
        idle: Duration::from_secs(3),
    };
    pool.send_proxy_protocol = Some(ProxyProtocol::V1);
    pool.panic = Share(0.0);
    assert_eq!(config(text).pools, [pool]);
}

#[test]
fn every_way_to_know_a_client_again() {
    let cookie = |name: Option<&str>, seconds: Option<u64>| Sticky::Cookie {
        name: name.map(Into::into),
        duration: seconds.map(Duration::from_secs),
        secret_file: None,
    };
    for (text, sticky) in [
        ("'cookie'", cookie(None, None)),
        ("{ cookie = 'NAME' }", cookie(Some("NAME"), None)),
        ("{ for = '1h' }", cookie(None, Some(3600))),
        ("{ header = 'X-Session' }", Sticky::Header("x-session".into())),
        ("{ source = true }", Sticky::Source),
    ] {
        let text =
            format!("listener.a = {{ bind = ':80', pool = 'p' }}\npool.p = {{ backends = [], sticky = {text} }}");
        assert_eq!(config(&text).pools[0].sticky, Some(sticky), "{text}");
    }
}

#[test]
fn checks_and_ejection_that_are_off_or_plain() {
    let text = "
        listener.a = { bind = ':80', pool = 'p' }
        pool.p = { backends = [], check = false, eject = false }
        pool.q = { backends = [], check = { every = '1s', port = 9000 } }
    ";
    let config = config(text);
    assert_eq!((&config.pools[0].check, &config.pools[0].eject), (&None, &None));
    let plain = Check {
        every: Duration::from_secs(1),
        port: Some(9000),
        ..Check::default()
    };
    assert_eq!(config.pools[1].check, Some(plain));
}

#[test]
fn checks_of_grpc() {
    for (text, service, host) in [
        ("grpc = ''", "", None),
        ("grpc = 'shop.Cart', host = 'cart.test'", "shop.Cart", Some("cart.test")),
    ] {
        let text =
            format!("listener.a = {{ bind = ':80', pool = 'p' }}\npool.p = {{ backends = [], check = {{ {text} }} }}");
        let kind = CheckKind::Grpc(GrpcCheck {
            service: service.into(),
            host: host.map(Into::into),
        });
        assert_eq!(
            config(&text).pools[0].check.as_ref().map(|check| &check.kind),
            Some(&kind),
            "{text}"
        );
    }
}

#[test]
fn order_is_that_of_the_file() {
    let text = "
        listener.z = { bind = ':1', pool = 'm', routes = { 'z.example' = 'b', 'a.example' = 'm' } }
        listener.a = { bind = ':2', pool = 'm' }
        pool.m = { backends = [] }
        pool.b = { backends = [] }
    ";
    let config = config(text);
    let listeners: Vec<&str> = config.listeners.iter().map(|listener| listener.name.as_ref()).collect();
    let pools: Vec<&str> = config.pools.iter().map(|pool| pool.name.as_ref()).collect();
    let routes: Vec<&str> = config.listeners[0]
        .routes
        .iter()
        .map(|route| route.name.as_ref())
        .collect();
    assert_eq!((listeners, pools), (vec!["z", "a"], vec!["m", "b"]));
    assert_eq!(routes, ["z.example", "a.example", "*"]);
}

#[test]
fn admin_and_log() {
    let text = "
        listener.a = { bind = ':80', redirect = 'https' }
        admin = { socket = 'run.sock', bind = ':9180', token_file = '/token', state = 'state' }
        log = { level = 'debug', format = 'json' }
    ";
    let config = config(text);
    let path = |text: &str| Some(PathBuf::from(text));
    let admin = Admin {
        socket: path("/etc/evenkeel/run.sock"),
        bind: Some("[::]:9180".parse().unwrap()),
        token_file: path("/token"),
        state: path("/etc/evenkeel/state"),
    };
    assert_eq!(config.admin, admin);
    assert_eq!(
        (config.log.level, config.log.format),
        (LogLevel::Debug, LogFormat::Json)
    );
}

#[test]
fn a_proxy_without_a_file() {
    let to = |text: &[&str]| text.iter().map(|text| text.to_string()).collect::<Vec<_>>();
    let text = "
        listener.proxy = { bind = ':8080', pool = 'proxy' }
        pool.proxy = { backends = ['10.0.0.1:8080', '10.0.0.2:8080'] }
        admin.bind = '127.0.0.1:9180'
    ";
    assert_eq!(
        proxy(":8080", &to(&["10.0.0.1:8080", "10.0.0.2:8080"])),
        Ok(config(text))
    );
    let cases: &[(&str, &[&str], &str)] = &[
        (
            "8080",
            &["10.0.0.1:80"],
            "--listen: \"8080\" is no address to listen on (write \":8080\" for this port on every address)",
        ),
        (
            ":9180",
            &["10.0.0.1:80"],
            "--listen: 127.0.0.1:9180 is where the dashboard and the metrics are",
        ),
        (
            ":80",
            &["http://10.0.0.1:80"],
            "--to: an address has no scheme (leave out `http://`: \"10.0.0.1:80\")",
        ),
        (
            ":80",
            &["10.0.0.1:80", "10.0.0.1:80"],
            "--to: 10.0.0.1:80 is there twice",
        ),
        (
            ":80",
            &[],
            "--to: at least one backend is needed, for example --to 10.0.0.1:8080",
        ),
    ];
    for (listen, backends, expected) in cases {
        assert_eq!(proxy(listen, &to(backends)), Err(expected.to_string()));
    }
}
