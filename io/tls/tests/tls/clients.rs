//! Certificates of clients, and sessions that are taken up again.

use crate::house::{Authority, House, Wanted, Worker, connect, exchange, provider};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, HandshakeKind};
use std::io::Read;
use std::sync::Arc;

const CLIENT: Wanted<'static> = Wanted {
    names: &["alice.example"],
    algorithm: &rcgen::PKCS_ECDSA_P256_SHA256,
    years: (2020, 2090),
    is_client: true,
};

#[test]
fn a_certificate_is_required() {
    let house = House::new();
    house.issue("web", &Wanted::default());
    let worker = Worker::echo(house.listener("certificates = 'web.pem', client_ca = 'ca.pem', client_header = []"));
    let alice = house.authority.issue(&CLIENT);
    let mut client = connect(worker.address, &Arc::new(house.client_with(&alice)), "localhost").unwrap();
    exchange(&mut client).unwrap();
    let facts = worker.facts();
    assert_eq!(
        facts.subject.as_deref(),
        Some("O=Tests\\, \\\"Inc\\\",CN=alice.example")
    );
    assert_eq!(facts.fields, "", "no header is wanted");

    let stranger = Authority::new("Tests CA").issue(&CLIENT);
    let expired = house.authority.issue(&Wanted {
        years: (2020, 2021),
        ..CLIENT
    });
    let server = house.authority.issue(&Wanted::default());
    for (config, expected) in [
        (house.client(), "no-certificate"),
        (house.client_with(&stranger), "certificate-unknown"),
        (house.client_with(&expired), "certificate-expired"),
        (house.client_with(&server), "certificate-bad"),
    ] {
        // In TLS 1.3 a client learns of its refusal when it reads.
        let result =
            connect(worker.address, &Arc::new(config), "localhost").and_then(|mut client| exchange(&mut client));
        assert!(result.is_err());
        assert_eq!(worker.facts().failure, Some(expected));
    }
}

#[test]
fn a_certificate_is_optional_and_told_of() {
    let house = House::new();
    house.issue("web", &Wanted::default());
    let tls = "certificates = 'web.pem', client_ca = 'ca.pem', client_auth = 'optional', client_header = \
               ['client-cert', 'x-forwarded-client-cert', 'x-forwarded-tls-client-cert', 'x-ssl-client']";
    let worker = Worker::echo(house.listener(tls));
    connect(worker.address, &Arc::new(house.client()), "localhost").unwrap();
    let facts = worker.facts();
    assert_eq!((facts.failure, facts.subject), (None, None));
    assert_eq!(facts.fields, "x-ssl-client-verify: NONE\r\n");

    let alice = house.authority.issue(&CLIENT);
    let mut client = connect(worker.address, &Arc::new(house.client_with(&alice)), "localhost").unwrap();
    exchange(&mut client).unwrap();
    let fields = worker.facts().fields;
    let base64: String = alice.chain.lines().filter(|line| !line.starts_with('-')).collect();
    let escaped: String = alice
        .chain
        .replace("\r\n", "\n")
        .chars()
        .map(|character| match character {
            '+' => "%2B".to_owned(),
            '/' => "%2F".to_owned(),
            '=' => "%3D".to_owned(),
            ' ' => "%20".to_owned(),
            '\n' => "%0A".to_owned(),
            other => other.to_string(),
        })
        .collect();
    for line in [
        format!("client-cert: :{base64}:"),
        format!("x-forwarded-tls-client-cert: {base64}"),
        "x-ssl-client-verify: SUCCESS".to_owned(),
        "x-ssl-client-s-dn: O=Tests\\, \\\"Inc\\\",CN=alice.example".to_owned(),
        format!("x-ssl-client-cert: {escaped}"),
    ] {
        assert!(fields.lines().any(|found| found == line), "{line}\nin\n{fields}");
    }
    let envoy = fields
        .lines()
        .find(|line| line.starts_with("x-forwarded-client-cert: Hash="))
        .unwrap();
    assert!(
        envoy.ends_with(";Subject=\"O=Tests\\\\, \\\\\\\"Inc\\\\\\\",CN=alice.example\";DNS=alice.example"),
        "{envoy}"
    );
    assert!(envoy.contains(&format!("Cert=\"{escaped}\"")), "{envoy}");
    assert!(!fields.contains("client-cert-chain"), "{fields}");
}

fn only(house: &House, version: &'static rustls::SupportedProtocolVersion) -> Arc<ClientConfig> {
    Arc::new(
        ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(house.authority.roots())
            .with_no_client_auth(),
    )
}

#[test]
fn sessions_are_taken_up_again() {
    for version in [&TLS12, &TLS13] {
        let house = House::new();
        house.issue("web", &Wanted::default());
        let server = house.listener("certificates = 'web.pem'");
        let worker = Worker::echo(server.clone());
        let config = only(&house, version);
        let kind = || {
            let mut client = connect(worker.address, &config, "localhost").unwrap();
            exchange(&mut client).unwrap();
            assert_eq!(
                worker.facts().is_resumed,
                client.conn.handshake_kind() == Some(HandshakeKind::Resumed)
            );
            client.conn.handshake_kind().unwrap()
        };
        assert_eq!(kind(), HandshakeKind::Full);
        assert_eq!(kind(), HandshakeKind::Resumed);
        // Renewed certificates and a reload change nothing about it.
        house.issue("web", &Wanted::default());
        house.listener("certificates = 'web.pem'");
        assert_eq!(kind(), HandshakeKind::Resumed);
        // Tickets of the keys before are good, and replaced.
        house.vault.rotate_tickets();
        assert_eq!(kind(), HandshakeKind::Resumed);
        house.vault.rotate_tickets();
        assert_eq!(kind(), HandshakeKind::Resumed);
        house.vault.rotate_tickets();
        house.vault.rotate_tickets();
        assert_eq!(kind(), HandshakeKind::Full);
    }
}

#[test]
fn no_session_outlives_a_change_of_who_may_come() {
    let house = House::new();
    house.issue("web", &Wanted::default());
    let other = Authority::new("Others CA");
    house.write("clients.pem", house.authority.pem());
    let tls = "certificates = 'web.pem', client_ca = 'clients.pem'";
    let worker = Worker::echo(house.listener(tls));
    let alice = house.authority.issue(&CLIENT);
    let config = Arc::new(house.client_with(&alice));
    for expected in [HandshakeKind::Full, HandshakeKind::Resumed] {
        let mut client = connect(worker.address, &config, "localhost").unwrap();
        exchange(&mut client).unwrap();
        assert_eq!(client.conn.handshake_kind(), Some(expected));
        // Taken up again, the client is still who it was.
        assert!(worker.facts().subject.unwrap().ends_with("CN=alice.example"));
    }
    house.write("clients.pem", other.pem());
    house.listener(tls);
    let mut client = connect(worker.address, &config, "localhost").unwrap();
    assert_eq!(client.conn.handshake_kind(), Some(HandshakeKind::Full));
    assert!(client.read(&mut [0; 1]).is_err());
    assert_eq!(worker.facts().failure, Some("certificate-unknown"));
}
