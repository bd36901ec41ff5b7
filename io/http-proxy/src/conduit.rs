//! What carries the bytes of one side of an exchange.

use evenkeel_net::Socket;
use std::io::{self, IoSlice};

/// One side of an exchange: a client's or a backend's. Its methods are those of [`Socket`], so that one exchange serves
/// every kind. They never wait; after `None` the owning task is queued as soon as it is worth another try.
pub(crate) enum Conduit {
    /// Bytes as they are.
    Plain(Socket),
}

impl Conduit {
    /// The socket, where what is written reaches the other side as it is: files may go past us.
    pub(crate) fn plain(&self) -> Option<&Socket> {
        match self {
            Conduit::Plain(socket) => Some(socket),
        }
    }

    /// Reads what is there; `Some(0)` = the other side has ended its sending, `None` = nothing now.
    pub(crate) fn try_read(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        match self {
            Conduit::Plain(socket) => socket.try_read(buffer),
        }
    }

    /// Writes what fits; `None` = nothing now.
    pub(crate) fn try_write(&self, bytes: &[u8]) -> io::Result<Option<usize>> {
        match self {
            Conduit::Plain(socket) => socket.try_write(bytes),
        }
    }

    /// Writes what fits of several pieces; `None` = nothing now.
    pub(crate) fn try_write_pieces(&self, pieces: &[IoSlice<'_>]) -> io::Result<Option<usize>> {
        match self {
            Conduit::Plain(socket) => socket.try_write_pieces(pieces),
        }
    }

    /// Whether something that was written waits for the kernel still.
    pub(crate) fn has_unsent(&self) -> bool {
        match self {
            Conduit::Plain(_) => false,
        }
    }

    /// Sends what waits; whether nothing does any more.
    pub(crate) fn try_flush(&self) -> io::Result<bool> {
        match self {
            Conduit::Plain(_) => Ok(true),
        }
    }

    /// Whether something may be there to read (bytes, an end or an error).
    pub(crate) fn may_read(&self) -> bool {
        match self {
            Conduit::Plain(socket) => socket.may_read(),
        }
    }

    /// Whether it broke or both sides have ended it.
    pub(crate) fn is_gone(&self) -> bool {
        match self {
            Conduit::Plain(socket) => socket.is_gone(),
        }
    }

    /// Asks the kernel whether an idle connection is still good: open, and nothing to read.
    pub(crate) fn is_quiet(&self) -> bool {
        match self {
            Conduit::Plain(socket) => socket.is_quiet(),
        }
    }

    /// Makes the running task the owner.
    pub(crate) fn adopt(&self) {
        match self {
            Conduit::Plain(socket) => socket.adopt(),
        }
    }

    /// Leaves it to nobody: an idle connection.
    pub(crate) fn release(&self) {
        match self {
            Conduit::Plain(socket) => socket.release(),
        }
    }

    /// Says that nothing more will be sent.
    pub(crate) fn end_writing(&self) {
        match self {
            Conduit::Plain(socket) => socket.end_writing(),
        }
    }

    /// Ends it so that the other side notices that what it got is not whole.
    pub(crate) fn reset(self) {
        match self {
            Conduit::Plain(socket) => socket.reset(),
        }
    }
}
