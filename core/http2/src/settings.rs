//! What we ask of the peer and what it asks of us (RFC 9113 6.5).

use crate::frame::{ErrorCode, LARGEST, PAYLOAD_BYTES, number};
use std::time::Duration;

/// The window that both sides begin with, in bytes (RFC 9113 6.9.2).
pub(crate) const FIRST_WINDOW: u32 = 65_535;
/// Most records of streams in one connection, whatever is configured: the bound of what it can hold in memory.
pub(crate) const MOST_STREAMS: u32 = 1024;
/// Bytes of one setting.
const SETTING_BYTES: usize = 6;

const HEADER_TABLE_SIZE: u16 = 0x1;
const ENABLE_PUSH: u16 = 0x2;
const MAX_CONCURRENT_STREAMS: u16 = 0x3;
const INITIAL_WINDOW_SIZE: u16 = 0x4;
const MAX_FRAME_SIZE: u16 = 0x5;
const MAX_HEADER_LIST_SIZE: u16 = 0x6;
/// RFC 8441 3.
const ENABLE_CONNECT_PROTOCOL: u16 = 0x8;

/// How one side of a connection behaves.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Streams that the peer may have under way (server), or that we open at most even if the peer takes more (client).
    /// 1 ..= 1024. Default 128: what browsers are used to, at 256 KiB a stream 32 MiB if none is read.
    pub max_concurrent_streams: u32,
    /// Bytes that the peer may send on a stream before we have read any. 1 ..= 2^31-1. Default 256 KiB: 20 Mbit/s at
    /// 100 ms.
    pub stream_window: u32,
    /// The same for the whole connection; 65,535 ..= 2^31-1 (it cannot be less). Default 1 MiB.
    pub connection_window: u32,
    /// Bytes of a decoded field section, each field counting 32 more than its name and value. Default 32 KiB.
    pub max_head_bytes: usize,
    /// Server: offer extended CONNECT (RFC 8441), that is WebSocket.
    pub enable_connect: bool,
    /// Client: `:scheme` is `https`, not `http`.
    pub secure: bool,
    /// How long a field block, or another frame than `DATA`, may take from its first byte to its last; the connection
    /// ends then. `None` (the default) = as long as it likes.
    pub head_within: Option<Duration>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            max_concurrent_streams: 128,
            stream_window: 256 * 1024,
            connection_window: 1024 * 1024,
            max_head_bytes: 32 * 1024,
            enable_connect: true,
            secure: false,
            head_within: None,
        }
    }
}

impl Settings {
    /// With every value in its range.
    pub(crate) fn bounded(&self) -> Settings {
        Settings {
            max_concurrent_streams: self.max_concurrent_streams.clamp(1, MOST_STREAMS),
            stream_window: self.stream_window.clamp(1, LARGEST),
            connection_window: self.connection_window.clamp(FIRST_WINDOW, LARGEST),
            ..self.clone()
        }
    }

    /// Appends the payload of our `SETTINGS` frame.
    pub(crate) fn write(&self, is_server: bool, out: &mut Vec<u8>) {
        let mut setting = |id: u16, value: u32| {
            out.extend_from_slice(&id.to_be_bytes());
            out.extend_from_slice(&value.to_be_bytes());
        };
        if is_server {
            setting(MAX_CONCURRENT_STREAMS, self.max_concurrent_streams);
            if self.enable_connect {
                setting(ENABLE_CONNECT_PROTOCOL, 1);
            }
        } else {
            setting(ENABLE_PUSH, 0);
        }
        setting(INITIAL_WINDOW_SIZE, self.stream_window);
        setting(
            MAX_HEADER_LIST_SIZE,
            u32::try_from(self.max_head_bytes).unwrap_or(u32::MAX),
        );
    }
}

/// What the peer asks of us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Peer {
    pub(crate) table_bytes: u32,
    pub(crate) streams: u32,
    pub(crate) window: u32,
    /// Bytes of a frame's payload, at most what we use.
    pub(crate) payload: usize,
    /// Extended CONNECT is offered.
    pub(crate) connect: bool,
}

impl Default for Peer {
    fn default() -> Self {
        Peer {
            table_bytes: 4096,
            streams: u32::MAX,
            window: FIRST_WINDOW,
            payload: PAYLOAD_BYTES,
            connect: false,
        }
    }
}

impl Peer {
    /// Reads the payload of a `SETTINGS` frame whose length is a multiple of six.
    ///
    /// # Errors
    /// A value that is not allowed (RFC 9113 6.5.2).
    pub(crate) fn read(&mut self, payload: &[u8], is_server: bool) -> Result<(), (ErrorCode, &'static str)> {
        for setting in payload.chunks_exact(SETTING_BYTES) {
            let id = u16::from_be_bytes([setting[0], setting[1]]);
            let value = number(&setting[2..]);
            match id {
                HEADER_TABLE_SIZE => self.table_bytes = value,
                ENABLE_PUSH if value > 1 || (value == 1 && !is_server) => {
                    return Err((ErrorCode::PROTOCOL_ERROR, "SETTINGS_ENABLE_PUSH out of range"));
                }
                MAX_CONCURRENT_STREAMS => self.streams = value,
                INITIAL_WINDOW_SIZE if value > LARGEST => {
                    return Err((
                        ErrorCode::FLOW_CONTROL_ERROR,
                        "SETTINGS_INITIAL_WINDOW_SIZE out of range",
                    ));
                }
                INITIAL_WINDOW_SIZE => self.window = value,
                MAX_FRAME_SIZE if !(16_384..=16_777_215).contains(&value) => {
                    return Err((ErrorCode::PROTOCOL_ERROR, "SETTINGS_MAX_FRAME_SIZE out of range"));
                }
                ENABLE_CONNECT_PROTOCOL if value > 1 || (value == 0 && self.connect) => {
                    return Err((
                        ErrorCode::PROTOCOL_ERROR,
                        "SETTINGS_ENABLE_CONNECT_PROTOCOL out of range",
                    ));
                }
                ENABLE_CONNECT_PROTOCOL => self.connect = value == 1,
                // Frames that we send are never larger than the smallest allowed; pushing is not done; a list size is
                // advice (RFC 9113 10.5.1); the others are unknown.
                _ => {}
            }
        }
        Ok(())
    }
}
