//! One process from start to stop.

use crate::admin::{self, socket};
use crate::certificates;
use crate::control::{Control, Phase, Source};
use crate::doors::Doors;
use crate::hearts::Happening;
use crate::state::StateFile;
use crate::{log, systemd};
use evenkeel_model::Config;
use std::collections::BTreeMap;
use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How long a graceful stop waits for what is running, unless a command says otherwise.
pub const STOP_LIMIT: Duration = Duration::from_secs(30);
/// How long a stop waits for a reload to end.
const RELOAD_LIMIT: Duration = Duration::from_secs(5);
/// The control socket where the configuration names none.
pub const USUAL_SOCKET: &str = "/run/evenkeel.sock";
/// Its name in `$XDG_RUNTIME_DIR`.
const SOCKET_NAME: &str = "evenkeel.sock";

/// What a process is to do.
pub struct Start {
    /// Checked already.
    pub config: Arc<Config>,
    /// Where it came from.
    pub source: Source,
    /// Who carries the traffic.
    pub doors: Arc<dyn Doors>,
    /// Of the binary.
    pub version: &'static str,
    /// The control socket that the command line or the environment names; it wins over the configuration's.
    pub socket: Option<PathBuf>,
    /// Whether a control socket that somebody has already is only a warning (`proxy`, `demo`): another one is made.
    pub may_share: bool,
    /// How long a graceful stop waits.
    pub stop_limit: Duration,
    /// Called when a stop was asked for, before anything stops; it may block. A second signal does not wait for it.
    pub before_stop: Option<Box<dyn FnOnce() + Send>>,
}

/// Why a process could not start, for people.
#[derive(Debug)]
pub struct Failure(pub String);

impl std::fmt::Display for Failure {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}

/// Serves until a signal or [`Control::stop`] ends it, on a runtime of its own on this thread. `serving` is called once
/// when clients are served, with what the control socket is.
pub fn run(start: Start, serving: impl FnOnce(Arc<Control>, Option<&Path>)) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure(format!("the control plane cannot start: {error}")))?;
    log::configure(start.config.log);
    let result = runtime.block_on(serve(start, serving));
    // Blocking work that hangs must not keep the process.
    runtime.shutdown_background();
    log::flush();
    result
}

async fn serve(start: Start, serving: impl FnOnce(Arc<Control>, Option<&Path>)) -> Result<(), Failure> {
    let mut signals = Signals::new().map_err(|error| Failure(format!("signals cannot be received: {error}")))?;
    let Start {
        config,
        source,
        doors,
        version,
        socket,
        may_share,
        stop_limit,
        before_stop,
    } = start;
    // First of all: whether another process has this configuration's place.
    let socket = open_socket(socket.as_deref().or(config.admin.socket.as_deref()), may_share).await?;
    let tcp = match config.admin.bind {
        Some(address) => Some(bind(address).await?),
        None => None,
    };
    let admin = tcp.as_ref().and_then(|listener| listener.local_addr().ok());
    let state = open_state(&source, config.admin.state.as_deref());
    let control = Arc::new(Control::new(config.clone(), source, doors, version, admin));
    let (socket_file, _socket_task) = match socket {
        Some((listener, file)) => (
            Some(file),
            Some(Task::spawn(admin::serve_socket(listener, control.clone()))),
        ),
        None => (None, None),
    };
    let _alive_task = Task::spawn(systemd::keep_alive());
    let _tcp_task = tcp.map(|listener| Task::spawn(admin::serve_tcp(listener, control.clone())));
    let saved = state.as_ref().map_or_else(BTreeMap::new, |state| state.load());
    control.take(&config, saved).await.map_err(|refusal| {
        let help = if refusal.help.is_empty() {
            refusal.error
        } else {
            refusal.help
        };
        Failure(help)
    })?;
    let state_task = state
        .clone()
        .map(|state| Task::spawn(state.keep(control.hearts.clone())));
    let _certificates_task = Task::spawn(certificates::watch(control.clone()));
    control.enter(Phase::Serving);
    announce(&config);
    control.warn_of_token().await;
    serving(control.clone(), socket_file.as_ref().map(socket::SocketFile::path));
    until_stopped(&control, &mut signals).await;
    if let Some(before_stop) = before_stop {
        tokio::select! {
            _ = tokio::task::spawn_blocking(before_stop) => {}
            () = signals.stop() => {}
        }
    }
    drop(state_task);
    stop(&control, &mut signals, stop_limit).await;
    if let Some(state) = state {
        state.write(&control.hearts).await;
    }
    Ok(())
}

fn announce(config: &Config) {
    for listener in &config.listeners {
        for bind in &listener.bind {
            log::info("listening", &[("listener", &listener.name), ("bind", bind)]);
        }
    }
    let (listeners, pools) = (config.listeners.len(), config.pools.len());
    systemd::ready(&systemd::serving(config));
    log::info("serving", &[("listeners", &listeners), ("pools", &pools)]);
}

/// SIGHUP reloads and comes back here; the others end this.
async fn until_stopped(control: &Arc<Control>, signals: &mut Signals) {
    loop {
        tokio::select! {
            () = control.stopped() => return,
            word = signals.next() => match word {
                Word::Stop => return,
                // Without a file a hangup is what it always was: the terminal is gone.
                Word::Reload if control.source == Source::Command => return,
                Word::Reload => {
                    let control = control.clone();
                    // The outcome is in the log.
                    tokio::spawn(async move { control.reload().await });
                }
            },
        }
    }
}

async fn stop(control: &Arc<Control>, signals: &mut Signals, limit: Duration) {
    control.enter(Phase::Stopping);
    systemd::stopping();
    let limit_text = format!("{limit:?}");
    log::info("stopping: finishing what is running", &[("limit", &limit_text)]);
    control
        .hearts
        .announce(Happening::plain("stopping", "asked to stop".to_owned()));
    // A reload that is under way must not open again what is closed now; later ones are refused.
    let reload_ended = tokio::time::timeout(RELOAD_LIMIT, control.reloading.lock())
        .await
        .is_ok();
    if !reload_ended {
        log::warn("a reload hangs; stopping all the same", &[]);
    }
    let doors = control.doors.clone();
    let finished = tokio::task::spawn_blocking(move || doors.stop(limit));
    tokio::select! {
        finished = finished => match finished {
            Ok(true) => log::info("stopped", &[]),
            Ok(false) => log::warn("stopped at the limit: what was still running is cut", &[]),
            Err(error) => log::error("the doors did not stop", &[("error", &error)]),
        },
        () = signals.stop() => log::warn("stopped at once by a second signal: what was running is cut", &[]),
    }
}

/// What a signal says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    Stop,
    Reload,
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
    /// Others reload or reopen their logs by these; here they must at least not kill.
    first_user: Signal,
    second_user: Signal,
}

impl Signals {
    fn new() -> Result<Signals, Error> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
            first_user: signal(SignalKind::user_defined1())?,
            second_user: signal(SignalKind::user_defined2())?,
        })
    }

    async fn next(&mut self) -> Word {
        loop {
            let unused = tokio::select! {
                _ = self.terminate.recv() => return Word::Stop,
                _ = self.interrupt.recv() => return Word::Stop,
                _ = self.hangup.recv() => return Word::Reload,
                _ = self.first_user.recv() => "SIGUSR1",
                _ = self.second_user.recv() => "SIGUSR2",
            };
            let message = "this signal is not used; SIGHUP reloads and opens the access logs anew";
            log::info(message, &[("signal", &unused)]);
        }
    }

    /// The next signal that is no SIGHUP.
    async fn stop(&mut self) {
        while self.next().await == Word::Reload {}
    }
}

/// A task that ends with its owner.
struct Task(tokio::task::JoinHandle<()>);

impl Task {
    fn spawn(future: impl Future<Output = ()> + Send + 'static) -> Task {
        Task(tokio::spawn(future))
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

type Socket = (tokio::net::UnixListener, socket::SocketFile);

/// `None` only where nobody named a socket and no usual place can be written.
async fn open_socket(named: Option<&Path>, may_share: bool) -> Result<Option<Socket>, Failure> {
    let places = match named {
        Some(path) => vec![path.to_owned()],
        None => usual_sockets(),
    };
    let mut last = None;
    for path in places {
        let refused = match socket::listen(&path).await {
            Ok(socket) => return Ok(Some(socket)),
            Err(error) if error.kind() == ErrorKind::AddrInUse && may_share && named.is_none() => {
                let own = path.with_file_name(format!("evenkeel-{}.sock", std::process::id()));
                log::warn(
                    "another balancer has the control socket; use --socket to talk to this one",
                    &[("socket", &own.display()), ("taken", &path.display())],
                );
                match socket::listen(&own).await {
                    Ok(socket) => return Ok(Some(socket)),
                    Err(error) => (own, error),
                }
            }
            Err(error) if error.kind() == ErrorKind::PermissionDenied && named.is_none() => (path, error),
            Err(error) if error.kind() == ErrorKind::NotFound && named.is_none() => (path, error),
            Err(error) if error.kind() == ErrorKind::ReadOnlyFilesystem && named.is_none() => (path, error),
            Err(error) => return Err(socket_failure(&path, &error)),
        };
        last = Some(refused);
    }
    if let Some((path, error)) = last {
        log::warn(
            "no control socket: evenkeel status, drain and reload cannot reach this process; set [admin] socket",
            &[("tried", &path.display()), ("error", &error)],
        );
    }
    Ok(None)
}

fn socket_failure(path: &Path, error: &Error) -> Failure {
    let path = path.display();
    let help = match error.kind() {
        ErrorKind::AddrInUse => {
            "Stop that one first, reload it with `evenkeel reload`, or give this one its own --socket or [admin] socket."
        }
        _ => "Give a path that this user can write with --socket or [admin] socket.",
    };
    Failure(format!("control socket {path}: {error}\n{help}"))
}

/// Where the control socket is looked for and made when nobody names one, best first.
pub fn usual_sockets() -> Vec<PathBuf> {
    let of_user = std::env::var_os("XDG_RUNTIME_DIR")
        .map(PathBuf::from)
        .filter(|folder| folder.is_absolute());
    let of_user = of_user.map(|folder| folder.join(SOCKET_NAME));
    [PathBuf::from(USUAL_SOCKET)].into_iter().chain(of_user).collect()
}

async fn bind(address: std::net::SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        Failure(format!(
            "[admin] bind {address}: {error}\nAnother process may have it; choose another port."
        ))
    })
}

fn open_state(source: &Source, folder: Option<&Path>) -> Option<Arc<StateFile>> {
    let path = match source {
        Source::File(path) => path,
        Source::Command => return None,
    };
    match StateFile::open(folder, path) {
        Ok(state) => Some(Arc::new(state)),
        Err(error) => {
            let help = "the operator's decisions will not survive a restart; set [admin] state";
            log::warn(help, &[("error", &error)]);
            None
        }
    }
}
