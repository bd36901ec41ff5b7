//! What must hold for any bytes whatever. Used by the seeded tests here and by the fuzz target.

#![allow(clippy::unwrap_used, dead_code, unreachable_pub)]

use evenkeel_proxy_protocol::*;

/// Up to here every cut is tried, above only some.
const EVERY_CUT: usize = 512;

/// A header says the same however it arrives and whatever follows it; what is written from it says the same again.
pub fn header(bytes: &[u8]) {
    let whole = parse(bytes);
    if bytes.len() >= MOST_BYTES {
        assert_ne!(whole, Ok(None), "longer than any header");
    }
    for cut in (0..bytes.len()).step_by(1 + bytes.len() / EVERY_CUT) {
        let early = parse(&bytes[..cut]);
        if early != Ok(None) {
            assert_eq!(early, whole, "cut at {cut}");
        }
    }
    let Ok(Some(found)) = whole else {
        return;
    };
    assert!(found.length <= bytes.len() && found.length <= MOST_BYTES);
    assert_eq!(parse(&bytes[..found.length]), whole, "what follows is not looked at");
    assert_eq!(parse(&bytes[..found.length - 1]), Ok(None), "and all before is needed");
    written(found.told);
}

/// Both writers, and back.
pub fn written(told: Told) {
    let mut second = Vec::new();
    write_v2(&told, &mut second);
    let length = second.len();
    assert_eq!(parse(&second), Ok(Some(Header { told, length })));
    let mut first = Vec::new();
    write_v1(&told, &mut first);
    let length = first.len();
    assert!(length <= 107 && first.ends_with(b"\r\n"));
    // The first version has no word for unix sockets.
    let told = if told == Told::Unix { Told::Nothing } else { told };
    assert_eq!(parse(&first), Ok(Some(Header { told, length })));
}
