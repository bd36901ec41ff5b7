use crate::fault::Fault;
use crate::{binary, text};
use std::net::SocketAddr;

/// A header that is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Who talks to whom.
    pub told: Told,
    /// Bytes of the header; what follows is the client's.
    pub length: usize,
}

/// What a header says of the connection behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Told {
    /// Nothing (`UNKNOWN`, `LOCAL`, `UNSPEC`): the connection is what it looks like, for instance a probe of the sender's.
    Nothing,
    /// A stream between two internet addresses; made by [`Told::internet`].
    Internet {
        /// The client.
        source: SocketAddr,
        /// Where the client went.
        destination: SocketAddr,
    },
    /// A stream between two unix sockets; their paths say nothing here.
    Unix,
}

impl Told {
    /// A stream between these two. An IPv6 address that stands for an IPv4 one is given as that, and neither keeps a scope
    /// or a flow label, which a header cannot carry.
    pub fn internet(source: SocketAddr, destination: SocketAddr) -> Told {
        let plain = |address: SocketAddr| SocketAddr::new(address.ip().to_canonical(), address.port());
        Told::Internet {
            source: plain(source),
            destination: plain(destination),
        }
    }
}

/// Reads the header at the front of `bytes`, of either version. `None`: so far all is well, but more bytes are needed;
/// that is never said of [`MOST_BYTES`](crate::MOST_BYTES) bytes or more.
/// What is refused stays refused, whatever comes after it.
pub fn parse(bytes: &[u8]) -> Result<Option<Header>, Fault> {
    match bytes.first() {
        None => Ok(None),
        Some(first) if *first == binary::SIGNATURE[0] => binary::parse(bytes),
        Some(_) => text::parse(bytes),
    }
}

/// Appends a header of version 1. There is no word for unix sockets in it: they are `UNKNOWN`.
pub fn write_v1(told: &Told, into: &mut Vec<u8>) {
    text::write(told, into);
}

/// Appends a header of version 2, without further fields. [`Told::Nothing`] is `LOCAL`: the connection is the sender's own
/// or says nothing of a client.
pub fn write_v2(told: &Told, into: &mut Vec<u8>) {
    binary::write(told, into);
}
