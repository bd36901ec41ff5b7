//! Backends that are killed while they work.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use evenkeel_tests::backend;
use evenkeel_tests::load::{Load, Plan, Tally};

use crate::house::{House, Outcome, alone};

const NAMES: [&str; 10] = ["b0", "b1", "b2", "b3", "b4", "b5", "b6", "b7", "b8", "b9"];

#[test]
fn nobody_notices_a_backend_killed_every_100_ms() -> Outcome {
    churn(Duration::from_millis(100), 60)
}

#[test]
fn nobody_notices_a_backend_killed_every_20_ms() -> Outcome {
    churn(Duration::from_millis(20), 250)
}

fn churn(every: Duration, kills: u32) -> Outcome {
    let _alone = alone();
    let check = "check = { http = \"/healthz\", every = \"500ms\", timeout = \"2s\" }";
    let mut house = House::start(&NAMES, "", check)?;
    house.wait_until_usable()?;
    let load = Load::start(Plan {
        post_every: 4,
        ..Plan::gets(house.address(), 32)
    });
    assert!(load.go_on(500, Duration::from_secs(20)), "traffic flows");
    let mut dice = 0x2545_f491_4f6c_dd1d_u64;
    for _ in 0..kills {
        let begun = Instant::now();
        dice = dice
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let victim = &mut house.backends[(dice >> 33) as usize % NAMES.len()];
        victim.kill()?;
        victim.start_again()?;
        std::thread::sleep(every.saturating_sub(begun.elapsed()));
    }
    let flows = load.go_on(500, Duration::from_secs(20));
    let tally = load.stop();
    println!(
        "{kills} kills: {} GETs, {} failed; {} POSTs, {} with 502",
        tally.gets,
        tally.get_failures.len(),
        tally.posts.len(),
        tally.posts_with(502)
    );
    assert!(flows, "traffic flows after the last kill");
    assert!(tally.get_failures.is_empty(), "{:#?}", tally.get_failures);
    judge_posts(&house, &tally)
}

/// A POST is executed once at most, exactly once if it was answered with 200, and fails only with 502 and only where it
/// had been given to a backend that then died.
fn judge_posts(house: &House, tally: &Tally) -> Outcome {
    let executed = backend::executions(house.journal(), "POST")?;
    let twice: BTreeMap<_, _> = executed.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "executed twice: {twice:?}");
    for (target, outcome) in &tally.posts {
        match outcome {
            Ok(200) => assert!(executed.contains_key(target), "{target} was answered and not executed"),
            Ok(502) => {}
            other => panic!("{target}: {other:?}"),
        }
    }
    let lines = house.access_log(tally.gets as usize + tally.posts.len())?;
    assert_eq!(
        lines.len(),
        tally.gets as usize + tally.posts.len(),
        "one for each request"
    );
    for line in lines.iter().filter(|line| line["status"] == 502) {
        assert_eq!(line["method"], "POST", "{line}");
        assert_eq!(line["reason"], "backend-reset", "{line}");
    }
    assert!(tally.posts_with(200) > tally.posts_with(502), "most POSTs are answered");
    Ok(())
}
