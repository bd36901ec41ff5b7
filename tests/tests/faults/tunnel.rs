//! After `Upgrade`: bytes both ways, half-closed ends, and reloads that tunnels do not notice.

use evenkeel_tests::client::Client;

use crate::house::{House, Outcome, SOON};

const UPGRADE: &[u8] = b"GET /chat HTTP/1.1\r\nhost: test\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n";

fn open(house: &House, early: &[u8]) -> Result<Client, Box<dyn std::error::Error>> {
    let mut client = house.connect()?;
    client.send(&[UPGRADE, early].concat())?;
    let is_whole = |bytes: &[u8], _: bool| bytes.windows(4).any(|bytes| bytes == b"\r\n\r\n");
    assert!(
        client.read_until(SOON, is_whole),
        "{:?}",
        String::from_utf8_lossy(client.received())
    );
    let head = client.received().windows(4).position(|bytes| bytes == b"\r\n\r\n");
    let head = head.map_or(0, |at| at + 4);
    let text = String::from_utf8_lossy(&client.received()[..head]).to_ascii_lowercase();
    assert!(
        text.starts_with("http/1.1 101 ") && text.contains("upgrade: echo\r\n"),
        "{text}"
    );
    client.discard(head);
    Ok(client)
}

fn echo(client: &mut Client, bytes: &[u8]) -> Outcome {
    client.send(bytes)?;
    assert!(client.read_until(SOON, |received, _| received.len() >= bytes.len()));
    assert!(client.received() == bytes, "what comes back is what was sent");
    client.discard(bytes.len());
    Ok(())
}

#[test]
fn a_tunnel_carries_bytes_both_ways_and_half_closes() -> Outcome {
    let house = House::start(&["b0"], "", "")?;
    house.wait_until_usable()?;
    let mut client = open(&house, b"early")?;
    // What came together with the request is for the other end, too.
    assert!(client.read_until(SOON, |bytes, _| bytes == b"early"));
    client.discard(5);
    let every_byte: Vec<u8> = (0..=255).cycle().take(256 << 10).collect();
    for _ in 0..4 {
        echo(&mut client, &every_byte)?;
    }
    house.wait_for_backend("b0", |backend| backend["in_flight"] == 1)?;
    client.close_write()?;
    assert!(client.read_to_end(SOON), "the backend's end arrives");
    assert_eq!(client.received(), b"bye", "and what it said after the client's end");
    assert!(!client.was_reset());
    house.wait_until_quiet()?;
    let line = house.logged("/chat")?;
    assert_eq!(
        (&line["status"], &line["reason"]),
        (&101.into(), &"ok".into()),
        "{line}"
    );
    assert!(line["bytes_in"].as_u64() >= Some(1 << 20), "{line}");
    assert!(line["bytes_out"].as_u64() >= Some(1 << 20), "{line}");
    Ok(())
}

#[test]
fn a_tunnel_that_one_side_breaks_ends_on_the_other() -> Outcome {
    let mut house = House::start(&["b0"], "", "")?;
    house.wait_until_usable()?;
    let left = open(&house, b"")?;
    house.wait_for_backend("b0", |backend| backend["in_flight"] == 1)?;
    left.reset()?;
    house.wait_until_quiet()?;
    let mut right = open(&house, b"")?;
    house.backends[0].kill()?;
    assert!(right.read_to_end(SOON), "the backend is dead");
    Ok(())
}

#[test]
fn a_tunnel_survives_a_reload_even_if_its_backend_leaves() -> Outcome {
    let house = House::start(&["b0", "b1"], "", "balance = \"first\"")?;
    house.wait_until_usable()?;
    let mut client = open(&house, b"")?;
    echo(&mut client, b"before")?;
    let first = crate::house::list(&house.backends[..1]);
    house.reconfigure(&first, "")?;
    house.reload()?;
    echo(&mut client, b"its backend leaves")?;
    assert_eq!(house.body("/")?, "b1");
    house.reconfigure("balance = \"first\"", "balance = \"random\"")?;
    house.reload()?;
    echo(&mut client, b"again")?;
    drop(client);
    Ok(())
}
