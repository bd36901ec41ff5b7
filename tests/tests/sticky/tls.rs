//! Over TLS, with curl as the browser: in HTTP/1.1 and in HTTP/2.

use std::time::Duration;

use evenkeel_tests::backend::Backend;
use evenkeel_tests::balancer::Balancer;
use evenkeel_tests::certificate::Certificate;
use evenkeel_tests::program::{program, run};
use evenkeel_tests::scratch::Scratch;

use crate::house::Outcome;

const CURL_WITHIN: Duration = Duration::from_secs(60);

#[test]
fn a_browser_keeps_its_backend_in_both_versions_and_its_cookie_is_for_tls_only() -> Outcome {
    let scratch = Scratch::new()?;
    let certificate = Certificate::make(scratch.path())?;
    let backends = Backend::start_all(&["b0", "b1", "b2"], &scratch.path().join("journal"))?;
    let list: Vec<String> = backends.iter().map(|one| format!("\"{}\"", one.address())).collect();
    let (chain, key) = (certificate.chain.display(), certificate.key.display());
    let balancer = Balancer::start(1, |ports| {
        format!(
            "[listener.web]\nbind = \"127.0.0.1:{}\"\npool = \"web\"\n\
             tls = {{ certificates = [{{ cert = \"{chain}\", key = \"{key}\" }}] }}\n\
             [pool.web]\nbackends = [{}]\ncheck = false\nbalance = \"round-robin\"\nsticky = \"cookie\"\n",
            ports[0],
            list.join(", ")
        )
    })?;
    let url = format!("https://127.0.0.1:{}/", balancer.ports()[0]);
    for version in ["--http1.1", "--http2"] {
        let jar = scratch.path().join(format!("jar{version}"));
        let ask = || -> Result<String, Box<dyn std::error::Error>> {
            let mut command = program("curl")?;
            command.args([
                "--silent",
                "--show-error",
                "--noproxy",
                "*",
                "--max-time",
                "50",
                "--include",
            ]);
            command.arg("--cacert").arg(&certificate.authority);
            command.arg("--cookie").arg(&jar).arg("--cookie-jar").arg(&jar);
            command.arg(version).arg(&url);
            Ok(run(&mut command, "", CURL_WITHIN)?.good()?)
        };
        std::fs::write(&jar, "")?;
        let first = ask()?;
        let given: Vec<&str> = first.lines().filter(|line| line.starts_with("set-cookie: ")).collect();
        assert_eq!(given.len(), 1, "{first}");
        assert!(
            given[0].ends_with("; Path=/; HttpOnly; SameSite=Lax; Secure"),
            "{given:?}"
        );
        let home = first.lines().last().unwrap_or_default().to_owned();
        for _ in 0..4 {
            let again = ask()?;
            assert!(again.ends_with(&home), "{home}: {again}");
            assert!(!again.contains("set-cookie"), "{again}");
        }
    }
    Ok(())
}
