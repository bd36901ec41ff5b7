//! `status`: what the balancer knows.

use super::{ask, fail, print};
use crate::cli;
use crate::paint::{self, Colour, paint, visible};
use crate::screen::{self, wrap};
use crate::table::{Align, Cell, Table};
use evenkeel_control::status::{BackendStatus, ListenerStatus, PoolStatus, Status, StickyStatus};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

#[cfg(test)]
mod tests;

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
        Ok(status) => print(&render(&status, screen::columns(), paint::wanted())),
        Err(error) => fail(&format!(
            "the balancer answers in a way this version does not know: {error}\nTry --json."
        )),
    }
}

fn render(status: &Status, columns: usize, colours: bool) -> String {
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
    out += &listeners(&status.listeners, columns, colours);
    for pool in &status.pools {
        out += "\n";
        out += &pool_text(pool, columns, colours);
    }
    out
}

fn listeners(listeners: &[ListenerStatus], columns: usize, colours: bool) -> String {
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
    table.shorten("BIND", columns);
    table.render(columns, colours)
}

/// `sticky cookie NAME for 8h: 12 new, 340 home`; what never happened is left out.
fn sticky_words(sticky: &StickyStatus) -> String {
    let mut words = format!("sticky {}", visible(&sticky.by));
    if let Some(name) = &sticky.name {
        words += &format!(" {}", visible(name));
    }
    if let Some(duration) = sticky.for_ms {
        words += &format!(" for {}", spoken(Duration::from_millis(duration)));
    }
    let order = ["new", "home", "away", "lost", "refused"];
    let counts = order.iter().filter_map(|result| {
        let count = sticky.requests.get(*result).copied().filter(|count| *count > 0)?;
        Some(format!("{count} {result}"))
    });
    match counts.collect::<Vec<_>>().join(", ") {
        counts if counts.is_empty() => words,
        counts => format!("{words}: {counts}"),
    }
}

fn pool_text(pool: &PoolStatus, columns: usize, colours: bool) -> String {
    let check = pool.check.as_ref().map_or("off".to_owned(), |check| {
        format!("{} every {}", visible(&check.kind), every(check.every_ms))
    });
    let name = visible(&pool.name);
    let mut text = format!(
        "pool {name}  {}  check {check}  {} of {} usable",
        pool.balance,
        pool.usable,
        pool.backends.len()
    );
    if let Some(sticky) = &pool.sticky {
        text += &format!("  {}", sticky_words(sticky));
    }
    if pool.queued > 0 {
        text += &format!("  {} waiting", pool.queued);
    }
    let lines = wrap(&text, columns.saturating_sub(2)).join("\n  ");
    let mut out = lines.replacen(&name, &paint(colours, Colour::Bold, &name), 1) + "\n";
    if pool.panic {
        let panic = "panic: too few are usable, so all are used";
        out += &format!("  {}\n", paint(colours, Colour::Red, panic));
    }
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
    out + &fitting(&table, columns).render(columns, colours)
}

/// The table without what matters least, as far as it must be to be at most this wide.
fn fitting(table: &Table, columns: usize) -> Table {
    let mut table = table.clone();
    for name in ["WEIGHT", "RATE"] {
        if table.width() > columns {
            table.take(name);
        }
    }
    if table.width() > columns {
        table.put_below("WHY");
    }
    for name in ["REQUESTS", "LATENCY"] {
        if table.width() > columns {
            table.take(name);
        }
    }
    table.shorten("BACKEND", columns);
    table
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
    let usable = match (backend.usable, backend.state.as_str()) {
        (true, _) => Colour::Green,
        (false, "ready") => Colour::Red,
        (false, state) => state_colour(state),
    };
    // In maintenance nobody asks, so nobody knows.
    let health = match backend.state.as_str() {
        "maintain" => ("-".to_owned(), Colour::Plain),
        _ => (backend.health.clone(), health_colour(&backend.health)),
    };
    vec![
        (name, usable),
        (backend.state.clone(), state_colour(&backend.state)),
        health,
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

/// An interval as the configuration writes it.
fn every(millis: u64) -> String {
    if millis.is_multiple_of(1000) {
        format!("{}s", millis / 1000)
    } else {
        format!("{millis}ms")
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
