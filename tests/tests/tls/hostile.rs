//! Clients that speak no TLS, or take their time.

use std::time::Duration;

use evenkeel_tests::authority::Wanted;
use evenkeel_tests::client::Client;
use evenkeel_tests::program::{program, run};

use crate::house::{House, Outcome, SOON, Served, wait_for};

const TLS: &str = "certificates = [\"%/web.pem\"]";
/// The first bytes of a ClientHello of 512 bytes.
const BEGINNING: &[u8] = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
/// The kind of a record that carries an alert (RFC 8446 5.1).
const ALERT: u8 = 21;

fn start() -> Result<(House, Served), Box<dyn std::error::Error>> {
    let house = House::new()?;
    house.issue("web", &Wanted::default())?;
    let served = house.start_web(TLS)?;
    Ok((house, served))
}

/// Others are served as before.
fn serves(house: &House, served: &Served) -> Outcome {
    let answer = served.get(&house.terms("localhost"), "/", "")?;
    assert_eq!(answer.body, b"hello");
    Ok(())
}

#[test]
fn what_is_no_client_hello_is_answered_by_an_alert() -> Outcome {
    let (house, served) = start()?;
    let long = [b"\x16\x03\x01\xff\xff".to_vec(), vec![0; 70_000]].concat();
    let rubbish: [&[u8]; 8] = [
        b"\x00\x00\x00\x00\x00\x00\x00\x00",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x16\x03\x01\x00\x05\x01\xff\xff\xff\xff",
        b"\x16\x03\x01\x00\x04\x02\x00\x00\x00",
        b"\x17\x03\x03\x00\x05hello",
        b"\x15\x03\x03\x00\x02\x02\x28",
        // SSL 2.
        b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10",
        &long,
    ];
    for (number, bytes) in rubbish.iter().enumerate() {
        let mut client = Client::connect(served.address(1))?;
        // It may have been cut off before the last byte.
        let _ = client.send(bytes);
        assert!(client.read_to_end(SOON), "{number}");
        let received = client.received();
        assert!(received.is_empty() || received[0] == ALERT, "{number}: {received:?}");
        serves(&house, &served)?;
    }
    let mut failed = 0.0;
    wait_for(|| {
        failed = 0.0;
        for reason in ["not-tls", "alert", "misbehaved"] {
            failed += served.failed(reason)?;
        }
        Ok(failed >= 8.0)
    })
    .map_err(|error| format!("{error}: {failed}"))?;
    assert_eq!(served.failed("internal")?, 0.0);
    assert_eq!(served.metric("evenkeel_panics_total", &[])?, 0.0);
    Ok(())
}

#[test]
fn who_is_slow_is_cut_and_counted() -> Outcome {
    let (house, served) = start()?;
    let mut silent = Client::connect(served.address(1))?;
    let mut slow = Client::connect(served.address(1))?;
    slow.send(BEGINNING)?;
    serves(&house, &served)?;
    for client in [&mut silent, &mut slow] {
        assert!(client.read_to_end(SOON));
    }
    wait_for(|| Ok(served.failed("timeout")? >= 2.0))?;
    // Byte after byte does not buy more time.
    let mut dripping = Client::connect(served.address(1))?;
    for byte in BEGINNING.iter().chain(&[0; 400]) {
        if dripping.send(&[*byte]).is_err() || dripping.read_to_end(Duration::from_millis(50)) {
            break;
        }
    }
    assert!(dripping.read_to_end(SOON));
    wait_for(|| Ok(served.failed("timeout")? >= 3.0))
}

#[test]
fn who_leaves_is_forgotten() -> Outcome {
    let (house, served) = start()?;
    for bytes in [&b""[..], BEGINNING] {
        let mut client = Client::connect(served.address(1))?;
        client.send(bytes)?;
        client.close_write()?;
        assert!(client.read_to_end(SOON));
    }
    let client = Client::connect(served.address(1))?;
    client.reset()?;
    serves(&house, &served)?;
    wait_for(|| {
        let open = served.metric("evenkeel_connections", &[("listener", "web")])?;
        Ok(open == 0.0)
    })
}

#[test]
fn plain_http_is_told_where_it_is() -> Outcome {
    let (house, served) = start()?;
    let body = "x".repeat(500_000);
    let upload = format!(
        "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let requests = [
        "GET / HTTP/1.1\r\nhost: h\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nhost: h\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        &upload,
    ];
    for (number, request) in requests.iter().enumerate() {
        for size in [request.len(), 5] {
            let mut client = Client::connect(served.address(1))?;
            let (first, rest) = request.as_bytes().split_at(size);
            client.send(first)?;
            // The answer may have come already, and nobody reads for ever.
            let _ = client.send(rest);
            let answer = client.response(SOON, false);
            let answer = answer.map_err(|error| format!("{number} {size}: {error}"))?;
            assert_eq!(answer.status, 400, "{number}");
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            assert!(text.contains("speaks HTTPS"), "{text}");
        }
    }
    assert_eq!(served.failed("plain-http")?, 8.0);
    let mut curl = program("curl")?;
    curl.args(["--silent", "--show-error", "--noproxy", "*", "--include"]);
    curl.arg(format!("http://{}/", served.address(1)));
    let said = run(&mut curl, "", SOON)?.good()?;
    assert!(said.starts_with("HTTP/1.1 400 "), "{said}");
    serves(&house, &served)
}
