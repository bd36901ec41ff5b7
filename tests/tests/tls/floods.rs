//! Clients that send much that is worth little, or what takes long to understand.

use std::sync::Arc;

use evenkeel_tests::authority::Wanted;
use evenkeel_tests::client::Client;
use evenkeel_tests::program::run;
use evenkeel_tests::python::script;
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use crate::house::{House, Outcome, SOON, Served, wait_for};

/// Kinds of records (RFC 8446 5.1).
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
/// What alerts say (RFC 8446 6.2).
const UNEXPECTED_MESSAGE: u8 = 10;
const RECORD_OVERFLOW: u8 = 22;
const HANDSHAKE_FAILURE: u8 = 40;
const DECODE_ERROR: u8 = 50;
/// Bytes of a whole record.
const RECORD: usize = 16 << 10;

fn start() -> Result<(House, Served), Box<dyn std::error::Error>> {
    let house = House::new()?;
    house.issue("web", &Wanted::default())?;
    let served = house.start_web("certificates = [\"%/web.pem\"]")?;
    Ok((house, served))
}

/// A message in records of `size` bytes.
fn records(message: &[u8], size: usize) -> Vec<u8> {
    let mut records = Vec::new();
    for piece in message.chunks(size) {
        records.extend_from_slice(&[HANDSHAKE, 3, 1]);
        records.extend_from_slice(&u16::try_from(piece.len()).unwrap_or(u16::MAX).to_be_bytes());
        records.extend_from_slice(piece);
    }
    records
}

/// The message by which a client begins, with so many names of protocols that nobody speaks.
fn hello(protocols: u8) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    config.alpn_protocols = (0..protocols).map(|number| vec![number; 255]).collect();
    config.alpn_protocols.push(b"http/1.1".to_vec());
    let mut written = Vec::new();
    ClientConnection::new(Arc::new(config), "localhost".try_into()?)?.write_tls(&mut written)?;
    // Without the heads of its records.
    let (mut message, mut rest) = (Vec::new(), &written[..]);
    while let [HANDSHAKE, _, _, high, low, behind @ ..] = rest {
        let (piece, next) = behind.split_at(usize::from(u16::from_be_bytes([*high, *low])));
        message.extend_from_slice(piece);
        rest = next;
    }
    Ok(message)
}

#[test]
fn a_hello_in_many_pieces_is_one() -> Outcome {
    let (_house, served) = start()?;
    // In records of a byte; over several records, a few bytes at a time.
    for (message, size, at_once) in [
        (hello(0)?, 1, usize::MAX),
        (hello(0)?, RECORD, 7),
        (hello(100)?, RECORD, 509),
        (hello(200)?, 1000, 1009),
    ] {
        let mut client = Client::connect(served.address(1))?;
        client.send_in_pieces(&records(&message, size), at_once)?;
        assert!(client.read_until(SOON, |bytes, _| !bytes.is_empty()));
        assert_eq!(client.received()[0], HANDSHAKE, "{} in {size}", message.len());
    }
    Ok(())
}

#[test]
fn what_is_too_much_is_ended_by_a_word() -> Outcome {
    let (house, served) = start()?;
    // Of its length, 64 KiB, which no message of a client has; and as long as is allowed, in the smallest records.
    let long = [&[1, 1, 0, 0][..], &[0; 1 << 16]].concat();
    let most = [&[1, 0, 0xff, 0xf0][..], &[0; 0xfff0]].concat();
    let half = records(&hello(0)?[..100], RECORD);
    let behind_half = |record: &[u8]| [&half, record].concat();
    let floods = [
        (records(&long, RECORD), DECODE_ERROR),
        (records(&most, 1), RECORD_OVERFLOW),
        (records(&most, RECORD), DECODE_ERROR),
        (behind_half(b"\x17\x03\x03\x00\x01x"), UNEXPECTED_MESSAGE),
        (behind_half(b"\x15\x03\x03\x00\x02\x01\x5a"), UNEXPECTED_MESSAGE),
        (behind_half(b"\x14\x03\x03\x00\x01\x01"), UNEXPECTED_MESSAGE),
        (b"\x14\x03\x03\x00\x01\x01".repeat(1000), UNEXPECTED_MESSAGE),
        (b"\x15\x03\x01\x00\x02\x01\x5a".repeat(1000), UNEXPECTED_MESSAGE),
        (b"\x16\x03\x01\x00\x00".repeat(1000), DECODE_ERROR),
    ];
    for (number, (bytes, expected)) in floods.iter().enumerate() {
        let mut client = Client::connect(served.address(1))?;
        client.send(bytes)?;
        assert!(client.read_to_end(SOON), "{number}");
        assert_eq!(client.received(), [ALERT, 3, 3, 0, 2, 2, *expected], "{number}");
        assert!(!client.was_reset(), "{number}");
    }
    let answer = served.get(&house.terms("localhost"), "/", "")?;
    assert_eq!(answer.body, b"hello");
    assert_eq!(served.failed("internal")?, 0.0);
    Ok(())
}

/// A client of TLS 1.3 sends its request before it knows whether its certificate was taken: our alert must not be lost by
/// a reset.
#[test]
fn an_alert_arrives_whatever_is_sent_behind() -> Outcome {
    let (_house, served) = start()?;
    let mut old = hello(0)?;
    // TLS 1.0, and nothing that says otherwise.
    old.truncate(4 + 2 + 32);
    old[5] = 1;
    old.extend_from_slice(b"\x00\x00\x02\xc0\x13\x01\x00");
    let length = u8::try_from(old.len() - 4)?;
    old[1..4].copy_from_slice(&[0, 0, length]);
    let mut client = Client::connect(served.address(1))?;
    client.send(&records(&old, RECORD))?;
    assert!(client.read_until(SOON, |bytes, _| bytes.len() >= 7));
    assert_eq!(client.received()[..], [ALERT, 3, 3, 0, 2, 2, HANDSHAKE_FAILURE]);
    client.send(&[0; 100_000])?;
    client.close_write()?;
    assert!(client.read_to_end(SOON));
    assert!(!client.was_reset());
    wait_for(|| Ok(served.failed("version")? >= 1.0))
}

#[test]
fn what_is_worth_nothing_has_limits() -> Outcome {
    let (house, served) = start()?;
    let mut command = script("tls_floods.py")?;
    command.arg(served.address(1).to_string());
    let said = run(&mut command, "", SOON)?.good()?;
    assert_eq!(said.lines().filter(|line| line.starts_with("ok ")).count(), 9, "{said}");
    let answer = served.get(&house.terms("localhost"), "/", "")?;
    assert_eq!(answer.body, b"hello");
    assert_eq!(served.metric("evenkeel_panics_total", &[])?, 0.0);
    Ok(())
}
