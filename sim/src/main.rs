//! Runs seeds: `--seed N` one, `--seeds N` that many; or `compare` the algorithms and draw the picture.

use std::process::ExitCode;

const USAGE: &str = "\
usage: evenkeel-sim [--seeds COUNT] [--from SEED]   run so many seeds (default 1000)
       evenkeel-sim --seed SEED                     run one and print what it saw
       evenkeel-sim compare [--requests COUNT]      compare the algorithms; write docs/pictures/balance.svg";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let number = |word: &str| word.parse::<u64>().ok();
    match words.as_slice() {
        [] => seeds(0, 1000),
        ["--seeds", count] => number(count).map_or_else(usage, |count| seeds(0, count)),
        ["--seeds", count, "--from", from] => match (number(count), number(from)) {
            (Some(count), Some(from)) => seeds(from, count),
            (Some(_) | None, Some(_) | None) => usage(),
        },
        ["--seed", seed] => number(seed).map_or_else(usage, one),
        ["compare"] => compare(200_000),
        ["compare", "--requests", count] => number(count).map_or_else(usage, compare),
        _ => usage(),
    }
}

fn usage() -> ExitCode {
    eprintln!("{USAGE}");
    ExitCode::from(2)
}

fn one(seed: u64) -> ExitCode {
    match evenkeel_sim::run(seed) {
        Ok(tally) => {
            println!("seed {seed}: {tally:?}");
            ExitCode::SUCCESS
        }
        Err(broken) => failed(seed, &broken),
    }
}

fn failed(seed: u64, broken: &str) -> ExitCode {
    eprintln!("seed {seed} broke a rule {broken}");
    eprintln!("repeat it: cargo run -p evenkeel-sim --release -- --seed {seed}");
    ExitCode::FAILURE
}

fn seeds(from: u64, count: u64) -> ExitCode {
    let began = std::time::Instant::now();
    let mut requests = 0;
    for seed in from..from.saturating_add(count) {
        match evenkeel_sim::run(seed) {
            Ok(tally) => requests += tally.requests,
            Err(broken) => return failed(seed, &broken),
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    println!(
        "{count} seeds, {requests} requests, no rule broken, {seconds:.1} s ({:.0} seeds a minute)",
        count as f64 * 60.0 / seconds
    );
    ExitCode::SUCCESS
}

fn compare(requests: u64) -> ExitCode {
    print!("{}", evenkeel_sim::compare::tables(requests as f64));
    let picture = evenkeel_sim::compare::picture(requests as f64);
    let path = std::path::Path::new("docs/pictures/balance.svg");
    let written = std::fs::create_dir_all("docs/pictures").and_then(|()| std::fs::write(path, picture));
    match written {
        Ok(()) => {
            println!("wrote {}", path.display());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{}: {error}", path.display());
            ExitCode::FAILURE
        }
    }
}
