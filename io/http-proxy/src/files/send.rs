//! Sending a file, whole or in parts, as fast as the client reads and no faster.

use super::answer::{self, Boundary, Extent, FileAnswer, Parts};
use super::disk::{Busy, Disk, Reply, Urgency};
use super::file::{Content, File};
use super::flight::{PATIENCE, Waiter};
use super::medium::Medium;
use super::open::read_at_once;
use super::warm::{self, AHEAD_BYTES, Fetched};
use crate::client::{Client, Then, flush};
use crate::exchange::Exchange;
use crate::own;
use crate::patience::Patience;
use crate::reason::Reason;
use crate::scratch;
use evenkeel_content::Part;
use evenkeel_http::Method;
use evenkeel_model::Moment;
use evenkeel_net::{Socket, reactor};
use rustix::io::{Errno, pread};
use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::task::Poll;

/// Rounds before others get their turn.
const ROUNDS: u32 = 4;

/// Sends a file, or what was asked for of it.
pub(super) async fn file(client: &Client, exchange: &mut Exchange, answer: &FileAnswer, disk: &Disk) -> (Reason, Then) {
    let boundary: Boundary;
    let whole = Part {
        first: 0,
        end: answer.file.length,
    };
    let (status, extent, mut pieces) = match &answer.parts {
        Parts::None => (304, Extent::Nothing, VecDeque::new()),
        Parts::Whole => (200, Extent::Whole, VecDeque::from([Piece::Content(whole)])),
        Parts::NotFound => (404, Extent::NotFound, VecDeque::from([Piece::Content(whole)])),
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
    match send(client, exchange, &answer.file, disk, pieces).await {
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

async fn send(
    client: &Client,
    exchange: &mut Exchange,
    file: &File,
    disk: &Disk,
    pieces: VecDeque<Piece>,
) -> Result<(), Reason> {
    let window = client.guest.ways().listener.timeouts.request;
    if pieces.is_empty() {
        return flush(client, exchange, window).await;
    }
    let mut sending = Sending {
        client,
        exchange,
        file,
        pieces,
        disk,
        patience: Patience::new(window),
        fetching: None,
        trusted: (0, Moment::ZERO),
        ahead: None,
    };
    std::future::poll_fn(|_| sending.poll()).await
}

struct Sending<'a> {
    client: &'a Client,
    exchange: &'a mut Exchange,
    file: &'a File,
    pieces: VecDeque<Piece>,
    disk: &'a Disk,
    patience: Patience,
    fetching: Option<Fetching>,
    /// Up to which byte of the file a thread has fetched it, and when.
    trusted: (u64, Moment),
    /// Up to where the disk was made to read ahead; `None` = all was in memory so far.
    ahead: Option<u64>,
}

/// What a thread is fetching.
struct Fetching {
    piece: Part,
    reply: Reply<io::Result<Fetched>>,
    deadline: Moment,
    _waiter: Waiter,
}

/// How it went with a piece.
enum Sent {
    Bytes(usize),
    /// It would have to be waited for.
    Cold,
    /// The client must read first.
    Full,
}

enum Step {
    Moved,
    /// The client must read first.
    Full,
    /// The disk must answer first, until then.
    Disk(Moment),
    Done,
}

impl Sending<'_> {
    fn poll(&mut self) -> Poll<Result<(), Reason>> {
        for _ in 0..ROUNDS {
            match self.step() {
                Ok(Step::Moved) => {}
                Ok(Step::Full) => return self.wait(),
                Ok(Step::Disk(deadline)) => return self.wait_for_disk(deadline),
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

    /// The client's time does not run meanwhile.
    fn wait_for_disk(&mut self, deadline: Moment) -> Poll<Result<(), Reason>> {
        self.patience.rest();
        if self.client.conduit.is_gone() {
            return Poll::Ready(Err(Reason::ClientGone));
        }
        if reactor::now() >= deadline {
            self.exchange.record.detail = "the disk did not answer";
            return Poll::Ready(Err(Reason::DiskTimeout));
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
    fn send_file(&mut self, content: &Arc<OwnedFd>, part: Part) -> Result<Step, Reason> {
        if let Some(step) = self.take_fetched()? {
            return Ok(step);
        }
        // Changed while it was sent: what the client has got and what it would get do not belong together.
        if !self.file.is_as_it_was() {
            return Err(self.changed());
        }
        self.read_ahead(content, part);
        let sent = match self.client.conduit.plain() {
            Some(socket) => self.send_past_us(socket, content, part)?,
            None => self.copy(content, part)?,
        };
        match sent {
            Sent::Cold => self.fetch(content, part),
            Sent::Full => Ok(Step::Full),
            Sent::Bytes(0) => Err(self.changed()),
            Sent::Bytes(count) => {
                self.advance(count);
                Ok(Step::Moved)
            }
        }
    }

    /// What a thread has fetched. `None` = there is something to be sent now.
    fn take_fetched(&mut self) -> Result<Option<Step>, Reason> {
        let Some(fetching) = &self.fetching else {
            return Ok(None);
        };
        let Some(fetched) = fetching.reply.take() else {
            return Ok(Some(Step::Disk(fetching.deadline)));
        };
        let piece = fetching.piece;
        self.fetching = None;
        match fetched {
            Ok(Ok(Fetched::Warm)) => {
                let now = reactor::now();
                warm::note(self.file, piece, now);
                self.trusted = (piece.end, now);
                Ok(None)
            }
            Ok(Ok(Fetched::Bytes(bytes))) => self.pass_on(&bytes).map(Some),
            Ok(Ok(Fetched::Ended)) => Err(self.changed()),
            Ok(Err(error)) => Err(self.failed(&error)),
            Err(Busy) => Err(Reason::FileFailed),
        }
    }

    /// Where the kernel can send without us.
    fn send_past_us(&mut self, socket: &Socket, content: &OwnedFd, part: Part) -> Result<Sent, Reason> {
        let now = reactor::now();
        let warm = if self.is_trusted(part, now) {
            Some(warm::next_piece(part))
        } else {
            warm::warm_piece(self.file, content, part, now)
        };
        let Some(piece) = warm else {
            return Ok(Sent::Cold);
        };
        match socket.try_send_file(content.as_fd(), piece.first, piece.length() as usize) {
            Ok(Some(count)) => {
                self.note(count);
                Ok(Sent::Bytes(count))
            }
            Ok(None) => Ok(Sent::Full),
            // An error of the connection or of the disk, which cannot be told apart here.
            Err(_) if self.client.conduit.is_gone() => Err(Reason::ClientGone),
            Err(error) => Err(self.failed(&error)),
        }
    }

    fn is_trusted(&self, piece: Part, now: Moment) -> bool {
        let (end, at) = self.trusted;
        piece.first < end && now.since(at) < warm::TRUSTED
    }

    /// Where the bytes must pass through us.
    fn copy(&mut self, content: &OwnedFd, part: Part) -> Result<Sent, Reason> {
        let piece = warm::next_piece(part);
        if self.file.medium == Medium::Remote {
            return Ok(Sent::Cold);
        }
        let now = reactor::now();
        let may_wait = self.is_trusted(piece, now) || warm::was_warm(self.file, piece, now);
        scratch::with(|buffer| {
            let length = piece.length().min(buffer.len() as u64) as usize;
            let buffer = &mut buffer[..length];
            let read = if may_wait {
                rustix::io::retry_on_intr(|| pread(content, &mut *buffer, piece.first))
            } else {
                read_at_once(content.as_fd(), buffer, piece.first)
            };
            match read {
                Ok(count) => self.send(&buffer[..count]).map(|()| Sent::Bytes(count)),
                Err(Errno::AGAIN) => Ok(Sent::Cold),
                Err(errno) => Err(self.failed(&errno.into())),
            }
        })
    }

    /// What a thread has read itself.
    fn pass_on(&mut self, bytes: &[u8]) -> Result<Step, Reason> {
        // The kernel knows better now what the file is like.
        if !self.file.is_as_it_was() {
            return Err(self.changed());
        }
        self.send(bytes)?;
        self.advance(bytes.len());
        Ok(Step::Moved)
    }

    fn advance(&mut self, count: usize) {
        if let Some(Piece::Content(part)) = self.pieces.front_mut() {
            part.first += count as u64;
        }
    }

    /// Has a thread fetch a piece, and the disk begin with what comes after it.
    fn fetch(&mut self, content: &Arc<OwnedFd>, part: Part) -> Result<Step, Reason> {
        let piece = warm::next_piece(part);
        let (content, medium) = (content.clone(), self.file.medium);
        let reply = self
            .disk
            .ask(Urgency::GoesOn, move || warm::fetch(&content, medium, piece));
        let deadline = reactor::now() + PATIENCE;
        self.fetching = Some(Fetching {
            piece,
            reply: reply.map_err(|Busy| Reason::DiskBusy)?,
            deadline,
            _waiter: Waiter::new(self.client),
        });
        if self.ahead.is_none() {
            self.ahead = Some(piece.end);
        }
        Ok(Step::Disk(deadline))
    }

    /// Has the disk read what comes next, where something had to be waited for.
    fn read_ahead(&mut self, content: &Arc<OwnedFd>, part: Part) {
        let Some(ahead) = self.ahead else { return };
        let from = ahead.max(part.first);
        let to = part.end.min(part.first.saturating_add(AHEAD_BYTES));
        if to > from && (to == part.end || to - from >= AHEAD_BYTES / 2) {
            let content = content.clone();
            self.disk.suggest(move || warm::read_ahead(&content, from, to));
            self.ahead = Some(to);
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
