//! What goes wrong, and who makes it go wrong.

use crate::dice::Dice;
use crate::world::{Happening, WILD, World};
use evenkeel_model::{
    AdminState, Backend, BackendAddress, Balance, Check, Eject, HashKey, Moment, Pool, Share, Sticky,
};
use evenkeel_pool::{Event, Failure, Order, Verdict};
use std::time::Duration;

/// How a backend is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Mode {
    /// Well.
    Fine,
    /// Refuses connections.
    Crashed,
    /// Accepts and says nothing until then.
    Stalled(Moment),
    /// Twenty times slower.
    Slow,
    /// Fails most requests while its checks pass.
    Erring,
    /// Serves while its checks fail.
    Misjudged,
}

impl Mode {
    /// How a request ends here, and when.
    pub(crate) fn serve(self, dice: &mut Dice, timeout: Duration, now: Moment) -> (Result<(), Failure>, Duration) {
        let work = Duration::from_secs_f64(dice.exponential(0.020));
        match self {
            Mode::Fine | Mode::Misjudged => (Ok(()), work),
            Mode::Crashed => (Err(Failure::Connect), Duration::from_micros(200)),
            Mode::Stalled(until) if until.since(now) > timeout => (Err(Failure::ResponseTimeout), timeout),
            Mode::Stalled(until) => (Ok(()), until.since(now) + work),
            Mode::Slow => (Ok(()), work * 20),
            Mode::Erring if dice.chance(0.6) => (Err(Failure::Status), work),
            Mode::Erring => (Ok(()), work),
        }
    }

    /// How a probe ends here, and when.
    pub(crate) fn probe(self, dice: &mut Dice, timeout: Duration, now: Moment) -> (Verdict, Duration) {
        let took = Duration::from_micros(200 + dice.below(3000) as u64);
        let fail = |reason: &str| Verdict::Fail {
            reason: reason.to_owned(),
        };
        match self {
            Mode::Fine | Mode::Slow | Mode::Erring => (Verdict::Pass { took }, took),
            Mode::Crashed => (fail("connection refused"), took),
            Mode::Misjudged => (fail("status 500"), took),
            Mode::Stalled(until) if until.since(now) > timeout => (fail("timed out"), timeout),
            Mode::Stalled(until) => {
                let took = until.since(now) + took;
                (Verdict::Pass { took }, took)
            }
        }
    }
}

fn address(number: u8) -> BackendAddress {
    BackendAddress::Tcp(([10, 0, 0, number], 80).into())
}

fn random_backend(dice: &mut Dice, number: u8) -> Backend {
    let mut backend = Backend::new(address(number));
    if dice.chance(0.2) {
        backend.weight = dice.below(5) as u32;
    }
    backend.backup = dice.chance(0.1);
    if dice.chance(0.05) {
        backend.state = AdminState::Drain;
    }
    if dice.chance(0.2) {
        backend.max_connections = Some(1 + dice.below(4) as u32);
    }
    backend
}

fn random_balance(dice: &mut Dice) -> Balance {
    match dice.below(8) {
        0..=2 => Balance::LeastLatency,
        3 => Balance::RoundRobin,
        4 => Balance::LeastConnections,
        5 => Balance::Random,
        6 => Balance::Hash {
            on: HashKey::Source,
            bounded: dice.chance(0.5).then_some(1.25),
        },
        _ => Balance::First,
    }
}

fn random_sticky(dice: &mut Dice) -> Option<Sticky> {
    match dice.below(6) {
        0 | 1 => Some(Sticky::Cookie {
            name: None,
            duration: None,
            secret_file: None,
        }),
        2 => Some(Sticky::Header("x-session".into())),
        3 => Some(Sticky::Source),
        _ => None,
    }
}

/// Any pool, with times short enough that much happens.
pub(crate) fn random_pool(dice: &mut Dice) -> Pool {
    let most = if dice.chance(0.05) { 90 } else { 8 };
    let count = 1 + dice.below(most) as u8;
    let mut pool = Pool::new("web", (1..=count).map(|number| random_backend(dice, number)).collect());
    pool.balance = random_balance(dice);
    pool.check = dice.chance(0.9).then(|| Check {
        every: Duration::from_millis(200 + dice.below(1800) as u64),
        timeout: Duration::from_millis(50 + dice.below(500) as u64),
        fall: 1 + dice.below(4) as u32,
        rise: 1 + dice.below(3) as u32,
        ..Check::default()
    });
    pool.eject = dice.chance(0.8).then(|| Eject {
        errors: 1 + dice.below(8) as u32,
        window: Duration::from_secs(2),
        duration: Duration::from_millis(500 + dice.below(1000) as u64),
        max: Share::percent(dice.below(101) as u32),
    });
    pool.sticky = random_sticky(dice);
    pool.max_connections = dice.chance(0.5).then(|| 1 + dice.below(8) as u32);
    pool.queue.size = dice.below(40) as u32;
    pool.queue.timeout = Duration::from_millis(100 + dice.below(2000) as u64);
    pool.retry.attempts = dice.below(4) as u32;
    pool.warmup = Duration::from_millis(if dice.chance(0.3) { 2000 } else { 0 });
    pool.panic = Share::percent(if dice.chance(0.2) { 0 } else { dice.below(101) as u32 });
    pool
}

impl World {
    /// Something goes wrong, or gets well, or somebody interferes; after the wild time everything gets well, but for
    /// a backend that stays dead.
    pub(crate) fn fault(&mut self) {
        if self.now >= Moment::ZERO + WILD {
            self.calm();
            return;
        }
        let pause = Duration::from_secs_f64(self.dice.exponential(0.4));
        self.after(pause, Happening::Fault);
        match self.dice.below(40) {
            0..=23 => self.change_mode(),
            24..=30 => self.operate(),
            31..=34 => self.reload(),
            35..=38 => self.come_or_go(),
            _ => self.restart(),
        }
    }

    fn calm(&mut self) {
        self.modes.clear();
        let view = self.heart.view();
        if view.members.len() > 2
            && self.dice.chance(0.5)
            && let Some(member) = view.members.iter().find(|member| !member.leaving)
        {
            self.modes.insert(member.address.clone(), Mode::Crashed);
        }
    }

    fn change_mode(&mut self) {
        let view = self.heart.view();
        if view.members.is_empty() {
            return;
        }
        let member = &view.members[self.dice.below(view.members.len())];
        let until = self.now + Duration::from_millis(100 + self.dice.below(3000) as u64);
        let mode = match self.dice.below(9) {
            0 => Mode::Crashed,
            1 => Mode::Stalled(until),
            2 => Mode::Slow,
            3 => Mode::Erring,
            4 => Mode::Misjudged,
            _ => Mode::Fine,
        };
        self.modes.insert(member.address.clone(), mode);
    }

    fn operate(&mut self) {
        let view = self.heart.view();
        if view.members.is_empty() {
            return;
        }
        let member = &view.members[self.dice.below(view.members.len())];
        if member.leaving {
            return;
        }
        let order = match self.dice.below(6) {
            0 => Order::State(AdminState::Drain),
            1 => Order::State(AdminState::Maintain),
            2 => Order::Weight(self.dice.below(6) as u32),
            _ => Order::State(AdminState::Ready),
        };
        match order {
            Order::State(state) => self.shadow.state(member.id, state),
            Order::Weight(weight) => {
                if let Some(shade) = self.shadow.shades.get_mut(&member.id) {
                    shade.weight = weight;
                }
            }
        }
        let backend = member.id;
        self.tell_quietly(Event::Operator { backend, order });
        self.obey();
    }

    fn reload(&mut self) {
        let mut pool = self.shadow.pool.clone();
        let fresh = random_pool(&mut self.dice);
        match self.dice.below(6) {
            5 => {
                if pool.sticky != fresh.sticky {
                    self.homes.forget_keys();
                    self.homes.forget_cookies();
                }
                pool.sticky = fresh.sticky;
            }
            0 => pool.balance = fresh.balance,
            1 => pool.check = fresh.check,
            2 => {
                pool.max_connections = fresh.max_connections;
                pool.queue = fresh.queue;
                pool.eject = fresh.eject;
            }
            3 => pool.backends = fresh.backends,
            _ => pool.panic = fresh.panic,
        }
        self.shadow.configure(&pool);
        self.tell_quietly(Event::Configure(pool.clone()));
        self.meet(&pool.backends, false);
    }

    fn come_or_go(&mut self) {
        let view = self.heart.view();
        if self.dice.chance(0.5) && view.members.len() > 1 {
            let member = &view.members[self.dice.below(view.members.len())];
            if member.leaving {
                return;
            }
            self.shadow.leave(member.id);
            self.tell_quietly(Event::Remove(member.id));
            self.obey();
            return;
        }
        let leaving = view.members.iter().find(|member| member.leaving);
        let mut spec = random_backend(&mut self.dice, self.next_address);
        match leaving {
            Some(member) => spec.address = member.address.clone(),
            None => self.next_address += 1,
        }
        self.shadow.rejoin(&spec.address, &spec);
        self.tell_quietly(Event::Add(spec.clone()));
        self.meet(&[spec], true);
    }

    /// Without looking at commands yet: the shadow must meet newcomers before their first probes.
    fn tell_quietly(&mut self, event: Event) {
        let now = self.now;
        self.heart.handle(event, now);
    }
}
