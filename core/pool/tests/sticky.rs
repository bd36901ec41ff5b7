//! Who stays where when backends come, go, drain, die and return.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use evenkeel_model::{AdminState, Backend, BackendAddress, Check, Moment, Pool, Sticky};
use evenkeel_pool::{
    BackendId, Choice, Chooser, Command, Event, Heart, HomeLine, Order, Permit, Request, Stay, Verdict, Wish,
};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

const CLIENTS: u64 = 4000;

fn address(number: u8) -> BackendAddress {
    BackendAddress::Tcp(([10, 0, 0, number], 80).into())
}

fn backends(numbers: impl Iterator<Item = u8>) -> Vec<Backend> {
    numbers.map(|number| Backend::new(address(number))).collect()
}

fn unchecked(count: u8, sticky: Sticky) -> Pool {
    let mut pool = Pool::new("web", backends(1..=count));
    pool.check = None;
    pool.sticky = Some(sticky);
    pool
}

fn cookie() -> Sticky {
    Sticky::Cookie {
        name: None,
        duration: None,
        secret_file: None,
    }
}

/// A heart and one worker.
struct House {
    heart: Heart,
    chooser: Chooser,
    now: Moment,
}

impl House {
    fn new(pool: &Pool) -> House {
        let heart = Heart::new(pool, None, 1, Moment::ZERO);
        let chooser = Chooser::new(heart.view(), 7);
        House {
            heart,
            chooser,
            now: Moment::ZERO,
        }
    }

    fn handle(&mut self, event: Event) {
        self.heart.handle(event, self.now);
        self.chooser.update(self.heart.view());
    }

    fn id(&self, number: u8) -> BackendId {
        let view = self.heart.view();
        view.members
            .iter()
            .find(|member| member.address == address(number))
            .unwrap()
            .id
    }

    fn state(&mut self, number: u8, state: AdminState) {
        let backend = self.id(number);
        self.handle(Event::Operator {
            backend,
            order: Order::State(state),
        });
    }

    /// Answers probes until nothing changes any more.
    fn probe(&mut self, alive: impl Fn(u8) -> bool, seconds: u64) {
        let until = self.now + Duration::from_secs(seconds);
        loop {
            while let Some(command) = self.heart.poll_command() {
                let Command::Probe {
                    backend,
                    probe,
                    address,
                    ..
                } = command
                else {
                    continue;
                };
                let BackendAddress::Tcp(address) = address else {
                    panic!()
                };
                let std::net::IpAddr::V4(ip) = address.ip() else {
                    panic!()
                };
                let verdict = if alive(ip.octets()[3]) {
                    Verdict::Pass { took: Duration::ZERO }
                } else {
                    Verdict::Fail { reason: "dead".into() }
                };
                self.heart.handle(
                    Event::Probed {
                        backend,
                        probe,
                        verdict,
                    },
                    self.now,
                );
            }
            match self.heart.poll_timeout() {
                Some(next) if next <= until => self.now = self.now.max(next),
                Some(_) | None => break,
            }
            self.heart.handle_timeout(self.now);
        }
        self.now = until;
        self.chooser.update(self.heart.view());
    }

    fn choose(&mut self, wish: Wish) -> Choice {
        let request = Request {
            wish,
            ..Request::default()
        };
        self.chooser.choose(&request, self.now)
    }

    fn go(&mut self, wish: Wish) -> Permit {
        match self.choose(wish) {
            Choice::Go(permit) => permit,
            other => panic!("{other:?}"),
        }
    }

    fn number(&self, id: BackendId) -> u8 {
        let view = self.heart.view();
        let BackendAddress::Tcp(address) = &view.member(id).unwrap().address else {
            panic!()
        };
        let std::net::IpAddr::V4(ip) = address.ip() else {
            panic!()
        };
        ip.octets()[3]
    }

    /// Where each of many clients goes, by key.
    fn everybody(&mut self) -> Vec<u8> {
        (0..CLIENTS)
            .map(|key| {
                let permit = self.go(Wish::Key(key));
                self.number(permit.id())
            })
            .collect()
    }
}

fn moved(before: &[u8], after: &[u8]) -> usize {
    before
        .iter()
        .zip(after)
        .filter(|(before, after)| before != after)
        .count()
}

fn shares(places: &[u8]) -> HashMap<u8, usize> {
    let mut shares = HashMap::new();
    for place in places {
        *shares.entry(*place).or_default() += 1;
    }
    shares
}

#[test]
fn a_newcomer_moves_nobody_who_is_remembered() {
    let mut pool = unchecked(4, Sticky::Source);
    let mut house = House::new(&pool);
    let before = house.everybody();
    pool.backends.push(Backend::new(address(5)));
    house.handle(Event::Configure(pool));
    assert_eq!(moved(&before, &house.everybody()), 0);
    // New ones are spread over all five.
    let fresh: Vec<u8> = (CLIENTS..2 * CLIENTS)
        .map(|key| {
            let permit = house.go(Wish::Key(key));
            assert_eq!(permit.stay(), Stay::New);
            house.number(permit.id())
        })
        .collect();
    let share = shares(&fresh)[&5];
    assert!((700..900).contains(&share), "{share}");
}

#[test]
fn without_a_memory_a_newcomer_moves_only_its_share() {
    // As with a cookie whose home left for good, or after a restart: nothing but the key.
    let mut pool = unchecked(4, cookie());
    let mut house = House::new(&pool);
    let before = house.everybody();
    pool.backends.push(Backend::new(address(5)));
    house.handle(Event::Configure(pool));
    let after = house.everybody();
    let to_others = before
        .iter()
        .zip(&after)
        .filter(|(before, after)| before != after && **after != 5)
        .count();
    assert_eq!(to_others, 0);
    let share = moved(&before, &after);
    assert!((700..900).contains(&share), "{share}");
}

#[test]
fn every_worker_balancer_and_restart_draws_the_same() {
    let pool = unchecked(6, Sticky::Header("x-session".into()));
    let mut turned = pool.clone();
    turned.backends.reverse();
    let one = House::new(&pool).everybody();
    let other = House::new(&turned).everybody();
    assert_eq!(moved(&one, &other), 0);
}

#[test]
fn keys_are_drawn_by_weight() {
    let mut pool = unchecked(3, Sticky::Source);
    pool.backends[0].weight = 2;
    pool.backends[1].weight = 0;
    pool.backends[2].weight = 6;
    let mut house = House::new(&pool);
    let shares = shares(&house.everybody());
    assert_eq!(shares.get(&2), None);
    assert!((900..1100).contains(&shares[&1]), "{shares:?}");
}

#[test]
fn a_warming_backend_draws_less() {
    let mut pool = unchecked(2, Sticky::Source);
    pool.check = Some(Check::default());
    pool.warmup = Duration::from_secs(100);
    let mut house = House::new(&pool);
    house.probe(|number| number == 1, 1);
    house.probe(|number| number == 1, 200);
    house.probe(|_| true, 10);
    assert!(house.heart.view().members[1].usable);
    let shares = shares(&house.everybody());
    assert!(shares[&2] > 0 && shares[&2] < CLIENTS as usize / 4, "{shares:?}");
}

#[test]
fn a_drained_backend_keeps_its_own_and_gets_nobody_new() {
    let mut house = House::new(&unchecked(3, Sticky::Source));
    let before = house.everybody();
    house.state(2, AdminState::Drain);
    assert_eq!(moved(&before, &house.everybody()), 0);
    for key in CLIENTS..2 * CLIENTS {
        let permit = house.go(Wish::Key(key));
        assert_ne!(house.number(permit.id()), 2);
    }
    for _ in 0..100 {
        let permit = house.go(Wish::None);
        assert_ne!(house.number(permit.id()), 2);
    }
}

#[test]
fn a_pool_of_drained_backends_serves_its_own_and_nobody_else() {
    let mut house = House::new(&unchecked(2, cookie()));
    house.state(1, AdminState::Drain);
    house.state(2, AdminState::Drain);
    let home = Wish::Home {
        backend: house.id(2),
        key: 5,
    };
    let permit = house.go(home);
    assert_eq!((house.number(permit.id()), permit.stay()), (2, Stay::Home));
    assert!(matches!(house.choose(Wish::None), Choice::Nothing));
    assert!(matches!(house.choose(Wish::Key(5)), Choice::Nothing));
}

#[test]
fn a_dead_one_loses_its_clients_to_one_each_and_gets_them_back() {
    let mut pool = unchecked(4, Sticky::Source);
    pool.check = Some(Check::default());
    let mut house = House::new(&pool);
    house.probe(|_| true, 10);
    let before = house.everybody();
    house.probe(|number| number != 3, 60);
    let meanwhile = house.everybody();
    for (before, meanwhile) in before.iter().zip(&meanwhile) {
        assert_ne!(*meanwhile, 3);
        assert!(*before == 3 || before == meanwhile);
    }
    assert_eq!(shares(&meanwhile).len(), 3, "its clients are spread over the others");
    assert_eq!(
        moved(&meanwhile, &house.everybody()),
        0,
        "each stays at one while its home is away"
    );
    house.probe(|_| true, 60);
    assert_eq!(moved(&before, &house.everybody()), 0);
}

#[test]
fn maintenance_sends_clients_away_until_its_end() {
    let mut house = House::new(&unchecked(3, cookie()));
    let wish = Wish::Home {
        backend: house.id(1),
        key: 77,
    };
    house.state(1, AdminState::Maintain);
    let permit = house.go(wish);
    assert_ne!(house.number(permit.id()), 1);
    assert_eq!(permit.stay(), Stay::Away);
    house.state(1, AdminState::Ready);
    let permit = house.go(wish);
    assert_eq!((house.number(permit.id()), permit.stay()), (1, Stay::Home));
}

#[test]
fn one_that_left_for_good_is_home_to_nobody() {
    for sticky in [Sticky::Source, cookie()] {
        let mut pool = unchecked(3, sticky);
        let mut house = House::new(&pool);
        let gone = house.id(1);
        // It still has a request, so it is a member that leaves.
        let held = house.go(Wish::Home { backend: gone, key: 0 });
        let before = house.everybody();
        pool.backends.remove(0);
        house.handle(Event::Configure(pool));
        let after = house.everybody();
        assert!(after.iter().all(|place| *place != 1));
        assert!(
            before
                .iter()
                .zip(&after)
                .all(|(before, after)| *before == 1 || before == after)
        );
        let permit = house.go(Wish::Home { backend: gone, key: 9 });
        assert_eq!(permit.stay(), Stay::New);
        drop(held);
    }
}

#[test]
fn a_retry_goes_elsewhere_and_the_home_stays_home() {
    let mut house = House::new(&unchecked(3, Sticky::Source));
    let home = house.go(Wish::Key(4)).id();
    let request = Request {
        wish: Wish::Key(4),
        avoid: &[home],
        ..Request::default()
    };
    let Choice::Go(permit) = house.chooser.choose(&request, house.now) else {
        panic!()
    };
    assert_ne!(permit.id(), home);
    assert_eq!(permit.stay(), Stay::Away);
    assert_eq!(house.go(Wish::Key(4)).id(), home);
}

#[test]
fn backups_are_used_when_nobody_else_is_left_and_keep_who_belongs_to_them() {
    let mut pool = unchecked(3, cookie());
    pool.backends[2].backup = true;
    let mut house = House::new(&pool);
    assert!(house.everybody().iter().all(|place| *place != 3));
    house.state(1, AdminState::Maintain);
    house.state(2, AdminState::Maintain);
    assert!(house.everybody().iter().all(|place| *place == 3));
    house.state(1, AdminState::Ready);
    let wish = Wish::Home {
        backend: house.id(3),
        key: 1,
    };
    let permit = house.go(wish);
    assert_eq!(house.number(permit.id()), 3);
}

#[test]
fn an_ejected_home_is_away() {
    let mut house = House::new(&unchecked(4, cookie()));
    let home = house.id(2);
    let wish = Wish::Home { backend: home, key: 1 };
    for _ in 0..50 {
        let mut permit = house.go(wish);
        permit.failed(evenkeel_pool::Failure::Reset, house.now);
    }
    house.handle(Event::Traffic);
    assert!(house.heart.view().member(home).unwrap().ejected);
    assert_eq!(house.go(wish).stay(), Stay::Away);
    // The operator's drain changes nothing of that.
    house.state(2, AdminState::Drain);
    assert_eq!(house.go(wish).stay(), Stay::Away);
}

/// Wakers that count.
#[derive(Default)]
struct Bell(Arc<AtomicU32>);

impl Bell {
    fn waker(&self) -> Box<dyn FnOnce() + Send> {
        let rung = Arc::clone(&self.0);
        Box::new(move || {
            rung.fetch_add(1, Ordering::SeqCst);
        })
    }

    fn rung(&self) -> u32 {
        self.0.swap(0, Ordering::SeqCst)
    }
}

fn full(choice: Choice) -> HomeLine {
    match choice {
        Choice::HomeFull(line) => line,
        other => panic!("{other:?}"),
    }
}

fn capped() -> (House, Wish) {
    let mut pool = unchecked(2, cookie());
    pool.max_connections = Some(1);
    let house = House::new(&pool);
    let wish = Wish::Home {
        backend: house.id(1),
        key: 3,
    };
    (house, wish)
}

#[test]
fn who_finds_its_home_full_waits_there_and_is_called() {
    let (mut house, wish) = capped();
    let taken = house.go(wish);
    let line = full(house.choose(wish));
    let bell = Bell::default();
    let ticket = line.wait(bell.waker(), 10).unwrap();
    assert_eq!(
        bell.rung(),
        1,
        "the first is called at once: the place may have come free meanwhile"
    );
    line.wait_again(&ticket, bell.waker());
    assert_eq!(house.heart.view().waiting(), 1);
    // Those who may go anywhere leave it the place.
    drop(taken);
    assert_eq!(bell.rung(), 1);
    let elsewhere = house.go(Wish::None);
    assert_eq!(house.number(elsewhere.id()), 2);
    // So does another who belongs there but came later.
    full(house.choose(wish));
    let called = Request {
        wish,
        first_at_home: true,
        ..Request::default()
    };
    let Choice::Go(permit) = house.chooser.choose(&called, house.now) else {
        panic!()
    };
    assert_eq!(permit.stay(), Stay::Home);
    ticket.took(&permit);
    assert_eq!(house.heart.view().waiting(), 0);
}

#[test]
fn who_waited_too_long_goes_elsewhere_and_is_not_moved() {
    let (mut house, wish) = capped();
    let taken = house.go(wish);
    full(house.choose(wish));
    let permit = house.go(wish.elsewhere());
    assert_eq!((house.number(permit.id()), permit.stay()), (2, Stay::Away));
    assert!(matches!(house.choose(wish.elsewhere()), Choice::Full));
    drop(taken);
    assert_eq!(house.go(wish).stay(), Stay::Home);
}

#[test]
fn a_place_that_nobody_at_home_takes_is_offered_to_all() {
    let (mut house, wish) = capped();
    let (first, second) = (house.go(wish), house.go(Wish::None));
    let (home, gate) = (Bell::default(), Bell::default());
    let line = full(house.choose(wish));
    let at_home = line.wait(home.waker(), 10).unwrap();
    line.wait_again(&at_home, home.waker());
    assert!(matches!(house.choose(Wish::None), Choice::Full));
    let view = house.heart.view();
    let at_gate = view.gate.wait(gate.waker(), 10).unwrap();
    view.gate.wait_again(&at_gate, gate.waker());
    home.rung();
    gate.rung();
    drop(first);
    assert_eq!(
        (home.rung(), gate.rung()),
        (1, 1),
        "either may find that the other was quicker"
    );
    drop(at_home);
    let called = Request {
        first_in_line: true,
        ..Request::default()
    };
    let Choice::Go(permit) = house.chooser.choose(&called, house.now) else {
        panic!()
    };
    at_gate.took(&permit);
    drop(second);
}

#[test]
fn those_who_wait_for_a_backend_that_goes_are_sent_elsewhere() {
    let (mut house, wish) = capped();
    let taken = house.go(wish);
    let line = full(house.choose(wish));
    let bell = Bell::default();
    let tickets: Vec<_> = (0..3).map(|_| line.wait(bell.waker(), 10).unwrap()).collect();
    line.wait_again(&tickets[0], bell.waker());
    bell.rung();
    house.state(1, AdminState::Maintain);
    assert_eq!(bell.rung(), 3);
    let called = Request {
        wish,
        first_at_home: true,
        ..Request::default()
    };
    let Choice::Go(permit) = house.chooser.choose(&called, house.now) else {
        panic!()
    };
    assert_eq!(permit.stay(), Stay::Away);
    drop((tickets, taken));
}

#[test]
fn a_line_at_home_has_its_limit() {
    let (mut house, wish) = capped();
    let _taken = house.go(wish);
    let line = full(house.choose(wish));
    let bell = Bell::default();
    let _one = line.wait(bell.waker(), 1).unwrap();
    assert!(line.wait(bell.waker(), 1).is_err());
}

#[test]
fn a_drained_home_is_not_held_up_by_those_who_may_not_have_it() {
    let (mut house, wish) = capped();
    house.state(1, AdminState::Drain);
    let _other = house.go(Wish::None);
    assert!(matches!(house.choose(Wish::None), Choice::Full));
    let bell = Bell::default();
    let view = house.heart.view();
    let ticket = view.gate.wait(bell.waker(), 10).unwrap();
    view.gate.wait_again(&ticket, bell.waker());
    assert_eq!(house.go(wish).stay(), Stay::Home);
}

#[test]
fn a_reload_keeps_what_is_remembered_unless_clients_are_known_by_something_else() {
    let mut pool = unchecked(3, Sticky::Source);
    let mut house = House::new(&pool);
    drop(house.go(Wish::Key(1)));
    pool.retry.attempts = 1;
    house.handle(Event::Configure(pool.clone()));
    assert_eq!(house.go(Wish::Key(1)).stay(), Stay::Home);
    pool.sticky = Some(Sticky::Header("x-user".into()));
    house.handle(Event::Configure(pool));
    assert_eq!(house.go(Wish::Key(1)).stay(), Stay::New);
}
