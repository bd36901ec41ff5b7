//! The PROXY protocol, versions 1 and 2: what a balancer in front says about the client before the client's own bytes.
//!
//! This crate owns the reading and writing of that header. It is given bytes and gives back addresses and bytes; it
//! never reads a socket, never waits, and never guesses whether a header is there: section 2 of the specification
//! ("The PROXY protocol", HAProxy, 2020/03/05) forbids that, because a receiver that guesses lets clients behind a
//! sender without headers write their own address.
//!
//! Decisions where the specification leaves room:
//! * Version 1 is read strictly: one space between two fields, decimal numbers without leading zeros, upper-case words,
//!   CRLF at the end of at most 107 bytes. What follows `UNKNOWN` is skipped, as section 2.1 demands, if it is visible.
//! * `LOCAL` and `UNSPEC` of version 2 are accepted, and their blocks skipped unread (section 2.2).
//! * Datagrams (`UDP4`, `UDP6`, unix datagram) are refused: the header stands before a stream.
//! * A block is at most [`MOST_BLOCK_BYTES`]: the header is held until it is whole.
//! * Fields after the addresses (TLV) must fit into the block; `PP2_TYPE_CRC32C` is verified where it is present and
//!   refused where it is repeated or no 4 bytes; all others are skipped.

mod binary;
mod checksum;
mod fault;
mod header;
mod text;

pub use binary::{MOST_BLOCK_BYTES, MOST_BYTES};
pub use fault::Fault;
pub use header::{Header, Told, parse, write_v1, write_v2};
