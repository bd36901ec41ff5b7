//! What one choice costs in nanoseconds: `cargo run --release -p evenkeel-route --example route_cost`.
#![allow(clippy::disallowed_methods, clippy::unwrap_used)] // A measurement needs a clock, and is no part of core.

use evenkeel_model::{HostPattern, Match, PathPattern, Route, RouteAction};
use evenkeel_route::{FieldList, Request, Router};
use std::time::Instant;

const ROUNDS: u32 = 5_000_000;

fn route(host: Option<String>, path: Option<String>) -> Route {
    let matches = Match {
        host: host.map(|host| HostPattern::Exact(host.into())),
        path: path.map(|path| PathPattern::Prefix(path.into())),
        ..Match::default()
    };
    Route::new("route", matches, RouteAction::Pool("pool".into()))
}

fn measure(title: &str, routes: &[Route], targets: &[(String, String)]) {
    let router = Router::new(routes).unwrap();
    let start = Instant::now();
    let mut found = 0_usize;
    for round in 0..ROUNDS {
        let (host, path) = &targets[round as usize % targets.len()];
        let request = Request {
            method: b"GET",
            host: host.as_bytes(),
            path: path.as_bytes(),
            query: None,
            fields: &FieldList(&[]),
            client: [192, 0, 2, 1].into(),
        };
        found += usize::from(
            std::hint::black_box(&router)
                .route(std::hint::black_box(&request))
                .is_some(),
        );
    }
    let nanos = start.elapsed().as_nanos() / u128::from(ROUNDS);
    println!("{title}: {nanos} ns ({found} of {ROUNDS} found)");
}

fn main() {
    let targets = |suffix: &str| -> Vec<_> {
        (0..1000)
            .map(|number| {
                (
                    format!("site{}.example.com", number * 7 % 1000),
                    format!("/part{}/{suffix}", number % 10),
                )
            })
            .collect()
    };
    measure("one catch-all", &[route(None, None)], &targets("x"));
    let paths: Vec<_> = (0..10).map(|path| route(None, Some(format!("/part{path}/")))).collect();
    measure("10 paths", &paths, &targets("some/where.html"));
    let all: Vec<_> = (0..10_000)
        .map(|number| {
            route(
                Some(format!("site{}.example.com", number / 10)),
                Some(format!("/part{}/", number % 10)),
            )
        })
        .collect();
    measure("1000 hosts x 10 paths", &all, &targets("some/where.html"));
    measure("1000 hosts x 10 paths, escaped", &all, &targets("some%20where.html"));
    measure("1000 hosts x 10 paths, doubtful", &all, &targets("some%2Fwhere.html"));
}
