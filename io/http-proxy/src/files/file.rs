//! One file, ready to be sent.

use super::open::{Stamp, Unopened, read, stamp};
use evenkeel_compress::Compressor;
use evenkeel_content::{ContentType, Validators, content_type, write_date};
use evenkeel_model::Encoding;
use std::os::fd::{AsFd, OwnedFd};

/// Files up to this size are kept in memory, where one write sends head and content together; for larger ones the
/// kernel's own copy is sent.
const KEPT_BYTES: u64 = 64 * 1024;
/// Files up to this size are compressed when a route asks for it: larger ones would keep the worker's other clients
/// waiting for more than a few milliseconds, and are better compressed once, beside the file.
pub(super) const MADE_BYTES: u64 = 256 * 1024;
/// How often a file is read again that was changed while it was read.
const READS: u32 = 4;

pub(super) struct File {
    pub(super) stamp: Stamp,
    /// Bytes of content.
    pub(super) length: u64,
    pub(super) kind: ContentType,
    pub(super) validators: Validators,
    pub(super) content: Content,
    /// `etag` and `last-modified`, as lines.
    pub(super) version_lines: Vec<u8>,
    /// `accept-ranges` and `content-encoding`, as lines.
    pub(super) coding_lines: Vec<u8>,
}

pub(super) enum Content {
    /// As it was at one moment.
    Kept(Vec<u8>),
    Open(OwnedFd),
}

impl File {
    /// `name` is that of the plain file, also where this is its sibling in a coding.
    pub(super) fn new(file: OwnedFd, first: Stamp, name: &[u8], coding: Option<Encoding>) -> Result<File, Unopened> {
        let (content, stamp) = load(file, first)?;
        Ok(File::of(content, stamp, stamp.length, name, coding))
    }

    fn of(content: Content, stamp: Stamp, length: u64, name: &[u8], coding: Option<Encoding>) -> File {
        let (seconds, nanoseconds) = stamp.modified;
        let validators = Validators::new(seconds, nanoseconds, length, coding);
        let mut version_lines = b"etag: ".to_vec();
        version_lines.extend_from_slice(&validators.tag);
        version_lines.extend_from_slice(b"\r\nlast-modified: ");
        version_lines.extend_from_slice(&write_date(seconds));
        version_lines.extend_from_slice(b"\r\n");
        let mut coding_lines = b"accept-ranges: bytes\r\n".to_vec();
        if let Some(coding) = coding {
            coding_lines.extend_from_slice(b"content-encoding: ");
            coding_lines.extend_from_slice(coding.as_str().as_bytes());
            coding_lines.extend_from_slice(b"\r\n");
        }
        File {
            stamp,
            length,
            kind: content_type(name),
            validators,
            content,
            version_lines,
            coding_lines,
        }
    }

    /// The same file in a coding; `None` when that saves nothing.
    pub(super) fn compressed(&self, name: &[u8], coding: Encoding) -> Result<Option<File>, Unopened> {
        let failed = |_| Unopened::Failed;
        let mut compressor = Compressor::new(coding).map_err(failed)?;
        let mut out = Vec::new();
        match &self.content {
            Content::Kept(bytes) => compressor.push(bytes, &mut out).map_err(failed)?,
            Content::Open(file) => {
                // It is small enough, see MADE_BYTES.
                let bytes = read(file, self.length as usize)?;
                let bytes = bytes.filter(|_| self.is_as_it_was()).ok_or(Unopened::Failed)?;
                compressor.push(&bytes, &mut out).map_err(failed)?;
            }
        }
        compressor.finish(&mut out).map_err(failed)?;
        out.shrink_to_fit();
        let length = out.len() as u64;
        let made = File::of(Content::Kept(out), self.stamp, length, name, Some(coding));
        Ok((length < self.length).then_some(made))
    }

    /// Whether what would be sent is what the validators say. What is kept in memory cannot change.
    pub(super) fn is_as_it_was(&self) -> bool {
        match &self.content {
            Content::Kept(_) => true,
            Content::Open(file) => stamp(file.as_fd()).is_ok_and(|now| now.is_same_content(&self.stamp)),
        }
    }

    /// Bytes of memory that it takes.
    pub(super) fn memory(&self) -> usize {
        match &self.content {
            Content::Kept(bytes) => bytes.len(),
            Content::Open(_) => 0,
        }
    }

    /// Descriptors that it holds.
    pub(super) fn descriptors(&self) -> usize {
        match &self.content {
            Content::Kept(_) => 0,
            Content::Open(_) => 1,
        }
    }
}

/// A small file is read whole, and again if it was changed meanwhile: half old and half new is neither.
fn load(file: OwnedFd, first: Stamp) -> Result<(Content, Stamp), Unopened> {
    let mut before = first;
    for _ in 0..READS {
        if before.length > KEPT_BYTES {
            return Ok((Content::Open(file), before));
        }
        let bytes = read(&file, before.length as usize)?;
        let after = stamp(file.as_fd())?;
        match bytes {
            Some(bytes) if before.is_same_content(&after) => return Ok((Content::Kept(bytes), after)),
            Some(_) | None => before = after,
        }
    }
    // It never rests: sent from the disk it is at least cut when it changes.
    Ok((Content::Open(file), before))
}
