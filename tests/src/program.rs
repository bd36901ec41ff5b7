//! Other people's programs: run to their end with a limit on their time and on what they say, or running beside a test.

use std::ffi::OsStr;
use std::io::{self, BufRead as _, BufReader, Read, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How much of each stream of a program is kept; the rest is read and forgotten, so that it never waits for us.
const OUTPUT_BYTES: usize = 4 << 20;
/// How often the end of a program is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// How much of what a program said goes into an error.
const SHOWN_BYTES: usize = 4 << 10;

/// What a program left behind.
#[derive(Debug)]
pub struct Finished {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Finished {
    /// Its standard output, if it said that all went well.
    ///
    /// # Errors
    /// It did not; with the end of what it said.
    pub fn good(self) -> io::Result<String> {
        if self.status.success() {
            return Ok(self.stdout);
        }
        let (stdout, stderr) = (tail(&self.stdout), tail(&self.stderr));
        Err(io::Error::other(format!("{}\n{stdout}\n{stderr}", self.status)))
    }
}

/// Where the things are that `./x tools` installs: the target directory of the running test.
///
/// # Errors
/// The test is not in a target directory.
pub fn target() -> io::Result<PathBuf> {
    // target/PROFILE/deps/TEST.
    let test = std::env::current_exe()?;
    let found = test.ancestors().nth(3).map(Path::to_owned);
    found.ok_or_else(|| io::Error::other("the test is in no target directory"))
}

/// A command for a program that must be there.
///
/// # Errors
/// It is not, with what to do about it.
pub fn program(name: impl AsRef<OsStr>) -> io::Result<Command> {
    let name = name.as_ref();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut candidates = std::env::split_paths(&path).map(|directory| directory.join(name));
    match candidates.find(|candidate| candidate.is_file()) {
        Some(found) => Ok(Command::new(found)),
        None => Err(missing(&name.to_string_lossy())),
    }
}

pub(crate) fn missing(what: &str) -> io::Error {
    let message = format!("{what} is not installed: run `./x tools` once, it installs what the tests speak to");
    io::Error::new(io::ErrorKind::NotFound, message)
}

/// Runs it to its end with this standard input. When `within` is over it is killed, with all that it has started.
///
/// # Errors
/// It could not be started, or did not end in time; with what it said.
pub fn run(command: &mut Command, input: &str, within: Duration) -> io::Result<Finished> {
    let name = command.get_program().to_string_lossy().into_owned();
    let mut child = spawn(command)?;
    // Short enough for a pipe's buffer, so that writing does not wait; whoever does not read it has no use for it.
    if let Some(mut stdin) = child.stdin.take() {
        let _ = stdin.write_all(input.as_bytes());
    }
    let (out, err) = (keep(child.stdout.take()), keep(child.stderr.take()));
    let ended = wait(&mut child, within)?;
    // What it has started may hold the pipes open.
    kill_group(child.id());
    let status = child.wait()?;
    let (stdout, stderr) = (kept(out), kept(err));
    if ended {
        return Ok(Finished { status, stdout, stderr });
    }
    let (stdout, stderr) = (tail(&stdout), tail(&stderr));
    let message = format!("{name} did not end within {within:?}\n{stdout}\n{stderr}");
    Err(io::Error::new(io::ErrorKind::TimedOut, message))
}

/// A program that runs beside a test; dropping it kills it, with all that it has started.
#[derive(Debug)]
pub struct Service {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    stderr: Arc<Mutex<Vec<u8>>>,
}

impl Service {
    /// Starts it.
    ///
    /// # Errors
    /// It could not be started.
    pub fn start(command: &mut Command) -> io::Result<Self> {
        let mut child = spawn(command)?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            let lines = stdout.map(|stdout| BufReader::new(stdout.take(OUTPUT_BYTES as u64)).lines());
            for line in lines.into_iter().flatten() {
                let Ok(line) = line else { break };
                // Whoever listened is gone; then so is the program.
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let stderr = Arc::new(Mutex::new(Vec::new()));
        if let Some(stream) = child.stderr.take() {
            let stderr = Arc::clone(&stderr);
            std::thread::spawn(move || collect(stream, &stderr));
        }
        Ok(Self {
            child,
            stdin,
            lines,
            stderr,
        })
    }

    /// Its next line on standard output.
    ///
    /// # Errors
    /// There is none in time, or it has ended; with what it wrote to standard error.
    pub fn line(&self, within: Duration) -> io::Result<String> {
        let problem = match self.lines.recv_timeout(within) {
            Ok(line) => return Ok(line),
            Err(RecvTimeoutError::Timeout) => format!("it said nothing within {within:?}"),
            Err(RecvTimeoutError::Disconnected) => "it has ended".to_owned(),
        };
        let stderr = self.stderr.lock().unwrap_or_else(PoisonError::into_inner);
        Err(io::Error::other(format!(
            "{problem}\n{}",
            tail(&String::from_utf8_lossy(&stderr))
        )))
    }

    /// The number in its first line, `listening PORT`.
    ///
    /// # Errors
    /// It says something else, or nothing in time.
    pub fn port(&self, within: Duration) -> io::Result<u16> {
        let line = self.line(within)?;
        let port = line.strip_prefix("listening ").and_then(|port| port.parse().ok());
        port.ok_or_else(|| io::Error::other(format!("rather than where it listens it said {line:?}")))
    }

    /// Writes a line to its standard input.
    ///
    /// # Errors
    /// It has ended.
    pub fn say(&mut self, line: &str) -> io::Result<()> {
        match &mut self.stdin {
            Some(stdin) => stdin.write_all(format!("{line}\n").as_bytes()),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        kill_group(self.child.id());
        let _ = self.child.wait();
    }
}

fn spawn(command: &mut Command) -> io::Result<Child> {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // A group of its own, so that it can be ended with all that it has started.
        .process_group(0)
        .spawn()
}

/// Whether it has ended in time.
fn wait(child: &mut Child, within: Duration) -> io::Result<bool> {
    let deadline = Instant::now() + within;
    loop {
        if child.try_wait()?.is_some() {
            return Ok(true);
        }
        if Instant::now() >= deadline {
            return Ok(false);
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// The shell's own `kill`: it is there wherever a shell is, and needs no unsafe code.
fn kill_group(leader: u32) {
    let _ = Command::new("sh")
        .arg("-c")
        .arg(format!("kill -KILL -{leader}"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
}

/// Reads a stream to its end in a thread.
fn keep(stream: Option<impl Read + Send + 'static>) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let bytes = Mutex::new(Vec::new());
        if let Some(stream) = stream {
            collect(stream, &bytes);
        }
        bytes.into_inner().unwrap_or_else(PoisonError::into_inner)
    })
}

fn kept(reader: JoinHandle<Vec<u8>>) -> String {
    String::from_utf8_lossy(&reader.join().unwrap_or_default()).into_owned()
}

fn collect(mut stream: impl Read, into: &Mutex<Vec<u8>>) {
    let mut piece = [0; 8 << 10];
    while let Ok(count) = stream.read(&mut piece) {
        if count == 0 {
            break;
        }
        let mut bytes = into.lock().unwrap_or_else(PoisonError::into_inner);
        let room = OUTPUT_BYTES - bytes.len();
        bytes.extend_from_slice(&piece[..count.min(room)]);
    }
}

/// The end of what was said.
fn tail(text: &str) -> &str {
    let mut start = text.len().saturating_sub(SHOWN_BYTES);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    &text[start..]
}
