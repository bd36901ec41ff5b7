//! How streams and connections end.

use super::{Closed, Connection, Role};
use crate::frame::{ErrorCode, Kind};
use crate::stream::{StreamId, Switch, news};
use std::collections::VecDeque;

/// Streams that we reset lately and whose frames may still come: as many as may be reset in a burst.
const RESET_BY_US: usize = 256;
/// Streams that have ended otherwise, told apart only to name the right error.
const ENDED: usize = 64;

/// Streams of which there is no record any more.
#[derive(Debug, Default)]
pub(super) struct Late {
    /// We reset them: what comes is passed over (RFC 9113 5.1).
    reset_by_us: VecDeque<u32>,
    /// The highest number of one that we reset and no longer remember.
    forgotten: u32,
    /// The number, and whether the peer reset it.
    ended: VecDeque<(u32, bool)>,
}

impl Late {
    /// Or may have been, long ago.
    pub(super) fn was_reset_by_us(&self, number: u32) -> bool {
        number <= self.forgotten || self.reset_by_us.contains(&number)
    }

    pub(super) fn was_reset_by_peer(&self, number: u32) -> bool {
        self.ended.contains(&(number, true))
    }

    pub(super) fn was_ended(&self, number: u32) -> bool {
        self.ended.contains(&(number, false))
    }

    pub(super) fn add_reset_by_us(&mut self, number: u32) {
        if self.reset_by_us.len() == RESET_BY_US
            && let Some(oldest) = self.reset_by_us.pop_front()
        {
            self.forgotten = self.forgotten.max(oldest);
        }
        self.reset_by_us.push_back(number);
    }

    fn add_ended(&mut self, number: u32, by_peer: bool) {
        if self.ended.len() == ENDED {
            self.ended.pop_front();
        }
        self.ended.push_back((number, by_peer));
    }
}

impl Connection {
    /// Resets a stream. It is still to be closed.
    pub fn reset(&mut self, id: StreamId, code: ErrorCode) {
        if let Some(place) = self.streams.place(id) {
            self.reset_by_us(place, code);
        }
    }

    /// Whether the peer did nothing with the request, so that it may be sent elsewhere (RFC 9113 8.7).
    pub fn is_refused(&self, id: StreamId) -> bool {
        self.streams
            .place(id)
            .is_some_and(|place| self.streams.at(place).refused)
    }

    /// What the peer did wrong with a stream that was reset for it: its message is malformed, or too large, or more than
    /// its windows allow.
    pub fn fault(&self, id: StreamId) -> Option<&'static str> {
        self.streams.place(id).and_then(|place| self.streams.at(place).fault)
    }

    /// The user is done with the stream. If both messages are whole nothing is said; if only the answer is, the rest of
    /// the request is waived (server: NO_ERROR); else the stream is reset (client: CANCEL, server: INTERNAL_ERROR).
    pub fn close(&mut self, id: StreamId) {
        let Some(place) = self.streams.place(id) else { return };
        let stream = self.streams.at(place);
        if !stream.is_over() && stream.number != 0 {
            let code = match (self.role, stream.we_ended) {
                (Role::Client, _) => ErrorCode::CANCEL,
                (Role::Server, true) => ErrorCode::NO_ERROR,
                (Role::Server, false) => ErrorCode::INTERNAL_ERROR,
            };
            self.reset_by_us(place, code);
        }
        self.forget(place);
    }

    /// Gives the record back.
    pub(super) fn forget(&mut self, place: usize) {
        self.lose_turn(place);
        let stream = self.streams.at_mut(place);
        let unread = stream.incoming.discard();
        let number = stream.number;
        if number != 0 {
            if stream.reset_by_us {
                self.late.add_reset_by_us(number);
            } else {
                self.late.add_ended(number, stream.reset_by_peer);
            }
        }
        if stream.waiting {
            self.line.retain(|&waiting| waiting as usize != place);
        }
        if stream.news & news::QUEUED != 0 {
            self.queue.retain(|&queued| queued as usize != place);
        }
        self.streams.remove(place);
        if unread > 0 {
            self.give_back(unread);
        }
    }

    fn reset_by_us(&mut self, place: usize, code: ErrorCode) {
        let stream = self.streams.at_mut(place);
        if stream.is_over() {
            return;
        }
        stream.reset_by_us = true;
        let number = stream.number;
        self.break_off(place, code);
        if number != 0 {
            self.send(Kind::RstStream, 0, number, &code.0.to_be_bytes());
        }
    }

    /// Nothing more comes of the stream, and nothing goes.
    fn break_off(&mut self, place: usize, code: ErrorCode) {
        self.lose_turn(place);
        let stream = self.streams.at_mut(place);
        stream.read_broken = Some(code);
        stream.write_broken = Some(code);
        stream.window_blocked = false;
        let unread = stream.incoming.discard();
        self.settle(place);
        if unread > 0 {
            self.give_back(unread);
        }
    }

    /// The stream may be over for the protocol.
    pub(super) fn settle(&mut self, place: usize) {
        if self.streams.at(place).is_over() {
            self.streams.settle(place);
        }
    }

    /// The peer did something wrong with a stream.
    pub(super) fn stream_error(&mut self, place: usize, code: ErrorCode, why: &'static str) -> Result<(), Closed> {
        self.note(why);
        self.provoked()?;
        let stream = self.streams.at_mut(place);
        stream.fault = Some(why);
        if stream.is_over() && !stream.reset_by_us {
            let number = stream.number;
            self.streams.at_mut(place).reset_by_us = true;
            self.send(Kind::RstStream, 0, number, &code.0.to_be_bytes());
            self.break_off(place, code);
        } else {
            self.reset_by_us(place, code);
        }
        self.ended(place);
        Ok(())
    }

    /// Takes an error of one stream from what a peer may provoke. When nothing is left a client is cut: its streams are
    /// its own. A server's are those of many who did nothing wrong, so no more are opened, and those under way go on:
    /// each can come to grief once, so that what is still provoked is bounded by their number.
    pub(super) fn provoked(&mut self) -> Result<(), Closed> {
        match (self.role, self.policy.provoked(self.now)) {
            (_, Ok(())) => Ok(()),
            (Role::Server, Err(closed)) => Err(closed),
            (Role::Client, Err(_)) => {
                if self.away.last().is_none() {
                    self.go_away(self.now);
                    self.tell_away = true;
                }
                Ok(())
            }
        }
    }

    /// Counts a fault of the peer that ended a stream, or everything.
    pub(super) fn note(&mut self, why: &'static str) {
        self.faults += 1;
        self.last_fault = Some(why);
    }

    /// The same for a stream that has no record.
    pub(super) fn reset_nobody(&mut self, number: u32, code: ErrorCode) -> Result<(), Closed> {
        self.note(match code {
            ErrorCode::REFUSED_STREAM => "more streams than there may be",
            _ => "frames behind a reset",
        });
        self.provoked()?;
        self.late.add_reset_by_us(number);
        self.send(Kind::RstStream, 0, number, &code.0.to_be_bytes());
        Ok(())
    }

    /// The user is told that the stream has ended; if it never heard of it, it never will.
    fn ended(&mut self, place: usize) {
        if self.streams.at(place).known {
            self.tell(place, news::ENDED);
        } else {
            self.forget(place);
        }
    }

    pub(super) fn reset_by_peer(&mut self, place: usize, code: ErrorCode) {
        let role = self.role;
        let stream = self.streams.at_mut(place);
        if stream.is_over() && (stream.reset_by_us || stream.reset_by_peer) {
            return;
        }
        let was_over = stream.is_over();
        stream.reset_by_peer = true;
        stream.refused |= code == ErrorCode::REFUSED_STREAM && !stream.is_answered();
        // An answer that is whole stays whole: the rest of the request is not wanted (RFC 9113 8.1), or no longer.
        if role == Role::Client && stream.peer_ended && stream.switch != Switch::Open {
            stream.write_broken = Some(code);
            stream.window_blocked = false;
            self.settle(place);
            self.tell(place, news::WRITABLE);
            return;
        }
        if was_over {
            // Both messages were whole on the wire.
            return;
        }
        self.break_off(place, code);
        self.ended(place);
    }

    /// The peer's `GOAWAY` says that it has not looked at this stream and will not.
    pub(super) fn refused_by_peer(&mut self, place: usize) {
        let stream = self.streams.at_mut(place);
        stream.refused = true;
        stream.reset_by_peer = true;
        self.break_off(place, ErrorCode::REFUSED_STREAM);
        self.ended(place);
    }

    /// The connection is at its end.
    pub(super) fn die(&mut self, closed: Closed) {
        let last = self.away.last().unwrap_or(self.highest);
        self.say_go_away(last, closed.code, closed.why);
        self.note(closed.why);
        self.dead = Some(closed);
        for place in self.streams.places() {
            let stream = self.streams.at_mut(place);
            // An answer that is whole stays whole.
            if self.role == Role::Server || !stream.peer_ended {
                stream.read_broken.get_or_insert(closed.code);
            }
            stream.write_broken.get_or_insert(closed.code);
        }
    }
}
