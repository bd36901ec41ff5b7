//! What came on a stream, as the text that its user reads.

use crate::bytes::Digits;

/// How the content goes to the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Framing {
    /// No head has come.
    #[default]
    Nothing,
    /// There is none.
    None,
    /// So many bytes, as declared.
    Length(u64),
    /// In chunks.
    Chunked {
        /// The length that was declared all the same: see [`Announced`].
        declared: Option<u64>,
    },
    /// As it is, once the tunnel is open.
    Tunnel {
        /// It is open.
        open: bool,
    },
}

impl Framing {
    /// Bytes of content that must come, no more and no fewer.
    pub(crate) fn declared(self) -> Option<u64> {
        match self {
            Framing::Length(length) => Some(length),
            Framing::Chunked { declared } => declared,
            Framing::Nothing | Framing::None | Framing::Tunnel { .. } => None,
        }
    }
}

/// Whether a message says that trailers will follow it, and where in its text it declares a length.
///
/// HTTP/1.1 has no place for trailers behind a declared length. So a message that declares one and announces trailers is
/// handed on in chunks without the length, which is still held against it.
#[derive(Debug, Default)]
pub(crate) struct Announced {
    trailers: bool,
    /// The line of the length.
    length: std::ops::Range<usize>,
}

impl Announced {
    /// A line that is no length.
    #[inline]
    pub(crate) fn line(&mut self, line: &[u8]) {
        self.trailers |= line.first() == Some(&b't') && line.starts_with(b"trailer: ");
    }

    /// The same, of an answer: gRPC announces nothing, and ends every one with trailers.
    #[inline]
    pub(crate) fn line_of_answer(&mut self, line: &[u8]) {
        self.line(line);
        self.trailers |= line.first() == Some(&b'c') && line.starts_with(b"content-type: application/grpc");
    }

    /// The line of the length is about to be written to `text`.
    pub(crate) fn length(&mut self, text: &[u8], line: &[u8]) {
        self.length = text.len()..text.len() + line.len();
    }

    /// How content of a declared length is handed on; `text` is the head without its end.
    pub(crate) fn framing(&self, length: u64, text: &mut Vec<u8>) -> Framing {
        if !self.trailers {
            return Framing::Length(length);
        }
        text.drain(self.length.clone());
        text.extend_from_slice(CHUNKED);
        Framing::Chunked { declared: Some(length) }
    }
}

/// What says so in a head.
pub(crate) const CHUNKED: &[u8] = b"transfer-encoding: chunked\r\n";

/// Text that waits to be read: heads, then content, then the end of the chunks with the trailers.
#[derive(Debug, Default)]
pub(crate) struct Incoming {
    buffer: Vec<u8>,
    /// Bytes of the buffer that were read.
    taken: usize,
    /// Bytes of heads that were not.
    heads: usize,
    /// Bytes at the end of the buffer that are no content.
    tail: usize,
    pub(crate) framing: Framing,
    /// Content bytes that have come.
    pub(crate) received: u64,
    /// Interim heads that were not read.
    pub(crate) interim: u8,
    /// Content bytes left of the chunk that is being read.
    chunk: usize,
    /// Bytes of framing that come next.
    prefix: Prefix,
    /// The peer has ended its message.
    pub(crate) ended: bool,
}

/// Framing between chunks: CRLF and a size line at most.
#[derive(Debug, Clone, Copy, Default)]
struct Prefix {
    bytes: [u8; 24],
    start: u8,
    end: u8,
}

impl Prefix {
    fn push(&mut self, bytes: &[u8]) {
        let end = usize::from(self.end);
        self.bytes[end..end + bytes.len()].copy_from_slice(bytes);
        self.end += bytes.len() as u8;
    }

    fn take(&mut self, buffer: &mut [u8]) -> usize {
        let bytes = &self.bytes[usize::from(self.start)..usize::from(self.end)];
        let count = bytes.len().min(buffer.len());
        buffer[..count].copy_from_slice(&bytes[..count]);
        self.start += count as u8;
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
        count
    }

    fn is_empty(&self) -> bool {
        self.start == self.end
    }
}

impl Incoming {
    /// A new one in the same buffer, unless that is large.
    pub(crate) fn renewed(self, most: usize) -> Incoming {
        let mut buffer = self.buffer;
        buffer.clear();
        if buffer.capacity() > most {
            buffer = Vec::new();
        }
        Incoming {
            buffer,
            ..Incoming::default()
        }
    }

    /// Where the text of a head is to be appended; `head_written` says when it is there.
    pub(crate) fn buffer(&mut self) -> &mut Vec<u8> {
        if self.taken == self.buffer.len() {
            self.buffer.clear();
            self.taken = 0;
        }
        &mut self.buffer
    }

    /// The buffer now holds a head from `start` on; no content came before it.
    pub(crate) fn head_written(&mut self) {
        self.heads = self.buffer.len() - self.taken;
    }

    /// Content came.
    pub(crate) fn push(&mut self, content: &[u8]) {
        self.received += content.len() as u64;
        let live = self.buffer.len() - self.taken;
        // Moving what is left costs less than it saves once most was read.
        if live == 0 || (self.taken > live && self.buffer.len() + content.len() > self.buffer.capacity()) {
            self.buffer.drain(..self.taken);
            self.taken = 0;
        }
        self.buffer.extend_from_slice(content);
    }

    /// The message has ended; `trailers` are whole lines.
    pub(crate) fn end(&mut self, trailers: &[u8]) {
        self.ended = true;
        if let Framing::Chunked { .. } = self.framing {
            let before = self.buffer.len();
            self.buffer.extend_from_slice(b"0\r\n");
            self.buffer.extend_from_slice(trailers);
            self.buffer.extend_from_slice(b"\r\n");
            self.tail = self.buffer.len() - before;
        }
    }

    fn content(&self) -> usize {
        self.buffer.len() - self.taken - self.heads - self.tail
    }

    /// Content that was not read and no longer will be.
    pub(crate) fn discard(&mut self) -> usize {
        let content = self.content();
        self.buffer.clear();
        (self.taken, self.heads, self.tail) = (0, 0, 0);
        content
    }

    /// Whether `read` would give anything.
    pub(crate) fn has_text(&self) -> bool {
        match self.framing {
            Framing::Nothing | Framing::None | Framing::Tunnel { open: false } => self.heads > 0,
            Framing::Length(_) | Framing::Tunnel { open: true } => self.taken < self.buffer.len(),
            Framing::Chunked { .. } => self.taken < self.buffer.len() || !self.prefix.is_empty(),
        }
    }

    /// All that will ever come has been read. What waits for a tunnel to open has not.
    pub(crate) fn is_finished(&self) -> bool {
        let waits = self.framing == Framing::Tunnel { open: false } && self.content() > 0;
        self.ended && !self.has_text() && !waits
    }

    /// Copies text out: how many bytes, and how many of them are content.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> (usize, usize) {
        let mut count = 0;
        let mut content = 0;
        if self.heads > 0 {
            count = self.copy(self.heads, buffer);
            self.heads -= count;
            if self.heads == 0 {
                self.interim = 0;
            }
        }
        match self.framing {
            Framing::Nothing | Framing::None | Framing::Tunnel { open: false } => {}
            Framing::Length(_) | Framing::Tunnel { open: true } => {
                content = self.copy(self.content(), &mut buffer[count..]);
                count += content;
            }
            Framing::Chunked { .. } => {
                let (more, its_content) = self.read_chunks(&mut buffer[count..]);
                count += more;
                content = its_content;
            }
        }
        if self.taken == self.buffer.len() {
            self.buffer.clear();
            self.taken = 0;
        }
        (count, content)
    }

    fn copy(&mut self, most: usize, buffer: &mut [u8]) -> usize {
        let count = most.min(buffer.len());
        buffer[..count].copy_from_slice(&self.buffer[self.taken..self.taken + count]);
        self.taken += count;
        count
    }

    /// What is here of the content is one chunk.
    fn read_chunks(&mut self, buffer: &mut [u8]) -> (usize, usize) {
        let mut count = 0;
        let mut content = 0;
        while count < buffer.len() {
            let rest = &mut buffer[count..];
            if !self.prefix.is_empty() {
                count += self.prefix.take(rest);
            } else if self.chunk > 0 {
                let copied = self.copy(self.chunk, rest);
                self.chunk -= copied;
                content += copied;
                count += copied;
                if self.chunk == 0 {
                    self.prefix.push(b"\r\n");
                }
            } else if self.content() > 0 {
                self.chunk = self.content();
                self.prefix.push(Digits::new(self.chunk as u64, 16).text());
                self.prefix.push(b"\r\n");
            } else if self.tail > 0 {
                let copied = self.copy(self.tail, rest);
                self.tail -= copied;
                count += copied;
            } else {
                break;
            }
        }
        (count, content)
    }
}
