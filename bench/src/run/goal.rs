//! Whether Evenkeel reached what it should.

use serde_json::{Value, json};

use super::Row;
use super::product::{Product, Products};
use super::scenario::{Against, Goal, Metric, Scenario};

/// What became of one goal.
pub(crate) struct Verdict {
    scenario: &'static str,
    metric: Metric,
    against: String,
    /// Evenkeel's median divided by the other's, or its own figure; none: something was not measured.
    pub(crate) reached: Option<f64>,
    pub(crate) at_most: f64,
    pub(crate) errors: u64,
}

impl Verdict {
    pub(crate) fn is_pass(&self) -> bool {
        self.errors == 0 && self.reached.is_some_and(|reached| reached <= self.at_most)
    }

    /// One line for a human.
    pub(crate) fn to_text(&self) -> String {
        let metric = self.metric.name();
        let figure = match self.reached {
            None => return format!("goal   {metric} {}: not measured", self.against),
            Some(reached) => format!("{reached:.2}"),
        };
        let word = match self.reached {
            Some(_) if self.is_pass() => "pass".to_owned(),
            Some(_) if self.errors > 0 => format!("MISS: {} errors", self.errors),
            Some(reached) => format!("MISS by {:.0} %", (reached / self.at_most - 1.0) * 100.0),
            None => "not measured".to_owned(),
        };
        format!(
            "goal   {metric} {} {figure}, at most {:.2}: {word}",
            self.against, self.at_most
        )
    }

    pub(crate) fn scenario(&self) -> &'static str {
        self.scenario
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({
            "scenario": self.scenario,
            "metric": self.metric.name(),
            "against": self.against,
            "reached": self.reached,
            "at_most": self.at_most,
            "errors": self.errors,
            "pass": self.is_pass(),
        })
    }
}

impl Metric {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::CpuPerRequest => "CPU/request",
            Self::MemoryPerConnection => "KiB/connection",
            Self::P99 => "p99",
            Self::P999 => "p99.9",
        }
    }
}

/// The middle of the figures, the mean of the two middle ones when they are even in number.
pub(crate) fn median(mut figures: Vec<f64>) -> Option<f64> {
    figures.sort_by(f64::total_cmp);
    let middle = figures.len() / 2;
    match figures.len() {
        0 => None,
        length if length % 2 == 1 => Some(figures[middle]),
        _ => Some((figures[middle - 1] + figures[middle]) / 2.0),
    }
}

/// The median of a product's figures of a metric.
pub(crate) fn median_of(rows: &[Row], product: Product, metric: Metric) -> Option<f64> {
    let row = rows.iter().find(|row| row.product == product)?;
    median(row.samples.iter().filter_map(|sample| sample.figure(metric)).collect())
}

/// The better of HAProxy with and without splice.
fn haproxy(rows: &[Row], metric: Metric) -> Option<f64> {
    let plain = median_of(rows, Product::Haproxy, metric)?;
    Some(median_of(rows, Product::HaproxySplice, metric).map_or(plain, |splice| plain.min(splice)))
}

/// Judges every goal of a scenario.
pub(crate) fn judge(scenario: &'static Scenario, rows: &[Row], products: &Products) -> Vec<Verdict> {
    let errors = rows
        .iter()
        .filter(|row| row.product == Product::Evenkeel)
        .flat_map(|row| row.samples.iter().map(super::Sample::errors))
        .sum();
    let is_newer = products.haproxy_is_newer();
    let measures = products.nginx_measures();
    scenario
        .goals
        .iter()
        .map(|goal| judge_one(scenario, goal, rows, errors, is_newer, measures))
        .collect()
}

fn judge_one(
    scenario: &'static Scenario,
    goal: &Goal,
    rows: &[Row],
    errors: u64,
    haproxy_is_newer: bool,
    nginx_measures: bool,
) -> Verdict {
    let own = median_of(rows, Product::Evenkeel, goal.metric);
    let nginx = median_of(rows, Product::Nginx, goal.metric);
    let haproxy = haproxy(rows, goal.metric);
    let (other, against) = match goal.against {
        Against::Haproxy => (haproxy, "/ haproxy"),
        Against::Nginx => (nginx, "/ nginx"),
        Against::Better => (
            haproxy.zip(nginx).map(|(one, two)| one.min(two)),
            "/ the better of haproxy and nginx",
        ),
        Against::Nothing => (Some(1.0), "itself"),
    };
    let newer = match goal.against {
        Against::Haproxy => haproxy_is_newer,
        Against::Better => nginx_measures,
        Against::Nginx | Against::Nothing => false,
    };
    Verdict {
        scenario: scenario.name,
        metric: goal.metric,
        against: against.to_owned(),
        reached: own.zip(other).map(|(own, other)| own / other),
        at_most: goal.at_most_newer.filter(|_| newer).unwrap_or(goal.at_most),
        errors,
    }
}

#[cfg(test)]
mod tests;
