//! A few hundred runs; the binary runs as many as wanted.

#[test]
fn no_seed_breaks_a_rule() {
    let mut waited = 0;
    let mut failed = 0;
    let (mut at_home, mut away, mut waited_at_home) = (0, 0, 0);
    for seed in 0..200 {
        match evenkeel_sim::run(seed) {
            Ok(tally) => {
                waited += tally.waited;
                failed += tally.failed;
                at_home += tally.at_home;
                away += tally.away;
                waited_at_home += tally.waited_at_home;
            }
            Err(broken) => panic!(
                "seed {seed} broke a rule {broken}\nrepeat it: cargo run -p evenkeel-sim --release -- --seed {seed}"
            ),
        }
    }
    assert!(
        waited > 1000 && failed > 1000,
        "the runs are not wild enough: {waited} waited, {failed} failed"
    );
    assert!(
        at_home > 10_000 && away > 10_000 && waited_at_home > 1000,
        "sticky clients see too little: {at_home} at home, {away} away, {waited_at_home} waited"
    );
}

#[test]
fn a_seed_gives_the_same_run_again() {
    assert_eq!(evenkeel_sim::run(7), evenkeel_sim::run(7));
}
