//! The promise, under schedules from dice; a failure prints the seed.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // Threads are what one test is about.

use evenkeel_model::{Moment, Rate, RateKey};
use evenkeel_rate::{KEYS, Limiter, Verdict};
use std::time::Duration;

struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

fn rate(requests: u32, per: Duration, burst: u32) -> Rate {
    Rate {
        requests,
        per,
        on: vec![RateKey::Source],
        burst,
    }
}

fn at(nanos: u64) -> Moment {
    Moment::from_nanos(nanos)
}

const SECOND: u64 = 1_000_000_000;

/// Whether `count` requests within `span` nanoseconds are within the promise.
fn is_within(rate: &Rate, count: usize, span: u64) -> bool {
    let per = rate.per.as_nanos();
    let promised = 256 * (u128::from(rate.burst) * per + u128::from(rate.requests) * u128::from(span)) + per;
    count as u128 * per * 256 <= promised
}

#[test]
fn never_more_than_the_burst_and_what_flows_in() {
    for seed in 0..300 {
        let mut dice = Dice(seed);
        let per = [1_000_000, 999_999_937, SECOND, 60 * SECOND, 86_400 * SECOND][dice.below(5) as usize];
        let most = 1_u64 << dice.below(20);
        let rate = rate(
            1 + dice.below(most) as u32,
            Duration::from_nanos(per),
            1 + dice.below(1 << (seed % 8)) as u32,
        );
        let limiter = Limiter::new(&rate, dice.next());
        let start = dice.below(1 << 50);
        // Around the pace that is allowed, in bursts and pauses.
        let pace = 2 * per / u64::from(rate.requests) + 1;
        let (mut now, mut taken) = (start, Vec::new());
        for _ in 0..400 {
            now += match dice.below(8) {
                0..4 => 0,
                4..7 => dice.below(pace),
                _ => dice.below(pace * u64::from(rate.burst)),
            };
            if limiter.ask(0, b"key", at(now)) == Verdict::Taken {
                taken.push(now);
            }
        }
        assert!(taken.len() >= 2 || rate.burst == 1, "seed {seed}");
        for (first, from) in taken.iter().enumerate() {
            for (last, to) in taken.iter().enumerate().skip(first) {
                assert!(is_within(&rate, last - first + 1, to - from), "seed {seed}: {rate:?}");
            }
        }
    }
}

#[test]
fn who_waits_as_told_is_taken_and_not_before() {
    for seed in 0..300 {
        let mut dice = Dice(seed);
        let rate = rate(
            1 + dice.below(1000) as u32,
            Duration::from_millis(1 + dice.below(100_000)),
            1 + dice.below(20) as u32,
        );
        let limiter = Limiter::new(&rate, seed);
        let mut now = dice.below(1 << 40);
        for _ in 0..100 {
            match limiter.ask(0, b"key", at(now)) {
                Verdict::Taken => now += dice.below(3),
                Verdict::Refused { after } => {
                    let wait = u64::try_from(after.as_nanos()).unwrap();
                    assert!(wait > 0, "seed {seed}");
                    // Moments are rounded to 1/256 of what one request takes.
                    let tick = u64::try_from(rate.per.as_nanos()).unwrap() / u64::from(rate.requests) / 256 + 1;
                    let early = now + wait.saturating_sub(2 * tick);
                    if early > now {
                        assert_ne!(limiter.ask(0, b"key", at(early - 1)), Verdict::Taken, "seed {seed}");
                    }
                    now += wait;
                    assert_eq!(limiter.ask(0, b"key", at(now)), Verdict::Taken, "seed {seed}");
                }
            }
        }
    }
}

#[test]
fn a_full_burst_comes_back_in_its_time() {
    let limiter = Limiter::new(&rate(10, Duration::from_secs(1), 5), 1);
    let taken = |now| {
        (0..20)
            .filter(|_| limiter.ask(0, b"a", at(now)) == Verdict::Taken)
            .count()
    };
    assert_eq!(taken(SECOND), 5);
    assert_eq!(taken(SECOND), 0);
    assert_eq!(taken(SECOND + SECOND / 10), 1);
    assert_eq!(taken(SECOND + SECOND * 4 / 10), 3);
    assert_eq!(taken(10 * SECOND), 5);
    let after = Duration::from_millis(100);
    assert_eq!(limiter.ask(0, b"a", at(10 * SECOND)), Verdict::Refused { after });
}

#[test]
fn kinds_do_not_share() {
    let limiter = Limiter::new(&rate(1, Duration::from_secs(60), 1), 9);
    for kind in [b'4', b'6', b'v'] {
        assert_eq!(limiter.ask(kind, b"\x7f\0\0\x01", at(0)), Verdict::Taken);
    }
}

#[test]
fn keys_do_not_share() {
    let limiter = Limiter::new(&rate(1, Duration::from_secs(3600), 3), 42);
    // Half of what there is room for: no place has more than its eight, or hardly any.
    let keys = KEYS as u32 / 4;
    let mut shared = 0;
    for round in 0..3_u64 {
        for key in 0..keys {
            shared += u32::from(limiter.ask(0, &key.to_be_bytes(), at(SECOND + round)) != Verdict::Taken);
        }
    }
    // Less than one in 100,000 shares its bucket with another, see the crate's documentation.
    assert!(shared <= 3, "{shared}");
    let spent = (0..keys).filter(|key| limiter.ask(0, &key.to_be_bytes(), at(2 * SECOND)) != Verdict::Taken);
    let spent = spent.count() as u32;
    assert!(spent > keys - keys / 50, "{spent} of {keys}");
}

/// A hundred times more clients than there is room for, each of which asks once, do not free one that asks too often.
#[test]
fn a_crowd_of_passers_by_frees_nobody_who_keeps_asking() {
    let rate = rate(10, Duration::from_secs(1), 10);
    let limiter = Limiter::new(&rate, 7);
    let (mut now, mut taken) = (0, 0);
    let crowd = KEYS as u64 * 20;
    for client in 0..crowd {
        // 20,000 clients a second, and one that asks a hundred times as often as it may.
        now += SECOND / 20_000;
        assert_eq!(limiter.ask(0, &client.to_be_bytes(), at(now)), Verdict::Taken);
        if client % 20 == 0 && limiter.ask(0, b"greedy", at(now)) == Verdict::Taken {
            taken += 1;
        }
    }
    let fair = 10 + now * 10 / SECOND + 1;
    assert!(taken <= fair, "{taken} taken, {fair} allowed");
    assert!(taken >= fair * 95 / 100, "{taken} taken, {fair} allowed");
}

#[test]
fn workers_share_one_bucket() {
    let limiter = Limiter::new(&rate(1, Duration::from_secs(3600), 1000), 3);
    let taken: usize = std::thread::scope(|scope| {
        let worker = || {
            (0..2000)
                .filter(|_| limiter.ask(0, b"key", at(SECOND)) == Verdict::Taken)
                .count()
        };
        let workers: Vec<_> = (0..4).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).sum()
    });
    assert_eq!(taken, 1000);
}

#[test]
fn a_clock_that_goes_back_gives_nothing_away() {
    let limiter = Limiter::new(&rate(100, Duration::from_secs(1), 4), 3);
    let mut taken = 0;
    for round in 0..1000_u64 {
        // Two workers, one of which is 3 ms behind.
        let now = SECOND + (round / 2) * 1_000_000;
        let now = if round % 2 == 0 { now } else { now - 3_000_000 };
        taken += u64::from(limiter.ask(0, b"key", at(now)) == Verdict::Taken);
    }
    assert!((50..=55).contains(&taken), "{taken}");
}
