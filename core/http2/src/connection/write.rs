//! Writing streams: text becomes frames as far as windows and `output` have room.

use super::{Connection, ROOM_BYTES, Role, Write, fill_head};
use crate::frame::{END_HEADERS, END_STREAM, ErrorCode, HEAD_BYTES, Head, Kind};
use crate::stream::{StreamId, Switch, news};
use crate::text::{self, Chunk, Framing, HeadWriter, Sending, Unsendable, section_end};

/// Bytes that a stream may write in one go while others wait: one full frame.
const TURN_BYTES: usize = 16 * 1024;
/// What ends a body in chunks behind the content of the last one.
const LAST_CHUNK: &[u8] = b"\r\n0\r\n\r\n";

impl Connection {
    /// Writes HTTP/1.1 text, in any pieces: a head, then what it declares.
    pub fn write(&mut self, id: StreamId, bytes: &[u8]) -> Write {
        let Some(place) = self.streams.place(id) else {
            return Write::Broken(ErrorCode::STREAM_CLOSED);
        };
        let stream = self.streams.at(place);
        if let Some(code) = stream.write_broken {
            return Write::Broken(code);
        }
        if stream.waiting {
            return Write::Took(0);
        }
        match self.write_text(place, bytes) {
            Ok(taken) => Write::Took(taken),
            Err(code) => Write::Broken(code),
        }
    }

    /// The user has written all. What ends only so (a tunnel, an answer without a length) is whole; what is not whole is
    /// reset.
    pub fn end_writing(&mut self, id: StreamId) {
        let Some(place) = self.streams.place(id) else { return };
        let stream = self.streams.at_mut(place);
        if stream.write_broken.is_some() || stream.we_ended {
            return;
        }
        match stream.outgoing.sending {
            Sending::UntilEnd => {
                stream.outgoing.sending = Sending::Done;
                self.frame_of_data(place, b"", true);
            }
            Sending::Head | Sending::Length(_) | Sending::Chunked(_) | Sending::Done => {
                let code = match self.role {
                    Role::Server => ErrorCode::INTERNAL_ERROR,
                    Role::Client => ErrorCode::CANCEL,
                };
                self.reset(id, code);
            }
        }
    }

    fn write_text(&mut self, place: usize, bytes: &[u8]) -> Result<usize, ErrorCode> {
        let mut taken = 0;
        let stream = self.streams.at_mut(place);
        stream.has_turn = stream.called;
        let most = if self.line.is_empty() { usize::MAX } else { TURN_BYTES };
        while taken < bytes.len() {
            if !self.room() || taken >= most {
                self.wait(place);
                break;
            }
            let rest = &bytes[taken..];
            let step = match self.streams.at(place).outgoing.sending {
                Sending::Head => self.write_head(place, rest)?,
                Sending::Length(left) => {
                    let content = at_most(rest, left);
                    let is_last = content.len() as u64 == left;
                    let step = self.write_content(place, content, is_last);
                    let left = left - step as u64;
                    self.streams.at_mut(place).outgoing.sending = if left == 0 {
                        Sending::Done
                    } else {
                        Sending::Length(left)
                    };
                    step
                }
                Sending::Chunked(chunk) => self.write_chunked(place, chunk, rest)?,
                Sending::UntilEnd => self.write_content(place, rest, false),
                Sending::Done => return Err(ErrorCode::INTERNAL_ERROR),
            };
            if step == 0 {
                break;
            }
            self.answered_call(place);
            taken += step;
        }
        Ok(taken)
    }

    fn write_chunked(&mut self, place: usize, mut chunk: Chunk, rest: &[u8]) -> Result<usize, ErrorCode> {
        let (step, next) = match chunk {
            Chunk::Data { left } => {
                let content = at_most(rest, left);
                let is_whole = content.len() as u64 == left;
                let is_last = is_whole && rest[content.len()..].starts_with(LAST_CHUNK);
                let step = self.write_content(place, content, is_last);
                if step < content.len() || !is_whole {
                    let left = left - step as u64;
                    (step, Sending::Chunked(Chunk::Data { left }))
                } else if is_last {
                    (step + LAST_CHUNK.len(), Sending::Done)
                } else {
                    (step, Sending::Chunked(Chunk::Return))
                }
            }
            Chunk::Trailers => return self.write_trailers(place, rest),
            Chunk::Size { .. } | Chunk::Line { .. } | Chunk::Return | Chunk::LineFeed => {
                let step = chunk.frame(rest).map_err(|_| self.nonsense(place))?;
                (step, Sending::Chunked(chunk))
            }
        };
        self.streams.at_mut(place).outgoing.sending = next;
        Ok(step)
    }

    fn write_trailers(&mut self, place: usize, rest: &[u8]) -> Result<usize, ErrorCode> {
        let outgoing = &mut self.streams.at_mut(place).outgoing;
        let Ok((step, is_whole)) = outgoing.collect(rest) else {
            return Err(self.nonsense(place));
        };
        if !is_whole {
            return Ok(step);
        }
        outgoing.sending = Sending::Done;
        let mut text = std::mem::take(&mut outgoing.partial);
        if text == b"\r\n" {
            self.frame_of_data(place, b"", true);
        } else {
            let at = self.begin_headers();
            let mut writer = HeadWriter {
                encoder: &mut self.encoder,
                name: &mut self.name,
                out: &mut self.output,
            };
            if text::write_trailers(&mut writer, &text).is_err() {
                self.take_back(at);
                return Err(self.nonsense(place));
            }
            self.end_headers(place, at, true);
        }
        text.clear();
        self.streams.at_mut(place).outgoing.partial = text;
        Ok(step)
    }

    /// What was written is no message.
    fn nonsense(&mut self, place: usize) -> ErrorCode {
        let id = self.streams.id(place);
        self.reset(id, ErrorCode::INTERNAL_ERROR);
        ErrorCode::INTERNAL_ERROR
    }

    fn write_head(&mut self, place: usize, rest: &[u8]) -> Result<usize, ErrorCode> {
        let outgoing = &mut self.streams.at_mut(place).outgoing;
        if outgoing.partial.is_empty()
            && let Some(end) = section_end(rest, 0)
        {
            self.whole_head(place, &rest[..end])?;
            return Ok(end);
        }
        let Ok((step, is_whole)) = outgoing.collect(rest) else {
            return Err(self.nonsense(place));
        };
        if is_whole {
            let mut head = std::mem::take(&mut outgoing.partial);
            self.whole_head(place, &head)?;
            head.clear();
            self.streams.at_mut(place).outgoing.partial = head;
        }
        Ok(step)
    }

    fn whole_head(&mut self, place: usize, head: &[u8]) -> Result<(), ErrorCode> {
        let at = self.begin_headers();
        let stream = self.streams.at(place);
        let mut writer = HeadWriter {
            encoder: &mut self.encoder,
            name: &mut self.name,
            out: &mut self.output,
        };
        let written = match self.role {
            Role::Server => writer.answer(head, stream.head_only, stream.switch == Switch::Asked),
            Role::Client => writer.request(head, self.peer.connect, self.settings.secure),
        };
        let written = match written {
            Ok(written) => written,
            Err(unsendable) => {
                self.take_back(at);
                return Err(self.cannot_send(place, unsendable));
            }
        };
        if self.role == Role::Client {
            let number = self.next;
            self.next += 2;
            self.streams.number(place, number);
            self.policy.opened();
        }
        let stream = self.streams.at_mut(place);
        stream.outgoing.sending = written.sending;
        match self.role {
            Role::Server if written.websocket => {
                stream.switch = Switch::Open;
                stream.incoming.framing = Framing::Tunnel { open: true };
                if stream.incoming.has_text() || stream.incoming.ended {
                    self.tell(place, news::READABLE);
                }
            }
            Role::Server => {}
            Role::Client => {
                stream.head_only = written.head_only;
                stream.proof = written.proof;
                if written.websocket {
                    stream.switch = Switch::Asked;
                }
            }
        }
        self.end_headers(place, at, written.sending == Sending::Done);
        Ok(())
    }

    fn cannot_send(&mut self, place: usize, unsendable: Unsendable) -> ErrorCode {
        match unsendable {
            Unsendable::Text(_) => self.nonsense(place),
            Unsendable::NoConnect => {
                let id = self.streams.id(place);
                self.reset(id, ErrorCode::HTTP_1_1_REQUIRED);
                ErrorCode::HTTP_1_1_REQUIRED
            }
        }
    }

    /// Keeps place for the head of `HEADERS`; where it is.
    fn begin_headers(&mut self) -> usize {
        let at = self.output.len();
        self.output.extend_from_slice(&[0; HEAD_BYTES]);
        at
    }

    /// Throws away the block that was begun.
    fn take_back(&mut self, at: usize) {
        self.output.truncate(at);
        self.encoder.forget();
    }

    /// The block is whole: its head, and `CONTINUATION` where it is too long for one frame.
    fn end_headers(&mut self, place: usize, at: usize, end: bool) {
        let stream = self.streams.at_mut(place);
        let number = stream.number;
        let payload = self.peer.payload;
        let length = self.output.len() - at - HEAD_BYTES;
        let flags = if end { END_STREAM } else { 0 };
        let mut head = Head {
            length,
            kind: Kind::Headers,
            flags: flags | END_HEADERS,
            stream: number,
        };
        if length > payload {
            let rest = self.output.split_off(at + HEAD_BYTES + payload);
            head.length = payload;
            head.flags = flags;
            let mut pieces = rest.chunks(payload).peekable();
            while let Some(piece) = pieces.next() {
                let flags = if pieces.peek().is_none() { END_HEADERS } else { 0 };
                self.send(Kind::Continuation, flags, number, piece);
            }
        }
        fill_head(&mut self.output, at, head);
        if end {
            self.we_ended(place);
        }
    }

    fn we_ended(&mut self, place: usize) {
        self.streams.at_mut(place).we_ended = true;
        self.policy.answered();
        self.settle(place);
    }

    /// Sends content as far as the windows go, one frame at most; `is_last`: the message ends with it. How much; none if
    /// it must wait.
    fn write_content(&mut self, place: usize, content: &[u8], is_last: bool) -> usize {
        let stream = self.streams.at_mut(place);
        if stream.send_window <= 0 {
            stream.window_blocked = true;
            self.lose_turn(place);
            return 0;
        }
        // What ends with one frame need not wait behind long ones; everything else has its turn.
        let is_short = is_last && content.len() <= TURN_BYTES;
        let has_turn = stream.has_turn || is_short || self.line.is_empty();
        if self.send_window <= 0 || !has_turn {
            self.wait(place);
            return 0;
        }
        let window = stream.send_window.min(self.send_window);
        let most = self.peer.payload.min(window as usize);
        let content_now = &content[..content.len().min(most)];
        self.frame_of_data(place, content_now, is_last && content_now.len() == content.len());
        content_now.len()
    }

    fn frame_of_data(&mut self, place: usize, content: &[u8], end: bool) {
        let stream = self.streams.at_mut(place);
        let number = stream.number;
        stream.send_window -= content.len() as i64;
        self.send_window -= content.len() as i64;
        let flags = if end { END_STREAM } else { 0 };
        self.send(Kind::Data, flags, number, content);
        self.policy.sent_data();
        if end {
            self.we_ended(place);
        }
    }

    /// The stream waits in line until the connection takes more.
    fn wait(&mut self, place: usize) {
        let stream = self.streams.at_mut(place);
        if stream.waiting {
            return;
        }
        stream.waiting = true;
        // Who was called and found that others had taken the room is still the next.
        match stream.called {
            true => self.line.push_front(place as u32),
            false => self.line.push_back(place as u32),
        }
        self.answered_call(place);
    }

    /// The stream is no longer one that was called and has not come.
    pub(super) fn answered_call(&mut self, place: usize) {
        self.called -= usize::from(std::mem::take(&mut self.streams.at_mut(place).called));
    }

    /// The stream was called and will not come: the next is.
    pub(super) fn lose_turn(&mut self, place: usize) {
        if self.streams.at(place).called {
            self.answered_call(place);
            self.wake();
        }
    }

    /// Calls those who wait in line, as many as there is room for: the others keep their places. Those who were called
    /// and have not come yet have their room kept, but nobody waits for them for ever.
    pub(super) fn wake(&mut self) {
        if self.line.is_empty() || self.send_window <= 0 || !self.room() {
            return;
        }
        let waiting = self.output.len() - self.sent;
        let turns = ((ROOM_BYTES - waiting) / TURN_BYTES).saturating_sub(self.called);
        let least = usize::from(waiting == 0 || self.called == 0);
        for _ in 0..turns.max(least) {
            let Some(place) = self.line.pop_front() else { return };
            let stream = self.streams.at_mut(place as usize);
            stream.waiting = false;
            stream.called = true;
            self.called += 1;
            self.tell(place as usize, news::WRITABLE);
        }
    }
}

fn at_most(bytes: &[u8], most: u64) -> &[u8] {
    let length = usize::try_from(most).map_or(bytes.len(), |most| most.min(bytes.len()));
    &bytes[..length]
}
