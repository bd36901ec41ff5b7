//! The HTTP/1 message: its grammar, where it ends, and what of it may be forwarded (RFC 9110, RFC 9112).
//!
//! This crate owns the reading and writing of heads and the framing of bodies. It is given bytes and gives back spans
//! and bytes; it never reads a socket, never waits and never guesses: whatever could be understood in two ways about
//! where a message ends or for whom it is, is refused before anything of it is forwarded.
//!
//! Decisions where the RFCs leave room:
//! * An empty `Host` is refused always: an http URI without a host is invalid (RFC 9110 4.2.1), also for `OPTIONS *`.
//!   An HTTP/1.0 request may have no `Host`; the backend then gets an empty one (RFC 9112 3.2).
//! * `Host` may hold what RFC 3986 3.2.2 allows except a comma, which a reader that joins lists would split.
//! * An absolute-form target must agree with `Host` (RFC 9112 3.2.2 would let us replace it; disagreement is an attack
//!   or a mistake). It is sent on in origin-form.
//! * In targets everything visible and ASCII is passed on as it came, `%zz`, `|` and `"` included; control bytes,
//!   spaces, bytes above 0x7e and `#` are refused.
//! * `Content-Length` and `Transfer-Encoding` may each come once, also where a repetition would say the same.
//! * `Connection` of a client may not name fields that every recipient needs (see `connection`): 400. Other fields that
//!   it names are removed, and if one of these may be a trailer, so are all trailers.
//! * `TE`, `Proxy-Authorization`, `Proxy-Authenticate`, `Keep-Alive`, `Proxy-Connection`, `HTTP2-Settings` are never
//!   forwarded, named by `Connection` or not. Trailers are passed on whether or not `TE` asks for them.
//! * `Upgrade` is dropped (which RFC 9110 7.8 allows) when there is a body, when it is repeated or malformed, or when
//!   it asks for another version of HTTP (`h2c`): those would be tunnels around these rules.
//! * `Expect` is dropped when there is no body or the client speaks HTTP/1.0.
//! * What an untrusted client says of itself (`X-Forwarded-...`, `Forwarded`) is thrown away.
//! * White space before a chunk extension is read, as the grammar has it, and never passed on; before the end of the
//!   line it is refused.
//! * A 204 may declare a length or a coding; the field is dropped, and unless it is a length of 0 the backend connection
//!   is not used again. A 101 must have been asked for and say to what it switches.

mod answer;
mod body;
mod bytes;
mod connection;
mod edits;
mod fault;
mod field;
mod framing;
mod host;
mod line;
mod list;
mod method;
mod request;
mod response;

pub use answer::{error_answer, fixed_answer, reason_phrase};
pub use body::{Body, CHUNK_END, Chunks, LAST_CHUNK, Run, Segment, SegmentKind, chunk_head};
pub use bytes::skip_text;
pub use edits::Edits;
pub use fault::{Fault, Refused};
pub use field::{Field, FieldId, Span};
pub use framing::{RequestFraming, ResponseFraming};
pub use line::{Limits, Parsed, Version};
pub use method::{Method, may_repeat};
pub use request::{Forward, RequestHead};
pub use response::{Answer, AnswerFraming, Asked, ResponseHead};
