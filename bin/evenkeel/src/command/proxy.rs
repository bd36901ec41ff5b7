//! `proxy`: balance without a file.

use super::run::{end, raise_file_limit};
use super::{fail, socket_flag};
use crate::cli::{Balance, Proxy};
use crate::doors;
use evenkeel_control::{Control, STOP_LIMIT, Source, Start};
use evenkeel_model::{Check, CheckKind, Config, Expect, HashKey, HttpCheck};
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

/// Ports that are tried, counted from the wanted one.
const PORTS: u16 = 100;
/// Wrong usage.
const USAGE: u8 = 2;

pub(crate) fn run(arguments: &Proxy, socket: Option<PathBuf>) -> ExitCode {
    let config = match configuration(arguments) {
        Ok(config) => config,
        Err(message) => {
            fail(&message);
            return ExitCode::from(USAGE);
        }
    };
    raise_file_limit();
    let start = Start {
        config: Arc::new(config),
        source: Source::Command,
        doors: match doors::open() {
            Ok(doors) => doors,
            Err(message) => return fail(&message),
        },
        version: env!("CARGO_PKG_VERSION"),
        socket,
        may_share: true,
        stop_limit: STOP_LIMIT,
        before_stop: None,
    };
    end(evenkeel_control::run(start, |control, socket| {
        welcome(&control, socket);
    }))
}

fn configuration(arguments: &Proxy) -> Result<Config, String> {
    let mut config = evenkeel_config::proxy(&arguments.listen, &arguments.to)?;
    config.admin.bind = match (arguments.admin, config.admin.bind) {
        (Some(admin), _) => Some(admin),
        (None, usual) => usual.map(free_from),
    };
    for pool in &mut config.pools {
        pool.balance = balance(arguments.balance);
        if let Some(path) = &arguments.check {
            pool.check = Some(Check {
                kind: http_check(path)?,
                ..Check::default()
            });
        }
    }
    Ok(config)
}

fn http_check(path: &str) -> Result<CheckKind, String> {
    let sound = path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
    if !sound {
        return Err(format!("--check: {path:?} is no path (write for example /healthz)"));
    }
    Ok(CheckKind::Http(HttpCheck {
        path: path.into(),
        host: None,
        expect: vec![Expect::SUCCESS],
        body: None,
    }))
}

fn balance(balance: Balance) -> evenkeel_model::Balance {
    match balance {
        Balance::LeastLatency => evenkeel_model::Balance::LeastLatency,
        Balance::RoundRobin => evenkeel_model::Balance::RoundRobin,
        Balance::LeastConnections => evenkeel_model::Balance::LeastConnections,
        Balance::Random => evenkeel_model::Balance::Random,
        Balance::Hash => evenkeel_model::Balance::Hash {
            on: HashKey::Source,
            bounded: None,
        },
        Balance::First => evenkeel_model::Balance::First,
    }
}

/// This address, or the next port that nobody has. Somebody may take it before us: then binding says so.
pub(crate) fn free_from(wanted: SocketAddr) -> SocketAddr {
    let ports = (0..PORTS).filter_map(|step| wanted.port().checked_add(step));
    let mut addresses = ports.map(|port| SocketAddr::new(wanted.ip(), port));
    let taken =
        |address: &SocketAddr| TcpListener::bind(address).is_err_and(|error| error.kind() == ErrorKind::AddrInUse);
    addresses.find(|address| !taken(address)).unwrap_or(wanted)
}

fn welcome(control: &Control, socket: Option<&Path>) {
    let status = control.status();
    let binds = status.listeners.iter().flat_map(|listener| &listener.bind);
    let flag = socket_flag(socket);
    eprintln!(
        "listening on {}",
        binds.map(String::as_str).collect::<Vec<_>>().join(" ")
    );
    for backend in status.pools.iter().flat_map(|pool| &pool.backends) {
        eprintln!("  to {} ({}, {})", backend.address, backend.health, backend.why);
    }
    eprintln!("see more with: evenkeel{flag} status");
}
