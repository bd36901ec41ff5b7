//! Where a body ends. One for both directions.

mod chunks;

use crate::bytes::write_hexadecimal;
use crate::fault::Fault;
use crate::framing::{RequestFraming, ResponseFraming};

pub use chunks::Chunks;

/// What follows the content of each chunk.
pub const CHUNK_END: &[u8] = b"\r\n";
/// What ends a body in chunks that has no trailers.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// A body that is being read.
#[derive(Debug, Clone)]
pub enum Body {
    /// There is none, or it has ended.
    None,
    /// So many bytes.
    Length {
        /// Bytes that are still to come.
        left: u64,
    },
    /// Chunks.
    Chunked(Chunks),
    /// Everything until the sender closes.
    UntilClose,
}

/// The next part of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// Bytes from the start of the input that it takes; 0 = more input is needed, or the body has ended.
    pub length: usize,
    /// What they are.
    pub kind: SegmentKind,
}

/// What a part of the input is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SegmentKind {
    /// Content.
    Data,
    /// Framing: passed on as it is where the other side reads chunks, else dropped.
    Frame,
    /// Chunk extensions, and trailers that belong to the hop: never passed on.
    Skip,
    /// One whole trailer line, or the final CRLF: passed on where the other side reads chunks, else dropped.
    Trailer,
}

/// A stretch of the input that is passed on as it is, and what behind it is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Run {
    /// Bytes to pass on. Both 0 = more input is needed, or the body has ended.
    pub pass: usize,
    /// Bytes behind them to throw away.
    pub skip: usize,
    /// How many of the bytes passed on are content.
    pub content: usize,
}

impl Body {
    /// The body of a request so framed. `RequestHead::body` is to be preferred: it knows what belongs to the hop.
    pub fn of_request(framing: &RequestFraming) -> Body {
        match *framing {
            RequestFraming::None => Body::None,
            RequestFraming::Length(left) => Body::Length { left },
            RequestFraming::Chunked => Body::Chunked(Chunks::default()),
        }
    }

    /// The body of a response so framed. `ResponseHead::body` is to be preferred: it knows what belongs to the hop.
    pub fn of_response(framing: &ResponseFraming) -> Body {
        match *framing {
            ResponseFraming::None => Body::None,
            ResponseFraming::Length(left) => Body::Length { left },
            ResponseFraming::Chunked => Body::Chunked(Chunks::default()),
            ResponseFraming::UntilClose => Body::UntilClose,
        }
    }

    /// Throws trailers away instead of passing them on: `Connection` names fields, and these may be among them.
    pub(crate) fn drop_trailers(self) -> Body {
        match self {
            Body::Chunked(_) => Body::Chunked(Chunks::without_trailers()),
            Body::None | Body::Length { .. } | Body::UntilClose => self,
        }
    }

    /// The next part of `input`, which begins where the last part ended. Bytes after the end are not touched.
    ///
    /// # Errors
    /// Malformed chunks, and trailers that are forbidden or too large.
    pub fn next(&mut self, input: &[u8]) -> Result<Segment, Fault> {
        match self {
            Body::None => Ok(Segment {
                length: 0,
                kind: SegmentKind::Data,
            }),
            Body::Length { left } => {
                let length = usize::try_from(*left).map_or(input.len(), |left| left.min(input.len()));
                *left -= length as u64;
                Ok(Segment {
                    length,
                    kind: SegmentKind::Data,
                })
            }
            Body::Chunked(chunks) => chunks.next(input),
            Body::UntilClose => Ok(Segment {
                length: input.len(),
                kind: SegmentKind::Data,
            }),
        }
    }

    /// The parts of `input` up to and including the first that is not passed on, taken together: for a side that reads
    /// the same framing (a length, or chunks to chunks), in one copy instead of many. Call again while anything moves.
    ///
    /// # Errors
    /// As `next`.
    pub fn next_run(&mut self, input: &[u8]) -> Result<Run, Fault> {
        let mut run = Run::default();
        loop {
            let Segment { length, kind } = self.next(&input[run.pass..])?;
            match kind {
                SegmentKind::Skip => {
                    run.skip = length;
                    return Ok(run);
                }
                SegmentKind::Data => run.content += length,
                SegmentKind::Frame | SegmentKind::Trailer => {}
            }
            if length == 0 {
                return Ok(run);
            }
            run.pass += length;
        }
    }

    /// Whether all of it has been read.
    pub fn ended(&self) -> bool {
        match self {
            Body::None => true,
            Body::Length { left } => *left == 0,
            Body::Chunked(chunks) => chunks.ended(),
            Body::UntilClose => false,
        }
    }

    /// The sender has closed.
    ///
    /// # Errors
    /// `Fault::Truncated` if the body should have gone on.
    pub fn end_of_input(&mut self) -> Result<(), Fault> {
        match self {
            Body::UntilClose => {
                *self = Body::None;
                Ok(())
            }
            Body::None | Body::Length { .. } | Body::Chunked(_) => match self.ended() {
                true => Ok(()),
                false => Err(Fault::Truncated),
            },
        }
    }

    /// Looks ahead: whether all of `input`, as far as it belongs to this body, is sound. For refusing a request of
    /// which the body's first bytes are here already before anything of it has been forwarded.
    ///
    /// # Errors
    /// As `next`.
    pub fn check(&self, mut input: &[u8]) -> Result<(), Fault> {
        let mut ahead = self.clone();
        loop {
            let segment = ahead.next(input)?;
            if segment.length == 0 {
                return Ok(());
            }
            input = &input[segment.length..];
        }
    }
}

/// Appends the line that begins a chunk of `size` bytes; 0 would begin the last one.
pub fn chunk_head(size: usize, out: &mut Vec<u8>) {
    write_hexadecimal(size as u64, out);
    out.extend_from_slice(b"\r\n");
}
