//! Comma-separated lists (RFC 9110 5.6.1).

use crate::bytes::trim;

/// The elements without white space around them. Empty ones are left out, as 5.6.1.2 wants. For lists whose elements
/// hold no quoted commas.
pub(crate) fn elements(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value
        .split(|&byte| byte == b',')
        .map(trim)
        .filter(|element| !element.is_empty())
}
