//! What systemd is told; nothing happens where it did not ask (`NOTIFY_SOCKET`).

use crate::log;
use crate::status::counted;
use evenkeel_model::Config;
use sd_notify::NotifyState;
use std::ffi::OsStr;
use std::io::{Error, ErrorKind};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

#[cfg(test)]
mod tests;

/// Characters of a status: `systemctl status` shows one line.
const STATUS_LENGTH: usize = 200;

/// We serve.
pub(crate) fn ready(status: &str) {
    let line: String = status
        .lines()
        .next()
        .unwrap_or("")
        .chars()
        .take(STATUS_LENGTH)
        .collect();
    tell(&[NotifyState::Ready, NotifyState::Status(&line)]);
}

/// What is served, as a status.
pub(crate) fn serving(config: &Config) -> String {
    let listeners = counted(config.listeners.len(), "listener");
    format!("serving {listeners} and {}", counted(config.pools.len(), "pool"))
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

/// Shows that the control plane lives, twice in the time after which systemd would kill us, if it would
/// (`WATCHDOG_USEC`). Endless, unless there is nothing to do.
pub(crate) async fn keep_alive() {
    let Some(pause) = sd_notify::watchdog_enabled()
        .map(|limit| limit / 2)
        .filter(|pause| *pause > Duration::ZERO)
    else {
        return;
    };
    loop {
        tell(&[NotifyState::Watchdog]);
        tokio::time::sleep(pause).await;
    }
}

fn tell(states: &[NotifyState<'_>]) {
    let Some(place) = std::env::var_os("NOTIFY_SOCKET").filter(|place| !place.is_empty()) else {
        return;
    };
    let message: String = states.iter().map(|state| format!("{state}\n")).collect();
    if let Err(error) = send(&place, &message) {
        log::debug("systemd cannot be told", &[("error", &error)]);
    }
}

/// `@name` is a name in the abstract space; everything else is a path.
fn send(place: &OsStr, message: &str) -> Result<(), Error> {
    let address = match place.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(place)?,
    };
    let sent = UnixDatagram::unbound()?.send_to_addr(message.as_bytes(), &address)?;
    if sent == message.len() {
        Ok(())
    } else {
        Err(Error::new(ErrorKind::WriteZero, "sent in part"))
    }
}
