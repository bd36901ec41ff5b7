//! Lines of a head, and where reading them goes on when a head arrives in pieces.

use crate::bytes::{is_token_byte, skip_target, skip_text, skip_token};
use crate::fault::Fault;
use crate::field::{Field, FieldId, Span};

/// The version of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Version {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    #[default]
    Http11,
}

/// How large a head may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the whole head with its empty line; more is 431. Below 4 GiB. 32 KiB.
    pub head_bytes: usize,
    /// Bytes of the request target; more is 414. 8 KiB.
    pub target_bytes: usize,
    /// Field lines; more is 431. 256.
    pub fields: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            head_bytes: 32 * 1024,
            target_bytes: 8 * 1024,
            fields: 256,
        }
    }
}

/// What reading a head came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parsed {
    /// Nothing is wrong so far; call again with the same bytes and more.
    Partial,
    /// All of the head is here and sound.
    Whole,
}

/// Where to go on.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Scan {
    /// The start of the line to read next.
    pub(crate) position: usize,
    /// Up to here the line has been looked at.
    searched: usize,
    /// What the line waits for.
    awaited: Awaited,
    /// The start line has been read.
    pub(crate) started: bool,
    /// Empty lines before the start line.
    pub(crate) empty_lines: u8,
}

/// The bytes that cannot change what is known of an unfinished line. A line is read from its start when another comes:
/// a handful of times, however small the pieces are, and what is wrong is seen at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Awaited {
    /// Every byte counts. Only where few can come.
    #[default]
    Anything,
    /// In a token: any other byte counts.
    TokenEnd,
    /// In a target of at most so many bytes with what is before it.
    TargetEnd { most: usize },
    /// In the text of a line.
    TextEnd,
}

impl Awaited {
    /// After text that has no CRLF yet, but may have the CR.
    pub(crate) fn after_text(window: &[u8]) -> Awaited {
        match window.last() {
            Some(b'\r') => Awaited::Anything,
            Some(_) | None => Awaited::TextEnd,
        }
    }
}

impl Scan {
    /// Whether nothing that counts has come since the last call.
    pub(crate) fn must_wait(&mut self, window: &[u8]) -> bool {
        let waits = match self.awaited {
            Awaited::Anything => false,
            Awaited::TokenEnd => skip_token(window, self.searched) >= window.len(),
            Awaited::TargetEnd { most } => {
                window.len().saturating_sub(self.position) <= most && skip_target(window, self.searched) >= window.len()
            }
            Awaited::TextEnd => skip_tabbed_text(window, self.searched) >= window.len(),
        };
        if waits {
            self.searched = window.len();
        }
        waits
    }

    /// The line at `position` is not all there. Returns `false`: not whole.
    pub(crate) fn wait(&mut self, window: &[u8], awaited: Awaited) -> bool {
        self.searched = window.len();
        self.awaited = awaited;
        false
    }
}

/// Reads field lines from `scan.position` on. `Ok(true)`: the empty line was read, the head is whole.
pub(crate) fn fields(window: &[u8], scan: &mut Scan, fields: &mut Vec<Field>, most: usize) -> Result<bool, Fault> {
    loop {
        match field_line(window, scan.position)? {
            Line::Partial(awaited) => return Ok(scan.wait(window, awaited)),
            Line::Empty => {
                scan.position += 2;
                return Ok(true);
            }
            Line::Field(field) => {
                if fields.len() >= most {
                    return Err(Fault::FieldsTooMany);
                }
                scan.position = field.line.end as usize;
                fields.push(field);
            }
        }
    }
}

/// What stands at the start of a line.
pub(crate) enum Line {
    Partial(Awaited),
    Empty,
    Field(Field),
}

/// Reads one line of a field section (RFC 9112 5).
#[inline]
pub(crate) fn field_line(window: &[u8], start: usize) -> Result<Line, Fault> {
    let colon = skip_token(window, start);
    match window.get(colon) {
        None => return Ok(Line::Partial(Awaited::TokenEnd)),
        Some(b':') if colon > start => {}
        Some(b'\r') if colon == start => return empty_line(window, start),
        Some(_) => return Err(fault_in_name(window, start, colon)),
    }
    let mut value_start = colon + 1;
    while let Some(b' ' | b'\t') = window.get(value_start) {
        value_start += 1;
    }
    let Some(line_end) = text_end(window, value_start)? else {
        return Ok(Line::Partial(Awaited::after_text(window)));
    };
    let mut value_end = line_end;
    while value_end > value_start && matches!(window[value_end - 1], b' ' | b'\t') {
        value_end -= 1;
    }
    let id = FieldId::of(&window[start..colon]);
    Ok(Line::Field(Field {
        name: Span::new(start, colon),
        value: Span::new(value_start, value_end),
        line: Span::new(start, line_end + 2),
        id,
        forward: !id.is_hop_by_hop(),
    }))
}

fn empty_line(window: &[u8], start: usize) -> Result<Line, Fault> {
    match window.get(start + 1) {
        None => Ok(Line::Partial(Awaited::Anything)),
        Some(b'\n') => Ok(Line::Empty),
        Some(_) => Err(Fault::BareCarriageReturn),
    }
}

/// Where the CRLF is that ends the text (visible, space, tab, above 0x7f) from `at` on; `None` if it is not here yet.
#[inline]
pub(crate) fn text_end(window: &[u8], start: usize) -> Result<Option<usize>, Fault> {
    let at = skip_tabbed_text(window, start);
    match window.get(at) {
        None => return Ok(None),
        Some(b'\r') => {}
        Some(b'\n') => return Err(Fault::BareLineFeed),
        Some(_) => return Err(Fault::ControlByte),
    }
    match window.get(at + 1) {
        None => Ok(None),
        Some(b'\n') => Ok(Some(at)),
        Some(_) => Err(Fault::BareCarriageReturn),
    }
}

/// The first place at or after `at` that holds a control byte other than a tab; the length when there is none.
#[inline]
fn skip_tabbed_text(window: &[u8], mut at: usize) -> usize {
    loop {
        at = skip_text(window, at);
        if window.get(at) != Some(&b'\t') {
            return at;
        }
        at += 1;
    }
}

/// Names what is wrong with the byte at `at`, where a token or the colon after it should be.
#[cold]
fn fault_in_name(window: &[u8], start: usize, at: usize) -> Fault {
    match window[at] {
        b'\n' => Fault::BareLineFeed,
        b' ' | b'\t' if at == start => Fault::Fold,
        b' ' | b'\t' => Fault::SpaceBeforeColon,
        b'\r' => Fault::FieldName,
        byte if byte.is_ascii_control() => Fault::ControlByte,
        byte => {
            debug_assert!(!is_token_byte(byte));
            Fault::FieldName
        }
    }
}
