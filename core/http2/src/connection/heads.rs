//! Field blocks that are whole: requests, answers, trailers.

use super::receive::{calm, protocol};
use super::{Closed, Connection, Role};
use crate::frame::{END_HEADERS, END_STREAM, ErrorCode, HEAD_BYTES, Head, Kind};
use crate::hpack::Encoder;
use crate::policy::{BOMB_FACTOR, INTERIM_ANSWERS};
use crate::stream::{Switch, news};
use crate::text::{AnswerReader, Answered, AskedFor, Framing, RequestReader, TrailerReader, Unusable};

const COMPRESSION: Closed = Closed {
    code: ErrorCode::COMPRESSION_ERROR,
    why: "a field block is malformed",
};

impl Connection {
    /// Whose block it is, and what that makes of it.
    pub(super) fn whole_block(&mut self, number: u32, block: &[u8], end: bool) -> Result<(), Closed> {
        let Some(place) = self.streams.find(number) else {
            return self.block_of_nobody(number, block, end);
        };
        let stream = self.streams.at(place);
        if stream.reset_by_us {
            return self.pass_over_late(block);
        }
        if stream.peer_ended || stream.reset_by_peer {
            self.pass_over(block)?;
            return self.stream_error(
                place,
                ErrorCode::STREAM_CLOSED,
                "HEADERS behind the end of their stream",
            );
        }
        match (self.role, stream.incoming.framing) {
            (Role::Client, Framing::Nothing) => self.answer(place, block, end),
            (
                Role::Server | Role::Client,
                Framing::Nothing
                | Framing::None
                | Framing::Length(_)
                | Framing::Chunked { .. }
                | Framing::Tunnel { .. },
            ) => self.trailers(place, block, end),
        }
    }

    fn block_of_nobody(&mut self, number: u32, block: &[u8], end: bool) -> Result<(), Closed> {
        if self.is_idle(number) {
            return match self.role {
                Role::Server if !number.is_multiple_of(2) => self.request(number, block, end),
                Role::Server => Err(protocol("a client's stream has an even number")),
                Role::Client => Err(protocol("HEADERS on a stream that was never opened")),
            };
        }
        if self.is_beyond(number) || self.late.was_reset_by_us(number) {
            return self.pass_over_late(block);
        }
        self.pass_over(block)?;
        if self.late.was_reset_by_peer(number) {
            return self.reset_nobody(number, ErrorCode::STREAM_CLOSED);
        }
        let code = match self.late.was_ended(number) {
            true => ErrorCode::STREAM_CLOSED,
            false => ErrorCode::PROTOCOL_ERROR,
        };
        Err(Closed {
            code,
            why: "HEADERS on a closed stream",
        })
    }

    /// A block of which nothing is used; the next one must be read all the same.
    fn pass_over(&mut self, block: &[u8]) -> Result<(), Closed> {
        let mut size = 0;
        let read = self.decoder.decode(block, |field| size += field.size());
        read.map_err(|_| COMPRESSION)?;
        judge_size(size, self.settings.max_head_bytes)
    }

    /// A block that the peer could not know to be of no use: one may come for each stream.
    fn pass_over_late(&mut self, block: &[u8]) -> Result<(), Closed> {
        self.policy.chatter(self.now)?;
        self.pass_over(block)
    }

    fn request(&mut self, number: u32, block: &[u8], end: bool) -> Result<(), Closed> {
        self.highest = number;
        if self.is_beyond(number) {
            return self.pass_over_late(block);
        }
        self.policy.opened();
        let most = self.settings.max_concurrent_streams as usize;
        // Streams that the user has not closed yet count too, but not against a client that keeps to the limit.
        if self.streams.active >= most || self.streams.len() >= 2 * most {
            self.pass_over(block)?;
            return self.reset_nobody(number, ErrorCode::REFUSED_STREAM);
        }
        let place = self.streams.add();
        self.streams.number(place, number);
        let stream = self.streams.at_mut(place);
        stream.send_window = i64::from(self.peer.window);
        stream.receive_window = i64::from(self.stream_window);
        let mut reader = RequestReader::new(
            stream.incoming.buffer(),
            &mut self.scratch,
            self.settings.max_head_bytes,
            self.settings.enable_connect,
        );
        let read = self.decoder.decode(block, |field| reader.take(field));
        let size = reader.size();
        let request = reader.finish(end);
        read.map_err(|_| COMPRESSION)?;
        judge_size(size, self.settings.max_head_bytes)?;
        match request {
            Ok(request) => {
                stream.incoming.head_written();
                stream.incoming.framing = request.framing;
                stream.head_only = request.head_only;
                if request.websocket {
                    stream.switch = Switch::Asked;
                }
                if end {
                    stream.incoming.end(b"");
                    stream.peer_ended = true;
                }
                self.tell(place, news::OPENED);
                Ok(())
            }
            Err(Unusable::Malformed(why)) => self.stream_error(place, ErrorCode::PROTOCOL_ERROR, why),
            Err(Unusable::TooLarge) => self.too_large(place, end),
        }
    }

    /// A request whose fields are too large: 431 (RFC 6585 5).
    fn too_large(&mut self, place: usize, end: bool) -> Result<(), Closed> {
        self.note("a request's fields are too large");
        self.policy.provoked(self.now)?;
        self.answerable()?;
        let number = self.streams.at(place).number;
        let at = self.output.len();
        self.output.extend_from_slice(&[0; HEAD_BYTES]);
        self.encoder.begin(&mut self.output);
        Encoder::named(8, b"431", &mut self.output);
        Encoder::named(28, b"0", &mut self.output);
        let head = Head {
            length: self.output.len() - at - HEAD_BYTES,
            kind: Kind::Headers,
            flags: END_HEADERS | END_STREAM,
            stream: number,
        };
        super::fill_head(&mut self.output, at, head);
        let stream = self.streams.at_mut(place);
        stream.we_ended = true;
        stream.peer_ended = end;
        if !end {
            stream.reset_by_us = true;
            self.send(Kind::RstStream, 0, number, &ErrorCode::NO_ERROR.0.to_be_bytes());
        }
        self.streams.at_mut(place).incoming.discard();
        self.forget(place);
        Ok(())
    }

    fn answer(&mut self, place: usize, block: &[u8], end: bool) -> Result<(), Closed> {
        let stream = self.streams.at_mut(place);
        let asked = AskedFor {
            head_only: stream.head_only,
            proof: (stream.switch == Switch::Asked).then_some(&stream.proof),
        };
        let text = stream.incoming.buffer();
        let start = text.len();
        let mut reader = AnswerReader::new(text, self.settings.max_head_bytes, asked);
        let read = self.decoder.decode(block, |field| reader.take(field));
        let size = reader.size();
        let answered = reader.finish(end);
        read.map_err(|_| COMPRESSION)?;
        if answered.is_err() {
            text.truncate(start);
        } else {
            stream.incoming.head_written();
        }
        let wrong = match answered {
            Ok(Answered::Interim) => {
                stream.incoming.interim += 1;
                (stream.incoming.interim > INTERIM_ANSWERS)
                    .then_some((ErrorCode::ENHANCE_YOUR_CALM, "too many interim answers"))
            }
            Ok(Answered::Final(framing)) => {
                stream.incoming.framing = framing;
                if let Framing::Tunnel { .. } = framing {
                    stream.switch = Switch::Open;
                }
                if end {
                    stream.incoming.end(b"");
                    stream.peer_ended = true;
                }
                None
            }
            Err(Unusable::Malformed(why)) => Some((ErrorCode::PROTOCOL_ERROR, why)),
            Err(Unusable::TooLarge) => Some((ErrorCode::ENHANCE_YOUR_CALM, "an answer's fields are too large")),
        };
        judge_size(size, self.settings.max_head_bytes)?;
        if let Some((code, why)) = wrong {
            return self.stream_error(place, code, why);
        }
        self.settle(place);
        self.tell(place, news::READABLE);
        Ok(())
    }

    fn trailers(&mut self, place: usize, block: &[u8], end: bool) -> Result<(), Closed> {
        let mut reader = TrailerReader::new(&mut self.trailers, self.settings.max_head_bytes);
        let read = self.decoder.decode(block, |field| reader.take(field));
        let (size, judged) = reader.finish();
        read.map_err(|_| COMPRESSION)?;
        judge_size(size, self.settings.max_head_bytes)?;
        let stream = self.streams.at_mut(place);
        let incoming = &mut stream.incoming;
        let wrong = match (judged, incoming.framing) {
            (Err(why), _) => Some(why),
            (Ok(()), _) if !end => Some("HEADERS in the middle of a message"),
            (Ok(()), Framing::Tunnel { .. }) => Some("HEADERS in a tunnel"),
            (Ok(()), framing) if framing.declared().is_some_and(|length| incoming.received != length) => {
                Some("content-length and DATA differ")
            }
            (Ok(()), Framing::Nothing | Framing::None | Framing::Length(_) | Framing::Chunked { .. }) => None,
        };
        if let Some(why) = wrong {
            return self.stream_error(place, ErrorCode::PROTOCOL_ERROR, why);
        }
        incoming.end(&self.trailers);
        stream.peer_ended = true;
        self.settle(place);
        self.tell(place, news::READABLE);
        Ok(())
    }
}

/// Whether a block has grown out of all proportion.
fn judge_size(size: usize, head_bytes: usize) -> Result<(), Closed> {
    match size > head_bytes.saturating_mul(BOMB_FACTOR) {
        true => Err(calm("a field block grows too large when it is read")),
        false => Ok(()),
    }
}
