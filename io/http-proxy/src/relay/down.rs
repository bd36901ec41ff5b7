//! The way down: backend to client.

use super::{ANSWER_HEAD, Down, End, INTERIM_MAX, Relay};
use crate::facts;
use crate::reason::Reason;
use crate::scratch;
use evenkeel_content::DATE_BYTES;
use evenkeel_http::{
    Answer, AnswerFraming, Asked, Body, Fault, LAST_CHUNK, Method, Parsed, ResponseFraming, SegmentKind, Version,
    chunk_head,
};
use evenkeel_net::reactor;
use evenkeel_pool::Failure;

impl Relay<'_> {
    pub(super) fn step_down(&mut self) -> Result<bool, End> {
        let mut moved = false;
        if self.exchange.to_client.waits_for(self.client) {
            moved |= self.flush_client(false)?;
            if self.exchange.to_client.waits_for(self.client) {
                return Ok(moved);
            }
        }
        let read = scratch::with(|buffer| match self.backend.try_read(buffer) {
            Ok(None) => Ok(false),
            Ok(Some(0)) => self.backend_ended().map(|()| true),
            Ok(Some(length)) => {
                self.backend_since = reactor::now();
                self.take_answer(&buffer[..length]).map(|()| true)
            }
            Err(_) => Err(self.backend_reset()),
        })?;
        if !read {
            moved |= self.flush_coded()?;
        }
        if matches!(self.down, Down::Ended) {
            let whole = self.up_ended;
            self.flush_client(!(self.keep_alive && whole))?;
            let reusable = self.reusable && whole && self.exchange.response.keep_alive;
            return Err(End::Answered {
                reusable,
                keep_alive: self.keep_alive && whole,
                whole,
            });
        }
        Ok(read | moved)
    }

    /// `last`: the end of the client's connection follows at once.
    fn flush_client(&mut self, last: bool) -> Result<bool, End> {
        let to_client = &mut self.exchange.to_client;
        let flushed = if last {
            to_client.flush_last(self.client)
        } else {
            to_client.flush(self.client)
        };
        match flushed {
            Ok(count) => {
                self.note_client(count);
                if count > 0 {
                    // While the client did not read, the backend could not go on: its time begins anew.
                    self.backend_since = reactor::now();
                }
                Ok(count > 0)
            }
            Err(_) => Err(self.failed(Reason::ClientGone, None)),
        }
    }

    fn note_client(&mut self, count: usize) {
        self.patience.moved(count);
        self.exchange.record.bytes_out += count as u64;
    }

    fn take_answer(&mut self, bytes: &[u8]) -> Result<(), End> {
        match self.down {
            Down::Head if self.exchange.answer.is_empty() => self.take_head(bytes),
            Down::Head => {
                let mut whole = std::mem::take(&mut self.exchange.answer);
                whole.extend_from_slice(bytes);
                self.take_head(&whole)
            }
            Down::Body(_) if self.down_rest.is_empty() => self.forward_answer(bytes),
            Down::Body(_) => {
                let mut whole = std::mem::take(&mut self.down_rest);
                whole.extend_from_slice(bytes);
                self.forward_answer(&whole)
            }
            Down::Ended => Ok(()),
        }
    }

    /// Reads heads, interim ones first; keeps what is not whole.
    fn take_head(&mut self, bytes: &[u8]) -> Result<(), End> {
        let asked = Asked {
            head: self.exchange.head.kind == Method::Head,
            upgrade: self.exchange.head.upgrade.is_some(),
        };
        let mut at = 0;
        loop {
            match self.exchange.response.parse(&bytes[at..], asked, &ANSWER_HEAD) {
                Err(fault) => return Err(self.bad_response(fault.text())),
                Ok(Parsed::Partial) => {
                    self.exchange.answer = bytes[at..].to_vec();
                    return Ok(());
                }
                Ok(Parsed::Whole) => {}
            }
            let rest = at + self.exchange.response.length;
            if !self.exchange.response.is_interim() {
                return self.begin_answer(&bytes[at..], rest - at);
            }
            self.interim += 1;
            if self.interim > INTERIM_MAX {
                return Err(self.bad_response("interim answers without end"));
            }
            if self.exchange.head.version == Version::Http11 {
                let answer = Answer {
                    client_version: Version::Http11,
                    keep_alive: true,
                    framing: AnswerFraming::AsIs,
                    date: None,
                };
                self.exchange
                    .response
                    .write(&bytes[at..], &answer, &mut self.exchange.to_client.bytes);
            }
            self.exchange.response.reset();
            at = rest;
        }
    }

    /// `bytes` begins with the final head, `length` long.
    fn begin_answer(&mut self, bytes: &[u8], length: usize) -> Result<(), End> {
        let now = reactor::now();
        let status = self.exchange.response.status;
        self.answered = true;
        if self.terms.retry_statuses.contains(&status) && self.held && (self.terms.may_retry)() {
            let failed = self.failed(Reason::BadResponse, Some(Failure::Status));
            return Err(failed);
        }
        self.permit.answered(now);
        self.exchange.record.answered = Some(now.since(self.permit.started()));
        self.exchange.record.status = status;
        self.exchange.record.first_byte = Some(now.since(self.exchange.record.started));
        let version = self.exchange.head.version;
        self.framing = self.exchange.response.answer_framing(version);
        self.begin_coding(bytes);
        // A body still under way may never end: what follows it on this connection could not be told from it.
        self.keep_alive &= self.up_ended && self.framing != AnswerFraming::Close && (self.terms.keep_alive)();
        let answer = Answer {
            client_version: version,
            keep_alive: self.keep_alive,
            framing: self.framing,
            date: self.missing_date(),
        };
        let out = &mut self.exchange.to_client.bytes;
        if self.exchange.edits.is_empty() {
            self.exchange.response.write(bytes, &answer, out);
        } else {
            self.exchange
                .response
                .write_edited(bytes, &answer, &self.exchange.edits, out);
        }
        self.begun = true;
        if self.exchange.response.upgrade {
            self.exchange.answer = bytes[length..].to_vec();
            return Err(End::Upgraded);
        }
        let body = self.exchange.response.body();
        self.down = Down::Body(body);
        self.forward_answer(&bytes[length..])
    }

    /// What an answer that does not say when it was made lacks; where a route takes that away, nothing.
    fn missing_date(&self) -> Option<[u8; DATE_BYTES]> {
        let lacks = !self.exchange.response.is_dated() && !self.exchange.edits.drops(b"date");
        lacks.then(facts::date)
    }

    /// Decodes a piece of the answer's body and sends it on in the framing that the client understands.
    fn forward_answer(&mut self, bytes: &[u8]) -> Result<(), End> {
        let Down::Body(mut body) = std::mem::replace(&mut self.down, Down::Ended) else {
            return Ok(());
        };
        let mut consumed = 0;
        while consumed < bytes.len() && !body.ended() {
            let (pass, skip) = match self.next_piece(&mut body, &bytes[consumed..]) {
                Ok(piece) => piece,
                Err(fault) => return Err(self.bad_response(fault.text())),
            };
            if pass + skip == 0 {
                break;
            }
            self.send_down(&bytes[consumed..consumed + pass])?;
            consumed += pass + skip;
        }
        if body.ended() {
            // Bytes after the end belong to nobody: they must never reach the next client.
            self.reusable &= consumed == bytes.len();
            self.finish_coded()?;
        } else {
            self.down_rest = bytes[consumed..].to_vec();
            self.down = Down::Body(body);
        }
        Ok(())
    }

    /// How many bytes of the answer's body go to the client next, and how many after them are left out.
    fn next_piece(&self, body: &mut Body, bytes: &[u8]) -> Result<(usize, usize), Fault> {
        if self.is_verbatim() {
            return body.next_run(bytes).map(|run| (run.pass, run.skip));
        }
        let segment = body.next(bytes)?;
        Ok(match segment.kind {
            SegmentKind::Data => (segment.length, 0),
            SegmentKind::Frame | SegmentKind::Trailer | SegmentKind::Skip => (0, segment.length),
        })
    }

    /// Whether the answer's body goes to the client byte for byte.
    fn is_verbatim(&self) -> bool {
        match self.framing {
            AnswerFraming::AsIs => true,
            AnswerFraming::Chunked => {
                self.coded.is_none() && self.exchange.response.framing == ResponseFraming::Chunked
            }
            AnswerFraming::Close => false,
        }
    }

    fn makes_chunks(&self) -> bool {
        self.framing == AnswerFraming::Chunked && !self.is_verbatim()
    }

    fn send_down(&mut self, run: &[u8]) -> Result<(), End> {
        if self.coded.is_some() && !run.is_empty() {
            return self.code(run);
        }
        self.send_chunk(run)
    }

    /// Sends a piece of the answer, as a chunk where the client reads chunks and the backend did not make them.
    pub(super) fn send_chunk(&mut self, run: &[u8]) -> Result<(), End> {
        if run.is_empty() {
            return Ok(());
        }
        let chunked = self.makes_chunks();
        if chunked {
            chunk_head(run.len(), &mut self.exchange.to_client.bytes);
        }
        match self.exchange.to_client.send(self.client, run) {
            Ok(count) => self.note_client(count),
            Err(_) => return Err(self.failed(Reason::ClientGone, None)),
        }
        if chunked {
            self.exchange.to_client.bytes.extend_from_slice(b"\r\n");
        }
        Ok(())
    }

    fn backend_ended(&mut self) -> Result<(), End> {
        self.reusable = false;
        let Down::Body(body) = &mut self.down else {
            return Err(self.backend_reset());
        };
        if body.end_of_input().is_err() {
            return Err(self.backend_reset());
        }
        if self.coded.is_some() {
            self.finish_coded()?;
        } else if self.makes_chunks() {
            self.exchange.to_client.bytes.extend_from_slice(LAST_CHUNK);
        }
        self.down = Down::Ended;
        Ok(())
    }
}
