//! The state of an encrypted connection: what arrived and what leaves.

use crate::failure::{Counts, Failure};
use crate::session::{GOODBYE_BYTES, Session, Step};
use evenkeel_net::Socket;
use rustls::{HandshakeKind, ProtocolVersion};
use std::io;

/// Bytes of the protocol's own (tickets, answers to new keys) that wait for something to go with.
const HELD_BYTES: usize = 4096;

/// What is behind an encrypted connection, without its socket.
pub(super) struct Inner {
    pub(super) session: Session,
    /// Encrypted bytes of a record that is not whole yet.
    pub(super) partial: Vec<u8>,
    /// Plain bytes that nobody has taken yet, from `taken` on.
    pub(super) plain: Vec<u8>,
    pub(super) taken: usize,
    /// Encrypted bytes that the kernel has not taken yet, from `sent` on.
    pub(super) out: Vec<u8>,
    pub(super) sent: usize,
    /// The kernel had no room; otherwise `out` goes with what is written next.
    pub(super) blocked: bool,
    /// Something plain has come: an answer will follow, and what else is to be said can go with it.
    pub(super) spoken: bool,
    /// The other side said that it sends nothing more.
    pub(super) closed: bool,
    /// We said so, or are about to.
    pub(super) ending: Ending,
    pub(super) failure: Option<Failure>,
    pub(super) established: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    Open,
    /// The goodbye is in `out`.
    Said,
    Done,
}

impl Inner {
    pub(super) fn new(session: Session) -> Inner {
        Inner {
            session,
            partial: Vec::new(),
            plain: Vec::new(),
            taken: 0,
            out: Vec::new(),
            sent: 0,
            blocked: false,
            spoken: false,
            closed: false,
            ending: Ending::Open,
            failure: None,
            established: false,
        }
    }

    /// Takes what arrived; returns how many plain bytes `buffer` has got.
    pub(super) fn take(&mut self, arrived: &mut [u8], buffer: &mut [u8]) -> (usize, Result<(), rustls::Error>) {
        let Inner {
            session,
            plain,
            out,
            spoken,
            ..
        } = self;
        let mut count = 0;
        let Step {
            consumed,
            closed,
            result,
        } = session.take(arrived, out, &mut |bytes| {
            let (now, later) = bytes.split_at(bytes.len().min(buffer.len() - count));
            buffer[count..count + now.len()].copy_from_slice(now);
            count += now.len();
            *spoken = true;
            plain.extend_from_slice(later);
        });
        self.closed |= closed;
        // Without allocation where nothing is left, which is the rule.
        self.partial = match result {
            Ok(()) => arrived[consumed.min(arrived.len())..].to_vec(),
            Err(_) => Vec::new(),
        };
        (count, result)
    }

    pub(super) fn established(&mut self, socket: &Socket, counts: &Counts) {
        self.established = true;
        let state = self.session.state();
        let is_1_3 = state.protocol_version() == Some(ProtocolVersion::TLSv1_3);
        counts.done(is_1_3, state.handshake_kind() == Some(HandshakeKind::Resumed));
        // Only a client of TLS 1.2 waits for our last words. Tickets of TLS 1.3 and a client's last words go out
        // with what is written first, or when there is nothing to read.
        if self.session.is_server() && !is_1_3 {
            // A connection that broke shows when it is used.
            let _ = self.flush(socket);
        }
    }

    pub(super) fn take_plain(&mut self, buffer: &mut [u8]) -> Option<usize> {
        let rest = &self.plain[self.taken..];
        if rest.is_empty() {
            return None;
        }
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.taken += count;
        if self.taken == self.plain.len() {
            self.plain = Vec::new();
            self.taken = 0;
        }
        Some(count)
    }

    /// Whether what waits in `out` shall go by itself, now that there is nothing to read: not where an answer will take
    /// it along.
    pub(super) fn is_due(&self) -> bool {
        self.blocked || !self.spoken || self.out.len() > HELD_BYTES
    }

    /// Whether a read would bring something without the socket.
    pub(super) fn has_news(&self) -> bool {
        !self.plain.is_empty() || self.closed || self.failure.is_some()
    }

    /// Puts the goodbye into `out`, where one may be said.
    pub(super) fn say_goodbye(&mut self) {
        let mut bytes = [0; GOODBYE_BYTES];
        let length = self.session.say_goodbye(&mut bytes, &mut self.partial);
        self.out.extend_from_slice(&bytes[..length]);
    }

    pub(super) fn flush(&mut self, socket: &Socket) -> io::Result<()> {
        while self.sent < self.out.len() {
            let Some(count) = socket.try_write(&self.out[self.sent..])? else {
                self.blocked = true;
                return Ok(());
            };
            self.sent += count;
        }
        self.out = Vec::new();
        self.sent = 0;
        self.blocked = false;
        if self.ending == Ending::Said {
            self.ending = Ending::Done;
            socket.end_writing();
        }
        Ok(())
    }
}
