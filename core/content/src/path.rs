//! From the path of a request to the path of a file.

/// Why a path names no file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoFile {
    /// It is malformed, or tries to leave the directory, or could be read in two ways: 400.
    Malformed,
    /// It names something hidden, of which nobody is told: 404.
    Hidden,
}

/// The only hidden name that the public is meant to read (RFC 8615).
const WELL_KNOWN: &[u8] = b".well-known";

/// Appends the path of the file that `path` (of a request, without query) names: percent-decoded once, relative, without
/// `.`, `..` and empty segments, without NUL. It ends with a slash, or nothing is appended, when a directory is named.
/// `hidden`: whether names that begin with a dot are served.
///
/// # Errors
/// See [`NoFile`]; `out` is then of no use.
pub fn relative(path: &[u8], hidden: bool, out: &mut Vec<u8>) -> Result<(), NoFile> {
    let Some(path) = path.strip_prefix(b"/") else {
        return Err(NoFile::Malformed);
    };
    let start = out.len();
    let mut ends_in_segment = false;
    for segment in path.split(|&byte| byte == b'/') {
        ends_in_segment = !segment.is_empty();
        if segment.is_empty() {
            continue;
        }
        let segment_start = out.len();
        decode(segment, out)?;
        match &out[segment_start..] {
            b"." | b".." => return Err(NoFile::Malformed),
            WELL_KNOWN if segment_start == start => {}
            [b'.', ..] if !hidden => return Err(NoFile::Hidden),
            _ => {}
        }
        out.push(b'/');
    }
    if ends_in_segment {
        out.pop();
    }
    Ok(())
}

fn decode(segment: &[u8], out: &mut Vec<u8>) -> Result<(), NoFile> {
    let mut rest = segment;
    while let [byte, after @ ..] = rest {
        rest = after;
        let mut byte = *byte;
        if byte == b'%' {
            let [high, low, after @ ..] = rest else {
                return Err(NoFile::Malformed);
            };
            let (Some(high), Some(low)) = (digit(*high), digit(*low)) else {
                return Err(NoFile::Malformed);
            };
            byte = high << 4 | low;
            rest = after;
        }
        if byte == b'/' || byte == b'\\' || byte.is_ascii_control() {
            return Err(NoFile::Malformed);
        }
        out.push(byte);
    }
    Ok(())
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}
