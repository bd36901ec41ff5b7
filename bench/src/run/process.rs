//! Child processes: pinned to their core, ended with the run, their words kept.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, Signal};
use rustix::thread::{CpuSet, sched_setaffinity};

use super::Options;
use crate::certificate;
use crate::failure::Failure;
use crate::meter;
use crate::origin::answers;

/// How long a product may take to end once told to; then it is killed.
const ENDING_MAX: Duration = Duration::from_secs(3);

/// The limit of descriptors asked for: two for each of the idle connections, and some.
const DESCRIPTORS: u64 = 20_000;

/// Highest priority there is, for the run and all it starts.
const PRIORITY: i32 = -20;

/// A directory of the run's own, removed at its end.
pub(crate) struct Directory(PathBuf);

impl Directory {
    pub(crate) fn create() -> Result<Self, Failure> {
        let path = std::env::temp_dir().join(format!("evenkeel-bench-{}", std::process::id()));
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    /// Puts the certificate and the files into it that products are to show and to serve.
    pub(crate) fn furnish(&self) -> Result<(), Failure> {
        certificate::make(&self.certificate())?;
        fs::create_dir(self.files())?;
        for (path, length) in answers::FILES {
            let name = path.trim_start_matches('/');
            fs::write(self.files().join(name), vec![b'x'; length])?;
        }
        Ok(())
    }

    /// Certificate and key in one file.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.0.join("bench.pem")
    }

    /// The directory of static files.
    pub(crate) fn files(&self) -> PathBuf {
        self.0.join("files")
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // What is left behind in a temporary directory harms nobody.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Puts this process (and so the origin and the load, its children) on the load's core, with enough descriptors.
pub(crate) fn prepare(options: &Options) -> Result<(), Failure> {
    let mut cores = CpuSet::new();
    cores.set(options.load_core);
    sched_setaffinity(None, &cores)
        .map_err(|error| Failure::new(format!("cannot use core {}: {error}", options.load_core)))?;
    let limit = rustix::process::getrlimit(Resource::Nofile);
    let maximum = limit.maximum.unwrap_or(u64::MAX).max(DESCRIPTORS);
    let raised = Rlimit {
        current: Some(maximum),
        maximum: Some(maximum),
    };
    if rustix::process::setrlimit(Resource::Nofile, raised).is_err() {
        let current = Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        };
        rustix::process::setrlimit(Resource::Nofile, current)
            .map_err(|error| Failure::new(format!("cannot raise the limit of descriptors: {error}")))?;
    }
    if options.priority {
        rustix::process::setpriority_process(None, PRIORITY)
            .map_err(|error| Failure::new(format!("--priority: {error}")))?;
        // Without it a nice value counts only within the session; not every kernel groups sessions.
        let _ = fs::write("/proc/self/autogroup", PRIORITY.to_string());
    }
    Ok(())
}

/// Idle connections that fit under the limit of descriptors when a relay needs two for each.
pub(crate) fn idle_connections() -> u64 {
    const WANTED: u64 = 9000;
    const OTHERS: u64 = 200;
    let limit = rustix::process::getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    WANTED.min(limit.saturating_sub(OTHERS) / 2)
}

/// A child that ends when this value does.
pub(crate) struct Running {
    child: Child,
    log: PathBuf,
}

impl Running {
    /// Starts a program on a core; what it says goes to a file of the run's directory. It is told to end when the
    /// run does, however that ends.
    pub(crate) fn start(core: usize, program: &[String], log: PathBuf, first_line: bool) -> Result<Self, Failure> {
        let file = File::create(&log)?;
        let stdout = if first_line {
            Stdio::piped()
        } else {
            Stdio::from(file.try_clone()?)
        };
        let child = Command::new("taskset")
            .args(["-c", &core.to_string(), "setpriv", "--pdeathsig", "TERM"])
            .args(program)
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(file)
            .spawn()
            .map_err(|error| Failure::new(format!("taskset (of util-linux): {error}")))?;
        Ok(Self { child, log })
    }

    /// taskset and setpriv replace themselves by the program, so this is the program's.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// The first line it says; only for one started with `first_line`.
    pub(crate) fn first_line(&mut self) -> Result<String, Failure> {
        let mut line = String::new();
        if let Some(stdout) = self.child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        if line.is_empty() {
            return Err(Failure::new(format!("ended before it was ready: {}", self.words())));
        }
        Ok(line.trim().to_owned())
    }

    /// Everything it says until it ends.
    pub(crate) fn output(&mut self) -> Result<String, Failure> {
        let mut text = String::new();
        if let Some(mut stdout) = self.child.stdout.take() {
            stdout.read_to_string(&mut text)?;
        }
        self.child.wait()?;
        Ok(text)
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// The end of what it said on stderr.
    pub(crate) fn words(&self) -> String {
        const LINES: usize = 10;
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(LINES)..].join("\n")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.has_ended() {
            return;
        }
        let processes = meter::tree(self.child.id()).unwrap_or_else(|_| vec![self.child.id()]);
        send(self.child.id(), Signal::TERM);
        let deadline = Instant::now() + ENDING_MAX;
        while !self.has_ended() {
            if Instant::now() > deadline {
                for process in &processes {
                    send(*process, Signal::KILL);
                }
                // Killed processes cannot refuse.
                let _ = self.child.wait();
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// A process that is already gone needs no signal.
fn send(process: u32, signal: Signal) {
    if let Some(process) = i32::try_from(process).ok().and_then(Pid::from_raw) {
        let _ = rustix::process::kill_process(process, signal);
    }
}
