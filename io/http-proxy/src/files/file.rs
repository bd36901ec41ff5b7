//! One file, ready to be sent.

use super::medium::Medium;
use super::open::{Stamp, Unopened, Wait, newest_stamp, read, stamp};
use super::warm::Warm;
use evenkeel_compress::Compressor;
use evenkeel_content::{ContentType, Validators, content_type, write_date};
use evenkeel_model::Encoding;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

/// Files up to this size are kept in memory, where one write sends head and content together; for larger ones the
/// kernel's own copy is sent.
const KEPT_BYTES: u64 = 64 * 1024;
/// Files up to this size are compressed when a route asks for it: larger ones would keep whoever waits for them for more
/// than a few milliseconds, and are better compressed once, beside the file.
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
    pub(super) medium: Medium,
    /// What of the content was in the kernel's memory lately.
    pub(super) warm: Warm,
    /// `etag` and `last-modified`, as lines.
    pub(super) version_lines: Vec<u8>,
    /// `accept-ranges` and `content-encoding`, as lines.
    pub(super) coding_lines: Vec<u8>,
}

/// Shared with the threads that read.
#[derive(Clone)]
pub(super) enum Content {
    /// As it was at one moment.
    Kept(Arc<[u8]>),
    Open(Arc<OwnedFd>),
}

/// What is open and not yet read, and under which name: that of the plain file, also where this is its sibling in a coding.
pub(super) struct Source<'a> {
    pub(super) file: OwnedFd,
    pub(super) stamp: Stamp,
    pub(super) medium: Medium,
    pub(super) name: &'a [u8],
    pub(super) coding: Option<Encoding>,
}

impl File {
    pub(super) fn new(source: Source<'_>, wait: Wait) -> Result<File, Unopened> {
        let Source {
            file,
            stamp,
            medium,
            name,
            coding,
        } = source;
        let wait = match medium {
            Medium::Memory => Wait::AsLongAsItTakes,
            Medium::Disk | Medium::Remote => wait,
        };
        let (content, stamp) = load(file, stamp, wait)?;
        Ok(File::of(content, stamp, medium, stamp.length, name, coding))
    }

    fn of(content: Content, stamp: Stamp, medium: Medium, length: u64, name: &[u8], coding: Option<Encoding>) -> File {
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
            warm: Warm::new(&content, length),
            content,
            medium,
            version_lines,
            coding_lines,
        }
    }

    /// What it takes to make the same file in a coding, on a thread that may wait.
    pub(super) fn recipe(&self, name: &[u8], coding: Encoding) -> Recipe {
        Recipe {
            content: self.content.clone(),
            stamp: self.stamp,
            medium: self.medium,
            length: self.length,
            name: name.to_vec(),
            coding,
        }
    }

    /// Whether what would be sent is what the validators say. What is kept in memory cannot change.
    pub(super) fn is_as_it_was(&self) -> bool {
        match &self.content {
            Content::Kept(_) => true,
            Content::Open(file) => stamp(file.as_fd(), self.medium).is_ok_and(|now| now.is_same_content(&self.stamp)),
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

/// A file that is to be made in a coding.
pub(super) struct Recipe {
    content: Content,
    pub(super) stamp: Stamp,
    medium: Medium,
    length: u64,
    pub(super) name: Vec<u8>,
    coding: Encoding,
}

impl Recipe {
    /// The file in the coding; `None` when that saves nothing or fails.
    pub(super) fn made(&self) -> Option<File> {
        let mut compressor = Compressor::new(self.coding).ok()?;
        let mut out = Vec::new();
        match &self.content {
            Content::Kept(bytes) => compressor.push(bytes, &mut out).ok()?,
            Content::Open(file) => {
                // It is small enough, see MADE_BYTES.
                let bytes = read(file.as_fd(), self.length as usize, Wait::AsLongAsItTakes).ok()??;
                let after = newest_stamp(file.as_fd()).ok()?;
                if !after.is_same_content(&self.stamp) {
                    return None;
                }
                compressor.push(&bytes, &mut out).ok()?;
            }
        }
        compressor.finish(&mut out).ok()?;
        let length = out.len() as u64;
        let content = Content::Kept(out.into());
        let coding = Some(self.coding);
        let made = File::of(content, self.stamp, self.medium, length, &self.name, coding);
        (length < self.length).then_some(made)
    }
}

/// A small file is read whole, and again if it was changed meanwhile: half old and half new is neither.
fn load(file: OwnedFd, first: Stamp, wait: Wait) -> Result<(Content, Stamp), Unopened> {
    let mut before = first;
    for _ in 0..READS {
        if before.length > KEPT_BYTES {
            return Ok((Content::Open(Arc::new(file)), before));
        }
        let bytes = read(file.as_fd(), before.length as usize, wait)?;
        let after = newest_stamp(file.as_fd())?;
        match bytes {
            Some(bytes) if before.is_same_content(&after) => return Ok((Content::Kept(bytes.into()), after)),
            Some(_) | None => before = after,
        }
    }
    // It never rests: sent from the disk it is at least cut when it changes.
    Ok((Content::Open(Arc::new(file)), before))
}
