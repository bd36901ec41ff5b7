//! Whether a part of a large file can be sent without waiting for the disk, and how that is made so.

use super::file::{Content, File};
use super::medium::Medium;
use super::open::read_at_once;
use evenkeel_content::Part;
use evenkeel_model::Moment;
use rustix::fs::{Advice, fadvise};
use rustix::io::pread;
use std::cell::RefCell;
use std::io;
use std::num::NonZeroU64;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

/// A file is looked at, and fetched, in windows of so many bytes.
const WINDOW_BYTES: u64 = 512 * 1024;
/// What the kernel is asked to send at once: fewer calls cost less, and a client that takes it all keeps the others of the
/// worker waiting for about half a millisecond.
const SENT_AT_ONCE: u64 = 4 * WINDOW_BYTES;
/// How long a window is taken for being in memory still: the kernel drops first what nobody has asked for, and this was.
pub(super) const TRUSTED: Duration = Duration::from_secs(1);
/// Windows of a file that are remembered; two that meet in one place are asked for again.
const REMEMBERED: u64 = 64;
/// One byte in so many is asked for to know about the others: the kernel reads at least as much ahead at once, and drops
/// what it has read together together.
const STEP_BYTES: u64 = 64 * 1024;
/// How far ahead the disk is made to read while the client is being sent what is there.
pub(super) const AHEAD_BYTES: u64 = 4 * 1024 * 1024;
/// Of what is `Remote`, so much at once is handed over.
const HANDED_BYTES: u64 = 128 * 1024;
/// What a thread reads at once.
const READ_BYTES: usize = 64 * 1024;

/// The windows that were in memory lately, and when.
pub(super) struct Warm(RefCell<Box<[(u64, Moment)]>>);

impl Warm {
    pub(super) fn new(content: &Content, length: u64) -> Warm {
        let windows = match content {
            Content::Kept(_) => 0,
            Content::Open(_) => length.div_ceil(WINDOW_BYTES).min(REMEMBERED),
        };
        Warm(RefCell::new(vec![(u64::MAX, Moment::ZERO); windows as usize].into()))
    }

    fn is(&self, window: u64, now: Moment) -> bool {
        let windows = self.0.borrow();
        let place = window % (windows.len() as u64).max(1);
        let known = windows.get(place as usize);
        known.is_some_and(|(known, at)| *known == window && now.since(*at) < TRUSTED)
    }

    fn note(&self, window: u64, now: Moment) {
        let mut windows = self.0.borrow_mut();
        let place = window % (windows.len() as u64).max(1);
        if let Some(known) = windows.get_mut(place as usize) {
            *known = (window, now);
        }
    }
}

/// What of a part is fetched next: it ends where its window does.
pub(super) fn next_piece(part: Part) -> Part {
    let window_end = (part.first / WINDOW_BYTES + 1).saturating_mul(WINDOW_BYTES);
    Part {
        first: part.first,
        end: part.end.min(window_end),
    }
}

/// Whether a piece of a window is in memory, as far as is known or can be asked at little cost.
fn is_warm(file: &File, content: &OwnedFd, piece: Part, now: Moment) -> bool {
    if file.medium == Medium::Remote {
        return false;
    }
    if was_warm(file, piece, now) {
        return true;
    }
    let mut at = piece.first;
    while at < piece.end {
        if !is_there(content.as_fd(), at) {
            return false;
        }
        at += STEP_BYTES;
    }
    let warm = is_there(content.as_fd(), piece.end - 1);
    if warm {
        note(file, piece, now);
    }
    warm
}

/// What of a part can be sent at once.
pub(super) fn warm_piece(file: &File, content: &OwnedFd, part: Part, now: Moment) -> Option<Part> {
    let mut warm: Option<Part> = None;
    while let Some(next) = rest(part, warm)
        && is_warm(file, content, next, now)
    {
        warm = Some(Part {
            first: part.first,
            end: next.end,
        });
    }
    warm
}

/// The next window of a part after what is warm.
fn rest(part: Part, warm: Option<Part>) -> Option<Part> {
    let first = warm.map_or(part.first, |warm| warm.end);
    let is_wanted = first < part.end && first - part.first < SENT_AT_ONCE;
    is_wanted.then(|| next_piece(Part { first, end: part.end }))
}

/// Whether it was in memory lately, so that the kernel needs not be asked.
pub(super) fn was_warm(file: &File, piece: Part, now: Moment) -> bool {
    file.medium == Medium::Memory || file.warm.is(piece.first / WINDOW_BYTES, now)
}

/// Notes that a piece is in memory: of whole windows only.
pub(super) fn note(file: &File, piece: Part, now: Moment) {
    let whole =
        piece.first.is_multiple_of(WINDOW_BYTES) && (piece.length() == WINDOW_BYTES || piece.end == file.length);
    if whole {
        file.warm.note(piece.first / WINDOW_BYTES, now);
    }
}

/// Whether this byte is there, or nobody knows and asking again would not help: an error and the end of the file are met by
/// whoever sends it.
fn is_there(content: BorrowedFd<'_>, at: u64) -> bool {
    !matches!(read_at_once(content, &mut [0], at), Err(rustix::io::Errno::AGAIN))
}

/// What a thread has fetched.
pub(super) enum Fetched {
    /// The piece is in the kernel's memory now.
    Warm,
    /// The bytes themselves, at least one; they may be fewer than the piece.
    Bytes(Vec<u8>),
    /// The file has no byte there any more.
    Ended,
}

/// Fetches a piece of a file from whatever it lies on, on a thread that may wait.
pub(super) fn fetch(content: &Arc<OwnedFd>, medium: Medium, piece: Part) -> io::Result<Fetched> {
    #[cfg(test)]
    super::double::wait(content.as_fd());
    let length = match medium {
        Medium::Memory | Medium::Disk => READ_BYTES,
        Medium::Remote => piece.length().min(HANDED_BYTES) as usize,
    };
    let mut buffer = vec![0; length];
    let mut at = piece.first;
    while at < piece.end {
        let wanted = ((piece.end - at) as usize).min(buffer.len());
        let count = rustix::io::retry_on_intr(|| pread(content, &mut buffer[..wanted], at))?;
        match (medium, count) {
            (_, 0) => return Ok(Fetched::Ended),
            (Medium::Remote, count) => {
                buffer.truncate(count);
                return Ok(Fetched::Bytes(buffer));
            }
            (Medium::Memory | Medium::Disk, count) => at += count as u64,
        }
    }
    Ok(Fetched::Warm)
}

/// Has the disk begin with what comes next. Advice may be ignored, and giving it may wait.
pub(super) fn read_ahead(content: &OwnedFd, from: u64, to: u64) {
    if let Some(length) = to.checked_sub(from).and_then(NonZeroU64::new) {
        let _ = fadvise(content, from, Some(length), Advice::WillNeed);
    }
}
