//! HTTP/2 without sockets: RFC 9113, its header compression (RFC 7541) and WebSocket over it (RFC 8441), both roles.
//!
//! This crate owns the frames of a connection and the state of its streams. It is given bytes and the time and gives
//! back bytes and events; it never reads a socket, never asks a clock and never waits.
//!
//! A stream speaks **HTTP/1.1 text** to whoever uses it. What is read from it is a head and a body as an HTTP/1.1 peer
//! would have sent them, chunked where no length was declared, so that one grammar judges both versions; what is written
//! to it is such a message too and becomes `HEADERS`, `DATA` and trailers. Nothing is repaired on the way: what RFC 9113
//! calls malformed ends the stream before anything of it is handed out.
//!
//! ```text
//! receive(bytes) -> poll_event -> read / write -> output() -> the socket -> sent(count)
//! ```
//! Every call may leave something in `output`: `read` gives windows back there.
//!
//! Decisions where the RFCs leave room:
//! * A request of which the fields are larger than `Settings::max_head_bytes` is answered with 431 here, and nothing of it
//!   is handed out: as text it would be too large as well.
//! * Requests need `:authority` or `host`; where both come they must agree.
//! * Only `http` and `https` are schemes; which of the two is the client's word and is not handed out.
//! * Priorities are read past (RFC 9113 5.3.2). Nothing is pushed, and pushing is not allowed.
//! * Windows are given back when content has been *read*, so that what is not read holds its sender back, and never more
//!   than a stream's window is kept for it.
//! * Trailers of a message that declared its length are judged and dropped: HTTP/1.1 has no place for them.

mod bytes;
mod connection;
mod frame;
mod hpack;
mod policy;
mod settings;
mod stream;
mod text;
mod websocket;

pub use connection::{Closed, Connection, Event, Read, Write};
pub use frame::{ErrorCode, PREFACE};
pub use settings::Settings;
pub use stream::StreamId;
