//! A backend in a process of its own (`test-backend`), which can be killed at any moment and come back at its address.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::client::Client;

/// How long one answer to the test itself may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// A running backend, or one that was killed; dropping it ends it.
#[derive(Debug)]
pub struct Backend {
    name: String,
    journal: PathBuf,
    address: SocketAddr,
    child: Child,
}

impl Backend {
    /// Starts one and waits until it listens; what it executes is written to `journal`, which several may share.
    ///
    /// It has a loopback address of its own. Connections of others come from 127.0.0.1, so none of them can take its
    /// port while it is dead, or connect to itself there.
    ///
    /// # Errors
    /// There is no `test-backend` beside the running test, or it does not start.
    pub fn start(name: &str, journal: &Path) -> io::Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let [_, _, high, low] = std::process::id().to_be_bytes();
        let octet = |number: u32| u8::try_from(number % 250).unwrap_or(0) + 1;
        let host = Ipv4Addr::new(127, octet(u32::from(high)), low, octet(number));
        let (child, address) = launch(SocketAddr::from((host, 0)), name, journal)?;
        Ok(Self {
            name: name.to_owned(),
            journal: journal.to_owned(),
            address,
            child,
        })
    }

    /// Starts several with these names.
    ///
    /// # Errors
    /// As [`Backend::start`].
    pub fn start_all(names: &[&str], journal: &Path) -> io::Result<Vec<Self>> {
        names.iter().map(|name| Self::start(name, journal)).collect()
    }

    /// What it answers with.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it listens, now and after each start.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// SIGKILL; it is gone when this returns.
    ///
    /// # Errors
    /// What the kernel said.
    pub fn kill(&mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(|_| ())
    }

    /// Starts it again at the same address, and waits until it listens.
    ///
    /// # Errors
    /// As [`Backend::start`].
    pub fn start_again(&mut self) -> io::Result<()> {
        self.child = launch(self.address, &self.name, &self.journal)?.0;
        Ok(())
    }

    /// Asks it something directly, past the balancer: the answer's body.
    ///
    /// # Errors
    /// No answer, or one that is not 200.
    pub fn ask(&self, target: &str) -> io::Result<String> {
        let mut client = Client::connect(self.address)?;
        client.send(format!("GET {target} HTTP/1.1\r\nhost: test\r\n\r\n").as_bytes())?;
        let response = client.response(ANSWER_WITHIN, false).map_err(io::Error::other)?;
        if response.status != 200 {
            return Err(io::Error::other(format!("{target}: {}", response.status)));
        }
        Ok(String::from_utf8_lossy(&response.body).into_owned())
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What backends wrote to a journal: (backend, method, target), in order.
///
/// # Errors
/// The file cannot be read.
pub fn journal(path: &Path) -> io::Result<Vec<(String, String, String)>> {
    let text = std::fs::read_to_string(path)?;
    let lines = text.lines().filter_map(|line| {
        let mut words = line.split(' ').map(str::to_owned);
        Some((words.next()?, words.next()?, words.next()?))
    });
    Ok(lines.collect())
}

/// How often each target was executed with this method.
///
/// # Errors
/// The file cannot be read.
pub fn executions(path: &Path, method: &str) -> io::Result<BTreeMap<String, u32>> {
    let mut counts = BTreeMap::new();
    for (_, own, target) in journal(path)? {
        if own == method {
            *counts.entry(target).or_default() += 1;
        }
    }
    Ok(counts)
}

fn launch(address: SocketAddr, name: &str, journal: &Path) -> io::Result<(Child, SocketAddr)> {
    let mut child = Command::new(binary()?)
        .arg(address.to_string())
        .arg(name)
        .arg(journal)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    if let Some(stdout) = child.stdout.take() {
        BufReader::new(stdout).read_line(&mut line)?;
    }
    match line.trim().parse() {
        Ok(address) => Ok((child, address)),
        Err(_) => {
            let _ = child.kill();
            let status = child.wait()?;
            Err(io::Error::other(format!("test-backend {address}: {status}")))
        }
    }
}

/// `target/PROFILE/test-backend`, where the test is `target/PROFILE/deps/TEST`.
fn binary() -> io::Result<PathBuf> {
    let test = std::env::current_exe()?;
    let mut places = test.ancestors().skip(1).take(3);
    let found = places.find_map(|folder| Some(folder.join("test-backend")).filter(|path| path.is_file()));
    found.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no test-backend beside the test"))
}
