//! What is agreed upon with clients new and old, and what never is.

use evenkeel_tests::authority::{Key, Wanted};
use evenkeel_tests::tls::Terms;
use rustls::NamedGroup;

use crate::house::{House, Outcome, Served};

/// Arguments of `openssl s_client`, and what it must say; `None`: there must be no connection.
type Probe = (&'static str, Option<&'static str>);

/// As scanners of TLS ask. Lower security levels let OpenSSL offer what it would not by itself.
const PROBES: [Probe; 35] = [
    ("-tls1 -cipher ALL:@SECLEVEL=0", None),
    ("-tls1_1 -cipher ALL:@SECLEVEL=0", None),
    ("-tls1_2", Some("New, TLSv1.2, Cipher is ECDHE-")),
    ("-tls1_3", Some("New, TLSv1.3, Cipher is TLS_")),
    (
        "-tls1_3 -ciphersuites TLS_AES_128_GCM_SHA256",
        Some("Cipher is TLS_AES_128_GCM_SHA256"),
    ),
    (
        "-tls1_3 -ciphersuites TLS_AES_256_GCM_SHA384",
        Some("Cipher is TLS_AES_256_GCM_SHA384"),
    ),
    (
        "-tls1_3 -ciphersuites TLS_CHACHA20_POLY1305_SHA256",
        Some("Cipher is TLS_CHACHA20_POLY1305_SHA256"),
    ),
    // Not for the web, and not offered: tags that are cut short (RFC 8446 B.4).
    ("-tls1_3 -ciphersuites TLS_AES_128_CCM_8_SHA256", None),
    ("-tls1_3 -ciphersuites TLS_AES_128_CCM_SHA256", None),
    (
        "-tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256",
        Some("Cipher is ECDHE-ECDSA-AES128-GCM-SHA256"),
    ),
    (
        "-tls1_2 -cipher ECDHE-ECDSA-AES256-GCM-SHA384",
        Some("Cipher is ECDHE-ECDSA-AES256-GCM-SHA384"),
    ),
    (
        "-tls1_2 -cipher ECDHE-ECDSA-CHACHA20-POLY1305",
        Some("Cipher is ECDHE-ECDSA-CHACHA20-POLY1305"),
    ),
    (
        "-tls1_2 -cipher ECDHE-RSA-AES128-GCM-SHA256",
        Some("Cipher is ECDHE-RSA-AES128-GCM-SHA256"),
    ),
    (
        "-tls1_2 -cipher ECDHE-RSA-AES256-GCM-SHA384",
        Some("Cipher is ECDHE-RSA-AES256-GCM-SHA384"),
    ),
    (
        "-tls1_2 -cipher ECDHE-RSA-CHACHA20-POLY1305",
        Some("Cipher is ECDHE-RSA-CHACHA20-POLY1305"),
    ),
    // CBC (Lucky 13 and its like).
    ("-tls1_2 -cipher ECDHE-ECDSA-AES128-SHA256:@SECLEVEL=0", None),
    ("-tls1_2 -cipher ECDHE-RSA-AES256-SHA384:@SECLEVEL=0", None),
    ("-tls1_2 -cipher ECDHE-RSA-AES128-SHA:@SECLEVEL=0", None),
    // The key encrypted to the server's (no forward secrecy, Bleichenbacher).
    ("-tls1_2 -cipher kRSA:@SECLEVEL=0", None),
    ("-tls1_2 -cipher AES128-GCM-SHA256:@SECLEVEL=0", None),
    // Diffie-Hellman without curves, without certificates, or without encryption.
    ("-tls1_2 -cipher kDHE:@SECLEVEL=0", None),
    ("-tls1_2 -cipher aNULL:@SECLEVEL=0", None),
    ("-tls1_2 -cipher eNULL:@SECLEVEL=0", None),
    ("-tls1_2 -cipher PSK:@SECLEVEL=0 -psk 00", None),
    ("-tls1_2 -cipher ARIA:CAMELLIA:@SECLEVEL=0", None),
    ("-tls1_2 -cipher AESCCM:@SECLEVEL=0", None),
    ("-tls1_3 -groups X25519", Some("Server Temp Key: X25519")),
    ("-tls1_3 -groups P-256", Some("Server Temp Key: ECDH, prime256v1")),
    (
        "-tls1_2 -groups P-384 -sigalgs RSA-PSS+SHA256",
        Some("Server Temp Key: ECDH, secp384r1"),
    ),
    ("-tls1_3 -groups ffdhe2048", None),
    ("-tls1_2 -sigalgs ECDSA+SHA1:RSA+SHA1 -cipher ALL:@SECLEVEL=0", None),
    // Signatures that neither key makes.
    ("-tls1_2 -sigalgs ECDSA+SHA384:RSA+SHA224", None),
    // Renegotiation cannot be asked for insecurely, nothing is compressed, and secrets are bound to the handshake.
    (
        "-tls1_2 -legacy_renegotiation",
        Some("Secure Renegotiation IS supported"),
    ),
    ("-tls1_2 -comp", Some("Compression: NONE")),
    ("-tls1_2", Some("Extended master secret: yes")),
];

fn two_keys() -> Result<(House, Served), Box<dyn std::error::Error>> {
    let house = House::new()?;
    house.issue("ecdsa", &Wanted::default())?;
    let rsa = Wanted {
        key: Key::Rsa,
        ..Wanted::default()
    };
    house.issue("rsa", &rsa)?;
    let served = house.start_web("certificates = [\"%/ecdsa.pem\", \"%/rsa.pem\"]")?;
    Ok((house, served))
}

#[test]
fn what_scanners_ask() -> Outcome {
    let (_house, served) = two_keys()?;
    for (arguments, expected) in PROBES {
        let words: Vec<&str> = arguments.split(' ').collect();
        let finished = served.openssl(&words)?;
        let said = format!("{}{}", finished.stdout, finished.stderr);
        match expected {
            Some(expected) => {
                assert!(said.contains(expected), "{arguments}: {said}");
                assert!(said.contains("hello"), "{arguments}: {said}");
            }
            None => {
                assert!(!finished.status.success(), "{arguments}: {said}");
                assert!(!said.contains("hello"), "{arguments}: {said}");
                // It was our word that ended it, not OpenSSL's own scruples.
                assert!(said.contains(":SSL alert number"), "{arguments}: {said}");
            }
        }
    }
    let (version, cipher) = (served.failed("version")?, served.failed("cipher")?);
    assert_eq!((version, cipher, served.failed("internal")?), (2.0, 16.0, 0.0));
    Ok(())
}

#[test]
fn the_version_can_be_demanded() -> Outcome {
    let house = House::new()?;
    house.issue("web", &Wanted::default())?;
    let served = house.start_web("certificates = [\"%/web.pem\"], min_version = \"1.3\"")?;
    let new = served.openssl(&["-tls1_3"])?.good()?;
    assert!(new.contains("hello"), "{new}");
    let old = served.openssl(&["-tls1_2"])?;
    assert!(!old.status.success(), "{}", old.stdout);
    assert!(old.stderr.contains("alert protocol version"), "{}", old.stderr);
    assert_eq!(served.failed("version")?, 1.0);
    Ok(())
}

#[test]
fn what_is_spoken_inside() -> Outcome {
    let house = House::new()?;
    house.issue("web", &Wanted::default())?;
    let both = house.start_web("certificates = [\"%/web.pem\"]")?;
    let one = house.start_web("certificates = [\"%/web.pem\"], alpn = [\"http/1.1\"]")?;
    let offers: [(&[&str], &[u8], &[u8]); 3] = [
        (&["h2", "http/1.1"], b"h2", b"http/1.1"),
        (&["http/1.1", "h2"], b"h2", b"http/1.1"),
        (&["http/1.1"], b"http/1.1", b"http/1.1"),
    ];
    for (offer, of_both, of_one) in offers {
        let terms = Terms {
            alpn: offer,
            ..house.terms("localhost")
        };
        assert_eq!(both.connect(&terms)?.alpn(), Some(of_both), "{offer:?}");
        assert_eq!(one.connect(&terms)?.alpn(), Some(of_one), "{offer:?}");
    }
    // Who says nothing speaks HTTP/1.1; who speaks nothing of ours is told so (RFC 7301 3.2).
    let mut silent = both.connect(&house.terms("localhost"))?;
    assert_eq!(silent.alpn(), None);
    assert_eq!(silent.get("localhost", "/", "")?.body, b"hello");
    let strange = both.openssl(&["-alpn", "spdy/3"])?;
    assert!(strange.stderr.contains("no application protocol"), "{}", strange.stderr);
    assert_eq!(both.failed("alpn")?, 1.0);
    Ok(())
}

#[test]
fn keys_that_no_quantum_computer_breaks() -> Outcome {
    let house = House::new()?;
    house.issue("web", &Wanted::default())?;
    let served = house.start_web("certificates = [\"%/web.pem\"]")?;
    for group in [NamedGroup::X25519MLKEM768, NamedGroup::X25519, NamedGroup::secp384r1] {
        let terms = Terms {
            group: Some(group),
            ..house.terms("localhost")
        };
        let mut client = served.connect(&terms)?;
        assert_eq!(client.group(), Some(group));
        assert_eq!(client.get("localhost", "/", "")?.body, b"hello");
    }
    // And it is what we choose when both can, even when the client must send its key in a second try.
    let client = served.connect(&house.terms("localhost"))?;
    assert_eq!(client.group(), Some(NamedGroup::X25519MLKEM768));
    Ok(())
}

#[test]
fn sessions_are_taken_up_again() -> Outcome {
    let (house, served) = two_keys()?;
    for (argument, version) in [("-tls1_2", "1.2"), ("-tls1_3", "1.3")] {
        let session = house.path("session").display().to_string();
        let first = served.openssl(&[argument, "-sess_out", &session])?.good()?;
        assert!(first.contains("\nNew, TLSv"), "{argument}: {first}");
        let second = served.openssl(&[argument, "-sess_in", &session])?.good()?;
        assert!(second.contains("\nReused, TLSv"), "{argument}: {second}");
        assert!(second.contains("hello"), "{argument}: {second}");
        for resumed in ["true", "false"] {
            let labels = [("listener", "web"), ("version", version), ("resumed", resumed)];
            assert_eq!(served.metric("evenkeel_tls_handshakes_total", &labels)?, 1.0);
        }
    }
    // Another certificate does not end it, nor does a reload.
    let session = house.path("session").display().to_string();
    served.openssl(&["-tls1_3", "-sess_out", &session])?.good()?;
    house.issue("ecdsa", &Wanted::default())?;
    assert!(served.balancer.command(&["reload"])?.status.success());
    let again = served.openssl(&["-tls1_3", "-sess_in", &session])?.good()?;
    assert!(again.contains("\nReused, TLSv1.3"), "{again}");
    Ok(())
}
