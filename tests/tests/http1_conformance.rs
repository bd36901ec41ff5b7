//! The HTTP/1.1 corpus against the built binary. `EVENKEEL_CASES=TEXT` runs only cases whose place or name has TEXT.

use evenkeel_tests::conformance::{Delivery, run};
use evenkeel_tests::corpus::{Case, load};

fn conforms(prefix: &str, delivery: Delivery) {
    let mut cases = load(prefix).unwrap();
    if let Ok(text) = std::env::var("EVENKEEL_CASES") {
        cases.retain(|case: &Case| case.place.contains(&text) || case.name.contains(&text));
    }
    let report = run(&cases, delivery).unwrap();
    let failed = report.failures.len();
    println!("{prefix}* {delivery:?}: {} cases, {failed} failed", report.ran);
    assert!(
        failed == 0,
        "{}\n{failed} of {} cases failed",
        report.failures.join("\n"),
        report.ran
    );
}

#[test]
fn requests_are_treated_as_the_corpus_says() {
    conforms("request-", Delivery::Whole);
}

#[test]
fn requests_are_treated_the_same_when_they_arrive_byte_by_byte() {
    conforms("request-", Delivery::Torn);
}

#[test]
fn responses_are_treated_as_the_corpus_says() {
    conforms("response-", Delivery::Whole);
}
