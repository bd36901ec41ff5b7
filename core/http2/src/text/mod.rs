//! Messages as HTTP/1.1 text: fields that came become text, text that is written becomes fields.

mod answer;
mod chunks;
mod incoming;
mod outgoing;
mod request;
mod trailers;

pub(crate) use answer::{AnswerReader, Answered, AskedFor};
pub(crate) use chunks::Chunk;
pub(crate) use incoming::{Framing, Incoming};
pub(crate) use outgoing::{HeadWriter, Outgoing, Sending, Unsendable, section_end, write_trailers};
pub(crate) use request::{RequestReader, Unusable};
pub(crate) use trailers::TrailerReader;

/// What is wrong with a message; it is malformed (RFC 9113 8.1.1).
pub(crate) type Fault = &'static str;

/// Places to keep parts of a head until they can be written, used again for each.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    pub(crate) method: Vec<u8>,
    pub(crate) path: Vec<u8>,
    pub(crate) authority: Vec<u8>,
    pub(crate) cookies: Vec<u8>,
}

impl Scratch {
    fn clear(&mut self) {
        self.method.clear();
        self.path.clear();
        self.authority.clear();
        self.cookies.clear();
    }
}
