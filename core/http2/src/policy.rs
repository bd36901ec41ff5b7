//! What a peer may do that costs us something and it little. Each limit ends the connection with ENHANCE_YOUR_CALM.
//!
//! A budget is a burst and a refill: an honest peer never meets the first, and what is sustained is bounded by the second.

use crate::Closed;
use crate::frame::ErrorCode;
use evenkeel_model::Moment;

/// A burst, and how many of it come back each second.
#[derive(Debug, Clone, Copy)]
struct Limit {
    burst: u32,
    per_second: u32,
    why: &'static str,
}

/// Streams that the client resets beyond those that it lets us answer: one who reads as many answers as it gives up
/// costs no more than one who asks. Browsers reset some tens when a page is left; gRPC resets what takes too long.
const RESETS: Limit = Limit {
    burst: 200,
    per_second: 50,
    why: "too many streams reset",
};
/// Streams that the peer makes us reset or refuse, by malformed messages, broken windows, or more streams than we take.
/// The one limit that ends only a client's connection: see `Connection::provoked`.
const PROVOKED: Limit = Limit {
    burst: 200,
    per_second: 50,
    why: "too many stream errors provoked",
};
/// `PING`: gRPC sends them with every round trip while it measures bandwidth.
const PINGS: Limit = Limit {
    burst: 1000,
    per_second: 500,
    why: "too many PING frames",
};
/// `SETTINGS`: real peers send one or two in all.
const SETTINGS: Limit = Limit {
    burst: 50,
    per_second: 5,
    why: "too many SETTINGS frames",
};
/// `DATA` without content that does not end a stream: of no use to anyone.
const EMPTY_DATA: Limit = Limit {
    burst: 100,
    per_second: 20,
    why: "too many empty DATA frames",
};
/// `WINDOW_UPDATE` beyond those that our own `DATA` earns.
const WINDOW_UPDATES: Limit = Limit {
    burst: 1000,
    per_second: 500,
    why: "too many WINDOW_UPDATE frames",
};
/// `PRIORITY`, frames that we do not know, and those without content for streams that are over, beyond what streams earn.
const CHATTER: Limit = Limit {
    burst: 1000,
    per_second: 500,
    why: "too many frames without effect",
};
/// Each `DATA` frame of ours may be answered by so many `WINDOW_UPDATE` frames: one for its stream, one for the
/// connection, and some to spare.
const UPDATES_EARNED: u32 = 4;
/// Each new stream may come with so many frames without effect: `PRIORITY`, and what follows a reset.
const CHATTER_EARNED: u32 = 4;

/// `CONTINUATION` frames in one block. 32 KiB of fields need one; some peers cut smaller than they must.
pub(crate) const CONTINUATIONS: u32 = 32;
/// Bytes of one coded block, as a multiple of the largest head. Coding makes fields smaller, so a larger block is one of
/// which nothing can be used.
pub(crate) const BLOCK_FACTOR: usize = 2;
/// Bytes of one decoded block, as a multiple of the largest head. Up to it a request is answered with 431; beyond it the
/// block is a bomb.
pub(crate) const BOMB_FACTOR: usize = 16;
/// Bytes that wait for the peer beyond which frames that make us answer end the connection: it does not read.
pub(crate) const UNREAD_BYTES: usize = 256 * 1024;
/// Interim answers on one stream that nobody has read yet.
pub(crate) const INTERIM_ANSWERS: u8 = 64;
/// Seconds that the peer has to acknowledge our `SETTINGS`.
pub(crate) const SETTINGS_SECONDS: u64 = 10;
/// Milliseconds after the first, graceful `GOAWAY` at which the final one is sent when the peer does not answer our `PING`.
pub(crate) const FAREWELL_MILLISECONDS: u64 = 1000;
/// Milliseconds from the answer to that `PING` until the final one: libraries answer it before the program above them has
/// heard of the first, and what that program opens meanwhile shall not fail.
pub(crate) const AFTERTHOUGHT_MILLISECONDS: u64 = 50;

/// What is left of a limit.
#[derive(Debug, Clone, Copy)]
struct Budget {
    limit: Limit,
    left: u32,
    since: Moment,
}

impl Budget {
    fn new(limit: Limit, now: Moment) -> Budget {
        Budget {
            limit,
            left: limit.burst,
            since: now,
        }
    }

    fn take(&mut self, now: Moment) -> Result<(), Closed> {
        if self.left == 0 {
            let elapsed = now.since(self.since).as_millis();
            let earned = elapsed.saturating_mul(u128::from(self.limit.per_second)) / 1000;
            self.left = u32::try_from(earned).map_or(self.limit.burst, |earned| earned.min(self.limit.burst));
            self.since = now;
        }
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(Closed {
                code: ErrorCode::ENHANCE_YOUR_CALM,
                why: self.limit.why,
            }),
        }
    }

    fn earn(&mut self, count: u32) {
        self.left = (self.left + count).min(self.limit.burst);
    }
}

/// What is left of every limit of a connection.
#[derive(Debug)]
pub(crate) struct Policy {
    resets: Budget,
    provoked: Budget,
    pings: Budget,
    settings: Budget,
    empty_data: Budget,
    window_updates: Budget,
    chatter: Budget,
}

impl Policy {
    pub(crate) fn new(now: Moment) -> Policy {
        Policy {
            resets: Budget::new(RESETS, now),
            provoked: Budget::new(PROVOKED, now),
            pings: Budget::new(PINGS, now),
            settings: Budget::new(SETTINGS, now),
            empty_data: Budget::new(EMPTY_DATA, now),
            window_updates: Budget::new(WINDOW_UPDATES, now),
            chatter: Budget::new(CHATTER, now),
        }
    }

    pub(crate) fn reset(&mut self, now: Moment) -> Result<(), Closed> {
        self.resets.take(now)
    }

    pub(crate) fn provoked(&mut self, now: Moment) -> Result<(), Closed> {
        self.provoked.take(now)
    }

    pub(crate) fn ping(&mut self, now: Moment) -> Result<(), Closed> {
        self.pings.take(now)
    }

    pub(crate) fn settings(&mut self, now: Moment) -> Result<(), Closed> {
        self.settings.take(now)
    }

    pub(crate) fn empty_data(&mut self, now: Moment) -> Result<(), Closed> {
        self.empty_data.take(now)
    }

    pub(crate) fn window_update(&mut self, now: Moment) -> Result<(), Closed> {
        self.window_updates.take(now)
    }

    pub(crate) fn chatter(&mut self, now: Moment) -> Result<(), Closed> {
        self.chatter.take(now)
    }

    /// A `DATA` frame of ours went out.
    pub(crate) fn sent_data(&mut self) {
        self.window_updates.earn(UPDATES_EARNED);
    }

    /// Our message of a stream is whole.
    pub(crate) fn answered(&mut self) {
        self.resets.earn(1);
    }

    /// A stream was opened.
    pub(crate) fn opened(&mut self) {
        self.chatter.earn(CHATTER_EARNED);
    }
}
