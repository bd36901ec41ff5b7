//! What went wrong, as an operator reads it.

use std::io::{Error, ErrorKind};
use std::time::Duration;

/// Whether `error` says that this machine lacks something (descriptors, memory, local ports), which says nothing about
/// the backend.
pub(crate) fn is_our_own_lack(error: &Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM | libc::EADDRNOTAVAIL)
    )
}

/// `error` in short words.
pub(crate) fn error(error: &Error) -> String {
    if is_our_own_lack(error) {
        return format!("cannot probe, this machine lacks the means: {error}");
    }
    let words = match error.kind() {
        ErrorKind::ConnectionRefused => "connection refused",
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => "connection reset",
        ErrorKind::ConnectionAborted => "connection aborted",
        ErrorKind::TimedOut => "no connection: the network gave up",
        ErrorKind::HostUnreachable => "host unreachable",
        ErrorKind::NetworkUnreachable => "network unreachable",
        ErrorKind::NotFound => "no such socket",
        ErrorKind::PermissionDenied => "permission denied",
        _ => return error.to_string(),
    };
    words.to_owned()
}

/// `no answer within 2 s`.
pub(crate) fn too_slow(what: &str, limit: Duration) -> String {
    let millis = limit.as_millis();
    if millis < 1000 {
        format!("no {what} within {millis} ms")
    } else {
        format!("no {what} within {} s", limit.as_secs_f64())
    }
}
