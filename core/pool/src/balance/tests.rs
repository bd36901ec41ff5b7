use crate::{BackendId, Choice, Chooser, Failure, Heart, Permit, Request, View};
use evenkeel_model::{Backend, BackendAddress, Balance, HashKey, Moment, Pool};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

fn address(number: u32) -> BackendAddress {
    BackendAddress::Tcp((std::net::Ipv4Addr::from(0x0a00_0000 + number), 80).into())
}

/// Unchecked backends of these weights.
fn pool(balance: Balance, weights: &[u32]) -> Pool {
    let backend = |(number, weight): (u32, &u32)| Backend {
        weight: *weight,
        ..Backend::new(address(number))
    };
    let mut pool = Pool::new("web", (1..).zip(weights).map(backend).collect());
    pool.check = None;
    pool.balance = balance;
    pool
}

fn view(pool: &Pool) -> Arc<View> {
    Heart::new(pool, None, 1, Moment::ZERO).view()
}

fn at(micros: u64) -> Moment {
    Moment::ZERO + Duration::from_micros(micros)
}

fn go(chooser: &mut Chooser, request: &Request<'_>, now: Moment) -> Permit {
    match chooser.choose(request, now) {
        Choice::Go(permit) => permit,
        other => panic!("{other:?}"),
    }
}

fn pick(chooser: &mut Chooser, now: Moment) -> Permit {
    go(chooser, &Request::default(), now)
}

fn hash(bounded: Option<f64>) -> Balance {
    Balance::Hash {
        on: HashKey::Source,
        bounded,
    }
}

fn everything() -> [Balance; 7] {
    [
        Balance::LeastLatency,
        Balance::RoundRobin,
        Balance::LeastConnections,
        Balance::Random,
        hash(None),
        hash(Some(1.25)),
        Balance::First,
    ]
}

/// Requests that come and go at once; how often each is chosen.
fn counts(chooser: &mut Chooser, requests: u64) -> Vec<u64> {
    let mut counts = vec![0; chooser.view().members.len()];
    for number in 0..requests {
        let request = Request {
            hash: number,
            ..Request::default()
        };
        let mut permit = go(chooser, &request, at(number * 100));
        permit.answered(at(number * 100 + 50));
        counts[permit.index()] += 1;
    }
    counts
}

#[test]
fn round_robin_is_exact_and_smooth_whatever_the_weights_and_the_seed() {
    for (seed, weights) in [
        (1, vec![5, 1, 1]),
        (2, vec![1, 1, 1, 1]),
        (3, vec![7, 3, 2, 11]),
        (4, vec![1000, 1]),
    ] {
        let mut chooser = Chooser::new(view(&pool(Balance::RoundRobin, &weights)), seed);
        let total: u32 = weights.iter().sum();
        let rounds = 5;
        let mut served = vec![0u32; weights.len()];
        for turn in 1..=total * rounds {
            let permit = pick(&mut chooser, at(0));
            served[permit.index()] += 1;
            for (served, weight) in served.iter().zip(&weights) {
                let fair = f64::from(turn * weight) / f64::from(total);
                // Two, because the seed began in the middle of a round.
                assert!(
                    (f64::from(*served) - fair).abs() <= 2.0,
                    "{weights:?} turn {turn}: {served} of {fair}"
                );
            }
        }
        let exact: Vec<u32> = weights.iter().map(|weight| weight * rounds).collect();
        assert_eq!(served, exact);
    }
}

#[test]
fn round_robin_spreads_the_turns_of_the_light_ones() {
    let mut chooser = Chooser::new(view(&pool(Balance::RoundRobin, &[5, 1, 1])), 0);
    let order: Vec<usize> = (0..14).map(|_| pick(&mut chooser, at(0)).index()).collect();
    assert!(order.windows(2).all(|two| two[0] == 0 || two[1] == 0), "{order:?}");
}

#[test]
fn workers_with_other_seeds_begin_elsewhere() {
    let view = view(&pool(Balance::RoundRobin, &[1; 10]));
    let first = |seed| pick(&mut Chooser::new(Arc::clone(&view), seed), at(0)).index();
    let firsts: std::collections::BTreeSet<usize> = (0..50).map(first).collect();
    assert!(firsts.len() >= 8, "{firsts:?}");
}

#[test]
fn least_connections_keeps_what_is_in_flight_in_proportion() {
    let mut chooser = Chooser::new(view(&pool(Balance::LeastConnections, &[1, 2, 5])), 1);
    let permits: Vec<Permit> = (0..80).map(|_| pick(&mut chooser, at(0))).collect();
    let held = |index| permits.iter().filter(|permit| permit.index() == index).count();
    for (index, fair) in [(0, 10), (1, 20), (2, 50)] {
        assert!(held(index).abs_diff(fair) <= 1, "{index}: {}", held(index));
    }
}

#[test]
fn random_of_two_is_far_better_than_random() {
    let mut chooser = Chooser::new(view(&pool(Balance::Random, &[1; 50])), 1);
    let permits: Vec<Permit> = (0..5000).map(|_| pick(&mut chooser, at(0))).collect();
    let mut held = [0u32; 50];
    permits.iter().for_each(|permit| held[permit.index()] += 1);
    let most = held.iter().max().unwrap();
    // Throwing dice alone would reach about 100 + 2.5 x 10.
    assert!(*most <= 106, "{held:?}");
    assert!(held.iter().all(|held| *held >= 90), "{held:?}");
}

#[test]
fn first_fills_in_the_order_of_the_file() {
    let mut pool = pool(Balance::First, &[1, 1, 1]);
    pool.max_connections = Some(2);
    let mut chooser = Chooser::new(view(&pool), 1);
    let permits: Vec<Permit> = (0..6).map(|_| pick(&mut chooser, at(0))).collect();
    let order: Vec<usize> = permits.iter().map(Permit::index).collect();
    assert_eq!(order, [0, 0, 1, 1, 2, 2]);
    assert!(matches!(chooser.choose(&Request::default(), at(0)), Choice::Full));
}

/// Where each of 20,000 keys goes, by address.
fn owners(pool: &Pool) -> Vec<BackendAddress> {
    let mut chooser = Chooser::new(view(pool), 1);
    let owner = |hash| {
        let request = Request {
            hash,
            ..Request::default()
        };
        let permit = go(&mut chooser, &request, at(0));
        chooser.view().members[permit.index()].address.clone()
    };
    (0..20_000).map(owner).collect()
}

#[test]
fn hash_spreads_by_weight() {
    let mut shares: HashMap<BackendAddress, f64> = HashMap::new();
    for owner in owners(&pool(hash(None), &[1, 1, 2, 4])) {
        *shares.entry(owner).or_default() += 1.0 / 20_000.0;
    }
    for (number, fair) in [(1, 0.125), (2, 0.125), (3, 0.25), (4, 0.5)] {
        let share = shares[&address(number)];
        assert!((share / fair - 1.0).abs() < 0.25, "{number}: {share} of {fair}");
    }
}

#[test]
fn hash_moves_only_the_keys_of_who_comes_or_goes() {
    for count in [3usize, 10, 40] {
        let before = owners(&pool(hash(None), &vec![1; count]));
        let after = owners(&pool(hash(None), &vec![1; count + 1]));
        let newcomer = address(count as u32 + 1);
        let moved: Vec<_> = before.iter().zip(&after).filter(|(old, new)| old != new).collect();
        assert!(
            moved.iter().all(|(_, new)| **new == newcomer),
            "only towards the newcomer"
        );
        let share = moved.len() as f64 / before.len() as f64;
        let fair = 1.0 / (count as f64 + 1.0);
        assert!(share > 0.5 * fair && share < 1.5 * fair, "{count}: {share} of {fair}");
    }
}

#[test]
fn hash_leaves_keys_of_others_alone_while_one_is_drained() {
    let pool = pool(hash(None), &[1; 8]);
    let before = owners(&pool);
    let mut drained = pool;
    drained.backends[3].state = evenkeel_model::AdminState::Drain;
    let after = owners(&drained);
    let gone = address(4);
    for (old, new) in before.iter().zip(&after) {
        assert!(*new != gone);
        assert!(old == new || *old == gone);
    }
}

#[test]
fn bounded_hash_never_exceeds_its_bound() {
    let mut chooser = Chooser::new(view(&pool(hash(Some(1.25)), &[1, 1, 1, 2])), 1);
    let mut permits = Vec::new();
    let mut held = [0u32; 4];
    // One key only: all of it would go to one backend.
    for all in 1..=200u32 {
        let permit = pick(&mut chooser, at(0));
        held[permit.index()] += 1;
        permits.push(permit);
        for (held, weight) in held.iter().zip([1.0, 1.0, 1.0, 2.0]) {
            let bound = (1.25 * f64::from(all) * weight / 5.0).ceil();
            assert!(f64::from(*held) <= bound, "{held} of {bound}");
        }
    }
}

#[test]
fn hash_of_the_same_key_stays() {
    let mut chooser = Chooser::new(view(&pool(hash(Some(2.0)), &[1; 5])), 1);
    let first = pick(&mut chooser, at(0)).index();
    assert!((0..100).all(|_| pick(&mut chooser, at(0)).index() == first));
}

#[test]
fn every_algorithm_obeys_caps_and_the_list_of_those_tried() {
    for balance in everything() {
        let mut pool = pool(balance.clone(), &[1, 3, 2]);
        pool.max_connections = Some(3);
        let mut chooser = Chooser::new(view(&pool), 5);
        let mut permits = Vec::new();
        for hash in 0..9 {
            let request = Request {
                hash,
                ..Request::default()
            };
            permits.push(go(&mut chooser, &request, at(0)));
        }
        assert!(
            matches!(chooser.choose(&Request::default(), at(0)), Choice::Full),
            "{balance:?}"
        );
        permits.retain(|permit| permit.index() != 0);
        let tried = [BackendId(0)];
        let request = Request {
            avoid: &tried,
            ..Request::default()
        };
        assert_eq!(
            go(&mut chooser, &request, at(0)).index(),
            0,
            "{balance:?}: the others are full"
        );
        permits.clear();
        let both = [BackendId(0), BackendId(2)];
        for hash in 0..20 {
            let request = Request {
                hash,
                avoid: &both,
                ..Request::default()
            };
            assert_eq!(go(&mut chooser, &request, at(0)).index(), 1, "{balance:?}");
        }
    }
}

#[test]
fn every_algorithm_works_on_pools_of_any_size() {
    for balance in everything() {
        for count in [1, 2, 64, 65, 300] {
            let mut pool = pool(balance.clone(), &vec![1; count]);
            pool.max_connections = Some(1);
            let mut chooser = Chooser::new(view(&pool), 5);
            let permits: Vec<Permit> = (0..count).map(|_| pick(&mut chooser, at(0))).collect();
            let taken: std::collections::BTreeSet<usize> = permits.iter().map(Permit::index).collect();
            assert_eq!(taken.len(), count, "{balance:?}: every place is found");
            assert!(matches!(chooser.choose(&Request::default(), at(0)), Choice::Full));
        }
    }
}

#[test]
fn equal_backends_share_equally() {
    for balance in [
        Balance::LeastLatency,
        Balance::LeastConnections,
        Balance::Random,
        Balance::RoundRobin,
    ] {
        let counts = counts(&mut Chooser::new(view(&pool(balance.clone(), &[1; 5])), 3), 10_000);
        assert!(
            counts.iter().all(|count| (1700..=2300).contains(count)),
            "{balance:?}: {counts:?}"
        );
    }
}

#[test]
fn weights_count_even_where_nobody_waits() {
    for balance in [Balance::LeastLatency, Balance::LeastConnections] {
        let counts = counts(&mut Chooser::new(view(&pool(balance.clone(), &[1, 4])), 3), 10_000);
        assert!((500..=2500).contains(&counts[0]), "{balance:?}: {counts:?}");
    }
}

/// Sends requests a millisecond apart; each backend answers after its own time, at once or never.
fn drive(chooser: &mut Chooser, from: u64, requests: u64, answers_after: &[Option<u64>]) -> Vec<u64> {
    let mut counts = vec![0; answers_after.len()];
    let mut open: Vec<(u64, Permit)> = Vec::new();
    for number in 0..requests {
        let now = from + number * 1000;
        let mut later = Vec::new();
        for (due, mut permit) in open {
            if due <= now {
                permit.answered(at(due));
            } else {
                later.push((due, permit));
            }
        }
        open = later;
        let permit = pick(chooser, at(now));
        counts[permit.index()] += 1;
        open.push((
            answers_after[permit.index()].map_or(u64::MAX, |after| now + after),
            permit,
        ));
    }
    counts
}

#[test]
fn least_latency_shuns_the_slow_and_does_not_forget_them() {
    let mut chooser = Chooser::new(view(&pool(Balance::LeastLatency, &[1; 4])), 3);
    let counts = drive(
        &mut chooser,
        0,
        60_000,
        &[Some(3000), Some(3000), Some(3000), Some(12_000)],
    );
    assert!(counts[3] >= 20, "tried about every two seconds: {counts:?}");
    assert!(counts[3] < 300, "less than half a percent: {counts:?}");
}

#[test]
fn least_latency_shuns_one_that_hangs_at_once() {
    let mut chooser = Chooser::new(view(&pool(Balance::LeastLatency, &[1; 4])), 3);
    drive(&mut chooser, 0, 5000, &[Some(3000); 4]);
    let counts = drive(
        &mut chooser,
        5_000_000,
        1000,
        &[Some(3000), Some(3000), Some(3000), None],
    );
    assert!(counts[3] <= 6, "{counts:?}");
}

#[test]
fn least_latency_brings_back_one_that_became_fast() {
    let mut chooser = Chooser::new(view(&pool(Balance::LeastLatency, &[1; 4])), 3);
    drive(
        &mut chooser,
        0,
        20_000,
        &[Some(3000), Some(3000), Some(3000), Some(12_000)],
    );
    drive(&mut chooser, 20_000_000, 40_000, &[Some(3000); 4]);
    let counts = drive(&mut chooser, 60_000_000, 10_000, &[Some(3000); 4]);
    assert!(counts[3] >= 1500, "{counts:?}");
}

#[test]
fn least_latency_is_not_drawn_to_one_that_fails_fast() {
    let mut chooser = Chooser::new(view(&pool(Balance::LeastLatency, &[1; 4])), 3);
    drive(&mut chooser, 0, 5000, &[Some(3000); 4]);
    let mut failed = 0;
    let mut permits = Vec::new();
    for number in 0..2000 {
        let now = at(5_000_000 + number * 1000);
        let mut permit = pick(&mut chooser, now);
        if permit.index() == 2 {
            permit.failed(Failure::Connect, now);
            failed += 1;
        } else {
            permits.push(permit);
        }
        if permits.len() > 6 {
            permits.remove(0).answered(now);
        }
    }
    assert!(failed <= 20, "{failed} of 2000");
}

#[test]
fn least_latency_gives_a_newcomer_one_request_until_it_answers() {
    let mut pool = pool(Balance::LeastLatency, &[1; 3]);
    let mut heart = Heart::new(&pool, None, 1, Moment::ZERO);
    let mut chooser = Chooser::new(heart.view(), 3);
    drive(&mut chooser, 0, 2000, &[Some(5000); 3]);
    pool.backends.push(Backend::new(address(9)));
    heart.handle(crate::Event::Configure(pool), at(2_000_000));
    chooser.update(heart.view());
    let counts = drive(&mut chooser, 2_000_000, 50, &[Some(5000), Some(5000), Some(5000), None]);
    assert_eq!(counts[3], 1, "{counts:?}");
}
