//! What must hold for every input; the fuzzer tries many.
#![allow(dead_code)]

use evenkeel_content::{Accepted, Asked, PARTS_MAX, Validators, Verdict, judge, parse_date, relative, write_date};
use evenkeel_model::Encoding;

/// A path is refused, or names something below the directory, in one way.
pub(crate) fn path(bytes: &[u8]) {
    for hidden in [false, true] {
        let mut file = Vec::new();
        if relative(bytes, hidden, &mut file).is_err() {
            continue;
        }
        assert!(file.len() <= bytes.len());
        assert!(!file.starts_with(b"/"));
        assert!(!file.contains(&0) && !file.contains(&b'\\'));
        let mut segments: Vec<&[u8]> = file.split(|&byte| byte == b'/').collect();
        if segments.last() == Some(&&b""[..]) {
            segments.pop();
        }
        for (place, segment) in segments.iter().enumerate() {
            assert!(!segment.is_empty() && *segment != b"." && *segment != b"..");
            assert!(hidden || segment[0] != b'.' || (place == 0 && *segment == b".well-known"));
        }
    }
}

/// Parts are within the content, not empty, few, and not more than the whole.
pub(crate) fn range(bytes: &[u8]) {
    for length in [0, 1, 10, 1000, u64::MAX] {
        let validators = Validators::new(1, 2, length, None);
        let mut asked = Asked::default();
        asked.note(b"range", bytes);
        match judge(&asked, false, &validators, length, 100) {
            Verdict::Whole => {}
            Verdict::Unsatisfiable => assert!(length > 0),
            Verdict::Parts(parts) => {
                assert!((1..=PARTS_MAX).contains(&parts.len()));
                assert!(parts.iter().all(|part| part.first < part.end && part.end <= length));
                let total: u128 = parts.iter().map(|part| u128::from(part.length())).sum();
                assert!(total <= u128::from(length));
            }
            Verdict::NotModified | Verdict::PreconditionFailed => panic!("no condition was given"),
        }
    }
}

/// Only what was offered comes back, each once, and nothing that was refused.
pub(crate) fn accept(bytes: &[u8]) {
    let accepted = Accepted::of(&[bytes]);
    let ranked: Vec<Encoding> = accepted.ranked(&Encoding::ALL).collect();
    for (place, coding) in ranked.iter().enumerate() {
        assert!(!ranked[..place].contains(coding));
        assert_eq!(accepted.ranked(&[*coding]).next(), Some(*coding));
    }
    let refused: Vec<u8> = [&b"zstd;q=0, br;q=0, gzip;q=0,"[..], bytes].concat();
    assert_eq!(Accepted::of(&[&refused]).ranked(&Encoding::ALL).next(), None);
}

/// A date that can be read is written back as the same moment; conditions are decided for anything.
pub(crate) fn date(bytes: &[u8]) {
    if let Some(seconds) = parse_date(bytes) {
        assert_eq!(parse_date(&write_date(seconds)), Some(seconds));
    }
    let validators = Validators::new(784_111_777, 0, 10, None);
    let names: [&[u8]; 5] = [
        b"if-modified-since",
        b"if-unmodified-since",
        b"if-range",
        b"if-match",
        b"if-none-match",
    ];
    for name in names {
        let mut asked = Asked::default();
        asked.note(name, bytes);
        asked.note(b"range", b"bytes=0-0");
        judge(&asked, false, &validators, 10, 1_000_000_000);
    }
}
