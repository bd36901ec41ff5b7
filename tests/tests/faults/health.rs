//! Who may have traffic: checks, ejection, panic; and how many may have it at once: caps and queues.

use std::collections::BTreeMap;

use evenkeel_tests::backend::journal;
use evenkeel_tests::client::Client;
use evenkeel_tests::load::{Load, Plan};

use crate::house::{House, Outcome, SOON, alone, ask, wait_for};

const CHECKED: &str = "check = { http = \"/healthz\", every = \"200ms\", timeout = \"1s\", fall = 3, rise = 2 }";

/// How often each backend answered `count` GETs, one after the other.
fn shares(house: &House, count: usize) -> Result<BTreeMap<String, usize>, Box<dyn std::error::Error>> {
    let mut shares = BTreeMap::new();
    let mut client = house.connect()?;
    for _ in 0..count {
        let response = ask(&mut client, "/")?;
        assert_eq!(response.status, 200);
        *shares.entry(String::from_utf8(response.body)?).or_default() += 1;
    }
    Ok(shares)
}

#[test]
fn a_failing_backend_leaves_after_fall_and_returns_after_rise() -> Outcome {
    let house = House::start(&["b0", "b1"], "", &format!("balance = \"round-robin\"\n{CHECKED}"))?;
    house.wait_until_usable()?;
    assert_eq!(shares(&house, 20)?.len(), 2);
    house.backend("b0").ask("/control?health=fail")?;
    house.wait_for_backend("b0", |backend| backend["health"] == "down")?;
    let backend = house.backend_status("b0")?;
    assert!(backend["checks"]["failed"].as_u64() >= Some(3), "{backend}");
    assert!(
        backend["why"].as_str().is_some_and(|why| why.contains("503")),
        "{backend}"
    );
    assert_eq!(shares(&house, 20)?, BTreeMap::from([("b1".to_owned(), 20)]));
    let labels = [("pool", "web"), ("backend", "b0")];
    assert_eq!(house.metrics()?.sum("evenkeel_backend_up", &labels), 0.0);
    let passed = backend["checks"]["passed"].as_u64().unwrap_or(0);
    house.backend("b0").ask("/control?health=ok")?;
    house.wait_for_backend("b0", |backend| backend["health"] == "up")?;
    let backend = house.backend_status("b0")?;
    assert!(backend["checks"]["passed"].as_u64() >= Some(passed + 2), "{backend}");
    assert_eq!(house.metrics()?.sum("evenkeel_backend_up", &labels), 1.0);
    assert_eq!(shares(&house, 20)?.len(), 2);
    Ok(())
}

#[test]
fn one_that_never_passed_a_check_gets_nothing() -> Outcome {
    let house = House::start(&["hung", "b1"], "", &format!("balance = \"round-robin\"\n{CHECKED}"))?;
    house.wait_for_backend("b1", |backend| backend["usable"] == true)?;
    assert_eq!(house.backend_status("hung")?["health"], "unproven");
    assert_eq!(shares(&house, 50)?, BTreeMap::from([("b1".to_owned(), 50)]));
    house.backend("hung").ask("/control?health=ok")?;
    house.wait_for_backend("hung", |backend| backend["usable"] == true)?;
    assert_eq!(shares(&house, 20)?.len(), 2);
    Ok(())
}

#[test]
fn traffic_ejects_who_fails_and_takes_it_back() -> Outcome {
    let eject = "eject = { errors = 3, window = \"60s\", for = \"1s\", max = \"50%\" }";
    let house = House::start(&["b0", "b1", "b2"], "", &format!("balance = \"round-robin\"\n{eject}"))?;
    house.wait_until_usable()?;
    house.backend("b0").ask("/control?faulty=yes")?;
    let mut client = house.connect()?;
    wait_for(|| {
        // Every one is answered, by another if need be.
        assert_eq!(ask(&mut client, "/")?.status, 200);
        Ok(house.backend_status("b0")?["ejected"] == true)
    })?;
    let backend = house.backend_status("b0")?;
    let (errors, health) = (backend["errors"].as_u64(), &backend["health"]);
    assert!(
        errors >= Some(3) && health == "up" && backend["usable"] == false,
        "{backend}"
    );
    house.backend("b0").ask("/control?faulty=no")?;
    house.wait_for_backend("b0", |backend| backend["ejected"] == false && backend["usable"] == true)?;
    wait_for(|| Ok(shares(&house, 20)?.len() == 3))
}

#[test]
fn never_more_than_its_share_is_ejected() -> Outcome {
    let eject = "eject = { errors = 3, window = \"60s\", for = \"60s\", max = \"50%\" }\npanic = \"0%\"";
    let house = House::start(
        &["b0", "b1", "b2", "b3"],
        "",
        &format!("balance = \"round-robin\"\n{eject}"),
    )?;
    house.wait_until_usable()?;
    for name in ["b0", "b1", "b2"] {
        house.backend(name).ask("/control?faulty=yes")?;
    }
    let ejected = || -> Result<usize, Box<dyn std::error::Error>> {
        let status = house.status()?;
        let backends = status["pools"][0]["backends"].as_array().cloned().unwrap_or_default();
        Ok(backends.iter().filter(|backend| backend["ejected"] == true).count())
    };
    let mut client = house.connect()?;
    let mut ask_some = |count| -> Outcome {
        for _ in 0..count {
            ask(&mut client, "/")?;
        }
        Ok(())
    };
    wait_for(|| {
        ask_some(5)?;
        Ok(ejected()? == 2)
    })?;
    for _ in 0..20 {
        ask_some(10)?;
        assert_eq!(ejected()?, 2, "two of four are half");
    }
    Ok(())
}

#[test]
fn below_the_panic_share_all_are_used() -> Outcome {
    let pool = format!("balance = \"round-robin\"\npanic = \"50%\"\n{CHECKED}");
    let house = House::start(&["b0", "b1", "b2", "b3"], "", &pool)?;
    house.wait_until_usable()?;
    for name in ["b0", "b1"] {
        house.backend(name).ask("/control?health=fail")?;
        house.wait_for_backend(name, |backend| backend["health"] == "down")?;
    }
    assert_eq!(house.status()?["pools"][0]["panic"], false, "half are enough");
    assert_eq!(shares(&house, 40)?.into_keys().collect::<Vec<_>>(), ["b2", "b3"]);
    house.backend("b2").ask("/control?health=fail")?;
    house.wait_for_backend("b2", |backend| backend["health"] == "down")?;
    assert_eq!(house.status()?["pools"][0]["panic"], true);
    assert_eq!(shares(&house, 40)?.len(), 4, "better slow than nothing");
    Ok(())
}

#[test]
fn a_backup_works_only_when_nobody_else_can() -> Outcome {
    let house = House::start(&["b0", "b1"], "", CHECKED)?;
    let address = house.backend("b1").address();
    house.reconfigure(&format!("\"{address}\""), &format!("\"{address}\", backup = true"))?;
    house.reload()?;
    house.wait_until_usable()?;
    assert_eq!(shares(&house, 20)?.into_keys().collect::<Vec<_>>(), ["b0"]);
    house.backend("b0").ask("/control?health=fail")?;
    house.wait_for_backend("b0", |backend| backend["health"] == "down")?;
    assert_eq!(shares(&house, 20)?.into_keys().collect::<Vec<_>>(), ["b1"]);
    Ok(())
}

#[test]
fn without_any_backend_that_may_be_used_it_is_503() -> Outcome {
    let house = House::start(&["b0"], "", CHECKED)?;
    house.wait_until_usable()?;
    house.command(&["drain", "web/b0", "--wait", "20s"])?;
    assert_eq!(house.get("/nobody")?.status, 503);
    assert_eq!(house.logged("/nobody")?["reason"], "no-backend");
    Ok(())
}

/// A request that keeps the only place of the only backend until this client leaves.
fn occupy(house: &House) -> Result<Client, Box<dyn std::error::Error>> {
    let mut client = house.connect()?;
    client.send(b"GET /endless HTTP/1.1\r\nhost: test\r\n\r\n")?;
    assert!(client.read_until(SOON, |bytes, _| bytes.windows(5).any(|word| word == b"tick\n")));
    Ok(client)
}

fn queued(house: &House) -> Result<u64, Box<dyn std::error::Error>> {
    Ok(house.status()?["pools"][0]["queued"].as_u64().unwrap_or(0))
}

#[test]
fn those_who_wait_get_their_turn_in_order_and_a_full_queue_says_so() -> Outcome {
    let pool = "max_connections = 1\nqueue = { size = 8, timeout = \"60s\" }";
    let house = House::start(&["b0"], "", pool)?;
    house.wait_until_usable()?;
    let occupant = occupy(&house)?;
    let mut waiting = Vec::new();
    for number in 0..8 {
        let mut client = house.connect()?;
        client.send(format!("GET /turn-{number} HTTP/1.1\r\nhost: test\r\n\r\n").as_bytes())?;
        wait_for(|| Ok(queued(&house)? == number + 1))?;
        waiting.push(client);
    }
    assert_eq!(house.metrics()?.sum("evenkeel_pool_queued", &[("pool", "web")]), 8.0);
    assert_eq!(house.get("/one-too-many")?.status, 503);
    assert_eq!(house.logged("/one-too-many")?["reason"], "queue-full");
    // One gives up: its turn is lost to nobody.
    drop(waiting.remove(3));
    drop(occupant);
    for client in &mut waiting {
        assert_eq!(client.response(SOON, false)?.status, 200);
    }
    house.wait_until_quiet()?;
    assert_eq!(queued(&house)?, 0);
    let turns = journal(house.journal())?;
    let turns: Vec<&str> = turns
        .iter()
        .filter_map(|(_, _, target)| target.strip_prefix("/turn-"))
        .collect();
    let honest: Vec<&str> = turns.iter().copied().filter(|turn| *turn != "3").collect();
    assert_eq!(honest, ["0", "1", "2", "4", "5", "6", "7"]);
    assert_eq!(house.backend("b0").ask("/peak")?, "1", "the cap was never exceeded");
    Ok(())
}

#[test]
fn who_waits_too_long_is_told() -> Outcome {
    let house = House::start(&["b0"], "", "max_connections = 1\nqueue = { timeout = \"300ms\" }")?;
    house.wait_until_usable()?;
    let occupant = occupy(&house)?;
    let mut client = house.connect()?;
    assert_eq!(ask(&mut client, "/impatient")?.status, 503);
    let line = house.logged("/impatient")?;
    assert_eq!(line["reason"], "queue-timeout", "{line}");
    drop(occupant);
    house.wait_until_quiet()?;
    assert_eq!(ask(&mut client, "/again")?.status, 200);
    assert_eq!(house.backend("b0").ask("/peak")?, "1");
    Ok(())
}

#[test]
fn who_waits_is_told_when_the_last_backend_goes() -> Outcome {
    let house = House::start(&["b0"], "", "max_connections = 1\nqueue = { timeout = \"60s\" }")?;
    house.wait_until_usable()?;
    let _occupant = occupy(&house)?;
    let mut client = house.connect()?;
    client.send(b"GET /waiting HTTP/1.1\r\nhost: test\r\n\r\n")?;
    wait_for(|| Ok(queued(&house)? == 1))?;
    house.command(&["drain", "web/b0"])?;
    assert_eq!(client.response(SOON, false)?.status, 503);
    assert_eq!(house.logged("/waiting")?["reason"], "no-backend");
    Ok(())
}

#[test]
fn caps_hold_under_load() -> Outcome {
    let _alone = alone();
    for balance in [
        "least-latency",
        "round-robin",
        "least-connections",
        "random",
        "hash",
        "first",
    ] {
        let pool = format!("balance = \"{balance}\"\nmax_connections = 3\nqueue = {{ timeout = \"60s\" }}");
        let house = House::start(&["b0", "b1"], "", &pool)?;
        house.wait_until_usable()?;
        let load = Load::start(Plan {
            target: Some("/slow?ms=2"),
            ..Plan::gets(house.address(), 16)
        });
        let flows = load.go_on(600, SOON);
        let tally = load.stop();
        assert!(
            flows && tally.get_failures.is_empty(),
            "{balance}: {:#?}",
            tally.get_failures
        );
        for backend in &house.backends {
            assert_eq!(backend.ask("/peak")?, "3", "{balance}: {}", backend.name());
        }
        house.wait_until_quiet()?;
        assert_eq!(queued(&house)?, 0, "{balance}");
    }
    Ok(())
}
