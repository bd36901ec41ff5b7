//! Version 2, section 2.2.

use crate::checksum::crc32c;
use crate::fault::Fault;
use crate::header::{Header, Told};
use crate::text::as_v6;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

pub(crate) const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// Signature, version and command, family and transport, length of the block.
const FIXED_BYTES: usize = 16;

/// The longest block of addresses and fields that is taken, in bytes. The length field could ask for 64 KiB; what senders
/// add (names, TLS facts, identifiers of cloud endpoints) stays far below this, and a header is held until it is whole.
pub const MOST_BLOCK_BYTES: usize = 4096;

/// The longest header of either version, in bytes.
pub const MOST_BYTES: usize = FIXED_BYTES + MOST_BLOCK_BYTES;

const LOCAL: u8 = 0x20;
const PROXY: u8 = 0x21;
const UNSPECIFIED: u8 = 0x00;
const STREAM_OVER_IPV4: u8 = 0x11;
const STREAM_OVER_IPV6: u8 = 0x21;
const STREAM_OVER_UNIX: u8 = 0x31;

/// Bytes of two addresses and two ports.
const IPV4_BYTES: usize = 12;
const IPV6_BYTES: usize = 36;
/// Bytes of two paths of 108 each.
const UNIX_BYTES: usize = 216;

/// `PP2_TYPE_CRC32C`.
const CHECKSUM_FIELD: u8 = 0x03;

pub(crate) fn parse(bytes: &[u8]) -> Result<Option<Header>, Fault> {
    let known = bytes.len().min(SIGNATURE.len());
    if bytes[..known] != SIGNATURE[..known] {
        return Err(Fault::Missing);
    }
    if let Some(&both) = bytes.get(12) {
        version_and_command(both)?;
    }
    if let Some(&both) = bytes.get(13) {
        family_and_transport(both, bytes[12])?;
    }
    let Some(&[.., command, family, high, low]) = bytes.first_chunk::<FIXED_BYTES>() else {
        return Ok(None);
    };
    let block_bytes = usize::from(u16::from_be_bytes([high, low]));
    if block_bytes > MOST_BLOCK_BYTES {
        return Err(Fault::BlockTooLong);
    }
    let addresses_bytes = match (command, family) {
        (LOCAL, _) | (_, UNSPECIFIED) => 0,
        (_, STREAM_OVER_IPV4) => IPV4_BYTES,
        (_, STREAM_OVER_IPV6) => IPV6_BYTES,
        (_, _) => UNIX_BYTES,
    };
    if block_bytes < addresses_bytes {
        return Err(Fault::BlockTooShort);
    }
    let length = FIXED_BYTES + block_bytes;
    let Some(header) = bytes.get(..length) else {
        return Ok(None);
    };
    if addresses_bytes == 0 {
        return Ok(Some(Header {
            told: Told::Nothing,
            length,
        }));
    }
    fields(header, FIXED_BYTES + addresses_bytes)?;
    let told = match family {
        STREAM_OVER_IPV4 => ipv4(&header[FIXED_BYTES..]),
        STREAM_OVER_IPV6 => ipv6(&header[FIXED_BYTES..]),
        _ => Some(Told::Unix),
    };
    let told = told.ok_or(Fault::BlockTooShort)?;
    Ok(Some(Header { told, length }))
}

fn version_and_command(both: u8) -> Result<(), Fault> {
    match both {
        LOCAL | PROXY => Ok(()),
        0x20..=0x2f => Err(Fault::Command),
        _ => Err(Fault::Version),
    }
}

/// With `LOCAL` the family is ignored, as the specification demands.
fn family_and_transport(both: u8, command: u8) -> Result<(), Fault> {
    match both {
        _ if command == LOCAL => Ok(()),
        UNSPECIFIED | STREAM_OVER_IPV4 | STREAM_OVER_IPV6 | STREAM_OVER_UNIX => Ok(()),
        0x00..=0x3f => Err(Fault::Transport),
        _ => Err(Fault::Family),
    }
}

fn ipv4(block: &[u8]) -> Option<Told> {
    let (from, rest) = block.split_first_chunk::<4>()?;
    let (to, rest) = rest.split_first_chunk::<4>()?;
    ends(Ipv4Addr::from(*from).into(), Ipv4Addr::from(*to).into(), rest)
}

fn ipv6(block: &[u8]) -> Option<Told> {
    let (from, rest) = block.split_first_chunk::<16>()?;
    let (to, rest) = rest.split_first_chunk::<16>()?;
    ends(Ipv6Addr::from(*from).into(), Ipv6Addr::from(*to).into(), rest)
}

fn ends(from: IpAddr, to: IpAddr, ports: &[u8]) -> Option<Told> {
    let &[a, b, c, d] = ports.first_chunk::<4>()?;
    Some(Told::internet(
        SocketAddr::new(from, u16::from_be_bytes([a, b])),
        SocketAddr::new(to, u16::from_be_bytes([c, d])),
    ))
}

/// Looks through the fields from `start` to the end of the header: each must fit, and the checksum must be right.
fn fields(header: &[u8], start: usize) -> Result<(), Fault> {
    let mut checksum = None;
    let mut at = start;
    // Each turn takes at least 3 bytes of at most 4096.
    while at < header.len() {
        let &[kind, high, low] = header[at..].first_chunk::<3>().ok_or(Fault::Field)?;
        let value = at + 3;
        let end = value + usize::from(u16::from_be_bytes([high, low]));
        let content = header.get(value..end).ok_or(Fault::Field)?;
        if kind == CHECKSUM_FIELD {
            let told: [u8; 4] = content.try_into().map_err(|_| Fault::Checksum)?;
            if checksum.replace((value, u32::from_be_bytes(told))).is_some() {
                return Err(Fault::Checksum);
            }
        }
        at = end;
    }
    match checksum {
        None => Ok(()),
        // It is made over the whole header with its own four bytes as zeros.
        Some((value, told)) if crc32c([&header[..value], &[0; 4], &header[value + 4..]]) == told => Ok(()),
        Some(_) => Err(Fault::Checksum),
    }
}

pub(crate) fn write(told: &Told, into: &mut Vec<u8>) {
    into.extend_from_slice(&SIGNATURE);
    match told {
        Told::Nothing => into.extend_from_slice(&[LOCAL, UNSPECIFIED, 0, 0]),
        Told::Unix => {
            into.extend_from_slice(&[PROXY, STREAM_OVER_UNIX, 0, UNIX_BYTES as u8]);
            into.resize(into.len() + UNIX_BYTES, 0);
        }
        Told::Internet { source, destination } => {
            match (source.ip(), destination.ip()) {
                (IpAddr::V4(from), IpAddr::V4(to)) => {
                    into.extend_from_slice(&[PROXY, STREAM_OVER_IPV4, 0, IPV4_BYTES as u8]);
                    into.extend_from_slice(&from.octets());
                    into.extend_from_slice(&to.octets());
                }
                (from, to) => {
                    into.extend_from_slice(&[PROXY, STREAM_OVER_IPV6, 0, IPV6_BYTES as u8]);
                    into.extend_from_slice(&as_v6(from).octets());
                    into.extend_from_slice(&as_v6(to).octets());
                }
            }
            into.extend_from_slice(&source.port().to_be_bytes());
            into.extend_from_slice(&destination.port().to_be_bytes());
        }
    }
}
