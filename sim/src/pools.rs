//! Pools that an algorithm must do well on.

use crate::queueing::{Load, Server, Service};

/// A pool, its load, and what is hard about it.
#[derive(Debug, Clone)]
pub struct Case {
    /// In a few words.
    pub name: &'static str,
    /// Backends and arrivals.
    pub load: Load,
}

/// Ten backends: eight fast, one of them stalling for half a second every five; two three times slower.
pub fn uneven() -> Vec<Server> {
    let mut servers = vec![Server::new(0.020, 4); 8];
    servers.extend(vec![Server::new(0.060, 4); 2]);
    servers[3].stall = Some((5.0, 0.5));
    servers
}

/// Six backends: one five times slower, one that refuses for two seconds every ten, one with a single place.
pub fn motley() -> Vec<Server> {
    let mut servers = vec![Server::new(0.020, 8); 6];
    servers[3].mean = 0.100;
    servers[4].refuse = Some((10.0, 2.0));
    servers[5].places = 1;
    servers
}

fn case(name: &'static str, servers: Vec<Server>, rate: f64, requests: f64) -> Case {
    let seconds = requests / rate;
    Case {
        name,
        load: Load {
            servers,
            rate,
            seconds,
            skip: seconds / 20.0,
            seed: 42,
        },
    }
}

fn with(mut servers: Vec<Server>, change: impl Fn(&mut Vec<Server>)) -> Vec<Server> {
    change(&mut servers);
    servers
}

/// All of them; each runs about so many requests.
pub fn all(requests: f64) -> Vec<Case> {
    let server = Server::new;
    let all_of = |service: Service, mean: f64, places: usize, count: usize| {
        let mut servers = vec![server(mean, places); count];
        servers.iter_mut().for_each(|server| server.service = service);
        servers
    };
    vec![
        case("uneven, a third", uneven(), 600.0, requests),
        case("uneven, two thirds", uneven(), 1100.0, requests),
        case("uneven, four fifths", uneven(), 1400.0, requests),
        case("slow, flapping, small", motley(), 1000.0, requests),
        case("ten equal at 80 %", vec![server(0.020, 4); 10], 1600.0, requests),
        case(
            "ten equal, fixed times, 90 %",
            all_of(Service::Fixed, 0.020, 4, 10),
            1800.0,
            requests,
        ),
        case(
            "heavy tail at 60 %",
            all_of(Service::LogNormal(1.5), 0.020, 4, 10),
            1200.0,
            requests,
        ),
        case(
            "heavy tail, one three times slower",
            with(all_of(Service::LogNormal(1.5), 0.020, 4, 10), |servers| {
                servers[2].mean = 0.060;
            }),
            1200.0,
            requests,
        ),
        case("two equal at 60 %", vec![server(0.020, 4); 2], 240.0, requests),
        case(
            "two, one five times slower",
            with(vec![server(0.020, 16); 2], |servers| servers[1].mean = 0.100),
            300.0,
            requests,
        ),
        case(
            "two, the fast one alone too small",
            with(vec![server(0.020, 4); 2], |servers| {
                servers[1] = server(0.060, 12);
            }),
            300.0,
            requests,
        ),
        case(
            "one small among ten",
            with(vec![server(0.020, 16); 10], |servers| servers[0].places = 1),
            4000.0,
            requests,
        ),
        case(
            "200, twenty of them slow",
            with(vec![server(0.020, 4); 200], |servers| {
                servers.iter_mut().take(20).for_each(|server| server.mean = 0.080);
            }),
            22_000.0,
            requests,
        ),
        case("uneven, two requests a second", uneven(), 2.0, requests / 20.0),
        case(
            "answers in 100 us, one of four slow",
            with(vec![server(0.0001, 8); 4], |servers| servers[0].mean = 0.0005),
            120_000.0,
            requests,
        ),
        case(
            "one stalls 50 ms every half second",
            with(vec![server(0.002, 8); 5], |servers| {
                servers[0].stall = Some((0.5, 0.05));
            }),
            8_000.0,
            requests,
        ),
        case(
            "one flapping of three",
            with(vec![server(0.020, 8); 3], |servers| {
                servers[0].refuse = Some((10.0, 3.0));
            }),
            400.0,
            requests,
        ),
        case(
            "three of four slow recover at the start",
            with(vec![server(0.020, 4); 4], |servers| {
                servers.iter_mut().skip(1).for_each(|server| {
                    server.mean = 0.100;
                    server.change = Some((requests / 500.0 * 0.05, 0.020));
                });
            }),
            500.0,
            requests,
        ),
        case(
            "one of four becomes slow",
            with(vec![server(0.020, 4); 4], |servers| {
                servers[0].change = Some((requests / 500.0 * 0.5, 0.100));
            }),
            500.0,
            requests,
        ),
        case(
            "wide, one twice slower",
            with(vec![server(0.020, 100); 4], |servers| servers[0].mean = 0.040),
            3_000.0,
            requests,
        ),
    ]
}
