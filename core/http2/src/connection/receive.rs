//! Frames that come: in what order they may, and what belongs to streams that there are.

use super::{Closed, Connection, Role};
use crate::frame::{
    END_HEADERS, END_STREAM, ErrorCode, HEAD_BYTES, Head, Kind, PADDED, PAYLOAD_BYTES, PREFACE, PRIORITY, number,
    unpadded,
};
use crate::policy::{BLOCK_FACTOR, CONTINUATIONS, UNREAD_BYTES};
use crate::stream::news;
use crate::text::Framing;
use evenkeel_model::Moment;

/// Bytes of the fields in `HEADERS` that say a priority.
const PRIORITY_BYTES: usize = 5;
/// Bytes of the smallest block that a `CONTINUATION` may make larger than a head may be.
const BLOCK_BYTES: usize = 16 * 1024;

/// A field block of which not all has come.
#[derive(Debug)]
pub(super) struct Block {
    stream: u32,
    end: bool,
    bytes: Vec<u8>,
    continuations: u32,
    since: Moment,
}

pub(super) fn protocol(why: &'static str) -> Closed {
    Closed {
        code: ErrorCode::PROTOCOL_ERROR,
        why,
    }
}

pub(super) fn frame_size(why: &'static str) -> Closed {
    Closed {
        code: ErrorCode::FRAME_SIZE_ERROR,
        why,
    }
}

pub(super) fn calm(why: &'static str) -> Closed {
    Closed {
        code: ErrorCode::ENHANCE_YOUR_CALM,
        why,
    }
}

impl Connection {
    /// Takes bytes from the peer, all of them; a frame of which not all has come is kept.
    ///
    /// # Errors
    /// The connection is at its end: `output` holds a `GOAWAY`; send it and close. All streams are lost, except that
    /// answers which are whole (client) can still be read.
    pub fn receive(&mut self, bytes: &[u8], now: Moment) -> Result<(), Closed> {
        self.now = now;
        if let Some(closed) = self.dead {
            return Err(closed);
        }
        let taken = self.take(bytes).inspect_err(|closed| self.die(*closed));
        self.note_begun();
        taken
    }

    /// Frames other than `DATA` come at once from everybody who means well.
    fn note_begun(&mut self) {
        let is_begun = !self.input.is_empty() && !Kind::Data.begins(&self.input);
        if !is_begun {
            self.begun = None;
        } else if self.begun.is_none_or(|(frames, _)| frames != self.frames) {
            self.begun = Some((self.frames, self.now));
        }
    }

    /// When what has begun must be whole.
    pub(super) fn whole_until(&self) -> Moment {
        let block = self.block.as_ref().map(|block| block.since);
        let since = block.or(self.begun.map(|(_, since)| since));
        match (since, self.settings.head_within) {
            (Some(since), Some(limit)) => since + limit,
            (Some(_) | None, _) => Moment::NEVER,
        }
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), Closed> {
        let mut rest = self.take_preface(bytes)?;
        while !rest.is_empty() {
            if !self.input.is_empty() {
                rest = self.complete(rest)?;
                continue;
            }
            let frame = match rest.first_chunk::<HEAD_BYTES>() {
                Some(head) => {
                    let head = checked(head)?;
                    rest.split_at_checked(HEAD_BYTES + head.length)
                        .map(|(frame, more)| (head, frame, more))
                }
                None => None,
            };
            let Some((head, frame, more)) = frame else {
                self.input.extend_from_slice(rest);
                return Ok(());
            };
            self.frame(head, &frame[HEAD_BYTES..])?;
            rest = more;
        }
        Ok(())
    }

    fn take_preface<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], Closed> {
        if self.role == Role::Client || self.preface == PREFACE.len() {
            return Ok(bytes);
        }
        let count = (PREFACE.len() - self.preface).min(bytes.len());
        let (preface, rest) = bytes.split_at(count);
        if preface != &PREFACE[self.preface..self.preface + count] {
            return Err(protocol("what came is not the preface of HTTP/2"));
        }
        self.preface += count;
        Ok(rest)
    }

    /// Adds to the frame that is kept, and takes it when it is whole.
    fn complete<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], Closed> {
        let head = self.input.first_chunk::<HEAD_BYTES>().map(checked).transpose()?;
        let wanted = HEAD_BYTES + head.map_or(0, |head| head.length);
        let count = (wanted - self.input.len()).min(bytes.len());
        let (more, rest) = bytes.split_at(count);
        self.input.extend_from_slice(more);
        let Some(head) = self.input.first_chunk::<HEAD_BYTES>().map(checked).transpose()? else {
            return Ok(rest);
        };
        if self.input.len() == HEAD_BYTES + head.length {
            let mut input = std::mem::take(&mut self.input);
            let taken = self.frame(head, &input[HEAD_BYTES..]);
            input.clear();
            self.input = input;
            taken?;
        }
        Ok(rest)
    }

    fn frame(&mut self, head: Head, payload: &[u8]) -> Result<(), Closed> {
        self.frames += 1;
        if !self.is_ready && (head.kind != Kind::Settings || head.flags & crate::frame::ACK != 0) {
            return Err(protocol("the first frame is not SETTINGS"));
        }
        if self.block.is_some() && head.kind != Kind::Continuation {
            return Err(protocol("a frame in the middle of a field block"));
        }
        match head.kind {
            Kind::Data => self.data(head, payload),
            Kind::Headers => self.headers(head, payload),
            Kind::Continuation => self.continuation(head, payload),
            Kind::RstStream => self.rst_stream(head, payload),
            Kind::WindowUpdate => self.window_update(head, payload),
            Kind::Settings => self.settings_frame(head, payload),
            Kind::Ping => self.ping(head, payload),
            Kind::GoAway => self.go_away_frame(head, payload),
            Kind::Priority => self.priority(head, payload),
            Kind::PushPromise => Err(protocol("PUSH_PROMISE, which is not allowed")),
            Kind::Unknown => self.policy.chatter(self.now),
        }
    }

    /// Whether no stream of this number has been (RFC 9113 5.1).
    pub(super) fn is_idle(&self, number: u32) -> bool {
        match self.role {
            Role::Server => number.is_multiple_of(2) || number > self.highest,
            Role::Client => number.is_multiple_of(2) || number >= self.next,
        }
    }

    /// Whether it is refused or ignored because of our `GOAWAY`.
    pub(super) fn is_beyond(&self, number: u32) -> bool {
        self.role == Role::Server && self.away.last().is_some_and(|last| number > last)
    }

    /// RFC 9113 6.1.
    fn data(&mut self, head: Head, payload: &[u8]) -> Result<(), Closed> {
        if head.stream == 0 {
            return Err(protocol("DATA on stream 0"));
        }
        let length = payload.len();
        self.receive_window -= length as i64;
        if self.receive_window < 0 {
            return Err(Closed {
                code: ErrorCode::FLOW_CONTROL_ERROR,
                why: "more DATA than the connection's window",
            });
        }
        let content = unpadded(head.flags, payload).ok_or(protocol("more padding than DATA"))?;
        let end = head.flags & END_STREAM != 0;
        if content.is_empty() && !end {
            self.policy.empty_data(self.now)?;
        }
        let Some(place) = self.streams.find(head.stream) else {
            self.give_back(length);
            self.late_data(content)?;
            return self.data_of_nobody(head.stream);
        };
        let stream = self.streams.at_mut(place);
        if stream.reset_by_us {
            self.give_back(length);
            return self.late_data(content);
        }
        stream.receive_window -= length as i64;
        let wrong = if stream.peer_ended || stream.reset_by_peer {
            Some((ErrorCode::STREAM_CLOSED, "DATA behind the end of its stream"))
        } else if stream.receive_window < 0 {
            Some((ErrorCode::FLOW_CONTROL_ERROR, "more DATA than the stream's window"))
        } else {
            self.content(place, content, end)
                .err()
                .map(|why| (ErrorCode::PROTOCOL_ERROR, why))
        };
        if let Some((code, why)) = wrong {
            self.give_back(length);
            return self.stream_error(place, code, why);
        }
        self.give_back(length - content.len());
        self.streams.at_mut(place).unreturned += (length - content.len()) as u32;
        Ok(())
    }

    /// `DATA` that nobody will read. What has content is bounded by the windows; what has none, by nothing else.
    fn late_data(&mut self, content: &[u8]) -> Result<(), Closed> {
        match content.is_empty() {
            true => self.policy.chatter(self.now),
            false => Ok(()),
        }
    }

    fn data_of_nobody(&mut self, number: u32) -> Result<(), Closed> {
        if self.is_idle(number) && !self.is_beyond(number) {
            return Err(protocol("DATA on a stream that was never opened"));
        }
        if self.is_beyond(number) || self.late.was_reset_by_us(number) {
            return Ok(());
        }
        if self.late.was_reset_by_peer(number) {
            return self.reset_nobody(number, ErrorCode::STREAM_CLOSED);
        }
        Err(Closed {
            code: ErrorCode::STREAM_CLOSED,
            why: "DATA on a closed stream",
        })
    }

    /// Content for a stream that may have some.
    fn content(&mut self, place: usize, content: &[u8], end: bool) -> Result<(), &'static str> {
        let stream = self.streams.at_mut(place);
        let incoming = &mut stream.incoming;
        let received = incoming.received + content.len() as u64;
        match incoming.framing {
            Framing::Nothing => return Err("DATA before a head"),
            Framing::None if !content.is_empty() => return Err("DATA where there is no content"),
            Framing::None | Framing::Length(_) | Framing::Chunked { .. } | Framing::Tunnel { .. } => {}
        }
        let differs = |length| received > length || (end && received < length);
        if incoming.framing.declared().is_some_and(differs) {
            return Err("content-length and DATA differ");
        }
        incoming.push(content);
        if end {
            incoming.end(b"");
            stream.peer_ended = true;
            self.settle(place);
        }
        if end || !content.is_empty() {
            self.tell(place, news::READABLE);
        }
        Ok(())
    }

    /// RFC 9113 6.2.
    fn headers(&mut self, head: Head, payload: &[u8]) -> Result<(), Closed> {
        if head.stream == 0 {
            return Err(protocol("HEADERS on stream 0"));
        }
        if head.flags & PADDED != 0 && payload.is_empty() {
            return Err(frame_size("HEADERS too short"));
        }
        let mut block = unpadded(head.flags, payload).ok_or(protocol("more padding than HEADERS"))?;
        if head.flags & PRIORITY != 0 {
            block = block.get(PRIORITY_BYTES..).ok_or(frame_size("HEADERS too short"))?;
        }
        let end = head.flags & END_STREAM != 0;
        if head.flags & END_HEADERS != 0 {
            return self.whole_block(head.stream, block, end);
        }
        self.block = Some(Block {
            stream: head.stream,
            end,
            bytes: block.to_vec(),
            continuations: 0,
            since: self.now,
        });
        Ok(())
    }

    /// RFC 9113 6.10.
    fn continuation(&mut self, head: Head, payload: &[u8]) -> Result<(), Closed> {
        let most = self.settings.max_head_bytes * BLOCK_FACTOR + BLOCK_BYTES;
        let Some(mut block) = self.block.take_if(|block| block.stream == head.stream) else {
            return Err(protocol("CONTINUATION out of place"));
        };
        block.continuations += 1;
        block.bytes.extend_from_slice(payload);
        if block.continuations > CONTINUATIONS {
            return Err(calm("too many CONTINUATION frames"));
        }
        if block.bytes.len() > most {
            return Err(calm("a field block is too large"));
        }
        if head.flags & END_HEADERS != 0 {
            return self.whole_block(block.stream, &block.bytes, block.end);
        }
        self.block = Some(block);
        Ok(())
    }

    /// RFC 9113 6.4.
    fn rst_stream(&mut self, head: Head, payload: &[u8]) -> Result<(), Closed> {
        if payload.len() != 4 {
            return Err(frame_size("RST_STREAM of a wrong length"));
        }
        if head.stream == 0 || (self.is_idle(head.stream) && !self.is_beyond(head.stream)) {
            return Err(protocol("RST_STREAM on a stream that was never opened"));
        }
        if self.role == Role::Server {
            self.policy.reset(self.now)?;
        }
        if let Some(place) = self.streams.find(head.stream) {
            self.reset_by_peer(place, ErrorCode(number(payload)));
        }
        Ok(())
    }

    /// RFC 9113 6.3; what it says is not used (5.3.2).
    fn priority(&mut self, head: Head, payload: &[u8]) -> Result<(), Closed> {
        if head.stream == 0 {
            return Err(protocol("PRIORITY on stream 0"));
        }
        self.policy.chatter(self.now)?;
        if payload.len() == PRIORITY_BYTES {
            return Ok(());
        }
        match self.streams.find(head.stream) {
            Some(place) => self.stream_error(place, ErrorCode::FRAME_SIZE_ERROR, "PRIORITY of a wrong length"),
            None => Err(frame_size("PRIORITY of a wrong length")),
        }
    }

    /// A frame makes us answer: not while the peer does not read.
    pub(super) fn answerable(&self) -> Result<(), Closed> {
        match self.output.len() - self.sent > UNREAD_BYTES {
            true => Err(calm("frames that must be answered, and what is sent is not read")),
            false => Ok(()),
        }
    }
}

fn checked(head: &[u8; HEAD_BYTES]) -> Result<Head, Closed> {
    let head = Head::read(head);
    match head.length > PAYLOAD_BYTES {
        true => Err(frame_size("a frame larger than allowed")),
        false => Ok(head),
    }
}
