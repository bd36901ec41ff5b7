//! One run: a heart, its workers, clients, backends that fail in every way, an operator who interferes.

use crate::clients::{AtHome, Homes};
use crate::dice::Dice;
use crate::faults::{Mode, random_pool};
use crate::shadow::Shadow;
use crate::tally::Tally;
use evenkeel_model::{Backend, BackendAddress, Check, Moment};
use evenkeel_pool::{BackendId, Choice, Chooser, Command, Event, Failure, Heart, Permit, ProbeId, Request, Shared};
use evenkeel_pool::{Stay, Ticket, Verdict, Wish};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long faults happen.
pub(crate) const WILD: Duration = Duration::from_secs(20);
/// How long nothing happens any more before everything must be well again: longer than the longest ejection and the
/// slowest re-check together.
pub(crate) const CALM: Duration = Duration::from_secs(50);
/// The last part of the calm, in which everything must be well.
const WELL: Duration = Duration::from_secs(15);
/// Longest that a request waits for an answer.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(2);
/// Most steps of a run: a run that does not end is a failure.
const STEPS_MAX: u64 = 2_000_000;

/// What can happen.
#[derive(Debug, Clone)]
pub(crate) enum Happening {
    Arrive,
    Outcome {
        request: u64,
        attempt: u32,
        outcome: Result<(), Failure>,
    },
    End {
        request: u64,
    },
    Gone {
        request: u64,
    },
    QueueTimeout {
        request: u64,
    },
    HomeTimeout {
        request: u64,
    },
    Called {
        request: u64,
        /// To its home rather than from the pool's line.
        home: bool,
    },
    Verdict {
        backend: BackendId,
        probe: ProbeId,
        verdict: Verdict,
    },
    Fault,
    Traffic,
}

/// A request under way.
#[derive(Debug)]
pub(crate) struct Exchange {
    worker: usize,
    hash: u64,
    client: Option<u64>,
    pub(crate) wish: Wish,
    attempt: u32,
    pub(crate) tried: Vec<BackendId>,
    /// Its turn among those who ever waited; 0 = never.
    pub(crate) turn: u64,
    /// When it was last called from the pool's line, as a number that grows.
    pub(crate) called: u64,
    /// When it last joined that line or came back to it, counted likewise.
    pub(crate) lined: u64,
    pub(crate) stage: Stage,
}

#[derive(Debug)]
pub(crate) enum Stage {
    Waiting(Ticket),
    AtHome(AtHome),
    Sent(Permit),
    Over,
}

/// Everything.
pub(crate) struct World {
    pub(crate) dice: Dice,
    pub(crate) now: Moment,
    pub(crate) heart: Heart,
    pub(crate) shadow: Shadow,
    pub(crate) modes: HashMap<BackendAddress, Mode>,
    pub(crate) next_address: u8,
    pub(crate) shared: Arc<Shared>,
    workers: Vec<Chooser>,
    agenda: BTreeMap<(Moment, u64), Happening>,
    pub(crate) next: u64,
    pub(crate) exchanges: BTreeMap<u64, Exchange>,
    pub(crate) homes: Homes,
    pub(crate) called: Arc<Mutex<Vec<(u64, bool)>>>,
    /// Called and not at the door yet.
    pub(crate) on_their_way: BTreeSet<(u64, bool)>,
    alarm: Arc<AtomicBool>,
    rate: f64,
    pub(crate) ejected: BTreeSet<BackendId>,
    pub(crate) generation: u64,
    pub(crate) served: HashMap<BackendId, u64>,
    pub(crate) tally: Tally,
}

/// Runs one seed.
///
/// # Errors
/// The rule that was broken, and when.
pub fn run(seed: u64) -> Result<Tally, String> {
    let mut world = World::new(seed);
    let end = Moment::ZERO + WILD + CALM;
    for _ in 0..STEPS_MAX {
        match world.step(end) {
            Ok(true) => {}
            Ok(false) => return world.finish().map_err(|broken| format!("at the end: {broken}")),
            Err(broken) => return Err(format!("at {:?}: {broken}", world.now.since(Moment::ZERO))),
        }
    }
    Err(format!("no end after {STEPS_MAX} steps"))
}

impl World {
    fn new(seed: u64) -> World {
        let mut dice = Dice::new(seed);
        let pool = random_pool(&mut dice);
        let heart = Heart::new(&pool, None, dice.bits(), Moment::ZERO);
        let workers = (0..1 + dice.below(4))
            .map(|_| Chooser::new(heart.view(), dice.bits()))
            .collect();
        let rate = if dice.chance(0.5) { 30.0 } else { 150.0 };
        let mut world = World {
            now: Moment::ZERO,
            shared: heart.shared(),
            shadow: Shadow::new(&pool),
            modes: HashMap::new(),
            next_address: 100,
            heart,
            workers,
            agenda: BTreeMap::new(),
            next: 0,
            exchanges: BTreeMap::new(),
            homes: Homes::default(),
            called: Arc::default(),
            on_their_way: BTreeSet::new(),
            alarm: Arc::default(),
            rate,
            ejected: BTreeSet::new(),
            generation: 0,
            served: HashMap::new(),
            tally: Tally::default(),
            dice,
        };
        let alarm = Arc::clone(&world.alarm);
        world
            .shared
            .set_alarm(Arc::new(move || alarm.store(true, Ordering::SeqCst)));
        world.meet(&pool.backends, false);
        world.after(Duration::ZERO, Happening::Arrive);
        world.after(Duration::from_millis(100), Happening::Fault);
        world
    }

    pub(crate) fn after(&mut self, pause: Duration, happening: Happening) {
        self.next += 1;
        self.agenda.insert((self.now + pause, self.next), happening);
    }

    /// The process ends and begins anew: what was under way is lost, what was saved is not.
    pub(crate) fn restart(&mut self) {
        let saved = self.heart.saved();
        self.exchanges.clear();
        self.called.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.on_their_way.clear();
        self.homes.forget_keys();
        self.agenda
            .retain(|_, happening| matches!(happening, Happening::Arrive | Happening::Fault));
        self.heart = Heart::new(&self.shadow.pool, Some(&saved), self.dice.bits(), self.now);
        self.shared = self.heart.shared();
        let alarm = Arc::clone(&self.alarm);
        self.shared
            .set_alarm(Arc::new(move || alarm.store(true, Ordering::SeqCst)));
        let count = self.workers.len();
        self.workers = (0..count)
            .map(|_| Chooser::new(self.heart.view(), self.dice.bits()))
            .collect();
        self.generation = 0;
        self.ejected.clear();
        self.shadow.restart(&self.heart.view());
        self.obey();
    }

    /// Newcomers get a shade before anything else is believed of them.
    pub(crate) fn meet(&mut self, specs: &[Backend], added: bool) {
        self.shadow.meet(&self.heart.view(), specs, added);
        self.obey();
    }

    fn step(&mut self, end: Moment) -> Result<bool, String> {
        let planned = self.agenda.first_key_value().map(|((at, _), _)| *at);
        let timeout = self.heart.poll_timeout();
        let next = planned.unwrap_or(Moment::NEVER).min(timeout.unwrap_or(Moment::NEVER));
        if next > end && self.exchanges.is_empty() {
            return Ok(false);
        }
        self.now = self.now.max(next);
        if timeout.is_some_and(|timeout| timeout <= self.now) {
            self.shadow.pass_time(self.now);
            self.heart.handle_timeout(self.now);
            self.obey();
            if self.heart.poll_timeout().is_some_and(|next| next <= self.now) {
                return Err("the heart asks for the same moment again".to_owned());
            }
        } else if let Some((_, happening)) = self.agenda.pop_first() {
            self.happen(happening, end)?;
        }
        self.obey();
        self.wake();
        self.rules()?;
        Ok(true)
    }

    fn happen(&mut self, happening: Happening, end: Moment) -> Result<(), String> {
        match happening {
            Happening::Arrive => self.arrive(end),
            Happening::Outcome {
                request,
                attempt,
                outcome,
            } => self.outcome(request, attempt, outcome),
            Happening::End { request } | Happening::Gone { request } => {
                self.exchanges.remove(&request);
                Ok(())
            }
            Happening::QueueTimeout { request } => {
                let waiting = |exchange: &Exchange| matches!(exchange.stage, Stage::Waiting(_));
                if self.exchanges.get(&request).is_some_and(waiting) {
                    self.exchanges.remove(&request);
                    self.tally.timed_out += 1;
                }
                Ok(())
            }
            Happening::HomeTimeout { request } => {
                let at_home = |exchange: &Exchange| matches!(exchange.stage, Stage::AtHome(_));
                if self.exchanges.get(&request).is_some_and(at_home) {
                    return self.leave_home(request);
                }
                Ok(())
            }
            Happening::Verdict {
                backend,
                probe,
                verdict,
            } => {
                self.shadow.probed(backend, probe, &verdict);
                self.tell(Event::Probed {
                    backend,
                    probe,
                    verdict,
                });
                Ok(())
            }
            Happening::Called { request, home } => self.at_the_door(request, home),
            Happening::Fault => {
                self.fault();
                Ok(())
            }
            Happening::Traffic => {
                self.tell(Event::Traffic);
                Ok(())
            }
        }
    }

    pub(crate) fn tell(&mut self, event: Event) {
        self.heart.handle(event, self.now);
        self.obey();
    }

    /// Does what the heart wants: probes run, some get lost, some answer twice.
    pub(crate) fn obey(&mut self) {
        while let Some(command) = self.heart.poll_command() {
            match command {
                Command::Probe {
                    backend,
                    probe,
                    address,
                    check,
                    name: _,
                } => {
                    self.shadow.probing(backend, probe, &check, self.now);
                    self.probe(backend, probe, &address, &check);
                }
                Command::Changed(_) => self.tally.changes += 1,
            }
        }
        if self.alarm.swap(false, Ordering::SeqCst) {
            let pause = Duration::from_micros(self.dice.below(5000) as u64);
            self.after(pause, Happening::Traffic);
        }
    }

    fn probe(&mut self, backend: BackendId, probe: ProbeId, address: &BackendAddress, check: &Check) {
        let (verdict, took) = self.mode(address).probe(&mut self.dice, check.timeout, self.now);
        let wild = self.now < Moment::ZERO + WILD;
        if wild && self.dice.chance(0.01) {
            return;
        }
        let happening = Happening::Verdict {
            backend,
            probe,
            verdict,
        };
        if wild && self.dice.chance(0.01) {
            self.after(took + Duration::from_secs(3), happening.clone());
        }
        self.after(took, happening);
    }

    pub(crate) fn mode(&self, address: &BackendAddress) -> Mode {
        self.modes.get(address).copied().unwrap_or(Mode::Fine)
    }

    fn arrive(&mut self, end: Moment) -> Result<(), String> {
        let pause = Duration::from_secs_f64(self.dice.exponential(1.0 / self.rate));
        if self.now + pause < end {
            self.after(pause, Happening::Arrive);
        }
        self.next += 1;
        let request = self.next;
        self.tally.requests += 1;
        let (client, wish) = self.client();
        let exchange = Exchange {
            client,
            wish,
            worker: self.dice.below(self.workers.len()),
            hash: self.dice.bits(),
            attempt: 0,
            tried: Vec::new(),
            turn: 0,
            called: 0,
            lined: 0,
            stage: Stage::Over,
        };
        self.exchanges.insert(request, exchange);
        if self.dice.chance(0.02) {
            let pause = Duration::from_millis(self.dice.below(500) as u64);
            self.after(pause, Happening::Gone { request });
        }
        self.choose(request, false)
    }

    pub(crate) fn choose(&mut self, request: u64, first_in_line: bool) -> Result<(), String> {
        let view = self.heart.view();
        let Some(exchange) = self.exchanges.get_mut(&request) else {
            return Ok(());
        };
        let worker = &mut self.workers[exchange.worker];
        if worker.view().generation != view.generation {
            worker.update(Arc::clone(&view));
        }
        let first_at_home = matches!(exchange.stage, Stage::AtHome(_));
        let wanted = Request {
            hash: exchange.hash,
            avoid: &exchange.tried,
            first_in_line,
            wish: exchange.wish,
            first_at_home,
        };
        let others_wait = self.shared.gate.waiting() > 0;
        // At home only those are passed who could not have gone there.
        let passes = |permit: &Permit| {
            let member = &view.members[permit.index()];
            let own = permit.stay() == Stay::Home && (first_at_home || !member.candidate || member.cap == u32::MAX);
            others_wait && !first_in_line && !own
        };
        match worker.choose(&wanted, self.now) {
            Choice::Go(permit) if passes(&permit) => Err("a newcomer passed those who wait".to_owned()),
            Choice::Go(permit) if !view.members[permit.index()].candidate => self.go(request, permit),
            Choice::Go(permit) => self.in_turn(request).and_then(|()| self.go(request, permit)),
            Choice::Full => self.wait(request),
            Choice::HomeFull(line) => self.wait_at_home(request, line),
            Choice::Nothing => {
                if !view.candidates.is_empty() {
                    return Err("nothing chosen though there are candidates".to_owned());
                }
                self.exchanges.remove(&request);
                self.tally.nothing += 1;
                Ok(())
            }
        }
    }

    fn go(&mut self, request: u64, permit: Permit) -> Result<(), String> {
        let view = self.heart.view();
        let member = &view.members[permit.index()];
        if member.id != permit.id() {
            return Err("the permit's index is another's".to_owned());
        }
        if member.load.in_flight() > member.cap {
            return Err(format!("{} is above its cap of {}", member.name, member.cap));
        }
        let own = permit.stay() == Stay::Home && self.keeps(member);
        if !own && !self.shadow.may(member, &view) {
            return Err(format!(
                "{} got traffic that it may not have: {}",
                member.name, member.why
            ));
        }
        let well = Moment::ZERO + WILD + CALM.saturating_sub(WELL);
        if self.now >= well {
            *self.served.entry(permit.id()).or_default() += 1;
        }
        let mode = self.mode(&member.address);
        let (outcome, took) = mode.serve(&mut self.dice, RESPONSE_TIMEOUT, self.now);
        if let Some(exchange) = self.exchanges.get(&request) {
            self.belongs(exchange, &permit, &view)?;
            self.remember(exchange.client, &permit, &view);
        }
        let Some(exchange) = self.exchanges.get_mut(&request) else {
            return Ok(());
        };
        exchange.attempt += 1;
        exchange.tried.push(permit.id());
        let attempt = exchange.attempt;
        let stay = permit.stay();
        self.tally.at_home += u64::from(stay == Stay::Home);
        self.tally.away += u64::from(stay == Stay::Away);
        match std::mem::replace(&mut exchange.stage, Stage::Over) {
            Stage::Waiting(ticket) => ticket.took(&permit),
            Stage::AtHome(home) => home.took(&permit),
            Stage::Sent(_) | Stage::Over => {}
        }
        exchange.stage = Stage::Sent(permit);
        self.after(
            took,
            Happening::Outcome {
                request,
                attempt,
                outcome,
            },
        );
        Ok(())
    }

    fn outcome(&mut self, request: u64, attempt: u32, outcome: Result<(), Failure>) -> Result<(), String> {
        let view = self.heart.view();
        let Some(exchange) = self.exchanges.get_mut(&request) else {
            return Ok(());
        };
        let Stage::Sent(permit) = &mut exchange.stage else {
            return Ok(());
        };
        if exchange.attempt != attempt {
            return Ok(());
        }
        let crashed = view
            .member(permit.id())
            .is_some_and(|member| self.modes.get(&member.address) == Some(&Mode::Crashed));
        let outcome = if crashed {
            outcome.and(Err(Failure::Reset))
        } else {
            outcome
        };
        match outcome {
            Ok(()) => {
                permit.answered(self.now);
                self.tally.answered += 1;
                let body = Duration::from_secs_f64(self.dice.exponential(0.005));
                self.after(body, Happening::End { request });
                Ok(())
            }
            Err(failure) => {
                permit.failed(failure, self.now);
                exchange.stage = Stage::Over;
                let again = attempt <= view.retry.attempts && self.workers[exchange.worker].may_retry(self.now);
                if again {
                    return self.choose(request, false);
                }
                self.exchanges.remove(&request);
                self.tally.failed += 1;
                Ok(())
            }
        }
    }
}
