//! The built binary as a child process.

use std::io::{self, Read, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::scratch::{Scratch, free_ports};

/// How long the balancer may take from its start until it is ready.
const READY_WITHIN: Duration = Duration::from_secs(15);
/// How often readiness and the end of the process are looked for.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// How often a start is tried again with other ports when somebody took one in between.
const START_ATTEMPTS: usize = 4;
/// How long the rest of standard error may take to arrive once the process has ended.
const LAST_WORDS_WITHIN: Duration = Duration::from_secs(1);
/// How long one answer of the admin socket may take.
const ADMIN_TIMEOUT: Duration = Duration::from_secs(5);

/// A running balancer; dropping it kills and reaps it.
#[derive(Debug)]
pub struct Balancer {
    child: Child,
    scratch: Scratch,
    ports: Vec<u16>,
    output: Output,
}

/// Where the binary is: `EVENKEEL_BIN`, or beside the running test in its target directory.
///
/// # Errors
/// There is none, with what to do about it.
pub fn binary() -> io::Result<PathBuf> {
    if let Some(path) = std::env::var_os("EVENKEEL_BIN") {
        return Ok(path.into());
    }
    // target/PROFILE/deps/TEST, where the binary is target/PROFILE/evenkeel.
    let test = std::env::current_exe()?;
    let found = test
        .ancestors()
        .skip(1)
        .take(3)
        .map(|directory| directory.join("evenkeel"))
        .find(|path| path.is_file());
    found.ok_or_else(|| {
        let message = "no evenkeel binary beside the test: `cargo build -p evenkeel` first, or set EVENKEEL_BIN";
        io::Error::new(io::ErrorKind::NotFound, message)
    })
}

impl Balancer {
    /// Runs `evenkeel run -c FILE` and waits until `GET /readyz` on its admin socket answers 200.
    ///
    /// `configuration` makes the file's text from `ports` free ports. `[admin]` with a socket and a state directory of
    /// its own is added unless the text has an `[admin]` already, which must then use `evenkeel.sock` beside the file.
    ///
    /// # Errors
    /// No binary, or it ended or was not ready in time; with what it wrote.
    pub fn start(ports: usize, configuration: impl Fn(&[u16]) -> String) -> io::Result<Self> {
        Self::start_with_files(None, ports, configuration)
    }

    /// As [`Balancer::start`], for a process that may have only so many file descriptors.
    ///
    /// # Errors
    /// As [`Balancer::start`].
    pub fn start_with_files(
        files: Option<u32>,
        ports: usize,
        configuration: impl Fn(&[u16]) -> String,
    ) -> io::Result<Self> {
        let mut last = io::Error::other("never tried");
        for _ in 0..START_ATTEMPTS {
            let ports = free_ports(ports)?;
            match Self::start_once(files, ports.clone(), &configuration(&ports)) {
                Ok(balancer) => return Ok(balancer),
                Err(error) if error.to_string().to_ascii_lowercase().contains("in use") => last = error,
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }

    fn start_once(files: Option<u32>, ports: Vec<u16>, configuration: &str) -> io::Result<Self> {
        let scratch = Scratch::new()?;
        let file = scratch.path().join("evenkeel.toml");
        std::fs::write(&file, with_admin(configuration, scratch.path()))?;
        let (child, output) = launch(files, &file)?;
        let mut balancer = Self {
            child,
            scratch,
            ports,
            output,
        };
        balancer.wait_until_ready()?;
        Ok(balancer)
    }

    /// Waits until the process has ended by itself.
    ///
    /// # Errors
    /// It did not end in time.
    pub fn wait_for_end(&mut self, wait: Duration) -> io::Result<ExitStatus> {
        let deadline = Instant::now() + wait;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Err(io::Error::new(
            io::ErrorKind::TimedOut,
            format!("still running after {wait:?}"),
        ))
    }

    /// A new process with the same configuration and state, once the old one has ended; waits until it is ready.
    ///
    /// # Errors
    /// As [`Balancer::start`].
    pub fn start_again(&mut self) -> io::Result<()> {
        (self.child, self.output) = launch(None, &self.configuration())?;
        self.wait_until_ready()
    }

    /// Replaces the configuration's text, without telling the process. `[admin]` is added as by [`Balancer::start`].
    ///
    /// # Errors
    /// What the file system said.
    pub fn write_configuration(&self, text: &str) -> io::Result<()> {
        std::fs::write(self.configuration(), with_admin(text, self.scratch.path()))
    }

    /// Runs another command of the binary for this balancer, `drain` and the like, to its end.
    ///
    /// # Errors
    /// It could not be started.
    pub fn command(&self, arguments: &[&str]) -> io::Result<std::process::Output> {
        Command::new(binary()?)
            .args(arguments)
            .env("EVENKEEL_SOCKET", self.socket())
            .stdin(Stdio::null())
            .output()
    }

    fn wait_until_ready(&mut self) -> io::Result<()> {
        let deadline = Instant::now() + READY_WITHIN;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                let written = self.output.whole_stderr();
                return Err(io::Error::other(format!("the balancer ended with {status}: {written}")));
            }
            if self.admin("GET", "/readyz", "").is_ok_and(|(status, _)| status == 200) {
                return Ok(());
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Err(io::Error::other(format!(
            "not ready within {READY_WITHIN:?}: {}",
            self.stderr()
        )))
    }

    /// The ports its configuration was made from.
    #[must_use]
    pub fn ports(&self) -> &[u16] {
        &self.ports
    }

    /// Its process number.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The directory with its configuration, socket and state.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.scratch.path()
    }

    /// Its configuration file, for tests that change and reload it.
    #[must_use]
    pub fn configuration(&self) -> PathBuf {
        self.scratch.path().join("evenkeel.toml")
    }

    /// Its admin socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.scratch.path().join("evenkeel.sock")
    }

    /// What it has written to standard error so far.
    #[must_use]
    pub fn stderr(&self) -> String {
        self.output.stderr()
    }

    /// What it has written to standard output so far.
    #[must_use]
    pub fn stdout(&self) -> String {
        self.output.stdout()
    }

    /// One request to the admin socket: status and body.
    ///
    /// # Errors
    /// No connection, or no HTTP answer.
    pub fn admin(&self, method: &str, path: &str, body: &str) -> io::Result<(u16, String)> {
        let mut stream = UnixStream::connect(self.socket())?;
        stream.set_read_timeout(Some(ADMIN_TIMEOUT))?;
        stream.set_write_timeout(Some(ADMIN_TIMEOUT))?;
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: evenkeel\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        )?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes)?;
        match crate::message::response(&bytes, true, false) {
            crate::message::Read::Whole(response, _) => {
                Ok((response.status, String::from_utf8_lossy(&response.body).into_owned()))
            }
            other => Err(io::Error::other(format!("no answer from the admin socket: {other:?}"))),
        }
    }

    /// Sends the signal of this name (`TERM`, `HUP`, `INT`, `KILL`) to the balancer's own process.
    ///
    /// # Errors
    /// The process is no more.
    pub fn signal(&self, name: &str) -> io::Result<()> {
        // The shell's own `kill`: it is there wherever a shell is, and needs no unsafe code.
        let status = Command::new("sh")
            .arg("-c")
            .arg(format!("kill -{name} {}", self.pid()))
            .status()?;
        if status.success() {
            Ok(())
        } else {
            Err(io::Error::other(format!("kill -{name}: {status}")))
        }
    }

    /// SIGTERM, then waits for its end; it is killed when `wait` is over.
    ///
    /// # Errors
    /// It did not end in time.
    pub fn stop(mut self, wait: Duration) -> io::Result<ExitStatus> {
        self.signal("TERM")?;
        self.wait_for_end(wait)
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn launch(files: Option<u32>, configuration: &Path) -> io::Result<(Child, Output)> {
    let binary = binary()?;
    let mut command = match files {
        None => Command::new(&binary),
        Some(files) => {
            let mut shell = Command::new("sh");
            let limited = format!("ulimit -n {files} && exec \"$@\"");
            shell.arg("-c").arg(limited).arg("sh").arg(&binary);
            shell
        }
    };
    let mut child = command
        .arg("run")
        .arg("-c")
        .arg(configuration)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let output = Output::of(&mut child);
    Ok((child, output))
}

fn with_admin(configuration: &str, directory: &Path) -> String {
    if configuration.lines().any(|line| line.trim() == "[admin]") {
        return configuration.to_owned();
    }
    let (socket, state) = (directory.join("evenkeel.sock"), directory.join("state"));
    format!(
        "{configuration}\n[admin]\nsocket = \"{}\"\nstate = \"{}\"\n",
        socket.display(),
        state.display()
    )
}

/// Everything the process writes, read as it comes so that it never waits for its reader.
#[derive(Debug)]
struct Output {
    stdout: Arc<Mutex<Vec<u8>>>,
    stderr: Arc<Mutex<Vec<u8>>>,
    stderr_reader: Option<JoinHandle<()>>,
}

impl Output {
    fn of(child: &mut Child) -> Self {
        let (stdout, stderr) = (Arc::default(), Arc::default());
        if let Some(pipe) = child.stdout.take() {
            collect(pipe, Arc::clone(&stdout));
        }
        let stderr_reader = child.stderr.take().map(|pipe| collect(pipe, Arc::clone(&stderr)));
        Self {
            stdout,
            stderr,
            stderr_reader,
        }
    }

    fn stdout(&self) -> String {
        text(&self.stdout)
    }

    fn stderr(&self) -> String {
        text(&self.stderr)
    }

    /// All of standard error, once the process has ended.
    fn whole_stderr(&self) -> String {
        // Bounded: a child of the process may still hold the pipe.
        let deadline = Instant::now() + LAST_WORDS_WITHIN;
        while self.stderr_reader.as_ref().is_some_and(|reader| !reader.is_finished()) && Instant::now() < deadline {
            std::thread::sleep(LOOK_EVERY);
        }
        self.stderr()
    }
}

fn text(bytes: &Mutex<Vec<u8>>) -> String {
    String::from_utf8_lossy(&bytes.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
}

fn collect(mut pipe: impl Read + Send + 'static, into: Arc<Mutex<Vec<u8>>>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut buffer = vec![0; 4096];
        while let Ok(count @ 1..) = pipe.read(&mut buffer) {
            into.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .extend_from_slice(&buffer[..count]);
        }
    })
}
