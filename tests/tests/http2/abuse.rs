//! Who abuses a connection is told why it ends, and nobody else notices.

use crate::Outcome;
use crate::frames::{END_HEADERS, END_STREAM, GOAWAY, HEADERS, RST_STREAM, answer, ask, connect, frame, read, request};
use evenkeel_tests::balancer::Balancer;
use std::io::{Read as _, Write as _};

/// What the abuser is told: ENHANCE_YOUR_CALM.
const CALM: [u8; 4] = [0, 0, 0, 11];

#[test]
fn rapid_resets_end_with_a_word_that_arrives() -> Outcome {
    let balancer = Balancer::start(1, |ports| {
        format!(
            "[listener.web]\nbind = \"127.0.0.1:{}\"\n\
             [[listener.web.route]]\nrespond = {{ status = 200, body = 'ok' }}\n",
            ports[0]
        )
    })?;
    let port = balancer.ports()[0];
    let mut honest = connect(port, 65_535)?;
    let mut abuser = connect(port, 65_535)?;
    let mut attack = Vec::new();
    for number in (1..4000).step_by(2) {
        attack.extend(frame(HEADERS, END_HEADERS | END_STREAM, number, &request("GET")));
        attack.extend(frame(RST_STREAM, 0, number, &8u32.to_be_bytes()));
    }
    abuser.write_all(&attack)?;
    let away = loop {
        let frame = read(&mut abuser)?;
        if frame.kind == GOAWAY {
            break frame;
        }
    };
    assert_eq!(away.payload[4..8], CALM);
    // An orderly end: a reset could overtake the word.
    assert_eq!(abuser.read(&mut [0])?, 0);
    ask(&mut honest, 1)?;
    assert_eq!(answer(&mut honest, 1)?, b"ok");
    Ok(())
}

#[test]
fn a_head_that_never_ends_is_cut_and_counted() -> Outcome {
    let balancer = Balancer::start(1, |ports| {
        format!(
            "[listener.web]\nbind = \"127.0.0.1:{}\"\ntimeouts = {{ header = \"300ms\", idle = \"10m\" }}\n\
             [[listener.web.route]]\nrespond = {{ status = 200, body = 'ok' }}\n",
            ports[0]
        )
    })?;
    let port = balancer.ports()[0];
    let mut honest = connect(port, 65_535)?;
    let mut slow = connect(port, 65_535)?;
    // Nothing follows that would end the block.
    slow.write_all(&frame(HEADERS, END_STREAM, 1, &request("GET")))?;
    let away = loop {
        let frame = read(&mut slow)?;
        if frame.kind == GOAWAY {
            break frame;
        }
    };
    assert_eq!(away.payload[4..8], CALM);
    assert_eq!(slow.read(&mut [0])?, 0);
    ask(&mut honest, 1)?;
    assert_eq!(answer(&mut honest, 1)?, b"ok");
    // It was counted before it was told.
    let (_, metrics) = balancer.admin("GET", "/metrics", "")?;
    let counted = "evenkeel_requests_by_reason_total{listener=\"web\",reason=\"bad-request\"} 1";
    assert!(metrics.contains(counted), "{metrics}");
    Ok(())
}
