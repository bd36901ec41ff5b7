//! Backends that misbehave, each in its own way: the right status, the right reason, and nothing hangs.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use evenkeel_tests::backend::executions;
use serde_json::Value;

use crate::house::{House, Outcome, SOON, ask};

const IMPATIENT: &str = "timeouts = { connect = \"500ms\", response = \"1s\" }\ncheck = false\neject = false";

fn house() -> Result<House, Box<dyn std::error::Error>> {
    House::start(&["b0", "b1"], "", IMPATIENT)
}

fn logged_as(line: &Value, status: u16, reason: &str) {
    assert_eq!(
        (&line["status"], &line["reason"]),
        (&status.into(), &reason.into()),
        "{line}"
    );
}

#[test]
fn one_that_never_answers_costs_a_504_and_is_asked_once() -> Outcome {
    let house = house()?;
    let mut client = house.connect()?;
    assert_eq!(ask(&mut client, "/hang")?.status, 504);
    logged_as(&house.logged("/hang")?, 504, "response-timeout");
    assert_eq!(
        executions(house.journal(), "GET")?["/hang"],
        1,
        "it may be working on it still"
    );
    assert_eq!(
        ask(&mut client, "/after")?.status,
        200,
        "the client's connection lives on"
    );
    house.wait_until_quiet()
}

#[test]
fn one_that_never_ends_is_relayed_until_the_client_leaves() -> Outcome {
    let house = house()?;
    let mut client = house.connect()?;
    client.send(b"GET /endless HTTP/1.1\r\nhost: test\r\n\r\n")?;
    let begun = std::time::Instant::now();
    // Longer than any of its timeouts: progress is what counts.
    let enough = |bytes: &[u8], _: bool| {
        let ticks = bytes.windows(5).filter(|word| *word == b"tick\n").count();
        ticks > 50 && begun.elapsed() > Duration::from_secs(2)
    };
    assert!(client.read_until(SOON, enough), "{} bytes", client.received().len());
    drop(client);
    house.wait_until_quiet()?;
    logged_as(&house.logged("/endless")?, 200, "client-gone");
    Ok(())
}

#[test]
fn one_that_stops_within_its_answer_is_cut_so_that_the_client_notices() -> Outcome {
    let house = house()?;
    for (path, reason) in [
        ("/stall", "response-timeout"),
        ("/reset-mid-body", "backend-reset"),
        ("/close-mid-body", "backend-reset"),
    ] {
        let mut client = house.connect()?;
        client.send(format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n").as_bytes())?;
        assert!(client.read_to_end(SOON), "{path}: the connection ends");
        let received = String::from_utf8_lossy(client.received()).into_owned();
        assert!(received.starts_with("HTTP/1.1 200 OK\r\n"), "{path}: {received}");
        let body = received.split_once("\r\n\r\n").map_or(0, |(_, body)| body.len());
        assert_eq!(body, 100, "{path}: all that came, and nothing made up");
        logged_as(&house.logged(path)?, 200, reason);
        assert_eq!(executions(house.journal(), "GET")?[path], 1, "{path}");
    }
    house.wait_until_quiet()
}

#[test]
fn one_that_closes_without_an_answer_is_tried_elsewhere_only_for_what_may_be_repeated() -> Outcome {
    let house = house()?;
    let mut client = house.connect()?;
    assert_eq!(ask(&mut client, "/close")?.status, 502);
    let line = house.logged("/close")?;
    logged_as(&line, 502, "backend-reset");
    assert_eq!(line["attempts"], 3, "the first and two more: {line}");
    assert_eq!(executions(house.journal(), "GET")?["/close"], 3);
    let mut client = house.connect()?;
    client.send(b"POST /close?post HTTP/1.1\r\nhost: test\r\ncontent-length: 5\r\n\r\nhello")?;
    assert_eq!(client.response(SOON, false)?.status, 502);
    assert_eq!(
        executions(house.journal(), "POST")?["/close?post"],
        1,
        "it may have been executed"
    );
    house.wait_until_quiet()
}

#[test]
fn one_that_speaks_no_http_costs_a_502() -> Outcome {
    let house = house()?;
    let mut client = house.connect()?;
    assert_eq!(ask(&mut client, "/garbage")?.status, 502);
    logged_as(&house.logged("/garbage")?, 502, "bad-response");
    assert_eq!(ask(&mut client, "/after")?.status, 200);
    house.wait_until_quiet()
}

#[test]
fn one_that_refuses_is_never_noticed_while_there_is_another() -> Outcome {
    let mut house = house()?;
    house.backends[0].kill()?;
    let mut client = house.connect()?;
    for number in 0..40 {
        let request = match number % 2 {
            0 => format!("GET /{number} HTTP/1.1\r\nhost: test\r\n\r\n"),
            _ => format!("POST /{number} HTTP/1.1\r\nhost: test\r\ncontent-length: 5\r\n\r\nhello"),
        };
        client.send(request.as_bytes())?;
        let response = client.response(SOON, false)?;
        assert_eq!(
            (response.status, &*response.body),
            (200, &b"b1"[..]),
            "request {number}"
        );
    }
    assert!(
        house.metrics()?.sum("evenkeel_retries_total", &[]) > 0.0,
        "the dead one was tried"
    );
    house.backends[1].kill()?;
    assert_eq!(ask(&mut client, "/nobody")?.status, 502);
    logged_as(&house.logged("/nobody")?, 502, "connect-refused");
    Ok(())
}

#[test]
fn one_that_accepts_no_connection_costs_a_504_or_another_try() -> Outcome {
    let hole = Hole::dig()?;
    let address = hole.address;
    let pools = format!(
        "{IMPATIENT}\n[pool.hole]\nbackends = [\"{address}\"]\n{IMPATIENT}\n\
         [pool.mixed]\nbalance = \"first\"\nbackends = [\"{address}\", \"LAST\"]\n{IMPATIENT}\n"
    );
    let routes = "routes = { \"/hole\" = \"hole\", \"/mixed\" = \"mixed\" }";
    // The last one is known only when the backends run.
    let house = House::start(&["b0"], routes, &pools.replace("\"LAST\"", "\"127.0.0.1:1\""))?;
    house.reconfigure("127.0.0.1:1\"", &format!("{}\"", house.backend("b0").address()))?;
    house.reload()?;
    assert_eq!(house.get("/hole")?.status, 504);
    let line = house.logged("/hole")?;
    logged_as(&line, 504, "connect-timeout");
    assert_eq!(house.body("/mixed")?, "b0");
    let line = house.logged("/mixed")?;
    assert_eq!(line["attempts"], 2, "{line}");
    Ok(())
}

/// Listens, and takes no connection: the queue of those who wait to be accepted is full.
struct Hole {
    address: SocketAddr,
    _listener: socket2::Socket,
    _waiting: Vec<TcpStream>,
}

impl Hole {
    fn dig() -> Result<Hole, Box<dyn std::error::Error>> {
        let listener = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
        listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
        listener.listen(0)?;
        let address = listener.local_addr()?.as_socket().ok_or("no address")?;
        let mut waiting = Vec::new();
        // The kernel rounds a queue's length up, but not to this many.
        for _ in 0..64 {
            match TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
                Ok(stream) => waiting.push(stream),
                Err(_) => {
                    return Ok(Hole {
                        address,
                        _listener: listener,
                        _waiting: waiting,
                    });
                }
            }
        }
        Err("the queue never fills".into())
    }
}
