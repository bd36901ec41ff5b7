//! Dates, entity tags, conditions and ranges.

mod laws;

use evenkeel_content::{Asked, PARTS_MAX, Part, Validators, Verdict, judge, parse_date, write_date};
use evenkeel_model::Encoding;

const MODIFIED: u64 = 784_111_777;
const NOW: u64 = MODIFIED + 1000;
const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
const AFTER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";
const LENGTH: u64 = 1000;

fn verdict(fields: &[(&str, &str)], head_only: bool) -> Verdict {
    let mut asked = Asked::default();
    for (name, value) in fields {
        asked.note(name.as_bytes(), value.as_bytes());
    }
    judge(
        &asked,
        head_only,
        &Validators::new(MODIFIED, 5, LENGTH, None),
        LENGTH,
        NOW,
    )
}

fn tag() -> String {
    String::from_utf8(Validators::new(MODIFIED, 5, LENGTH, None).tag).expect("ASCII")
}

#[test]
fn dates_are_read_in_all_three_formats_and_written_in_one() {
    for text in [DATE, "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"] {
        assert_eq!(parse_date(text.as_bytes()), Some(MODIFIED), "{text}");
    }
    for (seconds, text) in [
        (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
        (MODIFIED, DATE),
        (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
        (951_868_800, "Wed, 01 Mar 2000 00:00:00 GMT"),
        (1_798_761_599, "Thu, 31 Dec 2026 23:59:59 GMT"),
        (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
        (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"),
        (u64::MAX, "Fri, 31 Dec 9999 23:59:59 GMT"),
    ] {
        assert_eq!(String::from_utf8_lossy(&write_date(seconds)), text);
        assert_eq!(parse_date(text.as_bytes()), Some(seconds.min(253_402_300_799)));
    }
    assert_eq!(parse_date(b"Tuesday, 01-Jan-30 00:00:00 GMT"), Some(1_893_456_000));
}

#[test]
fn every_day_of_four_centuries_is_written_and_read_back() {
    for day in 0..146_097 {
        let seconds = day * 86_400 + day % 86_400;
        assert_eq!(parse_date(&write_date(seconds)), Some(seconds));
    }
}

#[test]
fn what_is_no_date_is_none() {
    for text in [
        "",
        "0",
        "784111777",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 29 Feb 1900 00:00:00 GMT",
        "Sun, 29 Feb 2100 00:00:00 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 06 Nov 1969 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        "Sun,06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:3a GMT",
        ",",
        "Sunday, 06-Nov-1994 08:49:37 GMT",
        "Sun Nov 06 08:49:37 94",
    ] {
        assert_eq!(parse_date(text.as_bytes()), None, "{text}");
    }
}

#[test]
fn tags_differ_by_time_size_and_coding() {
    let mut tags: Vec<Vec<u8>> = [None, Some(Encoding::Gzip), Some(Encoding::Brotli), Some(Encoding::Zstd)]
        .into_iter()
        .map(|coding| Validators::new(1, 1, 1, coding).tag)
        .collect();
    for (seconds, nanoseconds, length) in [(2, 1, 1), (1, 2, 1), (1, 1, 2), (0x11, 1, 1), (1, 0x11, 1)] {
        tags.push(Validators::new(seconds, nanoseconds, length, None).tag);
    }
    let count = tags.len();
    tags.sort();
    tags.dedup();
    assert_eq!(tags.len(), count);
}

#[test]
fn conditions_are_judged_in_the_order_of_the_rfc() {
    let tag = tag();
    let weak = format!("W/{tag}");
    let listed = format!("\"x,y\", {tag} , \"z\"");
    let weak_listed = format!("\"x\",W/{tag}");
    let joined_wrongly = format!("\"x\" {tag}");
    let (tag, weak) = (tag.as_str(), weak.as_str());
    use Verdict::{NotModified, PreconditionFailed, Whole};
    let table: &[(&[(&str, &str)], Verdict)] = &[
        (&[], Whole),
        (&[("if-none-match", tag)], NotModified),
        (&[("If-None-Match", weak)], NotModified),
        (&[("if-none-match", "*")], NotModified),
        (&[("if-none-match", &listed)], NotModified),
        (&[("if-none-match", &weak_listed)], NotModified),
        (&[("if-none-match", "\"x\""), ("if-none-match", tag)], NotModified),
        (&[("if-none-match", "\"x\"")], Whole),
        (&[("if-none-match", &joined_wrongly)], Whole),
        (&[("if-none-match", "")], Whole),
        (&[("if-none-match", "x")], Whole),
        (&[("if-modified-since", DATE)], NotModified),
        (&[("if-modified-since", AFTER)], NotModified),
        (&[("if-modified-since", BEFORE)], Whole),
        (&[("if-modified-since", "yesterday")], Whole),
        (&[("if-modified-since", DATE), ("if-modified-since", DATE)], Whole),
        // A tag decides alone.
        (&[("if-none-match", "\"x\""), ("if-modified-since", AFTER)], Whole),
        (&[("if-none-match", tag), ("if-modified-since", BEFORE)], NotModified),
        (&[("if-match", tag)], Whole),
        (&[("if-match", &listed)], Whole),
        (&[("if-match", "*")], Whole),
        (&[("if-match", weak)], PreconditionFailed),
        (&[("if-match", "\"x\"")], PreconditionFailed),
        (&[("if-match", tag), ("if-unmodified-since", BEFORE)], Whole),
        (&[("if-unmodified-since", BEFORE)], PreconditionFailed),
        (&[("if-unmodified-since", DATE)], Whole),
        (&[("if-unmodified-since", "never")], Whole),
        (&[("if-match", "\"x\""), ("if-none-match", tag)], PreconditionFailed),
        (&[("if-match", tag), ("if-none-match", tag)], NotModified),
        (&[("if-none-match", tag), ("range", "bytes=0-1")], NotModified),
    ];
    for (fields, expected) in table {
        assert_eq!(verdict(fields, false), *expected, "{fields:?}");
        assert_eq!(verdict(fields, true), *expected, "{fields:?}");
    }
}

fn parts(parts: &[(u64, u64)]) -> Verdict {
    Verdict::Parts(parts.iter().map(|&(first, end)| Part { first, end }).collect())
}

#[test]
fn ranges_are_cut_to_what_is_there() {
    let many = vec!["1-1"; PARTS_MAX].join(",");
    let too_many = vec!["1-1"; PARTS_MAX + 1].join(",");
    use Verdict::{Unsatisfiable, Whole};
    let table: Vec<(String, Verdict)> = [
        ("bytes=0-0", parts(&[(0, 1)])),
        ("bytes=0-", parts(&[(0, 1000)])),
        ("bytes=999-", parts(&[(999, 1000)])),
        ("bytes=1000-", Unsatisfiable),
        ("bytes=500-999999", parts(&[(500, 1000)])),
        ("bytes=-1", parts(&[(999, 1000)])),
        ("bytes=-5000", parts(&[(0, 1000)])),
        ("bytes=-0", Unsatisfiable),
        ("BYTES=0-0", parts(&[(0, 1)])),
        ("bytes= 0-0 , 5-6 ", parts(&[(0, 1), (5, 7)])),
        ("bytes=5-6,0-0", parts(&[(5, 7), (0, 1)])),
        ("bytes=,0-0,", parts(&[(0, 1)])),
        ("bytes=0-0,2000-3000", parts(&[(0, 1)])),
        ("bytes=2000-,3000-4000", Unsatisfiable),
        ("bytes=18446744073709551615-", Unsatisfiable),
        ("bytes=99999999999999999999999-", Unsatisfiable),
        ("bytes=0-99999999999999999999999", parts(&[(0, 1000)])),
        ("bytes=-99999999999999999999999", parts(&[(0, 1000)])),
        // More than the whole.
        ("bytes=0-,0-0", Whole),
        ("bytes=0-600,300-999", Whole),
        // No ranges.
        ("bytes=", Whole),
        ("bytes=,", Whole),
        ("bytes=-", Whole),
        ("bytes=5-4", Whole),
        ("bytes=0-0,5-4", Whole),
        ("bytes=a-b", Whole),
        ("bytes=+1-2", Whole),
        ("bytes=0x1-2", Whole),
        ("bytes=1 - 2", Whole),
        ("bytes=1-2-3", Whole),
        ("bytes 0-0", Whole),
        ("lines=0-0", Whole),
        ("", Whole),
    ]
    .map(|(value, expected)| (value.to_owned(), expected))
    .into_iter()
    .chain([
        (format!("bytes={many}"), parts(&[(1, 2); PARTS_MAX])),
        (format!("bytes={too_many}"), Whole),
    ])
    .collect();
    for (value, expected) in table {
        assert_eq!(verdict(&[("range", &value)], false), expected, "{value}");
        assert_eq!(verdict(&[("range", &value)], true), Whole, "HEAD {value}");
        laws::range(value.as_bytes());
    }
    assert_eq!(verdict(&[("range", "bytes=0-0"), ("range", "bytes=0-0")], false), Whole);
}

#[test]
fn empty_content_has_no_parts() {
    for value in ["bytes=0-", "bytes=-1", "bytes=0-0"] {
        let mut asked = Asked::default();
        asked.note(b"range", value.as_bytes());
        let validators = Validators::new(MODIFIED, 0, 0, None);
        assert_eq!(judge(&asked, false, &validators, 0, NOW), Verdict::Whole, "{value}");
    }
}

#[test]
fn parts_are_sent_of_the_version_that_the_client_has() {
    let tag = tag();
    let weak = format!("W/{tag}");
    let two = format!("{tag}, {tag}");
    let table = [
        (tag.as_str(), true),
        (&weak, false),
        (&two, false),
        ("\"x\"", false),
        (DATE, true),
        (AFTER, false),
        (BEFORE, false),
        ("*", false),
        ("", false),
    ];
    for (value, expected) in table {
        let expected = if expected { parts(&[(0, 1)]) } else { Verdict::Whole };
        let fields = [("range", "bytes=0-0"), ("if-range", value)];
        assert_eq!(verdict(&fields, false), expected, "{value}");
    }
    // A file changed this very second may change again within it.
    let mut asked = Asked::default();
    asked.note(b"range", b"bytes=0-0");
    asked.note(b"if-range", DATE.as_bytes());
    let validators = Validators::new(MODIFIED, 5, LENGTH, None);
    assert_eq!(judge(&asked, false, &validators, LENGTH, MODIFIED + 1), Verdict::Whole);
}
