//! An independent conformance suite for HTTP/2, `httpwg-cli`: all of it.

use std::process::Command;
use std::time::Duration;

use evenkeel_tests::backend::Backend;
use evenkeel_tests::program::{run, target};
use evenkeel_tests::scratch::Scratch;

use crate::front::{Front, Outcome};

/// How long all of its tests together may take; on a quiet machine it is a second.
const SUITE_WITHIN: Duration = Duration::from_secs(120);
/// How long one of its tests waits for a frame, in milliseconds.
const FRAME_WITHIN: &str = "5000";
/// How many tests there are; fewer would be a suite that did not run.
const TESTS: usize = 100;

#[test]
fn the_suite_finds_nothing() -> Outcome {
    let scratch = Scratch::new()?;
    // It answers with its name, and some of the tests need a body of at least five bytes.
    let backend = Backend::start("backend", &scratch.path().join("journal"))?;
    let front = Front::start("", |_| format!("backends = [\"{}\"]", backend.address()), &[])?;
    let suite = target()?.join("tools/bin/httpwg");
    assert!(suite.is_file(), "{} is missing: run `./x tools` once", suite.display());
    let mut command = Command::new(suite);
    command.args(["--address", &front.plain(), "--frame-timeout", FRAME_WITHIN]);
    // Without colours and backtraces, so that the failures can be read.
    command
        .env("NO_COLOR", "1")
        .env("RUST_BACKTRACE", "0")
        .env("RUST_LOG", "error");
    let finished = run(&mut command, "", SUITE_WITHIN)?;
    let printed = format!("{}{}", finished.stdout, finished.stderr);
    let with = |mark: &str| printed.lines().filter(|line| line.contains(mark)).collect::<Vec<_>>();
    let failed = with("Test failed");
    let passed = with("Test passed").len();
    assert!(
        failed.is_empty(),
        "{passed} passed, {} failed:\n{}",
        failed.len(),
        failed.join("\n")
    );
    assert!(
        passed >= TESTS && finished.status.success(),
        "{passed} passed, {}:\n{printed}",
        finished.status
    );
    Ok(())
}
