//! Runs seeds, or compares the algorithms.

use evenkeel_model::Balance;
use evenkeel_sim::pools;
use evenkeel_sim::queueing::{Chooser, run};
use evenkeel_sim::rivals::{Evenkeel, Rival, Rule};

fn main() {
    let requests: f64 = std::env::args().nth(1).and_then(|a| a.parse().ok()).unwrap_or(300.0);
    let short = std::env::args().nth(2).is_some();
    for case in pools::all(requests) {
        let load = &case.load;
        println!("--- {} {}/s", case.name, load.rate);
        let mut all: Vec<(&str, Box<dyn Chooser>)> = Vec::new();
        if !short {
            all = vec![
                ("oracle", Box::new(Rival::new(Rule::Oracle, &load.servers))),
                ("leastconn", Box::new(Rival::new(Rule::LeastConnections, &load.servers))),
                ("least_time", Box::new(Rival::new(Rule::LeastTime, &load.servers))),
            ];
        }
        for w in [1usize, 4] {
            all.push((
                "evenkeel",
                Box::new(Evenkeel::new(load.servers.len(), Balance::LeastLatency, w, 1)),
            ));
        }
        for (name, chooser) in &mut all {
            let o = run(&load, chooser.as_mut());
            let s: Vec<String> = o
                .shares()
                .iter()
                .take(12)
                .map(|s| format!("{:.1}", s * 100.0))
                .collect();
            println!(
                "  {name:10} p50 {:7.2} p90 {:7.2} p99 {:7.2} p99.9 {:7.2} failed {}  {}",
                o.percentile(0.5),
                o.percentile(0.9),
                o.percentile(0.99),
                o.percentile(0.999),
                o.failed,
                s.join(" ")
            );
        }
    }
}
