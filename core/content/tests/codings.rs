//! Which coding a client gets, and which answers get one.

mod laws;

use evenkeel_content::{Accepted, AnswerFacts, Coding, decide, is_about_the_bytes, weaken};
use evenkeel_model::{Compress, Encoding};

#[test]
fn the_client_decides_and_among_equals_we_do() {
    for (lines, expected) in [
        (&[][..], ""),
        (&[""], ""),
        (&["gzip"], "gzip"),
        (&["GZIP"], "gzip"),
        (&["x-gzip"], "gzip"),
        (&["deflate"], ""),
        (&["identity"], ""),
        (&["gzip, deflate, br, zstd"], "zstd br gzip"),
        (&["gzip", "br"], "br gzip"),
        (&["br;q=0.5, gzip;q=1.0"], "gzip br"),
        (&["br; q=0.5 , gzip ;q=0.501"], "gzip br"),
        (&["gzip;Q=0.1"], "gzip"),
        (&["*"], "zstd br gzip"),
        (&["*;q=0.1, gzip"], "gzip zstd br"),
        (&["*, gzip;q=0"], "zstd br"),
        (&["*;q=0, gzip"], "gzip"),
        (&["gzip;q=0"], ""),
        (&["gzip;q=0.000"], ""),
        (&["gzip;q=0.001"], "gzip"),
        (&["identity, gzip;q=0.5"], ""),
        (&["identity;q=0.5, gzip;q=0.5"], "gzip"),
        (&["identity;q=0"], ""),
        (&["identity;q=0, gzip"], "gzip"),
        // Malformed members are not there.
        (&["gzip;q=2"], ""),
        (&["gzip;q=1.001"], ""),
        (&["gzip;q=0.1234"], ""),
        (&["gzip;q=-1"], ""),
        (&["gzip;q="], ""),
        (&["gzip;q"], ""),
        (&["gzip;level=9"], ""),
        (&["gzip;q=a, br"], "br"),
        (&["gz ip, br"], "br"),
        (&[",,,br,,"], "br"),
        // The first word counts.
        (&["gzip;q=0, gzip"], ""),
    ] {
        let lines: Vec<&[u8]> = lines.iter().map(|line| line.as_bytes()).collect();
        let ranked: Vec<&str> = Accepted::of(&lines)
            .ranked(&Encoding::ALL)
            .map(Encoding::as_str)
            .collect();
        assert_eq!(ranked.join(" "), expected, "{lines:?}");
        for line in lines {
            laws::accept(line);
        }
    }
    let offered = [Encoding::Gzip, Encoding::Brotli];
    assert_eq!(
        Accepted::of(&[b"br, gzip, zstd"]).ranked(&offered).next(),
        Some(Encoding::Gzip)
    );
}

fn coding(status: u16, length: Option<u64>, fields: &[(&str, &str)], accept: &str) -> Coding {
    let mut facts = AnswerFacts::new(status, length);
    for (name, value) in fields {
        facts.note(name.as_bytes(), value.as_bytes());
    }
    decide(&facts, Accepted::of(&[accept.as_bytes()]), &Compress::default())
}

#[test]
fn whole_large_uncoded_answers_of_the_right_type_are_compressed() {
    const HTML: (&str, &str) = ("Content-Type", "Text/HTML; charset=utf-8");
    let gzip = Coding::Coded(Encoding::Gzip);
    type Fields<'a> = &'a [(&'a str, &'a str)];
    let table: &[(u16, Option<u64>, Fields<'_>, Coding)] = &[
        (200, Some(1024), &[HTML], gzip),
        (200, Some(1023), &[HTML], Coding::AsIs),
        (200, None, &[HTML], gzip),
        (404, None, &[HTML], gzip),
        (201, None, &[HTML], gzip),
        (204, None, &[HTML], Coding::AsIs),
        (205, None, &[HTML], Coding::AsIs),
        (206, None, &[HTML], Coding::AsIs),
        (304, None, &[HTML], Coding::AsIs),
        (101, None, &[HTML], Coding::AsIs),
        (200, None, &[], Coding::AsIs),
        (200, None, &[("content-type", "image/png")], Coding::AsIs),
        (200, None, &[("content-type", "application/json")], gzip),
        (200, None, &[("content-type", "application/jsonp")], Coding::AsIs),
        (200, None, &[("content-type", "text")], Coding::AsIs),
        (200, None, &[("content-type", "text/event-stream")], gzip),
        (200, None, &[HTML, ("content-encoding", "br")], Coding::AsIs),
        (200, None, &[HTML, ("Content-Encoding", "identity")], gzip),
        (
            200,
            None,
            &[HTML, ("cache-control", "public, No-Transform")],
            Coding::AsIs,
        ),
        (200, None, &[HTML, ("cache-control", "no-store")], gzip),
        (200, None, &[HTML, ("content-range", "bytes 0-1/2")], Coding::AsIs),
    ];
    for (status, length, fields, expected) in table {
        assert_eq!(
            coding(*status, *length, fields, "gzip"),
            *expected,
            "{status} {length:?} {fields:?}"
        );
        let other = coding(*status, *length, fields, "");
        let varies = if *expected == gzip {
            Coding::Varies
        } else {
            Coding::AsIs
        };
        assert_eq!(other, varies, "{status} {length:?} {fields:?}");
    }
}

#[test]
fn what_speaks_of_the_bytes_goes_with_them() {
    for name in [
        "Content-Length",
        "accept-ranges",
        "Content-MD5",
        "Repr-Digest",
        "content-digest",
        "Digest",
    ] {
        assert!(is_about_the_bytes(name.as_bytes()), "{name}");
    }
    for name in ["etag", "last-modified", "content-type", "content-language", "vary"] {
        assert!(!is_about_the_bytes(name.as_bytes()), "{name}");
    }
    for (tag, expected) in [("\"a\"", "W/\"a\""), ("W/\"a\"", "W/\"a\"")] {
        let mut out = Vec::new();
        weaken(tag.as_bytes(), &mut out);
        assert_eq!(out, expected.as_bytes());
    }
    for (value, expected) in [
        ("accept-encoding", true),
        ("Cookie, Accept-Encoding", true),
        ("*", true),
        ("cookie", false),
    ] {
        let mut facts = AnswerFacts::new(200, None);
        facts.note(b"vary", value.as_bytes());
        assert_eq!(facts.varies(), expected, "{value}");
    }
}
