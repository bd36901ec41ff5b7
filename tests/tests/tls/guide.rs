//! The configurations of the guide's pages, as they stand there but for addresses and directories, do what they say.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

use evenkeel_tests::authority::{Issued, Key, Wanted};
use evenkeel_tests::client::Client;
use evenkeel_tests::guide::configurations;
use evenkeel_tests::origin::Origin;
use evenkeel_tests::tls::Terms;

use crate::backends::Backend;
use crate::house::{House, Outcome, SOON, Served, wait_for};

/// A page's configuration with an origin for each of its plain addresses.
struct Shown {
    served: Served,
    origins: BTreeMap<String, Origin>,
}

fn start(house: &House, configuration: &str, encrypted: &str) -> Result<Shown, Box<dyn Error>> {
    let mut origins = BTreeMap::new();
    let mut text = configuration.replace("\"certs/", "\"%/");
    for address in configuration.split('"').filter(|word| word.starts_with("10.")) {
        if address.ends_with(":8443") {
            text = text.replace(address, encrypted);
        } else if !origins.contains_key(address) {
            let origin = Origin::start()?;
            text = text.replace(address, &origin.address().to_string());
            origins.insert(address.to_owned(), origin);
        }
    }
    let text = text
        .replace("\":443\"", "\"127.0.0.1:@1\"")
        .replace("\":80\"", "\"127.0.0.1:@2\"");
    let served = house.start(2, &text)?;
    Ok(Shown { served, origins })
}

fn issue(house: &House, file: &str, names: &[&str], key: Key) -> Result<Issued, Box<dyn Error>> {
    let wanted = Wanted {
        names,
        key,
        ..Wanted::default()
    };
    house.issue(file, &wanted)
}

fn page(name: &str) -> Result<(House, Vec<String>), Box<dyn Error>> {
    let house = House::new()?;
    issue(&house, "example.com", &["example.com"], Key::Ecdsa)?;
    Ok((house, configurations(name)?))
}

#[test]
fn a_site() -> Outcome {
    let (house, pages) = page("tls.md")?;
    let shown = start(&house, &pages[0], "")?;
    let served = &shown.served;
    served.wait_until_usable(true)?;
    assert_eq!(served.get(&house.terms("example.com"), "/page", "")?.body, b"/page");
    let records: Vec<u8> = shown
        .origins
        .values()
        .flat_map(Origin::records)
        .flat_map(|record| record.bytes)
        .collect();
    let got = String::from_utf8_lossy(&records);
    assert!(got.contains("\r\nx-forwarded-proto: https\r\n"), "{got}");
    let [encrypted, plain] = [1, 2].map(|port| served.address(port).port());
    for (host, target) in [
        ("example.com", "https://example.com/a?b=c".to_owned()),
        ("example.com:8080", "https://example.com/a?b=c".to_owned()),
        // Whoever sees our own port sees the other one, too.
        (
            &format!("example.com:{plain}"),
            format!("https://example.com:{encrypted}/a?b=c"),
        ),
    ] {
        let mut plain = Client::connect(served.address(2))?;
        plain.send(format!("POST /a?b=c HTTP/1.1\r\nhost: {host}\r\ncontent-length: 0\r\n\r\n").as_bytes())?;
        let answer = plain.response(SOON, false)?;
        assert_eq!(answer.status, 308);
        let location = answer.fields.value("location").unwrap_or_default();
        assert_eq!(String::from_utf8_lossy(&location), target);
    }
    let mut nameless = Client::connect(served.address(2))?;
    nameless.send(b"GET / HTTP/1.0\r\n\r\n")?;
    assert_eq!(nameless.response(SOON, false)?.status, 400);
    Ok(())
}

#[test]
fn several_certificates() -> Outcome {
    let (house, pages) = page("tls.md")?;
    issue(&house, "wildcard.example.net", &["*.example.net"], Key::Ecdsa)?;
    let ecdsa = issue(&house, "shop.example.org-ecdsa", &["shop.example.org"], Key::Ecdsa)?;
    issue(&house, "shop.example.org-rsa", &["shop.example.org"], Key::Rsa)?;
    let shown = start(&house, &pages[1], "")?;
    shown.served.wait_until_usable(true)?;
    for name in ["example.com", "www.example.net", "shop.example.org"] {
        assert_eq!(shown.served.get(&house.terms(name), "/", "")?.status, 200, "{name}");
    }
    for name in ["example.net", "a.b.example.net"] {
        assert!(shown.served.connect(&house.terms(name)).is_err(), "{name}");
    }
    let shop = shown.served.connect(&house.terms("shop.example.org"))?;
    assert_eq!(shop.certificate(), Some(&ecdsa.der));
    let rsa = ["-servername", "shop.example.org", "-sigalgs", "rsa_pss_rsae_sha256"];
    let said = shown.served.openssl(&rsa)?.stdout;
    assert!(said.contains("Peer signature type: RSA-PSS"), "{said}");
    Ok(())
}

#[test]
fn clients_with_certificates() -> Outcome {
    let (house, pages) = page("tls.md")?;
    house.write("partners-ca.pem", &house.authority.pem())?;
    let shown = start(&house, &pages[2], "")?;
    shown.served.wait_until_usable(true)?;
    let partner = house.authority.issue(&Wanted {
        names: &["partner.test"],
        client: true,
        ..Wanted::default()
    })?;
    let terms = Terms {
        certificate: Some(&partner),
        ..house.terms("example.com")
    };
    let forged = "X-SSL-Client-S-DN: CN=root\r\n";
    assert_eq!(shown.served.get(&terms, "/", forged)?.status, 200);
    let records = shown.origins["10.0.1.1:8080"].records();
    let got = String::from_utf8_lossy(&records[0].bytes).into_owned();
    assert!(got.contains("\r\nx-ssl-client-s-dn: CN=partner.test\r\n"), "{got}");
    assert!(!got.contains("CN=root"), "{got}");
    assert!(shown.served.get(&house.terms("example.com"), "/", "").is_err());
    Ok(())
}

#[test]
fn to_the_backends() -> Outcome {
    let (house, pages) = page("tls.md")?;
    issue(&house, "backend", &["app.internal"], Key::Ecdsa)?;
    house.write("internal-ca.pem", &house.authority.pem())?;
    house.issue(
        "balancer",
        &Wanted {
            names: &["balancer.internal"],
            client: true,
            ..Wanted::default()
        },
    )?;
    let backend = Backend::start(&house, "alpn h2,http/1.1 ca-file %/ca.pem verify required")?;
    // One address is enough: the other would be the same backend twice.
    let one = pages[3].replace(", \"10.0.2.2:8443\"", "");
    let shown = start(&house, &one, &backend.address())?;
    shown.served.wait_until_usable(true)?;
    let answer = shown.served.get(&house.terms("example.com"), "/", "")?;
    let told = String::from_utf8_lossy(&answer.body).into_owned();
    assert!(
        told.starts_with("sni=app.internal alpn=h2 client=balancer.internal"),
        "{told}"
    );
    Ok(())
}

#[test]
fn renewing() -> Outcome {
    let (house, pages) = page("rotate-certificates.md")?;
    let put = || -> Result<Issued, Box<dyn Error>> {
        let issued = house.authority.issue(&Wanted {
            names: &["example.com"],
            ..Wanted::default()
        })?;
        house.write("fullchain.pem", &issued.chain)?;
        house.write("privkey.pem", &issued.key)?;
        Ok(issued)
    };
    put()?;
    let shown = start(&house, &pages[0], "")?;
    shown.served.wait_until_usable(true)?;
    let mut stays = shown.served.connect(&house.terms("example.com"))?;
    assert_eq!(stays.get("example.com", "/", "")?.status, 200);
    let new = put()?;
    wait_for(|| {
        let client = shown.served.connect(&house.terms("example.com"))?;
        Ok(client.certificate() == Some(&new.der))
    })?;
    assert_eq!(stays.get("example.com", "/", "")?.status, 200);
    house.write("fullchain.pem", "")?;
    let reload = shown.served.balancer.command(&["reload"])?;
    assert_eq!(reload.status.code(), Some(1));
    let refused = || shown.served.metric("evenkeel_certificates_refused", &[]);
    wait_for(|| Ok(refused()? == 1.0))?;
    assert_eq!(stays.get("example.com", "/", "")?.status, 200);
    Ok(())
}

#[test]
fn the_example() -> Outcome {
    let (house, _) = page("tls.md")?;
    issue(&house, "example.net", &["*.example.net"], Key::Ecdsa)?;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/tls.toml");
    let text = std::fs::read_to_string(path)?;
    let shown = start(&house, &text, "")?;
    shown.served.wait_until_usable(true)?;
    for name in ["example.com", "www.example.net"] {
        assert_eq!(shown.served.get(&house.terms(name), "/", "")?.status, 200, "{name}");
    }
    Ok(())
}
