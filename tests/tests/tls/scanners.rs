//! What other people's scanners find: testssl.sh and sslyze (`./x tools` installs them). They talk to our loopback port
//! and to nobody else.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use evenkeel_tests::authority::{Key, Wanted};
use evenkeel_tests::program::{program, run};
use evenkeel_tests::python::script;
use serde_json::Value;

use crate::house::{House, Outcome, Served};

/// How long a scan may take: some twenty seconds of work, on a machine that may do much else.
const WITHIN: Duration = Duration::from_secs(600);

/// A site with both kinds of key. What its answers say to browsers is its own matter, and is said here.
const SITE: &str = r#"
[listener.web]
bind = "127.0.0.1:@1"
tls = { certificates = ["%/ecdsa.pem", "%/rsa.pem"] }

[[listener.web.route]]
respond = { body = "hello" }

[listener.web.route.response_headers.set]
strict-transport-security = "max-age=63072000; includeSubDomains"
content-security-policy = "default-src 'self'"
x-content-type-options = "nosniff"
x-frame-options = "DENY"
"#;

/// Findings of testssl.sh above «info» that are taken, and why.
const TAKEN: [(&str, &str); 9] = [
    // Of the certificate, which the test makes itself.
    ("cert_chain_of_trust", "signed by the test's own authority"),
    ("cert_validityPeriod", "good for decades, so that the test is"),
    ("cert_expirationStatus", "likewise"),
    ("cert_revocation", "no authority to ask, on a machine without network"),
    ("cert_extlifeSpan", "likewise"),
    ("cert_serialNumberLen", "the test counts its certificates"),
    // Of the scanner.
    ("engine_problem", "the machine's OpenSSL has no GOST"),
    (
        "sessionresumption_ticket",
        "its client may leave before the ticket comes, which TLS 1.3 sends after the handshake; `agree` proves it",
    ),
    // Of us.
    (
        "cipher_order",
        "every cipher is strong, so the client chooses what its hardware does best, as Mozilla advises",
    ),
];

/// Checks that must have been made, each with nothing found. A scan that saw nothing would not pass.
const PASSED: [&str; 25] = [
    "SSLv2",
    "SSLv3",
    "TLS1_2",
    "TLS1_3",
    "ALPN_HTTP2",
    "cipherlist_NULL",
    "cipherlist_aNULL",
    "cipherlist_EXPORT",
    "cipherlist_LOW",
    "cipherlist_STRONG",
    "protocol_negotiated",
    "heartbleed",
    "CCS",
    "ticketbleed",
    "ROBOT",
    "secure_renego",
    "secure_client_renego",
    "CRIME_TLS",
    "BREACH",
    "fallback_SCSV",
    "SWEET32",
    "LOGJAM",
    "BEAST",
    "LUCKY13",
    "RC4",
];

fn start() -> Result<(House, Served), Box<dyn std::error::Error>> {
    let house = House::new()?;
    house.issue("ecdsa", &Wanted::default())?;
    let rsa = Wanted {
        key: Key::Rsa,
        ..Wanted::default()
    };
    house.issue("rsa", &rsa)?;
    let served = house.start(1, SITE)?;
    Ok((house, served))
}

/// A shell script that comes before the program of its name.
fn stand_in(directory: &Path, name: &str, body: &str) -> Result<PathBuf, Box<dyn std::error::Error>> {
    let path = directory.join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{body}\n"))?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))?;
    Ok(path)
}

/// testssl.sh, with its surroundings.
fn testssl(house: &House) -> Result<Command, Box<dyn std::error::Error>> {
    let directory = house.path("bin");
    std::fs::create_dir(&directory)?;
    let found = |name: &str| program(name).map(|command| command.get_program().display().to_string());
    // It asks OpenSSL about its options with a name that cannot exist, which asks a name server: a port where nobody
    // listens does as well.
    let openssl = format!(
        "for word; do shift; [ \"$word\" = invalid. ] && word=127.0.0.1:1; set -- \"$@\" \"$word\"; done\nexec {} \"$@\"",
        found("openssl")?
    );
    let openssl = stand_in(&directory, "openssl", &openssl)?;
    // It looks once in a second whether an answer has come, a hundred times. Twenty times as often, and as long.
    stand_in(&directory, "sleep", &format!("exec {} 0.05", found("sleep")?))?;
    let mut command = program("testssl")?;
    let path = std::env::var("PATH")?;
    command.env("PATH", format!("{}:{path}", directory.display()));
    for (name, looks) in [
        ("MAX_WAITSOCK", "200"),
        ("HEADER_MAXSLEEP", "100"),
        ("CCS_MAX_WAITSOCK", "100"),
        ("HEARTBLEED_MAX_WAITSOCK", "160"),
    ] {
        command.env(name, looks);
    }
    command.args(["--quiet", "--warnings", "off", "--color", "0"]);
    command
        .args(["--nodns", "none", "--assume-http", "--openssl"])
        .arg(openssl);
    Ok(command)
}

#[test]
fn testssl_finds_nothing() -> Outcome {
    let (house, served) = start()?;
    let report = house.path("report.json");
    let mut command = testssl(&house)?;
    // Protocols, kinds of ciphers, defaults, preferences, all the named attacks, header fields.
    command.args(["-p", "-s", "-S", "-P", "-U", "-h"]);
    command.arg("--jsonfile").arg(&report);
    let finished = run(command.arg(served.address(1).to_string()), "", WITHIN)?;
    let report: Value = serde_json::from_slice(&std::fs::read(&report)?)?;
    let findings = report.as_array().ok_or("no list")?;
    let mut passed: Vec<&str> = Vec::new();
    let mut found = Vec::new();
    for finding in findings {
        let id = finding["id"].as_str().unwrap_or_default();
        // Several certificates are told apart behind a blank.
        let id = id.split(' ').next().unwrap_or_default();
        match finding["severity"].as_str().unwrap_or_default() {
            "OK" => passed.push(id),
            "INFO" => {}
            _ if TAKEN.iter().any(|(taken, _)| *taken == id) => {}
            _ => found.push(finding.to_string()),
        }
    }
    assert!(found.is_empty(), "{found:#?}\n{}", finished.stdout);
    let missing: Vec<_> = PASSED.iter().filter(|id| !passed.contains(id)).collect();
    assert!(missing.is_empty(), "{missing:?}\n{}", finished.stdout);
    assert_eq!(served.failed("internal")?, 0.0);
    assert_eq!(served.metric("evenkeel_panics_total", &[])?, 0.0);
    Ok(())
}

#[test]
fn sslyze_finds_nothing() -> Outcome {
    let (house, served) = start()?;
    let mut command = script("tls_scan.py")?;
    command.arg(served.address(1).to_string()).arg(house.path("ca.pem"));
    let said = run(&mut command, "", WITHIN)?.good()?;
    let report: Value = serde_json::from_str(&said)?;
    let suites = |version: &str| report["ciphers"][version].as_array().map_or(0, Vec::len);
    assert_eq!((suites("1.3"), suites("1.2")), (3, 6), "{said}");
    for version in ["1.1", "1.0", "SSL 3.0", "SSL 2.0"] {
        assert_eq!(suites(version), 0, "{said}");
    }
    assert_eq!(
        report["curves"],
        serde_json::json!(["X25519", "secp256r1", "secp384r1"]),
        "{said}"
    );
    for weakness in [
        "compression",
        "early_data",
        "heartbleed",
        "ccs_injection",
        "robot",
        "client_renegotiation_dos",
    ] {
        assert_eq!(report[weakness], false, "{weakness}: {said}");
    }
    for strength in ["secure_renegotiation", "fallback_scsv", "extended_master_secret"] {
        assert_eq!(report[strength], true, "{strength}: {said}");
    }
    // Mozilla's «intermediate» asks nothing of us that is not so; for the rest the certificate would be a real one.
    let issues = report["mozilla_intermediate"].as_object().ok_or("no verdict")?;
    for (issue, why) in issues {
        let of_the_test = ["certificate_path_validation", "maximum_certificate_lifespan"];
        assert!(of_the_test.contains(&issue.as_str()), "{issue}: {why}");
    }
    Ok(())
}
