//! What holds between threads: caps, places given back, nobody forgotten in the waiting room.

#![allow(clippy::unwrap_used)]

use evenkeel_model::{Backend, BackendAddress, Balance, Moment, Pool};
use evenkeel_pool::{Choice, Chooser, Heart, Permit, Request, Shared};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::channel;

const CAP: u32 = 3;

fn heart(balance: Balance) -> Heart {
    let backend = |number: u8| Backend::new(BackendAddress::Tcp(([10, 0, 0, number], 80).into()));
    let mut pool = Pool::new("web", (1..=3).map(backend).collect());
    pool.check = None;
    pool.balance = balance;
    pool.max_connections = Some(CAP);
    Heart::new(&pool, None, 1, Moment::ZERO)
}

/// Waits at the gate as a door does, until there is a place.
fn enter(chooser: &mut Chooser, shared: &Shared) -> Permit {
    let now = Moment::ZERO;
    if let Choice::Go(permit) = chooser.choose(&Request::default(), now) {
        return permit;
    }
    let (sender, receiver) = channel();
    let waker = || {
        let sender = sender.clone();
        Box::new(move || {
            // The one who waits may have got its place already.
            let _ = sender.send(());
        })
    };
    let first = Request {
        first_in_line: true,
        ..Request::default()
    };
    let ticket = shared.gate.wait(waker(), 1000).unwrap();
    loop {
        receiver.recv().unwrap();
        if let Choice::Go(permit) = chooser.choose(&first, now) {
            ticket.took(&permit);
            return permit;
        }
        shared.gate.wait_again(&ticket, waker());
    }
}

#[test]
fn caps_hold_and_nobody_is_forgotten() {
    for balance in [
        Balance::LeastLatency,
        Balance::LeastConnections,
        Balance::Random,
        Balance::RoundRobin,
    ] {
        let heart = heart(balance);
        let shared = heart.shared();
        let inside: Arc<[AtomicU32; 3]> = Arc::default();
        let threads: Vec<_> = (0..16)
            .map(|seed| {
                let (shared, inside) = (Arc::clone(&shared), Arc::clone(&inside));
                std::thread::spawn(move || {
                    let mut chooser = Chooser::new(Arc::clone(&shared.load()), seed);
                    for _ in 0..300 {
                        let mut permit = enter(&mut chooser, &shared);
                        let counter = &inside[permit.index()];
                        assert!(counter.fetch_add(1, Ordering::SeqCst) < CAP);
                        std::thread::yield_now();
                        counter.fetch_sub(1, Ordering::SeqCst);
                        permit.answered(Moment::ZERO);
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        let view = heart.view();
        assert!(view.members.iter().all(|member| member.load.in_flight() == 0));
        assert_eq!(
            view.members.iter().map(|member| member.load.requests()).sum::<u64>(),
            16 * 300
        );
        assert_eq!(
            view.members.iter().map(|member| member.load.successes()).sum::<u64>(),
            16 * 300
        );
        assert_eq!(shared.gate.waiting(), 0);
    }
}
