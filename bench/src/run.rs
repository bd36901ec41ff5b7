//! `evenkeel-bench run`: every product in turn, the same way, and a table at the end.
//!
//! The balancer has one core, the origin and the load share the other. Products take turns within a round, and the
//! turn rotates from round to round, so that a machine that grows slower or faster does not favour one of them.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

mod goal;
mod measure;
mod process;
mod product;
pub(crate) mod scenario;
mod setup;
mod table;

use crate::failure::Failure;
use measure::{Bench, Sample};
use process::Directory;
pub(crate) use product::Product;
use product::Products;
use scenario::Scenario;

/// Rounds when not told: the fewest that have a median.
const ROUNDS: usize = 3;

/// What to measure, with what, where.
#[derive(Debug)]
pub(crate) struct Options {
    /// Empty: all that belong to a run.
    pub(crate) scenarios: Vec<&'static Scenario>,
    /// Whom to measure; empty: all that are there.
    pub(crate) only: Vec<Product>,
    pub(crate) rounds: Option<usize>,
    pub(crate) quick: bool,
    /// Length of a measurement of CPU.
    pub(crate) window: Option<Duration>,
    pub(crate) evenkeel: PathBuf,
    pub(crate) haproxy: PathBuf,
    pub(crate) nginx: PathBuf,
    pub(crate) nginx_balance: String,
    pub(crate) balancer_core: usize,
    pub(crate) load_core: usize,
    pub(crate) priority: bool,
    pub(crate) json: Option<PathBuf>,
}

/// The samples of one product in one scenario, a round each; failed rounds are missing.
pub(crate) struct Row {
    pub(crate) product: Product,
    pub(crate) samples: Vec<Sample>,
}

/// Measures everything and prints.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let started = Instant::now();
    let directory = Directory::create()?;
    directory.furnish()?;
    let products = Products::find(options)?;
    process::prepare(options)?;
    let scenarios = if options.scenarios.is_empty() {
        scenario::of_a_whole_run()
    } else {
        options.scenarios.clone()
    };
    let rounds = options.rounds.unwrap_or(if options.quick { 1 } else { ROUNDS });
    println!("{}", table::heading(&products, options, rounds));
    let mut bench = Bench::open(options, &products, &directory)?;
    let mut report = Vec::new();
    let mut verdicts = Vec::new();
    for (number, scenario) in scenarios.iter().enumerate() {
        let position = format!("[{}/{}]", number + 1, scenarios.len());
        let rows = measure_rounds(&mut bench, scenario, rounds, &position, started);
        let judged = goal::judge(scenario, &rows, &products);
        println!("{}", table::of_scenario(scenario, &rows, &judged));
        report.extend(
            rows.iter()
                .flat_map(|row| row.samples.iter().map(|sample| sample.to_json(scenario, row))),
        );
        verdicts.extend(judged);
    }
    println!("{}", table::summary(&verdicts));
    println!("{:.0} s in all", started.elapsed().as_secs_f64());
    if let Some(path) = &options.json {
        let verdicts: Vec<Value> = verdicts.iter().map(goal::Verdict::to_json).collect();
        let document = json!({ "versions": products.versions(), "samples": report, "verdicts": verdicts });
        std::fs::write(path, format!("{document:#}\n"))
            .map_err(|error| Failure::new(format!("{}: {error}", path.display())))?;
    }
    Ok(())
}

fn measure_rounds(
    bench: &mut Bench<'_>,
    scenario: &'static Scenario,
    rounds: usize,
    position: &str,
    started: Instant,
) -> Vec<Row> {
    let mut rows: Vec<Row> = bench
        .products()
        .of_scenario(scenario)
        .into_iter()
        .map(|product| Row {
            product,
            samples: Vec::new(),
        })
        .collect();
    for round in 0..rounds {
        // Another product begins in each round.
        let count = rows.len();
        for turn in 0..count {
            let row = &mut rows[(turn + round) % count];
            let told = format!(
                "{:4.0} s {position} {} round {} of {rounds}, {}",
                started.elapsed().as_secs_f64(),
                scenario.name,
                round + 1,
                row.product.name()
            );
            match bench.measure(scenario, row.product, round) {
                Ok(sample) => {
                    eprintln!("{told}: {}", table::brief(scenario, &sample));
                    row.samples.push(sample);
                }
                Err(failure) => eprintln!("{told}: FAILED: {failure}"),
            }
        }
    }
    rows
}
