//! The HTTP/1.1 corpus against the built binary. `EVENKEEL_CASES=TEXT` runs only cases whose place or name has TEXT.

use std::io;

use evenkeel_tests::conformance::{Delivery, run};
use evenkeel_tests::corpus::{Case, load};

fn conforms(prefix: &str, delivery: Delivery) -> io::Result<()> {
    let mut cases = load(prefix)?;
    if let Ok(text) = std::env::var("EVENKEEL_CASES") {
        cases.retain(|case: &Case| case.place.contains(&text) || case.name.contains(&text));
    }
    let report = run(&cases, delivery)?;
    let failed = report.failures.len();
    println!("{prefix}* {delivery:?}: {} cases, {failed} failed", report.ran);
    assert!(
        failed == 0,
        "{}\n{failed} of {} cases failed",
        report.failures.join("\n"),
        report.ran
    );
    Ok(())
}

#[test]
fn requests_are_treated_as_the_corpus_says() -> io::Result<()> {
    conforms("request-", Delivery::Whole)
}

#[test]
fn requests_are_treated_the_same_when_they_arrive_byte_by_byte() -> io::Result<()> {
    conforms("request-", Delivery::Torn)
}

#[test]
fn responses_are_treated_as_the_corpus_says() -> io::Result<()> {
    conforms("response-", Delivery::Whole)
}
