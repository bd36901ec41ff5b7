//! A body that is held until it is whole: `buffer`. The backend sees nothing of the request before, and gets it with its
//! length.

use crate::client::Client;
use crate::exchange::Exchange;
use crate::patience::Patience;
use crate::reason::Reason;
use crate::scratch;
use crate::world::World;
use evenkeel_http::{Body, FieldId, RequestFraming, SegmentKind};
use evenkeel_net::reactor;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

/// Rounds of reading before others get their turn.
const ROUNDS: u32 = 32;
/// Bytes of bodies that one worker holds at once: what is beyond is answered with 503, so that no crowd of uploads takes
/// the machine's memory.
const HELD_BYTES: usize = 256 << 20;
/// Bytes that are taken at once for a body whose length is known.
const FIRST_BYTES: usize = 64 * 1024;

/// The memory of one held body, given back when the request is over.
pub(crate) struct Held {
    world: Rc<World>,
    bytes: usize,
}

impl Held {
    fn grow(&mut self, bytes: usize) -> Result<(), Reason> {
        let total = self.world.held_bytes.get() + bytes;
        if total > HELD_BYTES {
            return Err(Reason::Exhausted);
        }
        self.world.held_bytes.set(total);
        self.bytes += bytes;
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.world.held_bytes.set(self.world.held_bytes.get() - self.bytes);
    }
}

/// Reads the whole body into `exchange.input`, where it can be sent from as often as it takes.
///
/// # Errors
/// `BodyTooLarge` above `most` bytes, `BadRequest`, `RequestTimeout` when the client makes no progress in `window`,
/// `ClientGone`, `Exhausted` when too much is held already.
pub(crate) async fn gather(
    client: &Client,
    exchange: &mut Exchange,
    most: u64,
    window: Duration,
) -> Result<Option<Held>, Reason> {
    let length = match exchange.head.framing {
        RequestFraming::None | RequestFraming::Length(0) => return Ok(None),
        RequestFraming::Length(length) if length > most => return Err(Reason::BodyTooLarge),
        RequestFraming::Length(length) => usize::try_from(length).unwrap_or(usize::MAX),
        RequestFraming::Chunked => 0,
    };
    let begun = exchange.input.split_off(exchange.head.length);
    invite(exchange, !begun.is_empty());
    exchange.input.reserve(length.min(FIRST_BYTES));
    let mut gathering = Gathering {
        body: exchange.head.body(),
        rest: Vec::new(),
        most,
        held: Held {
            world: client.guest.world.clone(),
            bytes: 0,
        },
    };
    let mut patience = Patience::new(window);
    let mut result = gathering.take(begun, exchange);
    if result.is_ok() && !gathering.body.ended() {
        result = std::future::poll_fn(|_| gathering.poll(client, exchange, &mut patience)).await;
    }
    result?;
    let length = exchange.input.len() - exchange.head.length;
    exchange.head.framing = RequestFraming::Length(length as u64);
    exchange.input.extend_from_slice(&gathering.rest);
    Ok(Some(gathering.held))
}

/// A client that waits for leave to send its body gets it from us: the backend is not asked before the body is here
/// (RFC 9110 10.1.1).
fn invite(exchange: &mut Exchange, sends_already: bool) {
    if !exchange.head.expect_continue {
        return;
    }
    exchange.head.expect_continue = false;
    let expects = exchange
        .head
        .fields
        .iter_mut()
        .filter(|field| field.id == FieldId::Expect);
    expects.for_each(|field| field.forward = false);
    if !sends_already {
        exchange
            .to_client
            .bytes
            .extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
    }
}

struct Gathering {
    body: Body,
    /// What cannot be decoded without more, and in the end what follows the body.
    rest: Vec<u8>,
    most: u64,
    held: Held,
}

impl Gathering {
    fn poll(&mut self, client: &Client, exchange: &mut Exchange, patience: &mut Patience) -> Poll<Result<(), Reason>> {
        if let Err(reason) = self.answer(client, exchange) {
            return Poll::Ready(Err(reason));
        }
        for _ in 0..ROUNDS {
            let read = scratch::with(|buffer| match client.conduit.try_read(buffer) {
                Ok(None) => Ok(None),
                Ok(Some(0)) | Err(_) => Err(Reason::ClientGone),
                Ok(Some(length)) => {
                    patience.moved(length);
                    let mut bytes = std::mem::take(&mut self.rest);
                    bytes.extend_from_slice(&buffer[..length]);
                    self.take(bytes, exchange).map(Some)
                }
            });
            match read {
                Err(reason) => return Poll::Ready(Err(reason)),
                Ok(Some(())) if self.body.ended() => return Poll::Ready(Ok(())),
                Ok(Some(())) => {}
                Ok(None) => return wait(client, patience),
            }
        }
        reactor::wake(reactor::current());
        Poll::Pending
    }

    /// Sends `100 Continue`.
    fn answer(&self, client: &Client, exchange: &mut Exchange) -> Result<(), Reason> {
        if !exchange.to_client.waits_for(&client.conduit) {
            return Ok(());
        }
        let sent = exchange.to_client.flush(&client.conduit);
        exchange.record.bytes_out += sent.map_err(|_| Reason::ClientGone)? as u64;
        Ok(())
    }

    /// Decodes `bytes` and keeps their content behind the head.
    fn take(&mut self, bytes: Vec<u8>, exchange: &mut Exchange) -> Result<(), Reason> {
        let mut taken = 0;
        while taken < bytes.len() && !self.body.ended() {
            let segment = self.body.next(&bytes[taken..]).map_err(|fault| {
                exchange.record.detail = fault.text();
                Reason::BadRequest
            })?;
            if segment.length == 0 {
                break;
            }
            let piece = &bytes[taken..taken + segment.length];
            taken += segment.length;
            match segment.kind {
                SegmentKind::Data => {
                    let length = exchange.input.len() - exchange.head.length + piece.len();
                    if length as u64 > self.most {
                        return Err(Reason::BodyTooLarge);
                    }
                    self.held.grow(piece.len())?;
                    exchange.input.extend_from_slice(piece);
                }
                SegmentKind::Frame | SegmentKind::Trailer | SegmentKind::Skip => {}
            }
        }
        self.rest = if taken == 0 { bytes } else { bytes[taken..].to_vec() };
        Ok(())
    }
}

fn wait(client: &Client, patience: &mut Patience) -> Poll<Result<(), Reason>> {
    if client.conduit.is_gone() {
        return Poll::Ready(Err(Reason::ClientGone));
    }
    let now = reactor::now();
    let deadline = patience.deadline(now);
    if now >= deadline {
        return Poll::Ready(Err(Reason::RequestTimeout));
    }
    reactor::arm(deadline);
    Poll::Pending
}
