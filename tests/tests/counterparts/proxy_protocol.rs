//! The PROXY protocol, in and out: byte by byte with the test's own clients and backends, and between two HAProxys.

use std::error::Error;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use evenkeel_tests::balancer::Balancer;
use evenkeel_tests::certificate::Certificate;
use evenkeel_tests::client::Client;
use evenkeel_tests::origin::{Origin, Record};
use evenkeel_tests::program::{Service, program, run};
use evenkeel_tests::scratch::{Scratch, free_ports};
use serde_json::Value;

use crate::front::{Front, Outcome, SOON, wait_for};

const REQUEST: &[u8] = b"GET /told HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n";
const FROM_HERE: &str = "accept_proxy_protocol = [\"127.0.0.0/8\"]\ntimeouts = { header = \"10s\" }";

/// A header of version 2 for a stream over IPv6, with fields behind the addresses.
fn second() -> Vec<u8> {
    let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x29".to_vec();
    header.extend_from_slice(
        &"2001:db8::7"
            .parse::<std::net::Ipv6Addr>()
            .map(|ip| ip.octets())
            .unwrap_or_default(),
    );
    header.extend_from_slice(&[0x20; 16]);
    header.extend_from_slice(&[0x10, 0x92, 0x01, 0xbb]);
    // ALPN: h2.
    header.extend_from_slice(b"\x01\0\x02h2");
    header
}

/// Headers, and whom they speak for.
fn introductions() -> Vec<(Vec<u8>, &'static str)> {
    vec![
        (b"PROXY TCP4 192.0.2.7 198.51.100.1 4242 443\r\n".to_vec(), "192.0.2.7"),
        (b"PROXY TCP6 2001:db8::8 ::1 4242 443\r\n".to_vec(), "2001:db8::8"),
        (b"PROXY UNKNOWN\r\n".to_vec(), "127.0.0.1"),
        (second(), "2001:db8::7"),
        (b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0".to_vec(), "127.0.0.1"),
    ]
}

fn start(listener: &str, pool: &str) -> Result<(Origin, Front), Box<dyn Error>> {
    let origin = Origin::start()?;
    let front = Front::start(
        listener,
        |_| format!("backends = [\"{}\"]\n{pool}", origin.address()),
        &[],
    )?;
    Ok((origin, front))
}

fn address(front: &Front) -> Result<SocketAddr, Box<dyn Error>> {
    Ok(front.plain().parse()?)
}

/// What the backend received last that has this in it.
fn received(origin: &Origin, text: &str) -> Result<String, Box<dyn Error>> {
    let has = |record: &Record| String::from_utf8_lossy(&record.bytes).contains(text);
    if !origin.wait_until(SOON, |records| records.iter().any(has)) {
        return Err(format!("{text:?} did not arrive: {:?}", origin.records()).into());
    }
    let found = origin.records().into_iter().rfind(has);
    Ok(found
        .map(|record| String::from_utf8_lossy(&record.bytes).into_owned())
        .unwrap_or_default())
}

/// The line of the access log with this reason.
fn logged(front: &Front, reason: &str) -> Result<Value, Box<dyn Error>> {
    let mut found = None;
    wait_for(|| {
        found = front.log()?.into_iter().find(|line| line["reason"] == reason);
        Ok(found.is_some())
    })
    .map_err(|error| format!("{error}: no {reason} in {:?}", front.log()))?;
    Ok(found.unwrap_or_default())
}

#[test]
fn what_a_header_says_is_the_client_however_it_arrives() -> Outcome {
    let (origin, front) = start(FROM_HERE, "")?;
    for (header, client_address) in introductions() {
        for pieces in [usize::MAX, 1, 7] {
            origin.begin(Vec::new());
            let bytes = [&header, REQUEST].concat();
            let mut client = Client::connect(address(&front)?)?;
            client.send_in_pieces(&bytes, pieces)?;
            let response = client.response(SOON, false)?;
            assert_eq!(response.status, 200, "{}", header.escape_ascii());
            let head = received(&origin, "GET /told")?;
            let expected = format!("x-forwarded-for: {client_address}\r\n");
            assert!(head.to_ascii_lowercase().contains(&expected), "{head}");
        }
    }
    wait_for(|| Ok(front.log()?.len() >= 15))?;
    for (_, client_address) in introductions() {
        let lines = front
            .log()?
            .into_iter()
            .filter(|line| line["client"] == client_address)
            .count();
        assert!(lines >= 3, "{client_address}: {lines}");
    }
    Ok(())
}

#[test]
fn it_comes_before_encryption() -> Outcome {
    let (origin, front) = start(FROM_HERE, "")?;
    let mut curl = program("curl")?;
    curl.args([
        "--silent",
        "--show-error",
        "--noproxy",
        "*",
        "--haproxy-protocol",
        "--http1.1",
        "--max-time",
        "30",
    ]);
    curl.arg("--cacert").arg(&front.certificate.authority);
    let told = run(curl.arg(format!("https://{}/told", front.tls())), "", SOON)?.good()?;
    assert_eq!(told, "/told");
    assert!(received(&origin, "GET /told")?.contains("x-forwarded-for: 127.0.0.1\r\n"));
    Ok(())
}

#[test]
fn from_whom_it_is_accepted_it_is_required_and_must_be_right() -> Outcome {
    let (origin, front) = start(FROM_HERE, "")?;
    let cases: [(&[u8], &str); 6] = [
        (REQUEST, "no PROXY header"),
        (b"\x16\x03\x01\x02\0\x01\0\x01", "no PROXY header"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "no PROXY header"),
        (
            b"PROXY TCP4 192.0.2.256 198.51.100.1 1 2\r\nGET / HTTP/1.1\r\n",
            "an address",
        ),
        (b"PROXY TCP5 192.0.2.7 198.51.100.1 1 2\r\n", "a protocol"),
        (b"\r\n\r\n\0\r\nQUIT\n\x31\x11\0\x0c", "a version"),
    ];
    for (index, (bytes, detail)) in cases.iter().enumerate() {
        let mut client = Client::connect(address(&front)?)?;
        client.send(bytes)?;
        assert!(
            client.read_to_end(SOON),
            "the connection ends: {}",
            bytes.escape_ascii()
        );
        assert_eq!(client.received(), b"", "without a word");
        wait_for(|| Ok(front.log()?.len() > index))?;
        let line = front.log()?.pop().unwrap_or_default();
        assert_eq!(
            (&line["reason"], &line["client"]),
            (&"bad-proxy-header".into(), &"127.0.0.1".into()),
            "{line}"
        );
        assert!(
            line["detail"].as_str().is_some_and(|text| text.contains(detail)),
            "{line}"
        );
    }
    assert!(
        origin.records().iter().all(|record| record.bytes.is_empty()),
        "{:?}",
        origin.records()
    );
    Ok(())
}

#[test]
fn a_connection_that_says_nothing_is_no_fault_and_one_that_never_ends_its_header_is_cut() -> Outcome {
    let (_origin, front) = start(&FROM_HERE.replace("10s", "300ms"), "")?;
    // A balancer in front may look whether we listen.
    drop(Client::connect(address(&front)?)?);
    for part in [&b""[..], b"PROXY TCP4 192.0.2.7", b"\r\n\r\n\0\r\nQUIT\n\x21"] {
        let mut client = Client::connect(address(&front)?)?;
        client.send(part)?;
        assert!(client.read_to_end(SOON), "the connection ends");
        assert_eq!(client.received(), b"");
    }
    logged(&front, "header-timeout")?;
    let lines = front.log()?;
    assert!(lines.iter().all(|line| line["reason"] == "header-timeout"), "{lines:?}");
    Ok(())
}

#[test]
fn from_others_it_is_never_read() -> Outcome {
    for listener in ["", "accept_proxy_protocol = [\"192.0.2.0/24\", \"::1\"]"] {
        let (origin, front) = start(listener, "")?;
        for (header, _) in introductions() {
            let mut client = Client::connect(address(&front)?)?;
            client.send(&[&header, REQUEST].concat())?;
            // Version 2 begins with empty lines, which HTTP forgives, and then it is nonsense.
            assert_eq!(client.response(SOON, false)?.status, 400, "{}", header.escape_ascii());
        }
        let mut client = Client::connect(address(&front)?)?;
        client.send(REQUEST)?;
        assert_eq!(client.response(SOON, false)?.status, 200);
        assert!(received(&origin, "GET /told")?.contains("x-forwarded-for: 127.0.0.1\r\n"));
    }
    Ok(())
}

/// Asks twice on one connection; where that came from.
fn ask_twice(to: SocketAddr, before: &[u8]) -> Result<SocketAddr, Box<dyn Error>> {
    let mut stream = TcpStream::connect(to)?;
    stream.set_read_timeout(Some(SOON))?;
    let here = stream.local_addr()?;
    stream.write_all(before)?;
    for _ in 0..2 {
        stream.write_all(b"GET /told HTTP/1.1\r\nhost: test\r\n\r\n")?;
        let mut answer = Vec::new();
        let mut byte = [0];
        while !answer.ends_with(b"/told") {
            stream.read_exact(&mut byte)?;
            answer.push(byte[0]);
        }
    }
    Ok(here)
}

fn start_told(listener: &str, pool: &str) -> Result<(Told, Front), Box<dyn Error>> {
    let told = Told::start()?;
    let front = Front::start(listener, |_| format!("backends = [\"{}\"]\n{pool}", told.address), &[])?;
    Ok((told, front))
}

#[test]
fn the_backend_is_told_who_the_client_is() -> Outcome {
    for version in ["v1", "v2"] {
        let (backend, front) = start_told("", &format!("send_proxy_protocol = \"{version}\""))?;
        let to = address(&front)?;
        // Others get connections of their own.
        let mut expected = Vec::new();
        for _ in 0..3 {
            let here = ask_twice(to, b"")?;
            expected.push(introduced(version, here, to)?);
        }
        let requests = backend.requests();
        for header in &expected {
            let theirs: Vec<&Vec<u8>> = requests.iter().filter(|bytes| bytes.starts_with(header)).collect();
            let asked: usize = theirs.iter().map(|bytes| count_of(bytes, b"GET /told")).sum();
            assert_eq!(asked, 2, "{version}: {requests:?}");
            // It is said at the beginning and nowhere else.
            assert!(
                theirs.iter().all(|bytes| count_of(bytes, &header[..6]) == 1),
                "{version}: {theirs:?}"
            );
        }
        assert!(
            requests
                .iter()
                .all(|bytes| expected.iter().any(|header| bytes.starts_with(header))),
            "{requests:?}"
        );
    }
    Ok(())
}

#[test]
fn what_was_told_is_told_on() -> Outcome {
    let (backend, front) = start_told(FROM_HERE, "send_proxy_protocol = \"v1\"")?;
    let header = b"PROXY TCP4 192.0.2.7 198.51.100.1 4242 443\r\n";
    ask_twice(address(&front)?, header)?;
    let requests = backend.requests();
    assert!(!requests.is_empty());
    assert!(requests.iter().all(|bytes| bytes.starts_with(header)), "{requests:?}");
    // Whoever speaks for nobody else speaks for itself.
    let here = ask_twice(address(&front)?, b"PROXY UNKNOWN\r\n")?;
    let own = introduced("v1", here, address(&front)?)?;
    assert!(
        backend.requests().iter().any(|bytes| bytes.starts_with(&own)),
        "{:?}",
        backend.requests()
    );
    Ok(())
}

#[test]
fn a_reload_counts_from_the_next_connection_on() -> Outcome {
    let (backend, front) = start_told("", "")?;
    let to = address(&front)?;
    ask_twice(to, b"")?;
    let file = front.balancer.configuration();
    let text = std::fs::read_to_string(&file)?;
    for (pool, begins) in [("send_proxy_protocol = \"v1\"\n", &b"PROXY TCP4 "[..]), ("", b"GET ")] {
        std::fs::write(&file, text.replace("[pool.web]\n", &format!("[pool.web]\n{pool}")))?;
        front.command(&["reload", "-c", &file.to_string_lossy()])?;
        let before = backend.connections().len();
        ask_twice(to, b"")?;
        let later: Vec<Vec<u8>> = backend.connections()[before..].to_vec();
        let asked: Vec<&Vec<u8>> = later.iter().filter(|bytes| count_of(bytes, b"GET /told") > 0).collect();
        assert!(!asked.is_empty(), "none that was made before is used");
        assert!(asked.iter().all(|bytes| bytes.starts_with(begins)), "{asked:?}");
    }
    Ok(())
}

/// A backend that keeps what came on each connection, whatever it begins with, and answers `/told` to each head.
struct Told {
    address: SocketAddr,
    connections: Arc<Mutex<Vec<Vec<u8>>>>,
    over: Arc<AtomicBool>,
}

impl Told {
    fn start() -> Result<Told, Box<dyn Error>> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let told = Told {
            address: listener.local_addr()?,
            connections: Arc::default(),
            over: Arc::default(),
        };
        let (connections, over) = (Arc::clone(&told.connections), Arc::clone(&told.over));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if over.load(Ordering::SeqCst) {
                    return;
                }
                let connections = Arc::clone(&connections);
                std::thread::spawn(move || listen(stream, &connections));
            }
        });
        Ok(told)
    }

    fn connections(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What came on each connection with a request; probes bring none.
    fn requests(&self) -> Vec<Vec<u8>> {
        let connections = self.connections();
        connections
            .iter()
            .filter(|bytes| count_of(bytes, b"GET /told") > 0)
            .cloned()
            .collect()
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
    }
}

fn listen(mut stream: TcpStream, connections: &Mutex<Vec<Vec<u8>>>) {
    let place = {
        let mut connections = connections.lock().unwrap_or_else(PoisonError::into_inner);
        connections.push(Vec::new());
        connections.len() - 1
    };
    let mut answered = 0;
    let mut piece = [0; 4096];
    while let Ok(count @ 1..) = stream.read(&mut piece) {
        let mut connections = connections.lock().unwrap_or_else(PoisonError::into_inner);
        connections[place].extend_from_slice(&piece[..count]);
        // The end of a head follows its beginning, and these clients wait for the answer.
        let asked = count_of(&connections[place], b"GET /told");
        if asked > answered && connections[place].ends_with(b"\r\n\r\n") {
            answered = asked;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n/told");
        }
    }
}

fn count_of(bytes: &[u8], part: &[u8]) -> usize {
    bytes.windows(part.len()).filter(|window| window == &part).count()
}

/// The header for a stream between these two.
fn introduced(version: &str, from: SocketAddr, to: SocketAddr) -> Result<Vec<u8>, Box<dyn Error>> {
    let (SocketAddr::V4(from), SocketAddr::V4(to)) = (from, to) else {
        return Err("the test speaks IPv4".into());
    };
    if version == "v1" {
        let line = format!("PROXY TCP4 {} {} {} {}\r\n", from.ip(), to.ip(), from.port(), to.port());
        return Ok(line.into_bytes());
    }
    let mut block = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec();
    block.extend_from_slice(&from.ip().octets());
    block.extend_from_slice(&to.ip().octets());
    block.extend_from_slice(&from.port().to_be_bytes());
    block.extend_from_slice(&to.port().to_be_bytes());
    Ok(block)
}

/// HAProxy in front tells us, with a checksum; we tell the HAProxy behind, which answers with what it was told.
#[test]
fn between_two_haproxys() -> Outcome {
    for (version, options) in [
        ("v1", "send-proxy"),
        ("v2", "send-proxy-v2 proxy-v2-options crc32c,unique-id"),
    ] {
        let scratch = Scratch::new()?;
        let ports = free_ports(2)?;
        let (before, behind) = (ports[0], ports[1]);
        let answer = "http-request return status 200 content-type text/plain lf-string";
        let _behind = haproxy(
            &scratch.path().join("behind.cfg"),
            &format!(
                "frontend behind\n mode http\n bind 127.0.0.1:{behind} accept-proxy\n \
                 {answer} \"%[src] %[src_port] %[dst_port]\"\n"
            ),
        )?;
        let balancer = Balancer::start(1, |ports| {
            format!(
                "[listener.web]\nbind = \"127.0.0.1:{}\"\npool = \"web\"\n{FROM_HERE}\n\
                 [pool.web]\nbackends = [\"127.0.0.1:{behind}\"]\nsend_proxy_protocol = \"{version}\"\n\
                 check = {{ http = \"/\", every = \"100ms\" }}\n",
                ports[0]
            )
        })?;
        let ours = balancer.ports()[0];
        let _before = haproxy(
            &scratch.path().join("before.cfg"),
            &format!(
                "listen before\n mode tcp\n unique-id-format %[uuid]\n bind 127.0.0.1:{before}\n \
                 tcp-request connection set-src str(192.0.2.99)\n tcp-request connection set-src-port int(4242)\n \
                 server ours 127.0.0.1:{ours} {options}\n"
            ),
        )?;
        let mut said = String::new();
        // Until they listen.
        wait_for(|| {
            let mut curl = program("curl")?;
            curl.args(["--silent", "--noproxy", "*", "--max-time", "10"]);
            let finished = run(curl.arg(format!("http://127.0.0.1:{before}/")), "", SOON)?;
            said = finished.stdout;
            Ok(finished.status.success())
        })?;
        assert_eq!(said, format!("192.0.2.99 4242 {before}"), "{version}");
    }
    Ok(())
}

/// It comes before encryption here, too, and streams of one client share a connection.
#[test]
fn to_backends_with_http_2_and_tls() -> Outcome {
    let scratch = Scratch::new()?;
    let certificate = Certificate::make(scratch.path())?;
    let behind = free_ports(1)?[0];
    let pem = certificate.pem.display();
    let _behind = haproxy(
        &scratch.path().join("behind.cfg"),
        &format!(
            "frontend behind\n mode http\n bind 127.0.0.1:{behind} accept-proxy ssl crt {pem} alpn h2\n \
             http-request return status 200 content-type text/plain lf-string \"%[src_port] %HV\\n\"\n"
        ),
    )?;
    let authority = certificate.authority.display();
    let front = Front::start(
        "",
        |_| {
            format!(
                "backends = [\"127.0.0.1:{behind}\"]\nprotocol = \"h2\"\nsend_proxy_protocol = \"v2\"\n\
                 tls = {{ ca = \"{authority}\", server_name = \"localhost\" }}\ncheck = {{ http = \"/\", every = \"100ms\" }}"
            )
        },
        &[],
    )?;
    for version in ["--http1.1", "--http2"] {
        let mut curl = program("curl")?;
        curl.args([
            "--silent",
            "--show-error",
            "--noproxy",
            "*",
            "--max-time",
            "30",
            version,
        ]);
        curl.arg("--cacert").arg(&front.certificate.authority);
        curl.args(["--write-out", "%{local_port}\n"])
            .arg(format!("https://{}/[1-3]", front.tls()));
        let said = run(&mut curl, "", SOON)?.good()?;
        let lines: Vec<&str> = said.lines().collect();
        assert_eq!(lines.len(), 6, "{said}");
        let expected = format!("{} HTTP/2.0", lines[1]);
        assert!(lines.chunks(2).all(|pair| pair == [&expected, lines[1]]), "{said}");
    }
    Ok(())
}

fn haproxy(file: &Path, text: &str) -> Result<Service, Box<dyn Error>> {
    std::fs::write(
        file,
        format!("defaults\n timeout client 30s\n timeout server 30s\n timeout connect 5s\n{text}"),
    )?;
    Ok(Service::start(program("haproxy")?.arg("-db").arg("-f").arg(file))?)
}
