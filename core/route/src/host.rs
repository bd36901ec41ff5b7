//! Hosts as they are compared.

use std::io::Write;
use std::net::Ipv6Addr;

/// Longest host that can match a pattern, in bytes: a name has at most 253 (RFC 1035 2.3.4), an IPv6 address with its
/// brackets 47. A longer one is only "any".
const LONGEST_HOST: usize = 255;

/// A host in lower case, without a trailing dot, an IPv6 address in its one canonical form (RFC 5952), and back to
/// front, so that a suffix is a prefix.
#[derive(Clone, Copy)]
pub struct HostKey {
    bytes: [u8; LONGEST_HOST],
    length: usize,
}

impl Default for HostKey {
    fn default() -> Self {
        HostKey {
            bytes: [0; LONGEST_HOST],
            length: 0,
        }
    }
}

impl HostKey {
    /// Of a host without its port.
    pub fn new(host: &[u8]) -> HostKey {
        let mut key = HostKey::default();
        if let Some(address) = bracketed_address(host) {
            let mut room = key.bytes.as_mut_slice();
            if write!(room, "[{address}]").is_ok() {
                key.length = LONGEST_HOST - room.len();
                key.bytes[..key.length].reverse();
            }
            return key;
        }
        let host = host.strip_suffix(b".").unwrap_or(host);
        if host.len() <= LONGEST_HOST {
            for (to, from) in key.bytes.iter_mut().zip(host.iter().rev()) {
                *to = from.to_ascii_lowercase();
            }
            key.length = host.len();
        }
        key
    }

    /// Back to front; empty when there was no host, or none that a pattern could match.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

fn bracketed_address(host: &[u8]) -> Option<Ipv6Addr> {
    let inner = host.strip_prefix(b"[")?.strip_suffix(b"]")?;
    std::str::from_utf8(inner).ok()?.parse().ok()
}
