//! Who decides in the models: Evenkeel's own chooser, and others' rules written down from their sources.

use crate::dice::Dice;
use crate::queueing::Chooser;
use evenkeel_model::{Backend, BackendAddress, Balance, Moment, Pool};
use evenkeel_pool::{BackendId, Choice, Event, Failure, Heart, Permit, Request};
use std::collections::HashMap;
use std::time::Duration;

/// Evenkeel: a heart and several workers' choosers.
#[derive(Debug)]
pub struct Evenkeel {
    heart: Heart,
    workers: Vec<evenkeel_pool::Chooser>,
    permits: HashMap<u64, Permit>,
    next: u64,
    dice: Dice,
}

impl Evenkeel {
    /// A pool of `count` unchecked backends; `workers` choose in turn at random, as connections fall to them.
    pub fn new(count: usize, balance: Balance, workers: usize, seed: u64) -> Evenkeel {
        let backend = |number: usize| {
            let number = number as u32;
            Backend::new(BackendAddress::Tcp(
                ([10, 0, (number >> 8) as u8, number as u8], 80).into(),
            ))
        };
        let mut pool = Pool::new("model", (0..count).map(backend).collect());
        pool.check = None;
        pool.balance = balance;
        let heart = Heart::new(&pool, None, seed, Moment::ZERO);
        let worker = |number: usize| evenkeel_pool::Chooser::new(heart.view(), seed.wrapping_add(number as u64));
        Evenkeel {
            workers: (0..workers).map(worker).collect(),
            heart,
            permits: HashMap::new(),
            next: 0,
            dice: Dice::new(seed ^ 0x77),
        }
    }

    fn follow(&mut self, now: Moment) {
        if self.heart.poll_timeout().is_some_and(|timeout| timeout <= now) {
            self.heart.handle_timeout(now);
        }
        let view = self.heart.view();
        for worker in &mut self.workers {
            if worker.view().generation != view.generation {
                worker.update(std::sync::Arc::clone(&view));
            }
        }
    }
}

fn moment(now: f64) -> Moment {
    Moment::ZERO + Duration::from_secs_f64(now + 1.0)
}

impl Chooser for Evenkeel {
    fn choose(&mut self, avoid: &[usize], now: f64) -> (usize, u64) {
        let now = moment(now);
        self.follow(now);
        let avoid: Vec<BackendId> = avoid.iter().map(|index| BackendId(*index as u32)).collect();
        let worker = self.dice.below(self.workers.len());
        let request = Request {
            hash: self.dice.bits(),
            avoid: &avoid,
            first_in_line: false,
            ..Request::default()
        };
        let Choice::Go(permit) = self.workers[worker].choose(&request, now) else {
            unreachable!("nobody is at a cap here");
        };
        self.next += 1;
        let index = permit.index();
        self.permits.insert(self.next, permit);
        (index, self.next)
    }

    fn answered(&mut self, handle: u64, now: f64) {
        if let Some(mut permit) = self.permits.remove(&handle) {
            permit.answered(moment(now));
        }
    }

    fn refused(&mut self, handle: u64, now: f64) {
        if let Some(mut permit) = self.permits.remove(&handle) {
            permit.failed(Failure::Connect, moment(now));
        }
        self.heart.handle(Event::Traffic, moment(now));
        self.follow(moment(now));
    }
}

/// Another's rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Fewest in flight, ties in turn: HAProxy leastconn, nginx least_conn in one process.
    LeastConnections,
    /// nginx 1.31 least_time in one process: moving latency times in flight.
    LeastTime,
    /// Knows who is slow and who stalls right now, and joins the shortest line of the others: about the best there is.
    Oracle,
}

/// Another's rule at work.
#[derive(Debug)]
pub struct Rival {
    rule: Rule,
    in_flight: Vec<u32>,
    latency: Vec<f64>,
    started: HashMap<u64, (usize, f64)>,
    servers: Vec<crate::queueing::Server>,
    turn: usize,
    next: u64,
}

impl Rival {
    /// Over these.
    pub fn new(rule: Rule, servers: &[crate::queueing::Server]) -> Rival {
        Rival {
            rule,
            in_flight: vec![0; servers.len()],
            latency: vec![0.0; servers.len()],
            started: HashMap::new(),
            servers: servers.to_vec(),
            turn: 0,
            next: 0,
        }
    }

    fn cost(&self, index: usize, now: f64) -> f64 {
        let in_flight = f64::from(self.in_flight[index]);
        match self.rule {
            Rule::LeastConnections => in_flight,
            Rule::LeastTime => (in_flight + 1.0) * self.latency[index],
            Rule::Oracle => {
                let server = &self.servers[index];
                let places = server.places as f64;
                let wait = ((in_flight + 1.0 - places).max(0.0) / places) * server.mean;
                let stall = server
                    .stall
                    .is_some_and(|(every, length)| now % every >= every - length);
                server.mean + wait + in_flight * 1e-6 + if stall { 10.0 } else { 0.0 }
            }
        }
    }
}

impl Chooser for Rival {
    fn choose(&mut self, avoid: &[usize], now: f64) -> (usize, u64) {
        let count = self.in_flight.len();
        self.turn = (self.turn + 1) % count;
        let order = (0..count).map(|step| (self.turn + step) % count);
        let best = order
            .filter(|index| !avoid.contains(index))
            .min_by(|one, other| self.cost(*one, now).total_cmp(&self.cost(*other, now)))
            .unwrap_or(0);
        self.turn = best;
        self.in_flight[best] += 1;
        self.next += 1;
        self.started.insert(self.next, (best, now));
        (best, self.next)
    }

    fn answered(&mut self, handle: u64, now: f64) {
        if let Some((index, started)) = self.started.remove(&handle) {
            self.in_flight[index] -= 1;
            let old = self.latency[index];
            let sample = now - started;
            self.latency[index] = if old == 0.0 {
                sample
            } else {
                old + (sample - old) / 20.0
            };
        }
    }

    fn refused(&mut self, handle: u64, _now: f64) {
        if let Some((index, _)) = self.started.remove(&handle) {
            self.in_flight[index] -= 1;
        }
    }
}
