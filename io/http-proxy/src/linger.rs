//! The end of a connection whose client may still be sending.

use crate::scratch;
use evenkeel_model::Moment;
use evenkeel_net::{reactor, within};
use std::io;
use std::task::Poll;
use std::time::Duration;

/// How long a client whose request was not read to its end may go on sending before it is cut: long enough to read
/// our answer, which a cut would take away from it (RFC 9112 9.6).
const LINGER: Duration = Duration::from_secs(2);
/// And how much.
const LINGER_BYTES: usize = 1024 * 1024;

/// Ends our side, then reads and forgets for a while what the client still sends: closing at once would make the
/// kernel reset the connection, and the client might never see our answer.
pub(crate) async fn linger(end_writing: impl FnOnce(), try_read: impl Fn(&mut [u8]) -> io::Result<Option<usize>>) {
    end_writing();
    let deadline: Moment = reactor::now() + LINGER;
    let mut total = 0;
    let _ = within(deadline, || {
        scratch::with(|buffer| {
            loop {
                match try_read(buffer) {
                    Ok(None) => return Poll::Pending,
                    Ok(Some(0)) | Err(_) => return Poll::Ready(()),
                    Ok(Some(length)) => total += length,
                }
                if total > LINGER_BYTES {
                    return Poll::Ready(());
                }
            }
        })
    })
    .await;
}
