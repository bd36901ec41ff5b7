//! Files that change, and files that are no good.

use crate::house::{House, PATIENCE, Wanted, Worker, connect, exchange, names, shown};
use evenkeel_tls::{News, examine};
use std::sync::Arc;
use std::time::Instant;

/// Looks until something is found.
fn news(house: &House) -> News {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut found = house.vault.look();
        match found.pop() {
            Some(news) => {
                assert!(found.is_empty(), "{found:?}");
                return news;
            }
            None if Instant::now() > deadline => panic!("nothing was noticed"),
            None => std::thread::yield_now(),
        }
    }
}

#[test]
fn a_renewed_certificate_is_taken_and_a_broken_one_is_not() {
    let house = House::new();
    let first = house.issue("web", &Wanted::default());
    let worker = Worker::echo(house.listener("certificates = 'web.pem'"));
    let config = Arc::new({
        let mut config = house.client();
        config.resumption = rustls::client::Resumption::disabled();
        config
    });
    let mut old = connect(worker.address, &config, "localhost").unwrap();
    assert!(shown(&old) == first.der);
    assert_eq!(house.vault.look(), []);

    let second = house.issue("web", &Wanted::default());
    let good = news(&house);
    assert!(
        good.is_good && good.message.contains("localhost until 2090-01-01"),
        "{}",
        good.message
    );
    let client = connect(worker.address, &config, "localhost").unwrap();
    assert!(shown(&client) == second.der);

    for broken in [
        second.chain.clone(),
        format!("{}{}", second.chain, first.key),
        second.chain[..200].to_owned(),
        String::new(),
        {
            let expired = house.authority.issue(&Wanted {
                years: (2020, 2021),
                ..Wanted::default()
            });
            format!("{}{}", expired.chain, expired.key)
        },
    ] {
        house.write("web.pem", &broken);
        let bad = news(&house);
        assert!(
            !bad.is_good && bad.message.contains("those of before stay"),
            "{}",
            bad.message
        );
        // Said once.
        for _ in 0..3 {
            assert_eq!(house.vault.look(), []);
        }
        assert_eq!(house.metric("evenkeel_certificates_refused"), Some(1.0));
        let client = connect(worker.address, &config, "localhost").unwrap();
        assert!(shown(&client) == second.der);
    }
    std::fs::remove_file(house.path("web.pem")).unwrap();
    assert!(!news(&house).is_good);

    // A rename and a link, as other programs do it.
    let third = house.issue("new", &Wanted::default());
    std::fs::rename(house.path("new.pem"), house.path("web.pem")).unwrap();
    assert!(news(&house).is_good);
    let client = connect(worker.address, &config, "localhost").unwrap();
    assert!(shown(&client) == third.der);
    assert_eq!(house.metric("evenkeel_certificates_refused"), Some(0.0));
    assert_eq!(
        house.metric("evenkeel_certificate_changes_total{result=\"taken\"}"),
        Some(2.0)
    );
    assert_eq!(
        house.metric("evenkeel_certificate_changes_total{result=\"refused\"}"),
        Some(6.0)
    );
    // Connections that stand noticed nothing.
    exchange(&mut old).unwrap();
}

#[test]
fn a_folder_behind_a_link_is_exchanged() {
    let house = House::new();
    for name in ["one", "two"] {
        std::fs::create_dir(house.path(name)).unwrap();
    }
    let first = house.issue("one/web", &Wanted::default());
    let second = house.issue("two/web", &Wanted::default());
    std::os::unix::fs::symlink("one", house.path("data")).unwrap();
    let worker = Worker::echo(house.listener("certificates = 'data/web.pem'"));
    let config = Arc::new(house.client());
    assert!(shown(&connect(worker.address, &config, "localhost").unwrap()) == first.der);
    std::os::unix::fs::symlink("two", house.path("next")).unwrap();
    std::fs::rename(house.path("next"), house.path("data")).unwrap();
    assert!(news(&house).is_good);
    assert!(shown(&connect(worker.address, &config, "localhost").unwrap()) == second.der);
}

#[test]
fn the_two_files_of_a_pair_may_change_one_after_the_other() {
    let house = House::new();
    let first = house.authority.issue(&Wanted::default());
    house.write("web.crt", &first.chain);
    house.write("web.key", &first.key);
    let tls = "certificates = { cert = 'web.crt', key = 'web.key' }";
    let worker = Worker::echo(house.listener(tls));
    let second = house.authority.issue(&Wanted::default());
    house.write("web.crt", &second.chain);
    let bad = news(&house);
    assert!(
        bad.message.contains("is not the key of the certificate"),
        "{}",
        bad.message
    );
    house.write("web.key", &second.key);
    assert!(news(&house).is_good);
    let client = connect(worker.address, &Arc::new(house.client()), "localhost").unwrap();
    assert!(shown(&client) == second.der);
}

#[test]
fn a_refused_reload_changes_nothing() {
    let house = House::new();
    let first = house.issue("web", &Wanted::default());
    let worker = Worker::echo(house.listener("certificates = 'web.pem'"));
    house.issue("more", &names(&["more.example"]));
    house.write("web.pem", "nothing");
    let config = house.config("certificates = ['web.pem', 'more.pem']", "");
    assert!(house.vault.prepare(&config).is_err());
    let client = connect(worker.address, &Arc::new(house.client()), "localhost").unwrap();
    assert!(shown(&client) == first.der);
    // Prepared and not committed: nothing either.
    house.issue("web", &Wanted::default());
    drop(house.vault.prepare(&config).unwrap());
    let client = connect(worker.address, &Arc::new(house.client()), "localhost").unwrap();
    assert!(shown(&client) == first.der);
}

#[test]
fn a_good_certificate_waits_for_no_broken_one() {
    let house = House::new();
    let broken = house.issue("broken", &names(&["broken.example"]));
    house.issue("good", &names(&["good.example"]));
    let worker = Worker::echo(house.listener("certificates = ['broken.pem', 'good.pem']"));
    house.write("broken.pem", "nothing");
    assert!(!news(&house).is_good);
    let renewed = house.issue("good", &names(&["good.example"]));
    let mixed = news(&house);
    assert!(
        !mixed.is_good
            && mixed.message.contains("broken.pem has no certificate")
            && mixed.message.ends_with("; in use are good.example until 2090-01-01"),
        "{}",
        mixed.message
    );
    let config = Arc::new(house.client());
    assert!(shown(&connect(worker.address, &config, "good.example").unwrap()) == renewed.der);
    assert!(shown(&connect(worker.address, &config, "broken.example").unwrap()) == broken.der);
    assert_eq!(house.metric("evenkeel_certificates_refused"), Some(1.0));
    let mended = house.issue("broken", &names(&["broken.example"]));
    assert!(news(&house).is_good);
    assert!(shown(&connect(worker.address, &config, "broken.example").unwrap()) == mended.der);
    assert_eq!(house.metric("evenkeel_certificates_refused"), Some(0.0));
}

#[test]
fn one_that_has_expired_replaces_no_other_by_a_reload_either() {
    let expired = Wanted {
        years: (2020, 2021),
        ..Wanted::default()
    };
    let house = House::new();
    let first = house.issue("web", &Wanted::default());
    let tls = "certificates = 'web.pem'";
    let worker = Worker::echo(house.listener(tls));
    house.issue("web", &expired);
    let refused = house.vault.prepare(&house.config(tls, "")).err().unwrap();
    assert!(
        refused[0].message.ends_with("web.pem expired on 2021-01-01"),
        "{refused:?}"
    );
    let config = Arc::new(house.client());
    assert!(shown(&connect(worker.address, &config, "localhost").unwrap()) == first.der);
    house.issue("web", &Wanted::default());
    let prepared = house.vault.prepare(&house.config(tls, "")).unwrap();
    assert_eq!(
        prepared.renewed,
        ["listener web: certificates: localhost until 2090-01-01"]
    );

    // One that had expired when we came is in use, and stops nothing.
    let house = House::new();
    house.issue("web", &expired);
    let _worker = Worker::echo(house.listener(tls));
    let again = house.vault.prepare(&house.config(tls, "")).unwrap();
    assert_eq!((again.renewed.len(), again.warnings.len()), (0, 1));
}

#[test]
fn when_certificates_end_is_a_metric() {
    let house = House::new();
    house.issue("a", &names(&["a.example", "b.example"]));
    house.issue(
        "b",
        &Wanted {
            years: (2020, 2050),
            ..names(&["a.example"])
        },
    );
    house.issue(
        "c",
        &Wanted {
            is_client: true,
            ..names(&["c.example"])
        },
    );
    house.sides(
        "certificates = ['a.pem', 'b.pem']",
        "tls = { verify = false, client = { cert = 'c.pem' } }",
    );
    let end = |name: &str| house.metric(&format!("evenkeel_certificate_not_after_seconds{{name=\"{name}\"}}"));
    assert_eq!(end("a.example"), Some(2_524_608_000.0));
    assert_eq!(end("c.example"), Some(3_786_912_000.0));
    assert_eq!(end("b.example"), None);
}

#[test]
fn what_is_wrong_with_a_file_is_said() {
    let house = House::new();
    let leaf = house.issue("web", &Wanted::default());
    let other = house.issue("other", &Wanted::default());
    house.write("cert.pem", &leaf.chain);
    house.write("key.pem", &leaf.key);
    house.write(
        "reversed.pem",
        format!("{}{}{}", house.authority.pem(), leaf.chain, leaf.key),
    );
    house.write(
        "encrypted.pem",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
    );
    house.write("damaged.pem", leaf.chain.replace("MII", "M!I"));
    house.write("mixed.pem", format!("{}{}", leaf.chain, other.key));
    house.write("der.pem", &leaf.der);
    house.issue(
        "expired",
        &Wanted {
            years: (2020, 2021),
            ..Wanted::default()
        },
    );
    house.issue(
        "early",
        &Wanted {
            years: (2080, 2081),
            ..Wanted::default()
        },
    );
    std::fs::create_dir(house.path("folder")).unwrap();
    let pair = |cert: &str, key: &str| format!("certificates = {{ cert = '{cert}', key = '{key}' }}");
    for (tls, expected) in [
        (
            "certificates = 'missing.pem'".to_owned(),
            "there is no file {}/missing.pem",
        ),
        (
            "certificates = 'folder'".to_owned(),
            "{}/folder cannot be read: it is not a file",
        ),
        ("certificates = 'cert.pem'".to_owned(), "{}/cert.pem has no private key"),
        ("certificates = 'key.pem'".to_owned(), "{}/key.pem has no certificate"),
        ("certificates = 'der.pem'".to_owned(), "{}/der.pem has no certificate"),
        (
            "certificates = 'damaged.pem'".to_owned(),
            "{}/damaged.pem is not sound PEM: a line is not base64",
        ),
        (
            "certificates = 'mixed.pem'".to_owned(),
            "the key in {}/mixed.pem is not the key of the certificate in it",
        ),
        (
            "certificates = 'reversed.pem'".to_owned(),
            "the certificates in {}/reversed.pem are in the wrong order",
        ),
        (
            pair("cert.pem", "other.pem"),
            "the key in {}/other.pem is not the key of the certificate in {}/cert.pem",
        ),
        (
            pair("cert.pem", "encrypted.pem"),
            "the key in {}/encrypted.pem has a passphrase",
        ),
        (
            "certificates = 'expired.pem'".to_owned(),
            "the certificate in {}/expired.pem expired on 2021-01-01",
        ),
        (
            "certificates = 'early.pem'".to_owned(),
            "the certificate in {}/early.pem is not valid before 2080-01-01",
        ),
        (
            "certificates = { cert = 'web.pem', ocsp = 'key.pem' }".to_owned(),
            "{}/key.pem has no OCSP response in DER",
        ),
        (
            "certificates = 'web.pem', client_ca = 'key.pem'".to_owned(),
            "{}/key.pem has no certificate",
        ),
    ] {
        let complaints = examine(&house.config(&tls, ""), true);
        let expected = expected.replace("{}", house.path("").display().to_string().trim_end_matches('/'));
        let [complaint] = &complaints[..] else {
            panic!("{tls}: {complaints:?}")
        };
        assert_eq!(complaint.message, expected);
        assert!(complaint.help.is_some() || tls.contains("folder"), "{tls}");
        let untimely = tls.contains("expired") || tls.contains("early");
        assert_eq!(examine(&house.config(&tls, ""), false).is_empty(), untimely, "{tls}");
    }
    assert_eq!(examine(&house.config("certificates = 'web.pem'", "tls = {}"), true), []);
}
