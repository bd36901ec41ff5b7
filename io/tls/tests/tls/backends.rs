//! What a pool asks of its backends.

use crate::house::{Authority, House, PATIENCE, Wanted, flush, handshake, provider, read, write_all};
use evenkeel_model::BackendAddress;
use evenkeel_net::{Socket, reactor};
use evenkeel_tls::{ClientTls, Failure};
use rustls::server::WebPkiClientVerifier;
use rustls::{ServerConfig, ServerConnection, Stream};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::task::Poll;
use std::thread::JoinHandle;

/// A backend of one connection, by rustls' own sockets: reads a word, answers what was agreed on, and ends.
fn backend(config: ServerConfig) -> (SocketAddr, JoinHandle<Option<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let thread = std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut connection = ServerConnection::new(Arc::new(config)).unwrap();
        let mut word = [0; 5];
        Stream::new(&mut connection, &mut socket).read_exact(&mut word).ok()?;
        let alpn = connection
            .alpn_protocol()
            .map_or("none".into(), String::from_utf8_lossy)
            .into_owned();
        let name = connection.server_name().unwrap_or("nobody").to_owned();
        let client = connection.peer_certificates().is_some();
        let answer = format!("{alpn} {name} {client}");
        Stream::new(&mut connection, &mut socket)
            .write_all(answer.as_bytes())
            .ok()?;
        connection.send_close_notify();
        connection.complete_io(&mut socket).ok();
        Some(answer)
    });
    (address, thread)
}

fn server(house: &House, wanted: &Wanted<'_>, alpn: &[&str], asks: bool) -> ServerConfig {
    let leaf = house.authority.issue(wanted);
    let builder = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = if asks {
        let roots = Arc::new(house.authority.roots());
        let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider())
            .build()
            .unwrap();
        builder.with_client_cert_verifier(verifier)
    } else {
        builder.with_no_client_auth()
    };
    let mut config = builder.with_single_cert(vec![leaf.der], leaf.key_der).unwrap();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    config
}

/// What a worker gets from a backend.
fn ask(pool: &Arc<ClientTls>, address: SocketAddr) -> Result<String, Option<Failure>> {
    let pool = pool.clone();
    on_worker(async move || {
        let backend = BackendAddress::Tcp(address);
        let socket = Socket::connect(&backend).unwrap();
        crate::house::wait(|| match socket.connected() {
            Ok(true) => Poll::Ready(()),
            Ok(false) => Poll::Pending,
            Err(error) => panic!("{error}"),
        })
        .await;
        let socket = pool.connect(socket, &backend).unwrap();
        handshake(&socket).await.map_err(|_| socket.failure())?;
        write_all(&socket, b"hello").await.map_err(|_| socket.failure())?;
        flush(&socket).await.map_err(|_| socket.failure())?;
        let (mut answer, mut buffer) = (Vec::new(), [0; 7]);
        loop {
            match read(&socket, &mut buffer).await {
                Ok(0) => return Ok(String::from_utf8(answer).unwrap()),
                Ok(length) => answer.extend_from_slice(&buffer[..length]),
                Err(_) => return Err(socket.failure()),
            }
        }
    })
}

fn on_worker<T: Send + 'static>(future: impl AsyncFnOnce() -> T + Send + 'static) -> T {
    let thread = std::thread::spawn(move || {
        reactor::begin().unwrap();
        let (sender, receiver) = std::sync::mpsc::channel();
        reactor::spawn(async move {
            sender.send(future().await).unwrap();
            reactor::stop();
        });
        reactor::run().unwrap();
        receiver.recv().unwrap()
    });
    thread.join().unwrap()
}

#[test]
fn a_backend_is_who_it_says() {
    let house = House::new();
    let address = Wanted {
        names: &["127.0.0.1"],
        ..Wanted::default()
    };
    let named = Wanted::default();
    let expired = Wanted {
        years: (2020, 2021),
        ..Wanted::default()
    };
    let name = "server_name = 'localhost'";
    house.write("others.pem", Authority::new("Tests CA").pem());
    for (tls, wanted, expected) in [
        ("ca = 'ca.pem'", &address, Ok("none nobody false")),
        ("ca = 'ca.pem'", &named, Err(Failure::CertificateName)),
        (&format!("ca = 'ca.pem', {name}"), &named, Ok("none localhost false")),
        (
            &format!("ca = 'ca.pem', {name}"),
            &expired,
            Err(Failure::CertificateExpired),
        ),
        (
            &format!("ca = 'others.pem', {name}"),
            &named,
            Err(Failure::CertificateUnknown),
        ),
        ("server_name = 'localhost'", &named, Err(Failure::CertificateUnknown)),
        ("verify = false", &expired, Ok("none nobody false")),
    ] {
        let pool = house.sides("", &format!("tls = {{ {tls} }}")).pools["web"].clone();
        let (address, thread) = backend(server(&house, wanted, &[], false));
        let result = ask(&pool, address);
        assert_eq!(result, expected.map(ToOwned::to_owned).map_err(Some), "{tls}");
        assert_eq!(thread.join().unwrap().is_some(), expected.is_ok());
    }
}

#[test]
fn our_certificate_is_shown_and_the_protocol_agreed_on() {
    let house = House::new();
    house.issue(
        "own",
        &Wanted {
            is_client: true,
            ..Wanted::default()
        },
    );
    let tls = "tls = { ca = 'ca.pem', server_name = 'localhost', client = { cert = 'own.pem' } }";
    for (protocol, offered, expected) in [
        ("http1", &["h2", "http/1.1"][..], "none localhost true"),
        ("auto", &["h2", "http/1.1"], "h2 localhost true"),
        ("auto", &["http/1.1"], "http/1.1 localhost true"),
        ("auto", &[], "none localhost true"),
        ("h2", &["http/1.1", "h2"], "h2 localhost true"),
    ] {
        let pool = house.sides("", &format!("protocol = '{protocol}'\n{tls}")).pools["web"].clone();
        let (address, thread) = backend(server(&house, &Wanted::default(), offered, true));
        assert_eq!(ask(&pool, address).as_deref(), Ok(expected));
        thread.join().unwrap();
    }
    // A backend that wants a certificate gets none: it refuses.
    let pool = house
        .sides("", "tls = { ca = 'ca.pem', server_name = 'localhost' }")
        .pools["web"]
        .clone();
    let (address, thread) = backend(server(&house, &Wanted::default(), &[], true));
    assert!(ask(&pool, address).is_err());
    assert_eq!(thread.join().unwrap(), None);
}

#[test]
fn a_certificate_may_be_its_own_authority() {
    let house = House::new();
    for (names, expected) in [
        (&["localhost"][..], Ok("none localhost false".to_owned())),
        (&["other.example"][..], Err(Some(Failure::CertificateName))),
    ] {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let own = rcgen::generate_simple_self_signed(names).unwrap();
        house.write("own.pem", own.cert.pem());
        let config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![own.cert.der().clone()],
                own.signing_key.serialize_der().try_into().unwrap(),
            )
            .unwrap();
        let pool = house
            .sides("", "tls = { ca = 'own.pem', server_name = 'localhost' }")
            .pools["web"]
            .clone();
        let (address, thread) = backend(config);
        assert_eq!(ask(&pool, address), expected);
        thread.join().unwrap();
    }
}
