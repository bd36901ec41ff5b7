//! The algorithms next to each other.

use crate::pools::{Case, all, motley};
use crate::queueing::{Chooser, Load, Outcome, run};
use crate::rivals::{Evenkeel, Rival, Rule};
use evenkeel_model::{Balance, HashKey};
use std::fmt::Write;

/// Workers whose choosers share the backends' counters.
const WORKERS: usize = 4;

/// Every pool as text: what Evenkeel's default and others' rules reach.
pub fn tables(requests: f64) -> String {
    let mut text = String::new();
    for case in all(requests) {
        let _ = writeln!(text, "{}, {} requests/s", case.name, case.load.rate);
        let _ = writeln!(
            text,
            "  {:24} {:>8} {:>8} {:>8}  share of each in %",
            "ms", "p50", "p99", "p99.9"
        );
        for (name, mut chooser) in contenders(&case) {
            let outcome = run(&case.load, chooser.as_mut());
            let _ = writeln!(text, "  {name:24} {}", line(&outcome));
        }
    }
    text
}

fn contenders(case: &Case) -> Vec<(&'static str, Box<dyn Chooser>)> {
    let servers = &case.load.servers;
    vec![
        (
            "least-latency",
            Box::new(Evenkeel::new(servers.len(), Balance::LeastLatency, WORKERS, 1)),
        ),
        (
            "haproxy leastconn",
            Box::new(Rival::new(Rule::LeastConnections, servers)),
        ),
        ("nginx least_time", Box::new(Rival::new(Rule::LeastTime, servers))),
        ("who knows everything", Box::new(Rival::new(Rule::Oracle, servers))),
    ]
}

fn line(outcome: &Outcome) -> String {
    let shares = outcome.shares();
    let shares: Vec<String> = shares
        .iter()
        .take(10)
        .map(|share| format!("{:.1}", share * 100.0))
        .collect();
    let percentile = |share| outcome.percentile(share);
    format!(
        "{:8.2} {:8.2} {:8.2}  {}{}",
        percentile(0.5),
        percentile(0.99),
        percentile(0.999),
        shares.join(" "),
        if outcome.failed > 0 {
            format!("  {} failed", outcome.failed)
        } else {
            String::new()
        }
    )
}

fn balances() -> Vec<Balance> {
    let hash = |bounded| Balance::Hash {
        on: HashKey::Source,
        bounded,
    };
    vec![
        Balance::LeastLatency,
        Balance::LeastConnections,
        Balance::Random,
        Balance::RoundRobin,
        hash(Some(1.25)),
        Balance::First,
    ]
}

/// Every algorithm on a pool with one slow, one flapping and one small backend, as SVG.
pub fn picture(requests: f64) -> String {
    let rate = 1000.0;
    let load = Load {
        servers: motley(),
        rate,
        seconds: requests / rate,
        skip: requests / rate / 20.0,
        seed: 42,
    };
    let outcomes: Vec<(Balance, Outcome)> = balances()
        .into_iter()
        .map(|balance| {
            let mut chooser = Evenkeel::new(load.servers.len(), balance.clone(), WORKERS, 1);
            (balance, run(&load, &mut chooser))
        })
        .collect();
    draw(&outcomes)
}

const NAMES: [&str; 6] = ["well", "well", "well", "five times slower", "flapping", "one place"];
const COLOURS: [&str; 6] = ["#2f6f9f", "#4f8fbf", "#7fb2d6", "#c0504d", "#e0a030", "#7a6fa8"];
const ROW: f64 = 56.0;
const TOP: f64 = 92.0;
/// Where the bars of latency begin, and the pixels of a factor of ten: the scale is logarithmic.
const BARS: f64 = 150.0;
const DECADE: f64 = 66.0;
/// Where the bars of shares begin, and how wide a whole is.
const SHARES: f64 = 560.0;
const WHOLE: f64 = 340.0;

fn draw(outcomes: &[(Balance, Outcome)]) -> String {
    let height = TOP + ROW * outcomes.len() as f64 + 46.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 930 {height:.0}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"930\" height=\"{height:.0}\" fill=\"white\"/>\n"
    );
    label(
        &mut svg,
        20.0,
        28.0,
        17,
        "Six backends: three well, one slow, one flapping, one small; 1000 requests/s",
    );
    label(
        &mut svg,
        BARS,
        TOP - 14.0,
        13,
        "p50 (dark) and p99 (light), logarithmic",
    );
    label(&mut svg, SHARES, TOP - 14.0, 13, "share of requests");
    for (row, (balance, outcome)) in outcomes.iter().enumerate() {
        draw_row(&mut svg, TOP + ROW * row as f64, balance.as_str(), outcome);
    }
    let mut x = 150.0;
    for (name, colour) in NAMES.iter().zip(COLOURS).skip(2) {
        let y = height - 22.0;
        let _ = writeln!(
            svg,
            "<rect x=\"{x}\" y=\"{}\" width=\"12\" height=\"12\" fill=\"{colour}\"/>",
            y - 11.0
        );
        label(&mut svg, x + 17.0, y, 13, name);
        x += 150.0;
    }
    svg.push_str("</svg>\n");
    svg
}

fn draw_row(svg: &mut String, y: f64, name: &str, outcome: &Outcome) {
    label(svg, 20.0, y + 22.0, 14, name);
    let width = |millis: f64| (millis.max(1.0).log10() * DECADE).max(1.0);
    for (share, colour, offset) in [(0.99, "#b9d3e6", 18.0), (0.5, "#2f6f9f", 2.0)] {
        let millis = outcome.percentile(share);
        let bar = width(millis);
        let _ = writeln!(
            svg,
            "<rect x=\"{BARS}\" y=\"{:.1}\" width=\"{bar:.1}\" height=\"14\" fill=\"{colour}\"/>",
            y + offset
        );
        label(svg, BARS + bar + 6.0, y + offset + 12.0, 12, &words(millis));
    }
    if outcome.failed > 0 {
        label(svg, 20.0, y + 40.0, 11, &format!("{} requests failed", outcome.failed));
    }
    let mut x = SHARES;
    for (share, colour) in outcome.shares().into_iter().zip(COLOURS) {
        let bar = share * WHOLE;
        let _ = writeln!(
            svg,
            "<rect x=\"{x:.1}\" y=\"{:.1}\" width=\"{bar:.1}\" height=\"30\" fill=\"{colour}\" stroke=\"white\"/>",
            y + 2.0
        );
        if share > 0.06 {
            label(svg, x + 4.0, y + 21.0, 11, &format!("{:.0} %", share * 100.0));
        }
        x += bar;
    }
}

fn words(millis: f64) -> String {
    if millis >= 10_000.0 {
        format!("{:.0} s", millis / 1e3)
    } else {
        format!("{millis:.0} ms")
    }
}

fn label(svg: &mut String, x: f64, y: f64, size: u32, text: &str) {
    let _ = writeln!(
        svg,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size}\">{text}</text>"
    );
}
