//! `status`: what the balancer knows.

use super::{ask, fail, print};
use crate::cli;
use crate::paint::{self, Colour, paint, visible};
use crate::table::{Align, Cell, Table};
use evenkeel_control::status::{BackendStatus, ListenerStatus, PoolStatus, Status};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

pub(crate) fn run(arguments: &cli::Status, socket: Option<PathBuf>) -> ExitCode {
    let answer = match ask(socket, &arguments.file, "GET", "/api/v1/status", None, Duration::ZERO) {
        Ok(answer) if answer.is_success() => answer,
        Ok(answer) => return fail(&answer.complaint()),
        Err(message) => return fail(&message),
    };
    if arguments.json {
        return print(&answer.body);
    }
    match serde_json::from_str::<Status>(&answer.body) {
        Ok(status) => print(&render(&status, paint::wanted())),
        Err(error) => fail(&format!(
            "the balancer answers in a way this version does not know: {error}\nTry --json."
        )),
    }
}

fn render(status: &Status, colours: bool) -> String {
    let up = Duration::from_secs(status.uptime_seconds as u64);
    let mut out = format!(
        "{} {} {}, process {}, up {}\n",
        paint(colours, Colour::Bold, "evenkeel"),
        status.version,
        status.phase,
        status.pid,
        spoken(up)
    );
    if let Some(file) = &status.config.file {
        out += &format!("configuration {}\n", visible(file));
    }
    if let Some(error) = &status.config.last_reload_error {
        out += &format!(
            "{}\n",
            paint(
                colours,
                Colour::Red,
                &format!("last reload refused: {}", visible(error))
            )
        );
    }
    out += "\n";
    out += &listeners(&status.listeners, colours);
    for pool in &status.pools {
        out += "\n";
        out += &pool_text(pool, colours);
    }
    out
}

fn listeners(listeners: &[ListenerStatus], colours: bool) -> String {
    let mut table = Table::new(&[
        ("LISTENER", Align::Left),
        ("BIND", Align::Left),
        ("CONNECTIONS", Align::Right),
    ]);
    for listener in listeners {
        let connections = format!("{}/{}", listener.connections, listener.max_connections);
        table.push(vec![
            (visible(&listener.name), Colour::Bold),
            (visible(&listener.bind.join(" ")), Colour::Plain),
            (connections, Colour::Plain),
        ]);
    }
    table.render(colours)
}

fn pool_text(pool: &PoolStatus, colours: bool) -> String {
    let name = paint(colours, Colour::Bold, &visible(&pool.name));
    let check = pool.check.as_ref().map_or("off".to_owned(), |check| {
        format!("{} every {} ms", visible(&check.kind), check.every_ms)
    });
    let mut out = format!(
        "pool {name}  {}  check {check}  {} of {} usable",
        pool.balance,
        pool.usable,
        pool.backends.len()
    );
    if pool.queued > 0 {
        out += &format!("  {} waiting", pool.queued);
    }
    if pool.panic {
        out += &format!(
            "  {}",
            paint(colours, Colour::Red, "panic: too few are usable, so all are used")
        );
    }
    out += "\n";
    let mut table = Table::new(&[
        ("BACKEND", Align::Left),
        ("STATE", Align::Left),
        ("HEALTH", Align::Left),
        ("IN FLIGHT", Align::Right),
        ("RATE", Align::Right),
        ("LATENCY", Align::Right),
        ("REQUESTS", Align::Right),
        ("ERRORS", Align::Right),
        ("WEIGHT", Align::Right),
        ("WHY", Align::Left),
    ]);
    for backend in &pool.backends {
        table.push(row(backend));
    }
    out + &table.render(colours)
}

fn row(backend: &BackendStatus) -> Vec<Cell> {
    let name = if backend.name == backend.address {
        visible(&backend.name)
    } else {
        visible(&format!("{} {}", backend.name, backend.address))
    };
    let plain = |text: String| (text, Colour::Plain);
    let errors = if backend.errors > 0 {
        Colour::Yellow
    } else {
        Colour::Plain
    };
    let usable = if backend.usable { Colour::Green } else { Colour::Red };
    vec![
        (name, usable),
        (backend.state.clone(), state_colour(&backend.state)),
        (backend.health.clone(), health_colour(&backend.health)),
        plain(backend.in_flight.to_string()),
        plain(format!("{:.1}/s", backend.rate)),
        plain(
            backend
                .latency_ms
                .map_or("-".to_owned(), |latency| format!("{latency:.1} ms")),
        ),
        plain(backend.requests.to_string()),
        (backend.errors.to_string(), errors),
        plain(backend.weight.to_string()),
        plain(visible(&backend.why)),
    ]
}

/// Words of a newer balancer have no colour.
pub(crate) fn health_colour(health: &str) -> Colour {
    match health {
        "up" => Colour::Green,
        "down" => Colour::Red,
        _ => Colour::Yellow,
    }
}

/// Words of a newer balancer have no colour.
pub(crate) fn state_colour(state: &str) -> Colour {
    match state {
        "drain" => Colour::Yellow,
        "maintain" => Colour::Cyan,
        _ => Colour::Plain,
    }
}

fn spoken(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60) {
        (0, 0, 0, seconds) => format!("{seconds}s"),
        (0, 0, minutes, seconds) => format!("{minutes}m{seconds}s"),
        (0, hours, minutes, _) => format!("{hours}h{minutes}m"),
        (days, hours, _, _) => format!("{days}d{hours}h"),
    }
}
