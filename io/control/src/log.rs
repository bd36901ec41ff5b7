//! Our own messages, on stderr: text on a terminal, one JSON object a line otherwise. A writer thread of its own does
//! the writing, so that a slow terminal or a full pipe never holds up traffic: what does not fit is dropped and counted.

use crate::clock;
use evenkeel_model::{Log, LogFormat, LogLevel};
use std::fmt::{Display, Write as _};
use std::io::{IsTerminal, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

#[cfg(test)]
mod tests;

/// Lines that may wait for the writer; beyond it they are dropped and counted.
const WAITING_LINES: usize = 4096;
/// How long [`flush`] waits for the writer.
const FLUSH_LIMIT: Duration = Duration::from_secs(1);

static LEVEL: AtomicU8 = AtomicU8::new(rank(LogLevel::Info));
static AS_JSON: AtomicU8 = AtomicU8::new(UNDECIDED);
static DROPPED: AtomicU64 = AtomicU64::new(0);
static WRITER: OnceLock<SyncSender<Order>> = OnceLock::new();

const TEXT: u8 = 0;
const JSON: u8 = 1;
const UNDECIDED: u8 = 2;

/// A named value of a message.
pub type Field<'a> = (&'a str, &'a dyn Display);

enum Order {
    Line(String),
    Flush(SyncSender<()>),
}

/// Takes a configuration's `[log]`; may be called again at any time.
pub fn configure(log: Log) {
    LEVEL.store(rank(log.level), Ordering::Relaxed);
    let format = match log.format {
        LogFormat::Auto => UNDECIDED,
        LogFormat::Text => TEXT,
        LogFormat::Json => JSON,
    };
    AS_JSON.store(format, Ordering::Relaxed);
}

/// Something failed that the operator asked for or relies on.
pub fn error(message: &str, fields: &[Field<'_>]) {
    write(LogLevel::Error, message, fields);
}

/// Something works worse than it should.
pub fn warn(message: &str, fields: &[Field<'_>]) {
    write(LogLevel::Warn, message, fields);
}

/// Something changed.
pub fn info(message: &str, fields: &[Field<'_>]) {
    write(LogLevel::Info, message, fields);
}

/// For whoever looks for a fault.
pub fn debug(message: &str, fields: &[Field<'_>]) {
    write(LogLevel::Debug, message, fields);
}

/// Messages that were dropped since the start because the writer could not keep up.
pub fn dropped() -> u64 {
    DROPPED.load(Ordering::Relaxed)
}

/// Waits until what was said so far is written, at most a second: for the end of the process.
pub fn flush() {
    let Some(writer) = WRITER.get() else { return };
    let deadline = Instant::now() + FLUSH_LIMIT;
    let (done, written) = sync_channel(1);
    let mut order = Order::Flush(done);
    while let Err(std::sync::mpsc::TrySendError::Full(back)) = writer.try_send(order) {
        if Instant::now() >= deadline {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
        order = back;
    }
    // Late or gone: there is nobody left to tell.
    let _ = written.recv_timeout(FLUSH_LIMIT);
}

const fn rank(level: LogLevel) -> u8 {
    match level {
        LogLevel::Error => 0,
        LogLevel::Warn => 1,
        LogLevel::Info => 2,
        LogLevel::Debug => 3,
    }
}

fn write(level: LogLevel, message: &str, fields: &[Field<'_>]) {
    if rank(level) > LEVEL.load(Ordering::Relaxed) {
        return;
    }
    let time = clock::since_1970();
    let line = match AS_JSON.load(Ordering::Relaxed) {
        TEXT => text(time, level, message, fields),
        JSON => json(time, level, message, fields),
        _ if std::io::stderr().is_terminal() => text(time, level, message, fields),
        _ => json(time, level, message, fields),
    };
    if WRITER.get_or_init(start).try_send(Order::Line(line)).is_err() {
        DROPPED.fetch_add(1, Ordering::Relaxed);
    }
}

fn start() -> SyncSender<Order> {
    let (sender, receiver) = sync_channel(WAITING_LINES);
    // Without the thread the channel is closed, and every message counts as dropped.
    let _ = std::thread::Builder::new()
        .name("log".into())
        .spawn(move || write_all(&receiver));
    sender
}

fn write_all(orders: &Receiver<Order>) {
    let mut reported = 0;
    for order in orders {
        // Nobody reads stderr any more: traffic goes on without messages.
        let mut err = std::io::stderr().lock();
        match order {
            Order::Line(line) => drop(err.write_all(line.as_bytes())),
            Order::Flush(done) => drop(done.try_send(())),
        }
        let dropped = dropped();
        if dropped > reported {
            let _ = writeln!(err, "{} log messages were dropped", dropped - reported);
            reported = dropped;
        }
    }
}

fn text(time: Duration, level: LogLevel, message: &str, fields: &[Field<'_>]) -> String {
    let time = clock::rfc3339(time);
    let mut line = format!("{time} {:5} ", name(level));
    push_visible(&mut line, message);
    for (key, value) in fields {
        let value = value.to_string();
        let plain = !value.is_empty() && !value.contains([' ', '"', '=']) && !value.contains(char::is_control);
        // Writing to a string cannot fail.
        let _ = if plain {
            write!(line, " {key}={value}")
        } else {
            write!(line, " {key}={value:?}")
        };
    }
    line.push('\n');
    line
}

/// Line breaks and tabs stay (rendered problems have them); other control bytes could rewrite the terminal.
fn push_visible(line: &mut String, message: &str) {
    for character in message.chars() {
        if character.is_control() && character != '\n' && character != '\t' {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
}

fn json(time: Duration, level: LogLevel, message: &str, fields: &[Field<'_>]) -> String {
    let mut line = format!(
        "{{\"time\":\"{}\",\"level\":\"{}\",\"message\":{}",
        clock::rfc3339(time),
        name(level),
        serde_json::Value::from(message)
    );
    for (key, value) in fields {
        let _ = write!(
            line,
            ",{}:{}",
            serde_json::Value::from(*key),
            serde_json::Value::from(value.to_string())
        );
    }
    line.push_str("}\n");
    line
}

fn name(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
    }
}
