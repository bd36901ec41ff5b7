//! Reading streams, and giving windows back.

use super::{Connection, Read};
use crate::frame::{ErrorCode, Kind};
use crate::stream::StreamId;

impl Connection {
    /// Reads HTTP/1.1 text. Content that is read opens the windows for more; see `output` afterwards.
    pub fn read(&mut self, id: StreamId, buffer: &mut [u8]) -> Read {
        let Some(place) = self.streams.place(id) else {
            return Read::Broken(ErrorCode::STREAM_CLOSED);
        };
        let stream = self.streams.at_mut(place);
        if let Some(code) = stream.read_broken {
            return Read::Broken(code);
        }
        let (count, content) = stream.incoming.read(buffer);
        if content > 0 {
            self.consumed(place, content);
        }
        if count > 0 {
            Read::Bytes(count)
        } else if self.streams.at(place).incoming.is_finished() {
            Read::End
        } else {
            Read::Nothing
        }
    }

    /// Whether `read` would say anything but `Nothing`.
    pub fn may_read(&self, id: StreamId) -> bool {
        self.streams.place(id).is_none_or(|place| {
            let stream = self.streams.at(place);
            stream.read_broken.is_some() || stream.incoming.has_text() || stream.incoming.ended
        })
    }

    /// Content of a stream was read.
    fn consumed(&mut self, place: usize, count: usize) {
        let stream = self.streams.at_mut(place);
        stream.unreturned += count as u32;
        // Half a window at a time: few frames, and the sender need not stop.
        if !stream.peer_ended && stream.unreturned >= (self.settings.stream_window / 2).max(1) {
            let by = std::mem::take(&mut stream.unreturned);
            stream.receive_window += i64::from(by);
            let number = stream.number;
            self.send(Kind::WindowUpdate, 0, number, &by.to_be_bytes());
        }
        self.give_back(count);
    }

    /// Bytes of `DATA` no longer take room.
    pub(super) fn give_back(&mut self, count: usize) {
        self.unreturned += count as u32;
        if self.unreturned >= self.settings.connection_window / 2 && self.dead.is_none() {
            let by = std::mem::take(&mut self.unreturned);
            self.receive_window += i64::from(by);
            self.send(Kind::WindowUpdate, 0, 0, &by.to_be_bytes());
        }
    }
}
