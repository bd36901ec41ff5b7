//! What one request and its answer need while they are under way. Kept by the worker between requests, so that an
//! idle connection holds none and a busy worker allocates none.

use crate::outbox::Outbox;
use evenkeel_http::{Edits, RequestHead, ResponseHead};
use evenkeel_model::{Moment, Name};
use std::cell::RefCell;
use std::time::Duration;

/// Exchanges kept for the next requests by one worker.
const KEPT: usize = 256;
/// A buffer that has grown larger than this is given back instead of kept.
const KEPT_BYTES: usize = 16 * 1024;

thread_local! {
    // Boxed, because boxes are what is handed out: an exchange is never moved.
    #[allow(clippy::vec_box)]
    static FREE: RefCell<Vec<Box<Exchange>>> = const { RefCell::new(Vec::new()) };
}

#[derive(Default)]
pub(crate) struct Exchange {
    pub(crate) head: RequestHead,
    /// What the client sent: the head, then what followed. Spans of `head` point here.
    pub(crate) input: Vec<u8>,
    /// How much of `input` has been used up: the head, then body; what is left in the end is the next request's.
    pub(crate) taken: usize,
    pub(crate) response: ResponseHead,
    /// The backend's bytes while the head of its answer is not whole.
    pub(crate) answer: Vec<u8>,
    pub(crate) to_backend: Outbox,
    pub(crate) to_client: Outbox,
    pub(crate) record: Record,
    /// What the route changes: on the request while its head is written, on the answer from then on.
    pub(crate) edits: Edits,
    /// All of the request's body is in `input` still.
    pub(crate) body_kept: bool,
}

/// What is told about a request afterwards.
#[derive(Default)]
pub(crate) struct Record {
    pub(crate) started: Moment,
    pub(crate) status: u16,
    pub(crate) attempts: u32,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    pub(crate) queued: Option<Duration>,
    pub(crate) connecting: Option<Duration>,
    /// From the beginning of the request to the head of its answer.
    pub(crate) first_byte: Option<Duration>,
    /// From the choice of the backend to the head of its answer.
    pub(crate) answered: Option<Duration>,
    pub(crate) backend: Option<Name>,
    /// Which rule was broken, for `bad-request` and `bad-response`.
    pub(crate) detail: &'static str,
    pub(crate) request_id: [u8; 32],
}

impl Exchange {
    pub(crate) fn begin(now: Moment) -> Box<Exchange> {
        let mut exchange = FREE.with(|free| free.borrow_mut().pop()).unwrap_or_default();
        exchange.record.started = now;
        exchange
    }

    /// Gives the exchange back to the worker.
    pub(crate) fn end(mut self: Box<Exchange>) {
        self.head.reset();
        self.response.reset();
        self.taken = 0;
        self.to_backend.clear();
        self.to_client.clear();
        self.record = Record::default();
        self.edits.clear();
        self.body_kept = false;
        for bytes in [
            &mut self.input,
            &mut self.answer,
            &mut self.to_backend.bytes,
            &mut self.to_client.bytes,
        ] {
            if bytes.capacity() > KEPT_BYTES {
                *bytes = Vec::new();
            } else {
                bytes.clear();
            }
        }
        FREE.with(|free| {
            let mut free = free.borrow_mut();
            if free.len() < KEPT {
                free.push(self);
            }
        });
    }

    /// What the client sent beyond this request: the beginning of the next.
    pub(crate) fn leftover(&self) -> &[u8] {
        &self.input[self.taken.min(self.input.len())..]
    }

    /// Gets ready for a try: the request as it came, nothing of an answer.
    pub(crate) fn rewind(&mut self) {
        self.taken = self.head.length;
        self.response.reset();
        self.answer.clear();
        self.to_backend.clear();
        self.edits.clear();
        self.record.bytes_in = 0;
    }
}
