//! The door alone, for measurements: `serve LISTEN BACKEND...`, one worker, no checks.

use evenkeel_http_proxy::{Server, Setup};
use evenkeel_model::{Backend, BackendAddress, BindAddress, Config, Listener, Match, Moment, Pool, Route, RouteAction};
use evenkeel_pool::Heart;
use std::sync::Arc;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let listen = arguments
        .next()
        .and_then(|text| text.parse().ok())
        .expect("LISTEN is an address");
    let backends = arguments.map(|text| Backend::new(BackendAddress::Tcp(text.parse().expect("an address"))));
    let mut pool = Pool::new("pool", backends.collect());
    pool.check = None;
    let mut listener = Listener::new(
        "web",
        BindAddress::Tcp {
            address: listen,
            every_address: false,
        },
    );
    let action = RouteAction::Pool("pool".into());
    listener.routes.push(Route {
        name: "*".into(),
        matches: Match::default(),
        action,
        timeout: None,
        retry: None,
    });
    let heart = Heart::new(&pool, None, 1, Moment::ZERO);
    let config = Config {
        listeners: vec![listener],
        pools: vec![pool],
        ..Config::default()
    };
    let server = Server::start(1, Arc::new(|trouble| eprintln!("{trouble}"))).expect("a worker");
    server
        .apply(Setup {
            config: Arc::new(config),
            pools: vec![heart.shared()],
        })
        .expect("to listen");
    loop {
        std::thread::park();
    }
}
