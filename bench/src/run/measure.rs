//! One measurement: a product is started, loaded, read and ended.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};

use super::process::{self, Directory, Running};
use super::product::{Product, Products};
use super::scenario::{Kind, Metric, Scenario, Times};
use super::{Options, Row};
use crate::failure::Failure;

/// Before idle connections are counted, what a product allocates once for all is brought about by so many.
const MEMORY_WARMUP_CONNECTIONS: &str = "64";

/// Seed of service times and arrivals: the same for all products of a round, another in the next.
fn seed(round: usize) -> String {
    (round + 1).to_string()
}

/// The figures of one measurement.
pub(crate) struct Sample {
    figures: Value,
    round: usize,
}

impl Sample {
    fn number(&self, key: &str) -> Option<f64> {
        self.figures.get(key)?.as_f64()
    }

    /// The figure of a metric: microseconds of CPU, KiB or milliseconds.
    pub(crate) fn figure(&self, metric: Metric) -> Option<f64> {
        match metric {
            Metric::CpuPerRequest => self.number("cpu_us_per_request"),
            Metric::MemoryPerConnection => {
                let idle = self.figures.get("idle")?;
                let number = |key: &str| idle.get(key)?.as_f64();
                let held = number("connections")? - number("lost")?;
                Some((number("memory_after")? - number("memory_before")?) / held.max(1.0) / 1024.0)
            }
            Metric::P99 => Some(self.number("p99_us")? / 1000.0),
            Metric::P999 => Some(self.number("p999_us")? / 1000.0),
        }
    }

    pub(crate) fn p50(&self) -> Option<f64> {
        Some(self.number("p50_us")? / 1000.0)
    }

    pub(crate) fn requests_per_second(&self) -> Option<f64> {
        self.number("requests_per_second")
    }

    /// Share of its core the product used.
    pub(crate) fn core_share(&self) -> Option<f64> {
        self.number("core_share")
    }

    /// Share of their core origin and load used.
    pub(crate) fn load_core_share(&self) -> Option<f64> {
        self.number("load_core_share")
    }

    /// Cores used by everything else on the machine.
    pub(crate) fn others(&self) -> Option<f64> {
        self.number("others")
    }

    pub(crate) fn errors(&self) -> u64 {
        let counts = self.figures.get("errors").and_then(Value::as_object);
        let lost = self
            .figures
            .get("idle")
            .and_then(|idle| idle.get("lost")?.as_u64())
            .unwrap_or(0);
        counts.map_or(0, |counts| counts.values().filter_map(Value::as_u64).sum::<u64>()) + lost
    }

    pub(crate) fn error_words(&self) -> String {
        self.figures.get("errors").map(Value::to_string).unwrap_or_default()
    }

    pub(crate) fn to_json(&self, scenario: &Scenario, row: &Row) -> Value {
        json!({
            "scenario": scenario.name,
            "product": row.product.name(),
            "round": self.round + 1,
            "figures": self.figures,
        })
    }
}

/// Everything a measurement needs.
pub(crate) struct Bench<'a> {
    options: &'a Options,
    products: &'a Products,
    directory: &'a Directory,
    /// The origin of all scenarios with equal backends.
    origin: Origin,
}

struct Origin {
    running: Running,
    backends: Vec<SocketAddr>,
}

impl<'a> Bench<'a> {
    pub(crate) fn open(
        options: &'a Options,
        products: &'a Products,
        directory: &'a Directory,
    ) -> Result<Self, Failure> {
        let origin = Origin::start(options, directory, Kind::Cpu, 0)?;
        Ok(Self {
            options,
            products,
            directory,
            origin,
        })
    }

    pub(crate) fn products(&self) -> &'a Products {
        self.products
    }

    /// Measures one product once.
    pub(crate) fn measure(&mut self, scenario: &Scenario, product: Product, round: usize) -> Result<Sample, Failure> {
        let uneven = match scenario.kind {
            // Its own origin each time, so that lines and stalls begin alike for all.
            Kind::Uneven => Some(Origin::start(self.options, self.directory, scenario.kind, round)?),
            Kind::Cpu | Kind::Memory | Kind::Latency => None,
        };
        let origin = uneven.as_ref().unwrap_or(&self.origin);
        let core = self.options.balancer_core;
        let (running, address) = self
            .products
            .start(product, scenario, &origin.backends, core, self.directory)?;
        let mut times = scenario.kind.times(self.options.quick);
        if let (Kind::Cpu, Some(window)) = (scenario.kind, self.options.window) {
            times.window = window;
        }
        let mut arguments = words(&["--to", &address.to_string(), "--json", "--seed", &seed(round)]);
        arguments.extend(words(&["--companion", &origin.running.process().to_string()]));
        if scenario.door.is_encrypted() {
            arguments.extend(words(&["--tls", &self.directory.certificate().display().to_string()]));
        }
        if scenario.kind == Kind::Memory {
            let warmup = [arguments.clone(), words(&["--connections", MEMORY_WARMUP_CONNECTIONS])].concat();
            let short = Times {
                warmup: Duration::ZERO,
                window: Duration::from_millis(300),
            };
            self.load(warmup, short)?;
            arguments.extend(words(&["--connections", &process::idle_connections().to_string()]));
        }
        arguments.extend(words(&["--watch", &running.process().to_string()]));
        arguments.extend(words(scenario.load));
        let figures = self.load(arguments, times)?;
        Ok(Sample { figures, round })
    }

    /// Runs the load generator in a process of its own and returns what it saw.
    fn load(&self, mut arguments: Vec<String>, times: Times) -> Result<Value, Failure> {
        arguments.extend(words(&["--warmup", &times.warmup.as_secs_f64().to_string()]));
        arguments.extend(words(&["--seconds", &times.window.as_secs_f64().to_string()]));
        let program = [vec![own_program()?, "load".to_owned()], arguments].concat();
        let log = self.directory.path().join("load.log");
        let mut running = Running::start(self.options.load_core, &program, log, true)?;
        let output = running.output()?;
        serde_json::from_str(&output).map_err(|_| Failure::new(running.words()))
    }
}

impl Origin {
    fn start(options: &Options, directory: &Directory, kind: Kind, round: usize) -> Result<Self, Failure> {
        let mut program = vec![own_program()?, "origin".to_owned()];
        for _ in 0..kind.backends() {
            program.extend(words(&["--listen", "127.0.0.1:0"]));
        }
        if kind == Kind::Uneven {
            program.extend(words(&["--uneven", "--seed", &seed(round)]));
        }
        let mut running = Running::start(options.load_core, &program, directory.path().join("origin.log"), true)?;
        let line = running.first_line()?;
        let backends = line
            .split_whitespace()
            .map(|word| {
                word.parse()
                    .map_err(|_| Failure::new(format!("the origin said {line:?}")))
            })
            .collect::<Result<_, Failure>>()?;
        Ok(Self { running, backends })
    }
}

fn own_program() -> Result<String, Failure> {
    Ok(std::env::current_exe()?.display().to_string())
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}
