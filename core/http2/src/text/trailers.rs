//! Trailers that came, as lines of text (RFC 9113 8.1).

use super::Fault;
use crate::hpack::{Field, Known};

/// Reads trailers and appends their lines to `text`.
pub(crate) struct TrailerReader<'a> {
    text: &'a mut Vec<u8>,
    size: usize,
    limit: usize,
    fault: Option<Fault>,
}

impl<'a> TrailerReader<'a> {
    pub(crate) fn new(text: &'a mut Vec<u8>, limit: usize) -> Self {
        text.clear();
        TrailerReader {
            text,
            size: 0,
            limit,
            fault: None,
        }
    }

    pub(crate) fn take(&mut self, field: Field<'_>) {
        self.size += field.size();
        if self.size > self.limit {
            self.fault = Some("trailers are too large");
        }
        if self.fault.is_some() {
            return;
        }
        let belongs = match field.known {
            Known::Method
            | Known::Scheme
            | Known::Authority
            | Known::Path
            | Known::Status
            | Known::Protocol
            | Known::UnknownPseudo
            | Known::Te
            | Known::OfConnection
            | Known::Upgrade => false,
            Known::Host
            | Known::Cookie
            | Known::ContentLength
            | Known::WebSocketKey
            | Known::WebSocketAccept
            | Known::Secret
            | Known::Fleeting
            | Known::Plain => true,
        };
        if field.sound && belongs {
            self.text.extend_from_slice(field.line);
        } else {
            self.fault = Some("a field that trailers may not have");
        }
    }

    /// The bytes of all fields.
    pub(crate) fn finish(self) -> (usize, Result<(), Fault>) {
        (self.size, self.fault.map_or(Ok(()), Err))
    }
}
