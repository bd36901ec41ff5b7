//! An open loop of requests over backends that serve so many at once and let the rest wait in line.

use crate::dice::Dice;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// How long a backend works at a request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Service {
    /// Exponential.
    Exponential,
    /// Always the mean.
    Fixed,
    /// Log-normal with this sigma: 1.5 is a heavy tail.
    LogNormal(f64),
}

/// One backend of the model. Times in seconds.
#[derive(Debug, Clone)]
pub struct Server {
    /// Mean time of work at a request.
    pub mean: f64,
    /// Requests at once; the rest wait in line there.
    pub places: usize,
    /// How the time of work is drawn.
    pub service: Service,
    /// Nothing is answered for `stall.1` seconds every `stall.0` seconds.
    pub stall: Option<(f64, f64)>,
    /// Every connection is refused for `refuse.1` seconds every `refuse.0` seconds.
    pub refuse: Option<(f64, f64)>,
    /// From `change.0` on the mean time of work is `change.1`.
    pub change: Option<(f64, f64)>,
}

impl Server {
    /// Exponential, without faults.
    pub fn new(mean: f64, places: usize) -> Server {
        Server {
            mean,
            places,
            service: Service::Exponential,
            stall: None,
            refuse: None,
            change: None,
        }
    }

    fn work(&self, dice: &mut Dice, now: f64) -> f64 {
        let mean = match self.change {
            Some((from, mean)) if now >= from => mean,
            Some(_) | None => self.mean,
        };
        match self.service {
            Service::Exponential => dice.exponential(mean),
            Service::Fixed => mean,
            Service::LogNormal(sigma) => mean * (sigma * dice.normal() - sigma * sigma / 2.0).exp(),
        }
    }

    /// Work that would end at `end` is answered then.
    fn answered(&self, end: f64) -> f64 {
        match self.stall {
            Some((every, length)) if within(end, every, length) => (end / every).floor() * every + every,
            Some(_) | None => end,
        }
    }

    fn refuses(&self, now: f64) -> bool {
        self.refuse.is_some_and(|(every, length)| within(now, every, length))
    }
}

/// The last `length` seconds of each `every`.
fn within(now: f64, every: f64, length: f64) -> bool {
    now % every >= every - length
}

/// Who decides. Times in seconds.
pub trait Chooser {
    /// A request comes: which backend, avoiding these if there is another; a handle for what follows.
    fn choose(&mut self, avoid: &[usize], now: f64) -> (usize, u64);
    /// The answer came.
    fn answered(&mut self, handle: u64, now: f64);
    /// The connection was refused.
    fn refused(&mut self, handle: u64, now: f64);
}

/// What is run.
#[derive(Debug, Clone)]
pub struct Load {
    /// The backends.
    pub servers: Vec<Server>,
    /// Requests a second, Poisson.
    pub rate: f64,
    /// For how long requests come.
    pub seconds: f64,
    /// Left out of the result: the time in which everybody still learns.
    pub skip: f64,
    /// The dice.
    pub seed: u64,
}

/// What came out.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Milliseconds, ascending.
    pub latencies: Vec<f64>,
    /// Requests sent to each backend, retries included.
    pub sent: Vec<u64>,
    /// Requests that found no backend in three tries.
    pub failed: u64,
}

impl Outcome {
    /// The latency in milliseconds that this share of requests stays within.
    pub fn percentile(&self, share: f64) -> f64 {
        let place = (self.latencies.len() as f64 * share) as usize;
        self.latencies
            .get(place.min(self.latencies.len().saturating_sub(1)))
            .copied()
            .unwrap_or(f64::NAN)
    }

    /// What part of all requests each backend got.
    pub fn shares(&self) -> Vec<f64> {
        let all: u64 = self.sent.iter().sum();
        self.sent.iter().map(|sent| *sent as f64 / all.max(1) as f64).collect()
    }
}

#[derive(Debug, Clone, Copy)]
struct Job {
    came: f64,
    handle: u64,
}

/// Most tries of a request.
const TRIES: usize = 3;

/// Runs the load to its end.
pub fn run(load: &Load, chooser: &mut dyn Chooser) -> Outcome {
    let mut arrivals = Dice::new(load.seed);
    let mut works = Dice::new(load.seed ^ 0xabcd);
    let mut lines: Vec<VecDeque<Job>> = vec![VecDeque::new(); load.servers.len()];
    let mut busy = vec![0usize; load.servers.len()];
    let mut ends: BinaryHeap<Reverse<(u64, usize, u64, u64)>> = BinaryHeap::new();
    let mut outcome = Outcome {
        sent: vec![0; load.servers.len()],
        ..Outcome::default()
    };
    let mut next = arrivals.exponential(1.0 / load.rate);
    loop {
        let end = ends.peek().map(|end| end.0.0 as f64 / 1e9);
        if next < load.seconds && end.is_none_or(|end| next <= end) {
            let now = next;
            next += arrivals.exponential(1.0 / load.rate);
            if let Some((server, handle)) = send(load, chooser, &mut outcome, now) {
                lines[server].push_back(Job { came: now, handle });
                serve(
                    load,
                    server,
                    &mut lines[server],
                    &mut busy[server],
                    &mut ends,
                    &mut works,
                    now,
                );
            }
            continue;
        }
        let Some(Reverse((at, server, handle, came))) = ends.pop() else {
            break;
        };
        let now = at as f64 / 1e9;
        chooser.answered(handle, now);
        let came = came as f64 / 1e9;
        if came >= load.skip {
            outcome.latencies.push((now - came) * 1e3);
        }
        busy[server] -= 1;
        serve(
            load,
            server,
            &mut lines[server],
            &mut busy[server],
            &mut ends,
            &mut works,
            now,
        );
    }
    outcome.latencies.sort_unstable_by(f64::total_cmp);
    outcome
}

fn send(load: &Load, chooser: &mut dyn Chooser, outcome: &mut Outcome, now: f64) -> Option<(usize, u64)> {
    let mut avoid = Vec::new();
    for _ in 0..TRIES {
        let (server, handle) = chooser.choose(&avoid, now);
        if now >= load.skip {
            outcome.sent[server] += 1;
        }
        if !load.servers[server].refuses(now) {
            return Some((server, handle));
        }
        chooser.refused(handle, now);
        avoid.push(server);
    }
    outcome.failed += 1;
    None
}

type Ends = BinaryHeap<Reverse<(u64, usize, u64, u64)>>;

fn serve(
    load: &Load,
    server: usize,
    line: &mut VecDeque<Job>,
    busy: &mut usize,
    ends: &mut Ends,
    works: &mut Dice,
    now: f64,
) {
    let model = &load.servers[server];
    while *busy < model.places {
        let Some(job) = line.pop_front() else {
            return;
        };
        *busy += 1;
        let end = model.answered(now + model.work(works, now));
        ends.push(Reverse((
            (end * 1e9) as u64,
            server,
            job.handle,
            (job.came * 1e9) as u64,
        )));
    }
}
