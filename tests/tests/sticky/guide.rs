//! Every configuration of the guide's page works as it is written there.

use evenkeel_tests::backend::Backend;
use evenkeel_tests::balancer::Balancer;
use evenkeel_tests::guide::configurations;
use evenkeel_tests::scratch::Scratch;

use crate::house::{Browser, Outcome, status, wait_for};

#[test]
fn the_configurations_of_the_guide_keep_clients() -> Outcome {
    let configurations = configurations("sticky-sessions.md")?;
    assert_eq!(configurations.len(), 3);
    for configuration in configurations {
        let scratch = Scratch::new()?;
        let secret = scratch.path().join("sticky.secret");
        std::fs::write(&secret, "0123456789abcdef0123456789abcdef\n")?;
        let backends = Backend::start_all(&["b0", "b1"], &scratch.path().join("journal"))?;
        let balancer = Balancer::start(1, |ports| {
            configuration
                .replace("\":8080\"", &format!("\"127.0.0.1:{}\"", ports[0]))
                .replace("10.0.0.1:8080", &backends[0].address().to_string())
                .replace("10.0.0.2:8080", &backends[1].address().to_string())
                .replace("sticky.secret", &secret.to_string_lossy())
        })?;
        wait_for(|| {
            let status = status(&balancer)?;
            let backends = status["pools"][0]["backends"].as_array().cloned().unwrap_or_default();
            Ok(backends.len() == 2 && backends.iter().all(|backend| backend["usable"] == true))
        })?;
        let mut browser = Browser::new(&balancer);
        browser.fields = "x-session: 7\r\n".to_owned();
        let home = browser.visit("/")?;
        for _ in 0..10 {
            assert_eq!(browser.visit("/")?, home, "{configuration}");
        }
    }
    Ok(())
}
