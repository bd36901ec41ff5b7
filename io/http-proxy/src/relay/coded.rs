//! The way down through a content coding: what the backend sends plainly is compressed for the client.

use super::{End, Relay};
use crate::exchange::Exchange;
use evenkeel_compress::{Compressor, memory};
use evenkeel_content::{AnswerFacts, Asked, Coding, decide, is_about_the_bytes, weaken};
use evenkeel_http::{AnswerFraming, CHUNK_END, FieldId, LAST_CHUNK, Method, ResponseFraming, Version, chunk_head};
use evenkeel_model::{Compress, Encoding, Moment};
use evenkeel_net::reactor;
use std::cell::Cell;
use std::time::Duration;

/// How long coded bytes may wait for more of their kind while the backend pauses: what it sends in one go is coded in
/// one go, and nobody notices.
const PAUSE: Duration = Duration::from_millis(20);

/// The type of streams of events (server-sent events).
const EVENTS: &[u8] = b"text/event-stream";

/// Memory of all answers that one worker compresses at once. Clients that read slowly must not be able to fill the
/// machine: what comes beyond goes as it is.
const MEMORY_BYTES: usize = 256 * 1024 * 1024;

thread_local! {
    static HELD: Cell<usize> = const { Cell::new(0) };
}

/// A share of `MEMORY_BYTES`.
struct Share(usize);

impl Share {
    fn take(bytes: usize) -> Option<Share> {
        HELD.with(|held| {
            let room = held.get() + bytes <= MEMORY_BYTES;
            room.then(|| {
                held.set(held.get() + bytes);
                Share(bytes)
            })
        })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        HELD.with(|held| held.set(held.get() - self.0));
    }
}

/// An answer on its way through a coding.
pub(super) struct Coded {
    compressor: Compressor,
    _share: Share,
    /// Since when something has been in the compressor that the client cannot read yet.
    waiting: Option<Moment>,
    /// Each event is sent by itself and must arrive by itself.
    events: bool,
    /// What has come out, on its way into a chunk. Kept, so that it grows once.
    out: Vec<u8>,
}

/// Decides about an answer whose head is in `bytes`; and whether its head has yet to say that it was a decision.
fn coding(exchange: &Exchange, bytes: &[u8], compress: &Compress) -> (Coding, bool) {
    let (head, answer) = (&exchange.head, &exchange.response);
    let length = match answer.framing {
        ResponseFraming::Length(length) => Some(length),
        // The length of an answer to HEAD is that of the answer to GET.
        ResponseFraming::None => answer.declared_length(),
        ResponseFraming::Chunked | ResponseFraming::UntilClose => None,
    };
    let mut facts = AnswerFacts::new(answer.status, length);
    for field in &answer.fields {
        facts.note(field.name.of(bytes), field.value.of(bytes));
    }
    let mut asked = Asked::default();
    // HTTP/1.0 knows no chunks, and of compressed bytes nobody knows the length beforehand.
    if head.version == Version::Http11 {
        for field in &head.fields {
            asked.note(field.name.of(&exchange.input), field.value.of(&exchange.input));
        }
    }
    let coding = decide(&facts, asked.accepted(), compress);
    (coding, coding != Coding::AsIs && !facts.varies())
}

/// What of an answer's head changes with its coding. What the route sets itself stays as it sets it.
fn change_head(exchange: &mut Exchange, bytes: &[u8], encoding: Encoding) {
    let edits = &mut exchange.edits;
    for field in &mut exchange.response.fields {
        let (name, value) = (field.name.of(bytes), field.value.of(bytes));
        if name.eq_ignore_ascii_case(b"etag") {
            if !edits.drops(name) {
                let mut tag = Vec::with_capacity(value.len() + 2);
                weaken(value, &mut tag);
                edits.set(b"etag", &tag);
            }
        } else if is_about_the_bytes(name) {
            field.forward = false;
        } else {
            // Of trailers nobody knows whether they are about the plain or the coded bytes.
            field.forward &= field.id != FieldId::Trailer;
        }
    }
    edits.set(b"content-encoding", encoding.as_str().as_bytes());
}

impl Coded {
    /// Whether there is something for a client that waits for more than a pause.
    fn is_due(&self, now: Moment) -> bool {
        self.due().is_some_and(|due| now >= due)
    }

    fn due(&self) -> Option<Moment> {
        let pause = if self.events { Duration::ZERO } else { PAUSE };
        self.waiting.map(|since| since + pause)
    }
}

impl Relay<'_> {
    /// Decides whether the answer whose head is in `bytes` is compressed, and makes ready for it.
    pub(super) fn begin_coding(&mut self, bytes: &[u8]) {
        let Some(compress) = self.terms.compress else { return };
        let (coding, varies) = coding(self.exchange, bytes, compress);
        if varies {
            self.exchange.edits.add(b"vary", b"accept-encoding");
        }
        let Coding::Coded(encoding) = coding else { return };
        if self.exchange.head.kind != Method::Head {
            // Without memory for it the answer stays as it is.
            let Some(share) = Share::take(memory(encoding)) else {
                return;
            };
            let Ok(compressor) = Compressor::new(encoding) else {
                return;
            };
            let mut types = self.exchange.response.values(bytes, b"content-type");
            let events = types.any(|text| {
                let start = text.get(..EVENTS.len());
                start.is_some_and(|start| start.eq_ignore_ascii_case(EVENTS))
            });
            self.coded = Some(Box::new(Coded {
                compressor,
                _share: share,
                waiting: None,
                events,
                out: Vec::new(),
            }));
        }
        self.framing = AnswerFraming::Chunked;
        change_head(self.exchange, bytes, encoding);
    }

    /// Codes a piece of the answer.
    pub(super) fn code(&mut self, run: &[u8]) -> Result<(), End> {
        let Some(coded) = &mut self.coded else { return Ok(()) };
        let pushed = coded.compressor.push(run, &mut coded.out);
        // What has come out may be all or nothing of it: that more waits inside is a guess, and harmless.
        coded.waiting.get_or_insert(reactor::now());
        self.send_coded(&pushed)
    }

    /// Sends what waits in the compressor, when it has waited long enough for more. Whether there was something.
    pub(super) fn flush_coded(&mut self) -> Result<bool, End> {
        match &mut self.coded {
            Some(coded) if coded.is_due(reactor::now()) => {
                coded.waiting = None;
                let flushed = coded.compressor.flush(&mut coded.out);
                self.send_coded(&flushed).map(|()| true)
            }
            Some(_) | None => Ok(false),
        }
    }

    /// The plain answer has come to its end: so does the coded one.
    pub(super) fn finish_coded(&mut self) -> Result<(), End> {
        let Some(coded) = self.coded.take() else { return Ok(()) };
        let mut out = coded.out;
        if coded.compressor.finish(&mut out).is_err() {
            return Err(self.bad_response("the answer could not be compressed"));
        }
        let to_client = &mut self.exchange.to_client.bytes;
        if !out.is_empty() {
            chunk_head(out.len(), to_client);
            to_client.extend_from_slice(&out);
            to_client.extend_from_slice(CHUNK_END);
        }
        to_client.extend_from_slice(LAST_CHUNK);
        Ok(())
    }

    /// When what waits in the compressor is due. While the client does not read it is not.
    pub(super) fn coded_due(&self) -> Moment {
        if self.exchange.to_client.waits_for(self.client) {
            return Moment::NEVER;
        }
        let due = self.coded.as_ref().and_then(|coded| coded.due());
        due.unwrap_or(Moment::NEVER)
    }

    fn send_coded(&mut self, result: &std::io::Result<()>) -> Result<(), End> {
        let Some(coded) = &mut self.coded else { return Ok(()) };
        let mut out = std::mem::take(&mut coded.out);
        let sent = self.send_chunk(&out);
        out.clear();
        if let Some(coded) = &mut self.coded {
            coded.out = out;
        }
        sent?;
        match result {
            Ok(()) => Ok(()),
            Err(_) => Err(self.bad_response("the answer could not be compressed")),
        }
    }
}
