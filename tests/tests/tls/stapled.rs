//! An OCSP response goes with the certificate that it is about.

use evenkeel_tests::authority::Wanted;
use evenkeel_tests::program::{program, run};

use crate::house::{House, Outcome, SOON};

/// `openssl`'s list of what an authority has signed: valid, until when, number, name.
const INDEX: &str = "V\t491231235959Z\t\t2A\tunknown\t/CN=localhost\n";

/// Makes `web.ocsp`, as an authority would.
fn respond(house: &House) -> Outcome {
    house.write("index.txt", INDEX)?;
    house.write("ca.key", &house.authority.key())?;
    let mut ask = program("openssl")?;
    ask.args(["ocsp", "-sha256", "-no_nonce", "-issuer"])
        .arg(house.path("ca.pem"));
    ask.arg("-cert").arg(house.path("chain.pem"));
    ask.arg("-reqout").arg(house.path("request"));
    run(&mut ask, "", SOON)?.good()?;
    let mut answer = program("openssl")?;
    answer
        .args(["ocsp", "-ndays", "1", "-index"])
        .arg(house.path("index.txt"));
    answer.arg("-CA").arg(house.path("ca.pem"));
    answer.arg("-rsigner").arg(house.path("ca.pem"));
    answer.arg("-rkey").arg(house.path("ca.key"));
    answer.arg("-reqin").arg(house.path("request"));
    answer.arg("-respout").arg(house.path("web.ocsp"));
    run(&mut answer, "", SOON)?.good()?;
    Ok(())
}

#[test]
fn to_clients_that_ask() -> Outcome {
    let house = House::new()?;
    let wanted = Wanted {
        serial: 0x2a,
        ..Wanted::default()
    };
    let web = house.issue("web", &wanted)?;
    house.write("chain.pem", &web.chain)?;
    respond(&house)?;
    let tls = "certificates = [{ cert = \"%/web.pem\", ocsp = \"%/web.ocsp\" }]";
    let served = house.start_web(tls)?;
    for version in ["-tls1_2", "-tls1_3"] {
        let said = served.openssl(&[version, "-status"])?.good()?;
        assert!(said.contains("OCSP Response Status: successful"), "{version}: {said}");
        assert!(said.contains("Cert Status: good"), "{version}: {said}");
        assert!(said.contains("Serial Number: 2A"), "{version}: {said}");
        // Only those who ask.
        let silent = served.openssl(&[version])?.good()?;
        assert!(!silent.contains("OCSP Response Status"), "{version}: {silent}");
    }
    Ok(())
}

#[test]
fn one_that_is_none_is_refused() -> Outcome {
    let house = House::new()?;
    house.issue("web", &Wanted::default())?;
    house.write("web.ocsp", "good")?;
    let started = house.start_web("certificates = [{ cert = \"%/web.pem\", ocsp = \"%/web.ocsp\" }]");
    let error = started.map(|_| ()).expect_err("no response").to_string();
    assert!(error.contains("web.ocsp"), "{error}");
    Ok(())
}
