//! How connections are left.

use crate::Outcome;
use crate::frames::{
    DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, RST_STREAM, SOON, ask, connect, frame, read, request,
};
use evenkeel_tests::balancer::Balancer;
use evenkeel_tests::client::Client;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::mpsc;
use std::time::Duration;

/// A time in which a way that is open moves something.
const STUCK: Duration = Duration::from_millis(500);

fn get(port: u16) -> Result<u16, String> {
    let address: SocketAddr = (Ipv4Addr::LOCALHOST, port).into();
    let mut client = Client::connect(address).map_err(|error| error.to_string())?;
    let request = b"GET /small HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\r\n";
    client.send(request).map_err(|error| error.to_string())?;
    client.response(SOON, false).map(|response| response.status)
}

/// Answers `/small` at once and everything else without end; says when the client takes nothing more of that.
fn endless(told: mpsc::Sender<()>) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let told = told.clone();
            std::thread::spawn(move || {
                let mut buffer = [0; 4096];
                while let Ok(count @ 1..) = stream.read(&mut buffer) {
                    if buffer[..count].starts_with(b"GET /small") {
                        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
                        continue;
                    }
                    let _ = stream.set_write_timeout(Some(STUCK));
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9000000000\r\n\r\n");
                    while stream.write_all(&[b'x'; 16384]).is_ok() {}
                    let _ = told.send(());
                    // Held until the balancer lets go.
                    let _ = stream.set_write_timeout(None);
                    while stream.write_all(&[b'x'; 16384]).is_ok() {}
                }
            });
        }
    });
    Ok(address)
}

#[test]
fn a_client_that_reads_nothing_does_not_hold_up_a_worker_that_leaves_it() -> Outcome {
    let (told, stuck) = mpsc::channel();
    let backend = endless(told)?;
    let two = |port: u16| {
        format!(
            "[listener.two]\nbind = \"127.0.0.1:{port}\"\npool = \"web\"\n\
             [pool.web]\nbackends = [\"{backend}\"]\ncheck = false\n"
        )
    };
    let balancer = Balancer::start(2, |ports| {
        format!(
            "[listener.one]\nbind = \"127.0.0.1:{}\"\npool = \"web\"\n{}",
            ports[0],
            two(ports[1])
        )
    })?;
    let [one, other] = *balancer.ports() else {
        return Err("two ports".into());
    };
    // As many as make one surely be with each worker.
    let mut clients = Vec::new();
    for _ in 0..8 {
        let mut client = connect(one, 0x7fff_ffff)?;
        ask(&mut client, 1)?;
        stuck.recv_timeout(SOON)?;
        // No stream is left, and what was sent is still on its way.
        client.write_all(&frame(RST_STREAM, 0, 1, &8u32.to_be_bytes()))?;
        clients.push(client);
    }
    balancer.write_configuration(&two(other))?;
    balancer.signal("HUP")?;
    // Longer than it takes to say the last goodbye.
    std::thread::sleep(Duration::from_millis(2500));
    for _ in 0..8 {
        assert_eq!(get(other), Ok(200));
    }
    Ok(())
}

#[test]
fn what_was_on_its_way_when_the_goodbye_came_is_answered() -> Outcome {
    let (told, _stuck) = mpsc::channel();
    let backend = endless(told)?;
    let balancer = Balancer::start(1, |ports| {
        format!(
            "[listener.one]\nbind = \"127.0.0.1:{}\"\npool = \"web\"\n\
             [pool.web]\nbackends = [\"{backend}\"]\ncheck = false\n",
            ports[0]
        )
    })?;
    let port = balancer.ports()[0];
    let mut client = connect(port, 65_535)?;
    small(&mut client, 1)?;
    // A connection on which nothing has happened for longer than a goodbye takes.
    std::thread::sleep(Duration::from_millis(1500));
    balancer.signal("TERM")?;
    loop {
        let frame = read(&mut client)?;
        if frame.kind == GOAWAY {
            assert_eq!(frame.payload[..4], [0x7f, 0xff, 0xff, 0xff]);
            break;
        }
    }
    // Sent by a client that has not heard yet.
    small(&mut client, 3)?;
    Ok(())
}

/// Clients that are told at once to send no more forget that they have got an answer (curl 7.88).
#[test]
fn who_is_answered_before_the_body_has_come_may_finish_it() -> Outcome {
    let balancer = Balancer::start(1, |ports| {
        format!(
            "[listener.one]\nbind = \"127.0.0.1:{}\"\n\
             [[listener.one.route]]\nrespond = {{ body = \"ok\" }}\n",
            ports[0]
        )
    })?;
    let mut client = connect(balancer.ports()[0], 65_535)?;
    // content-length: 100000, so long that nobody waits for it.
    let mut block = request("POST");
    block.extend_from_slice(b"\x0f\x0d\x06100000");
    client.write_all(&frame(HEADERS, END_HEADERS, 1, &block))?;
    assert_eq!(crate::frames::answer(&mut client, 1)?, b"ok");
    for _ in 0..9 {
        client.write_all(&frame(DATA, 0, 1, &[0; 10_000]))?;
    }
    client.write_all(&frame(DATA, END_STREAM, 1, &[0; 10_000]))?;
    client.write_all(&frame(PING, 0, 0, &[7; 8]))?;
    loop {
        let frame = read(&mut client)?;
        assert_ne!(frame.kind, RST_STREAM);
        if frame.kind == PING {
            return Ok(());
        }
    }
}

fn small(client: &mut std::net::TcpStream, number: u32) -> io::Result<()> {
    let mut block = vec![0x82, 0x86, 0x04, 6];
    block.extend_from_slice(b"/small\x01\x01t");
    client.write_all(&frame(1, 5, number, &block))?;
    assert_eq!(crate::frames::answer(client, number)?, b"ok");
    Ok(())
}
