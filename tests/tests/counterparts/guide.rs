//! The configurations that the guide's pages show, run as they stand but for their addresses and files.

use std::error::Error;

use evenkeel_tests::balancer::Balancer;
use evenkeel_tests::certificate::Certificate;
use evenkeel_tests::guide::configurations;
use evenkeel_tests::program::{Service, program, run};
use evenkeel_tests::python::script;
use evenkeel_tests::scratch::Scratch;

use crate::front::{Outcome, SOON, all_hold, serve};

/// A balancer with a page's configuration.
struct Shown {
    balancer: Balancer,
    certificate: Certificate,
    _scratch: Scratch,
}

impl Shown {
    /// With the configuration that is on this page at this place, from 0; each text of `instead` must be in it, and is
    /// replaced by the other. So are where the listener is and its certificate.
    fn start(page: &str, place: usize, instead: &[(&str, String)]) -> Result<Shown, Box<dyn Error>> {
        let text = configuration(page, place)?;
        let scratch = Scratch::new()?;
        let certificate = Certificate::make(scratch.path())?;
        let pem = certificate.pem.display();
        let balancer = Balancer::start(1, |ports| {
            let mut text = text.clone();
            for (from, to) in instead {
                assert!(text.contains(from), "{page} has no {from:?} any more:\n{text}");
                text = text.replace(from, to);
            }
            let here = format!("bind = \"127.0.0.1:{}\"", ports[0]);
            let lines = text.lines().map(|line| match line {
                _ if line.starts_with("bind = ") => here.clone(),
                _ if line.starts_with("tls = { certificates") => {
                    format!("tls = {{ certificates = [\"{pem}\"] }}")
                }
                other => other.to_owned(),
            });
            lines.collect::<Vec<_>>().join("\n")
        })?;
        Ok(Shown {
            balancer,
            certificate,
            _scratch: scratch,
        })
    }

    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.balancer.ports()[0])
    }

    fn authority(&self) -> String {
        self.certificate.authority.display().to_string()
    }
}

/// One of the configurations on a page of the guide.
fn configuration(page: &str, place: usize) -> Result<String, Box<dyn Error>> {
    let found = configurations(page)?.into_iter().nth(place);
    Ok(found.ok_or_else(|| format!("{page} has no configuration {place}"))?)
}

#[test]
fn websocket() -> Outcome {
    let (_server, port) = serve("websocket_server.py", &["ws0"])?;
    let ours = format!("[\"127.0.0.1:{port}\"]");
    let shown = Shown::start(
        "websocket.md",
        0,
        &[("[\"10.0.0.1:8080\", \"10.0.0.2:8080\"]", ours.clone())],
    )?;
    let mut client = script("websocket_client.py")?;
    all_hold(client.arg(format!("wss://{}", shown.address())).arg(shown.authority()))?;
    let pages = serve("page_server.py", &["pages"])?;
    let instead = [
        ("[\"10.0.0.1:8080\", \"10.0.0.2:8080\"]", ours),
        (
            "[\"10.0.1.1:8080\", \"10.0.1.2:8080\"]",
            format!("[\"127.0.0.1:{}\"]", pages.1),
        ),
    ];
    let shown = Shown::start("websocket.md", 1, &instead)?;
    let mut client = script("websocket_client.py")?;
    let mut stays = Service::start(client.arg(format!("ws://{}/chat", shown.address())).arg("stay"))?;
    assert_eq!(stays.line(SOON)?, "open");
    stays.say("tea")?;
    assert_eq!(stays.line(SOON)?, "tea");
    assert_eq!(get(&format!("http://{}/who", shown.address()), &[])?, "pages");
    Ok(())
}

#[test]
fn grpc() -> Outcome {
    let (_server, port) = serve("grpc_server.py", &["g0"])?;
    let service = ("helloworld.Greeter", "test.Kinds".to_owned());
    let instead = [
        (
            "\"10.0.0.1:50051\", \"10.0.0.2:50051\"",
            format!("\"127.0.0.1:{port}\""),
        ),
        service.clone(),
    ];
    let shown = Shown::start("grpc.md", 0, &instead)?;
    let mut client = script("grpc_client.py")?;
    all_hold(
        client
            .arg(shown.address())
            .args(["--tls", &shown.authority(), "localhost"]),
    )?;
    // Backends with TLS.
    let theirs = Scratch::new()?;
    let certificate = Certificate::make(theirs.path())?;
    let (chain, key) = (
        certificate.chain.display().to_string(),
        certificate.key.display().to_string(),
    );
    let (_server, port) = serve("grpc_server.py", &["g1", "--tls", &chain, &key])?;
    let instead = [
        ("10.0.0.1:50051", format!("127.0.0.1:{port}")),
        ("certs/internal-ca.pem", certificate.authority.display().to_string()),
        ("greeter.internal", "localhost".to_owned()),
        service,
    ];
    let shown = Shown::start("grpc.md", 1, &instead)?;
    let mut client = script("grpc_client.py")?;
    all_hold(
        client
            .arg(shown.address())
            .args(["--tls", &shown.authority(), "localhost"]),
    )
}

#[test]
fn proxy_protocol() -> Outcome {
    let (_site, port) = serve("page_server.py", &["p0"])?;
    let ours = format!("[\"127.0.0.1:{port}\"]");
    let instead = [
        ("[\"10.0.0.0/24\"]", "[\"127.0.0.1\"]".to_owned()),
        ("[\"10.0.1.1:8080\", \"10.0.1.2:8080\"]", ours),
    ];
    let shown = Shown::start("proxy-protocol.md", 0, &instead)?;
    let url = format!("https://{}/who", shown.address());
    let authority = shown.authority();
    assert_eq!(get(&url, &["--haproxy-protocol", "--cacert", &authority])?, "p0");
    assert!(get(&url, &["--cacert", &authority]).is_err(), "it is required");
    Ok(())
}

fn get(url: &str, more: &[&str]) -> Result<String, Box<dyn Error>> {
    let mut curl = program("curl")?;
    curl.args(["--silent", "--show-error", "--noproxy", "*", "--max-time", "30"]);
    Ok(run(curl.args(more).arg(url), "", SOON)?.good()?)
}
