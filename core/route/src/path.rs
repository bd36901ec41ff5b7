//! Paths as they are compared: see the crate's documentation for what is read as what.

use std::borrow::Cow;

/// How the doubtful parts of a path are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// As RFC 3986 says: `%2F`, `\` and `;` are part of a segment, `..` removes an empty segment.
    Strict,
    /// As the most generous backends do: `%2F`, `%5C` and `\` are slashes, `;...` is not part of its segment, empty
    /// segments are merged before `..` is looked at.
    Lenient,
}

/// Whether `path` is already as it would be after [`normalise`], in both readings. May say no to a path that is.
pub(crate) fn is_plain(path: &[u8]) -> bool {
    let [b'/', after @ ..] = path else {
        return false;
    };
    // Without an early end, so that the compiler looks at many bytes at once.
    let pairs = path.iter().zip(after);
    !pairs.fold(false, |found, (byte, next)| {
        found | matches!(next, b'%' | b'\\' | b';') | ((*byte == b'/') & matches!(next, b'/' | b'.'))
    })
}

/// The path as routing compares it, in its strict reading: percent-decoded but for `%2F` and `%25`, without dot segments and
/// empty ones. For whoever wants two spellings of a path to be one.
pub fn compared(path: &[u8]) -> Cow<'_, [u8]> {
    match is_plain(path) {
        true => Cow::Borrowed(path),
        false => Cow::Owned(normalise(path, Reading::Strict).0),
    }
}

/// The path as it is compared, and whether its readings may differ. The result is at most three times as long as
/// `path` (only a `%` that begins no triplet grows), which the limit on a request's head bounds.
pub(crate) fn normalise(path: &[u8], reading: Reading) -> (Vec<u8>, bool) {
    if path.is_empty() {
        return (b"/".to_vec(), false);
    }
    if path[0] != b'/' {
        return (path.to_vec(), false);
    }
    let (mut bytes, doubtful) = decode(path, reading);
    match reading {
        Reading::Strict => {
            let removed_empty = remove_dot_segments(&mut bytes);
            merge_slashes(&mut bytes);
            (bytes, doubtful || removed_empty)
        }
        Reading::Lenient => {
            merge_slashes(&mut bytes);
            remove_dot_segments(&mut bytes);
            (bytes, doubtful)
        }
    }
}

/// Percent-decodes in one pass and reads the doubtful bytes; says whether there were any. `%2F` (strict) and `%25` stay
/// encoded, and a `%` that begins no triplet becomes `%25`, so that different paths stay different.
fn decode(path: &[u8], reading: Reading) -> (Vec<u8>, bool) {
    let mut decoded = Vec::with_capacity(path.len());
    let mut doubtful = false;
    let mut rest = path;
    while let [byte, after @ ..] = rest {
        rest = after;
        match byte {
            b'%' => match triplet(after) {
                None => decoded.extend_from_slice(b"%25"),
                Some(value) => {
                    rest = &after[2..];
                    doubtful |= matches!(value, b'/' | b'\\');
                    match (value, reading) {
                        (b'%', _) => decoded.extend_from_slice(b"%25"),
                        (b'/', Reading::Strict) => decoded.extend_from_slice(b"%2F"),
                        (b'/' | b'\\', Reading::Lenient) => decoded.push(b'/'),
                        (other, _) => decoded.push(other),
                    }
                }
            },
            b'\\' => {
                doubtful = true;
                decoded.push(if reading == Reading::Lenient { b'/' } else { b'\\' });
            }
            b';' => {
                doubtful = true;
                match reading {
                    Reading::Strict => decoded.push(b';'),
                    Reading::Lenient => {
                        let end = after.iter().position(|&byte| byte == b'/').unwrap_or(after.len());
                        rest = &after[end..];
                    }
                }
            }
            other => decoded.push(*other),
        }
    }
    (decoded, doubtful)
}

/// The byte that the two hexadecimal digits at the start of `digits` stand for.
pub(crate) fn triplet(digits: &[u8]) -> Option<u8> {
    let high = char::from(*digits.first()?).to_digit(16)?;
    let low = char::from(*digits.get(1)?).to_digit(16)?;
    u8::try_from(high * 16 + low).ok()
}

/// RFC 3986 5.2.4, in place, for a path that begins with a slash. Says whether `..` removed an empty segment.
fn remove_dot_segments(path: &mut Vec<u8>) -> bool {
    let mut removed_empty = false;
    let mut written = 0;
    let mut read = 0;
    while read < path.len() {
        let start = read + 1;
        let end = path[start..]
            .iter()
            .position(|&byte| byte == b'/')
            .map_or(path.len(), |offset| start + offset);
        let is_last = end == path.len();
        match &path[start..end] {
            b"." => {}
            b".." => {
                let parent = path[..written].iter().rposition(|&byte| byte == b'/').unwrap_or(0);
                removed_empty |= written > 0 && written == parent + 1;
                written = parent;
            }
            _ => {
                path.copy_within(read..end, written);
                written += end - read;
                read = end;
                continue;
            }
        }
        if is_last {
            path[written] = b'/';
            written += 1;
        }
        read = end;
    }
    path.truncate(written);
    removed_empty
}

/// Empty segments go.
fn merge_slashes(path: &mut Vec<u8>) {
    path.dedup_by(|next, previous| *next == b'/' && *previous == b'/');
}
