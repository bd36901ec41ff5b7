//! Connections to backends that many clients share.

use crate::Outcome;
use crate::frames::{
    ACK, DATA, END_HEADERS, END_STREAM, HEADERS, PREFACE, RST_STREAM, SETTINGS, SOON, STATUS_200, ask, connect, frame,
    read,
};
use evenkeel_tests::balancer::Balancer;
use evenkeel_tests::client::Client;
use evenkeel_tests::prometheus::Scrape;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;

pub(crate) fn behind(port: u16, backend: SocketAddr) -> String {
    format!(
        "[listener.web]\nbind = \"127.0.0.1:{port}\"\npool = \"web\"\n\
         [pool.web]\nbackends = [\"{backend}\"]\ncheck = false\nprotocol = \"h2\"\n"
    )
}

/// A backend that speaks HTTP/2: each connection is played by `play`.
pub(crate) fn backend(play: impl Fn(TcpStream) -> io::Result<()> + Clone + Send + 'static) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let play = play.clone();
            std::thread::spawn(move || {
                stream.read_exact(&mut [0; PREFACE.len()])?;
                play(stream)
            });
        }
    });
    Ok(address)
}

fn post(address: SocketAddr, number: usize) -> Result<u16, String> {
    let mut client = Client::connect(address).map_err(|error| error.to_string())?;
    let request = format!("POST /{number} HTTP/1.1\r\nhost: t\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    client.send(request.as_bytes()).map_err(|error| error.to_string())?;
    client.response(SOON, false).map(|response| response.status)
}

/// Takes one stream at a time on a connection, refuses what is more, and answers once `go` says so.
fn one_at_a_time(mut stream: TcpStream, arrived: &mpsc::Sender<mpsc::Sender<()>>) -> io::Result<()> {
    stream.write_all(&frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 1]))?;
    let mut under_way = None;
    loop {
        let next = read(&mut stream)?;
        match next.kind {
            SETTINGS if next.flags & ACK == 0 => stream.write_all(&frame(SETTINGS, ACK, 0, &[]))?,
            HEADERS if under_way.is_some() => {
                stream.write_all(&frame(RST_STREAM, 0, next.stream, &7u32.to_be_bytes()))?;
            }
            HEADERS => {
                under_way = Some(next.stream);
                let (go, told) = mpsc::channel();
                arrived.send(go).map_err(io::Error::other)?;
                let mut answers = stream.try_clone()?;
                std::thread::spawn(move || {
                    let _: Result<(), _> = told.recv();
                    let end = END_HEADERS | END_STREAM;
                    answers.write_all(&frame(HEADERS, end, next.stream, &[STATUS_200]))
                });
            }
            _ => {}
        }
    }
}

#[test]
fn a_backend_is_asked_how_many_streams_it_takes_before_it_gets_any() -> Outcome {
    const CLIENTS: usize = 12;
    let (arrived, arrivals) = mpsc::channel();
    let backend = backend(move |stream| one_at_a_time(stream, &arrived))?;
    let balancer = Balancer::start(1, |ports| behind(ports[0], backend))?;
    let address: SocketAddr = (Ipv4Addr::LOCALHOST, balancer.ports()[0]).into();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| std::thread::spawn(move || post(address, number)))
        .collect();
    // Nobody is answered before everybody has come, or been refused.
    let going: Vec<_> = (0..CLIENTS).map_while(|_| arrivals.recv_timeout(SOON).ok()).collect();
    drop(going);
    for client in clients {
        assert_eq!(client.join().map_err(|_| "a client panicked")?, Ok(200));
    }
    Ok(())
}

/// Answers everything as far as the windows go, and never ends.
fn generous(mut stream: TcpStream) -> io::Result<()> {
    // What the balancer lets us send is read from what it says.
    stream.write_all(&frame(SETTINGS, 0, 0, &[]))?;
    let (mut window, mut connection) = (65_535u32, 65_535u32);
    loop {
        let next = read(&mut stream)?;
        match next.kind {
            SETTINGS if next.flags & ACK == 0 => {
                for setting in next.payload.chunks_exact(6) {
                    if setting[..2] == [0, 4] {
                        window = u32::from_be_bytes([setting[2], setting[3], setting[4], setting[5]]);
                    }
                }
                stream.write_all(&frame(SETTINGS, ACK, 0, &[]))?;
            }
            crate::frames::WINDOW_UPDATE if next.stream == 0 => {
                connection += u32::from_be_bytes(next.payload[..4].try_into().map_err(io::Error::other)?);
            }
            HEADERS => {
                stream.write_all(&frame(HEADERS, END_HEADERS, next.stream, &[STATUS_200]))?;
                let mut left = window.min(connection);
                while left > 0 {
                    let count = left.min(16_384);
                    stream.write_all(&frame(0, 0, next.stream, &vec![b'x'; count as usize]))?;
                    left -= count;
                    connection -= count;
                }
            }
            _ => {}
        }
    }
}

#[test]
fn clients_that_read_nothing_leave_room_for_the_others() -> Outcome {
    let backend = backend(generous)?;
    let balancer = Balancer::start(1, |ports| behind(ports[0], backend))?;
    // With each worker, whatever the number of workers, more than a few.
    let mut clients = Vec::new();
    for _ in 0..32 {
        let mut client = connect(balancer.ports()[0], 0)?;
        ask(&mut client, 1)?;
        head(&mut client)?;
        clients.push(client);
    }
    for _ in 0..8 {
        let mut client = connect(balancer.ports()[0], 65_535)?;
        ask(&mut client, 1)?;
        head(&mut client)?;
        let content = read(&mut client)?;
        assert!(!content.payload.is_empty(), "{content:?}");
    }
    Ok(())
}

/// Reads up to the head of the answer.
fn head(client: &mut TcpStream) -> io::Result<()> {
    while read(client)?.kind != HEADERS {}
    Ok(())
}

/// Requests that are answered together.
const BATCH: u32 = 100;

/// Answers a POST when told to; and each `BATCH` of GETs at once, with nonsense.
fn babbling(
    mut stream: TcpStream,
    connected: &mpsc::Sender<()>,
    held: &mpsc::Sender<mpsc::Sender<()>>,
) -> io::Result<()> {
    stream.write_all(&frame(SETTINGS, 0, 0, &[]))?;
    connected.send(()).map_err(io::Error::other)?;
    let end = END_HEADERS | END_STREAM;
    let (mut nonsense, mut count) = (Vec::new(), 0);
    loop {
        let next = read(&mut stream)?;
        match next.kind {
            SETTINGS if next.flags & ACK == 0 => stream.write_all(&frame(SETTINGS, ACK, 0, &[]))?,
            HEADERS if next.payload.first() == Some(&0x83) => {
                let (go, told) = mpsc::channel();
                held.send(go).map_err(io::Error::other)?;
                let mut answers = stream.try_clone()?;
                std::thread::spawn(move || {
                    let _: Result<(), _> = told.recv();
                    answers.write_all(&frame(HEADERS, end, next.stream, &[STATUS_200]))
                });
            }
            HEADERS => {
                // `:path` is nothing that an answer has.
                nonsense.extend(frame(HEADERS, end, next.stream, &[STATUS_200, 0x84]));
                count += 1;
                if count % BATCH == 0 {
                    stream.write_all(&std::mem::take(&mut nonsense))?;
                }
            }
            _ => {}
        }
    }
}

#[test]
fn nonsense_is_a_502_as_ever_and_costs_nobody_else_a_stream() -> Outcome {
    const BATCHES: u32 = 30;
    let ((connected, connections), (held, slow)) = (mpsc::channel(), mpsc::channel());
    let backend = backend(move |stream| babbling(stream, &connected, &held))?;
    let balancer = Balancer::start(1, |ports| format!("{}eject = false\n", behind(ports[0], backend)))?;
    let mut client = connect(balancer.ports()[0], 65_535)?;
    let end = END_HEADERS | END_STREAM;
    client.write_all(&frame(HEADERS, end, 1, &crate::frames::request("POST")))?;
    let go = slow.recv_timeout(SOON)?;
    assert_eq!(connections.try_iter().count(), 1);
    let (mut asked, mut more) = (0, 0);
    // As fast as it goes until it is too much for one connection.
    while more == 0 && asked < BATCHES * BATCH {
        for _ in 0..BATCH {
            asked += 1;
            ask(&mut client, 2 * asked + 1)?;
        }
        let mut answered = 0;
        while answered < BATCH {
            let next = read(&mut client)?;
            assert_ne!(next.kind, RST_STREAM, "{next:?}");
            answered += u32::from(matches!(next.kind, HEADERS | DATA) && next.flags & END_STREAM != 0);
        }
        more += connections.try_iter().count();
    }
    assert_eq!(more, 1, "new streams are opened elsewhere");
    let (_, metrics) = balancer.admin("GET", "/metrics", "")?;
    let scrape = Scrape::read(&metrics)?;
    let of = |reason: &str| scrape.sum("evenkeel_requests_by_reason_total", &[("reason", reason)]);
    assert_eq!((of("bad-response"), of("backend-reset")), (f64::from(asked), 0.0));
    assert_eq!(scrape.sum("evenkeel_retries_total", &[]), 0.0);
    drop(go);
    // On the first connection still.
    crate::frames::answer(&mut client, 1)?;
    let (_, metrics) = balancer.admin("GET", "/metrics", "")?;
    let ok = Scrape::read(&metrics)?.sum("evenkeel_requests_by_reason_total", &[("reason", "ok")]);
    assert_eq!(ok, 1.0);
    Ok(())
}
