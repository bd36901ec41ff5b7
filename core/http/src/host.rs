//! The authority of a request: `host [":" port]` (RFC 9110 4.2, RFC 3986 3.2).

use crate::bytes::is_host_byte;
use crate::fault::Fault;
use std::net::Ipv6Addr;

/// The largest port.
const LAST_PORT: u32 = 65_535;
/// Most digits of a port.
const PORT_DIGITS: usize = 5;

/// Checks an authority and returns how many of its first bytes are the host.
///
/// # Errors
/// `Fault::Host` for user information, an empty host, bytes that RFC 3986 does not allow, a comma, bad percent-encoding,
/// brackets around anything but an IPv6 address, a port above 65535.
pub(crate) fn host_length(authority: &[u8]) -> Result<usize, Fault> {
    let length = match authority.first() {
        None => return Err(Fault::Host),
        Some(b'[') => bracketed(authority)?,
        Some(_) => registered(authority)?,
    };
    match &authority[length..] {
        [] => Ok(length),
        [b':', port @ ..] if is_port(port) => Ok(length),
        _ => Err(Fault::Host),
    }
}

fn registered(authority: &[u8]) -> Result<usize, Fault> {
    let mut at = 0;
    while let Some(&byte) = authority.get(at) {
        if is_host_byte(byte) {
            at += 1;
        } else if byte == b'%' {
            let digits = authority.get(at + 1..at + 3).ok_or(Fault::Host)?;
            if !digits.iter().all(u8::is_ascii_hexdigit) {
                return Err(Fault::Host);
            }
            at += 3;
        } else {
            break;
        }
    }
    if at == 0 { Err(Fault::Host) } else { Ok(at) }
}

/// An IPv6 address; `IPvFuture` has no known version and zones have no meaning in an authority (RFC 9844).
fn bracketed(authority: &[u8]) -> Result<usize, Fault> {
    let close = authority.iter().position(|&byte| byte == b']').ok_or(Fault::Host)?;
    let address = std::str::from_utf8(&authority[1..close]).map_err(|_| Fault::Host)?;
    address.parse::<Ipv6Addr>().map_err(|_| Fault::Host)?;
    Ok(close + 1)
}

fn is_port(digits: &[u8]) -> bool {
    digits.len() <= PORT_DIGITS && digits.iter().all(u8::is_ascii_digit) && port_number(digits, 0) <= LAST_PORT
}

/// `digits` are digits, at most five. `default` when there are none (RFC 3986 6.2.3).
fn port_number(digits: &[u8], default: u32) -> u32 {
    if digits.is_empty() {
        return default;
    }
    digits
        .iter()
        .fold(0, |number, &digit| number * 10 + u32::from(digit - b'0'))
}

/// Whether two sound authorities are the same: host in any case, a missing port being `default_port`.
pub(crate) fn is_same(one: &[u8], other: &[u8], default_port: u16) -> Result<bool, Fault> {
    let (one_host, one_port) = split(one, default_port)?;
    let (other_host, other_port) = split(other, default_port)?;
    Ok(one_host.eq_ignore_ascii_case(other_host) && one_port == other_port)
}

fn split(authority: &[u8], default_port: u16) -> Result<(&[u8], u32), Fault> {
    let (host, port) = authority.split_at(host_length(authority)?);
    Ok((host, port_number(port.get(1..).unwrap_or(&[]), u32::from(default_port))))
}
