//! What systemd is told; nothing happens where it did not ask (`NOTIFY_SOCKET`).

use crate::log;
use sd_notify::NotifyState;

/// We serve.
pub(crate) fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// A reload begins; [`ready`] ends it.
pub(crate) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => log::debug("no monotonic clock for systemd", &[("error", &error)]),
    }
}

/// We finish what is running.
pub(crate) fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("finishing what is running")]);
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        log::debug("systemd cannot be told", &[("error", &error)]);
    }
}
