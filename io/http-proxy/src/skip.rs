//! A body that nobody wants: read and forgotten before we answer by ourselves. Then the connection lives on, and a client
//! that reads no answer before it has sent everything gets one.

use crate::client::{Client, Then};
use crate::exchange::Exchange;
use crate::proxy::Journey;
use crate::reason::Reason;
use crate::scratch;
use evenkeel_http::{Body, RequestFraming};
use evenkeel_net::{reactor, within};
use std::task::Poll;
use std::time::Duration;

/// Bytes of a body that are worth a connection: what comes in a moment. With a larger one the connection ends.
const SKIPPED_BYTES: usize = 64 * 1024;
/// How long an answer waits for such a body.
const SKIP_LIMIT: Duration = Duration::from_secs(1);

impl Journey<'_> {
    /// Whether the body is larger than it may be, as far as its head says.
    pub(crate) fn too_large(&self) -> Option<Reason> {
        let limit = self.way.max_body_bytes;
        match self.exchange.head.framing {
            RequestFraming::Length(length) if limit > 0 && length > limit => Some(Reason::BodyTooLarge),
            RequestFraming::Length(_) | RequestFraming::None | RequestFraming::Chunked => None,
        }
    }

    /// The end of a request that goes to no backend. If none has seen anything of it, its body is skipped.
    pub(crate) async fn refuse(&mut self, reason: Reason) -> (Reason, Then) {
        if reason != Reason::ClientGone && self.exchange.record.attempts == 0 {
            body(self.client, self.exchange).await;
        }
        self.fail(reason, false).await
    }
}

/// Reads the body of a request of which nothing was used yet. If it ends in time, the request has no body any more.
pub(crate) async fn body(client: &Client, exchange: &mut Exchange) {
    let worth_it = match exchange.head.framing {
        RequestFraming::None => false,
        RequestFraming::Length(length) => {
            length <= SKIPPED_BYTES.max(exchange.input.len() - exchange.head.length) as u64
        }
        RequestFraming::Chunked => true,
    };
    // Who waits for leave to send may do without it, or not: where its next request begins is not certain.
    if !worth_it || exchange.head.expect_continue {
        return;
    }
    exchange.taken = exchange.head.length;
    let mut body = exchange.head.body();
    let deadline = reactor::now() + SKIP_LIMIT;
    let skipped = within(deadline, || poll(client, exchange, &mut body)).await;
    if matches!(skipped, Ok(true)) {
        exchange.record.bytes_in += (exchange.taken - exchange.head.length) as u64;
        exchange.head.framing = RequestFraming::None;
    }
}

/// Whether it came to its end; false when it never will, or is too long.
fn poll(client: &Client, exchange: &mut Exchange, body: &mut Body) -> Poll<bool> {
    loop {
        while exchange.taken < exchange.input.len() && !body.ended() {
            match body.next_run(&exchange.input[exchange.taken..]) {
                Ok(run) if run.pass + run.skip == 0 => break,
                Ok(run) => exchange.taken += run.pass + run.skip,
                Err(_) => return Poll::Ready(false),
            }
        }
        if body.ended() {
            return Poll::Ready(true);
        }
        if exchange.input.len() - exchange.head.length > SKIPPED_BYTES {
            return Poll::Ready(false);
        }
        let read = scratch::with(|buffer| match client.conduit.try_read(buffer) {
            Ok(None) => Ok(false),
            Ok(Some(0)) | Err(_) => Err(()),
            Ok(Some(length)) => {
                exchange.input.extend_from_slice(&buffer[..length]);
                Ok(true)
            }
        });
        match read {
            Ok(true) => {}
            Ok(false) => return Poll::Pending,
            Err(()) => return Poll::Ready(false),
        }
    }
}
