//! The commands, a file each, and what several of them need.

pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod explain;
pub(crate) mod order;
pub(crate) mod proxy;
pub(crate) mod reload;
pub(crate) mod run;
pub(crate) mod schema;
pub(crate) mod status;

use crate::cli::File;
use crate::client::{self, Answer};
use evenkeel_control::file::Unusable;
use evenkeel_control::{USUAL_SOCKET, usual_sockets};
use serde_json::Value;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// The configuration when nobody names one, best first.
const USUAL_FILES: [&str; 2] = ["evenkeel.toml", "/etc/evenkeel/evenkeel.toml"];

/// A command of a later version.
pub(crate) fn later(name: &str) -> ExitCode {
    fail(&format!("evenkeel {name} is not in this version yet"))
}

/// Says what went wrong; exit 1.
pub(crate) fn fail(message: &str) -> ExitCode {
    eprintln!("{}", message.trim_end());
    ExitCode::FAILURE
}

/// Prints a result. A reader that has gone (`| head`) wants no more, and that is no failure.
pub(crate) fn print(text: &str) -> ExitCode {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => fail(&format!("stdout: {error}")),
    }
}

/// The named configuration, or the first usual one that is there.
pub(crate) fn configuration(file: &File) -> Result<PathBuf, String> {
    if let Some(path) = &file.config {
        return Ok(path.clone());
    }
    let found = USUAL_FILES.iter().map(PathBuf::from).find(|path| path.exists());
    found.ok_or_else(|| {
        let [here, system] = USUAL_FILES;
        format!("there is no {here} here and no {system}\nName one with -c FILE, or try `evenkeel demo`.")
    })
}

/// Asks the running balancer; on failure says what was tried and what to do.
pub(crate) fn ask(
    socket: Option<PathBuf>,
    file: &File,
    method: &str,
    target: &str,
    body: Option<&Value>,
    wait: Duration,
) -> Result<Answer, String> {
    let places = match socket.or_else(|| configured_socket(file)) {
        Some(path) => vec![path],
        None => usual_sockets(),
    };
    let mut tried = Vec::new();
    for path in &places {
        match client::ask(path, method, target, body, wait) {
            Ok(answer) => return Ok(answer),
            Err(error) => match error.kind() {
                ErrorKind::NotFound => tried.push(format!("  {}: no such socket", path.display())),
                ErrorKind::ConnectionRefused => tried.push(format!("  {}: nobody answers there", path.display())),
                _ => tried.push(format!("  {}: {error}{}", path.display(), permission(&error))),
            },
        }
    }
    let tried = tried.join("\n");
    let elsewhere = "say where it is with --socket PATH (or EVENKEEL_SOCKET)";
    let help = match file_errors(file) {
        // One may well be running, at a place that can no longer be read: a second one would be no help.
        Some(errors) => format!("And {}: correct it (evenkeel check), or {elsewhere}.", errors.summary()),
        None => format!("Start one with `evenkeel run`, or {elsewhere}."),
    };
    Err(format!("no running balancer was found:\n{tried}\n{help}"))
}

/// What is wrong with the configuration that these arguments lead to; nothing if there is none.
pub(crate) fn file_errors(file: &File) -> Option<Unusable> {
    evenkeel_control::file::load(&configuration(file).ok()?).err()
}

fn permission(error: &std::io::Error) -> &'static str {
    if error.kind() == ErrorKind::PermissionDenied {
        " (it belongs to another user: try sudo)"
    } else {
        ""
    }
}

/// What the configuration says, even one with errors: they must not keep anybody from the balancer that still runs.
fn configured_socket(file: &File) -> Option<PathBuf> {
    evenkeel_control::file::control_socket(&configuration(file).ok()?)
}

/// The flag that leads others to this socket; nothing for the usual one.
pub(crate) fn socket_flag(socket: Option<&Path>) -> String {
    match socket {
        Some(path) if path != Path::new(USUAL_SOCKET) => format!(" --socket {}", path.display()),
        Some(_) | None => String::new(),
    }
}
