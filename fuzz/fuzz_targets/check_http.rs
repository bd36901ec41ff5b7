//! An http check's view of an answer: no panic, bounded words, and the same verdict however the answer is cut.
//! The first byte says whether a body is expected, and how the answer is cut.
#![no_main]

use evenkeel_check::{Conversation, Verdict};
use evenkeel_model::{Check, CheckKind, Expect, HttpCheck};
use libfuzzer_sys::fuzz_target;

/// Whether the backend passes, after the end of `pieces`.
fn passes<'a>(check: &Check, pieces: impl Iterator<Item = &'a [u8]>) -> bool {
    let mut conversation = Conversation::new(check, "127.0.0.1:80");
    conversation.connected();
    let _ = conversation.poll_transmit();
    let mut certain = None;
    for piece in pieces {
        conversation.handle(piece);
        if certain.is_some() {
            assert_eq!(conversation.verdict(), certain, "a verdict never changes");
        }
        certain = conversation.verdict();
    }
    conversation.handle_eof();
    match conversation.verdict() {
        Some(Verdict::Pass) => true,
        Some(Verdict::Fail(reason)) => {
            assert!(reason.len() <= 300 && reason.is_ascii());
            false
        }
        None => panic!("no verdict at the end"),
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((first, answer)) = input.split_first() else {
        return;
    };
    let kind = CheckKind::Http(HttpCheck {
        path: "/".into(),
        host: None,
        expect: vec![Expect::SUCCESS],
        body: (first & 1 == 1).then(|| "ok".into()),
    });
    let check = Check {
        kind,
        ..Check::default()
    };
    let size = usize::from(first >> 1) + 1;
    assert_eq!(
        passes(&check, answer.chunks(size)),
        passes(&check, std::iter::once(answer))
    );
});
