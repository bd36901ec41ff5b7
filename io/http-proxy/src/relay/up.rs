//! The way up: client to backend.

use super::{End, HELD_BYTES, Relay};
use crate::reason::Reason;
use crate::scratch;
use evenkeel_net::reactor;

impl Relay<'_> {
    pub(super) fn step_up(&mut self) -> Result<bool, End> {
        let mut moved = false;
        if self.sent == 0 && self.exchange.taken < self.exchange.input.len() && !self.up.ended() && !self.up_stuck {
            // What came of the body together with the head goes out together with it.
            moved |= self.take_body()?;
        }
        if self.exchange.to_backend.waits_for(self.backend) {
            let result = self.exchange.to_backend.flush(self.backend);
            moved |= self.count_sent(&result)?;
            if self.exchange.to_backend.waits_for(self.backend) {
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
            // In pieces, so that a body that is held is not copied whole while the backend is slow; each longer than any
            // line of the framing, so that it leads on.
            let piece = &input[self.exchange.taken..];
            let consumed = self.forward_body(&piece[..piece.len().min(scratch::SCRATCH_BYTES)]);
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
}
