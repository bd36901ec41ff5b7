//! One request to one backend and its answer back: both directions at once, each held back by the slower side.
//!
//! The relay is told nothing and waits for nothing by itself: [`Relay::poll`] moves what can be moved and says when it
//! has come to an end. Where a message ends is decided by `evenkeel_http::Body` alone.

use crate::exchange::Exchange;
use crate::patience::Patience;
use crate::reason::Reason;
use crate::scratch;
use evenkeel_http::{
    Answer, AnswerFraming, Asked, Body, Fault, Limits, Method, Parsed, ResponseFraming, SegmentKind, Version,
    chunk_head,
};
use evenkeel_model::Moment;
use evenkeel_net::{Socket, reactor};
use evenkeel_pool::{Failure, Permit};
use std::task::Poll;
use std::time::Duration;

/// Rounds of reading and writing before others get their turn: 32 x 32 KiB.
const ROUNDS: u32 = 32;
/// Interim (1xx) answers before a final one. Real ones come in ones and twos.
const INTERIM_MAX: u32 = 64;
/// Body bytes kept so that a request may be sent again.
const HELD_BYTES: usize = 64 * 1024;
/// A backend's head may be as large as this.
const ANSWER_HEAD: Limits = Limits {
    head_bytes: 64 * 1024,
    target_bytes: 8 * 1024,
    fields: 256,
};

/// What holds for the whole request.
pub(crate) struct Terms<'a> {
    /// The client must make progress within this.
    pub(crate) client: Duration,
    /// The backend must answer, and go on answering, within this.
    pub(crate) backend: Duration,
    pub(crate) max_body_bytes: u64,
    /// Whether what fails before an answer began may be sent again: then the body is held.
    pub(crate) hold: bool,
    /// Statuses that are tried elsewhere.
    pub(crate) retry_statuses: &'a [u16],
    /// Takes one retry from the budget, if there is one.
    pub(crate) may_retry: &'a dyn Fn() -> bool,
    /// Whether the client's connection may live on, as far as is known when the answer's head is written.
    pub(crate) keep_alive: &'a dyn Fn() -> bool,
}

/// How a relay ended.
pub(crate) enum End {
    /// The answer has been read whole; some of it may still be in `to_client`.
    Answered {
        /// The backend's connection is good for another request.
        reusable: bool,
        /// The client's connection is good for another request.
        keep_alive: bool,
        /// All of the request was read; else the client may still be sending.
        whole: bool,
    },
    /// The protocol was switched: both sides are a tunnel from here on.
    Upgraded,
    /// It went wrong.
    Failed(Failed),
}

pub(crate) struct Failed {
    pub(crate) reason: Reason,
    /// What the heart is told of the backend, if it is to blame.
    pub(crate) blame: Option<Failure>,
    /// Something of a final answer has gone to the client: nothing can be made good any more.
    pub(crate) begun: bool,
    /// The request as it came is still here.
    pub(crate) replayable: bool,
    /// Nothing of the request has reached the kernel.
    pub(crate) nothing_sent: bool,
    /// No byte of an answer came.
    pub(crate) unanswered: bool,
}

enum Down {
    /// The head of the answer is awaited.
    Head,
    /// Its body is under way.
    Body(Body),
    Ended,
}

pub(crate) struct Relay<'a> {
    client: &'a Socket,
    backend: &'a Socket,
    exchange: &'a mut Exchange,
    permit: &'a mut Permit,
    terms: &'a Terms<'a>,
    up: Body,
    up_ended: bool,
    /// The backend takes nothing more of the request; it may still answer.
    up_broken: bool,
    /// The decoder needs more bytes than are here before it can go on.
    up_stuck: bool,
    /// Everything of the request is still in `exchange.input`.
    held: bool,
    sent: u64,
    body_bytes: u64,
    down: Down,
    /// Bytes of the answer's trailer section that are not a whole line yet.
    down_rest: Vec<u8>,
    framing: AnswerFraming,
    interim: u32,
    begun: bool,
    answered: bool,
    keep_alive: bool,
    reusable: bool,
    patience: Patience,
    backend_since: Moment,
}

impl<'a> Relay<'a> {
    /// `exchange.to_backend` holds the head to send; `up` is the decoder of the request's body from its beginning.
    pub(crate) fn new(
        client: &'a Socket,
        backend: &'a Socket,
        exchange: &'a mut Exchange,
        up: Body,
        permit: &'a mut Permit,
        terms: &'a Terms<'a>,
    ) -> Relay<'a> {
        let now = reactor::now();
        Relay {
            client,
            backend,
            exchange,
            permit,
            terms,
            up_ended: false,
            up_broken: false,
            up_stuck: false,
            up,
            held: true,
            sent: 0,
            body_bytes: 0,
            down: Down::Head,
            down_rest: Vec::new(),
            framing: AnswerFraming::AsIs,
            interim: 0,
            begun: false,
            answered: false,
            keep_alive: true,
            reusable: true,
            patience: Patience::new(terms.client),
            backend_since: now,
        }
    }

    /// Moves what can be moved.
    pub(crate) fn poll(&mut self) -> Poll<End> {
        for _ in 0..ROUNDS {
            match self.step() {
                Ok(true) => {}
                Ok(false) => return self.wait(),
                Err(end) => return Poll::Ready(end),
            }
        }
        reactor::wake(reactor::current());
        Poll::Pending
    }

    fn step(&mut self) -> Result<bool, End> {
        let up = !self.up_ended && self.step_up()?;
        let down = self.step_down()?;
        Ok(up | down)
    }

    // The way up: client to backend.

    fn step_up(&mut self) -> Result<bool, End> {
        let mut moved = false;
        if self.sent == 0 && self.exchange.taken < self.exchange.input.len() && !self.up.ended() && !self.up_stuck {
            // What came of the body together with the head goes out together with it.
            moved |= self.take_body()?;
        }
        if !self.exchange.to_backend.is_empty() {
            let result = self.exchange.to_backend.flush(self.backend);
            moved |= self.count_sent(&result)?;
            if !self.exchange.to_backend.is_empty() {
                return Ok(moved);
            }
        }
        if self.up.ended() {
            self.up_ended = true;
            self.backend_since = reactor::now();
            return Ok(true);
        }
        if self.up_broken {
            return Ok(moved);
        }
        Ok(self.take_body()? | moved)
    }

    /// Notes what the backend's side of the kernel took. A backend may refuse the rest of a request and answer all
    /// the same (RFC 9112 9.5), so a failed write is not the end yet.
    fn count_sent(&mut self, result: &std::io::Result<usize>) -> Result<bool, End> {
        match result {
            Ok(count) => {
                self.sent += *count as u64;
                if *count > 0 {
                    self.backend_since = reactor::now();
                }
                Ok(*count > 0)
            }
            Err(_) if self.sent == 0 && !self.answered => Err(self.backend_reset()),
            Err(_) => {
                self.up_broken = true;
                self.reusable = false;
                self.keep_alive = false;
                self.exchange.to_backend.clear();
                self.backend_since = reactor::now();
                Ok(true)
            }
        }
    }

    fn take_body(&mut self) -> Result<bool, End> {
        if self.exchange.taken < self.exchange.input.len() && !self.up_stuck {
            let input = std::mem::take(&mut self.exchange.input);
            let consumed = self.forward_body(&input[self.exchange.taken..]);
            self.exchange.input = input;
            let consumed = consumed?;
            self.up_stuck = consumed == 0;
            self.exchange.taken += consumed;
            return Ok(true);
        }
        scratch::with(|buffer| match self.client.try_read(buffer) {
            Ok(None) => Ok(false),
            Ok(Some(0)) | Err(_) => Err(self.failed(Reason::ClientGone, None)),
            Ok(Some(length)) => {
                self.patience.moved(length);
                self.take_read(&buffer[..length])?;
                Ok(true)
            }
        })
    }

    /// Takes what was read from the client: kept when it may be needed again, passed through otherwise.
    fn take_read(&mut self, bytes: &[u8]) -> Result<(), End> {
        let room = self.exchange.input.len() + bytes.len() <= self.exchange.head.length + HELD_BYTES;
        self.held &= self.terms.hold && room;
        if self.held || self.up_stuck {
            self.exchange.input.extend_from_slice(bytes);
            self.up_stuck = false;
            return Ok(());
        }
        let consumed = self.forward_body(bytes)?;
        if consumed < bytes.len() {
            // The next request, or a trailer line that is not whole.
            self.exchange.input.truncate(self.exchange.head.length);
            self.exchange.input.extend_from_slice(&bytes[consumed..]);
            self.exchange.taken = self.exchange.head.length;
            self.up_stuck = !self.up.ended();
        }
        Ok(())
    }

    /// Decodes a piece of the request's body and sends it on as it came, without what must not be forwarded.
    fn forward_body(&mut self, bytes: &[u8]) -> Result<usize, End> {
        let mut consumed = 0;
        while consumed < bytes.len() && !self.up.ended() {
            let run = match self.up.next_run(&bytes[consumed..]) {
                Ok(run) => run,
                Err(fault) => {
                    self.exchange.record.detail = fault.text();
                    return Err(self.failed(Reason::BadRequest, None));
                }
            };
            if run.pass + run.skip == 0 {
                break;
            }
            self.body_bytes += run.content as u64;
            if self.terms.max_body_bytes > 0 && self.body_bytes > self.terms.max_body_bytes {
                return Err(self.failed(Reason::BodyTooLarge, None));
            }
            self.send_up(&bytes[consumed..consumed + run.pass])?;
            consumed += run.pass + run.skip;
        }
        self.exchange.record.bytes_in += consumed as u64;
        Ok(consumed)
    }

    fn send_up(&mut self, run: &[u8]) -> Result<(), End> {
        if run.is_empty() || self.up_broken {
            return Ok(());
        }
        let result = self.exchange.to_backend.send(self.backend, run);
        self.count_sent(&result).map(|_| ())
    }

    // The way down: backend to client.

    fn step_down(&mut self) -> Result<bool, End> {
        let mut moved = false;
        if !self.exchange.to_client.is_empty() {
            moved |= self.flush_client()?;
            if !self.exchange.to_client.is_empty() {
                return Ok(moved);
            }
        }
        let read = scratch::with(|buffer| match self.backend.try_read(buffer) {
            Ok(None) => Ok(false),
            Ok(Some(0)) => self.backend_ended().map(|()| true),
            Ok(Some(length)) => {
                self.backend_since = reactor::now();
                self.take_answer(&buffer[..length]).map(|()| true)
            }
            Err(_) => Err(self.backend_reset()),
        })?;
        if matches!(self.down, Down::Ended) {
            self.flush_client()?;
            let whole = self.up_ended;
            let reusable = self.reusable && whole && self.exchange.response.keep_alive;
            return Err(End::Answered {
                reusable,
                keep_alive: self.keep_alive && whole,
                whole,
            });
        }
        Ok(read | moved)
    }

    fn flush_client(&mut self) -> Result<bool, End> {
        match self.exchange.to_client.flush(self.client) {
            Ok(count) => {
                self.note_client(count);
                if count > 0 {
                    // While the client did not read, the backend could not go on: its time begins anew.
                    self.backend_since = reactor::now();
                }
                Ok(count > 0)
            }
            Err(_) => Err(self.failed(Reason::ClientGone, None)),
        }
    }

    fn note_client(&mut self, count: usize) {
        self.patience.moved(count);
        self.exchange.record.bytes_out += count as u64;
    }

    fn take_answer(&mut self, bytes: &[u8]) -> Result<(), End> {
        match self.down {
            Down::Head if self.exchange.answer.is_empty() => self.take_head(bytes),
            Down::Head => {
                let mut whole = std::mem::take(&mut self.exchange.answer);
                whole.extend_from_slice(bytes);
                self.take_head(&whole)
            }
            Down::Body(_) if self.down_rest.is_empty() => self.forward_answer(bytes),
            Down::Body(_) => {
                let mut whole = std::mem::take(&mut self.down_rest);
                whole.extend_from_slice(bytes);
                self.forward_answer(&whole)
            }
            Down::Ended => Ok(()),
        }
    }

    /// Reads heads, interim ones first; keeps what is not whole.
    fn take_head(&mut self, bytes: &[u8]) -> Result<(), End> {
        let asked = Asked {
            head: self.exchange.head.kind == Method::Head,
            upgrade: self.exchange.head.upgrade.is_some(),
        };
        let mut at = 0;
        loop {
            match self.exchange.response.parse(&bytes[at..], asked, &ANSWER_HEAD) {
                Err(fault) => return Err(self.bad_response(fault.text())),
                Ok(Parsed::Partial) => {
                    self.exchange.answer = bytes[at..].to_vec();
                    return Ok(());
                }
                Ok(Parsed::Whole) => {}
            }
            let rest = at + self.exchange.response.length;
            if !self.exchange.response.is_interim() {
                return self.begin_answer(&bytes[at..], rest - at);
            }
            self.interim += 1;
            if self.interim > INTERIM_MAX {
                return Err(self.bad_response("interim answers without end"));
            }
            if self.exchange.head.version == Version::Http11 {
                let answer = Answer {
                    client_version: Version::Http11,
                    keep_alive: true,
                    framing: AnswerFraming::AsIs,
                };
                self.exchange
                    .response
                    .write(&bytes[at..], &answer, &mut self.exchange.to_client.bytes);
            }
            self.exchange.response.reset();
            at = rest;
        }
    }

    /// `bytes` begins with the final head, `length` long.
    fn begin_answer(&mut self, bytes: &[u8], length: usize) -> Result<(), End> {
        let now = reactor::now();
        let status = self.exchange.response.status;
        self.answered = true;
        if self.terms.retry_statuses.contains(&status) && self.held && (self.terms.may_retry)() {
            let failed = self.failed(Reason::BadResponse, Some(Failure::Status));
            return Err(failed);
        }
        self.permit.answered(now);
        self.exchange.record.answered = Some(now.since(self.permit.started()));
        self.exchange.record.status = status;
        self.exchange.record.first_byte = Some(now.since(self.exchange.record.started));
        let version = self.exchange.head.version;
        self.framing = self.exchange.response.answer_framing(version);
        // A body still under way may never end: what follows it on this connection could not be told from it.
        self.keep_alive &= self.up_ended && self.framing != AnswerFraming::Close && (self.terms.keep_alive)();
        let answer = Answer {
            client_version: version,
            keep_alive: self.keep_alive,
            framing: self.framing,
        };
        self.exchange
            .response
            .write(bytes, &answer, &mut self.exchange.to_client.bytes);
        self.begun = true;
        if self.exchange.response.upgrade {
            self.exchange.answer = bytes[length..].to_vec();
            return Err(End::Upgraded);
        }
        let body = self.exchange.response.body();
        self.down = Down::Body(body);
        self.forward_answer(&bytes[length..])
    }

    /// Decodes a piece of the answer's body and sends it on in the framing that the client understands.
    fn forward_answer(&mut self, bytes: &[u8]) -> Result<(), End> {
        let Down::Body(mut body) = std::mem::replace(&mut self.down, Down::Ended) else {
            return Ok(());
        };
        let mut consumed = 0;
        while consumed < bytes.len() && !body.ended() {
            let (pass, skip) = match self.next_piece(&mut body, &bytes[consumed..]) {
                Ok(piece) => piece,
                Err(fault) => return Err(self.bad_response(fault.text())),
            };
            if pass + skip == 0 {
                break;
            }
            self.send_down(&bytes[consumed..consumed + pass])?;
            consumed += pass + skip;
        }
        if body.ended() {
            // Bytes after the end belong to nobody: they must never reach the next client.
            self.reusable &= consumed == bytes.len();
        } else {
            self.down_rest = bytes[consumed..].to_vec();
            self.down = Down::Body(body);
        }
        Ok(())
    }

    /// How many bytes of the answer's body go to the client next, and how many after them are left out.
    fn next_piece(&self, body: &mut Body, bytes: &[u8]) -> Result<(usize, usize), Fault> {
        if self.is_verbatim() {
            return body.next_run(bytes).map(|run| (run.pass, run.skip));
        }
        let segment = body.next(bytes)?;
        Ok(match segment.kind {
            SegmentKind::Data => (segment.length, 0),
            SegmentKind::Frame | SegmentKind::Trailer | SegmentKind::Skip => (0, segment.length),
        })
    }

    /// Whether the answer's body goes to the client byte for byte.
    fn is_verbatim(&self) -> bool {
        match self.framing {
            AnswerFraming::AsIs => true,
            AnswerFraming::Chunked => self.exchange.response.framing == ResponseFraming::Chunked,
            AnswerFraming::Close => false,
        }
    }

    fn makes_chunks(&self) -> bool {
        self.framing == AnswerFraming::Chunked && !self.is_verbatim()
    }

    fn send_down(&mut self, run: &[u8]) -> Result<(), End> {
        if run.is_empty() {
            return Ok(());
        }
        let chunked = self.makes_chunks();
        if chunked {
            chunk_head(run.len(), &mut self.exchange.to_client.bytes);
        }
        match self.exchange.to_client.send(self.client, run) {
            Ok(count) => self.note_client(count),
            Err(_) => return Err(self.failed(Reason::ClientGone, None)),
        }
        if chunked {
            self.exchange.to_client.bytes.extend_from_slice(b"\r\n");
        }
        Ok(())
    }

    fn backend_ended(&mut self) -> Result<(), End> {
        self.reusable = false;
        let Down::Body(body) = &mut self.down else {
            return Err(self.backend_reset());
        };
        if body.end_of_input().is_err() {
            return Err(self.backend_reset());
        }
        if self.makes_chunks() {
            self.exchange.to_client.bytes.extend_from_slice(b"0\r\n\r\n");
        }
        self.down = Down::Ended;
        Ok(())
    }

    // What is waited for, and how long.

    /// Nothing can be moved: arms the deadline of whoever is waited for.
    fn wait(&mut self) -> Poll<End> {
        let now = reactor::now();
        if self.client.is_gone() {
            return Poll::Ready(self.failed(Reason::ClientGone, None));
        }
        let body_awaited =
            !self.up_ended && !self.up_broken && self.exchange.to_backend.is_empty() && !self.awaits_leave();
        let mut deadline = Moment::NEVER;
        if body_awaited || !self.exchange.to_client.is_empty() {
            deadline = self.patience.deadline(now);
            if now >= deadline {
                return Poll::Ready(self.failed(Reason::RequestTimeout, None));
            }
        } else {
            self.patience.rest();
            deadline = deadline.min(self.backend_since + self.terms.backend);
            if now >= deadline {
                let blame = Some(Failure::ResponseTimeout);
                return Poll::Ready(self.failed(Reason::ResponseTimeout, blame));
            }
        }
        reactor::arm(deadline);
        Poll::Pending
    }

    /// Whether the client rightly waits for the backend's `100 (Continue)` before it sends its body.
    fn awaits_leave(&self) -> bool {
        self.exchange.head.expect_continue && self.interim == 0 && self.body_bytes == 0
    }

    // How it goes wrong.

    fn backend_reset(&self) -> End {
        self.failed(Reason::BackendReset, Some(Failure::Reset))
    }

    fn bad_response(&mut self, detail: &'static str) -> End {
        self.exchange.record.detail = detail;
        self.failed(Reason::BadResponse, Some(Failure::BadResponse))
    }

    fn failed(&self, reason: Reason, blame: Option<Failure>) -> End {
        End::Failed(Failed {
            reason,
            blame,
            begun: self.begun,
            replayable: self.held,
            nothing_sent: self.sent == 0,
            unanswered: !self.answered && self.interim == 0 && self.exchange.answer.is_empty(),
        })
    }
}
