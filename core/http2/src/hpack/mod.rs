//! Header compression (RFC 7541).
//!
//! Fields live in tables as lines of text, `name: value` and CRLF, because text is what streams speak: taking a field
//! from a table is one copy. What is known of a field (that it is sound, which one it is) is kept with it and not found
//! out again.

mod decode;
mod encode;
mod huffman;
mod known;
mod static_table;
mod table;

pub(crate) use decode::{Decoder, Field};
pub(crate) use encode::{Encoder, hash};
pub(crate) use known::Known;

#[cfg(test)]
mod tests;
