//! Asks the running balancer over its control socket.

use serde_json::Value;
use std::io::{Error, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// The largest answer that is read.
const LARGEST_ANSWER: u64 = 64 * 1024 * 1024;
/// How long an answer may take on top of what it was asked to wait.
const PATIENCE: Duration = Duration::from_secs(30);

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body as JSON; null if it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }

    /// What went wrong, for people: the `error` and `help` of the answer.
    pub(crate) fn complaint(&self) -> String {
        let json = self.json();
        let error = json["error"].as_str().unwrap_or(self.body.trim());
        match json["help"].as_str() {
            Some(help) => format!("{error}\n{help}"),
            None if error.is_empty() => format!("the balancer answered {}", self.status),
            None => error.to_owned(),
        }
    }
}

/// Sends one request and reads the whole answer. `wait` is how long the balancer was asked to take.
pub(crate) fn ask(
    socket: &Path,
    method: &str,
    target: &str,
    body: Option<&Value>,
    wait: Duration,
) -> Result<Answer, Error> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(wait.saturating_add(PATIENCE)))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let body = body.map_or_else(String::new, Value::to_string);
    let head = format!(
        "{method} {target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all((head + &body).as_bytes())?;
    let mut answer = Vec::new();
    stream.take(LARGEST_ANSWER).read_to_end(&mut answer)?;
    parse(&answer).ok_or_else(|| {
        Error::new(
            ErrorKind::InvalidData,
            "what listens there does not answer as Evenkeel does",
        )
    })
}

/// Our own server's answers to `connection: close`: a head, and a body as long as it says.
fn parse(answer: &[u8]) -> Option<Answer> {
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answer[..end]).ok()?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    let body = &answer[end + 4..];
    let length = lines
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    if let Some((_, length)) = length
        && length.trim().parse() != Ok(body.len())
    {
        return None;
    }
    let body = String::from_utf8(body.to_vec()).ok()?;
    Some(Answer { status, body })
}

/// A path segment or query value: everything but unreserved characters escaped (RFC 3986 2.3).
pub(crate) fn escape(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(byte.into()),
            // Writing to a string cannot fail.
            _ => drop(write!(out, "%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers() {
        let answer = parse(b"HTTP/1.1 404 Not Found\r\nContent-Length: 13\r\n\r\n{\"error\":\"x\"}").unwrap();
        assert_eq!((answer.status, answer.complaint().as_str()), (404, "x"));
        assert!(!answer.is_success());
        assert!(parse(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\ncut").is_none());
        assert!(parse(b"SSH-2.0-OpenSSH\r\n").is_none());
        assert!(parse(b"").is_none());
    }

    #[test]
    fn escapes() {
        assert_eq!(escape("unix:/a b"), "unix%3A%2Fa%20b");
        assert_eq!(escape("é-._~9Z"), "%C3%A9-._~9Z");
    }
}
