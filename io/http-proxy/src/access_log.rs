//! The access log: one JSON object a line, written by a thread of its own. A worker never waits for it: what finds no
//! room is dropped and counted.

use crate::stats::Stats;
use evenkeel_model::AccessLog;
use std::cell::{Cell, RefCell};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Instant;

/// Bytes of lines on their way to the writer: seconds of a busy site whose disk does not answer, or of a machine whose
/// processors have no time for the writer.
const WAITING_BYTES: usize = 16 << 20;
/// A batch is handed over early when it has grown to this many bytes.
const BATCH_BYTES: usize = 64 * 1024;

enum Message {
    Lines(Vec<u8>),
    /// Answered when everything before it is written.
    Flush(Sender<()>),
    /// The file may have been moved away by a log rotation.
    Reopen,
}

/// Where lines go: shared by all workers.
#[derive(Debug)]
pub(crate) struct Sink {
    /// Without a limit of its own: `waiting` bounds it.
    sender: Sender<Message>,
    /// Bytes of lines that are not written yet.
    waiting: Arc<AtomicUsize>,
    stats: Arc<Stats>,
}

impl Sink {
    /// Opens the destination and starts its writer; `None` when the log is off.
    pub(crate) fn open(to: &AccessLog, stats: &Arc<Stats>) -> io::Result<Option<Arc<Sink>>> {
        let (output, path): (Box<dyn Write + Send>, Option<&Path>) = match to {
            AccessLog::Off => return Ok(None),
            AccessLog::Stdout => (Box::new(io::stdout()), None),
            AccessLog::Stderr => (Box::new(io::stderr()), None),
            AccessLog::File(path) => (Box::new(append(path)?), Some(path)),
        };
        let (sender, receiver) = channel();
        let path = path.map(Path::to_owned);
        let waiting = Arc::<AtomicUsize>::default();
        let sink = Sink {
            sender,
            waiting: waiting.clone(),
            stats: stats.clone(),
        };
        std::thread::Builder::new()
            .name("access-log".to_owned())
            .spawn(move || write_all(&receiver, &waiting, output, path.as_deref()))?;
        Ok(Some(Arc::new(sink)))
    }

    /// Opens the file anew.
    pub(crate) fn reopen(&self) {
        // The writer lives as long as the sink.
        let _ = self.sender.send(Message::Reopen);
    }

    /// Waits until what was sent is written, until `deadline` at most: for the end of the process.
    pub(crate) fn flush(&self, deadline: Instant) {
        let (done, written) = channel();
        let _ = self.sender.send(Message::Flush(done));
        // Late or gone: there is nobody left to tell.
        let _ = written.recv_timeout(deadline.saturating_duration_since(Instant::now()));
    }

    fn send(&self, lines: Vec<u8>, count: u64) {
        let length = lines.len();
        let waiting = self.waiting.fetch_add(length, Ordering::Relaxed);
        if waiting + length > WAITING_BYTES || self.sender.send(Message::Lines(lines)).is_err() {
            self.waiting.fetch_sub(length, Ordering::Relaxed);
            self.stats.log_dropped.fetch_add(count, Ordering::Relaxed);
        }
    }
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

fn write_all(
    receiver: &Receiver<Message>,
    waiting: &AtomicUsize,
    mut output: Box<dyn Write + Send>,
    path: Option<&Path>,
) {
    for message in receiver {
        match message {
            Message::Lines(lines) => {
                // A disk that is full today may have room tomorrow: the lines are lost, the log is not.
                let _ = output.write_all(&lines).and_then(|()| output.flush());
                waiting.fetch_sub(lines.len(), Ordering::Relaxed);
            }
            // Whoever asked may have stopped waiting.
            Message::Flush(done) => drop(done.send(())),
            Message::Reopen => {
                if let Some(Ok(file)) = path.map(append) {
                    output = Box::new(file);
                }
            }
        }
    }
}

/// One worker's lines for one sink.
#[derive(Debug)]
pub(crate) struct Lines {
    sink: Arc<Sink>,
    bytes: RefCell<Vec<u8>>,
    count: Cell<u64>,
}

impl Lines {
    pub(crate) fn new(sink: Arc<Sink>) -> Lines {
        Lines {
            sink,
            bytes: RefCell::new(Vec::new()),
            count: Cell::new(0),
        }
    }

    /// Appends one line written by `write`, which must not write a line end.
    pub(crate) fn push(&self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = self.bytes.borrow_mut();
        write(&mut bytes);
        bytes.push(b'\n');
        self.count.set(self.count.get() + 1);
        let full = bytes.len() >= BATCH_BYTES;
        drop(bytes);
        if full {
            self.flush();
        }
    }

    /// Hands what was gathered to the writer.
    pub(crate) fn flush(&self) {
        let mut bytes = self.bytes.borrow_mut();
        if !bytes.is_empty() {
            let capacity = bytes.len();
            let lines = std::mem::replace(&mut *bytes, Vec::with_capacity(capacity));
            self.sink.send(lines, self.count.replace(0));
        }
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.flush();
    }
}

/// Writes one JSON object, member by member.
pub(crate) struct Object<'a> {
    out: &'a mut Vec<u8>,
    first: bool,
}

impl<'a> Object<'a> {
    pub(crate) fn new(out: &'a mut Vec<u8>) -> Object<'a> {
        out.push(b'{');
        Object { out, first: true }
    }

    fn name(&mut self, name: &str) {
        if !self.first {
            self.out.push(b',');
        }
        self.first = false;
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    /// Text, escaped; bytes that are not UTF-8 become U+FFFD.
    pub(crate) fn text(&mut self, name: &str, value: &[u8]) {
        self.name(name);
        self.out.push(b'"');
        for chunk in value.utf8_chunks() {
            escape(chunk.valid(), self.out);
            if !chunk.invalid().is_empty() {
                self.out.extend_from_slice("\u{fffd}".as_bytes());
            }
        }
        self.out.push(b'"');
    }

    pub(crate) fn number(&mut self, name: &str, value: u64) {
        self.name(name);
        self.out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
    }

    /// Milliseconds with three digits; `null` when it never came to that.
    pub(crate) fn milliseconds(&mut self, name: &str, duration: Option<std::time::Duration>) {
        self.name(name);
        match duration {
            Some(duration) => {
                let micros = duration.as_micros();
                // Writing to a Vec cannot fail.
                let _ = write!(self.out, "{}.{:03}", micros / 1000, micros % 1000);
            }
            None => self.out.extend_from_slice(b"null"),
        }
    }

    pub(crate) fn end(self) {
        self.out.push(b'}');
    }
}

fn escape(text: &str, out: &mut Vec<u8>) {
    for byte in text.bytes() {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            0..0x20 | 0x7f => {
                let _ = write!(out, "\\u{byte:04x}");
            }
            byte => out.push(byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_stays_inside_its_quotes() {
        let mut out = Vec::new();
        let mut object = Object::new(&mut out);
        object.text("path", b"/\"},{\"\\\r\n\xff\x00\xc3\xa9");
        object.number("status", 200);
        object.milliseconds("total_ms", Some(std::time::Duration::from_micros(1234)));
        object.milliseconds("connect_ms", None);
        object.end();
        let expected = "{\"path\":\"/\\\"},{\\\"\\\\\\u000d\\u000a\u{fffd}\\u0000é\",\"status\":200,\
                        \"total_ms\":1.234,\"connect_ms\":null}";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
