#![no_main]

use evenkeel_check::Conversation;
use evenkeel_model::{Check, CheckKind, GrpcCheck};
use libfuzzer_sys::fuzz_target;

/// A conversation that gets `bytes` in pieces of `size` from a backend that then closes: its verdict.
fn verdict(bytes: &[u8], size: usize) -> Option<evenkeel_check::Verdict> {
    let kind = CheckKind::Grpc(GrpcCheck {
        service: "a.B".into(),
        host: None,
    });
    let check = Check {
        kind,
        ..Check::default()
    };
    let mut conversation = Conversation::new(&check, "10.0.0.1:80");
    conversation.connected();
    for piece in bytes.chunks(size) {
        let _ = conversation.poll_transmit();
        conversation.handle(piece);
    }
    conversation.handle_eof();
    conversation.verdict()
}

fuzz_target!(|bytes: &[u8]| {
    let whole = verdict(bytes, usize::MAX);
    assert!(whole.is_some());
    if let Some(evenkeel_check::Verdict::Fail(reason)) = &whole {
        assert!(reason.len() <= 300 && !reason.contains('\n'));
    }
    // However it is cut, the same is made of it, as far as passing goes.
    let passes = |verdict: &Option<_>| *verdict == Some(evenkeel_check::Verdict::Pass);
    assert_eq!(passes(&verdict(bytes, 3)), passes(&whole));
});
