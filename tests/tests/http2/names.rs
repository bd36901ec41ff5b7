//! Names that backends believe, over HTTP/2.

use crate::Outcome;
use crate::frames::{DATA, END_HEADERS, END_STREAM, HEADERS, SOON, answer, connect, frame, literal, request};
use evenkeel_tests::balancer::Balancer;
use evenkeel_tests::origin::Origin;
use std::io::Write as _;

#[test]
fn what_we_say_of_the_client_cannot_come_in_disguise() -> Outcome {
    let origin = Origin::start()?;
    let balancer = Balancer::start(1, |ports| {
        format!(
            "[listener.web]\nbind = \"127.0.0.1:{}\"\npool = \"web\"\n[pool.web]\nbackends = [\"{}\"]\ncheck = false\n",
            ports[0],
            origin.address()
        )
    })?;
    let mut client = connect(balancer.ports()[0], 65_535)?;
    let mut head = request("POST");
    head.extend(literal("x_forwarded_for", "forged"));
    head.extend(literal("x-forwarded_host", "forged"));
    head.extend(literal("x_request_id", "forged"));
    head.extend(literal("x_kept", "head"));
    let mut trailers = literal("x_forwarded_proto", "forged");
    trailers.extend(literal("x_kept", "trailer"));
    client.write_all(&frame(HEADERS, END_HEADERS, 1, &head))?;
    client.write_all(&frame(DATA, 0, 1, b"hi"))?;
    client.write_all(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &trailers))?;
    answer(&mut client, 1)?;
    assert!(origin.wait_until(SOON, |records| !records.is_empty()));
    let seen: Vec<u8> = origin
        .records()
        .iter()
        .flat_map(|record| record.bytes.clone())
        .collect();
    let seen = String::from_utf8_lossy(&seen).to_lowercase();
    assert!(!seen.contains("forged"), "{seen}");
    assert!(
        seen.contains("x_kept: head\r\n") && seen.contains("x_kept: trailer\r\n"),
        "{seen}"
    );
    Ok(())
}
