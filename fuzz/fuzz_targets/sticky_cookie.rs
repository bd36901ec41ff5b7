//! A sticky cookie from a hostile client: no panic, and nothing is believed but what this pool signed, letter for letter.
//! The first byte says what is done with a cookie of ours before it comes back; the rest is the `Cookie` field.
#![no_main]

use evenkeel_route::sticky::{Bond, Cookie, Found, Homes, Secret};
use libfuzzer_sys::fuzz_target;

fn jar(pool: &str) -> Cookie {
    let name = "k".into();
    Cookie::new(pool, Some(&name), None, &Secret::derived(pool, Some(&name), None))
}

fn found(cookie: &Cookie, field: &[u8]) -> Found {
    cookie.find(field.split(|byte| *byte == b'\n'))
}

/// The cookie as a browser sends it back.
fn sent(cookie: &Cookie, bond: &Bond) -> Vec<u8> {
    let mut out = Vec::new();
    cookie.write_set_cookie(bond, false, &mut out);
    let end = out.iter().position(|byte| *byte == b';').unwrap_or(out.len());
    out.truncate(end);
    out
}

fuzz_target!(|input: &[u8]| {
    let Some((first, field)) = input.split_first() else {
        return;
    };
    let (ours, theirs) = (jar("web"), jar("api"));
    if let Found::Bond(bond) = found(&ours, field) {
        let again = sent(&ours, &bond);
        let written = field.windows(again.len() - 2).any(|part| part == &again[2..]);
        assert!(written, "what was believed is not what was signed");
        let mut homes = Homes::default();
        homes.update(&ours, std::iter::once((7, &"10.0.0.1:80".into())));
        assert!(homes.find(bond.home).is_none_or(|id| id == 7));
    }
    // A cookie of ours, spoilt by the input, is refused; left alone, it is known among whatever else is sent.
    let bond = Bond {
        client: [*first; 8],
        home: ours.tag("10.0.0.1:80"),
    };
    let whole = sent(&ours, &bond);
    let mut spoilt = whole.clone();
    for (place, byte) in field.iter().enumerate().take(4) {
        let place = 2 + (usize::from(*first) + place * 7) % (spoilt.len() - 2);
        spoilt[place] ^= byte;
    }
    match found(&ours, &spoilt) {
        Found::Bond(read) => assert!(spoilt == whole && read == bond),
        Found::Nothing | Found::Refused => assert!(spoilt != whole),
    }
    assert_eq!(found(&theirs, &whole), Found::Refused, "another pool's");
    let among = [&whole[..], b"; ", field].concat();
    assert_eq!(found(&ours, &among), Found::Bond(bond));
});
