//! An encrypted connection on a worker, used like the socket inside.

mod facts;
mod inner;

use crate::client::ClientTls;
use crate::failure::{Counts, Failure, error_of};
use crate::fields::ClientCertificate;
use crate::names;
use crate::scratch::{self, READ_BYTES, WRITE_BYTES};
use crate::server::ServerTls;
use crate::session::{GOODBYE_BYTES, RECORD_BYTES, Session, encrypted_length};
use evenkeel_net::{Socket, reactor};
use inner::{Ending, Inner};
use std::cell::{Cell, OnceCell, RefCell};
use std::io::{self, ErrorKind, IoSlice};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// Reads in a row that brought records but no plain bytes (tickets, new keys, empty records) before others get their
/// turn.
const ROUNDS: usize = 8;
/// Pieces up to this many bytes are put together before they are encrypted, so that head and body share a record.
const GATHER_BYTES: usize = WRITE_BYTES;
/// Linux's MSG_NOSIGNAL: a connection that is gone is no reason for a signal.
const NO_SIGNAL: i32 = 0x4000;
/// Linux's MSG_MORE: the end of the connection, which follows at once, shares a packet with what is sent.
const MORE: i32 = 0x8000;

/// An encrypted connection on this worker. Its methods are those of [`Socket`] and keep the same promises: they never
/// wait, and after `None` (or `false`) the owning task is queued as soon as it is worth another try.
///
/// What was taken for writing may wait here for the kernel ([`TlsSocket::has_unsent`]); every `try_` method sends it
/// first, so a task that is woken needs nothing more than to go on. Where a connection is left without either, call
/// [`TlsSocket::try_flush`].
pub struct TlsSocket {
    socket: Socket,
    inner: RefCell<Inner>,
    certificate: OnceCell<Option<Rc<ClientCertificate>>>,
    client_fields: OnceCell<Box<str>>,
    server_name: OnceCell<Box<str>>,
    /// Idle: nobody is woken by it.
    is_released: Cell<bool>,
    side: Counted,
}

/// Whose connection it is.
enum Counted {
    Server(Arc<ServerTls>),
    Client(Arc<ClientTls>),
}

impl Counted {
    fn counts(&self) -> &Counts {
        match self {
            Counted::Server(server) => &server.counts,
            Counted::Client(client) => &client.counts,
        }
    }
}

impl TlsSocket {
    pub(crate) fn server(socket: Socket, session: Session, side: Arc<ServerTls>) -> TlsSocket {
        TlsSocket::new(socket, session, Counted::Server(side))
    }

    pub(crate) fn client(socket: Socket, session: Session, side: Arc<ClientTls>) -> TlsSocket {
        TlsSocket::new(socket, session, Counted::Client(side))
    }

    fn new(socket: Socket, session: Session, side: Counted) -> TlsSocket {
        TlsSocket {
            socket,
            inner: RefCell::new(Inner::new(session)),
            certificate: OnceCell::new(),
            client_fields: OnceCell::new(),
            server_name: OnceCell::new(),
            is_released: Cell::new(false),
            side,
        }
    }

    /// Goes on with the handshake; true when it is done. The caller limits how long it may take, and tells
    /// [`TlsSocket::timed_out`] when it took too long.
    ///
    /// # Errors
    /// Why there will be no connection; [`TlsSocket::failure`] has it in a word. An alert has been sent as far as the
    /// kernel took it, but for [`Failure::PlainHttp`]: an answer in words can be written to [`TlsSocket::socket`].
    pub fn handshake(&self) -> io::Result<bool> {
        let inner = &mut *self.inner.borrow_mut();
        if inner.established {
            return Ok(true);
        }
        if let Some(failure) = inner.failure {
            return Err(error_of(failure));
        }
        if !inner.session.is_server() && inner.out.is_empty() && inner.partial.is_empty() {
            // Ours is the first word; later there is nothing to say without being asked.
            if let (_, Err(error)) = inner.take(&mut [], &mut []) {
                let failure = Failure::of(&error, &[]);
                return Err(self.fail(inner, failure, error_of(failure)));
            }
        }
        for _ in 0..ROUNDS {
            if !inner.session.state().is_handshaking() {
                inner.established(&self.socket, self.side.counts());
                return Ok(true);
            }
            if let Err(error) = inner.flush(&self.socket) {
                return Err(self.fail(inner, Failure::Reset, error));
            }
            match self.receive(inner, &mut [])? {
                Received::Nothing => return Ok(false),
                Received::End => return Err(self.fail(inner, Failure::Closed, ErrorKind::UnexpectedEof.into())),
                Received::Plain(_) | Received::Records => {}
            }
        }
        reactor::wake(reactor::current());
        Ok(false)
    }

    /// Reads what is there; `Some(0)` = the other side has said that it ends its sending (close_notify), `None` =
    /// nothing now.
    ///
    /// # Errors
    /// As [`Socket::try_read`]; `UnexpectedEof` when the connection ended without close_notify, so that what came may
    /// be cut off; `InvalidData` when the other side broke the rules.
    pub fn try_read(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        let inner = &mut *self.inner.borrow_mut();
        if let Some(length) = inner.take_plain(buffer) {
            return Ok(Some(length));
        }
        for _ in 0..ROUNDS {
            if inner.closed {
                return Ok(Some(0));
            }
            if let Some(failure) = inner.failure {
                return Err(error_of(failure));
            }
            match self.receive(inner, buffer)? {
                Received::Plain(length) => return Ok(Some(length)),
                Received::Records => {}
                Received::Nothing => {
                    if inner.is_due() {
                        // A way out that is broken shows when it is written to.
                        let _ = inner.flush(&self.socket);
                    }
                    return Ok(None);
                }
                // Not remembered: what is under way to the other side may still arrive.
                Received::End => return Err(ErrorKind::UnexpectedEof.into()),
            }
        }
        reactor::wake(reactor::current());
        Ok(None)
    }

    /// Takes bytes to write; `None` = nothing now. What was taken may still wait here for the kernel, so no more is
    /// taken until that has gone.
    ///
    /// # Errors
    /// As [`Socket::try_write`].
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<Option<usize>> {
        let inner = &mut *self.inner.borrow_mut();
        self.write(inner, bytes)
    }

    /// Takes several pieces to write, as one; `None` = nothing now.
    ///
    /// # Errors
    /// As [`TlsSocket::try_write`].
    pub fn try_write_pieces(&self, pieces: &[IoSlice<'_>]) -> io::Result<Option<usize>> {
        let inner = &mut *self.inner.borrow_mut();
        scratch::gathered(|together| {
            let mut rest: &[u8] = &[];
            for (index, piece) in pieces.iter().enumerate() {
                let room = GATHER_BYTES - together.len();
                let (now, later) = piece.split_at(piece.len().min(room));
                together.extend_from_slice(now);
                // Only the last piece goes on from where it is: what is behind another is taken by the next call.
                if !later.is_empty() {
                    rest = if index + 1 == pieces.len() { later } else { &[] };
                    break;
                }
            }
            let Some(count) = self.write(inner, together)? else {
                return Ok(None);
            };
            if count < together.len() || rest.is_empty() {
                return Ok(Some(count));
            }
            Ok(Some(count + self.write(inner, rest)?.unwrap_or(0)))
        })
    }

    /// As [`TlsSocket::try_write`] of the last that is said, with [`TlsSocket::end_writing`] behind it: if all is taken, the
    /// goodbye (close_notify) and the end go in the same packet.
    ///
    /// # Errors
    /// As [`TlsSocket::try_write`].
    pub fn try_write_last(&self, bytes: &[u8]) -> io::Result<Option<usize>> {
        let inner = &mut *self.inner.borrow_mut();
        let may_end = !inner.blocked && inner.failure.is_none() && inner.ending == Ending::Open;
        if !may_end || bytes.len() > WRITE_BYTES {
            return self.write(inner, bytes);
        }
        self.write_chunk(inner, bytes, true).map(Some)
    }

    fn write(&self, inner: &mut Inner, bytes: &[u8]) -> io::Result<Option<usize>> {
        if let Some(failure) = inner.failure {
            return Err(error_of(failure));
        }
        if inner.ending != Ending::Open {
            return Err(ErrorKind::BrokenPipe.into());
        }
        if inner.blocked {
            inner.flush(&self.socket)?;
            if inner.blocked {
                return Ok(None);
            }
        }
        let mut total = 0;
        for chunk in bytes.chunks(WRITE_BYTES) {
            total += self.write_chunk(inner, chunk, false)?;
            if inner.blocked {
                break;
            }
        }
        Ok(Some(total))
    }

    /// Encrypts a chunk, and the goodbye behind the `last` one, behind what is in `out` and gives all to the kernel at
    /// once; what it does not take stays.
    fn write_chunk(&self, inner: &mut Inner, chunk: &[u8], last: bool) -> io::Result<usize> {
        let before = inner.out.len();
        scratch::outgoing(before + encrypted_length(chunk.len()) + GOODBYE_BYTES, |space| {
            space[..before].copy_from_slice(&inner.out);
            let encrypted = inner.session.encrypt(chunk, &mut space[before..], &mut inner.partial);
            let Ok(length) = encrypted else {
                return Err(self.fail(inner, Failure::Internal, ErrorKind::Other.into()));
            };
            let mut end = before + length;
            if last {
                end += inner.session.say_goodbye(&mut space[end..], &mut inner.partial);
            }
            let ready = &space[..end];
            let sent = if last {
                self.socket.try_write_more(ready)
            } else {
                self.socket.try_write(ready)
            };
            let sent = sent?.unwrap_or(0);
            // Without allocation where nothing is left, which is the rule.
            inner.out = ready[sent..].to_vec();
            inner.blocked = !inner.out.is_empty();
            if last {
                inner.ending = Ending::Said;
                if !inner.blocked {
                    inner.ending = Ending::Done;
                    self.socket.end_writing();
                }
            }
            Ok(chunk.len())
        })
    }

    /// Whether the kernel has not taken everything yet that was taken here. What TLS itself has to say and what goes with
    /// the next write is not meant.
    pub fn has_unsent(&self) -> bool {
        self.inner.borrow().blocked
    }

    /// Gives the kernel what it has not taken yet; true when nothing is left.
    ///
    /// # Errors
    /// As [`Socket::try_write`].
    pub fn try_flush(&self) -> io::Result<bool> {
        let inner = &mut *self.inner.borrow_mut();
        inner.flush(&self.socket)?;
        Ok(inner.out.is_empty())
    }

    /// Whether something may be there to read (bytes, an end or an error), without asking the kernel; of an idle
    /// connection, see [`TlsSocket::release`], whether anything but records of the protocol's own has come.
    pub fn may_read(&self) -> bool {
        if self.is_released.get() && self.socket.may_read() {
            return self.swallow().is_none();
        }
        self.inner.borrow().has_news() || self.socket.may_read()
    }

    /// Whether the connection broke or both sides have ended it.
    pub fn is_gone(&self) -> bool {
        self.socket.is_gone() || self.inner.borrow().failure.is_some()
    }

    /// Asks the kernel whether an idle connection is still good: open, and nothing to read. Records of the protocol's
    /// own that came meanwhile (tickets, new keys) are taken.
    pub fn is_quiet(&self) -> bool {
        self.swallow().is_some() && self.socket.is_quiet()
    }

    /// Takes records of the protocol's own; `None` when anything else has come.
    fn swallow(&self) -> Option<()> {
        let inner = &mut *self.inner.borrow_mut();
        for _ in 0..ROUNDS {
            if inner.has_news() || self.socket.is_gone() {
                return None;
            }
            match self.receive(inner, &mut []) {
                Ok(Received::Nothing) => return Some(()),
                Ok(Received::Records) => {}
                Ok(Received::Plain(_) | Received::End) | Err(_) => return None,
            }
        }
        None
    }

    /// Says that nothing more will be sent: close_notify, and the end of the connection behind it.
    pub fn end_writing(&self) {
        let inner = &mut *self.inner.borrow_mut();
        if inner.ending == Ending::Open {
            inner.ending = Ending::Said;
            if inner.established && inner.failure.is_none() {
                inner.say_goodbye();
            }
            // A connection that is gone already needs no goodbye.
            let _ = inner.flush(&self.socket);
        }
    }

    /// Closes with a reset instead of an orderly end: the other side must notice that what it got is not whole.
    pub fn reset(mut self) {
        self.inner.get_mut().ending = Ending::Done;
        let _ = socket2::SockRef::from(&self.socket).set_linger(Some(Duration::ZERO));
    }

    /// Makes the running task the owner.
    pub fn adopt(&self) {
        self.is_released.set(false);
        self.socket.adopt();
    }

    /// Leaves the connection to nobody: an idle one.
    pub fn release(&self) {
        // Nobody will be woken to send what is left; where that does not go at once, it goes with the next request.
        let _ = self.try_flush();
        self.is_released.set(true);
        self.socket.release();
    }

    /// The socket inside.
    pub fn socket(&self) -> &Socket {
        &self.socket
    }

    /// The handshake took too long: counts it.
    pub fn timed_out(&self) {
        let inner = &mut *self.inner.borrow_mut();
        if !inner.established && inner.failure.is_none() {
            inner.failure = Some(Failure::Timeout);
            self.side.counts().failed(Failure::Timeout);
        }
    }

    /// Why it failed, if it did.
    pub fn failure(&self) -> Option<Failure> {
        self.inner.borrow().failure
    }

    /// Reads from the socket once and takes what came; plain bytes go to `buffer`, what it has no room for is kept.
    fn receive(&self, inner: &mut Inner, buffer: &mut [u8]) -> io::Result<Received> {
        // A message in many records is not carried along from read to read: who sends it a byte at a time would make us
        // copy all of it as often.
        let long = inner.partial.len() > RECORD_BYTES;
        let before = if long { 0 } else { inner.partial.len() };
        scratch::incoming(before + READ_BYTES, |space| {
            let read = match self.socket.try_read(&mut space[before..before + READ_BYTES]) {
                Ok(Some(0)) => return Ok(Received::End),
                Ok(Some(length)) => length,
                Ok(None) => return Ok(Received::Nothing),
                Err(error) => return Err(self.fail(inner, Failure::Reset, error)),
            };
            let (count, result) = if long {
                inner.take_more(&space[..read], buffer)
            } else {
                space[..before].copy_from_slice(&inner.partial);
                inner.take(&mut space[..before + read], buffer)
            };
            if !inner.established
                && let Some(name) = names::take_asked()
            {
                // A client that was asked to begin again says the same name again.
                let _ = self.server_name.set(name);
            }
            if let Err(error) = result {
                // Behind much of TLS no HTTP begins.
                let beginning: &[u8] = if long { &[0] } else { &space[..before + read] };
                let failure = Failure::of(&error, beginning);
                let failed = self.fail(inner, failure, error_of(failure));
                if failure == Failure::PlainHttp {
                    // It would read an alert as rubbish before an answer.
                    inner.out = Vec::new();
                }
                // The alert; the other side may be gone.
                let _ = inner.flush(&self.socket);
                if count == 0 {
                    return Err(failed);
                }
            }
            Ok(if count > 0 {
                Received::Plain(count)
            } else {
                Received::Records
            })
        })
    }

    /// Remembers and counts the first failure.
    fn fail(&self, inner: &mut Inner, failure: Failure, error: io::Error) -> io::Error {
        if inner.failure.is_none() {
            inner.failure = Some(failure);
            if !inner.established {
                self.side.counts().failed(failure);
            }
        }
        error
    }
}

/// What a read from the socket brought.
enum Received {
    /// So many plain bytes.
    Plain(usize),
    /// Something, but nothing plain.
    Records,
    Nothing,
    /// The end of the connection.
    End,
}

impl Drop for TlsSocket {
    /// The goodbye, where none was said: what was sent is known to be whole by it.
    fn drop(&mut self) {
        let inner = self.inner.get_mut();
        let may_speak = inner.ending == Ending::Open && inner.established && inner.failure.is_none();
        if !may_speak || inner.blocked {
            return;
        }
        inner.say_goodbye();
        // Past the reactor: at the end of the thread it may be gone before the socket.
        let _ = socket2::SockRef::from(&self.socket).send_with_flags(&inner.out, NO_SIGNAL | MORE);
    }
}
