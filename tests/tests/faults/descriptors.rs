//! No file descriptor left.

use std::time::Duration;

use crate::house::{House, Outcome, SOON, cpu_time, open_files, wait_for};

/// What the balancer may have.
const FILES: u32 = 64;
/// How long it stays without any.
const EXHAUSTED: Duration = Duration::from_secs(2);
/// CPU time that is no busy loop: a loop on one of its threads would take most of [`EXHAUSTED`].
const CALM: Duration = Duration::from_millis(500);

#[test]
fn without_descriptors_accepting_waits_and_recovers() -> Outcome {
    let house = House::start_with_files(Some(FILES), &["b0"], "", "")?;
    house.wait_until_usable()?;
    let pid = house.balancer.pid();
    let before = open_files(pid)?;
    assert!(
        before < FILES as usize / 2,
        "{before} files are open when there is no client"
    );
    // More than there is room for: some of them wait in the kernel.
    let holders = (0..FILES).map(|_| house.connect()).collect::<Result<Vec<_>, _>>()?;
    wait_for(|| Ok(open_files(pid)? >= FILES as usize))?;
    let mut waiting = (0..4).map(|_| house.connect()).collect::<Result<Vec<_>, _>>()?;
    for client in &mut waiting {
        client.send(b"GET / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n")?;
    }
    let busy = cpu_time(pid)?;
    std::thread::sleep(EXHAUSTED);
    let busy = cpu_time(pid)?.saturating_sub(busy);
    assert!(busy < CALM, "{busy:?} of CPU time within {EXHAUSTED:?} of waiting");
    // A probe may give one back for a moment.
    wait_for(|| Ok(open_files(pid)? >= FILES as usize))?;
    drop(holders);
    for (number, client) in waiting.iter_mut().enumerate() {
        let response = client.response(SOON, false);
        let response = response.map_err(|problem| format!("waiting client {number}: {problem}"))?;
        assert_eq!(response.status, 200, "{}", String::from_utf8_lossy(&response.body));
    }
    house.wait_until_usable()?;
    for _ in 0..50 {
        assert_eq!(house.body("/")?, "b0");
    }
    let metrics = house.metrics()?;
    assert!(metrics.sum("evenkeel_accept_exhausted_total", &[]) > 0.0);
    assert_eq!(metrics.sum("evenkeel_panics_total", &[]), 0.0);
    // Idle connections to the backend are kept, at most as many as there were requests at once on each worker.
    wait_for(|| Ok(open_files(pid)? <= before + 10))
}
