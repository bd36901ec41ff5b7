//! What clients of a listener meet.

use crate::house::{House, PATIENCE, Wanted, Worker, connect, exchange, names, provider, read, shown};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};

#[test]
fn bytes_come_and_go_and_the_end_is_said() {
    let house = House::new();
    house.issue("web", &Wanted::default());
    let worker = Worker::echo(house.listener("certificates = 'web.pem'"));
    let mut client = connect(worker.address, &Arc::new(house.client()), "localhost").unwrap();
    exchange(&mut client).unwrap();
    let facts = worker.facts();
    assert_eq!(
        (
            facts.version,
            facts.server_name.as_deref(),
            facts.alpn,
            facts.is_resumed
        ),
        ("TLSv1.3", Some("localhost"), None, false)
    );
    assert!(facts.cipher.starts_with("TLS_"), "{}", facts.cipher);
    client.conn.send_close_notify();
    client.conn.complete_io(&mut client.sock).unwrap();
    // close_notify: without it rustls would tell an error.
    assert_eq!(client.read(&mut [0; 8]).unwrap(), 0);
    assert_eq!(
        house.metric("evenkeel_tls_handshakes_total{listener=\"web\",version=\"1.3\",resumed=\"false\"}"),
        Some(1.0)
    );
}

#[test]
fn ticket_answer_and_goodbye_leave_together() {
    let house = House::new();
    house.issue("web", &Wanted::default());
    let (asked_sender, asked) = channel();
    let (go, awaited) = channel::<()>();
    let awaited = Arc::new(Mutex::new(awaited));
    let server = house.listener("certificates = 'web.pem'");
    let worker = Worker::serve(server, async move |socket| {
        let mut buffer = [0; 64];
        read(&socket, &mut buffer).await?;
        // The answer takes its time; nothing goes out meanwhile.
        assert_eq!(socket.try_read(&mut buffer)?, None);
        asked_sender.send(()).unwrap();
        awaited.lock().unwrap().recv_timeout(PATIENCE).unwrap();
        assert_eq!(socket.try_write_last(b"so it is")?, Some(8));
        Ok(())
    });
    let name = "localhost".try_into().unwrap();
    let mut conn = ClientConnection::new(Arc::new(house.client()), name).unwrap();
    // It goes with the client's last word of the handshake: a client that keeps silent gets its ticket at once.
    conn.writer().write_all(b"is it?").unwrap();
    let mut client = StreamOwned::new(conn, TcpStream::connect(worker.address).unwrap());
    client.sock.set_read_timeout(Some(PATIENCE)).unwrap();
    while client.conn.is_handshaking() {
        client.conn.complete_io(&mut client.sock).unwrap();
    }
    asked.recv_timeout(PATIENCE).unwrap();
    client.sock.set_nonblocking(true).unwrap();
    let early = client.sock.peek(&mut [0; 8]).map_err(|error| error.kind());
    assert_eq!(early, Err(std::io::ErrorKind::WouldBlock));
    client.sock.set_nonblocking(false).unwrap();
    go.send(()).unwrap();
    // One read brings all of it, and behind it is the end.
    let mut records = [0; 4096];
    let length = client.sock.read(&mut records).unwrap();
    assert_eq!(client.sock.read(&mut [0; 8]).unwrap(), 0);
    assert_eq!(client.conn.read_tls(&mut &records[..length]).unwrap(), length);
    let state = client.conn.process_new_packets().unwrap();
    assert!(state.peer_has_closed());
    assert_eq!(client.conn.tls13_tickets_received(), 1);
    let mut answer = Vec::new();
    client.conn.reader().read_to_end(&mut answer).unwrap();
    assert_eq!(answer, b"so it is");
}

#[test]
fn much_goes_both_ways_at_once() {
    let house = House::new();
    house.issue("web", &Wanted::default());
    let worker = Worker::echo(house.listener("certificates = 'web.pem'"));
    for version in [&TLS12, &TLS13] {
        let mut config = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(house.authority.roots())
            .with_no_client_auth();
        config.max_fragment_size = Some(4000);
        let mut client = connect(worker.address, &Arc::new(config), "localhost").unwrap();
        let sent: Vec<u8> = (0..3_000_000u32)
            .map(|index| (index.wrapping_mul(index) >> 7) as u8)
            .collect();
        let mut received = Vec::new();
        // The echo holds little: writing all before reading would never end.
        for piece in sent.chunks(50_000) {
            client.write_all(piece).unwrap();
            client.flush().unwrap();
            let mut back = vec![0; piece.len()];
            client.read_exact(&mut back).unwrap();
            received.extend_from_slice(&back);
        }
        assert!(received == sent);
    }
}

#[test]
fn the_certificate_is_chosen_by_name() {
    let house = House::new();
    let first = house.issue("first", &names(&["first.example"]));
    let exact = house.issue("exact", &names(&["www.second.example", "second.example"]));
    let wildcard = house.issue("wildcard", &names(&["*.second.example"]));
    let server = house.listener("certificates = ['first.pem', 'exact.pem', 'wildcard.pem']");
    let worker = Worker::echo(server);
    let mut config = house.client();
    // What is shown is looked at here, for whatever name.
    config
        .dangerous()
        .set_certificate_verifier(Arc::new(crate::house::Anybody));
    let config = Arc::new(config);
    for (name, expected) in [
        ("first.example", &first),
        ("second.example", &exact),
        ("www.second.example", &exact),
        ("WWW.Second.Example", &exact),
        ("api.second.example", &wildcard),
        ("a.b.second.example", &first),
        ("other.example", &first),
        ("192.0.2.1", &first),
    ] {
        let client = connect(worker.address, &config, name).unwrap();
        assert!(shown(&client) == expected.der, "{name}");
        let facts = worker.facts();
        let asked = (!name.starts_with("192")).then(|| name.to_ascii_lowercase());
        assert_eq!(facts.server_name, asked);
    }
}

#[test]
fn elliptic_curves_and_rsa_for_one_name() {
    let house = House::new();
    let rsa = house.issue(
        "rsa",
        &Wanted {
            algorithm: &rcgen::PKCS_RSA_SHA256,
            ..Wanted::default()
        },
    );
    let ecdsa = house.issue("ecdsa", &Wanted::default());
    let worker = Worker::echo(house.listener("certificates = ['rsa.pem', 'ecdsa.pem']"));
    let mut only_rsa = rustls::crypto::aws_lc_rs::default_provider();
    only_rsa
        .cipher_suites
        .retain(|suite| format!("{:?}", suite.suite()).contains("ECDHE_RSA"));
    let old = ClientConfig::builder_with_provider(Arc::new(only_rsa))
        .with_protocol_versions(&[&TLS12])
        .unwrap()
        .with_root_certificates(house.authority.roots())
        .with_no_client_auth();
    for (config, expected) in [(old, &rsa), (house.client(), &ecdsa)] {
        let client = connect(worker.address, &Arc::new(config), "localhost").unwrap();
        assert!(shown(&client) == expected.der);
    }
}

#[test]
fn what_is_spoken_inside_is_agreed_on() {
    let house = House::new();
    house.issue("web", &Wanted::default());
    let worker = Worker::echo(house.listener("certificates = 'web.pem'"));
    for (offered, expected) in [
        (vec!["http/1.1", "h2"], Some("h2")),
        (vec!["http/1.1"], Some("http/1.1")),
        (vec!["spdy", "http/1.1"], Some("http/1.1")),
        (vec![], None),
    ] {
        let mut config = house.client();
        config.alpn_protocols = offered.iter().map(|name| name.as_bytes().to_vec()).collect();
        connect(worker.address, &Arc::new(config), "localhost").unwrap();
        assert_eq!(worker.facts().alpn, expected.map(|name| name.as_bytes().to_vec()));
    }
    let mut config = house.client();
    config.alpn_protocols = vec![b"spdy".to_vec()];
    assert!(connect(worker.address, &Arc::new(config), "localhost").is_err());
    assert_eq!(worker.facts().failure, Some("alpn"));
}

#[test]
fn versions_below_the_least_are_refused() {
    let house = House::new();
    house.issue("web", &Wanted::default());
    let old = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS12])
        .unwrap()
        .with_root_certificates(house.authority.roots())
        .with_no_client_auth();
    let old = Arc::new(old);
    let worker = Worker::echo(house.listener("certificates = 'web.pem'"));
    let mut client = connect(worker.address, &old, "localhost").unwrap();
    exchange(&mut client).unwrap();
    assert_eq!(worker.facts().version, "TLSv1.2");
    let strict = House::new();
    strict.issue("web", &Wanted::default());
    let worker = Worker::echo(strict.listener("certificates = 'web.pem', min_version = '1.3'"));
    assert!(connect(worker.address, &old, "localhost").is_err());
    assert_eq!(worker.facts().failure, Some("version"));
    let failures = "evenkeel_tls_handshake_failures_total{listener=\"web\",reason=\"version\"}";
    assert_eq!(strict.metric(failures), Some(1.0));
}

#[test]
fn what_is_no_handshake_is_counted_and_answered() {
    let house = House::new();
    house.issue("web", &Wanted::default());
    let worker = Worker::echo(house.listener("certificates = 'web.pem'"));
    for (bytes, expected) in [
        (&b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"[..], "plain-http"),
        (b"OPTIO", "plain-http"),
        (b"\x00\x00\x00\x00\x00\x00\x00\x00", "not-tls"),
        (b"\x16\x03\x01\xff\xff\x01", "not-tls"),
        (b"\x16\x03\x01\x00\x05\x01\xff\xff\xff\xff", "not-tls"),
        (b"", "closed"),
        (b"\x16\x03\x01", "closed"),
    ] {
        let mut socket = TcpStream::connect(worker.address).unwrap();
        socket.write_all(bytes).unwrap();
        if expected == "closed" {
            socket.shutdown(std::net::Shutdown::Write).unwrap();
        }
        assert_eq!(worker.facts().failure, Some(expected), "{bytes:?}");
        let mut answer = Vec::new();
        // A reset says as much: what we had not read was thrown away.
        match socket.read_to_end(&mut answer) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
        }
        if expected == "plain-http" {
            assert_eq!(answer, b"", "an answer is the door's business");
        } else if expected != "closed" && !answer.is_empty() {
            assert_eq!(answer[0], 21, "an alert");
        }
    }
}

#[test]
fn who_speaks_nothing_of_ours_is_told_so_after_what_was_agreed_upon() {
    let house = House::new();
    house.issue("web", &Wanted::default());
    let worker = Worker::echo(house.listener("certificates = 'web.pem'"));
    for version in [&TLS12, &TLS13] {
        let mut client = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(house.authority.roots())
            .with_no_client_auth();
        client.alpn_protocols = vec![b"spdy/3".to_vec()];
        let error = connect(worker.address, &Arc::new(client), "localhost")
            .map(|_| ())
            .unwrap_err();
        assert!(error.to_string().contains("NoApplicationProtocol"), "{error}");
        assert_eq!(worker.facts().failure, Some("alpn"));
    }
}
