use crate::conduit::Conduit;
use std::io::{self, IoSlice};

/// From this size on, a body is sent together with the head before it instead of being copied behind it.
const GATHER_BYTES: usize = 2048;

/// Bytes on their way to one side that the kernel has not taken yet. Bounded by whoever fills it: nothing is read
/// from the other side while something is here.
#[derive(Default)]
pub(crate) struct Outbox {
    pub(crate) bytes: Vec<u8>,
    sent: usize,
}

impl Outbox {
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Whether anything, here or already handed over, is not in the kernel yet.
    pub(crate) fn waits_for(&self, to: &Conduit) -> bool {
        !self.is_empty() || to.has_unsent()
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.sent = 0;
    }

    /// Sends what is here; returns how much went.
    pub(crate) fn flush(&mut self, to: &Conduit) -> io::Result<usize> {
        let total = self.flush_with(|bytes| to.try_write(bytes))?;
        if self.is_empty() {
            to.try_flush()?;
        }
        Ok(total)
    }

    /// As [`Outbox::flush`], where the end follows at once.
    pub(crate) fn flush_last(&mut self, to: &Conduit) -> io::Result<usize> {
        if self.is_empty() || to.has_unsent() {
            return self.flush(to);
        }
        self.flush_with(|bytes| to.try_write_last(bytes))
    }

    /// Sends what is here in another way of writing; returns how much went.
    pub(crate) fn flush_with(&mut self, write: impl Fn(&[u8]) -> io::Result<Option<usize>>) -> io::Result<usize> {
        let mut total = 0;
        while self.sent < self.bytes.len() {
            let Some(count) = write(&self.bytes[self.sent..])? else {
                break;
            };
            self.sent += count;
            total += count;
        }
        if self.sent == self.bytes.len() {
            self.clear();
        }
        Ok(total)
    }

    /// Sends `run` after what is here, keeping what does not fit; returns how much went.
    pub(crate) fn send(&mut self, to: &Conduit, run: &[u8]) -> io::Result<usize> {
        if !self.is_empty() {
            if run.len() < GATHER_BYTES {
                self.bytes.extend_from_slice(run);
                return Ok(0);
            }
            return self.send_gathered(to, run);
        }
        let count = to.try_write(run)?.unwrap_or(0);
        self.bytes.extend_from_slice(&run[count..]);
        Ok(count)
    }

    fn send_gathered(&mut self, to: &Conduit, run: &[u8]) -> io::Result<usize> {
        let waiting = self.bytes.len() - self.sent;
        let pieces = [IoSlice::new(&self.bytes[self.sent..]), IoSlice::new(run)];
        let count = to.try_write_pieces(&pieces)?.unwrap_or(0);
        if count >= waiting {
            self.clear();
            self.bytes.extend_from_slice(&run[count - waiting..]);
        } else {
            self.sent += count;
            self.bytes.extend_from_slice(run);
        }
        Ok(count)
    }
}
