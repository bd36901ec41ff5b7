//! Clients that are known by a field or by their address.

use std::collections::BTreeMap;

use crate::house::{House, Outcome};

/// Where each of many sessions goes.
fn homes(house: &House) -> Result<BTreeMap<usize, String>, Box<dyn std::error::Error>> {
    (0..40)
        .map(|number| {
            let mut browser = house.browser();
            browser.fields = format!("x-session: s{number}\r\n");
            let home = browser.visit("/")?;
            assert_eq!(browser.given, None, "no cookie is needed");
            Ok((number, home))
        })
        .collect()
}

#[test]
fn a_session_field_leads_to_one_backend() -> Outcome {
    let mut house = House::start(3, "sticky = { header = \"X-Session\" }")?;
    let before = homes(&house)?;
    assert_eq!(homes(&house)?, before);
    let counts = |name: &str| before.values().filter(|home| *home == name).count();
    for name in ["b0", "b1", "b2"] {
        assert!(counts(name) > 0, "sessions are spread: {before:?}");
    }
    // Drained, it keeps them; new sessions and those without a field never go there.
    house.command(&["drain", "web/b0"])?;
    house.wait_for_backend("b0", |backend| backend["state"] == "drain")?;
    assert_eq!(homes(&house)?, before);
    for number in 0..30 {
        let mut browser = house.browser();
        browser.fields = match number % 2 {
            0 => format!("x-session: new{number}\r\n"),
            _ => String::new(),
        };
        assert_ne!(browser.visit("/")?, "b0");
    }
    house.command(&["ready", "web/b0"])?;
    // Dead, its sessions go to one other each, and come back when it does.
    house.backend("b0").kill()?;
    house.wait_for_backend("b0", |backend| backend["health"] == "down")?;
    let during = homes(&house)?;
    for (number, home) in &before {
        assert_ne!(during[number], "b0");
        assert!(home == "b0" || *home == during[number]);
    }
    assert_eq!(homes(&house)?, during);
    house.backend("b0").start_again()?;
    house.wait_for_backend("b0", |backend| backend["health"] == "up")?;
    assert_eq!(homes(&house)?, before);
    // Another process draws the same, and so does another balancer.
    let twin = house.twin()?;
    let mut browser = house.browser().at(&twin);
    for (number, home) in &before {
        browser.fields = format!("x-session: s{number}\r\n");
        assert_eq!(browser.visit("/")?, *home);
    }
    Ok(())
}

#[test]
fn an_address_leads_to_one_backend() -> Outcome {
    let house = House::start(3, "sticky = { source = true }")?;
    let mut browser = house.browser();
    let home = browser.visit("/")?;
    for _ in 0..10 {
        assert_eq!(browser.visit("/")?, home);
    }
    // As a trusted proxy tells it; of an IPv6 client the network counts.
    let mut homes = BTreeMap::new();
    for number in 0..40 {
        for host in ["1", "aaaa:bbbb:cccc:dddd"] {
            let colon = if host.len() == 1 { "::" } else { ":" };
            browser.fields = format!("x-forwarded-for: 2001:db8:0:{number:x}{colon}{host}\r\n");
            let home = browser.visit("/")?;
            assert_eq!(*homes.entry(number).or_insert(home.clone()), home);
        }
    }
    let spread: std::collections::BTreeSet<_> = homes.values().collect();
    assert_eq!(spread.len(), 3, "{homes:?}");
    Ok(())
}
