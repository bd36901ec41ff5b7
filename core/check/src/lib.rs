//! Health conversations: what a probe says to a backend, and what it makes of the answer.
//!
//! This crate owns the conversations as state machines: bytes in, bytes out, a verdict. It must never connect, wait or
//! know the time; whoever runs a conversation turns a timeout or a refused connection into a verdict of its own.
//!
//! ```text
//! connected -> [poll_transmit -> send]* -> [handle | handle_eof]* -> verdict
//! ```

mod body;
mod grpc;
mod http;
#[cfg(test)]
mod tests;

pub use grpc::Grpc;
pub use http::Http;

use evenkeel_model::{Check, CheckKind};

/// What one probe found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The backend is well.
    Pass,
    /// It is not; what was seen, in at most 300 printable bytes: `status 503, expected 2xx`.
    Fail(String),
}

/// One probe's conversation with one backend.
#[derive(Debug)]
pub enum Conversation {
    /// A connection is enough.
    Tcp(Tcp),
    /// An HTTP/1.1 GET.
    Http(Http),
    /// A call of the health service of gRPC.
    Grpc(Box<Grpc>),
}

/// A connection is enough.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tcp {
    is_connected: bool,
}

impl Conversation {
    /// A conversation for `check`. `backend_name_for_host` is what `Host` says where the check names none: the backend's
    /// address, or its name; what cannot be a host (`unix:/run/app.sock`) becomes `localhost`.
    pub fn new(check: &Check, backend_name_for_host: &str) -> Conversation {
        match &check.kind {
            CheckKind::Tcp => Conversation::Tcp(Tcp::default()),
            CheckKind::Http(http) => Conversation::Http(Http::new(http, backend_name_for_host)),
            CheckKind::Grpc(grpc) => Conversation::Grpc(Box::new(Grpc::new(grpc, backend_name_for_host))),
        }
    }

    /// The connection stands.
    pub fn connected(&mut self) {
        match self {
            Conversation::Tcp(tcp) => tcp.is_connected = true,
            Conversation::Http(http) => http.connected(),
            Conversation::Grpc(grpc) => grpc.connected(),
        }
    }

    /// The next bytes to send, if there are any; they are handed over once.
    pub fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        match self {
            Conversation::Tcp(_) => None,
            Conversation::Http(http) => http.poll_transmit(),
            Conversation::Grpc(grpc) => grpc.poll_transmit(),
        }
    }

    /// The backend sent `bytes`, cut anywhere. Keeps at most 80 KiB.
    pub fn handle(&mut self, bytes: &[u8]) {
        match self {
            Conversation::Tcp(_) => {}
            Conversation::Http(http) => http.handle(bytes),
            Conversation::Grpc(grpc) => grpc.handle(bytes),
        }
    }

    /// The backend ended its side of the connection. There is a verdict now, if `connected` was told.
    pub fn handle_eof(&mut self) {
        match self {
            Conversation::Tcp(_) => {}
            Conversation::Http(http) => http.handle_eof(),
            Conversation::Grpc(grpc) => grpc.handle_eof(),
        }
    }

    /// What was found, as soon as it is certain; it never changes after that.
    pub fn verdict(&self) -> Option<Verdict> {
        match self {
            Conversation::Tcp(tcp) => tcp.is_connected.then_some(Verdict::Pass),
            Conversation::Http(http) => http.verdict(),
            Conversation::Grpc(grpc) => grpc.verdict(),
        }
    }
}
