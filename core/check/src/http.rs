//! An HTTP/1.1 GET and what is made of the answer (RFC 9112).

use crate::Verdict;
use crate::body::{Body, Framing};
use evenkeel_model::{Expect, HttpCheck};

/// Longest head of an answer, in bytes: a health page has little to say before its body.
const LONGEST_HEAD: usize = 16 * 1024;
/// Interim answers (1xx) before the final one: more is a backend that never comes to the point.
const MOST_INTERIM: u8 = 8;
/// Bytes of the backend's own words that are repeated in a verdict.
const LONGEST_QUOTE: usize = 40;
/// Expected ranges that are named in a verdict.
const MOST_EXPECTED: usize = 8;

/// An HTTP/1.1 GET.
#[derive(Debug, Clone)]
pub struct Http {
    request: Vec<u8>,
    expect: Vec<Expect>,
    text: Option<Vec<u8>>,
    state: State,
}

#[derive(Debug, Clone)]
enum State {
    Connecting,
    /// The request was not yet taken.
    Asking,
    Head {
        bytes: Vec<u8>,
        interim: u8,
    },
    Body(Body),
    Done(Verdict),
}

/// What a head says.
struct Head {
    status: u16,
    framing: Framing,
}

impl Http {
    pub(crate) fn new(check: &HttpCheck, backend_name: &str) -> Http {
        let host = match &check.host {
            Some(host) if !host.is_empty() => host,
            _ => backend_name,
        };
        let host = if can_be_host(host) { host } else { "localhost" };
        let request = format!(
            "GET {} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: evenkeel-check\r\nAccept: */*\r\nConnection: close\r\n\r\n",
            target(&check.path)
        );
        Http {
            request: request.into_bytes(),
            expect: check.expect.clone(),
            text: check.body.as_ref().map(|text| text.as_bytes().to_vec()),
            state: State::Connecting,
        }
    }

    pub(crate) fn connected(&mut self) {
        if matches!(self.state, State::Connecting) {
            self.state = State::Asking;
        }
    }

    pub(crate) fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        if !matches!(self.state, State::Asking) {
            return None;
        }
        self.state = State::Head {
            bytes: Vec::new(),
            interim: 0,
        };
        Some(std::mem::take(&mut self.request))
    }

    pub(crate) fn handle(&mut self, bytes: &[u8]) {
        match &mut self.state {
            State::Connecting | State::Done(_) => {}
            State::Asking => {
                if !bytes.is_empty() {
                    self.fail("the backend spoke before it was asked".to_owned());
                }
            }
            State::Head { .. } => self.handle_head(bytes),
            State::Body(body) => {
                if let Some(verdict) = body.handle(bytes) {
                    self.state = State::Done(verdict);
                }
            }
        }
    }

    pub(crate) fn handle_eof(&mut self) {
        match &mut self.state {
            State::Connecting | State::Done(_) => {}
            State::Asking => self.fail("connection closed without an answer".to_owned()),
            State::Head { bytes, interim } => {
                let reason = match (bytes.is_empty(), interim) {
                    (true, 0) => "connection closed without an answer",
                    (true, _) => "connection closed after an interim answer",
                    (false, _) => "connection closed within the head of the answer",
                };
                self.fail(reason.to_owned());
            }
            State::Body(body) => self.state = State::Done(body.handle_eof()),
        }
    }

    pub(crate) fn verdict(&self) -> Option<Verdict> {
        match &self.state {
            State::Connecting | State::Asking | State::Head { .. } | State::Body(_) => None,
            State::Done(verdict) => Some(verdict.clone()),
        }
    }

    fn fail(&mut self, reason: String) {
        self.state = State::Done(Verdict::Fail(reason));
    }

    /// Collects heads until the final one is whole, then judges it and passes on what follows.
    fn handle_head(&mut self, input: &[u8]) {
        let mut input = input;
        while let State::Head { bytes, interim } = &mut self.state {
            let seen = bytes.len();
            let room = LONGEST_HEAD - seen;
            bytes.extend_from_slice(&input[..input.len().min(room)]);
            let Some(end) = end_of_head(bytes, seen) else {
                if bytes.len() == LONGEST_HEAD {
                    self.fail(format!("the head of the answer is longer than {LONGEST_HEAD} bytes"));
                } else if let Some(reason) = broken_start(bytes, seen) {
                    self.fail(reason);
                }
                return;
            };
            input = &input[end - seen..];
            match parse_head(&bytes[..end]) {
                Err(reason) => self.fail(reason),
                Ok(Head { status: 101, .. }) => self.fail("status 101, which was not asked for".to_owned()),
                Ok(Head { status: 100..=199, .. }) => {
                    bytes.clear();
                    *interim += 1;
                    if *interim > MOST_INTERIM {
                        self.fail(format!("more than {MOST_INTERIM} interim answers"));
                    }
                }
                Ok(head) => self.judge(&head),
            }
            if matches!(self.state, State::Body(_)) {
                self.handle(input);
            }
        }
    }

    fn judge(&mut self, head: &Head) {
        if !self.expect.iter().any(|expect| expect.holds(head.status)) {
            return self.fail(format!("status {}, expected {}", head.status, expected(&self.expect)));
        }
        self.state = match self.text.take() {
            None => State::Done(Verdict::Pass),
            Some(text) => State::Body(Body::new(text, head.framing)),
        };
    }
}

/// The end of the head that `bytes` begins with; `seen` bytes of it were looked at before.
fn end_of_head(bytes: &[u8], seen: usize) -> Option<usize> {
    let from = seen.saturating_sub(3);
    let offset = bytes[from..].windows(4).position(|window| window == b"\r\n\r\n")?;
    Some(from + offset + 4)
}

/// What makes it certain that `bytes`, of which `seen` were looked at before, will never be a head.
fn broken_start(bytes: &[u8], seen: usize) -> Option<String> {
    let version = b"HTTP/1.";
    let length = version.len().min(bytes.len());
    if bytes[..length] != version[..length] {
        return Some(format!("the answer is not HTTP/1: {}", quoted(bytes)));
    }
    let from = seen.saturating_sub(1);
    bytes[from..]
        .windows(2)
        .any(|pair| pair[1] == b'\n' && pair[0] != b'\r')
        .then(|| "a line of the head ends with a bare LF".to_owned())
}

/// A whole head, with the empty line at its end.
fn parse_head(head: &[u8]) -> Result<Head, String> {
    if let Some(reason) = broken_start(head, 0) {
        return Err(reason);
    }
    let text = head.strip_suffix(b"\r\n\r\n").unwrap_or(head);
    // No bare LF is left, so every LF has its CR before it.
    let mut lines = text
        .split(|&byte| byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let first = lines.next().unwrap_or_default();
    let status = status_of(first).ok_or_else(|| format!("malformed status line {}", quoted(first)))?;
    let mut length = None;
    let mut coding = None;
    for line in lines {
        let (name, value) = field(line).ok_or_else(|| format!("malformed header line {}", quoted(line)))?;
        let slot = if name.eq_ignore_ascii_case(b"content-length") {
            &mut length
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            &mut coding
        } else {
            continue;
        };
        if slot.replace(value).is_some() {
            return Err(format!("repeated header {}", quoted(name)));
        }
    }
    let framing = framing(status, length, coding)?;
    Ok(Head { status, framing })
}

/// RFC 9112 6.3: how long the body is.
fn framing(status: u16, length: Option<&[u8]>, coding: Option<&[u8]>) -> Result<Framing, String> {
    match (status, length, coding) {
        (100..=199 | 204 | 304, _, _) => Ok(Framing::Length(0)),
        (_, Some(_), Some(_)) => Err("both content-length and transfer-encoding".to_owned()),
        (_, None, None) => Ok(Framing::UntilClose),
        (_, None, Some(coding)) if coding.eq_ignore_ascii_case(b"chunked") => Ok(Framing::Chunked),
        (_, None, Some(coding)) => Err(format!("unknown transfer-encoding {}", quoted(coding))),
        (_, Some(length), None) => decimal(length)
            .map(Framing::Length)
            .ok_or_else(|| format!("malformed content-length {}", quoted(length))),
    }
}

/// RFC 9112 4, except that the space before an absent reason may be missing, as it is from many servers.
fn status_of(line: &[u8]) -> Option<u16> {
    let rest = line
        .strip_prefix(b"HTTP/1.0 ")
        .or_else(|| line.strip_prefix(b"HTTP/1.1 "))?;
    let (digits, reason) = rest.split_at_checked(3)?;
    let status = u16::try_from(decimal(digits)?).ok()?;
    let sound = matches!(reason, [] | [b' ', ..]) && reason.iter().all(is_text);
    (sound && status >= 100).then_some(status)
}

/// RFC 9112 5: name and value.
fn field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = line.iter().position(|&byte| byte == b':')?;
    let (name, value) = (&line[..colon], &line[colon + 1..]);
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    let sound = !name.is_empty() && name.iter().all(is_token) && value.iter().all(is_text);
    sound.then(|| (name, value.trim_ascii()))
}

fn is_text(byte: &u8) -> bool {
    matches!(byte, b'\t' | b' '..=b'~' | 0x80..)
}

fn decimal(digits: &[u8]) -> Option<u64> {
    // `parse` alone would take a sign.
    let only_digits = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(digits).ok().filter(|_| only_digits)?.parse().ok()
}

/// `path` with what would break the request line percent-encoded.
fn target(path: &str) -> String {
    let mut target = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_graphic() && byte != b'#' {
            target.push(char::from(byte));
        } else {
            target.push_str(&format!("%{byte:02X}"));
        }
    }
    target
}

/// What RFC 9110 7.2 allows in `Host`.
pub(crate) fn can_be_host(host: &str) -> bool {
    !host.is_empty()
        && host
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=:[]".contains(&byte))
}

/// The operator's expectation, as it would be written.
fn expected(ranges: &[Expect]) -> String {
    let mut words: Vec<String> = ranges
        .iter()
        .take(MOST_EXPECTED)
        .map(|range| range_in_words(*range))
        .collect();
    if ranges.len() > MOST_EXPECTED {
        words.push("another".to_owned());
    }
    match words.len() {
        0 => "none".to_owned(),
        _ => words.join(" or "),
    }
}

fn range_in_words(Expect { first, last }: Expect) -> String {
    if first == last {
        first.to_string()
    } else if first % 100 == 0 && last.checked_sub(99) == Some(first) {
        format!("{}xx", first / 100)
    } else {
        format!("{first}-{last}")
    }
}

/// The backend's own words, short and printable.
pub(crate) fn quoted(bytes: &[u8]) -> String {
    let end = bytes.len().min(LONGEST_QUOTE);
    let more = if bytes.len() > end { "..." } else { "" };
    format!("\"{}\"{more}", bytes[..end].escape_ascii())
}
