//! Origin, relay and load together, as processes: what the run relies on.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// The window is ended by the number of requests; this is only what a hopeless machine would take.
const SECONDS_MAX: &str = "60";

struct Server {
    child: Child,
    addresses: Vec<String>,
}

impl Server {
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_evenkeel-bench"))
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("stdout is piped");
        BufReader::new(stdout)
            .read_line(&mut line)
            .expect("it says where it listens");
        let addresses = line.split_whitespace().map(str::to_owned).collect();
        Self { child, addresses }
    }

    fn process(&self) -> String {
        self.child.id().to_string()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn load(to: &str, arguments: &[&str]) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_evenkeel-bench"))
        .args(["load", "--json", "--to", to, "--warmup", "0", "--seconds", SECONDS_MAX])
        .args(arguments)
        .output()
        .expect("the binary starts");
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&text).unwrap_or_else(|_| {
        panic!(
            "{arguments:?} said {text:?} and {}",
            String::from_utf8_lossy(&output.stderr)
        )
    })
}

fn errors(figures: &Value) -> u64 {
    figures["errors"]
        .as_object()
        .expect("errors are counted")
        .values()
        .filter_map(Value::as_u64)
        .sum()
}

#[test]
fn every_load_is_answered_directly_and_through_the_relay() {
    let origin = Server::start(&["origin", "--listen", "127.0.0.1:0", "--listen", "127.0.0.1:0"]);
    assert_eq!(origin.addresses.len(), 2);
    let relay = Server::start(&["relay", "--to", &origin.addresses[0], "--to", &origin.addresses[1]]);
    for to in [&origin.addresses[0], &relay.addresses[0]] {
        for arguments in [
            &["--connections", "8", "--requests", "2000"][..],
            &["--path", "/16k", "--connections", "8", "--requests", "500"],
            &["--path", "/chunked16k", "--connections", "8", "--requests", "500"],
            &["--path", "/1m", "--connections", "3", "--requests", "40"],
            &["--upload", "1048576", "--connections", "3", "--requests", "40"],
            &["--per-request", "--connections", "4", "--requests", "200"],
            &["--rate", "2000", "--requests", "500"],
            &["--rate", "2000", "--poisson", "--connections", "1", "--requests", "500"],
        ] {
            let figures = load(to, arguments);
            assert_eq!(errors(&figures), 0, "{arguments:?}: {figures}");
            let wanted: u64 = arguments[arguments.len() - 1]
                .parse()
                .expect("the last argument is a number");
            assert!(
                figures["completed"].as_u64() >= Some(wanted),
                "{arguments:?}: {figures}"
            );
        }
    }
}

/// A certificate with its key, removed in the end.
struct Certificate(std::path::PathBuf);

impl Certificate {
    fn make(name: &str) -> Self {
        let made = rcgen::generate_simple_self_signed(["bench.test".to_owned()]).expect("it is made");
        let path = std::env::temp_dir().join(format!("evenkeel-bench-{}-{name}.pem", std::process::id()));
        let text = made.cert.pem() + &made.signing_key.serialize_pem();
        std::fs::write(&path, text).expect("there is room");
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().expect("the path is text")
    }
}

impl Drop for Certificate {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn loads_over_tls_are_answered_through_the_relay() {
    let certificate = Certificate::make("own");
    let origin = Server::start(&["origin"]);
    let relay = Server::start(&["relay", "--to", &origin.addresses[0], "--tls", certificate.path()]);
    for arguments in [
        &["--connections", "8", "--requests", "2000"][..],
        &["--path", "/16k", "--connections", "8", "--requests", "500"],
        &["--path", "/1m", "--connections", "3", "--requests", "40"],
        &["--upload", "1048576", "--connections", "3", "--requests", "40"],
        &["--per-request", "--connections", "4", "--requests", "200"],
    ] {
        let arguments = [&["--tls", certificate.path()], arguments].concat();
        let figures = load(&relay.addresses[0], &arguments);
        assert_eq!(errors(&figures), 0, "{arguments:?}: {figures}");
        let wanted: u64 = arguments[arguments.len() - 1]
            .parse()
            .expect("the last argument is a number");
        assert!(
            figures["completed"].as_u64() >= Some(wanted),
            "{arguments:?}: {figures}"
        );
    }
    let watch = relay.process();
    let idle = [
        "--tls",
        certificate.path(),
        "--idle",
        "--connections",
        "100",
        "--watch",
        &watch,
    ];
    let figures = load(&relay.addresses[0], &idle);
    assert_eq!(figures["idle"]["connections"], 100);
    assert_eq!(figures["idle"]["lost"], 0);
}

#[test]
fn nobody_is_believed_who_shows_another_certificate() {
    let (shown, expected) = (Certificate::make("shown"), Certificate::make("expected"));
    let origin = Server::start(&["origin"]);
    let relay = Server::start(&["relay", "--to", &origin.addresses[0], "--tls", shown.path()]);
    let output = Command::new(env!("CARGO_BIN_EXE_evenkeel-bench"))
        .args(["load", "--to", &relay.addresses[0], "--tls", expected.path()])
        .args(["--warmup", "0", "--seconds", SECONDS_MAX])
        .output()
        .expect("the binary starts");
    assert!(!output.status.success(), "it gives up");
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(words.contains("bad TLS"), "{words}");
}

#[test]
fn the_watched_process_is_charged_for_its_work_and_memory() {
    let origin = Server::start(&["origin"]);
    let relay = Server::start(&["relay", "--to", &origin.addresses[0]]);
    let watch = relay.process();
    let figures = load(&relay.addresses[0], &["--requests", "20000", "--watch", &watch]);
    let each = figures["cpu_us_per_request"].as_f64().expect("a process was watched");
    assert!(each > 0.1 && each < 10_000.0, "{figures}");
    let figures = load(
        &relay.addresses[0],
        &["--idle", "--connections", "100", "--watch", &watch],
    );
    assert_eq!(figures["idle"]["connections"], 100);
    assert_eq!(figures["idle"]["lost"], 0);
    assert!(figures["idle"]["memory_before"].as_u64() > Some(0));
}

#[test]
fn wrong_answers_and_refused_connections_are_errors() {
    let origin = Server::start(&["origin"]);
    // The relay's only backend is gone.
    let gone = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
        listener.local_addr().expect("it is bound").to_string()
    };
    let relay = Server::start(&["relay", "--to", &gone]);
    let output = Command::new(env!("CARGO_BIN_EXE_evenkeel-bench"))
        .args([
            "load",
            "--to",
            &relay.addresses[0],
            "--warmup",
            "0",
            "--seconds",
            SECONDS_MAX,
        ])
        .output()
        .expect("the binary starts");
    assert!(!output.status.success(), "a load that is never answered gives up");
    let mut stream = TcpStream::connect(&origin.addresses[0]).expect("the origin listens");
    stream.write_all(b"GET /nothing HTTP/1.0\r\n\r\n").expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers and closes");
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let origin = Server::start(&["origin", "--uneven"]);
    let mut stream = TcpStream::connect(&origin.addresses[0]).expect("the origin listens");
    let requests = b"GET /128 HTTP/1.1\r\nHost: a\r\n\r\nHEAD /16k HTTP/1.1\r\nHost: a\r\n\r\n\
        POST /upload HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n\
        GET /work HTTP/1.1\r\nHost: a\r\n\r\nGET /nothing HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    stream.write_all(requests).expect("it reads");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("it answers and closes");
    let text = String::from_utf8_lossy(&answer);
    let statuses: Vec<&str> = text
        .match_indices("HTTP/1.1 ")
        .map(|(at, _)| &text[at + 9..at + 12])
        .collect();
    assert_eq!(statuses, ["200", "200", "200", "200", "404"]);
    let lengths: Vec<&str> = text
        .match_indices("Content-Length: ")
        .map(|(at, word)| text[at + word.len()..].split('\r').next().unwrap())
        .collect();
    assert_eq!(lengths, ["128", "16384", "128", "128", "0"]);
    assert_eq!(
        text.matches('x').count(),
        3 * 128 + text.matches("text").count(),
        "HEAD has no body"
    );
}
