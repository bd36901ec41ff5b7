//! Frames about the connection: settings, windows, pings, going away.

use super::receive::{calm, frame_size, protocol};
use super::{Closed, Connection, Role};
use crate::frame::{ACK, ErrorCode, Head, Kind, LARGEST, number};
use crate::policy::{AFTERTHOUGHT_MILLISECONDS, FAREWELL_MILLISECONDS};
use crate::settings::FIRST_WINDOW;
use crate::stream::news;
use evenkeel_model::Moment;
use std::time::Duration;

/// What our `PING` says that comes with the first `GOAWAY`.
const FAREWELL: [u8; 8] = *b"farewell";

/// How far we are with going away (RFC 9113 6.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Away {
    No,
    /// Said, with the largest last stream: what is on its way still counts. Final soon after a round trip, or then.
    Announced {
        deadline: Moment,
    },
    /// Said, with the true last stream.
    Final {
        last: u32,
    },
}

impl Away {
    pub(super) fn last(self) -> Option<u32> {
        match self {
            Away::No | Away::Announced { .. } => None,
            Away::Final { last } => Some(last),
        }
    }
}

impl Connection {
    /// RFC 9113 6.5.
    pub(super) fn settings_frame(&mut self, head: Head, payload: &[u8]) -> Result<(), Closed> {
        if head.stream != 0 {
            return Err(protocol("SETTINGS on a stream"));
        }
        if head.flags & ACK != 0 {
            return match payload.is_empty() {
                true => self.settings_acknowledged(),
                false => Err(frame_size("an acknowledgement of SETTINGS with a payload")),
            };
        }
        if !payload.len().is_multiple_of(6) {
            return Err(frame_size("SETTINGS of a wrong length"));
        }
        self.policy.settings(self.now)?;
        self.answerable()?;
        let before = self.peer.window;
        self.peer
            .read(payload, self.role == Role::Server)
            .map_err(|(code, why)| Closed { code, why })?;
        self.encoder.set_limit(self.peer.table_bytes);
        if before != self.peer.window {
            self.move_windows(i64::from(self.peer.window) - i64::from(before))?;
        }
        if !self.is_ready {
            self.is_ready = true;
            self.tell_ready = true;
        }
        self.send(Kind::Settings, ACK, 0, &[]);
        Ok(())
    }

    /// RFC 9113 6.9.2.
    fn move_windows(&mut self, by: i64) -> Result<(), Closed> {
        for place in self.streams.places() {
            let stream = self.streams.at_mut(place);
            stream.send_window += by;
            if stream.send_window > i64::from(LARGEST) {
                return Err(Closed {
                    code: ErrorCode::FLOW_CONTROL_ERROR,
                    why: "SETTINGS make a window too large",
                });
            }
            if stream.window_blocked && stream.send_window > 0 {
                stream.window_blocked = false;
                self.tell(place, news::WRITABLE);
            }
        }
        Ok(())
    }

    /// The peer's streams now have the window that we asked for.
    fn settings_acknowledged(&mut self) -> Result<(), Closed> {
        if self.settings_deadline == Moment::NEVER {
            return self.policy.settings(self.now);
        }
        self.settings_deadline = Moment::NEVER;
        let by = i64::from(self.settings.stream_window) - i64::from(FIRST_WINDOW);
        self.stream_window = self.settings.stream_window;
        for place in self.streams.places() {
            self.streams.at_mut(place).receive_window += by;
        }
        Ok(())
    }

    /// RFC 9113 6.9.
    pub(super) fn window_update(&mut self, head: Head, payload: &[u8]) -> Result<(), Closed> {
        if payload.len() != 4 {
            return Err(frame_size("WINDOW_UPDATE of a wrong length"));
        }
        let by = i64::from(number(payload) & LARGEST);
        self.policy.window_update(self.now)?;
        if head.stream == 0 {
            if by == 0 {
                return Err(protocol("WINDOW_UPDATE by 0"));
            }
            self.send_window += by;
            if self.send_window > i64::from(LARGEST) {
                return Err(Closed {
                    code: ErrorCode::FLOW_CONTROL_ERROR,
                    why: "the connection's window is too large",
                });
            }
            self.wake();
            return Ok(());
        }
        let Some(place) = self.streams.find(head.stream) else {
            return match self.is_idle(head.stream) && !self.is_beyond(head.stream) {
                true => Err(protocol("WINDOW_UPDATE on a stream that was never opened")),
                false => Ok(()),
            };
        };
        if by == 0 {
            return self.stream_error(place, ErrorCode::PROTOCOL_ERROR, "WINDOW_UPDATE by 0");
        }
        let stream = self.streams.at_mut(place);
        stream.send_window += by;
        if stream.send_window > i64::from(LARGEST) {
            return self.stream_error(place, ErrorCode::FLOW_CONTROL_ERROR, "a stream's window is too large");
        }
        if stream.window_blocked && stream.send_window > 0 {
            stream.window_blocked = false;
            self.tell(place, news::WRITABLE);
        }
        Ok(())
    }

    /// RFC 9113 6.7.
    pub(super) fn ping(&mut self, head: Head, payload: &[u8]) -> Result<(), Closed> {
        if head.stream != 0 {
            return Err(protocol("PING on a stream"));
        }
        if payload.len() != 8 {
            return Err(frame_size("PING of a wrong length"));
        }
        self.policy.ping(self.now)?;
        if head.flags & ACK != 0 {
            if let (FAREWELL, Away::Announced { deadline }) =
                (<[u8; 8]>::try_from(payload).unwrap_or_default(), &mut self.away)
            {
                *deadline = (*deadline).min(self.now + Duration::from_millis(AFTERTHOUGHT_MILLISECONDS));
            }
            return Ok(());
        }
        self.answerable()?;
        self.send(Kind::Ping, ACK, 0, payload);
        Ok(())
    }

    /// RFC 9113 6.8.
    pub(super) fn go_away_frame(&mut self, head: Head, payload: &[u8]) -> Result<(), Closed> {
        if head.stream != 0 {
            return Err(protocol("GOAWAY on a stream"));
        }
        if payload.len() < 8 {
            return Err(frame_size("GOAWAY of a wrong length"));
        }
        self.policy.chatter(self.now)?;
        let last = number(payload) & LARGEST;
        let last = self.peer_away.map_or(last, |before| before.min(last));
        if self.peer_away.is_none() {
            self.tell_away = true;
        }
        self.peer_away = Some(last);
        if self.role == Role::Client {
            for place in self.streams.places() {
                let number = self.streams.at(place).number;
                let stream = self.streams.at(place);
                // What has been answered was looked at, whatever the peer says now.
                if (number > last || number == 0) && !stream.is_over() && !stream.is_answered() {
                    self.refused_by_peer(place);
                }
            }
        }
        Ok(())
    }

    /// Begins to go away. Server: the client is told to open no more streams; those that it opens before it has heard
    /// are served, and soon after a round trip (or after a second) the last one is named. Streams under way go on. Client: nothing
    /// is opened any more.
    pub fn go_away(&mut self, now: Moment) {
        self.now = now;
        if self.away != Away::No || self.dead.is_some() {
            return;
        }
        match self.role {
            Role::Server => {
                self.say_go_away(LARGEST, ErrorCode::NO_ERROR, "");
                self.send(Kind::Ping, 0, 0, &FAREWELL);
                let deadline = self.now + Duration::from_millis(FAREWELL_MILLISECONDS);
                self.away = Away::Announced { deadline };
            }
            Role::Client => {
                self.say_go_away(0, ErrorCode::NO_ERROR, "");
                self.away = Away::Final { last: 0 };
            }
        }
    }

    fn say_final(&mut self) {
        let last = self.highest;
        self.say_go_away(last, ErrorCode::NO_ERROR, "");
        self.away = Away::Final { last };
    }

    pub(super) fn say_go_away(&mut self, last: u32, code: ErrorCode, why: &str) {
        let mut payload = Vec::with_capacity(8 + why.len());
        payload.extend_from_slice(&last.to_be_bytes());
        payload.extend_from_slice(&code.0.to_be_bytes());
        payload.extend_from_slice(why.as_bytes());
        self.send(Kind::GoAway, 0, 0, &payload);
    }

    /// Whether the connection may be closed once `output` is sent: it is at its end, or going away is done (or, for a
    /// client, the peer's) and no stream is left.
    pub fn is_finished(&self) -> bool {
        let gone = match self.role {
            Role::Server => self.away.last().is_some(),
            Role::Client => self.away.last().is_some() || self.peer_away.is_some() || self.next >= LARGEST,
        };
        self.dead.is_some() || (gone && self.streams.len() == 0)
    }

    /// When `handle_timeout` is to be called, if nothing happens before.
    pub fn poll_timeout(&self) -> Option<Moment> {
        if self.dead.is_some() {
            return None;
        }
        let farewell = match self.away {
            Away::Announced { deadline } => deadline,
            Away::No | Away::Final { .. } => Moment::NEVER,
        };
        let deadline = farewell.min(self.settings_deadline).min(self.whole_until());
        (deadline != Moment::NEVER).then_some(deadline)
    }

    /// It is later.
    ///
    /// # Errors
    /// The connection is at its end, as with `receive`: our `SETTINGS` were not acknowledged in time, or a field block
    /// was not whole.
    pub fn handle_timeout(&mut self, now: Moment) -> Result<(), Closed> {
        self.now = now;
        if let Some(closed) = self.dead {
            return Err(closed);
        }
        if now >= self.settings_deadline {
            let closed = Closed {
                code: ErrorCode::SETTINGS_TIMEOUT,
                why: "SETTINGS were not acknowledged in time",
            };
            self.die(closed);
            return Err(closed);
        }
        if now >= self.whole_until() {
            let closed = calm("a frame took too long to arrive");
            self.die(closed);
            return Err(closed);
        }
        match self.away {
            Away::Announced { deadline } if now >= deadline => self.say_final(),
            Away::No | Away::Announced { .. } | Away::Final { .. } => {}
        }
        Ok(())
    }
}
