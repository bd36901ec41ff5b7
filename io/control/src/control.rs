//! The control plane of one process: what it knows, and what the admin API, signals and the demo may ask of it.

use crate::clock;
use crate::doors::Doors;
use crate::hearts::{Hearts, Published, Refused};
use crate::log;
use crate::metrics;
use crate::picture;
use crate::reload::LastReload;
use crate::status::Status;
use arc_swap::ArcSwap;
use evenkeel_model::{Admin, AdminState, Config, Name, RouteAction};
use evenkeel_pool::Order;
use evenkeel_tls::Vault;
use std::collections::HashSet;
use std::fs::File;
use std::io::{Error, ErrorKind, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Notify, Semaphore};

/// Bytes of a token file that are looked at.
const TOKEN_LENGTH: u64 = 4096;

/// Event streams at once: half of the admin connections, so that they never keep others out.
const FOLLOWERS: usize = 32;

/// Where the configuration comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Read again on reload; decides where the state is kept.
    File(PathBuf),
    /// Made by a command: nothing to reload, no state.
    Command,
}

/// How far the process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Phase {
    /// Nothing is bound yet.
    Starting = 0,
    /// Clients are served.
    Serving = 1,
    /// No new clients; what runs is finished.
    Stopping = 2,
}

impl Phase {
    /// The word in status.
    pub fn as_str(self) -> &'static str {
        match self {
            Phase::Starting => "starting",
            Phase::Serving => "serving",
            Phase::Stopping => "stopping",
        }
    }
}

/// The control plane of this process.
pub struct Control {
    /// Every heart.
    pub hearts: Hearts,
    pub(crate) doors: Arc<dyn Doors>,
    /// Every certificate.
    pub(crate) vault: Arc<Vault>,
    pub(crate) version: &'static str,
    pub(crate) source: Source,
    pub(crate) config: ArcSwap<Config>,
    /// `[admin]` as it was at the start: most of it holds until the end.
    pub(crate) started: Admin,
    pub(crate) last_reload: Mutex<LastReload>,
    /// One reload at a time.
    pub(crate) reloading: tokio::sync::Mutex<()>,
    /// Places for those who follow the events.
    pub(crate) followers: Arc<Semaphore>,
    /// What `admin.bind` came to be.
    admin: Option<SocketAddr>,
    phase: AtomicU8,
    stop: Notify,
}

impl Control {
    /// On the current runtime; nothing is bound or probed yet.
    pub(crate) fn new(
        config: Arc<Config>,
        source: Source,
        doors: Arc<dyn Doors>,
        version: &'static str,
        admin: Option<SocketAddr>,
    ) -> Control {
        // Uptime is counted from the first look at the clock.
        clock::now();
        Control {
            hearts: Hearts::start(),
            doors,
            vault: Arc::new(Vault::new()),
            version,
            source,
            started: config.admin.clone(),
            config: ArcSwap::new(config),
            last_reload: Mutex::new(LastReload::good()),
            reloading: tokio::sync::Mutex::new(()),
            followers: Arc::new(Semaphore::new(FOLLOWERS)),
            admin,
            phase: AtomicU8::new(Phase::Starting as u8),
            stop: Notify::new(),
        }
    }

    /// How far the process is.
    pub fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Acquire) {
            0 => Phase::Starting,
            1 => Phase::Serving,
            _ => Phase::Stopping,
        }
    }

    pub(crate) fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Release);
    }

    /// Where the dashboard and the metrics are.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin
    }

    /// Tells a backend the operator's word, from a thread outside of the control plane; the error is for people.
    pub fn order_blocking(&self, pool: &str, backend: &str, state: AdminState) -> Result<(), String> {
        let result = self.hearts.order_blocking(pool, backend, Order::State(state));
        result.map_err(|refused| match refused {
            Refused::UnknownPool(_) => format!("there is no pool {pool}"),
            Refused::UnknownBackend(_) => format!("there is no backend {backend}"),
            Refused::NameTaken(_) | Refused::AddressTaken(_) => format!("{backend} is there already"),
            Refused::Full => "the pool is full".to_owned(),
            Refused::Stopping => "the balancer is stopping".to_owned(),
        })
    }

    /// Asks for a graceful stop, as SIGTERM does.
    pub fn stop(&self) {
        self.stop.notify_one();
    }

    pub(crate) async fn stopped(&self) {
        self.stop.notified().await;
    }

    /// Whether a balancer in front of us should send clients here: we serve, and some pool that a listener uses (if
    /// any uses one) has a backend that is usable by its own right. One that only a panic makes a candidate does not
    /// count: elsewhere clients are better served.
    pub fn is_ready(&self) -> bool {
        let config = self.config.load();
        let used: HashSet<&Name> = used_pools(&config).collect();
        let can_serve = |published: &Published| {
            let view = published.shared.load();
            used.contains(&view.pool) && view.members.iter().any(|member| member.usable)
        };
        match self.phase() {
            Phase::Serving => used.is_empty() || self.hearts.published().iter().any(can_serve),
            Phase::Starting | Phase::Stopping => false,
        }
    }

    /// Everything, now.
    pub fn status(&self) -> Status {
        let last_reload = self.last_reload.lock().unwrap_or_else(PoisonError::into_inner).clone();
        picture::status(self, &last_reload)
    }

    /// Every metric, in Prometheus' text format.
    pub fn metrics(&self) -> String {
        let at = self.last_reload.lock().unwrap_or_else(PoisonError::into_inner).at;
        let mut out = String::new();
        metrics::write(&mut out, &self.status(), at.as_secs_f64());
        self.vault.write_metrics(&mut out);
        self.doors.write_metrics(&mut out);
        out
    }

    /// The token that allows changes over TCP; read each time, so that a new one needs no reload.
    pub(crate) async fn token(&self) -> Option<String> {
        self.read_token().await?.ok()
    }

    /// None where the configuration names no file.
    async fn read_token(&self) -> Option<Result<String, Error>> {
        let path = self.config.load().admin.token_file.clone()?;
        let read = tokio::task::spawn_blocking(move || token_of(&path)).await;
        Some(read.unwrap_or_else(|error| Err(Error::other(error))))
    }

    /// Whoever names a token file wants changes over TCP: says it when there are none.
    pub(crate) async fn warn_of_token(&self) {
        if self.admin.is_some()
            && let Some(Err(error)) = self.read_token().await
        {
            log::warn(&format!("changes over TCP are off: {error}"), &[]);
        }
    }
}

/// The error names the file.
fn token_of(path: &Path) -> Result<String, Error> {
    let named = |error: Error| Error::new(error.kind(), format!("token_file {}: {error}", path.display()));
    let mut token = String::new();
    let read = File::open(path).and_then(|file| file.take(TOKEN_LENGTH).read_to_string(&mut token));
    read.map_err(named)?;
    if token.trim().is_empty() {
        return Err(named(Error::new(ErrorKind::InvalidData, "the file is empty")));
    }
    Ok(token)
}

/// The pools to which some route leads.
fn used_pools(config: &Config) -> impl Iterator<Item = &Name> {
    let routes = config.listeners.iter().flat_map(|listener| &listener.routes);
    routes.flat_map(|route| {
        let served = match &route.action {
            RouteAction::Pool(name) => vec![name],
            RouteAction::Split(split) => split.sides.iter().map(|side| &side.pool).collect(),
            RouteAction::Redirect(_) | RouteAction::Respond(_) | RouteAction::Files(_) => Vec::new(),
        };
        served.into_iter()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_file_without_a_token_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let error = |expected: &str| {
            let error = token_of(&path).unwrap_err().to_string();
            assert!(
                error.contains("token_file ") && error.contains(path.to_str().unwrap()),
                "{error}"
            );
            assert!(error.contains(expected), "{error}");
        };
        error("No such file");
        std::fs::write(&path, " \n").unwrap();
        error("empty");
        std::fs::write(&path, [0xff]).unwrap();
        error("UTF-8");
        std::fs::write(&path, "secret\n").unwrap();
        assert_eq!(token_of(&path).unwrap(), "secret\n");
    }
}
