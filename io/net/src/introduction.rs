//! The PROXY header at the beginning of a connection: taken from a peer, or told to one.

use crate::{Elapsed, Socket, within};
use evenkeel_model::{Moment, ProxyProtocol};
use evenkeel_proxy_protocol::{Fault, MOST_BYTES, Told, parse, write_v1, write_v2};
use std::io;
use std::task::Poll;

/// Why there is no header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missed {
    /// The peer left before it was whole.
    Gone {
        /// Whether a part of it had come.
        begun: bool,
    },
    /// It was not whole in time.
    Late {
        /// Whether a part of it had come.
        begun: bool,
    },
    /// What came is no header, or a wrong one.
    Wrong(Fault),
}

/// Waits for a header until `deadline` and takes exactly it: what follows stays in the socket for whoever reads next.
///
/// # Errors
/// See [`Missed`].
pub async fn take(socket: &Socket, deadline: Moment) -> Result<Told, Missed> {
    // Only whoever is introduced pays for it, and only so long.
    let mut buffer = vec![0; MOST_BYTES];
    let mut begun = false;
    match within(deadline, || look(socket, &mut buffer, &mut begun)).await {
        Ok(done) => done,
        Err(Elapsed) => Err(Missed::Late { begun }),
    }
}

fn look(socket: &Socket, buffer: &mut [u8], begun: &mut bool) -> Poll<Result<Told, Missed>> {
    let seen = match socket.try_peek(buffer) {
        Ok(Some(seen)) => seen,
        Ok(None) => return Poll::Pending,
        Err(_) => return Poll::Ready(Err(Missed::Gone { begun: *begun })),
    };
    *begun = seen > 0;
    match parse(&buffer[..seen]) {
        Ok(Some(header)) => {
            // All of it has been seen there, so this takes all of it.
            match socket.try_read(&mut buffer[..header.length]) {
                Ok(Some(taken)) if taken == header.length => Poll::Ready(Ok(header.told)),
                Ok(_) | Err(_) => Poll::Ready(Err(Missed::Gone { begun: true })),
            }
        }
        Ok(None) if seen > 0 && socket.await_more() => Poll::Pending,
        Ok(None) => Poll::Ready(Err(Missed::Gone { begun: seen > 0 })),
        Err(fault) => Poll::Ready(Err(Missed::Wrong(fault))),
    }
}

/// Sends a header as the first bytes of a connection that has just been made.
///
/// # Errors
/// The connection broke. A header that does not fit into the empty buffer of a new connection counts as that, too.
pub fn tell(socket: &Socket, version: ProxyProtocol, told: &Told) -> io::Result<()> {
    let mut header = Vec::with_capacity(MOST_LINE_BYTES);
    match version {
        ProxyProtocol::V1 => write_v1(told, &mut header),
        ProxyProtocol::V2 => write_v2(told, &mut header),
    }
    match socket.try_write(&header)? {
        Some(written) if written == header.len() => Ok(()),
        Some(_) | None => Err(io::ErrorKind::WriteZero.into()),
    }
}

/// The longest line of version 1; a block of version 2 without fields is shorter.
const MOST_LINE_BYTES: usize = 107;
