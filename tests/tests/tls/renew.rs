//! Certificates that are replaced while clients come and stay.

use std::io::Read as _;

use evenkeel_tests::authority::{Issued, Key, Wanted};
use evenkeel_tests::client::Client;
use evenkeel_tests::tls::TlsClient;

use crate::house::{House, Outcome, SOON, Served, wait_for, web};

const CHANGES: &str = "evenkeel_certificate_changes_total";
const REFUSED: &str = "evenkeel_certificates_refused";

fn shows(served: &Served, house: &House, wanted: &Issued) -> Result<bool, Box<dyn std::error::Error>> {
    let client = served.connect(&house.terms("localhost"))?;
    Ok(client.certificate() == Some(&wanted.der))
}

/// A client with an answer behind it.
fn guest(served: &Served, house: &House) -> Result<TlsClient, Box<dyn std::error::Error>> {
    let mut client = served.connect(&house.terms("localhost"))?;
    assert_eq!(client.get("localhost", "/", "")?.body, b"hello");
    Ok(client)
}

#[test]
fn a_new_file_is_served_within_seconds_and_nobody_notices() -> Outcome {
    let house = House::new()?;
    let old = house.issue("web", &Wanted::default())?;
    let served = house.start_web("certificates = [\"%/web.pem\"]")?;
    let mut stays = guest(&served, &house)?;
    assert!(shows(&served, &house, &old)?);
    // Renewed in place, then by a rename as careful programs do, with another kind of key.
    let wanted = Wanted {
        key: Key::Rsa,
        years: (2020, 2080),
        ..Wanted::default()
    };
    for (number, wanted) in [Wanted::default(), wanted].iter().enumerate() {
        let new = house.authority.issue(wanted)?;
        if number == 0 {
            house.write("web.pem", &new.both())?;
        } else {
            house.write("web.new", &new.both())?;
            std::fs::rename(house.path("web.new"), house.path("web.pem"))?;
        }
        wait_for(|| shows(&served, &house, &new))?;
        let taken = served.metric(CHANGES, &[("result", "taken")])?;
        assert_eq!(taken, number as f64 + 1.0);
        assert_eq!(stays.get("localhost", "/", "")?.body, b"hello");
        assert_eq!(stays.certificate(), Some(&old.der), "what it began with");
    }
    // 2080-01-01.
    let end = served.metric("evenkeel_certificate_not_after_seconds", &[("name", "localhost")])?;
    assert_eq!(end, 3_471_292_800.0);
    Ok(())
}

#[test]
fn a_reload_takes_it_at_once() -> Outcome {
    let house = House::new()?;
    house.issue("web", &Wanted::default())?;
    let served = house.start_web("certificates = [\"%/web.pem\"]")?;
    let mut stays = guest(&served, &house)?;
    for _ in 0..3 {
        let new = house.issue("web", &Wanted::default())?;
        let reloaded = served.balancer.command(&["reload"])?;
        assert!(reloaded.status.success(), "{reloaded:?}");
        assert!(shows(&served, &house, &new)?, "before anybody looked by itself");
    }
    assert_eq!(stays.get("localhost", "/", "")?.body, b"hello");
    Ok(())
}

#[test]
fn one_that_is_no_good_is_refused_and_the_old_one_stays() -> Outcome {
    let house = House::new()?;
    let old = house.issue("web", &Wanted::default())?;
    let served = house.start_web("certificates = [\"%/web.pem\"]")?;
    let other = house.authority.issue(&Wanted::default())?;
    let cut = &old.both()[..300];
    let mixed = format!("{}{}", old.chain, other.key);
    for (number, text) in ["", "rubbish", cut, &mixed].iter().enumerate() {
        house.write("web.pem", text)?;
        // What is refused stays refused, so what is new is told by how often.
        let refused = || served.metric(CHANGES, &[("result", "refused")]);
        wait_for(|| Ok(refused()? >= number as f64 + 1.0))?;
        assert_eq!(served.metric(REFUSED, &[])?, 1.0, "{number}");
        assert!(shows(&served, &house, &old)?, "{number}");
        let reload = served.balancer.command(&["reload"])?;
        assert_eq!(reload.status.code(), Some(1), "{number}: {reload:?}");
        let said = String::from_utf8_lossy(&reload.stderr).into_owned();
        assert!(said.contains("web.pem"), "{number}: {said}");
        assert!(shows(&served, &house, &old)?, "{number}");
        wait_for(|| Ok(served.balancer.stderr().contains("web.pem")))?;
    }
    let new = house.issue("web", &Wanted::default())?;
    wait_for(|| shows(&served, &house, &new))?;
    assert_eq!(served.metric(REFUSED, &[])?, 0.0);
    Ok(())
}

#[test]
fn certificate_and_key_may_come_one_after_the_other() -> Outcome {
    let house = House::new()?;
    let old = house.authority.issue(&Wanted::default())?;
    house.write("chain.pem", &old.chain)?;
    house.write("key.pem", &old.key)?;
    let served = house.start_web("certificates = [{ cert = \"%/chain.pem\", key = \"%/key.pem\" }]")?;
    let new = house.authority.issue(&Wanted::default())?;
    house.write("chain.pem", &new.chain)?;
    wait_for(|| Ok(served.metric(REFUSED, &[])? == 1.0))?;
    assert!(shows(&served, &house, &old)?);
    house.write("key.pem", &new.key)?;
    wait_for(|| shows(&served, &house, &new))?;
    Ok(())
}

#[test]
fn a_download_goes_on_over_every_change() -> Outcome {
    let house = House::new()?;
    house.issue("web", &Wanted::default())?;
    let served = house.start(
        1,
        "[listener.web]\nbind = \"127.0.0.1:@1\"\ntls = { certificates = [\"%/web.pem\"] }\n\
         [[listener.web.route]]\nfiles = { root = \"%/\" }\n",
    )?;
    let body: Vec<u8> = (0..8_000_000_u32).map(|number| number.to_le_bytes()[1]).collect();
    std::fs::write(house.path("large.bin"), &body)?;
    let mut curl = evenkeel_tests::program::program("curl")?;
    curl.args([
        "--silent",
        "--show-error",
        "--noproxy",
        "*",
        "--http2",
        "--limit-rate",
        "4M",
    ]);
    curl.arg("--cacert").arg(house.path("ca.pem"));
    curl.arg("--output").arg(house.path("got"));
    curl.arg(format!("https://{}/large.bin", served.address(1)));
    let mut child = curl.spawn()?;
    let mut changes = 0;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        let new = house.issue("web", &Wanted::default())?;
        assert!(served.balancer.command(&["reload"])?.status.success());
        assert!(shows(&served, &house, &new)?);
        changes += 1;
    };
    assert!(status.success(), "{status}");
    assert!(changes > 0, "it was over before anything changed");
    let mut got = Vec::new();
    std::fs::File::open(house.path("got"))?.read_to_end(&mut got)?;
    assert!(got == body, "{} of {} bytes", got.len(), body.len());
    Ok(())
}

#[test]
fn encryption_may_come_and_go_by_a_reload() -> Outcome {
    let house = House::new()?;
    house.issue("web", &Wanted::default())?;
    let rest = "[[listener.web.route]]\nrespond = { body = \"hello\" }\n";
    let plain = format!("[listener.web]\nbind = \"127.0.0.1:@1\"\n{rest}");
    let encrypted = web("certificates = [\"%/web.pem\"]");
    let served = house.start(1, &plain)?;
    let ask_plainly = || -> Result<u16, Box<dyn std::error::Error>> {
        let mut client = Client::connect(served.address(1))?;
        client.send(b"GET / HTTP/1.1\r\nhost: h\r\n\r\n")?;
        Ok(client.response(SOON, false)?.status)
    };
    for _ in 0..2 {
        assert_eq!(ask_plainly()?, 200);
        served.change(&house, &encrypted)?;
        assert_eq!(served.get(&house.terms("localhost"), "/", "")?.body, b"hello");
        assert_eq!(ask_plainly()?, 400);
        served.change(&house, &plain)?;
    }
    Ok(())
}
