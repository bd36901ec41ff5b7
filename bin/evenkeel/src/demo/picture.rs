//! What the demo shows: pure text from what is known.

use super::backends::Backend;
use super::traffic::Seen;
use crate::command::socket_flag;
use crate::command::status::{health_colour, state_colour};
use crate::paint::{Colour, paint, visible};
use crate::screen::{Size, wrap};
use evenkeel_control::status::{BackendStatus, Status};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

#[cfg(test)]
mod tests;

/// Columns beside the bar: name, rate, share, latency, in flight.
const BESIDE_BAR: usize = 58;
/// Columns of a process' state: `killed, back in 5 s`.
const LIFE: usize = 19;
/// The narrowest and the widest bar.
const BAR: (usize, usize) = (8, 40);

/// One moment of the demo.
pub(super) struct Picture<'a> {
    pub(super) status: &'a Status,
    pub(super) crew: &'a [Backend],
    pub(super) seen: &'a Seen,
    pub(super) listen: SocketAddr,
    pub(super) admin: Option<SocketAddr>,
    pub(super) socket: Option<&'a Path>,
    pub(super) message: &'a str,
}

impl Picture<'_> {
    /// The whole screen; on a small one, what matters most.
    pub(super) fn screen(&self, size: Size, colours: bool) -> String {
        let mut out = format!("{}\n\n", paint(colours, Colour::Bold, self.title()));
        let introduction: String = self.introduction().lines().map(|line| format!("  {line}\n")).collect();
        let live = self.live(size.columns, colours);
        let Some(room) = size.rows.checked_sub(out.lines().count() + live.lines().count()) else {
            return self.compact(size.columns);
        };
        if room > introduction.lines().count() {
            out += &introduction;
            out.push('\n');
        }
        out + &live
    }

    fn title(&self) -> &'static str {
        if self.backends().any(|backend| backend.usable) {
            "Evenkeel: one address, three backends, nobody notices"
        } else {
            "Evenkeel: one address, three backends"
        }
    }

    /// What moves, and the keys.
    fn live(&self, columns: usize, colours: bool) -> String {
        let mut out = String::new();
        let bar = columns.saturating_sub(BESIDE_BAR).clamp(BAR.0, BAR.1);
        let total: f64 = self.backends().map(|backend| backend.rate).sum();
        for (index, backend) in self.backends().enumerate() {
            out += &self.backend(index, backend, total, bar, colours);
        }
        out += &self.clients(colours);
        out += &format!("\n  {}\n\n  {}\n", visible(self.message), keys(colours));
        if let Some((backend, process)) = self.crew.iter().find_map(|backend| Some((backend, backend.process()?))) {
            out += &format!(
                "  or from another terminal:  kill -9 {process}    ({}; it comes back after 5 s)\n",
                backend.name
            );
        }
        out
    }

    /// A few lines.
    fn compact(&self, columns: usize) -> String {
        let line = wrap(&self.line(), columns).join("\n");
        let keys = "1 2 3 kill  d drain  q end";
        format!("{line}\n{}\n{keys}\n", visible(self.message))
    }

    /// What is seen, and what to try.
    pub(super) fn introduction(&self) -> String {
        let listen = self.listen;
        let mut out = format!(
            "A balancer on http://{listen} shares requests among three backends.\n\
             One is fast, one slower, one slow: the faster gets more. Kill one: it leaves,\n\
             the others take over, it comes back, and the clients' errors stay at 0.\n\n\
             curl http://{listen}/\nevenkeel{} status",
            socket_flag(self.socket)
        );
        if let Some(admin) = self.admin {
            out += &format!("\ncurl http://{admin}/metrics");
        }
        out
    }

    /// One line that says the same.
    pub(super) fn line(&self) -> String {
        let mut out = String::new();
        for backend in self.backends() {
            let word = word(backend);
            out += &format!("{} {:.0}/s {word}  ", visible(&backend.name), backend.rate);
        }
        let answers = self.seen.answers.load(Ordering::Relaxed);
        let errors = self.seen.errors.load(Ordering::Relaxed);
        format!("{out}| clients: {answers} answers, {errors} errors")
    }

    fn backends(&self) -> impl Iterator<Item = &BackendStatus> {
        self.status.pools.iter().flat_map(|pool| &pool.backends)
    }

    fn backend(&self, index: usize, backend: &BackendStatus, total: f64, bar: usize, colours: bool) -> String {
        let share = if total > 0.0 {
            (backend.rate / total).clamp(0.0, 1.0)
        } else {
            0.0
        };
        let filled = (share * bar as f64).round() as usize;
        let colour = if backend.usable { Colour::Green } else { Colour::Red };
        let blocks = paint(colours, colour, &"█".repeat(filled)) + &"·".repeat(bar.saturating_sub(filled));
        let latency = backend
            .latency_ms
            .map_or("-".to_owned(), |latency| format!("{latency:.1}"));
        let name = paint(colours, Colour::Bold, &format!("{:<6}", visible(&backend.name)));
        let number = index + 1;
        let mut out = format!(
            "  {number} {name} {blocks} {:>5.1}/s {:>3.0} % {latency:>6} ms {:>3} in flight\n",
            backend.rate,
            share * 100.0,
            backend.in_flight
        );
        let health = paint(colours, health_colour(&backend.health), &backend.health);
        let state = paint(colours, state_colour(&backend.state), &backend.state);
        let life = self
            .crew
            .get(index)
            .map_or(String::new(), |member| match (member.process(), member.back_in()) {
                (Some(process), _) => format!("process {process}"),
                (None, Some(left)) => format!("killed, back in {} s", left.as_secs() + 1),
                (None, None) => String::new(),
            });
        out += &format!("      {life:LIFE$} {health}, {state}: {}\n", visible(&backend.why));
        out
    }

    fn clients(&self, colours: bool) -> String {
        let answers = self.seen.answers.load(Ordering::Relaxed);
        let errors = self.seen.errors.load(Ordering::Relaxed);
        let micros = self.seen.micros.load(Ordering::Relaxed);
        let mean = micros as f64 / 1000.0 / answers.max(1) as f64;
        let colour = if errors == 0 { Colour::Green } else { Colour::Red };
        let errors_text = paint(colours, colour, &format!("{errors} errors"));
        let mut out = format!("\n  clients: {answers} answers, mean {mean:.1} ms, {errors_text}\n");
        if errors > 0 {
            let last = self.seen.last_error.lock().unwrap_or_else(PoisonError::into_inner);
            out += &format!("  the last: {}\n", visible(&last));
        }
        out
    }
}

fn keys(colours: bool) -> String {
    let key = |key: &str| paint(colours, Colour::Cyan, key);
    format!(
        "{} {} {} kill -9 / start a backend    {} drain / ready the first    {} end",
        key("1"),
        key("2"),
        key("3"),
        key("d"),
        key("q")
    )
}

/// The one word that matters most.
fn word(backend: &BackendStatus) -> &str {
    if backend.state == "ready" {
        &backend.health
    } else {
        &backend.state
    }
}

/// What is left when it is over.
pub(super) fn farewell(seen: &Seen) -> String {
    let answers = seen.answers.load(Ordering::Relaxed);
    let errors = seen.errors.load(Ordering::Relaxed);
    format!(
        "The clients had {answers} answers and {errors} errors.\nNext: write evenkeel.toml and `evenkeel run`, or `evenkeel proxy --to ADDRESS`."
    )
}
