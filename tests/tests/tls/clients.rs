//! Clients with certificates of their own, and what backends are told of them.

use evenkeel_tests::authority::{Authority, Wanted};
use evenkeel_tests::origin::Origin;
use evenkeel_tests::program::{program, run};
use evenkeel_tests::tls::Terms;

use crate::house::{House, Outcome, SOON, Served, wait_for};

/// What each form of `client_header` is called, and a field that it has.
const FORMS: [(&str, &str); 4] = [
    ("client-cert", "client-cert"),
    ("x-forwarded-client-cert", "x-forwarded-client-cert"),
    ("x-forwarded-tls-client-cert", "x-forwarded-tls-client-cert"),
    ("x-ssl-client", "x-ssl-client-s-dn"),
];

fn someone(name: &str) -> Wanted<'static> {
    Wanted {
        names: if name == "alice" {
            &["alice.test"]
        } else {
            &["mallory.test"]
        },
        client: true,
        ..Wanted::default()
    }
}

fn start(house: &House, origin: &Origin, tls: &str) -> Result<Served, Box<dyn std::error::Error>> {
    house.issue("web", &Wanted::default())?;
    let configuration = format!(
        "[listener.web]\nbind = \"127.0.0.1:@1\"\npool = \"app\"\n\
         tls = {{ certificates = [\"%/web.pem\"], client_ca = \"%/ca.pem\", {tls} }}\n\
         [pool.app]\nbackends = [\"{}\"]\ncheck = false\n",
        origin.address()
    );
    house.start(1, &configuration)
}

/// The heads that the origin has got, in lower case, and forgets them.
fn got(origin: &Origin) -> String {
    let records = origin.records();
    let bytes = records
        .iter()
        .flat_map(|record| record.bytes.clone())
        .collect::<Vec<u8>>();
    origin.begin(Vec::new());
    String::from_utf8_lossy(&bytes).to_ascii_lowercase()
}

#[test]
fn without_a_good_certificate_nobody_comes_in() -> Outcome {
    let house = House::new()?;
    let origin = Origin::start()?;
    let served = start(&house, &origin, "client_header = []")?;
    let strangers = Authority::new("Somebody else")?;
    let alice = house.authority.issue(&someone("alice"))?;
    let stranger = strangers.issue(&someone("mallory"))?;
    // Of an authority that only has the right name.
    let forged = Authority::new("The test's authority")?.issue(&someone("mallory"))?;
    let expired = house.authority.issue(&Wanted {
        years: (2020, 2021),
        ..someone("alice")
    })?;
    let server = house.authority.issue(&Wanted::default())?;
    for (certificate, reason) in [
        (None, "no-certificate"),
        (Some(&stranger), "certificate-unknown"),
        (Some(&forged), "certificate-unknown"),
        (Some(&expired), "certificate-expired"),
        (Some(&server), "certificate-bad"),
    ] {
        let before = served.failed(reason)?;
        for old in [true, false] {
            let terms = Terms {
                certificate,
                old,
                ..house.terms("localhost")
            };
            // With TLS 1.3 a client may speak before it learns that it may not.
            let refused = served.get(&terms, "/", "").map(|_| ());
            assert!(refused.is_err(), "{reason}");
        }
        assert_eq!(served.failed(reason)? - before, 2.0, "{reason}");
    }
    assert_eq!(got(&origin), "", "nothing reached the backend");
    let terms = Terms {
        certificate: Some(&alice),
        ..house.terms("localhost")
    };
    assert_eq!(served.get(&terms, "/page", "")?.body, b"/page");
    // Nothing is told where nothing is to be.
    assert!(!got(&origin).contains("alice"));
    Ok(())
}

#[test]
fn certificates_may_be_left_to_the_client() -> Outcome {
    let house = House::new()?;
    let origin = Origin::start()?;
    let served = start(
        &house,
        &origin,
        "client_auth = \"optional\", client_header = \"x-ssl-client\"",
    )?;
    let alice = house.authority.issue(&someone("alice"))?;
    let stranger = Authority::new("Somebody else")?.issue(&someone("mallory"))?;
    let with = |certificate| Terms {
        certificate,
        ..house.terms("localhost")
    };
    assert_eq!(served.get(&with(None), "/", "")?.status, 200);
    assert!(got(&origin).contains("\r\nx-ssl-client-verify: none\r\n"));
    assert_eq!(served.get(&with(Some(&alice)), "/", "")?.status, 200);
    let told = got(&origin);
    assert!(told.contains("\r\nx-ssl-client-verify: success\r\n"), "{told}");
    assert!(told.contains("\r\nx-ssl-client-s-dn: cn=alice.test\r\n"), "{told}");
    assert!(
        told.contains("\r\nx-ssl-client-i-dn: cn=the test's authority\r\n"),
        "{told}"
    );
    assert!(served.get(&with(Some(&stranger)), "/", "").is_err());
    Ok(())
}

#[test]
fn backends_are_told_without_being_asked() -> Outcome {
    let house = House::new()?;
    let origin = Origin::start()?;
    let served = start(&house, &origin, "client_auth = \"require\"")?;
    let alice = house.authority.issue(&someone("alice"))?;
    let terms = Terms {
        certificate: Some(&alice),
        ..house.terms("localhost")
    };
    let forged = "client-cert: :Zm9yZ2Vk:\r\nx-ssl-client-s-dn: CN=mallory\r\n";
    assert_eq!(served.get(&terms, "/", forged)?.status, 200);
    let told = got(&origin);
    assert!(told.contains("\r\nx-ssl-client-s-dn: cn=alice.test\r\n"), "{told}");
    assert!(told.contains("\r\nclient-cert: :mii"), "{told}");
    assert!(!told.contains("mallory") && !told.contains("zm9yz2vk"), "{told}");
    Ok(())
}

#[test]
fn backends_believe_what_they_are_told() -> Outcome {
    let house = House::new()?;
    let origin = Origin::start()?;
    let forms = FORMS.map(|(form, _)| format!("\"{form}\"")).join(", ");
    let tls = format!("client_auth = \"optional\", client_header = [{forms}]");
    let served = start(&house, &origin, &tls)?;
    let alice = house.authority.issue(&someone("alice"))?;
    // In any case, and as programs spell it that take `_` and `-` for the same.
    let lies = "Client-Cert: :forged:\r\nCLIENT-CERT-CHAIN: :forged:\r\nX-Forwarded-Client-Cert: forged\r\n\
                X-Forwarded-Tls-Client-Cert: forged\r\nX-SSL-Client-Verify: forged\r\nx-ssl-client-cert: forged\r\n\
                X_SSL_Client_S_DN: forged\r\nclient_cert: forged\r\nx-ssl-client-truth: kept\r\n";
    for certificate in [None, Some(&alice)] {
        let terms = Terms {
            certificate,
            ..house.terms("localhost")
        };
        let mut client = served.connect(&terms)?;
        // Every request of a connection, not only its first.
        for _ in 0..2 {
            assert_eq!(client.get("localhost", "/", lies)?.status, 200);
            let told = got(&origin);
            assert!(!told.contains("forged"), "{told}");
            assert!(told.contains("x-ssl-client-truth: kept"), "{told}");
            for (form, field) in FORMS {
                let shown = told.matches(&format!("\r\n{field}: ")).count();
                assert_eq!(shown, usize::from(certificate.is_some()), "{form}: {told}");
            }
        }
    }
    Ok(())
}

#[test]
fn streams_of_http_2_tell_it_too() -> Outcome {
    let house = House::new()?;
    let origin = Origin::start()?;
    let served = start(&house, &origin, "client_header = \"x-ssl-client\"")?;
    house
        .authority
        .issue(&someone("alice"))?
        .write(house.scratch.path(), "alice")?;
    let mut curl = program("curl")?;
    curl.args(["--silent", "--show-error", "--noproxy", "*", "--http2"]);
    curl.arg("--cacert").arg(house.path("ca.pem"));
    curl.arg("--cert").arg(house.path("alice.pem"));
    curl.args([
        "--header",
        "x-ssl-client-verify: FORGED",
        "--write-out",
        " %{http_version}",
    ]);
    curl.arg(format!("https://{}/[1-2]", served.address(1)));
    assert_eq!(run(&mut curl, "", SOON)?.good()?, "/1 2/2 2");
    let told = got(&origin);
    assert!(!told.contains("forged"), "{told}");
    assert_eq!(
        told.matches("\r\nx-ssl-client-s-dn: cn=alice.test\r\n").count(),
        2,
        "{told}"
    );
    Ok(())
}

#[test]
fn whoever_may_come_in_changes_with_the_file() -> Outcome {
    let house = House::new()?;
    let origin = Origin::start()?;
    let served = start(&house, &origin, "client_auth = \"require\"")?;
    let others = Authority::new("The next authority")?;
    let alice = house.authority.issue(&someone("alice"))?;
    let bob = others.issue(&someone("mallory"))?;
    let with = |certificate| Terms {
        certificate: Some(certificate),
        ..house.terms("localhost")
    };
    let mut stands = served.connect(&with(&alice))?;
    assert_eq!(stands.get("localhost", "/", "")?.status, 200);
    assert!(served.get(&with(&bob), "/", "").is_err());
    house.write("ca.pem", &others.pem())?;
    wait_for(|| Ok(served.get(&with(&bob), "/", "").is_ok()))?;
    assert!(served.get(&with(&alice), "/", "").is_err());
    // Who is in stays in.
    assert_eq!(stands.get("localhost", "/", "")?.status, 200);
    Ok(())
}
