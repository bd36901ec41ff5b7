//! Reads one answer after another and says whether each is the expected one.

use crate::framing::Body;

/// Fields of one answer's head; balancers add a handful to the origin's five.
const FIELDS_MAX: usize = 48;

/// A head larger than this is taken for nonsense.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// What every answer of a load must be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expected {
    pub(crate) status: u16,
    /// Content bytes without chunk framing.
    pub(crate) length: u64,
}

/// How far the answer is after some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// More bytes are needed.
    Partial,
    /// Complete and as expected, and not a byte too many.
    Complete,
}

/// Reads the answers of one connection.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    head: Vec<u8>,
    body: Option<Body>,
}

impl Reader {
    /// Takes bytes; an error is the word under which it is counted.
    pub(crate) fn feed(&mut self, input: &[u8], expected: Expected) -> Result<Progress, &'static str> {
        if self.body.is_some() {
            return self.feed_body(input, expected);
        }
        if self.head.is_empty() {
            return match parse_head(input, expected)? {
                Some((length, body)) => {
                    self.body = Some(body);
                    self.feed_body(&input[length..], expected)
                }
                None => self.keep(input),
            };
        }
        self.keep(input)?;
        let head = std::mem::take(&mut self.head);
        match parse_head(&head, expected)? {
            Some((length, body)) => {
                self.body = Some(body);
                self.feed_body(&head[length..], expected)
            }
            None => {
                self.head = head;
                Ok(Progress::Partial)
            }
        }
    }

    /// Whether any byte of the present answer has come.
    pub(crate) fn has_begun(&self) -> bool {
        self.body.is_some() || !self.head.is_empty()
    }

    fn keep(&mut self, input: &[u8]) -> Result<Progress, &'static str> {
        self.head.extend_from_slice(input);
        if self.head.len() > HEAD_BYTES_MAX {
            return Err("head too large");
        }
        Ok(Progress::Partial)
    }

    fn feed_body(&mut self, input: &[u8], expected: Expected) -> Result<Progress, &'static str> {
        let Some(body) = self.body.as_mut() else {
            return Ok(Progress::Partial);
        };
        let taken = body.advance(input).map_err(|_| "bad chunk")?;
        if !body.is_complete() {
            return Ok(Progress::Partial);
        }
        if body.received() != expected.length {
            return Err("wrong length");
        }
        if taken != input.len() {
            return Err("bytes after the answer");
        }
        self.body = None;
        Ok(Progress::Complete)
    }
}

/// Parses a head, returning its length and the body that follows, or nothing while it is incomplete.
fn parse_head(input: &[u8], expected: Expected) -> Result<Option<(usize, Body)>, &'static str> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
    let mut head = httparse::Response::new(&mut fields);
    let length = match head.parse(input) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err("not HTTP"),
    };
    if head.code != Some(expected.status) {
        return Err(match head.code {
            Some(400..=499) => "status 4xx",
            Some(502) => "status 502",
            Some(503) => "status 503",
            Some(504) => "status 504",
            Some(_) | None => "other status",
        });
    }
    for field in head.headers.iter() {
        if field.name.eq_ignore_ascii_case("content-length") {
            let declared = std::str::from_utf8(field.value)
                .ok()
                .and_then(|text| text.trim().parse().ok());
            return Ok(Some((length, Body::of_length(declared.ok_or("bad content-length")?))));
        }
        if field.name.eq_ignore_ascii_case("transfer-encoding") && field.value.eq_ignore_ascii_case(b"chunked") {
            return Ok(Some((length, Body::chunked())));
        }
    }
    Err("answer without length")
}

#[cfg(test)]
mod tests;
