//! A balancer with its backends, and what tests ask of it.

use std::error::Error;
use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use evenkeel_tests::backend::Backend;
use evenkeel_tests::balancer::Balancer;
use evenkeel_tests::client::Client;
use evenkeel_tests::message::Response;
use evenkeel_tests::prometheus::Scrape;
use evenkeel_tests::scratch::Scratch;
use serde_json::Value;

/// A test's result.
pub(crate) type Outcome = Result<(), Box<dyn Error>>;

/// How long something may take that is expected to come: generous, for machines that do much else.
pub(crate) const SOON: Duration = Duration::from_secs(20);
/// Between two looks at whether it has come.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Tests that need many threads or connections do not run beside each other.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A balancer in front of `test-backend`s.
pub(crate) struct House {
    pub(crate) balancer: Balancer,
    pub(crate) backends: Vec<Backend>,
    scratch: Scratch,
    journal: PathBuf,
}

impl House {
    /// One listener `web` over one pool `web` of backends with these names; `listener` and `pool` are further lines of
    /// their tables. The access log is on.
    pub(crate) fn start(names: &[&str], listener: &str, pool: &str) -> Result<House, Box<dyn Error>> {
        House::start_with_files(None, names, listener, pool)
    }

    pub(crate) fn start_with_files(
        files: Option<u32>,
        names: &[&str],
        listener: &str,
        pool: &str,
    ) -> Result<House, Box<dyn Error>> {
        let scratch = Scratch::new()?;
        let journal = scratch.path().join("journal");
        let backends = Backend::start_all(names, &journal)?;
        let log = scratch.path().join("access.log");
        let balancer = Balancer::start_with_files(files, 1, |ports| {
            let port = ports[0];
            let (list, log) = (list(&backends), log.display());
            format!(
                "[listener.web]\nbind = \"127.0.0.1:{port}\"\npool = \"web\"\naccess_log = \"{log}\"\n{listener}\n\
                 [pool.web]\nbackends = [{list}]\n{pool}\n"
            )
        })?;
        Ok(House {
            balancer,
            backends,
            scratch,
            journal,
        })
    }

    /// Where clients go.
    pub(crate) fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.balancer.ports()[0]).into()
    }

    pub(crate) fn backend(&self, name: &str) -> &Backend {
        let found = self.backends.iter().find(|backend| backend.name() == name);
        found.expect("a backend that the test named")
    }

    /// What the backends executed.
    pub(crate) fn journal(&self) -> &PathBuf {
        &self.journal
    }

    pub(crate) fn connect(&self) -> std::io::Result<Client> {
        Client::connect(self.address())
    }

    /// One GET on a connection of its own.
    pub(crate) fn get(&self, target: &str) -> Result<Response, Box<dyn Error>> {
        let mut client = self.connect()?;
        ask(&mut client, target)
    }

    /// The body of a GET that must be answered with 200.
    pub(crate) fn body(&self, target: &str) -> Result<String, Box<dyn Error>> {
        let response = self.get(target)?;
        let body = String::from_utf8_lossy(&response.body).into_owned();
        if response.status != 200 {
            return Err(format!("{target}: {} {body}", response.status).into());
        }
        Ok(body)
    }

    /// `GET /api/v1/status`.
    pub(crate) fn status(&self) -> Result<Value, Box<dyn Error>> {
        let (status, body) = self.balancer.admin("GET", "/api/v1/status", "")?;
        if status != 200 {
            return Err(format!("status: {status} {body}").into());
        }
        Ok(serde_json::from_str(&body)?)
    }

    /// What status says of one backend.
    pub(crate) fn backend_status(&self, name: &str) -> Result<Value, Box<dyn Error>> {
        let status = self.status()?;
        let pools = status["pools"].as_array().cloned().unwrap_or_default();
        let mut backends = pools
            .iter()
            .flat_map(|pool| pool["backends"].as_array().into_iter().flatten());
        let found = backends.find(|backend| backend["name"] == name);
        Ok(found.ok_or_else(|| format!("status has no {name}"))?.clone())
    }

    /// Waits until status says of this backend what is wanted.
    pub(crate) fn wait_for_backend(&self, name: &str, wanted: impl Fn(&Value) -> bool) -> Outcome {
        let mut last = Value::Null;
        wait_for(|| {
            last = self.backend_status(name)?;
            Ok(wanted(&last))
        })
        .map_err(|error| format!("{error}; {name} is {last}").into())
    }

    /// Waits until every backend may have traffic.
    pub(crate) fn wait_until_usable(&self) -> Outcome {
        for backend in &self.backends {
            self.wait_for_backend(backend.name(), |backend| backend["usable"] == true)?;
        }
        Ok(())
    }

    /// Waits until no request is under way at any backend.
    pub(crate) fn wait_until_quiet(&self) -> Outcome {
        for backend in &self.backends {
            self.wait_for_backend(backend.name(), |backend| backend["in_flight"] == 0)?;
        }
        Ok(())
    }

    pub(crate) fn metrics(&self) -> Result<Scrape, Box<dyn Error>> {
        let (status, body) = self.balancer.admin("GET", "/metrics", "")?;
        if status != 200 {
            return Err(format!("metrics: {status}").into());
        }
        Ok(Scrape::read(&body)?)
    }

    pub(crate) fn access_log_path(&self) -> PathBuf {
        self.scratch.path().join("access.log")
    }

    /// The access log, once it has a line for each of so many requests.
    pub(crate) fn access_log(&self, lines: usize) -> Result<Vec<Value>, Box<dyn Error>> {
        let path = self.access_log_path();
        let mut text = String::new();
        wait_for(|| {
            text = std::fs::read_to_string(&path)?;
            Ok(text.ends_with('\n') && text.lines().count() >= lines)
        })
        .map_err(|error| format!("{error}; the access log has {} lines", text.lines().count()))?;
        text.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
    }

    /// Status, reason and backend of the one request for this target's path in the access log.
    pub(crate) fn logged(&self, path: &str) -> Result<Value, Box<dyn Error>> {
        let mut found = None;
        wait_for(|| {
            let lines = self.access_log(0)?;
            found = lines.into_iter().find(|line| line["path"] == path);
            Ok(found.is_some())
        })
        .map_err(|error| format!("{error}; {path} is not in the access log"))?;
        Ok(found.unwrap_or_default())
    }

    /// The configuration as it was written last, with one text replaced by another.
    pub(crate) fn reconfigure(&self, from: &str, to: &str) -> Outcome {
        let path = self.balancer.configuration();
        let text = std::fs::read_to_string(&path)?;
        assert!(text.contains(from), "{from:?} is in the configuration: {text}");
        Ok(std::fs::write(path, text.replace(from, to))?)
    }

    /// `evenkeel reload`, which must succeed; what it printed.
    pub(crate) fn reload(&self) -> Result<String, Box<dyn Error>> {
        self.command(&["reload", "-c", &self.balancer.configuration().to_string_lossy()])
    }

    /// Runs a command that must succeed, and returns what it printed.
    pub(crate) fn command(&self, arguments: &[&str]) -> Result<String, Box<dyn Error>> {
        let output = self.balancer.command(arguments)?;
        let (out, err) = (
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        if !output.status.success() {
            return Err(format!("{arguments:?}: {}: {out}{err}", output.status).into());
        }
        Ok(out.into_owned())
    }
}

/// The backends as the members of an array.
pub(crate) fn list(backends: &[Backend]) -> String {
    let mut list = String::new();
    for backend in backends {
        // Writing to a string cannot fail.
        let _ = write!(
            list,
            "{{ address = \"{}\", name = \"{}\" }}, ",
            backend.address(),
            backend.name()
        );
    }
    list
}

/// One GET on a connection that may be used again.
pub(crate) fn ask(client: &mut Client, target: &str) -> Result<Response, Box<dyn Error>> {
    client.send(format!("GET {target} HTTP/1.1\r\nhost: test\r\n\r\n").as_bytes())?;
    let response = client.response(SOON, false);
    response.map_err(|problem| format!("GET {target}: {problem}").into())
}

/// Lets this process, and those it starts, have thousands of connections.
pub(crate) fn raise_file_limit() -> Outcome {
    let pid = std::process::id().to_string();
    let status = std::process::Command::new("prlimit")
        .args(["--pid", &pid, "--nofile=8192:"])
        .status()?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("prlimit: {status}").into())
    }
}

/// Looks until it is so, at most [`SOON`].
pub(crate) fn wait_for(mut so: impl FnMut() -> Result<bool, Box<dyn Error>>) -> Outcome {
    let deadline = Instant::now() + SOON;
    while !so()? {
        if Instant::now() >= deadline {
            return Err(format!("not so within {SOON:?}").into());
        }
        std::thread::sleep(LOOK_EVERY);
    }
    Ok(())
}

/// How many file descriptors a process has.
pub(crate) fn open_files(pid: u32) -> std::io::Result<usize> {
    Ok(std::fs::read_dir(format!("/proc/{pid}/fd"))?.count())
}

/// User and system time of the whole process (proc(5): fields 14 and 15, in ticks of 10 ms).
pub(crate) fn cpu_time(pid: u32) -> Result<Duration, Box<dyn Error>> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let after_name = stat.rsplit_once(") ").ok_or("no name in stat")?.1;
    let fields: Vec<&str> = after_name.split(' ').collect();
    let ticks: u64 = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
    Ok(Duration::from_millis(ticks * 10))
}
