use crate::bytes::trim;

/// The value of the first cookie called `name` in a `Cookie` field (RFC 6265 4.2.1), without quotes around it.
pub(super) fn value<'a>(field: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    field.split(|&byte| byte == b';').find_map(|pair| {
        let pair = trim(pair);
        let equals = pair.iter().position(|&byte| byte == b'=')?;
        let (found, value) = (trim(&pair[..equals]), trim(&pair[equals + 1..]));
        (found == name).then(|| unquoted(value))
    })
}

fn unquoted(value: &[u8]) -> &[u8] {
    match value {
        [b'"', inner @ .., b'"'] => inner,
        other => other,
    }
}
