//! Headers one by one, and what becomes of each.

#![allow(clippy::unwrap_used)]

use evenkeel_proxy_protocol::*;
use std::collections::HashSet;

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

fn told(source: &str, destination: &str) -> Told {
    Told::internet(source.parse().unwrap(), destination.parse().unwrap())
}

/// What is said, of bytes that are nothing but a header.
fn whole(bytes: &[u8]) -> Told {
    let header = parse(bytes)
        .unwrap()
        .unwrap_or_else(|| panic!("not whole: {}", bytes.escape_ascii()));
    assert_eq!(header.length, bytes.len());
    header.told
}

/// A header of version 2.
fn second(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
    let length = u16::try_from(block.len()).unwrap().to_be_bytes();
    [SIGNATURE, &[command, family], &length, block].concat()
}

const IPV4: [u8; 12] = [192, 0, 2, 7, 198, 51, 100, 1, 0xdc, 0x04, 0x01, 0xbb];

fn with_fields(fields: &[u8]) -> Vec<u8> {
    second(0x21, 0x11, &[&IPV4, fields].concat())
}

#[test]
fn lines_that_are_taken() {
    let longest = format!(
        "PROXY UNKNOWN {0} {0} 65535 65535\r\n",
        "ffff:".repeat(8).trim_end_matches(':')
    );
    assert_eq!(longest.len(), 107);
    let padded = format!("PROXY UNKNOWN {}\r\n", "x".repeat(91));
    assert_eq!(padded.len(), 107);
    for (line, expected) in [
        (
            "PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n",
            told("192.0.2.7:56324", "198.51.100.1:443"),
        ),
        (
            "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
            told("255.255.255.255:65535", "255.255.255.255:65535"),
        ),
        ("PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n", told("0.0.0.0:0", "0.0.0.0:0")),
        (
            "PROXY TCP6 2001:db8::7 2001:DB8::1 1 2\r\n",
            told("[2001:db8::7]:1", "[2001:db8::1]:2"),
        ),
        (
            "PROXY TCP6 ::ffff:192.0.2.7 ::1 1 2\r\n",
            told("192.0.2.7:1", "[::1]:2"),
        ),
        ("PROXY UNKNOWN\r\n", Told::Nothing),
        ("PROXY UNKNOWN ffff:f...f 65535 whatever is said\r\n", Told::Nothing),
        (&longest, Told::Nothing),
        (&padded, Told::Nothing),
    ] {
        assert_eq!(whole(line.as_bytes()), expected, "{line:?}");
    }
}

#[test]
fn what_follows_is_the_clients() {
    let bytes = b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\nPROXY TCP4 1.1.1.1 2.2.2.2 1 1\r\n";
    assert_eq!(parse(bytes).unwrap().unwrap().length, 45);
    let bytes = [&with_fields(&[])[..], b"GET / HTTP/1.1\r\n"].concat();
    assert_eq!(parse(&bytes).unwrap().unwrap().length, 28);
}

#[test]
fn lines_that_are_refused() {
    let tcp4 = |rest: &str| format!("PROXY TCP4 {rest}");
    let cases = [
        ("GET / HTTP/1.1\r\n".into(), Fault::Missing),
        ("proxy TCP4 192.0.2.7 198.51.100.1 1 2\r\n".into(), Fault::Missing),
        ("PROXY\r\n".into(), Fault::Missing),
        ("PROXY\tTCP4 192.0.2.7 198.51.100.1 1 2\r\n".into(), Fault::Missing),
        (" PROXY UNKNOWN\r\n".into(), Fault::Missing),
        ("PROXY \r\n".into(), Fault::Protocol),
        ("PROXY  TCP4 192.0.2.7 198.51.100.1 1 2\r\n".into(), Fault::Protocol),
        ("PROXY tcp4 192.0.2.7 198.51.100.1 1 2\r\n".into(), Fault::Protocol),
        ("PROXY UDP4 192.0.2.7 198.51.100.1 1 2\r\n".into(), Fault::Protocol),
        ("PROXY TCP 192.0.2.7 198.51.100.1 1 2\r\n".into(), Fault::Protocol),
        ("PROXY UNKNOWNS\r\n".into(), Fault::Protocol),
        ("PROXY UNKNOW\r\n".into(), Fault::Protocol),
        ("PROXY UNKNOWN\n".into(), Fault::LineEnd),
        ("PROXY UNKNOWN\r\r\n".into(), Fault::LineEnd),
        ("PROXY UNKNOWN \0\r\n".into(), Fault::LineEnd),
        ("PROXY UNKNOWN é\r\n".into(), Fault::LineEnd),
        (tcp4("192.0.2.7 198.51.100.1 1 2\n"), Fault::LineEnd),
        (tcp4("192.0.2.7\t198.51.100.1 1 2\r\n"), Fault::LineEnd),
        (format!("PROXY UNKNOWN {}\r\n", "x".repeat(92)), Fault::LineTooLong),
        (format!("PROXY UNKNOWN {}", "x".repeat(4000)), Fault::LineTooLong),
        ("PROXY TCP4\r\n".into(), Fault::Shape),
        (tcp4("\r\n"), Fault::Shape),
        (tcp4("192.0.2.7 198.51.100.1 1\r\n"), Fault::Shape),
        (tcp4("192.0.2.7 198.51.100.1 1 \r\n"), Fault::Shape),
        (tcp4("192.0.2.7 198.51.100.1 1 2 \r\n"), Fault::Shape),
        (tcp4("192.0.2.7 198.51.100.1 1 2 3\r\n"), Fault::Shape),
        (tcp4("192.0.2.7  198.51.100.1 1 2\r\n"), Fault::Shape),
        (tcp4("192.0.2 198.51.100.1 1 2\r\n"), Fault::Address),
        (tcp4("192.0.2.256 198.51.100.1 1 2\r\n"), Fault::Address),
        (tcp4("192.0.2.07 198.51.100.1 1 2\r\n"), Fault::Address),
        (tcp4("0x7f.0.0.1 198.51.100.1 1 2\r\n"), Fault::Address),
        (tcp4("::1 ::1 1 2\r\n"), Fault::Address),
        (tcp4("localhost 198.51.100.1 1 2\r\n"), Fault::Address),
        ("PROXY TCP6 192.0.2.7 198.51.100.1 1 2\r\n".into(), Fault::Address),
        ("PROXY TCP6 fe80::1%lo ::1 1 2\r\n".into(), Fault::Address),
        ("PROXY TCP6 [::1] [::1] 1 2\r\n".into(), Fault::Address),
        ("PROXY TCP6 1::2::3 ::1 1 2\r\n".into(), Fault::Address),
        (tcp4("192.0.2.7 198.51.100.1 65536 2\r\n"), Fault::Port),
        (tcp4("192.0.2.7 198.51.100.1 1 02\r\n"), Fault::Port),
        (tcp4("192.0.2.7 198.51.100.1 +1 2\r\n"), Fault::Port),
        (tcp4("192.0.2.7 198.51.100.1 -1 2\r\n"), Fault::Port),
        (tcp4("192.0.2.7 198.51.100.1 http 2\r\n"), Fault::Port),
        (tcp4("192.0.2.7 198.51.100.1 99999999999 2\r\n"), Fault::Port),
    ];
    for (line, fault) in &cases {
        assert_eq!(parse(line.as_bytes()), Err(*fault), "{line:?}");
    }
}

#[test]
fn blocks_that_are_taken() {
    let ipv6: Vec<u8> = [[0x20_u8; 16], [0x30; 16]]
        .concat()
        .into_iter()
        .chain([0, 1, 0, 2])
        .collect();
    let own = told("192.0.2.7:56324", "198.51.100.1:443");
    let most = [&IPV4[..], &[0xe0, 0x0f, 0xf1], &[0; 4081]].concat();
    for (bytes, expected) in [
        (with_fields(&[]), own),
        (
            second(0x21, 0x21, &ipv6),
            told(
                "[2020:2020:2020:2020:2020:2020:2020:2020]:1",
                "[3030:3030:3030:3030:3030:3030:3030:3030]:2",
            ),
        ),
        (second(0x21, 0x31, &[0; 216]), Told::Unix),
        (second(0x21, 0x00, &[]), Told::Nothing),
        (second(0x21, 0x00, b"skipped, whatever it is"), Told::Nothing),
        (second(0x20, 0x00, &[]), Told::Nothing),
        (second(0x20, 0x11, &IPV4), Told::Nothing),
        (second(0x20, 0xff, &[3, 0, 9]), Told::Nothing),
        // Names of ALPN and host, padding, an empty field, a field nobody knows.
        (
            with_fields(b"\x01\0\x02h2\x02\0\x0bexample.com\x04\0\x03\0\0\0\x30\0\0\xea\0\x01x"),
            own,
        ),
        (second(0x21, 0x11, &most), own),
    ] {
        assert_eq!(whole(&bytes), expected, "{}", bytes.escape_ascii());
    }
}

/// The sums were made by another implementation of CRC32c (Python, bit by bit) over the header with zeros in their place.
#[test]
fn the_checksum_is_verified_where_it_is_present() {
    let own = told("192.0.2.7:56324", "198.51.100.1:443");
    let right = [0x54, 0x8e, 0x28, 0xff];
    let alone = with_fields(&[&[3, 0, 4][..], &right].concat());
    assert_eq!(whole(&alone), own);
    let among = with_fields(b"\x04\0\x02\0\0\x03\0\x04\x0b\x61\x3f\x4d\x01\0\x02h2");
    assert_eq!(whole(&among), own);
    // Any other byte anywhere after the fixed part makes it wrong.
    for at in 16..28 {
        let mut bytes = among.clone();
        bytes[at] ^= 1;
        assert_eq!(parse(&bytes), Err(Fault::Checksum), "byte {at}");
    }
    let twice = [&[3, 0, 4][..], &right, &[3, 0, 4], &right].concat();
    for fields in [
        &[3, 0, 4, 0, 0, 0, 0][..],
        &[3, 0, 0],
        &[3, 0, 3, 0, 0, 0],
        &[3, 0, 5, 0, 0, 0, 0, 0],
        &twice,
    ] {
        assert_eq!(parse(&with_fields(fields)), Err(Fault::Checksum), "{fields:?}");
    }
}

#[test]
fn blocks_that_are_refused() {
    let mut wrong_end = with_fields(&[]);
    wrong_end[11] = b'\r';
    let huge = [SIGNATURE, &[0x21, 0x11, 0xff, 0xff]].concat();
    let above = [SIGNATURE, &[0x20, 0x00, 0x10, 0x01]].concat();
    for (bytes, fault) in [
        (wrong_end, Fault::Missing),
        (b"\r\n\r\nGET / HTTP/1.1\r\n".to_vec(), Fault::Missing),
        (second(0x11, 0x11, &IPV4), Fault::Version),
        (second(0x31, 0x11, &IPV4), Fault::Version),
        (second(0x00, 0x11, &IPV4), Fault::Version),
        (second(0x22, 0x11, &IPV4), Fault::Command),
        (second(0x2f, 0x11, &IPV4), Fault::Command),
        (second(0x21, 0x41, &IPV4), Fault::Family),
        (second(0x21, 0xf1, &IPV4), Fault::Family),
        (second(0x21, 0x01, &IPV4), Fault::Transport),
        (second(0x21, 0x10, &IPV4), Fault::Transport),
        (second(0x21, 0x12, &IPV4), Fault::Transport),
        (second(0x21, 0x13, &IPV4), Fault::Transport),
        (second(0x21, 0x22, &[0; 36]), Fault::Transport),
        (second(0x21, 0x32, &[0; 216]), Fault::Transport),
        (huge, Fault::BlockTooLong),
        (above, Fault::BlockTooLong),
        (second(0x21, 0x11, &IPV4[..11]), Fault::BlockTooShort),
        (second(0x21, 0x11, &[]), Fault::BlockTooShort),
        (second(0x21, 0x21, &[0; 35]), Fault::BlockTooShort),
        (second(0x21, 0x31, &[0; 215]), Fault::BlockTooShort),
        (with_fields(&[1]), Fault::Field),
        (with_fields(&[1, 0]), Fault::Field),
        (with_fields(&[1, 0, 1]), Fault::Field),
        (with_fields(&[1, 0xff, 0xff, 0]), Fault::Field),
        (with_fields(&[1, 0, 1, b'x', 0]), Fault::Field),
    ] {
        assert_eq!(parse(&bytes), Err(fault), "{}", bytes.escape_ascii());
    }
}

/// A wrong beginning is not waited for.
#[test]
fn what_cannot_become_a_header_is_refused_at_once() {
    for (bytes, fault) in [
        (&b"G"[..], Fault::Missing),
        (b"\x16", Fault::Missing),
        (b"PRI * HTTP/2.0", Fault::Missing),
        (b"\r\n\r\n\r", Fault::Missing),
        (b"PROXY X", Fault::Protocol),
        (b"PROXY TCP4x", Fault::Protocol),
        (b"\r\n\r\n\0\r\nQUIT\n\x01", Fault::Version),
        (b"\r\n\r\n\0\r\nQUIT\n\x21\x12", Fault::Transport),
        (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x03", Fault::BlockTooShort),
    ] {
        assert_eq!(parse(bytes), Err(fault), "{}", bytes.escape_ascii());
    }
    for bytes in [
        &b""[..],
        b"P",
        b"PROXY ",
        b"PROXY TCP",
        b"PROXY TCP4 ",
        b"PROXY UNKNOWN\r",
        b"\r",
        &SIGNATURE[..11],
        SIGNATURE,
    ] {
        assert_eq!(parse(bytes), Ok(None), "{}", bytes.escape_ascii());
    }
}

#[test]
fn what_is_written() {
    let line = |told: Told| {
        let mut bytes = Vec::new();
        write_v1(&told, &mut bytes);
        String::from_utf8(bytes).unwrap()
    };
    assert_eq!(
        line(told("192.0.2.7:56324", "198.51.100.1:443")),
        "PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n"
    );
    assert_eq!(
        line(told("[::ffff:192.0.2.7]:1", "198.51.100.1:2")),
        "PROXY TCP4 192.0.2.7 198.51.100.1 1 2\r\n"
    );
    assert_eq!(
        line(told("[2001:db8::7]:1", "198.51.100.1:2")),
        "PROXY TCP6 2001:db8::7 ::ffff:198.51.100.1 1 2\r\n"
    );
    assert_eq!(line(Told::Nothing), "PROXY UNKNOWN\r\n");
    assert_eq!(line(Told::Unix), "PROXY UNKNOWN\r\n");
    let mut bytes = b"before".to_vec();
    write_v2(&told("192.0.2.7:56324", "198.51.100.1:443"), &mut bytes);
    assert_eq!(bytes, [b"before", &with_fields(&[])[..]].concat());
}

#[test]
fn every_fault_names_itself_and_its_section() {
    let texts: HashSet<&str> = Fault::ALL.iter().map(|fault| fault.text()).collect();
    assert_eq!(texts.len(), Fault::ALL.len());
    assert!(texts.iter().all(|text| text.contains("(PROXY protocol 2")));
}
