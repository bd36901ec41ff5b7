//! Where a redirect with groups leads.

use evenkeel_model::{Part, Template};
use evenkeel_route::Found;

/// Appends the URL. What groups matched is percent-encoded, so that it stays in the path, or the query, in which the
/// route put it, and cannot name another host.
pub(crate) fn write(template: &Template, found: Option<&Found>, out: &mut Vec<u8>) {
    let start = out.len();
    let mut in_query = false;
    for part in &template.parts {
        match part {
            Part::Text(text) => {
                out.extend_from_slice(text.as_bytes());
                in_query |= text.contains(['?', '#']);
            }
            Part::Group(number) => {
                let matched = found.map_or(&[][..], |found| found.group(*number));
                encode(matched, in_query, out);
            }
            Part::Variable(_) => {}
        }
    }
    // A reference that begins with two slashes names a host (RFC 3986 4.2): only if the route wrote both.
    let is_path = template
        .parts
        .first()
        .and_then(Part::text)
        .is_some_and(|text| text.starts_with('/') && !text.starts_with("//"));
    if is_path {
        let slashes = out[start..].iter().take_while(|byte| **byte == b'/').count();
        out.drain(start..start + slashes.saturating_sub(1));
    }
}

/// `%` stays: what groups match has it only as `%2F` and `%25`.
fn encode(text: &[u8], in_query: bool, out: &mut Vec<u8>) {
    for &byte in text {
        let plain = byte.is_ascii_alphanumeric()
            || b"-._~/%".contains(&byte)
            // RFC 3986 3.3; in a query `&`, `=` and `+` often mean something.
            || (!in_query && b"!$&'()*+,;=:@".contains(&byte));
        if plain {
            out.push(byte);
        } else {
            let digit = |nibble: u8| b"0123456789ABCDEF"[usize::from(nibble)];
            out.extend_from_slice(&[b'%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
}
