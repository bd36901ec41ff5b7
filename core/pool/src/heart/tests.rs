use super::*;
use crate::{Choice, Chooser, Failure, Health, Request};
use evenkeel_model::{AdminState, Backend as Spec, BackendAddress, Check, Eject, Share};

fn address(number: u8) -> BackendAddress {
    BackendAddress::Tcp(([10, 0, 0, number], 80).into())
}

fn pool(count: u8) -> Pool {
    Pool::new("web", (1..=count).map(|number| Spec::new(address(number))).collect())
}

fn at(millis: u64) -> Moment {
    Moment::ZERO + Duration::from_millis(millis)
}

/// The probes that the heart wants now.
fn probes(heart: &mut Heart) -> Vec<(BackendId, ProbeId)> {
    let mut probes = Vec::new();
    while let Some(command) = heart.poll_command() {
        match command {
            Command::Probe { backend, probe, .. } => probes.push((backend, probe)),
            Command::Changed(_) => {}
        }
    }
    probes
}

fn pass() -> Verdict {
    Verdict::Pass {
        took: Duration::from_millis(1),
    }
}

fn fail() -> Verdict {
    Verdict::Fail {
        reason: "connection refused".to_owned(),
    }
}

/// Answers every wanted probe, moving time on until `until`.
fn run(heart: &mut Heart, from: Moment, until: Moment, verdict: impl Fn(BackendId) -> Verdict) {
    let mut now = from;
    loop {
        for (backend, probe) in probes(heart) {
            heart.handle(
                Event::Probed {
                    backend,
                    probe,
                    verdict: verdict(backend),
                },
                now,
            );
        }
        match heart.poll_timeout() {
            Some(next) if next <= until => now = next.max(now),
            Some(_) | None => return,
        }
        heart.handle_timeout(now);
    }
}

fn up(pool: &Pool) -> Heart {
    let mut heart = Heart::new(pool, None, 1, Moment::ZERO);
    run(&mut heart, Moment::ZERO, at(1), |_| pass());
    heart
}

fn why(heart: &Heart, index: usize) -> String {
    heart.view().members[index].why.to_string()
}

#[test]
fn a_newcomer_gets_nothing_until_its_first_probe_passes() {
    let mut heart = Heart::new(&pool(2), None, 1, Moment::ZERO);
    assert!(heart.view().candidates.is_empty());
    assert_eq!(why(&heart, 0), "not probed yet");
    let wanted = probes(&mut heart);
    assert_eq!(wanted.len(), 2, "both are probed at once");
    let (backend, probe) = wanted[1];
    let verdict = pass();
    heart.handle(
        Event::Probed {
            backend,
            probe,
            verdict,
        },
        at(3),
    );
    assert_eq!(*heart.view().candidates, [1]);
    assert_eq!(heart.view().members[1].health, Health::Up);
    assert_eq!(why(&heart, 1), "checks pass");
}

#[test]
fn without_a_check_everyone_is_up_at_once() {
    let mut pool = pool(2);
    pool.check = None;
    let mut heart = Heart::new(&pool, None, 1, Moment::ZERO);
    assert_eq!(*heart.view().candidates, [0, 1]);
    assert_eq!(why(&heart, 0), "not checked");
    assert!(probes(&mut heart).is_empty());
    assert_eq!(heart.poll_timeout(), None);
}

#[test]
fn fall_failures_take_down_and_rise_passes_bring_up() {
    let mut heart = up(&pool(3));
    let bad = heart.view().members[0].id;
    // The re-checks come every second at most (every / 4 = 1.25 s): down well before three times five seconds.
    run(
        &mut heart,
        at(1),
        at(8_000),
        |id| if id == bad { fail() } else { pass() },
    );
    assert_eq!(heart.view().members[0].health, Health::Down);
    assert!(
        why(&heart, 0).ends_with("probes failed: connection refused"),
        "{}",
        why(&heart, 0)
    );
    assert_eq!(*heart.view().candidates, [1, 2]);
    run(&mut heart, at(8_000), at(16_000), |_| pass());
    assert_eq!(heart.view().members[0].health, Health::Up);
    assert_eq!(*heart.view().candidates, [0, 1, 2]);
}

#[test]
fn one_failure_alone_changes_nothing() {
    let mut heart = up(&pool(1));
    run(&mut heart, at(1), at(5_600), |_| pass());
    heart.handle_timeout(at(60_000));
    let (backend, probe) = probes(&mut heart)[0];
    let verdict = fail();
    heart.handle(
        Event::Probed {
            backend,
            probe,
            verdict,
        },
        at(60_001),
    );
    assert_eq!(heart.view().members[0].health, Health::Up);
    assert_eq!(why(&heart, 0), "1 probe failed: connection refused");
}

#[test]
fn a_probe_without_a_verdict_has_failed_and_its_late_verdict_is_ignored() {
    let mut heart = Heart::new(&pool(1), None, 1, Moment::ZERO);
    let (backend, probe) = probes(&mut heart)[0];
    let bound = heart.poll_timeout().unwrap();
    assert_eq!(bound, at(3_000), "its timeout of 2 s and a second");
    heart.handle_timeout(bound);
    assert_eq!(why(&heart, 0), "never passed, 1 probe failed: no verdict in time");
    let verdict = pass();
    heart.handle(
        Event::Probed {
            backend,
            probe,
            verdict,
        },
        bound,
    );
    assert_eq!(heart.view().members[0].health, Health::Unproven);
}

#[test]
fn probes_drift_apart() {
    let mut heart = Heart::new(&pool(100), None, 1, Moment::ZERO);
    let mut now = Moment::ZERO;
    let mut most = 0;
    while now < at(60_000) {
        let wanted = probes(&mut heart);
        if now > at(10_000) {
            most = most.max(wanted.len());
        }
        for (backend, probe) in wanted {
            let verdict = pass();
            heart.handle(
                Event::Probed {
                    backend,
                    probe,
                    verdict,
                },
                now,
            );
        }
        now = now + Duration::from_millis(100);
        heart.handle_timeout(now);
    }
    assert!(most > 0 && most <= 10, "{most} of 100 at once; 2 are even");
}

#[test]
fn drained_keeps_being_probed_and_maintained_does_not() {
    let mut heart = up(&pool(3));
    let ids: Vec<_> = heart.view().members.iter().map(|member| member.id).collect();
    for (backend, state) in [(ids[0], AdminState::Drain), (ids[1], AdminState::Maintain)] {
        let order = Order::State(state);
        heart.handle(Event::Operator { backend, order }, at(2));
    }
    assert_eq!(*heart.view().candidates, [2], "no panic brings them back");
    heart.handle_timeout(at(20_000));
    let probed: Vec<_> = probes(&mut heart).into_iter().map(|(backend, _)| backend).collect();
    assert_eq!(probed, [ids[0], ids[2]]);
    let order = Order::State(AdminState::Ready);
    heart.handle(Event::Operator { backend: ids[1], order }, at(20_001));
    assert_eq!(*heart.view().candidates, [2], "a check must pass first");
    run(&mut heart, at(20_001), at(20_002), |_| pass());
    assert_eq!(*heart.view().candidates, [1, 2]);
}

#[test]
fn too_few_usable_is_a_panic() {
    let mut heart = up(&pool(3));
    let good = heart.view().members[0].id;
    run(
        &mut heart,
        at(1),
        at(20_000),
        |id| if id == good { pass() } else { fail() },
    );
    assert!(heart.view().panicking);
    assert_eq!(*heart.view().candidates, [0, 1, 2]);
    assert!(!heart.view().members[1].usable);
    assert!(heart.view().members[1].candidate);
}

#[test]
fn newcomers_cause_no_panic() {
    let mut heart = up(&pool(2));
    heart.handle(Event::Configure(pool(8)), at(10));
    run(
        &mut heart,
        at(10),
        at(2_000),
        |id| if id.0 < 2 { pass() } else { fail() },
    );
    assert!(!heart.view().panicking);
    assert_eq!(*heart.view().candidates, [0, 1]);
}

#[test]
fn when_nobody_ever_passed_all_that_were_probed_are_used() {
    let mut heart = Heart::new(&pool(2), None, 1, Moment::ZERO);
    assert!(heart.view().candidates.is_empty(), "not before the first verdict");
    run(&mut heart, Moment::ZERO, at(1), |_| fail());
    assert_eq!(*heart.view().candidates, [0, 1]);
    assert!(heart.view().panicking);
    let mut strict = pool(2);
    strict.panic = Share(0.0);
    let mut heart = Heart::new(&strict, None, 1, Moment::ZERO);
    run(&mut heart, Moment::ZERO, at(1), |_| fail());
    assert!(heart.view().candidates.is_empty(), "panic = 0 turns it off");
}

#[test]
fn backups_are_used_only_when_no_other_is_usable() {
    let mut pool = pool(3);
    pool.backends[2].backup = true;
    let mut heart = up(&pool);
    assert_eq!(*heart.view().candidates, [0, 1]);
    let backup = heart.view().members[2].id;
    run(&mut heart, at(1), at(20_000), |id| {
        if id == backup { pass() } else { fail() }
    });
    assert_eq!(*heart.view().candidates, [2]);
    assert!(!heart.view().panicking);
    run(&mut heart, at(20_000), at(60_000), |_| fail());
    assert_eq!(
        *heart.view().candidates,
        [0, 1],
        "nobody is left: panic, without backups"
    );
}

fn choose(chooser: &mut Chooser, now: Moment) -> crate::Permit {
    match chooser.choose(&Request::default(), now) {
        Choice::Go(permit) => permit,
        other => panic!("{other:?}"),
    }
}

/// Sends `count` requests; those to `bad` are reset.
fn send(heart: &mut Heart, count: usize, bad: &[usize], now: Moment) {
    let mut chooser = Chooser::new(heart.view(), 7);
    for _ in 0..count {
        chooser.update(heart.view());
        let mut permit = choose(&mut chooser, now);
        if bad.contains(&permit.index()) {
            permit.failed(Failure::Reset, now);
            drop(permit);
            heart.handle(Event::Traffic, now);
        } else {
            permit.answered(now);
        }
    }
}

fn round_robin(count: u8) -> Pool {
    let mut pool = pool(count);
    pool.balance = evenkeel_model::Balance::RoundRobin;
    pool
}

#[test]
fn traffic_ejects_and_time_brings_back_and_each_time_it_takes_longer() {
    let mut heart = up(&round_robin(4));
    send(&mut heart, 40, &[1], at(10));
    assert!(heart.view().members[1].ejected);
    assert_eq!(*heart.view().candidates, [0, 2, 3]);
    assert_eq!(why(&heart, 1), "ejected for 30s: 5 requests failed within 10s");
    run(&mut heart, at(10), at(30_009), |_| pass());
    assert!(heart.view().members[1].ejected, "a passing check does not end it early");
    run(&mut heart, at(30_009), at(30_010), |_| pass());
    assert!(!heart.view().members[1].ejected);
    send(&mut heart, 40, &[1], at(30_020));
    assert_eq!(why(&heart, 1), "ejected for 60s: 5 requests failed within 10s");
}

#[test]
fn one_that_checks_saw_die_and_return_is_not_kept_out_for_what_the_dead_one_did() {
    let mut heart = up(&round_robin(4));
    let bad = heart.view().members[1].id;
    send(&mut heart, 40, &[1], at(10));
    assert!(heart.view().members[1].ejected);
    run(
        &mut heart,
        at(10),
        at(12_000),
        |id| if id == bad { fail() } else { pass() },
    );
    assert_eq!(heart.view().members[1].health, Health::Down);
    run(&mut heart, at(12_000), at(20_000), |_| pass());
    assert!(heart.view().members[1].usable && !heart.view().members[1].ejected);
}

#[test]
fn ejection_takes_at_most_its_share_and_never_where_all_fail_alike() {
    let mut heart = up(&round_robin(4));
    send(&mut heart, 100, &[0, 1, 2], at(10));
    let ejected = heart.view().members.iter().filter(|member| member.ejected).count();
    assert_eq!(ejected, 2, "half of four");
    let mut heart = up(&round_robin(4));
    send(&mut heart, 100, &[0, 1, 2, 3], at(10));
    assert!(heart.view().members.iter().all(|member| !member.ejected));
    let mut heart = up(&round_robin(1));
    send(&mut heart, 100, &[0], at(10));
    assert!(!heart.view().members[0].ejected, "nobody else is there");
}

#[test]
fn failures_far_apart_do_not_eject() {
    let mut heart = up(&round_robin(2));
    for minute in 1..=20 {
        send(&mut heart, 2, &[1], at(minute * 60_000));
    }
    assert_eq!(heart.view().members[1].load.errors(), 20);
    assert!(!heart.view().members[1].ejected);
}

#[test]
fn a_refused_connection_hurries_the_next_probe() {
    let mut heart = up(&pool(2));
    let mut chooser = Chooser::new(heart.view(), 7);
    let mut permit = choose(&mut chooser, at(500));
    permit.failed(Failure::Connect, at(500));
    let bad = permit.id();
    heart.handle(Event::Traffic, at(500));
    let wanted: Vec<_> = probes(&mut heart).into_iter().map(|(backend, _)| backend).collect();
    assert_eq!(wanted, [bad]);
}

#[test]
fn the_alarm_rings_once_until_it_is_answered() {
    let mut heart = up(&pool(2));
    let rung = Arc::new(std::sync::atomic::AtomicU32::new(0));
    let counter = Arc::clone(&rung);
    heart.shared().set_alarm(Arc::new(move || {
        counter.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    }));
    let rings = || rung.load(std::sync::atomic::Ordering::SeqCst);
    let mut chooser = Chooser::new(heart.view(), 7);
    for _ in 0..10 {
        choose(&mut chooser, at(5)).failed(Failure::Reset, at(5));
    }
    assert_eq!(rings(), 1);
    heart.handle(Event::Traffic, at(5));
    choose(&mut chooser, at(6)).failed(Failure::Reset, at(6));
    assert_eq!(rings(), 2);
}

#[test]
fn a_reload_keeps_what_stays() {
    let mut heart = up(&pool(3));
    let before = heart.view();
    let order = Order::Weight(7);
    let backend = before.members[1].id;
    heart.handle(Event::Operator { backend, order }, at(5));
    let order = Order::State(AdminState::Drain);
    heart.handle(Event::Operator { backend, order }, at(5));
    let permit = {
        let mut chooser = Chooser::new(heart.view(), 7);
        loop {
            let permit = choose(&mut chooser, at(6));
            if permit.index() == 0 {
                break permit;
            }
        }
    };
    let mut new = pool(4);
    new.backends.remove(0);
    heart.handle(Event::Configure(new.clone()), at(10));
    let view = heart.view();
    let names: Vec<_> = view.members.iter().map(|member| &*member.name).collect();
    assert_eq!(names, ["10.0.0.2:80", "10.0.0.3:80", "10.0.0.4:80", "10.0.0.1:80"]);
    assert_eq!(view.members[0].id, before.members[1].id);
    assert!(Arc::ptr_eq(&view.members[0].load, &before.members[1].load));
    assert_eq!((view.members[0].weight, view.members[0].admin), (7, AdminState::Drain));
    assert!(view.members[3].leaving && !view.members[3].candidate);
    assert_eq!(*view.candidates, [1]);
    drop(permit);
    heart.handle_timeout(heart.poll_timeout().unwrap());
    assert_eq!(heart.view().members.len(), 3, "its last request has ended");
    new.backends[0].weight = 3;
    heart.handle(Event::Configure(new), at(20));
    assert_eq!(heart.view().members[0].weight, 3, "the file's own value changed");
    assert_eq!(heart.view().members[0].admin, AdminState::Drain);
}

#[test]
fn what_the_operator_decided_and_health_survive_a_restart() {
    let mut heart = up(&pool(3));
    let ids: Vec<_> = heart.view().members.iter().map(|member| member.id).collect();
    let orders = [
        (ids[0], Order::State(AdminState::Drain)),
        (ids[1], Order::Weight(9)),
        (ids[2], Order::State(AdminState::Maintain)),
    ];
    for (backend, order) in orders {
        heart.handle(Event::Operator { backend, order }, at(5));
    }
    heart.handle(Event::Add(Spec::new(address(9))), at(6));
    run(&mut heart, at(6), at(7), |_| pass());
    let saved = heart.saved();
    let mut again = Heart::new(&pool(3), Some(&saved), 2, Moment::ZERO);
    let view = again.view();
    assert_eq!(view.members.len(), 4);
    assert_eq!(view.members[0].admin, AdminState::Drain);
    assert_eq!(view.members[1].weight, 9);
    assert_eq!(view.members[2].admin, AdminState::Maintain);
    assert_eq!(*view.candidates, [1, 3], "known to be up: no wait for the first probe");
    assert!(probes(&mut again).len() >= 3, "and probed at once");
    let mut changed = pool(3);
    changed.backends[1].weight = 4;
    let other = Heart::new(&changed, Some(&saved), 2, Moment::ZERO);
    assert_eq!(other.view().members[1].weight, 4, "the file changed its mind");
}

#[test]
fn nonsense_in_the_saved_state_is_passed_over() {
    let entry = |address: &str| SavedBackend {
        address: address.to_owned(),
        name: String::new(),
        up: true,
        state: None,
        weight: None,
        added: None,
    };
    let saved = Saved {
        backends: vec![entry("nonsense"), entry("10.0.0.77:80"), entry("10.0.0.1:80")],
    };
    let heart = Heart::new(&pool(2), Some(&saved), 2, Moment::ZERO);
    assert_eq!(heart.view().members.len(), 2);
    assert_eq!(*heart.view().candidates, [0]);
}

#[test]
fn weight_grows_while_it_warms_up() {
    let mut pool = pool(2);
    pool.warmup = Duration::from_secs(10);
    let mut heart = up(&pool);
    assert_eq!(heart.view().members[0].scaled_weight, 25, "a tenth of 256");
    let generation = heart.view().generation;
    run(&mut heart, at(1), at(5_001), |_| pass());
    let half = heart.view().members[0].scaled_weight;
    assert!((128..=154).contains(&half), "{half}");
    run(&mut heart, at(5_001), at(10_001), |_| pass());
    assert_eq!(heart.view().members[0].scaled_weight, 256);
    assert!(heart.view().generation - generation <= 40);
}

#[test]
fn too_many_backends_are_refused() {
    let many = |count: u32| {
        let spec = |number: u32| Spec::new(BackendAddress::Tcp((number.to_be_bytes(), 80).into()));
        let mut pool = Pool::new("web", (0..count).map(spec).collect());
        pool.check = None;
        pool
    };
    let heart = Heart::new(&many(5_000), None, 1, Moment::ZERO);
    assert_eq!(heart.view().members.len(), crate::MEMBERS_MAX);
}

#[test]
fn turning_the_check_off_brings_everyone_up() {
    let mut heart = up(&pool(2));
    run(&mut heart, at(1), at(20_000), |_| fail());
    assert!(heart.view().panicking);
    let mut unchecked = pool(2);
    unchecked.check = None;
    heart.handle(Event::Configure(unchecked), at(20_001));
    assert!(heart.view().members.iter().all(|member| member.usable));
    let mut checked = pool(2);
    checked.check = Some(Check::default());
    checked.eject = Some(Eject::default());
    heart.handle(Event::Configure(checked), at(20_002));
    assert!(
        heart.view().members.iter().all(|member| member.usable),
        "no gap in service"
    );
    assert_eq!(probes(&mut heart).len(), 2);
}
