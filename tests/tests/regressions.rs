//! Bugs of the past, each with what a client saw of it.

use std::error::Error;
use std::io::{self, Read as _, Write as _};
use std::mem::MaybeUninit;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use evenkeel_tests::balancer::Balancer;
use evenkeel_tests::client::Client;
use evenkeel_tests::origin::Origin;

type Outcome = Result<(), Box<dyn Error>>;

/// Longer than anything here takes on a busy machine.
const SOON: Duration = Duration::from_secs(20);
const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: test\r\n\r\n";

/// A backend of which the test itself plays every byte, behind a balancer.
struct Stage {
    balancer: Balancer,
    backend: TcpListener,
}

impl Stage {
    fn set(listener: &str, pool: &str) -> io::Result<Stage> {
        let backend = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = backend.local_addr()?;
        let balancer = Balancer::start(1, |ports| {
            format!(
                "[listener.web]\nbind = [\"127.0.0.1:{}\", \"unix:web.sock\"]\npool = \"web\"\n{listener}\n\
                 [pool.web]\nbackends = [\"{address}\"]\ncheck = false\n{pool}\n",
                ports[0]
            )
        })?;
        Ok(Stage { balancer, backend })
    }

    fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.balancer.ports()[0]).into()
    }

    fn accept(&self) -> io::Result<TcpStream> {
        let (stream, _) = self.backend.accept()?;
        stream.set_read_timeout(Some(SOON))?;
        Ok(stream)
    }
}

/// Reads until the end of a head, and gives what came.
fn read_head(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    let mut buffer = [0; 4096];
    while !head.windows(4).any(|bytes| bytes == b"\r\n\r\n") {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        head.extend_from_slice(&buffer[..count]);
    }
    Ok(head)
}

/// Waits until `done` says so.
fn wait_until(what: &str, mut done: impl FnMut() -> io::Result<bool>) -> Outcome {
    let deadline = Instant::now() + SOON;
    while !done()? {
        if Instant::now() > deadline {
            return Err(format!("never: {what}").into());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

#[test]
fn an_answer_that_comes_before_the_body_is_not_lost_when_the_client_sends_on() -> Outcome {
    const ANSWER: usize = 400 << 10;
    let stage = Stage::set("", "")?;
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
    // So that most of the answer is in the balancer's kernel buffer, which a reset throws away.
    socket.set_recv_buffer_size(4096)?;
    socket.connect(&stage.address().into())?;
    let mut client: TcpStream = socket.into();
    client.set_read_timeout(Some(SOON))?;
    client.write_all(b"POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 1000000\r\n\r\nbegun")?;
    let mut backend = stage.accept()?;
    read_head(&mut backend)?;
    write!(backend, "HTTP/1.1 413 Enough\r\ncontent-length: {ANSWER}\r\n\r\n")?;
    backend.write_all(&vec![b'x'; ANSWER])?;
    // The balancer has done with the backend: it has all of the answer.
    let mut rest = Vec::new();
    let _ = backend.read_to_end(&mut rest);
    wait_until("the request is over", || {
        let (_, metrics) = stage.balancer.admin("GET", "/metrics", "")?;
        let counted = |line: &str| line.starts_with("evenkeel_http_requests_total{") && line.ends_with(" 1");
        Ok(metrics.lines().any(counted))
    })?;
    client.write_all(&[b'z'; 10_000])?;
    let mut answer = Vec::new();
    let read = client.read_to_end(&mut answer);
    assert!(answer.len() > ANSWER, "{} bytes, then {read:?}", answer.len());
    Ok(())
}

/// Bytes that have arrived and were not read yet.
fn unread(stream: &UnixStream) -> io::Result<usize> {
    let mut buffer = vec![MaybeUninit::uninit(); 4 << 20];
    let flags = libc::MSG_PEEK | libc::MSG_DONTWAIT;
    match socket2::SockRef::from(stream).recv_with_flags(&mut buffer, flags) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
        other => other,
    }
}

#[test]
fn a_backend_is_not_blamed_for_the_time_that_a_client_took_to_read() -> Outcome {
    const PIECE: usize = 16 << 10;
    const STUCK: Duration = Duration::from_millis(1000);
    let stage = Stage::set(
        "timeouts = { request = \"30s\" }",
        "timeouts = { response = \"3s\" }\nretry = { attempts = 0 }",
    )?;
    let mut client = UnixStream::connect(stage.balancer.directory().join("web.sock"))?;
    client.set_read_timeout(Some(SOON))?;
    client.write_all(b"GET / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n")?;
    let mut backend = stage.accept()?;
    read_head(&mut backend)?;
    // In chunks, of which the balancer passes on each as it comes.
    backend.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")?;
    // Piece after piece, until one does not reach the client whole: the balancer holds what is left of it, and there
    // is nothing more to be had of the backend.
    let mut sent = 0;
    let mut arrived = unread(&client)?;
    loop {
        // In one write, so that the balancer reads it at once.
        backend.write_all(format!("{PIECE:x}\r\n{}\r\n", "x".repeat(PIECE)).as_bytes())?;
        sent += PIECE;
        let begun = Instant::now();
        while unread(&client)? < arrived + PIECE && begun.elapsed() < STUCK {
            std::thread::sleep(Duration::from_millis(2));
        }
        if begun.elapsed() >= STUCK {
            break;
        }
        arrived = unread(&client)?;
    }
    std::thread::sleep(Duration::from_millis(3500));
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    while answer.iter().filter(|byte| **byte == b'x').count() < sent {
        let count = client.read(&mut buffer)?;
        assert_ne!(count, 0, "ended after {} of {sent} bytes", answer.len());
        answer.extend_from_slice(&buffer[..count]);
    }
    std::thread::sleep(Duration::from_millis(200));
    backend.write_all(b"0\r\n\r\n")?;
    client.read_to_end(&mut answer)?;
    let text = String::from_utf8_lossy(&answer);
    assert!(text.ends_with("\r\n0\r\n\r\n"), "cut after {} bytes", answer.len());
    Ok(())
}

#[test]
fn what_was_asked_while_the_balancer_stops_is_answered() -> Outcome {
    let stage = Stage::set("", "")?;
    let mut early = Client::connect(stage.address())?;
    early.send(GET)?;
    let mut first = stage.accept()?;
    read_head(&mut first)?;
    first.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nhalf")?;
    let begun = |bytes: &[u8], _: bool| bytes.ends_with(b"half");
    assert!(early.read_until(SOON, begun), "the answer's head goes before the stop");
    let mut late = Client::connect(stage.address())?;
    late.send(GET)?;
    let mut second = stage.accept()?;
    read_head(&mut second)?;

    stage.balancer.signal("TERM")?;
    wait_until("nothing new is accepted", || {
        Ok(TcpStream::connect(stage.address()).is_err())
    })?;
    second.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nlate")?;
    let response = late.response(SOON, false)?;
    assert_eq!(response.body, b"late");
    assert_eq!(response.fields.members("connection"), ["close"]);
    assert!(late.read_to_end(SOON));
    drop(second);
    // The first was told that its connection lives on, so it has asked again before it could know.
    early.send(GET)?;
    first.write_all(b"full")?;
    assert_eq!(early.response(SOON, false)?.body, b"halffull");
    read_head(&mut first)?;
    first.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nlast")?;
    assert_eq!(early.response(SOON, false)?.body, b"last");
    assert!(early.read_to_end(SOON) && !early.was_reset());
    Ok(())
}

#[test]
fn who_waits_in_the_kernel_when_the_stop_comes_is_answered() -> Outcome {
    for round in 0..10 {
        let origin = Origin::start()?;
        let mut balancer = Balancer::start(1, |ports| {
            let (port, address) = (ports[0], origin.address());
            format!(
                "[listener.web]\nbind = \"127.0.0.1:{port}\"\npool = \"web\"\n\
                 [pool.web]\nbackends = [\"{address}\"]\ncheck = false\n"
            )
        })?;
        balancer.signal("STOP")?;
        let address = (Ipv4Addr::LOCALHOST, balancer.ports()[0]).into();
        let mut clients = Vec::new();
        for _ in 0..50 {
            let mut client = Client::connect(address)?;
            client.send(GET)?;
            clients.push(client);
        }
        balancer.signal("TERM")?;
        balancer.signal("CONT")?;
        for (number, client) in clients.iter_mut().enumerate() {
            let response = client.response(SOON, false);
            let response = response.map_err(|error| format!("round {round}, client {number}: {error}"))?;
            assert_eq!(response.status, 200);
        }
        balancer.wait_for_end(SOON)?;
    }
    Ok(())
}

#[test]
fn a_pool_that_a_reload_removed_leaves_no_connection_and_no_line_behind() -> Outcome {
    let stage = Stage::set("access_log = \"access.log\"", "")?;
    let file = stage.balancer.configuration();
    let before = std::fs::read_to_string(&file)?;
    // This client sits on the old configuration's side for as long as it stays.
    let mut kept = Client::connect(stage.address())?;
    kept.send(GET)?;
    let mut idle = stage.accept()?;
    read_head(&mut idle)?;
    let mut busy = Client::connect(stage.address())?;
    busy.send(b"GET /busy HTTP/1.1\r\nhost: test\r\n\r\n")?;
    let mut working = stage.accept()?;
    read_head(&mut working)?;
    idle.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nkept")?;
    assert_eq!(kept.response(SOON, false)?.body, b"kept");

    let other = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let (old, new) = (stage.backend.local_addr()?.to_string(), other.local_addr()?.to_string());
    let after = before
        .replace(&old, &new)
        .replace("\"web\"", "\"other\"")
        .replace("pool.web", "pool.other");
    stage.balancer.write_configuration(&after)?;
    let reloaded = stage.balancer.command(&["reload"])?;
    assert!(reloaded.status.success(), "{reloaded:?}");
    assert_eq!(idle.read(&mut [0; 16])?, 0, "closed with its pool");
    working.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nbusy")?;
    assert_eq!(busy.response(SOON, false)?.body, b"busy");
    assert_eq!(working.read(&mut [0; 16])?, 0, "and so is what comes back later");
    let log = stage.balancer.directory().join("access.log");
    wait_until("the line is written", || {
        Ok(std::fs::read_to_string(&log)?.contains("/busy"))
    })
}

#[test]
fn a_tunnel_ends_when_a_client_that_had_ended_its_sending_is_gone() -> Outcome {
    let stage = Stage::set("", "")?;
    let mut client = TcpStream::connect(stage.address())?;
    client.set_read_timeout(Some(SOON))?;
    client.write_all(b"GET / HTTP/1.1\r\nhost: test\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n")?;
    let mut backend = stage.accept()?;
    read_head(&mut backend)?;
    backend.write_all(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n")?;
    read_head(&mut client)?;
    client.shutdown(Shutdown::Write)?;
    assert_eq!(
        backend.read(&mut [0; 16])?,
        0,
        "the backend learns that nothing more comes"
    );
    socket2::SockRef::from(&client).set_linger(Some(Duration::ZERO))?;
    drop(client);
    // The backend says nothing and does not end its side.
    wait_until("the connection is counted out", || {
        let (_, metrics) = stage.balancer.admin("GET", "/metrics", "")?;
        Ok(metrics.contains("evenkeel_connections{listener=\"web\"} 0\n"))
    })
}

#[test]
fn a_body_that_was_sent_twice_is_counted_once() -> Outcome {
    let stage = Stage::set(
        "access_log = \"access.log\"",
        "retry = { attempts = 1, budget = \"100%\" }\neject = false",
    )?;
    let mut client = Client::connect(stage.address())?;
    client.send(b"PUT / HTTP/1.1\r\nhost: test\r\ncontent-length: 5\r\n\r\nhello")?;
    for answer in [&b""[..], b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"] {
        let mut backend = stage.accept()?;
        read_head(&mut backend)?;
        backend.write_all(answer)?;
    }
    assert_eq!(client.response(SOON, false)?.status, 200);
    let log = stage.balancer.directory().join("access.log");
    let mut text = String::new();
    wait_until("the line is written", || {
        text = std::fs::read_to_string(&log)?;
        Ok(text.ends_with('\n'))
    })?;
    assert!(text.contains("\"attempts\":2,\"bytes_in\":5,"), "{text}");
    Ok(())
}

#[test]
fn a_client_of_http_1_0_that_asks_to_stay_is_told_that_it_may_not() -> Outcome {
    let stage = Stage::set("", "retry = { attempts = 0 }")?;
    let mut client = Client::connect(stage.address())?;
    client.send(b"GET / HTTP/1.0\r\nhost: test\r\nconnection: keep-alive\r\n\r\n")?;
    read_head(&mut stage.accept()?)?;
    let response = client.response(SOON, false)?;
    assert_eq!(response.status, 502, "the backend closed without an answer");
    assert_eq!(response.fields.members("connection"), ["close"]);
    // Without a word it would have waited for this end, and we for its next request.
    assert!(client.read_to_end(SOON) && !client.was_reset());
    Ok(())
}

#[test]
fn a_client_that_names_no_host_reaches_backends_that_want_one() -> Outcome {
    let stage = Stage::set("", "")?;
    let mut client = Client::connect(stage.address())?;
    client.send(b"GET /old HTTP/1.0\r\n\r\n")?;
    let mut backend = stage.accept()?;
    let head = String::from_utf8(read_head(&mut backend)?)?;
    let host = format!("\r\nhost: {}\r\n", stage.backend.local_addr()?);
    assert!(
        head.starts_with("GET /old HTTP/1.1\r\n") && head.contains(&host),
        "{head}"
    );
    Ok(())
}

#[test]
fn answers_of_our_own_have_a_date_and_are_not_kept() -> Outcome {
    let stage = Stage::set("", "")?;
    let only = "[[listener.web.route]]\nhost = \"known\"\nrespond = { status = 200, body = \"\" }\n";
    let routed = Balancer::start(1, |ports| {
        format!("[listener.web]\nbind = \"127.0.0.1:{}\"\n{only}", ports[0])
    })?;
    let unrouted = (Ipv4Addr::LOCALHOST, routed.ports()[0]).into();
    for (address, host, status) in [
        (stage.address(), "a b", 400),
        (unrouted, "unknown\r\nconnection: close", 404),
    ] {
        let mut client = Client::connect(address)?;
        client.send(format!("GET / HTTP/1.1\r\nhost: {host}\r\n\r\n").as_bytes())?;
        client.read_to_end(SOON);
        let text = String::from_utf8_lossy(client.received()).to_string();
        assert!(text.starts_with(&format!("HTTP/1.1 {status} ")), "{text}");
        assert!(
            text.contains("\r\ndate: ") && text.contains(" GMT\r\ncache-control: no-store\r\n"),
            "{text}"
        );
    }
    Ok(())
}

/// RFC 9110 6.6.1: whoever passes on an answer without a date says when it came.
#[test]
fn an_answer_without_a_date_gets_one() -> Outcome {
    let stage = Stage::set("", "")?;
    let mut client = Client::connect(stage.address())?;
    client.send(b"GET /1 HTTP/1.1\r\nhost: test\r\n\r\nGET /2 HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n")?;
    let mut backend = stage.accept()?;
    read_head(&mut backend)?;
    backend.write_all(b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na")?;
    read_head(&mut backend)?;
    backend.write_all(b"HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\ncontent-length: 1\r\n\r\nb")?;
    client.read_to_end(SOON);
    let text = String::from_utf8_lossy(client.received()).to_string();
    let [hints, first, second] = text.split_inclusive("\r\n\r\n").take(3).collect::<Vec<_>>()[..] else {
        return Err(text.into());
    };
    assert_eq!(hints, "HTTP/1.1 103 Early Hints\r\n\r\n");
    assert!(
        first.contains("\r\ndate: ") && first.ends_with(" GMT\r\n\r\n"),
        "{text}"
    );
    assert!(second.contains("\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n"), "{text}");
    assert_eq!(second.to_lowercase().matches("date:").count(), 1, "{text}");
    Ok(())
}

#[test]
fn lines_that_the_disk_does_not_take_are_counted_and_told() -> Outcome {
    let stage = Stage::set("access_log = \"/dev/full\"", "")?;
    let mut client = Client::connect(stage.address())?;
    client.send(b"GET / HTTP/1.1\r\nhost: a b\r\n\r\n")?;
    client.response(SOON, false)?;
    wait_until("the line is counted as lost", || {
        let (_, metrics) = stage.balancer.admin("GET", "/metrics", "")?;
        Ok(metrics
            .lines()
            .any(|line| line == "evenkeel_access_log_dropped_total 1"))
    })?;
    wait_until("the operator is told", || {
        Ok(stage.balancer.stderr().contains("/dev/full are lost"))
    })
}

#[test]
fn a_second_balancer_does_not_join_in_on_an_address_unnoticed() -> Outcome {
    let stage = Stage::set("", "")?;
    let second = stage.balancer.directory().join("second.toml");
    let text = format!(
        "[listener.web]\nbind = \"{}\"\npool = \"web\"\n[pool.web]\nbackends = [\"127.0.0.1:1\"]\ncheck = false\n\
         [admin]\nsocket = \"second.sock\"\nstate = \"second\"\n",
        stage.address()
    );
    std::fs::write(&second, text)?;
    let output = std::process::Command::new(evenkeel_tests::balancer::binary()?)
        .args(["run", "-c"])
        .arg(&second)
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr).to_string();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("another program listens there"), "{said}");
    Ok(())
}

#[test]
fn a_pool_that_is_known_to_be_down_answers_503_even_when_it_is_tried_all_the_same() -> Outcome {
    let stage = Stage::set("", "")?;
    let dead = free_address()?;
    let text = format!(
        "[listener.web]\nbind = \"{}\"\npool = \"web\"\n[pool.web]\nbackends = [\"{dead}\"]\n\
         check = {{ tcp = true, every = \"100ms\", fall = 1 }}\n[admin]\nsocket = \"evenkeel.sock\"\nstate = \"state\"\n",
        stage.address()
    );
    stage.balancer.write_configuration(&text)?;
    let (status, report) = stage.balancer.admin("POST", "/api/v1/reload", "")?;
    assert_eq!(status, 200, "{report}");
    wait_until("the backend is down", || {
        let (_, status) = stage.balancer.admin("GET", "/api/v1/status", "")?;
        let status: serde_json::Value = serde_json::from_str(&status)?;
        Ok(status["pools"][0]["backends"][0]["health"] == "down")
    })?;
    let mut client = Client::connect(stage.address())?;
    client.send(GET)?;
    assert_eq!(client.response(SOON, false)?.status, 503);
    Ok(())
}

/// An address at which nobody listens.
#[test]
fn a_body_that_nobody_wants_does_not_cost_the_connection() -> Outcome {
    let balancer = Balancer::start(1, |ports| {
        format!(
            "[listener.web]\nbind = \"127.0.0.1:{}\"\nroutes = {{ \"/pool\" = \"web\", \"/ready\" = \"up\" }}\n\
             [[listener.web.route]]\npath = \"/respond\"\nrespond = {{ body = \"fixed\" }}\n\
             [[listener.web.route]]\npath = \"/redirect\"\nredirect = \"https\"\n\
             [pool.web]\nbackends = []\n[pool.up]\nbackends = [\"127.0.0.1:1\"]\ncheck = false\n",
            ports[0]
        )
    })?;
    let mut client = Client::connect((Ipv4Addr::LOCALHOST, balancer.ports()[0]).into())?;
    for (path, status) in [("/respond", 200), ("/redirect", 308), ("/none", 404), ("/pool", 503)] {
        let declared = format!("POST {path} HTTP/1.1\r\nhost: test\r\ncontent-length: 60000\r\n\r\n");
        client.send(declared.as_bytes())?;
        client.send(&[b'x'; 60_000])?;
        assert_eq!(client.response(SOON, false)?.status, status, "{path}, a length");
        let chunked = format!("POST {path} HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n");
        client.send_in_pieces(format!("{chunked}5\r\nhello\r\n0\r\na: b\r\n\r\n").as_bytes(), 7)?;
        assert_eq!(client.response(SOON, false)?.status, status, "{path}, chunks");
    }
    // What is too long to be read for nothing, or may never come, ends it.
    for head in ["content-length: 70000", "content-length: 5\r\nexpect: 100-continue"] {
        let mut client = Client::connect((Ipv4Addr::LOCALHOST, balancer.ports()[0]).into())?;
        client.send(format!("POST /respond HTTP/1.1\r\nhost: test\r\n{head}\r\n\r\n").as_bytes())?;
        let response = client.response(SOON, false)?;
        assert_eq!(response.status, 200, "{head}");
        assert_eq!(
            response.fields.value("connection").as_deref(),
            Some(&b"close"[..]),
            "{head}"
        );
    }
    Ok(())
}

fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}
