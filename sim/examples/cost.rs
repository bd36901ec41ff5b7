//! What a choice costs: nanoseconds for choose, answer and drop on one thread, and on two at once.

use evenkeel_model::{Backend, BackendAddress, Balance, HashKey, Moment, Pool};
use evenkeel_pool::{Choice, Chooser, Heart, Request};
use std::time::{Duration, Instant};

const ROUNDS: u64 = 2_000_000;

fn run(chooser: &mut Chooser) -> f64 {
    let began = Instant::now();
    for number in 0..ROUNDS {
        let now = Moment::ZERO + Duration::from_nanos(number * 20_000);
        let request = Request {
            hash: number,
            ..Request::default()
        };
        if let Choice::Go(mut permit) = chooser.choose(&request, now) {
            permit.answered(now + Duration::from_micros(200));
        }
    }
    began.elapsed().as_nanos() as f64 / ROUNDS as f64
}

fn main() {
    let hash = Balance::Hash {
        on: HashKey::Source,
        bounded: None,
    };
    for balance in [
        Balance::LeastLatency,
        Balance::LeastConnections,
        Balance::Random,
        Balance::RoundRobin,
        hash,
        Balance::First,
    ] {
        for count in [1u8, 3, 10, 64, 200] {
            let backend = |number: u8| Backend::new(BackendAddress::Tcp(([10, 0, 0, number], 80).into()));
            let mut pool = Pool::new("web", (1..=count).map(backend).collect());
            pool.check = None;
            pool.balance = balance.clone();
            let heart = Heart::new(&pool, None, 1, Moment::ZERO);
            let alone = run(&mut Chooser::new(heart.view(), 1));
            let both = std::thread::scope(|scope| {
                let other = scope.spawn(|| run(&mut Chooser::new(heart.view(), 2)));
                let mine = run(&mut Chooser::new(heart.view(), 3));
                mine.max(other.join().unwrap_or(0.0))
            });
            println!(
                "{:18} {count:4} backends: {alone:6.0} ns, two threads at once {both:6.0} ns",
                balance.as_str()
            );
        }
    }
}
