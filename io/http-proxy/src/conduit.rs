//! What carries the bytes of one side of an exchange.

use crate::trunk::Stream;
use evenkeel_net::Socket;
use evenkeel_tls::TlsSocket;
use std::io::{self, IoSlice};

/// One side of an exchange: a client's or a backend's. Its methods are those of [`Socket`], so that one exchange serves
/// every kind. They never wait; after `None` the owning task is queued as soon as it is worth another try.
pub(crate) enum Conduit {
    /// Bytes as they are.
    Plain(Socket),
    /// Encrypted on the way.
    Tls(Box<TlsSocket>),
    /// A stream of an HTTP/2 connection, which speaks HTTP/1.1 to us.
    Stream(Stream),
    /// Nobody: nothing comes from there, and what goes there is forgotten.
    Nowhere,
}

impl Conduit {
    /// The socket, where what is written reaches the other side as it is: files may go past us.
    pub(crate) fn plain(&self) -> Option<&Socket> {
        match self {
            Conduit::Plain(socket) => Some(socket),
            Conduit::Tls(_) | Conduit::Stream(_) | Conduit::Nowhere => None,
        }
    }

    /// Reads what is there; `Some(0)` = the other side has ended its sending, `None` = nothing now.
    pub(crate) fn try_read(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        match self {
            Conduit::Plain(socket) => socket.try_read(buffer),
            Conduit::Nowhere => Ok(None),
            Conduit::Tls(socket) => socket.try_read(buffer),
            Conduit::Stream(stream) => stream.try_read(buffer),
        }
    }

    /// Writes what fits; `None` = nothing now.
    pub(crate) fn try_write(&self, bytes: &[u8]) -> io::Result<Option<usize>> {
        match self {
            Conduit::Plain(socket) => socket.try_write(bytes),
            Conduit::Nowhere => Ok(Some(bytes.len())),
            Conduit::Tls(socket) => socket.try_write(bytes),
            Conduit::Stream(stream) => stream.try_write(bytes),
        }
    }

    /// As [`Conduit::try_write`] of the last that is said: when all is written, the end is said with it, in one packet where
    /// that is possible. Not left to the closing of the connection: when something has come meanwhile that nobody read, the
    /// kernel resets it then, and the answer would be thrown away.
    pub(crate) fn try_write_last(&self, bytes: &[u8]) -> io::Result<Option<usize>> {
        match self {
            Conduit::Plain(socket) => {
                let count = socket.try_write_more(bytes)?;
                if count == Some(bytes.len()) {
                    socket.end_writing();
                }
                Ok(count)
            }
            Conduit::Tls(socket) => socket.try_write_last(bytes),
            Conduit::Stream(_) | Conduit::Nowhere => self.try_write(bytes),
        }
    }

    /// Writes what fits of several pieces; `None` = nothing now.
    pub(crate) fn try_write_pieces(&self, pieces: &[IoSlice<'_>]) -> io::Result<Option<usize>> {
        match self {
            Conduit::Plain(socket) => socket.try_write_pieces(pieces),
            Conduit::Nowhere => Ok(Some(pieces.iter().map(|piece| piece.len()).sum())),
            Conduit::Tls(socket) => socket.try_write_pieces(pieces),
            Conduit::Stream(stream) => one_by_one(pieces, |bytes| stream.try_write(bytes)),
        }
    }

    /// Whether something that was written waits for the kernel still.
    pub(crate) fn has_unsent(&self) -> bool {
        match self {
            Conduit::Tls(socket) => socket.has_unsent(),
            Conduit::Plain(_) | Conduit::Stream(_) | Conduit::Nowhere => false,
        }
    }

    /// Sends what waits; whether nothing does any more.
    pub(crate) fn try_flush(&self) -> io::Result<bool> {
        match self {
            Conduit::Tls(socket) => socket.try_flush(),
            Conduit::Plain(_) | Conduit::Stream(_) | Conduit::Nowhere => Ok(true),
        }
    }

    /// Whether something may be there to read (bytes, an end or an error).
    pub(crate) fn may_read(&self) -> bool {
        match self {
            Conduit::Plain(socket) => socket.may_read(),
            Conduit::Nowhere => false,
            Conduit::Tls(socket) => socket.may_read(),
            Conduit::Stream(stream) => stream.may_read(),
        }
    }

    /// Whether it broke or both sides have ended it.
    pub(crate) fn is_gone(&self) -> bool {
        match self {
            Conduit::Plain(socket) => socket.is_gone(),
            Conduit::Nowhere => false,
            Conduit::Tls(socket) => socket.is_gone(),
            Conduit::Stream(stream) => stream.is_gone(),
        }
    }

    /// Asks the kernel whether an idle connection is still good: open, and nothing to read.
    pub(crate) fn is_quiet(&self) -> bool {
        match self {
            Conduit::Plain(socket) => socket.is_quiet(),
            Conduit::Nowhere => true,
            Conduit::Tls(socket) => socket.is_quiet(),
            Conduit::Stream(stream) => !stream.is_gone(),
        }
    }

    /// Makes the running task the owner.
    pub(crate) fn adopt(&self) {
        match self {
            Conduit::Plain(socket) => socket.adopt(),
            Conduit::Nowhere => {}
            Conduit::Tls(socket) => socket.adopt(),
            // It belongs to the task that opened it, and ends with its one exchange.
            Conduit::Stream(_) => {}
        }
    }

    /// Leaves it to nobody: an idle connection.
    pub(crate) fn release(&self) {
        match self {
            Conduit::Plain(socket) => socket.release(),
            Conduit::Nowhere => {}
            Conduit::Tls(socket) => socket.release(),
            // It belongs to the task that opened it, and ends with its one exchange.
            Conduit::Stream(_) => {}
        }
    }

    /// Says that nothing more will be sent.
    pub(crate) fn end_writing(&self) {
        match self {
            Conduit::Plain(socket) => socket.end_writing(),
            Conduit::Nowhere => {}
            Conduit::Tls(socket) => socket.end_writing(),
            Conduit::Stream(stream) => stream.end_writing(),
        }
    }

    /// Ends it so that the other side notices that what it got is not whole.
    pub(crate) fn reset(self) {
        match self {
            Conduit::Plain(socket) => socket.reset(),
            Conduit::Nowhere => {}
            Conduit::Tls(socket) => socket.reset(),
            Conduit::Stream(stream) => stream.reset(),
        }
    }

    /// Whether it carries one exchange and no more.
    pub(crate) fn is_single(&self) -> bool {
        match self {
            Conduit::Plain(_) | Conduit::Tls(_) | Conduit::Nowhere => false,
            Conduit::Stream(_) => true,
        }
    }

    /// Whether HTTP/2 was agreed upon (ALPN).
    pub(crate) fn speaks_h2(&self) -> bool {
        match self {
            Conduit::Tls(socket) => socket.speaks_h2(),
            Conduit::Plain(_) | Conduit::Stream(_) | Conduit::Nowhere => false,
        }
    }

    /// What was wrong with what the other side said, where that was judged before it came to us.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        match self {
            Conduit::Plain(_) | Conduit::Tls(_) | Conduit::Nowhere => None,
            Conduit::Stream(stream) => stream.fault(),
        }
    }

    /// Whether the other side has said that it did nothing with what it got.
    pub(crate) fn is_refused(&self) -> bool {
        match self {
            Conduit::Plain(_) | Conduit::Tls(_) | Conduit::Nowhere => false,
            Conduit::Stream(stream) => stream.is_refused(),
        }
    }
}

/// Writes pieces where several at once are no gain.
fn one_by_one(pieces: &[IoSlice<'_>], write: impl Fn(&[u8]) -> io::Result<Option<usize>>) -> io::Result<Option<usize>> {
    let mut total = None;
    for piece in pieces {
        let Some(count) = write(piece)? else { break };
        total = Some(total.unwrap_or(0) + count);
        if count < piece.len() {
            break;
        }
    }
    Ok(total)
}
