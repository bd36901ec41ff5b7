//! The cookie itself: who gets one, what it looks like, whose is believed.

use evenkeel_tests::balancer::Balancer;
use evenkeel_tests::message::{Read, request};
use evenkeel_tests::origin::Origin;

use crate::house::{Browser, House, Outcome, SOON};

const COOKIE: &str = "sticky = \"cookie\"";

#[test]
fn a_new_client_gets_a_cookie_and_stays_with_its_backend() -> Outcome {
    let house = House::start(3, COOKIE)?;
    let mut browsers = Vec::new();
    for _ in 0..9 {
        let mut browser = house.browser();
        let home = browser.visit("/")?;
        let given = browser.given.clone().expect("a cookie");
        assert!(given.starts_with("evenkeel_"), "{given}");
        assert!(given.ends_with("; Path=/; HttpOnly; SameSite=Lax"), "{given}");
        browsers.push((browser, home));
    }
    for _ in 0..5 {
        for (browser, home) in &mut browsers {
            assert_eq!(browser.visit("/")?, *home);
            assert_eq!(browser.given, None, "it has its cookie already");
        }
    }
    let homes: std::collections::BTreeSet<_> = browsers.iter().map(|(_, home)| home.clone()).collect();
    assert!(homes.len() > 1, "new clients are spread");
    assert_eq!((house.counted("new")?, house.counted("home")?), (9.0, 45.0));
    Ok(())
}

#[test]
fn with_an_age_every_answer_renews_it() -> Outcome {
    let house = House::start(2, "sticky = { cookie = \"SERVER\", for = \"90s\" }")?;
    let mut browser = house.browser();
    let home = browser.visit("/")?;
    let first = browser.given.clone().expect("a cookie");
    assert!(first.starts_with("SERVER="), "{first}");
    assert!(
        first.ends_with("; Path=/; HttpOnly; SameSite=Lax; Max-Age=90"),
        "{first}"
    );
    assert_eq!(browser.visit("/")?, home);
    assert_eq!(browser.given, Some(first));
    Ok(())
}

#[test]
fn it_is_for_tls_only_when_the_client_came_by_tls() -> Outcome {
    let house = House::start(1, COOKIE)?;
    let mut browser = house.browser();
    browser.fields = "x-forwarded-proto: https\r\n".to_owned();
    browser.visit("/")?;
    let given = browser.given.expect("a cookie");
    assert!(given.ends_with("; SameSite=Lax; Secure"), "{given}");
    Ok(())
}

#[test]
fn what_this_pool_did_not_sign_is_ignored_and_replaced() -> Outcome {
    let house = House::start(2, COOKIE)?;
    let good = house.browser_at("b0")?;
    let cookie = good.cookie.clone().expect("a cookie");
    let (name, value) = cookie.split_once('=').expect("a pair");
    let other = house.browser_at("b1")?.cookie.expect("a cookie");
    let other = other.split_once('=').expect("a pair").1;
    // The client number of one with the backend and the signature of the other; a bit changed; cut; nothing; noise.
    let spliced = format!("{}{}", &value[..8], &other[8..]);
    let last = if value.ends_with('A') { "B" } else { "A" };
    let changed = format!("{}{last}", &value[..31]);
    for forged in [&spliced[..], &changed, &value[..31], "", "\"", "b0", "../../etc/passwd"] {
        let refused = house.counted("refused")?;
        let mut browser = Browser {
            cookie: Some(format!("{name}={forged}")),
            ..good.clone()
        };
        let home = browser.visit("/")?;
        assert!(browser.given.is_some(), "{forged:?} is replaced");
        assert_eq!(house.counted("refused")?, refused + 1.0, "{forged:?}");
        assert_eq!(browser.visit("/")?, home);
    }
    // One that another site of the same domain has set beside ours does not matter.
    let mut browser = Browser {
        cookie: Some(format!("{name}=forged; {cookie}")),
        ..good
    };
    assert_eq!(browser.visit("/")?, "b0");
    assert_eq!(browser.given, None);
    Ok(())
}

#[test]
fn it_outlives_a_restart_and_is_good_at_another_balancer_with_the_same_configuration() -> Outcome {
    for pool in [COOKIE, "sticky = { secret_file = \"DIR/sticky.secret\" }"] {
        let mut house = House::start(3, pool)?;
        let mut browser = house.browser_at("b2")?;
        let twin = house.twin()?;
        assert_eq!(browser.at(&twin).visit("/")?, "b2");
        house.balancer.signal("TERM")?;
        house.balancer.wait_for_end(SOON)?;
        house.balancer.start_again()?;
        house.wait_until_usable()?;
        for _ in 0..4 {
            assert_eq!(browser.visit("/")?, "b2");
            assert_eq!(browser.given, None);
        }
    }
    Ok(())
}

#[test]
fn another_secret_knows_nobody() -> Outcome {
    let pool = "sticky = { secret_file = \"DIR/sticky.secret\" }";
    let house = House::start(2, pool)?;
    let mut browser = house.browser_at("b1")?;
    let pool = pool.replace(
        "DIR",
        &house.secret_file().parent().expect("a directory").to_string_lossy(),
    );
    std::fs::write(house.secret_file(), "an entirely different secret")?;
    house.reload(0, &pool)?;
    browser.visit("/")?;
    assert!(browser.given.is_some());
    assert_eq!(house.counted("refused")?, 1.0);
    // What is too short to be a secret is refused, and nothing changes.
    std::fs::write(house.secret_file(), "short")?;
    let error = house.reload(0, &pool).expect_err("a bad secret").to_string();
    assert!(error.contains("secret_file"), "{error}");
    assert!(error.contains("16 to 4096 bytes, this has 5"), "{error}");
    let home = browser.visit("/")?;
    assert_eq!(browser.given, None);
    assert_eq!(browser.visit("/")?, home);
    Ok(())
}

#[test]
fn the_backend_does_not_see_it_and_its_own_cookies_pass() -> Outcome {
    let origin = Origin::start()?;
    let address = origin.address();
    let balancer = Balancer::start(1, |ports| {
        format!(
            "[listener.web]\nbind = \"127.0.0.1:{}\"\npool = \"web\"\n[pool.web]\nbackends = [\"{address}\"]\ncheck = false\n{COOKIE}\n",
            ports[0]
        )
    })?;
    let mut browser = Browser::new(&balancer);
    browser.ask("/")?;
    let cookie = browser.cookie.clone().expect("a cookie");
    let seen = |fields: &str| -> Result<Option<String>, Box<dyn std::error::Error>> {
        origin.begin(Vec::new());
        let mut browser = Browser::new(&balancer);
        browser.fields = fields.to_owned();
        browser.ask("/")?;
        let records = origin.records();
        let bytes = records
            .iter()
            .find(|record| !record.bytes.is_empty())
            .expect("a request");
        let Read::Whole(request, _) = request(&bytes.bytes) else {
            return Err("no whole request".into());
        };
        assert!(request.fields.lines("cookie") <= 1);
        let value = request.fields.value("cookie");
        Ok(value.map(|value| String::from_utf8_lossy(&value).into_owned()))
    };
    assert_eq!(seen(&format!("cookie: {cookie}\r\n"))?, None);
    assert_eq!(
        seen(&format!("cookie: a=b; {cookie}; c=d\r\n"))?.as_deref(),
        Some("a=b; c=d")
    );
    assert_eq!(seen("cookie: a=b; c=d\r\n")?.as_deref(), Some("a=b; c=d"));
    Ok(())
}

#[test]
fn our_own_answers_carry_none() -> Outcome {
    let house = House::start(1, COOKIE)?;
    house.command(&["maintain", "web/b0"])?;
    house.wait_for_backend("b0", |backend| backend["state"] == "maintain")?;
    let mut browser = house.browser();
    assert_eq!(browser.ask("/")?.status, 503);
    assert_eq!(browser.given, None);
    Ok(())
}
