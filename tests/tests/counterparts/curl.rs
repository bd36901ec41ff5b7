//! curl, h2load and nghttp.

use std::error::Error;
use std::time::Duration;

use evenkeel_tests::backend::Backend;
use evenkeel_tests::origin::{Answer, Origin, Step, When};
use evenkeel_tests::program::{program, run};
use evenkeel_tests::scratch::Scratch;

use crate::front::{Front, Outcome};

const CURL_WITHIN: Duration = Duration::from_secs(60);
/// Requests of h2load in all.
const REQUESTS: usize = 20_000;

/// A way to ask: curl's option, whether over TLS, and the version that must come of it.
type Way = (&'static str, bool, &'static str);

const PLAIN_HTTP_2: Way = ("--http2-prior-knowledge", false, "2");

const WAYS: [Way; 5] = [
    ("--http1.1", false, "1.1"),
    ("--http1.1", true, "1.1"),
    PLAIN_HTTP_2,
    ("--http2", true, "2"),
    // Over plain TCP this asks to upgrade to h2c, which is not offered: the answer comes as HTTP/1.1.
    ("--http2", false, "1.1"),
];

/// Runs curl; what it wrote to standard output and to standard error.
fn curl(front: &Front, way: Way, target: &str, more: &[&str]) -> Result<(String, String), Box<dyn Error>> {
    curl_with(front, way, target, more, "")
}

/// As [`curl`], with its standard input.
fn curl_with(
    front: &Front,
    way: Way,
    target: &str,
    more: &[&str],
    input: &str,
) -> Result<(String, String), Box<dyn Error>> {
    let (version, tls, _) = way;
    let base = if tls {
        format!("https://{}", front.tls())
    } else {
        format!("http://{}", front.plain())
    };
    let mut command = program("curl")?;
    command.args(["--silent", "--show-error", "--noproxy", "*", "--max-time", "50"]);
    command.arg("--cacert").arg(&front.certificate.authority);
    command.arg(version).args(more).arg(format!("{base}{target}"));
    let finished = run(&mut command, input, CURL_WITHIN)?;
    let said = finished.stderr.clone();
    let out = finished.good();
    Ok((
        out.map_err(|error| format!("{way:?} {target} {more:?}: {error}"))?,
        said,
    ))
}

fn backend() -> Result<(Scratch, Backend, Front), Box<dyn Error>> {
    let scratch = Scratch::new()?;
    let backend = Backend::start("b0", &scratch.path().join("journal"))?;
    let front = Front::start("", |_| format!("backends = [\"{}\"]", backend.address()), &[])?;
    Ok((scratch, backend, front))
}

#[test]
fn every_version_and_several_requests_over_one_connection() -> Outcome {
    let (_scratch, _backend, front) = backend()?;
    // curl 7.88 loses its second request over plain HTTP/2, whoever answers.
    for way in WAYS.into_iter().filter(|way| *way != PLAIN_HTTP_2) {
        let format = "\n%{http_version} %{response_code} %{num_connects}\n";
        let (out, _) = curl(&front, way, "/[1-3]", &["--write-out", format])?;
        let expected = |connects: u32| format!("b0\n{} 200 {connects}\n", way.2);
        assert_eq!(out, [expected(1), expected(0), expected(0)].concat(), "{way:?}");
    }
    Ok(())
}

#[test]
fn bodies_large_and_small_both_ways() -> Outcome {
    let (_scratch, _backend, front) = backend()?;
    let file = front.scratch.path().join("upload");
    std::fs::write(&file, vec![b'u'; 10_000_000])?;
    let upload = format!("@{}", file.display());
    for way in WAYS {
        let (out, _) = curl(&front, way, "/sink", &["--data-binary", &upload])?;
        assert_eq!(out, "10000000", "{way:?}");
        // From a pipe, so that nobody knows its length before.
        let piped = curl_with(&front, way, "/sink", &["--upload-file", "-"], &"u".repeat(50_000))?;
        assert_eq!(piped.0, "50000", "{way:?}");
        let (out, _) = curl(&front, way, "/echo", &["--data-binary", "tea"])?;
        assert_eq!(out, "tea", "{way:?}");
        for target in ["/big?bytes=3000000", "/big?chunked=3000000"] {
            let (out, _) = curl(
                &front,
                way,
                target,
                &["--output", "/dev/null", "--write-out", "%{size_download}"],
            )?;
            assert_eq!(out, "3000000", "{way:?} {target}");
        }
        let (out, _) = curl(&front, way, "/big?bytes=3000000", &["--head"])?;
        assert!(
            out.to_ascii_lowercase().contains("content-length: 3000000"),
            "{way:?}: {out}"
        );
    }
    Ok(())
}

#[test]
fn a_client_that_waits_for_100_continue_gets_it() -> Outcome {
    let origin = Origin::start()?;
    let front = Front::start("", |_| format!("backends = [\"{}\"]", origin.address()), &[])?;
    for way in WAYS {
        let steps = vec![
            Step::Send(b"HTTP/1.1 100 Continue\r\n\r\n".to_vec()),
            Step::Await(b"tea".to_vec()),
            Step::Send(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nthanks".to_vec()),
        ];
        origin.begin(vec![Answer {
            when: When::Head,
            steps,
        }]);
        // It waits longer for leave than the test waits for it.
        let wait = [
            "--header",
            "expect: 100-continue",
            "--expect100-timeout",
            "100",
            "--data-binary",
            "tea",
            "--verbose",
        ];
        let (out, said) = curl(&front, way, "/", &wait)?;
        assert_eq!(out, "thanks", "{way:?}");
        let interim = format!("< HTTP/{} 100", way.2);
        assert!(said.contains(&interim), "{way:?}: {said}");
    }
    Ok(())
}

#[test]
fn trailers_arrive() -> Outcome {
    let origin = Origin::start()?;
    let front = Front::start("", |_| format!("backends = [\"{}\"]", origin.address()), &[])?;
    let answer =
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n3\r\ntea\r\n0\r\nx-sum: 42\r\n\r\n";
    for url in [
        format!("http://{}/", front.plain()),
        format!("https://{}/", front.tls()),
    ] {
        origin.begin(vec![Answer {
            when: When::WholeRequest,
            steps: vec![Step::Send(answer.to_vec())],
        }]);
        let mut command = program("nghttp")?;
        command.args(["--verbose", "--no-verify-peer", "--timeout=30", &url]);
        let printed = run(&mut command, "", CURL_WITHIN)?.good()?;
        let data = printed.find("recv DATA frame").ok_or(printed.clone())?;
        let trailer = printed.find("x-sum: 42").ok_or(printed.clone())?;
        assert!(data < trailer, "the trailer follows the body: {printed}");
        assert!(printed.contains("tea"), "{printed}");
    }
    Ok(())
}

#[test]
fn many_streams_at_once() -> Outcome {
    let (_scratch, _backend, front) = backend()?;
    for url in [
        format!("http://{}/", front.plain()),
        format!("https://{}/", front.tls()),
    ] {
        let mut command = program("h2load")?;
        command.args([
            "--clients=16",
            "--max-concurrent-streams=32",
            "--connection-active-timeout=90s",
        ]);
        command.arg(format!("--requests={REQUESTS}")).arg(&url);
        let printed = run(&mut command, "", Duration::from_secs(120))?.good()?;
        let requests = format!(
            "requests: {REQUESTS} total, {REQUESTS} started, {REQUESTS} done, {REQUESTS} succeeded, 0 failed, 0 errored, 0 timeout"
        );
        assert!(printed.contains(&requests), "{printed}");
        assert!(
            printed.contains(&format!("status codes: {REQUESTS} 2xx, 0 3xx, 0 4xx, 0 5xx")),
            "{printed}"
        );
        assert!(printed.contains("Application protocol: h2"), "{printed}");
    }
    Ok(())
}
