//! What the run prints.

use std::fmt::Write as _;
use std::fs;

use super::goal::{self, Verdict};
use super::product::{Product, Products};
use super::scenario::{Kind, Metric, Scenario};
use super::{Options, Row, Sample};

/// What was measured, where.
pub(crate) fn heading(products: &Products, options: &Options, rounds: usize) -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map(|(_, name)| name);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut text = format!(
        "kernel {}, {}; balancer on core {}, origin and load on core {}; {rounds} round(s){}{}\n",
        kernel.trim(),
        model.unwrap_or("unknown processor").trim(),
        options.balancer_core,
        options.load_core,
        if options.quick {
            ", quick: figures are rough"
        } else {
            ""
        },
        if options.priority { ", at highest priority" } else { "" },
    );
    if let Some(versions) = products.versions().as_object() {
        for (name, version) in versions {
            let _ = writeln!(text, "{name}: {}", version.as_str().unwrap_or("not there, left out"));
        }
    }
    text
}

/// One product once, for the progress line.
pub(crate) fn brief(scenario: &Scenario, sample: &Sample) -> String {
    let mut text = match scenario.kind {
        Kind::Cpu => format!(
            "{} us/request, {}/s",
            shown(sample.figure(Metric::CpuPerRequest), 2),
            shown(sample.requests_per_second(), 0)
        ),
        Kind::Memory => format!(
            "{} KiB/connection",
            shown(sample.figure(Metric::MemoryPerConnection), 2)
        ),
        Kind::Latency | Kind::Uneven => format!(
            "p50 {} p99 {} p99.9 {} ms",
            shown(sample.p50(), 3),
            shown(sample.figure(Metric::P99), 3),
            shown(sample.figure(Metric::P999), 3)
        ),
    };
    if sample.errors() > 0 {
        let _ = write!(text, ", ERRORS {}", sample.error_words());
    }
    text
}

fn shown(figure: Option<f64>, digits: usize) -> String {
    figure.map_or_else(|| "-".to_owned(), |figure| format!("{figure:.digits$}"))
}

/// A column: its heading, digits and figure of a sample.
type Column = (&'static str, usize, fn(&Sample) -> Option<f64>);

fn columns(kind: Kind) -> Vec<Column> {
    let cpu: Column = ("CPU us/request", 2, |sample| sample.figure(Metric::CpuPerRequest));
    let p50: Column = ("p50 ms", 3, Sample::p50);
    let p99: Column = ("p99 ms", 3, |sample| sample.figure(Metric::P99));
    let p999: Column = ("p99.9 ms", 3, |sample| sample.figure(Metric::P999));
    match kind {
        Kind::Cpu => vec![cpu, ("requests/s", 0, Sample::requests_per_second), p50, p99],
        Kind::Memory => vec![("KiB/connection", 2, |sample| sample.figure(Metric::MemoryPerConnection))],
        Kind::Latency | Kind::Uneven => vec![p50, p99, p999, cpu],
    }
}

/// The figure products are compared by.
fn compared(kind: Kind) -> Metric {
    match kind {
        Kind::Cpu => Metric::CpuPerRequest,
        Kind::Memory => Metric::MemoryPerConnection,
        Kind::Latency | Kind::Uneven => Metric::P99,
    }
}

/// The table of a scenario: medians, in brackets the least and the greatest, then the goals.
pub(crate) fn of_scenario(scenario: &Scenario, rows: &[Row], verdicts: &[Verdict]) -> String {
    const WIDTH: usize = 26;
    let metric = compared(scenario.kind);
    let columns = columns(scenario.kind);
    let mut text = format!("{}: {}\n{:15}", scenario.name, scenario.title, "");
    for (heading, _, _) in &columns {
        let _ = write!(text, "{heading:WIDTH$}");
    }
    let _ = writeln!(
        text,
        "x haproxy  x nginx  core  load core  others  errors    (ratios of {})",
        metric.name()
    );
    for row in rows {
        let _ = write!(text, "{:15}", row.product.name());
        for (_, digits, figure) in &columns {
            let _ = write!(text, "{:WIDTH$}", spread(row, *digits, *figure));
        }
        let own = goal::median_of(rows, row.product, metric);
        for (peer, width) in [(Product::Haproxy, 11), (Product::Nginx, 9)] {
            let ratio = own
                .zip(goal::median_of(rows, peer, metric))
                .map(|(own, peer)| own / peer);
            let _ = write!(text, "{:width$}", shown(ratio, 2));
        }
        let middle = |figure: fn(&Sample) -> Option<f64>| {
            shown(goal::median(row.samples.iter().filter_map(figure).collect()), 2)
        };
        let errors: u64 = row.samples.iter().map(Sample::errors).sum();
        let (core, load_core, others) = (
            middle(Sample::core_share),
            middle(Sample::load_core_share),
            middle(Sample::others),
        );
        let _ = writeln!(text, "{core:6}{load_core:11}{others:8}{errors}");
    }
    for verdict in verdicts {
        let _ = writeln!(text, "{}", verdict.to_text());
    }
    if let Some(warning) = warning(rows) {
        let _ = writeln!(text, "{warning}");
    }
    text
}

/// A busy machine makes latencies meaningless and CPU figures doubtful, and says so itself.
fn warning(rows: &[Row]) -> Option<String> {
    const CORES_MAX: f64 = 0.1;
    let others = rows
        .iter()
        .flat_map(|row| row.samples.iter().filter_map(Sample::others))
        .max_by(f64::total_cmp)?;
    (others > CORES_MAX).then(|| {
        format!(
            "DOUBTFUL: something else used {others:.1} cores meanwhile; latencies mean nothing, CPU figures are rough"
        )
    })
}

fn spread(row: &Row, digits: usize, figure: fn(&Sample) -> Option<f64>) -> String {
    let figures: Vec<f64> = row.samples.iter().filter_map(figure).collect();
    let least = figures.iter().copied().min_by(f64::total_cmp);
    let most = figures.iter().copied().max_by(f64::total_cmp);
    let middle = shown(goal::median(figures), digits);
    match (least, most) {
        (Some(least), Some(most)) if row.samples.len() > 1 => {
            format!("{middle} [{least:.digits$}..{most:.digits$}]")
        }
        (Some(_) | None, Some(_) | None) => middle,
    }
}

/// All goals once more.
pub(crate) fn summary(verdicts: &[Verdict]) -> String {
    let mut text = String::new();
    let measured = verdicts.iter().filter(|verdict| verdict.reached.is_some()).count();
    let passed = verdicts.iter().filter(|verdict| verdict.is_pass()).count();
    for verdict in verdicts {
        let _ = writeln!(text, "{:24}{}", verdict.scenario(), verdict.to_text());
    }
    let _ = write!(
        text,
        "{passed} of {measured} goals reached, {} not measured",
        verdicts.len() - measured
    );
    text
}
