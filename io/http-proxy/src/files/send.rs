//! Sending a file, whole or in parts, as fast as the client reads and no faster.

use super::answer::{self, Boundary, Extent, FileAnswer, Parts};
use super::file::{Content, File};
use crate::client::{Client, Then, flush};
use crate::exchange::Exchange;
use crate::own;
use crate::patience::Patience;
use crate::reason::Reason;
use crate::scratch;
use evenkeel_content::Part;
use evenkeel_http::Method;
use evenkeel_net::{Socket, reactor};
use rustix::fs::{Advice, fadvise};
use rustix::io::pread;
use std::collections::VecDeque;
use std::num::NonZeroU64;
use std::os::fd::{AsFd, OwnedFd};
use std::task::Poll;

/// What the kernel is asked to send at once: so long may the disk keep this worker.
const SENT_AT_ONCE: u64 = 512 * 1024;
/// Rounds before others get their turn.
const ROUNDS: u32 = 8;
/// How far ahead the kernel is asked to read from the disk while the client is being sent what is there.
const AHEAD_BYTES: u64 = 4 * 1024 * 1024;

/// Sends a file, or what was asked for of it.
pub(super) async fn file(client: &Client, exchange: &mut Exchange, answer: &FileAnswer) -> (Reason, Then) {
    let boundary: Boundary;
    let (status, extent, mut pieces) = match &answer.parts {
        Parts::None => (304, Extent::Nothing, VecDeque::new()),
        Parts::Whole => {
            let part = Part {
                first: 0,
                end: answer.file.length,
            };
            (200, Extent::Whole, VecDeque::from([Piece::Content(part)]))
        }
        Parts::Some(parts) => match parts.as_slice() {
            [part] => (206, Extent::Part(*part), VecDeque::from([Piece::Content(*part)])),
            parts => {
                boundary = client.guest.world.request_id();
                let pieces = several(&answer.file, parts, &boundary);
                let length = pieces.iter().map(Piece::length).sum();
                (206, Extent::Several(&boundary, length), pieces)
            }
        },
    };
    if exchange.head.kind == Method::Head {
        pieces.clear();
    }
    let keep_alive = own::lives_on(client, exchange);
    let start = exchange.to_client.bytes.len();
    answer::head(answer, &extent, keep_alive, &mut exchange.to_client.bytes);
    exchange.edits.apply(start, &mut exchange.to_client.bytes);
    exchange.record.status = status;
    exchange.record.first_byte = Some(reactor::now().since(exchange.record.started));
    match send(client, exchange, &answer.file, pieces).await {
        Ok(()) => (Reason::Ok, own::after(client, exchange, keep_alive)),
        // The head has promised what does not come: the client must notice.
        Err(reason) => (reason, Then::Reset),
    }
}

/// Several parts with what stands between them.
fn several(file: &File, parts: &[Part], boundary: &Boundary) -> VecDeque<Piece> {
    let mut pieces = VecDeque::with_capacity(parts.len() * 2 + 1);
    for part in parts {
        pieces.push_back(Piece::Text(answer::part_head(file, *part, boundary)));
        pieces.push_back(Piece::Content(*part));
    }
    pieces.push_back(Piece::Text(answer::parts_end(boundary)));
    pieces
}

/// What is to be sent.
enum Piece {
    Text(Vec<u8>),
    Content(Part),
}

impl Piece {
    fn length(&self) -> u64 {
        match self {
            Piece::Text(text) => text.len() as u64,
            Piece::Content(part) => part.length(),
        }
    }
}

async fn send(client: &Client, exchange: &mut Exchange, file: &File, pieces: VecDeque<Piece>) -> Result<(), Reason> {
    let window = client.guest.ways().listener.timeouts.request;
    if pieces.is_empty() {
        return flush(client, exchange, window).await;
    }
    let mut sending = Sending {
        client,
        exchange,
        file,
        pieces,
        patience: Patience::new(window),
        asked_ahead: 0,
    };
    std::future::poll_fn(|_| sending.poll()).await
}

struct Sending<'a> {
    client: &'a Client,
    exchange: &'a mut Exchange,
    file: &'a File,
    pieces: VecDeque<Piece>,
    patience: Patience,
    /// Up to where the kernel was asked to read ahead.
    asked_ahead: u64,
}

enum Step {
    Moved,
    /// The client must read first.
    Full,
    Done,
}

impl Sending<'_> {
    fn poll(&mut self) -> Poll<Result<(), Reason>> {
        for _ in 0..ROUNDS {
            match self.step() {
                Ok(Step::Moved) => {}
                Ok(Step::Full) => return self.wait(),
                Ok(Step::Done) => return Poll::Ready(Ok(())),
                Err(reason) => return Poll::Ready(Err(reason)),
            }
        }
        reactor::wake(reactor::current());
        Poll::Pending
    }

    fn wait(&mut self) -> Poll<Result<(), Reason>> {
        if self.client.conduit.is_gone() {
            return Poll::Ready(Err(Reason::ClientGone));
        }
        let now = reactor::now();
        let deadline = self.patience.deadline(now);
        if now >= deadline {
            return Poll::Ready(Err(Reason::RequestTimeout));
        }
        reactor::arm(deadline);
        Poll::Pending
    }

    fn step(&mut self) -> Result<Step, Reason> {
        let file = self.file;
        // What is kept goes out together with what is before it; all else waits until that is gone.
        let content = match (&file.content, self.pieces.front_mut()) {
            (Content::Kept(bytes), Some(Piece::Content(part))) => {
                // It is as long as the stamp says, and parts lie within.
                let content = &bytes[part.first as usize..part.end as usize];
                self.pieces.pop_front();
                return self.send(content).map(|()| Step::Moved);
            }
            (_, Some(Piece::Text(text))) => {
                let text = std::mem::take(text);
                self.pieces.pop_front();
                return self.send(&text).map(|()| Step::Moved);
            }
            (Content::Open(content), Some(Piece::Content(part))) if part.length() > 0 => Some((content, *part)),
            (Content::Open(_), Some(Piece::Content(_))) => {
                self.pieces.pop_front();
                return Ok(Step::Moved);
            }
            (Content::Kept(_) | Content::Open(_), None) => None,
        };
        let full = match (content, self.client.conduit.plain()) {
            (Some(_), Some(socket)) => self.flush_before_file(socket)?,
            (Some(_), None) | (None, _) => self.flush()?,
        };
        match content {
            _ if full => Ok(Step::Full),
            None => Ok(Step::Done),
            Some((content, part)) => self.send_file(content, part),
        }
    }

    fn send(&mut self, bytes: &[u8]) -> Result<(), Reason> {
        let sent = self.exchange.to_client.send(&self.client.conduit, bytes);
        self.note(sent.map_err(|_| Reason::ClientGone)?);
        Ok(())
    }

    /// Whether something is left.
    fn flush(&mut self) -> Result<bool, Reason> {
        let sent = self.exchange.to_client.flush(&self.client.conduit);
        self.note(sent.map_err(|_| Reason::ClientGone)?);
        Ok(self.exchange.to_client.waits_for(&self.client.conduit))
    }

    /// The same where the kernel may wait for the beginning of the file to fill the packet.
    fn flush_before_file(&mut self, socket: &Socket) -> Result<bool, Reason> {
        let outbox = &mut self.exchange.to_client;
        if outbox.is_empty() {
            return Ok(false);
        }
        let sent = outbox.flush_with(|bytes| socket.try_write_more(bytes));
        self.note(sent.map_err(|_| Reason::ClientGone)?);
        Ok(!self.exchange.to_client.is_empty())
    }

    fn note(&mut self, count: usize) {
        self.patience.moved(count);
        self.exchange.record.bytes_out += count as u64;
    }

    /// Sends the next bytes of a part.
    fn send_file(&mut self, content: &OwnedFd, part: Part) -> Result<Step, Reason> {
        // Changed while it was sent: what the client has got and what it would get do not belong together.
        if !self.file.is_as_it_was() {
            return Err(self.changed());
        }
        self.ask_ahead(content, part);
        let count = match self.client.conduit.plain() {
            Some(socket) => {
                let length = part.length().min(SENT_AT_ONCE) as usize;
                match socket.try_send_file(content.as_fd(), part.first, length) {
                    Ok(Some(count)) => {
                        self.note(count);
                        count
                    }
                    Ok(None) => return Ok(Step::Full),
                    // An error of the connection or of the disk, which cannot be told apart here.
                    Err(_) if self.client.conduit.is_gone() => return Err(Reason::ClientGone),
                    Err(error) => return Err(self.failed(&error)),
                }
            }
            None => self.copy(content, part)?,
        };
        if count == 0 {
            return Err(self.changed());
        }
        if let Some(Piece::Content(part)) = self.pieces.front_mut() {
            part.first += count as u64;
        }
        Ok(Step::Moved)
    }

    /// Where the bytes must pass through us.
    fn copy(&mut self, content: &OwnedFd, part: Part) -> Result<usize, Reason> {
        scratch::with(|buffer| {
            let length = part.length().min(buffer.len() as u64) as usize;
            let read = rustix::io::retry_on_intr(|| pread(content.as_fd(), &mut buffer[..length], part.first));
            match read {
                Ok(count) => self.send(&buffer[..count]).map(|()| count),
                Err(errno) => Err(self.failed(&errno.into())),
            }
        })
    }

    /// Has the disk begin with what comes next, so that it keeps nobody waiting. Advice may be ignored.
    fn ask_ahead(&mut self, content: &OwnedFd, part: Part) {
        let from = self.asked_ahead.max(part.first);
        let to = part.end.min(part.first.saturating_add(AHEAD_BYTES));
        if to > from && (to == part.end || to - from >= AHEAD_BYTES / 2) {
            let _ = fadvise(content, from, NonZeroU64::new(to - from), Advice::WillNeed);
            self.asked_ahead = to;
        }
    }

    fn changed(&mut self) -> Reason {
        self.exchange.record.detail = "the file changed while it was sent";
        Reason::FileFailed
    }

    fn failed(&mut self, error: &std::io::Error) -> Reason {
        use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, TimedOut};
        match error.kind() {
            BrokenPipe | ConnectionAborted | ConnectionReset | TimedOut => Reason::ClientGone,
            _ => {
                self.exchange.record.detail = "the file could not be read";
                Reason::FileFailed
            }
        }
    }
}
