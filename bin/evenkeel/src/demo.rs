//! `demo`: a balancer, three backends that can be killed, a trickle of traffic, and a picture of who gets what.

pub(crate) mod backend;
mod backends;
mod picture;
mod recent;
mod terminal;
mod traffic;

use crate::cli::Demo;
use crate::command::fail;
use crate::command::proxy::free_from;
use crate::command::run::raise_file_limit;
use crate::{doors, paint, screen};
use backends::Backend;
use evenkeel_control::status::Status;
use evenkeel_control::{Control, STOP_LIMIT, Source, Start, log};
use evenkeel_model::{Check, CheckKind, Config, Eject, Expect, HttpCheck, Log, LogLevel};
use picture::Picture;
use recent::Recent;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use terminal::Terminal;
use traffic::Traffic;

/// Where the demo listens if nobody is there.
const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);
/// How long a stop waits for the clients' last answers: longer than a client waits for one.
const CLIENTS_LIMIT: Duration = Duration::from_secs(12);
/// Between two pictures on a terminal, and between two lines elsewhere.
const FRAME: Duration = Duration::from_millis(200);
const LINE: Duration = Duration::from_secs(1);
/// Nobody could help then.
const ALL_DEAD: &str = "All backends are dead: clients get errors until one is back.";
/// How long backends, and then the balancer, may take to start.
const START_LIMIT: Duration = Duration::from_secs(10);

/// Runs until `q`, a signal or the time that was asked for.
pub(crate) fn run(arguments: &Demo, socket: Option<PathBuf>) -> ExitCode {
    match demo(arguments, socket) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => fail(&format!("demo: {message}")),
    }
}

fn demo(arguments: &Demo, socket: Option<PathBuf>) -> Result<(), String> {
    raise_file_limit();
    let crew = backends::start().map_err(|error| format!("the backends cannot be started: {error}"))?;
    wait_for_all(&crew)?;
    let listen = free_from(LISTEN);
    let config = configuration(listen, &crew)?;
    log::configure(config.log);
    let (asked, asks) = sync_channel(1);
    let (clients_gone, gone) = sync_channel::<()>(0);
    let before_stop = move || {
        // Whoever asked need not wait for clients that are gone already; and no longer than they wait for an answer.
        let _ = asked.send(());
        let _ = gone.recv_timeout(CLIENTS_LIMIT);
    };
    let (balancer, control, socket) = balance(config, socket, Box::new(before_stop))?;
    let traffic = traffic::start(listen, arguments.rate);
    let mut show = Show {
        control,
        crew,
        traffic,
        listen,
        socket,
        recent: Recent::default(),
        message: String::new(),
        end: arguments.duration.map(|duration| Instant::now() + duration),
        asks,
    };
    let result = match terminal::open() {
        Some(terminal) => show.live(&terminal, &balancer),
        None => show.lines(&balancer),
    };
    let seen = show.traffic.seen.clone();
    // Clients first: what stops under them would be an error to them.
    drop(show.traffic);
    drop(clients_gone);
    show.control.stop();
    let ended = balancer.join().map_err(|_| "the balancer broke off".to_owned())?;
    drop(show.crew);
    say(&picture::farewell(&seen));
    result.and(ended)
}

/// A line on stdout; false if nobody reads it any more.
fn say(line: &str) -> bool {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{line}").and_then(|()| stdout.flush()).is_ok()
}

fn configuration(listen: SocketAddr, crew: &[Backend]) -> Result<Config, String> {
    let to: Vec<String> = crew.iter().map(|backend| backend.address.to_string()).collect();
    let mut config = evenkeel_config::proxy(&listen.to_string(), &to)?;
    config.admin.bind = config.admin.bind.map(free_from);
    // The picture tells what happens.
    config.log = Log {
        level: LogLevel::Error,
        ..Log::default()
    };
    for listener in &mut config.listeners {
        listener.name = "demo".into();
    }
    for pool in &mut config.pools {
        pool.check = Some(Check {
            kind: CheckKind::Http(HttpCheck {
                path: "/healthz".into(),
                host: None,
                expect: vec![Expect::SUCCESS],
                body: None,
            }),
            every: Duration::from_millis(500),
            timeout: Duration::from_millis(300),
            fall: 2,
            rise: 1,
            ..Check::default()
        });
        // Whoever watches wants to see it come back.
        pool.eject = Some(Eject {
            duration: Duration::from_secs(1),
            ..Eject::default()
        });
        for (backend, member) in pool.backends.iter_mut().zip(crew) {
            backend.name = member.name.into();
        }
    }
    Ok(config)
}

fn wait_for_all(crew: &[Backend]) -> Result<(), String> {
    let deadline = Instant::now() + START_LIMIT;
    for backend in crew {
        while std::net::TcpStream::connect(backend.address).is_err() {
            if Instant::now() >= deadline {
                return Err(format!("backend {} does not start", backend.name));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
    Ok(())
}

type Balancer = JoinHandle<Result<(), String>>;

/// The balancer on a thread of its own, once it serves.
fn balance(
    config: Config,
    socket: Option<PathBuf>,
    before_stop: Box<dyn FnOnce() + Send>,
) -> Result<(Balancer, Arc<Control>, Option<PathBuf>), String> {
    let start = Start {
        config: Arc::new(config),
        source: Source::Command,
        doors: doors::open()?,
        version: env!("CARGO_PKG_VERSION"),
        socket,
        may_share: true,
        stop_limit: STOP_LIMIT,
        before_stop: Some(before_stop),
    };
    let (sender, serving) = sync_channel(1);
    let balancer = std::thread::spawn(move || {
        let serving = |control, socket: Option<&std::path::Path>| {
            // Nobody listens any more: we are ending.
            let _ = sender.send((control, socket.map(ToOwned::to_owned)));
        };
        evenkeel_control::run(start, serving).map_err(|failure| failure.to_string())
    });
    match serving.recv_timeout(START_LIMIT) {
        Ok((control, socket)) => Ok((balancer, control, socket)),
        Err(RecvTimeoutError::Timeout) => Err("the balancer does not start".to_owned()),
        Err(RecvTimeoutError::Disconnected) => {
            let ended = balancer.join().map_err(|_| "the balancer broke off".to_owned())?;
            Err(ended.err().unwrap_or_else(|| "the balancer ended at once".to_owned()))
        }
    }
}

struct Show {
    control: Arc<Control>,
    crew: Vec<Backend>,
    traffic: Traffic,
    listen: SocketAddr,
    socket: Option<PathBuf>,
    recent: Recent,
    message: String,
    end: Option<Instant>,
    /// A signal asked for the end; the balancer waits until the clients are gone.
    asks: Receiver<()>,
}

impl Show {
    /// A picture that moves, and keys.
    fn live(&mut self, terminal: &Terminal, balancer: &Balancer) -> Result<(), String> {
        let colours = paint::wanted();
        while !self.is_over(balancer) {
            let status = self.tend()?;
            let size = screen::size();
            let drawn = terminal.draw(&self.picture(&status).screen(size, colours), size);
            if !drawn || !self.keys(&terminal.keys, &status)? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// A line a second, for scripts.
    fn lines(&mut self, balancer: &Balancer) -> Result<(), String> {
        say(&self.picture(&self.control.status()).introduction());
        let mut next = Instant::now();
        while !self.is_over(balancer) {
            let status = self.tend()?;
            if Instant::now() >= next {
                next += LINE;
                if !say(&self.picture(&status).line()) {
                    return Ok(());
                }
            }
            std::thread::sleep(FRAME);
        }
        Ok(())
    }

    fn is_over(&self, balancer: &Balancer) -> bool {
        balancer.is_finished()
            || self.control.phase() == evenkeel_control::Phase::Stopping
            || self.asks.try_recv().is_ok()
            || self.end.is_some_and(|end| Instant::now() >= end)
    }

    fn tend(&mut self) -> Result<Status, String> {
        for backend in &mut self.crew {
            backend
                .tend()
                .map_err(|error| format!("backend {}: {error}", backend.name))?;
        }
        let mut status = self.control.status();
        self.recent.apply(&mut status, Instant::now());
        Ok(status)
    }

    fn picture<'a>(&'a self, status: &'a Status) -> Picture<'a> {
        Picture {
            status,
            crew: &self.crew,
            seen: &self.traffic.seen,
            listen: self.listen,
            admin: self.control.admin_address(),
            socket: self.socket.as_deref(),
            message: if self.crew.iter().all(|backend| backend.process().is_none()) {
                ALL_DEAD
            } else {
                &self.message
            },
        }
    }

    /// Waits for keys for one frame; false to end.
    fn keys(&mut self, keys: &Receiver<u8>, status: &Status) -> Result<bool, String> {
        let frame_end = Instant::now() + FRAME;
        loop {
            let left = frame_end.saturating_duration_since(Instant::now());
            match keys.recv_timeout(left) {
                Ok(b'q' | b'Q') => return Ok(false),
                Ok(b'd' | b'D') => self.toggle_drain(status),
                Ok(digit @ b'1'..=b'9') => self.toggle_life(usize::from(digit - b'1'))?,
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => return Ok(true),
                Err(RecvTimeoutError::Disconnected) => {
                    // No keyboard: the picture alone.
                    std::thread::sleep(left);
                    return Ok(true);
                }
            }
        }
    }

    fn toggle_life(&mut self, index: usize) -> Result<(), String> {
        let Some(backend) = self.crew.get_mut(index) else {
            return Ok(());
        };
        let name = backend.name;
        self.message = match backend.process() {
            Some(process) => {
                format!("kill -9 {process}: {name} is dead. No client may notice. It comes back by itself.")
            }
            None => format!("{name} is started again; one passed check and it has traffic."),
        };
        backend.toggle().map_err(|error| format!("backend {name}: {error}"))
    }

    /// Drains the first backend, or makes the drained one ready.
    fn toggle_drain(&mut self, status: &Status) {
        let Some(pool) = status.pools.first() else { return };
        let drained = pool.backends.iter().find(|backend| backend.state == "drain");
        let (backend, order, message) = match (drained, pool.backends.first()) {
            (Some(backend), _) => (backend, evenkeel_model::AdminState::Ready, "is ready again"),
            (None, Some(backend)) => (
                backend,
                evenkeel_model::AdminState::Drain,
                "is draining: it finishes what it has",
            ),
            (None, None) => return,
        };
        self.message = match self.control.order_blocking(&pool.name, &backend.name, order) {
            Ok(()) => format!("{} {message}.", backend.name),
            Err(error) => error,
        };
    }
}
