use super::*;

fn secret() -> Secret {
    Secret::from_file(b"0123456789abcdef\n").unwrap()
}

fn jar(pool: &str) -> Cookie {
    Cookie::new(pool, None, None, &secret())
}

fn bond(cookie: &Cookie, number: u64, backend: &str) -> Bond {
    Bond {
        client: number.to_le_bytes(),
        home: cookie.tag(backend),
    }
}

fn set_cookie(cookie: &Cookie, bond: &Bond, secure: bool) -> String {
    let mut out = Vec::new();
    cookie.write_set_cookie(bond, secure, &mut out);
    String::from_utf8(out).unwrap()
}

/// What a browser sends back.
fn pair(cookie: &Cookie, bond: &Bond) -> String {
    set_cookie(cookie, bond, false).split(';').next().unwrap().to_owned()
}

fn found(cookie: &Cookie, field: &str) -> Found {
    cookie.find(std::iter::once(field.as_bytes()))
}

#[test]
fn what_was_written_is_read() {
    let cookie = jar("web");
    for number in 0..1000u64 {
        let bond = bond(&cookie, number.wrapping_mul(0x0123_4567_89ab_cdef), "10.0.0.1:80");
        assert_eq!(found(&cookie, &pair(&cookie, &bond)), Found::Bond(bond));
        assert_eq!(bond.key(), number.wrapping_mul(0x0123_4567_89ab_cdef));
    }
}

#[test]
fn the_format_stays() {
    // Worked out by another implementation. Balancers of two versions share clients, and cookies outlive an upgrade: these may never change.
    let cookie = jar("web");
    assert_eq!(&**cookie.name(), "evenkeel_d81c4dc4");
    assert_eq!(
        pair(&cookie, &bond(&cookie, 1, "b1")),
        "evenkeel_d81c4dc4=AQAAAAAAAACK1lD26qsr-Bgh-0lHZB8F"
    );
    let derived = Cookie::new("web", None, None, &Secret::derived("web", None, None));
    let stretched = Secret::derived("web", None, Some(&Stretched::new(b"token")));
    let stretched = Cookie::new("web", None, None, &stretched);
    assert_eq!(
        pair(&stretched, &bond(&stretched, 1, "b1")),
        "evenkeel_d81c4dc4=AQAAAAAAAABB61H1SNrd7r6j9PAq5qZ3"
    );
    assert_eq!(
        pair(&derived, &bond(&derived, 1, "b1")),
        "evenkeel_d81c4dc4=AQAAAAAAAAB8kTHKa7OGoEVAHYTHQ3_c"
    );
}

#[test]
fn every_bit_is_signed() {
    let cookie = jar("web");
    let bond = bond(&cookie, 42, "b1");
    let value = cookie.seal.write(&bond);
    for place in 0..VALUE_BYTES {
        for letter in (0..=255).filter(|letter| *letter != value[place]) {
            let mut forged = value;
            forged[place] = letter;
            assert_eq!(cookie.seal.read(&forged), None, "byte {place}");
        }
    }
    for length in 0..VALUE_BYTES {
        assert_eq!(cookie.seal.read(&value[..length]), None);
    }
    assert_eq!(cookie.seal.read(&[&value[..], b"A"].concat()), None);
}

#[test]
fn what_others_signed_is_refused() {
    let cookie = jar("web");
    let mine = bond(&cookie, 1, "b1");
    let value = pair(&cookie, &mine);
    let others = [
        Cookie::new("api", Some(cookie.name()), None, &secret()),
        Cookie::new(
            "web",
            None,
            None,
            &Secret::from_file(b"another secret, also 16").unwrap(),
        ),
        Cookie::new("web", None, None, &Secret::derived("web", None, None)),
        Cookie::new(
            "web",
            None,
            None,
            &Secret::derived("web", None, Some(&Stretched::new(b"token"))),
        ),
    ];
    for other in others {
        assert_eq!(found(&other, &value), Found::Refused);
    }
    assert_eq!(found(&jar("web"), &value), Found::Bond(mine));
}

#[test]
fn parts_of_a_derived_secret_do_not_run_together() {
    let one = Secret::derived("ab", Some("c"), None);
    let other = Secret::derived("a", Some("bc"), None);
    assert_ne!(one, other);
}

#[test]
fn a_tag_does_not_show_the_backend() {
    assert_ne!(jar("web").tag("10.0.0.1:80"), jar("api").tag("10.0.0.1:80"));
}

#[test]
fn it_is_found_among_others() {
    let cookie = jar("web");
    let bond = bond(&cookie, 3, "b1");
    let pair = pair(&cookie, &bond);
    let name = cookie.name();
    for field in [
        format!("a=b; {pair}"),
        format!("{pair};a=b"),
        format!("x; ;=; {pair} ;"),
        format!("{name}=old; {pair}"),
        format!("{name}x=1; x{name}=2; {pair}"),
        pair.replacen('=', " = \"", 1) + "\"",
    ] {
        assert_eq!(found(&cookie, &field), Found::Bond(bond), "{field}");
    }
    assert_eq!(found(&cookie, &format!("{name}x=1; x{name}=2; {name}")), Found::Nothing);
    assert_eq!(found(&cookie, &format!("{name}=")), Found::Refused);
    assert_eq!(cookie.find(std::iter::empty()), Found::Nothing);
    let far = format!("{name}=x; {name}=x; {name}=x; {name}=x; {pair}");
    assert_eq!(found(&cookie, &far), Found::Refused, "looks are bounded");
}

#[test]
fn the_backend_sees_the_other_cookies() {
    let cookie = jar("web");
    let pair = pair(&cookie, &bond(&cookie, 3, "b1"));
    let name = cookie.name();
    let others = |fields: &[&str]| {
        let mut out = Vec::new();
        cookie.write_others(fields.iter().map(|field| field.as_bytes()), &mut out);
        String::from_utf8(out).unwrap()
    };
    assert_eq!(others(&[&pair]), "");
    assert_eq!(others(&[&format!("a=b; {pair};c = \"d\" ")]), "a=b; c = \"d\"");
    assert_eq!(others(&[&pair, "a=b", &format!("{name}=old;;odd; =x")]), "a=b; odd; =x");
    assert_eq!(
        others(&[&format!("x{name}=1; {name}x=2")]),
        format!("x{name}=1; {name}x=2")
    );
}

#[test]
fn attributes() {
    let cookie = jar("web");
    let bond = bond(&cookie, 3, "b1");
    assert!(set_cookie(&cookie, &bond, false).ends_with("; Path=/; HttpOnly; SameSite=Lax"));
    assert!(set_cookie(&cookie, &bond, true).ends_with("; Path=/; HttpOnly; SameSite=Lax; Secure"));
    assert!(!cookie.is_aging());
    let aging = Cookie::new(
        "web",
        Some(&"SESSION".into()),
        Some(Duration::from_millis(1500)),
        &secret(),
    );
    assert!(aging.is_aging());
    let text = set_cookie(&aging, &bond, true);
    assert!(text.starts_with("SESSION="), "{text}");
    assert!(text.ends_with("; SameSite=Lax; Max-Age=2; Secure"), "{text}");
}

#[test]
fn names_differ_from_pool_to_pool() {
    assert_ne!(jar("web").name(), jar("api").name());
    assert_eq!(jar("web").name(), jar("web").name());
}

#[test]
fn secrets_that_can_be_guessed_are_refused() {
    assert_eq!(Secret::from_file(b" short \n"), Err(BadSecret { length: 5 }));
    assert_eq!(Secret::from_file(&[b'x'; 4097]), Err(BadSecret { length: 4097 }));
    assert_eq!(
        Secret::from_file(b"\n0123456789abcdef"),
        Secret::from_file(b"0123456789abcdef\r\n")
    );
    assert_eq!(format!("{:?}", secret()), "Secret(..)");
}

#[test]
fn homes() {
    let cookie = jar("web");
    let names: Vec<Name> = ["b1", "b2", "b3"].map(Name::from).to_vec();
    let mut homes = Homes::default();
    homes.update(&cookie, (0..).zip(&names));
    assert_eq!(homes.find(cookie.tag("b2")), Some(1));
    assert_eq!(homes.tag(1), Some(cookie.tag("b2")));
    assert_eq!(homes.find(cookie.tag("b9")), None);
    // b1 left, 1 is called b9 now.
    let names: Vec<Name> = ["b9", "b3"].map(Name::from).to_vec();
    homes.update(&cookie, (1..).zip(&names));
    assert_eq!(homes.find(cookie.tag("b1")), None);
    assert_eq!(homes.find(cookie.tag("b2")), None);
    assert_eq!(homes.find(cookie.tag("b9")), Some(1));
    assert_eq!(homes.tag(2), Some(cookie.tag("b3")));
    assert_eq!(homes.tag(0), None);
}
