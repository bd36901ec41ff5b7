//! Runs seeds, or compares the algorithms.

use evenkeel_model::Balance;
use evenkeel_sim::queueing::{Chooser, Load, Server, run};
use evenkeel_sim::rivals::{Evenkeel, Rival, Rule};

fn uneven() -> Vec<Server> {
    let mut servers = vec![Server::new(0.020, 4); 8];
    servers.extend(vec![Server::new(0.060, 4); 2]);
    servers[3].stall = Some((5.0, 0.5));
    servers
}

fn main() {
    let seconds: f64 = std::env::args().nth(1).and_then(|a| a.parse().ok()).unwrap_or(300.0);
    for rate in [600.0, 1100.0, 1400.0] {
        let load = Load {
            servers: uneven(),
            rate,
            seconds,
            skip: 10.0,
            seed: 42,
        };
        let mut all: Vec<(&str, Box<dyn Chooser>)> = vec![
            ("oracle", Box::new(Rival::new(Rule::Oracle, &load.servers))),
            ("leastconn", Box::new(Rival::new(Rule::LeastConnections, &load.servers))),
            ("least_time", Box::new(Rival::new(Rule::LeastTime, &load.servers))),
        ];
        for w in [1usize, 4] {
            all.push(("evenkeel", Box::new(Evenkeel::new(10, Balance::LeastLatency, w, 1))));
        }
        for (name, chooser) in &mut all {
            let o = run(&load, chooser.as_mut());
            let s: Vec<String> = o.shares().iter().map(|s| format!("{:.1}", s * 100.0)).collect();
            println!(
                "{rate:5} {name:12} p50 {:6.1} p90 {:6.1} p99 {:6.1} p99.9 {:6.1} max {:6.0}  {}",
                o.percentile(0.5),
                o.percentile(0.9),
                o.percentile(0.99),
                o.percentile(0.999),
                o.percentile(1.0),
                s.join(" ")
            );
        }
    }
}
