//! One request to one backend and its answer back: both directions at once, each held back by the slower side.
//!
//! The relay is told nothing and waits for nothing by itself: [`Relay::poll`] moves what can be moved and says when it
//! has come to an end. Where a message ends is decided by `evenkeel_http::Body` alone.

mod coded;
mod down;
mod up;

use crate::conduit::Conduit;
use crate::exchange::Exchange;
use crate::patience::Patience;
use crate::reason::Reason;
use coded::Coded;
use evenkeel_http::{AnswerFraming, Body, Limits};
use evenkeel_model::{Compress, Moment};
use evenkeel_net::reactor;
use evenkeel_pool::{Failure, Permit};
use std::task::Poll;
use std::time::Duration;

/// Rounds of reading and writing before others get their turn: 32 x 48 KiB.
const ROUNDS: u32 = 32;
/// The same where the answer is compressed, which takes a hundred times as long: 1 to 3 ms.
const CODED_ROUNDS: u32 = 2;
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
    /// Answers are compressed, where they may be.
    pub(crate) compress: Option<&'a Compress>,
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
    client: &'a Conduit,
    backend: &'a Conduit,
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
    /// The answer is compressed on its way.
    coded: Option<Box<Coded>>,
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
        client: &'a Conduit,
        backend: &'a Conduit,
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
            coded: None,
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
        for round in 0..ROUNDS {
            if round >= CODED_ROUNDS && self.coded.is_some() {
                break;
            }
            match self.step() {
                Ok(true) => {}
                Ok(false) => return self.wait(),
                Err(end) => {
                    self.exchange.body_kept = self.held && self.up.ended();
                    return Poll::Ready(end);
                }
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

    // What is waited for, and how long.

    /// Nothing can be moved: arms the deadline of whoever is waited for.
    fn wait(&mut self) -> Poll<End> {
        let now = reactor::now();
        if self.client.is_gone() {
            return Poll::Ready(self.failed(Reason::ClientGone, None));
        }
        let sending = self.exchange.to_backend.waits_for(self.backend);
        let body_awaited = !self.up_ended && !self.up_broken && !sending && !self.awaits_leave();
        let mut deadline = Moment::NEVER;
        if body_awaited || self.exchange.to_client.waits_for(self.client) {
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
        reactor::arm(deadline.min(self.coded_due()));
        Poll::Pending
    }

    /// Whether the client rightly waits for the backend's `100 (Continue)` before it sends its body.
    fn awaits_leave(&self) -> bool {
        self.exchange.head.expect_continue && self.interim == 0 && self.body_bytes == 0
    }

    // How it goes wrong.

    /// The backend's connection broke: by itself, or because what it said was no message.
    fn backend_reset(&mut self) -> End {
        match self.backend.fault() {
            Some(fault) => self.bad_response(fault),
            None => self.failed(Reason::BackendReset, Some(Failure::Reset)),
        }
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
            nothing_sent: self.sent == 0 || self.backend.is_refused(),
            unanswered: !self.answered && self.interim == 0 && self.exchange.answer.is_empty(),
        })
    }
}
