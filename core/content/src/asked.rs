use crate::accept::Accepted;

/// What a request says about the content that it wants: the fields of its head that matter here.
#[derive(Debug, Clone, Default)]
pub struct Asked<'a> {
    /// `If-Match`, each line.
    pub(crate) if_match: Vec<&'a [u8]>,
    /// `If-None-Match`, each line.
    pub(crate) if_none_match: Vec<&'a [u8]>,
    pub(crate) if_modified_since: Once<'a>,
    pub(crate) if_unmodified_since: Once<'a>,
    pub(crate) if_range: Once<'a>,
    pub(crate) range: Once<'a>,
    accept_encoding: Vec<&'a [u8]>,
}

/// A field that may come once; repeated, it says nothing.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) enum Once<'a> {
    #[default]
    Never,
    Given(&'a [u8]),
    Repeated,
}

impl<'a> Once<'a> {
    fn note(&mut self, value: &'a [u8]) {
        *self = match self {
            Once::Never => Once::Given(value),
            Once::Given(_) | Once::Repeated => Once::Repeated,
        };
    }

    pub(crate) fn value(self) -> Option<&'a [u8]> {
        match self {
            Once::Given(value) => Some(value),
            Once::Never | Once::Repeated => None,
        }
    }

    pub(crate) fn is_there(self) -> bool {
        !matches!(self, Once::Never)
    }
}

impl<'a> Asked<'a> {
    /// Takes in one field of the request's head; the name in any case. Others than those that matter are passed over.
    pub fn note(&mut self, name: &[u8], value: &'a [u8]) {
        let is = |known: &[u8]| name.eq_ignore_ascii_case(known);
        match name.len() {
            5 if is(b"range") => self.range.note(value),
            8 if is(b"if-match") => self.if_match.push(value),
            8 if is(b"if-range") => self.if_range.note(value),
            13 if is(b"if-none-match") => self.if_none_match.push(value),
            15 if is(b"accept-encoding") => self.accept_encoding.push(value),
            17 if is(b"if-modified-since") => self.if_modified_since.note(value),
            19 if is(b"if-unmodified-since") => self.if_unmodified_since.note(value),
            _ => {}
        }
    }

    /// Which codings the client takes.
    pub fn accepted(&self) -> Accepted {
        Accepted::of(&self.accept_encoding)
    }
}
