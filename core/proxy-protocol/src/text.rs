//! Version 1, section 2.1.

use crate::fault::Fault;
use crate::header::{Header, Told};
use std::fmt::Display;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// Bytes of the longest line, its CRLF among them.
const MOST_LINE_BYTES: usize = 107;

const START: &[u8] = b"PROXY ";

pub(crate) fn parse(bytes: &[u8]) -> Result<Option<Header>, Fault> {
    let known = bytes.len().min(START.len());
    if bytes[..known] != START[..known] {
        return Err(Fault::Missing);
    }
    let seen = &bytes[known..bytes.len().min(MOST_LINE_BYTES)];
    let (line, end) = match seen.iter().position(|byte| !(b' '..=b'~').contains(byte)) {
        Some(end) => seen.split_at(end),
        None => (seen, &[][..]),
    };
    may_become_a_line(line)?;
    match end {
        [b'\r', b'\n', ..] => Ok(Some(Header {
            told: told(line)?,
            length: known + line.len() + 2,
        })),
        [] | [b'\r'] if bytes.len() < MOST_LINE_BYTES => Ok(None),
        [] | [b'\r'] => Err(Fault::LineTooLong),
        _ => Err(Fault::LineEnd),
    }
}

/// Refuses a line whose protocol is wrong before it is whole.
fn may_become_a_line(part: &[u8]) -> Result<(), Fault> {
    let words: [&[u8]; 3] = [b"TCP4", b"TCP6", b"UNKNOWN"];
    let may_be = match part.iter().position(|byte| *byte == b' ') {
        Some(end) => words.contains(&&part[..end]),
        None => words.iter().any(|word| word.starts_with(part)),
    };
    if may_be { Ok(()) } else { Err(Fault::Protocol) }
}

/// What is between `PROXY ` and CRLF; visible ASCII and spaces.
fn told(line: &[u8]) -> Result<Told, Fault> {
    let line = std::str::from_utf8(line).map_err(|_| Fault::LineEnd)?;
    let (protocol, rest) = match line.split_once(' ') {
        Some((protocol, rest)) => (protocol, Some(rest)),
        None => (line, None),
    };
    match protocol {
        "UNKNOWN" => Ok(Told::Nothing),
        "TCP4" => addresses::<Ipv4Addr>(rest.ok_or(Fault::Shape)?),
        "TCP6" => addresses::<Ipv6Addr>(rest.ok_or(Fault::Shape)?),
        _ => Err(Fault::Protocol),
    }
}

fn addresses<Family: FromStr + Into<IpAddr>>(text: &str) -> Result<Told, Fault> {
    let mut fields = text.split(' ');
    let mut field = || fields.next().filter(|field| !field.is_empty()).ok_or(Fault::Shape);
    let (source, destination, source_port, destination_port) = (field()?, field()?, field()?, field()?);
    if fields.next().is_some() {
        return Err(Fault::Shape);
    }
    let address = |text: &str| text.parse::<Family>().map(Into::into).map_err(|_| Fault::Address);
    Ok(Told::internet(
        SocketAddr::new(address(source)?, port(source_port)?),
        SocketAddr::new(address(destination)?, port(destination_port)?),
    ))
}

fn port(text: &str) -> Result<u16, Fault> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if !is_plain {
        return Err(Fault::Port);
    }
    text.parse().map_err(|_| Fault::Port)
}

pub(crate) fn write(told: &Told, into: &mut Vec<u8>) {
    match told {
        Told::Nothing | Told::Unix => into.extend_from_slice(b"PROXY UNKNOWN\r\n"),
        Told::Internet { source, destination } => match (source.ip(), destination.ip()) {
            (IpAddr::V4(from), IpAddr::V4(to)) => write_line("TCP4", from, to, source.port(), destination.port(), into),
            (from, to) => {
                let (from, to) = (as_v6(from), as_v6(to));
                write_line("TCP6", from, to, source.port(), destination.port(), into);
            }
        },
    }
}

fn write_line<Family: Display>(word: &str, from: Family, to: Family, from_port: u16, to_port: u16, into: &mut Vec<u8>) {
    // Writing to a Vec cannot fail.
    let _ = write!(into, "PROXY {word} {from} {to} {from_port} {to_port}\r\n");
}

/// A header has one family: an IPv4 address beside an IPv6 one is written as IPv6.
pub(crate) fn as_v6(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}
