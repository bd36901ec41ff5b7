//! Conformance cases: what a client sends, what the origin answers, what must be seen on either side.
//!
//! The files in `corpus/http1/` hold them as text. A line begins with what it is:
//!
//! ```text
//! # a remark
//! === the case's name              begins a case
//! rfc: RFC 9112 6.1                what it follows from
//! why: a sentence                  optional, where the section alone does not say it
//! listener: web                    web (default) | trusted | small | impatient, see `conformance`
//! > GET / HTTP/1.1                 the client sends this and CRLF
//! >> hello\n                       the client sends exactly this
//! @ await 100                      the client reads until a response with this status has come
//! @ await backend hello            the client waits until these bytes have reached the origin
//! @ half-close                     the client sends FIN and reads on;  @ close: it closes, @ reset: by RST
//! @ smuggle                        the client sends a whole request for /smuggled, which must reach nobody
//! < HTTP/1.1 200 OK                the origin answers this and CRLF
//! << hello                         the origin answers exactly this
//! % at head                        it answers before it has read the body
//! % pieces 1 | % await BYTES | % close | % reset | % hold | % echo | % never again       see `origin::Step`
//! % next                           what follows answers the next request
//! refused: 400                     one answer with this status and a short text, then the connection closes;
//!                                  not one byte reaches the origin
//! expect: 200 open                 the responses in order, then open | closed; alternatives 400/501, optional 100?,
//!                                  any number 103*, so many 200x3, "none" without responses, "truncated" when the last one is cut off
//! backend: none                    nothing reached it;  2: so many whole requests;  unfinished: none was whole
//! backend line: GET / HTTP/1.1     more of these: see `corpus::BackendCheck`, `ClientCheck`
//! or                               begins another outcome that is as good
//! - label :: value                 makes a case of its own with `{}` replaced by the value
//! ```
//! Bytes are written in the [notation](crate::notation). Field names are compared without case, field values exactly.

mod parse;

use std::io;
use std::path::PathBuf;

pub use parse::parse;

use crate::origin::Answer;

/// One case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// The file's name without its directory, and the line the case begins at.
    pub place: String,
    /// What it is called, with its label if it comes from a list.
    pub name: String,
    /// What it follows from: `RFC 9112 6.1`.
    pub rfc: String,
    /// The listener it is sent to.
    pub listener: Listener,
    /// What the client does.
    pub steps: Vec<Step>,
    /// What the origin does, request by request.
    pub script: Vec<Answer>,
    /// The lines that say what must be seen, for messages.
    pub expectation: String,
    /// What may be seen; one of them must be.
    pub outcomes: Vec<Outcome>,
}

/// The listeners every run has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listener {
    /// The usual one.
    Web,
    /// The client is a trusted proxy.
    Trusted,
    /// Bodies of at most 1 KiB.
    Small,
    /// Short timeouts.
    Impatient,
}

/// One thing the client does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Sends these bytes.
    Send(Vec<u8>),
    /// Reads until a response with this status has come.
    AwaitStatus(u16),
    /// Waits until these bytes have reached the origin.
    AwaitBackend(Vec<u8>),
    /// Sends FIN.
    HalfClose,
    /// Closes, without reading what may come.
    Close,
    /// Closes by RST.
    Reset,
}

/// What may be seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The responses in order.
    pub responses: Vec<Expected>,
    /// The last response is cut off by the end of the connection.
    pub truncated: bool,
    /// What becomes of the client's connection; `None` when either is right.
    pub connection: Option<Afterwards>,
    /// What else must hold.
    pub checks: Vec<Check>,
}

/// A response, or some.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// Any of these statuses.
    pub statuses: Vec<u16>,
    /// How many of them.
    pub times: Times,
}

/// How many responses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Times {
    /// One.
    Once,
    /// One or none.
    Maybe,
    /// Any number.
    Any,
}

/// What becomes of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Afterwards {
    /// It serves another request.
    Open,
    /// The balancer closes it.
    Closed,
}

/// A condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Check {
    /// On what the origin saw.
    Backend(BackendCheck),
    /// On what the client saw.
    Client(ClientCheck),
}

/// A condition on what the origin saw: on the last request that reached it, unless it says otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackendCheck {
    /// `backend: none`: not one byte reached it.
    Nothing,
    /// `backend: N`: so many whole requests reached it, and nothing else.
    Count(usize),
    /// `backend: unfinished`: no whole request reached it, and the connection of a part of one has ended.
    Unfinished,
    /// `backend line:` the request line.
    Line(Vec<u8>),
    /// `backend field: NAME: VALUE`, `*` for any value that is not empty.
    Field(FieldIs),
    /// `backend has: NAME: PART`: the list value has this member, without case.
    Has(FieldIs),
    /// `backend lacks field: NAME`.
    LacksField(String),
    /// `backend lacks member: NAME: PART`: the list value, if any, has no such member.
    LacksMember(FieldIs),
    /// `backend body:` the body without its framing.
    Body(Vec<u8>),
    /// `backend trailer: NAME: VALUE`.
    Trailer(FieldIs),
    /// `backend lacks trailer: NAME`.
    LacksTrailer(String),
    /// `backend contains:` these bytes, anywhere in what reached it.
    Contains(Vec<u8>),
    /// `backend lacks:` these bytes, anywhere.
    Lacks(Vec<u8>),
}

/// A condition on what the client saw: on its last response, unless it says otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientCheck {
    /// `client field: NAME: VALUE`.
    Field(FieldIs),
    /// `client has: NAME: PART`.
    Has(FieldIs),
    /// `client lacks field: NAME`.
    LacksField(String),
    /// `client lacks member: NAME: PART`.
    LacksMember(FieldIs),
    /// `client body:` the body without its framing.
    Body(Vec<u8>),
    /// `client bodies: A B C`: the bodies of all final responses.
    Bodies(Vec<Vec<u8>>),
    /// `client trailer: NAME: VALUE`.
    Trailer(FieldIs),
    /// `client lacks trailer: NAME`.
    LacksTrailer(String),
    /// `client framing:` length | chunked | close | none.
    Framing(FramingWord),
    /// `client contains:` these bytes, anywhere in what it received.
    Contains(Vec<u8>),
    /// `client lacks:` these bytes, anywhere.
    Lacks(Vec<u8>),
    /// The answer is the balancer's own: a short text with content-length (part of `refused`).
    OwnAnswer,
}

/// A field's name in lower case and what is said of its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldIs {
    /// The name.
    pub name: String,
    /// The value, or a part of it.
    pub value: Vec<u8>,
}

/// How a response's end is marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FramingWord {
    /// Content-Length.
    Length,
    /// Transfer-Encoding: chunked.
    Chunked,
    /// By the end of the connection.
    Close,
    /// There is no body.
    None,
}

/// The cases of all files in `corpus/http1/` whose names begin with `prefix`.
///
/// # Errors
/// A file cannot be read or is not in the format; with its name and line.
pub fn load(prefix: &str) -> io::Result<Vec<Case>> {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("corpus/http1");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with(prefix) && name.ends_with(".txt") {
            names.push((name, path));
        }
    }
    names.sort();
    let mut cases = Vec::new();
    for (name, path) in names {
        let text = std::fs::read_to_string(path)?;
        let problem = |problem| io::Error::new(io::ErrorKind::InvalidData, problem);
        cases.extend(parse(&name, &text).map_err(problem)?);
    }
    Ok(cases)
}

#[cfg(test)]
mod tests;
