//! One connection of the origin: requests in, scripted answers out.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use super::{Answer, PROBE_BODY, PROBE_TARGET, Shared, Step, When};

/// Bytes asked of the kernel in one read.
const READ_BYTES: usize = 64 << 10;

/// What remains to be done with the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    Continue,
    Close,
    Reset,
}

struct Conversation<'a> {
    stream: TcpStream,
    number: usize,
    shared: &'a Shared,
    /// What has arrived and belongs to no finished request.
    pending: Vec<u8>,
}

/// Serves the connection until either side closes it.
pub(super) fn serve(stream: TcpStream, number: usize, shared: &Shared) {
    let _ = stream.set_nodelay(true);
    let mut conversation = Conversation {
        stream,
        number,
        shared,
        pending: Vec::new(),
    };
    loop {
        match conversation.request() {
            Some(Then::Continue) => {}
            // Lingering for no time makes closing the last copy of the socket a RST; a shutdown would send FIN first.
            Some(Then::Reset) => {
                let _ = socket2::SockRef::from(&conversation.stream).set_linger(Some(Duration::ZERO));
                return shared.change(number, |connection| connection.stream = None);
            }
            Some(Then::Close) | None => {
                let _ = conversation.stream.shutdown(Shutdown::Both);
                return;
            }
        }
    }
}

impl Conversation<'_> {
    /// Reads one request and answers it; `None` when the balancer has closed.
    fn request(&mut self) -> Option<Then> {
        let head_bytes = loop {
            match head_end(&self.pending) {
                Some(end) => break end,
                None => self.read()?,
            }
        };
        let head = Head::of(&self.pending[..head_bytes]);
        let is_probe = head.target == PROBE_TARGET.as_bytes();
        let answer = if is_probe {
            head.probe_answer()
        } else {
            self.next_answer(&head)
        };
        let mut then = Then::Continue;
        if answer.when == When::Head {
            then = self.answer(&answer.steps, head_bytes)?;
        } else if head.expects_continue && !head.is_whole(&self.pending, head_bytes) {
            self.write(b"HTTP/1.1 100 Continue\r\n\r\n");
        }
        let whole = loop {
            match head.end(&self.pending, head_bytes) {
                Some(end) => break end,
                None if then != Then::Continue => return Some(then),
                None => self.read()?,
            }
        };
        if answer.when == When::WholeRequest {
            then = self.answer(&answer.steps, whole)?;
        }
        self.pending.drain(..whole.min(self.pending.len()));
        let idle = self.pending.is_empty();
        let forget = if is_probe { whole } else { 0 };
        self.shared.change(self.number, |connection| {
            let record = &mut connection.record;
            let kept = record.bytes.len().saturating_sub(forget);
            record.bytes.truncate(kept);
            record.idle = idle;
        });
        if head.closes && then == Then::Continue {
            Some(Then::Close)
        } else {
            Some(then)
        }
    }

    fn next_answer(&self, head: &Head) -> Answer {
        let scripted = self.shared.state().script.pop_front();
        scripted.unwrap_or_else(|| head.default_answer())
    }

    /// `used` bytes of what is pending are the request's.
    fn answer(&mut self, steps: &[Step], used: usize) -> Option<Then> {
        for step in steps {
            match step {
                Step::Send(bytes) => self.write(bytes),
                Step::SendInPieces(bytes, size) => {
                    for piece in bytes.chunks((*size).max(1)) {
                        self.write(piece);
                        std::thread::yield_now();
                    }
                }
                Step::Await(bytes) => {
                    while !self.has_recorded(bytes) {
                        self.read()?;
                    }
                }
                Step::Close => return Some(Then::Close),
                Step::Reset => return Some(Then::Reset),
                Step::Hold => loop {
                    self.read()?;
                },
                Step::Echo => self.echo(used)?,
                Step::NeverAgain => {
                    self.shared
                        .change(self.number, |connection| connection.never_again = true);
                }
            }
        }
        Some(Then::Continue)
    }

    /// Sends back what follows the request until the balancer closes.
    fn echo(&mut self, mut sent_back: usize) -> Option<()> {
        loop {
            let fresh = self.pending.split_off(sent_back.min(self.pending.len()));
            self.write(&fresh);
            self.pending.extend(fresh);
            sent_back = self.pending.len();
            self.read()?;
        }
    }

    /// Reads what comes next and records it; `None` when the balancer has closed.
    fn read(&mut self) -> Option<()> {
        while let Err(error) = self.stream.peek(&mut [0]) {
            if !crate::client::is_timeout(&error) {
                return None;
            }
        }
        // Reading, which finds something at once now, and recording are one step for whoever looks at the record.
        let mut buffer = vec![0; READ_BYTES];
        let mut state = self.shared.state();
        let count = self.stream.read(&mut buffer).ok().filter(|count| *count > 0)?;
        let bytes = &buffer[..count];
        self.pending.extend_from_slice(bytes);
        if let Some(connection) = state.connection(self.number) {
            connection.record.bytes.extend_from_slice(bytes);
            connection.record.idle = false;
            connection.record.reused |= connection.never_again;
        }
        drop(state);
        self.shared.changed.notify_all();
        Some(())
    }

    fn has_recorded(&self, bytes: &[u8]) -> bool {
        let mut state = self.shared.state();
        let connection = state.connection(self.number);
        connection.is_some_and(|connection| contains(&connection.record.bytes, bytes))
    }

    /// Writes as far as the balancer takes it: one that closes early must not fail the script.
    fn write(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }
}

/// Whether `part` stands somewhere in `whole`.
pub(crate) fn contains(whole: &[u8], part: &[u8]) -> bool {
    part.is_empty() || whole.windows(part.len()).any(|window| window == part)
}

fn head_end(bytes: &[u8]) -> Option<usize> {
    bytes
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .map(|start| start + 4)
}

/// The little an origin must know of a request to answer it.
struct Head {
    method: Vec<u8>,
    target: Vec<u8>,
    length: Option<usize>,
    chunked: bool,
    expects_continue: bool,
    closes: bool,
}

impl Head {
    fn of(bytes: &[u8]) -> Self {
        let text = bytes.to_ascii_lowercase();
        let text = String::from_utf8_lossy(&text);
        let value = |name: &str| {
            let mut lines = text.split("\r\n").filter_map(|line| line.split_once(':'));
            lines
                .find(|(own, _)| *own == name)
                .map(|(_, value)| value.trim().to_owned())
        };
        let mut words = bytes.split(|byte| matches!(byte, b' ' | b'\r'));
        let (method, target) = (
            words.next().unwrap_or_default().to_vec(),
            words.next().unwrap_or_default().to_vec(),
        );
        Self {
            method,
            target,
            length: value("content-length").and_then(|value| value.parse().ok()),
            chunked: value("transfer-encoding").is_some_and(|value| value.contains("chunked")),
            expects_continue: value("expect").is_some_and(|value| value == "100-continue"),
            closes: value("connection").is_some_and(|value| value.contains("close"))
                || text.split("\r\n").next().is_some_and(|line| line.ends_with("http/1.0")),
        }
    }

    fn is_whole(&self, bytes: &[u8], head_bytes: usize) -> bool {
        self.end(bytes, head_bytes).is_some()
    }

    /// Where the request ends in `bytes`, once it is all there.
    fn end(&self, bytes: &[u8], head_bytes: usize) -> Option<usize> {
        if self.chunked {
            return chunked_end(bytes, head_bytes);
        }
        let end = head_bytes.saturating_add(self.length.unwrap_or(0));
        (bytes.len() >= end).then_some(end)
    }

    fn default_answer(&self) -> Answer {
        let target = String::from_utf8_lossy(&self.target).into_owned();
        self.ok(&target)
    }

    fn probe_answer(&self) -> Answer {
        self.ok(PROBE_BODY)
    }

    fn ok(&self, body: &str) -> Answer {
        let shown = if self.method == b"HEAD" { "" } else { body };
        let text = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{shown}",
            body.len()
        );
        Answer {
            when: When::WholeRequest,
            steps: vec![Step::Send(text.into_bytes())],
        }
    }
}

/// Where a chunked body that starts at `at` ends. Nonsense ends it at once: the record shows it to the test.
fn chunked_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let rest = bytes.get(at..)?;
        let line = rest.windows(2).position(|window| window == b"\r\n")?;
        let digits = String::from_utf8_lossy(&rest[..line])
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_owned();
        let Ok(size) = usize::from_str_radix(&digits, 16) else {
            return Some(bytes.len());
        };
        at = at.checked_add(line + 2)?;
        if size == 0 {
            return trailers_end(bytes, at);
        }
        at = at.checked_add(size)?.checked_add(2)?;
    }
}

fn trailers_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let line = bytes.get(at..)?.windows(2).position(|window| window == b"\r\n")?;
        at += line + 2;
        if line == 0 {
            return Some(at);
        }
    }
}
