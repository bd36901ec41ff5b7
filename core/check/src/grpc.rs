//! A call of the health service of gRPC and what is made of the answer (`grpc.health.v1.Health/Check`, over HTTP/2 with
//! prior knowledge). Its two messages have one field each, so they are written and read by hand.

use crate::Verdict;
use crate::http::{can_be_host, quoted};
use evenkeel_http::{Asked, Limits, Parsed, ResponseHead, SegmentKind};
use evenkeel_http2::{Closed, Connection, ErrorCode, Read, Settings, StreamId, Write};
use evenkeel_model::{GrpcCheck, Moment};

/// Bytes of an answer that are taken; a health answer has some hundred.
const ANSWER_BYTES: usize = 64 * 1024;
/// Bytes before a message: a flag and a length.
const PREFIX_BYTES: usize = 5;
/// Bytes of the longest varint.
const VARINT_BYTES: usize = 10;
/// `ServingStatus.SERVING`.
const SERVING: u64 = 1;
/// Bytes that are read at a time.
const READ: usize = 4096;

/// A call of the health service of gRPC.
#[derive(Debug)]
pub struct Grpc {
    connection: Connection,
    stream: Option<StreamId>,
    request: Vec<u8>,
    /// What came first, to be shown if it is no HTTP/2.
    first: Vec<u8>,
    /// The answer, as the text that a stream speaks.
    answer: Vec<u8>,
    verdict: Option<Verdict>,
}

impl Grpc {
    pub(crate) fn new(check: &GrpcCheck, backend_name: &str) -> Grpc {
        let host = match &check.host {
            Some(host) if !host.is_empty() => host,
            _ => backend_name,
        };
        let host = if can_be_host(host) { host } else { "localhost" };
        let message = ask(check.service.as_bytes());
        let mut request = format!(
            "POST /grpc.health.v1.Health/Check HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/grpc\r\n\
             user-agent: evenkeel-check\r\ncontent-length: {}\r\n\r\n",
            message.len()
        )
        .into_bytes();
        request.extend_from_slice(&message);
        Grpc {
            // A probe ends by its own timeout, so the connection needs no clock.
            connection: Connection::client(&Settings::default(), Moment::ZERO),
            stream: None,
            request,
            first: Vec::new(),
            answer: Vec::new(),
            verdict: None,
        }
    }

    pub(crate) fn connected(&mut self) {
        if self.stream.is_some() {
            return;
        }
        self.stream = self.connection.open();
        let sent = self.stream.map(|stream| self.connection.write(stream, &self.request));
        if sent != Some(Write::Took(self.request.len())) {
            self.fail("the call cannot be written".to_owned());
        }
    }

    pub(crate) fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        let output = self.connection.output().to_vec();
        if self.stream.is_none() || output.is_empty() {
            return None;
        }
        self.connection.sent(output.len());
        Some(output)
    }

    pub(crate) fn handle(&mut self, bytes: &[u8]) {
        let (Some(stream), None) = (self.stream, &self.verdict) else {
            return;
        };
        if self.connection.frames() == 0 {
            self.first.extend_from_slice(&bytes[..bytes.len().min(READ)]);
        }
        let received = self.connection.receive(bytes, Moment::ZERO);
        self.read(stream);
        if let (Err(closed), None) = (received, &self.verdict) {
            let reason = self.broken(closed);
            self.fail(reason);
        }
    }

    /// Why the connection ended, as an operator reads it.
    fn broken(&self, closed: Closed) -> String {
        match self.connection.frames() {
            // A frame that is not even the first one: nothing that speaks HTTP/2 begins so.
            0 | 1 => format!("the answer is not HTTP/2: {}", quoted(&self.first)),
            _ => format!("the backend breaks HTTP/2: {}", closed.why),
        }
    }

    pub(crate) fn handle_eof(&mut self) {
        if self.verdict.is_none() {
            self.fail(match (self.connection.frames(), self.first.is_empty()) {
                (0, false) => format!("the answer is not HTTP/2: {}", quoted(&self.first)),
                (_, _) => "the connection ended before the answer".to_owned(),
            });
        }
    }

    pub(crate) fn verdict(&self) -> Option<Verdict> {
        self.verdict.clone()
    }

    fn fail(&mut self, reason: String) {
        self.verdict.get_or_insert(Verdict::Fail(reason));
    }

    fn read(&mut self, stream: StreamId) {
        let mut buffer = [0; READ];
        while self.verdict.is_none() {
            match self.connection.read(stream, &mut buffer) {
                Read::Bytes(count) => self.answer.extend_from_slice(&buffer[..count]),
                Read::Nothing => return,
                Read::End => self.verdict = Some(judge(&self.answer).map_or_else(Verdict::Fail, |()| Verdict::Pass)),
                Read::Broken(code) => {
                    let reason = match self.connection.is_refused(stream) {
                        true => "the backend takes no calls on this connection".to_owned(),
                        false => format!("the call was reset with {}", code_in_words(code)),
                    };
                    // If we ended the connection, that reason is the better one.
                    if !self.connection.is_finished() || self.connection.is_refused(stream) {
                        self.fail(reason);
                    }
                    return;
                }
            }
            if self.answer.len() > ANSWER_BYTES {
                self.fail(format!("the answer has more than {} KiB", ANSWER_BYTES / 1024));
            }
        }
    }
}

/// `HealthCheckRequest { service = 1 }` as gRPC sends it.
fn ask(service: &[u8]) -> Vec<u8> {
    let mut message = Vec::new();
    if !service.is_empty() {
        message.push(1 << 3 | 2);
        let mut length = service.len();
        while length >= 0x80 {
            message.push(length as u8 | 0x80);
            length >>= 7;
        }
        message.push(length as u8);
        message.extend_from_slice(service);
    }
    let mut framed = vec![0];
    framed.extend_from_slice(&(message.len() as u32).to_be_bytes());
    framed.extend_from_slice(&message);
    framed
}

/// What is made of a whole answer.
fn judge(text: &[u8]) -> Result<(), String> {
    let malformed = "the answer is malformed";
    let limits = Limits {
        head_bytes: ANSWER_BYTES + 1,
        ..Limits::default()
    };
    let mut rest = text;
    let mut head = ResponseHead::default();
    loop {
        head.reset();
        match head.parse(rest, Asked::default(), &limits) {
            Ok(Parsed::Whole) if head.is_interim() => rest = &rest[head.length..],
            Ok(Parsed::Whole) => break,
            Ok(Parsed::Partial) | Err(_) => return Err(malformed.to_owned()),
        }
    }
    if head.status != 200 {
        return Err(format!("status {}, expected 200", head.status));
    }
    let kind = head.values(rest, b"content-type").next().unwrap_or(b"");
    if !kind.starts_with(b"application/grpc") {
        return Err(format!("the answer is not gRPC but {}", quoted(kind)));
    }
    let mut status = head.values(rest, b"grpc-status").next().map(<[u8]>::to_vec);
    let mut content = Vec::new();
    let mut body = head.body();
    let mut input = &rest[head.length..];
    loop {
        let segment = body.next(input).map_err(|_| malformed)?;
        if segment.length == 0 {
            break;
        }
        let (part, more) = input.split_at(segment.length);
        match segment.kind {
            SegmentKind::Data => content.extend_from_slice(part),
            SegmentKind::Trailer => status = value_of(part, b"grpc-status").or(status),
            SegmentKind::Frame | SegmentKind::Skip => {}
        }
        input = more;
    }
    match status.as_deref() {
        Some(b"0") => serving(&content),
        Some(status) => Err(format!("gRPC status {}", status_in_words(status))),
        None => Err("the answer has no gRPC status".to_owned()),
    }
}

/// The value of a line that is this field.
fn value_of(line: &[u8], name: &[u8]) -> Option<Vec<u8>> {
    let colon = line.iter().position(|&byte| byte == b':')?;
    let is_it = line[..colon].eq_ignore_ascii_case(name);
    is_it.then(|| line[colon + 1..].trim_ascii().to_vec())
}

/// Whether `HealthCheckResponse { status = 1 }` says that all is well.
fn serving(content: &[u8]) -> Result<(), String> {
    let (prefix, message) = content
        .split_first_chunk::<PREFIX_BYTES>()
        .ok_or("the answer has no message")?;
    let [flag, length @ ..] = *prefix;
    if flag != 0 {
        return Err("the answer is compressed, which was not asked for".to_owned());
    }
    if u32::from_be_bytes(length) as usize != message.len() {
        return Err("the answer is not one message".to_owned());
    }
    match serving_status(message).ok_or("the message is no HealthCheckResponse")? {
        SERVING => Ok(()),
        0 => Err("health UNKNOWN, expected SERVING".to_owned()),
        2 => Err("health NOT_SERVING, expected SERVING".to_owned()),
        3 => Err("health SERVICE_UNKNOWN, expected SERVING".to_owned()),
        other => Err(format!("health {other}, expected SERVING")),
    }
}

/// Field 1 of a protobuf message; 0 where it is left out. Other fields are passed over.
fn serving_status(mut message: &[u8]) -> Option<u64> {
    let mut status = 0;
    while !message.is_empty() {
        let tag = varint(&mut message)?;
        match tag & 7 {
            0 => {
                let value = varint(&mut message)?;
                if tag >> 3 == 1 {
                    status = value;
                }
            }
            1 => message = message.get(8..)?,
            2 => {
                let length = usize::try_from(varint(&mut message)?).ok()?;
                message = message.get(length..)?;
            }
            5 => message = message.get(4..)?,
            _ => return None,
        }
    }
    Some(status)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for at in 0..VARINT_BYTES {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << (7 * at).min(63);
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// `5 (NOT_FOUND)`.
fn status_in_words(status: &[u8]) -> String {
    const NAMES: [&str; 17] = [
        "OK",
        "CANCELLED",
        "UNKNOWN",
        "INVALID_ARGUMENT",
        "DEADLINE_EXCEEDED",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
        "INTERNAL",
        "UNAVAILABLE",
        "DATA_LOSS",
        "UNAUTHENTICATED",
    ];
    let number = std::str::from_utf8(status)
        .ok()
        .and_then(|text| text.parse::<usize>().ok());
    match number.and_then(|number| Some((number, NAMES.get(number)?))) {
        Some((number, name)) => format!("{number} ({name}), expected 0"),
        None => format!("{}, expected 0", quoted(status)),
    }
}

fn code_in_words(code: ErrorCode) -> String {
    match code {
        ErrorCode::NO_ERROR => "NO_ERROR".to_owned(),
        ErrorCode::PROTOCOL_ERROR => "PROTOCOL_ERROR".to_owned(),
        ErrorCode::INTERNAL_ERROR => "INTERNAL_ERROR".to_owned(),
        ErrorCode::CANCEL => "CANCEL".to_owned(),
        ErrorCode::HTTP_1_1_REQUIRED => "HTTP_1_1_REQUIRED".to_owned(),
        ErrorCode(other) => format!("error {other}"),
    }
}
