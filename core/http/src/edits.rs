//! What a route changes on a head while it is written.

use crate::bytes::{is_target_byte, is_token, trim};
use crate::field::{Field, FieldId, Span, is_the_same_to_cgi};
use crate::request::write_field;

/// Changes of one head, with values that are ready to be sent. Kept and used again: after the first few messages nothing
/// is allocated.
///
/// Nothing that is given here can end a line early or change where a message ends: control bytes are left out of values,
/// bytes that may not stand in a target are percent-encoded, and changes of fields that frame a message or belong to the
/// connection (see [`Edits::may_change`]) are ignored. A value of which nothing is left is not sent.
#[derive(Debug, Clone, Default)]
pub struct Edits {
    bytes: Vec<u8>,
    target: Option<Span>,
    host: Option<Span>,
    fields: Vec<Edit>,
}

/// A change of a field.
#[derive(Debug, Clone, Copy)]
struct Edit {
    name: Span,
    /// Empty: only taken away.
    value: Span,
    came: Came,
}

/// What becomes of the fields that came under the name of an edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Came {
    Stays,
    Goes,
    /// With `_` for `-` too.
    GoesHoweverSpelled,
}

impl Edits {
    /// Whether a field of this name may be changed: not the framing, not `Host` (see [`Edits::set_host`]), nothing that
    /// belongs to the connection (RFC 9110 7.6.1).
    pub fn may_change(name: &[u8]) -> bool {
        let id = FieldId::of(name);
        let fixed = matches!(
            id,
            FieldId::ContentLength | FieldId::Expect | FieldId::Host | FieldId::Trailer
        );
        is_token(name) && !fixed && !id.is_hop_by_hop()
    }

    /// Makes ready for the next message.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.target = None;
        self.host = None;
        self.fields.clear();
    }

    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.target.is_none() && self.host.is_none() && self.fields.is_empty()
    }

    /// Another target: `path` begins with `/`, and `query` is what follows the `?`.
    pub fn set_target(&mut self, path: &[u8], query: Option<&[u8]>) {
        let start = self.bytes.len();
        if path.first() != Some(&b'/') {
            self.bytes.push(b'/');
        }
        self.encode(path, |byte| byte != b'?');
        if let Some(query) = query {
            self.bytes.push(b'?');
            self.encode(query, |_| true);
        }
        self.target = Some(Span::new(start, self.bytes.len()));
    }

    fn encode(&mut self, text: &[u8], allowed: impl Fn(u8) -> bool) {
        for &byte in text {
            if is_target_byte(byte) && allowed(byte) {
                self.bytes.push(byte);
            } else {
                let digit = |nibble: u8| b"0123456789ABCDEF"[usize::from(nibble)];
                self.bytes
                    .extend_from_slice(&[b'%', digit(byte >> 4), digit(byte & 15)]);
            }
        }
    }

    /// Another `Host`; `X-Forwarded-Host` says what the client's was. Ignored when nothing of it is left.
    pub fn set_host(&mut self, host: &[u8]) {
        let span = self.value(host);
        self.host = (!span.is_empty()).then_some(span);
    }

    /// Takes all fields of this name (in any case) away, those that we would add ourselves too.
    pub fn remove(&mut self, name: &[u8]) {
        self.set(name, b"");
    }

    /// The same for a name that backends believe: with `_` for `-` too, which many of them cannot tell apart (CGI and
    /// what follows it, RFC 3875 4.1.18).
    pub fn guard(&mut self, name: &[u8]) {
        self.push(name, b"", Came::GoesHoweverSpelled);
    }

    /// One field of this name instead of all that came, in any case.
    pub fn set(&mut self, name: &[u8], value: &[u8]) {
        self.push(name, value, Came::Goes);
    }

    /// [`Edits::set`] of a field that backends believe, see [`Edits::guard`].
    pub fn set_guarded(&mut self, name: &[u8], value: &[u8]) {
        self.push(name, value, Came::GoesHoweverSpelled);
    }

    /// One more field.
    pub fn add(&mut self, name: &[u8], value: &[u8]) {
        self.push(name, value, Came::Stays);
    }

    /// Leaves fields of this name (in any case) as if nothing had been said of them.
    pub fn forget(&mut self, name: &[u8]) {
        let bytes = &self.bytes;
        self.fields
            .retain(|edit| !edit.name.of(bytes).eq_ignore_ascii_case(name));
    }

    fn push(&mut self, name: &[u8], value: &[u8], came: Came) {
        if !Edits::may_change(name) {
            return;
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(name);
        let name = Span::new(start, self.bytes.len());
        let value = self.value(value);
        if came != Came::Stays || !value.is_empty() {
            self.fields.push(Edit { name, value, came });
        }
    }

    /// Keeps a value, without what may not be in one and without blanks at its ends.
    fn value(&mut self, value: &[u8]) -> Span {
        let start = self.bytes.len();
        self.bytes
            .extend(value.iter().filter(|byte| !byte.is_ascii_control() || **byte == b'\t'));
        let kept = &self.bytes[start..];
        let trimmed = trim(kept);
        let skipped = if trimmed.is_empty() {
            0
        } else {
            kept.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count()
        };
        let length = trimmed.len();
        Span::new(start + skipped, start + skipped + length)
    }

    /// Whether fields of this name (in any case) are not passed on as they came.
    pub fn drops(&self, name: &[u8]) -> bool {
        self.fields.iter().any(|edit| {
            let own = edit.name.of(&self.bytes);
            match edit.came {
                Came::Stays => false,
                Came::Goes => own.eq_ignore_ascii_case(name),
                Came::GoesHoweverSpelled => is_the_same_to_cgi(own, name),
            }
        })
    }

    /// Changes a head of our own, which is what `out` holds from `start` on.
    pub fn apply(&self, start: usize, out: &mut Vec<u8>) {
        if self.fields.is_empty() {
            return;
        }
        let head = out.split_off(start);
        let lines = head.split_inclusive(|&byte| byte == b'\n').enumerate();
        // The empty line at its end comes after what is added.
        for (place, line) in lines.filter(|(_, line)| *line != b"\r\n") {
            let name = line.split(|&byte| byte == b':').next().unwrap_or(line);
            if place == 0 || !self.drops(name) {
                out.extend_from_slice(line);
            }
        }
        self.write(out);
        out.extend_from_slice(b"\r\n");
    }

    /// Names and values of the fields that are sent besides those that pass.
    pub fn fields(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.fields
            .iter()
            .filter(|edit| !edit.value.is_empty())
            .map(|edit| (edit.name.of(&self.bytes), edit.value.of(&self.bytes)))
    }
}

/// What a writer asks; for [`Unchanged`] the compiler leaves the questions out.
pub(crate) trait Changes {
    fn target(&self) -> Option<&[u8]>;
    fn host(&self) -> Option<&[u8]>;
    fn drops(&self, name: &[u8]) -> bool;
    /// Looks at the buffer only where names matter.
    fn drops_field(&self, field: &Field, buffer: &[u8]) -> bool;
    fn write(&self, out: &mut Vec<u8>);
}

/// Nothing changes.
pub(crate) struct Unchanged;

impl Changes for Unchanged {
    #[inline(always)]
    fn target(&self) -> Option<&[u8]> {
        None
    }

    #[inline(always)]
    fn host(&self) -> Option<&[u8]> {
        None
    }

    #[inline(always)]
    fn drops(&self, _: &[u8]) -> bool {
        false
    }

    #[inline(always)]
    fn drops_field(&self, _: &Field, _: &[u8]) -> bool {
        false
    }

    #[inline(always)]
    fn write(&self, _: &mut Vec<u8>) {}
}

impl Changes for Edits {
    fn target(&self) -> Option<&[u8]> {
        self.target.map(|target| target.of(&self.bytes))
    }

    fn host(&self) -> Option<&[u8]> {
        self.host.map(|host| host.of(&self.bytes))
    }

    fn drops(&self, name: &[u8]) -> bool {
        Edits::drops(self, name)
    }

    fn drops_field(&self, field: &Field, buffer: &[u8]) -> bool {
        Edits::drops(self, field.name.of(buffer))
    }

    fn write(&self, out: &mut Vec<u8>) {
        for (name, value) in self.fields() {
            write_field(name, value, out);
        }
    }
}
