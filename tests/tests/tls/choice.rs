//! Which certificate a client gets.

use evenkeel_tests::authority::{Key, Wanted};

use crate::house::{House, Outcome};

const CERTIFICATES: &str = "certificates = [\"%/first.pem\", \"%/wild.pem\", \"%/exact.pem\", { cert = \"%/rsa-chain.pem\", key = \"%/rsa-key.pem\" }]";

fn named<'a>(names: &'a [&'a str], key: Key) -> Wanted<'a> {
    Wanted {
        names,
        key,
        ..Wanted::default()
    }
}

#[test]
fn by_name_then_wildcard_then_the_first() -> Outcome {
    let house = House::new()?;
    let first = house.issue("first", &named(&["localhost"], Key::Ecdsa))?;
    let wild = house.issue("wild", &named(&["*.example.com"], Key::Ecdsa))?;
    let exact = house.issue("exact", &named(&["api.example.com", "example.com"], Key::Ecdsa))?;
    let rsa = house.authority.issue(&named(&["shop.test"], Key::Rsa))?;
    house.write("rsa-chain.pem", &rsa.chain)?;
    house.write("rsa-key.pem", &rsa.key)?;
    let served = house.start_web(CERTIFICATES)?;
    for (name, expected) in [
        ("localhost", &first),
        ("www.example.com", &wild),
        ("WWW.Example.COM", &wild),
        ("api.example.com", &exact),
        ("example.com", &exact),
        ("shop.test", &rsa),
    ] {
        let mut client = served.connect(&house.terms(name))?;
        assert_eq!(client.certificate(), Some(&expected.der), "{name}");
        assert_eq!(client.get(name, "/", "")?.body, b"hello", "{name}");
    }
    // A wildcard is for one label (RFC 9525 6.3), and who asks for a name that is not here gets the first: it can see
    // for itself that the name is wrong.
    for name in ["a.b.example.com", "other.test"] {
        let refused = served.connect(&house.terms(name)).map(|_| ());
        let error = refused.expect_err(name).to_string();
        assert!(error.contains("not valid for name"), "{name}: {error}");
    }
    // Somebody else's client, with a name and without any.
    for (arguments, subject) in [
        (&["-servername", "www.example.com"][..], "subject=CN = *.example.com"),
        (&["-servername", "other.test"], "subject=CN = localhost"),
        (&["-noservername"], "subject=CN = localhost"),
    ] {
        let said = served.openssl(arguments)?.stdout;
        assert!(said.contains(subject), "{arguments:?}: {said}");
        assert!(said.contains("\nhello"), "{arguments:?}: {said}");
    }
    Ok(())
}

#[test]
fn two_kinds_of_key_for_one_name() -> Outcome {
    let house = House::new()?;
    house.issue("rsa", &named(&["localhost"], Key::Rsa))?;
    house.issue("ecdsa", &named(&["localhost"], Key::Ecdsa))?;
    let served = house.start_web("certificates = [\"%/rsa.pem\", \"%/ecdsa.pem\"]")?;
    for (arguments, signature) in [
        (&["-tls1_3"][..], "Peer signature type: ECDSA"),
        (&["-tls1_3", "-noservername"], "Peer signature type: ECDSA"),
        (
            &["-tls1_3", "-sigalgs", "rsa_pss_rsae_sha256"],
            "Peer signature type: RSA-PSS",
        ),
        (&["-tls1_2"], "Peer signature type: ECDSA"),
        (
            &["-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"],
            "Peer signature type: RSA",
        ),
    ] {
        let said = served.openssl(arguments)?.good()?;
        assert!(said.contains(signature), "{arguments:?}: {said}");
    }
    Ok(())
}
