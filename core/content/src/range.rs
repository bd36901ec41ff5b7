//! `Range` (RFC 9110 14.1, 14.2).

/// Most ranges of one request: a reader of PDF or video asks for a handful.
pub const PARTS_MAX: usize = 16;

/// A part of the content: bytes from `first` to before `end`. Never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Part {
    pub first: u64,
    pub end: u64,
}

impl Part {
    /// In bytes.
    pub fn length(self) -> u64 {
        self.end - self.first
    }
}

/// What a `Range` field comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ranges {
    /// Malformed, another unit, too many: as if it was not there.
    Ignored,
    /// Nothing of it lies within the content.
    Outside,
    /// In the order asked for; never empty.
    Parts(Vec<Part>),
}

/// Reads a `Range` about content of `length` bytes. Of empty content there are no parts: it is sent whole.
pub(crate) fn parse(value: &[u8], length: u64) -> Ranges {
    let Some(specs) = unit(value) else {
        return Ranges::Ignored;
    };
    if length == 0 {
        return Ranges::Ignored;
    }
    let mut parts = Vec::new();
    let mut count = 0;
    let mut left = length;
    for spec in specs.split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
        if spec.is_empty() {
            continue;
        }
        count += 1;
        let Some(part) = one(spec, length) else {
            return Ranges::Ignored;
        };
        // All together are not more than the whole.
        left = match left.checked_sub(part.map_or(0, Part::length)) {
            Some(left) if count <= PARTS_MAX => left,
            Some(_) | None => return Ranges::Ignored,
        };
        parts.extend(part);
    }
    match (count, parts.is_empty()) {
        (0, _) => Ranges::Ignored,
        (_, true) => Ranges::Outside,
        (_, false) => Ranges::Parts(parts),
    }
}

/// What follows `bytes=`; the name of the unit in any case.
fn unit(value: &[u8]) -> Option<&[u8]> {
    let (unit, specs) = value.split_at_checked(6)?;
    unit.eq_ignore_ascii_case(b"bytes=").then_some(specs)
}

/// `None` = malformed, `Some(None)` = outside.
fn one(spec: &[u8], length: u64) -> Option<Option<Part>> {
    let dash = spec.iter().position(|&byte| byte == b'-')?;
    let (first, last) = (&spec[..dash], &spec[dash + 1..]);
    let part = match (first.is_empty(), last.is_empty()) {
        (true, true) => return None,
        (true, false) => Part {
            first: length.saturating_sub(number(last)?),
            end: length,
        },
        (false, true) => Part {
            first: number(first)?,
            end: length,
        },
        (false, false) => {
            let (first, last) = (number(first)?, number(last)?);
            if last < first {
                return None;
            }
            Part {
                first,
                end: length.min(last.saturating_add(1)),
            }
        }
    };
    Some((part.first < part.end).then_some(part))
}

/// Larger numbers than fit are as good as the largest.
fn number(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0_u64, |number, &byte| {
        byte.is_ascii_digit()
            .then(|| number.saturating_mul(10).saturating_add(u64::from(byte - b'0')))
    })
}
