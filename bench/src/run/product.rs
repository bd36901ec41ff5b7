//! The products: how each is found and started.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Options;
use super::process::{Directory, Running};
use super::scenario::{Kind, Scenario};
use super::setup::Setup;
use crate::certificate::{Client, NAME};
use crate::failure::Failure;
use crate::load::h2load;

/// A product that does not answer by then does not work.
const READY_MAX: Duration = Duration::from_secs(10);

/// Who is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Product {
    Evenkeel,
    Haproxy,
    HaproxySplice,
    Nginx,
    Relay,
}

impl Product {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Evenkeel => "evenkeel",
            Self::Haproxy => "haproxy",
            Self::HaproxySplice => "haproxy-splice",
            Self::Nginx => "nginx",
            Self::Relay => "relay",
        }
    }

    /// The one of this name.
    pub(crate) fn named(name: &str) -> Result<Self, Failure> {
        const ALL: [Product; 5] = [
            Product::Evenkeel,
            Product::Haproxy,
            Product::HaproxySplice,
            Product::Nginx,
            Product::Relay,
        ];
        let found = ALL.into_iter().find(|product| product.name() == name);
        found.ok_or_else(|| Failure::new(format!("no product {name}")))
    }

    /// Whether it can do what a scenario asks for.
    fn can(self, scenario: &Scenario) -> bool {
        match self {
            Self::Evenkeel | Self::Nginx => true,
            Self::Haproxy => !scenario.door.is_files(),
            Self::HaproxySplice => scenario.splice,
            // It carries bytes: it chooses nobody, and HTTP/2 would meet an origin that does not speak it.
            Self::Relay => scenario.kind != Kind::Uneven && !scenario.door.is_files() && !scenario.door.is_h2(),
        }
    }
}

/// The products that are there, and which.
pub(crate) struct Products {
    evenkeel: Option<(PathBuf, String)>,
    haproxy: Option<(PathBuf, String)>,
    nginx: Option<(PathBuf, String)>,
    nginx_balance: String,
    /// Nobody else; empty: all.
    only: Vec<Product>,
}

impl Products {
    /// Asks each for its version; one that does not answer is left out, with a word on stderr.
    pub(crate) fn find(options: &Options) -> Result<Self, Failure> {
        let found = Self {
            evenkeel: version(&options.evenkeel, "--version"),
            haproxy: version(&options.haproxy, "-v"),
            nginx: version(&options.nginx, "-v"),
            nginx_balance: options.nginx_balance.clone(),
            only: options.only.clone(),
        };
        for (there, path, name) in [
            (found.evenkeel.is_some(), &options.evenkeel, "evenkeel"),
            (found.haproxy.is_some(), &options.haproxy, "haproxy"),
            (found.nginx.is_some(), &options.nginx, "nginx"),
        ] {
            if !there {
                eprintln!(
                    "{name}: {} cannot be run; its column is left out (--{name} PATH)",
                    path.display()
                );
            }
        }
        Ok(found)
    }

    /// Those measured in a scenario, in the order of the first round.
    pub(crate) fn of_scenario(&self, scenario: &Scenario) -> Vec<Product> {
        let there = [
            (Product::Evenkeel, self.evenkeel.is_some()),
            (Product::Haproxy, self.haproxy.is_some()),
            (Product::HaproxySplice, self.haproxy.is_some()),
            (Product::Nginx, self.nginx.is_some()),
            (Product::Relay, true),
        ];
        let is_wanted = |product: &Product| self.only.is_empty() || self.only.contains(product);
        there
            .into_iter()
            .filter(|(product, is_there)| *is_there && product.can(scenario))
            .map(|(product, _)| product)
            .filter(is_wanted)
            .collect()
    }

    /// The first line each says about itself.
    pub(crate) fn versions(&self) -> Value {
        let said = |product: &Option<(PathBuf, String)>| product.as_ref().map(|(_, version)| version.clone());
        json!({ "evenkeel": said(&self.evenkeel), "haproxy": said(&self.haproxy), "nginx": said(&self.nginx) })
    }

    /// HAProxy 3 or later: another goal holds against it.
    pub(crate) fn haproxy_is_newer(&self) -> bool {
        let Some((_, version)) = &self.haproxy else {
            return false;
        };
        let number = version
            .split_whitespace()
            .find(|word| word.starts_with(|first: char| first.is_ascii_digit()));
        number
            .and_then(|number| number.split('.').next()?.parse::<u32>().ok())
            .is_some_and(|major| major >= 3)
    }

    /// nginx balances by measured time: another goal holds against it.
    pub(crate) fn nginx_measures(&self) -> bool {
        self.nginx_balance.starts_with("least_time")
    }

    /// Starts a product before these backends and waits until it serves.
    pub(crate) fn start(
        &self,
        product: Product,
        scenario: &Scenario,
        backends: &[SocketAddr],
        core: usize,
        directory: &Directory,
    ) -> Result<(Running, SocketAddr), Failure> {
        let listen = free_address()?;
        let log = directory.path().join(format!("{}.log", product.name()));
        let at = directory.path();
        let setup = Setup {
            listen,
            backends,
            scenario,
            directory,
        };
        let program = match product {
            Product::Evenkeel => {
                let file = write(at, "evenkeel.toml", &setup.evenkeel())?;
                vec![path(&self.evenkeel)?, "run".to_owned(), "-c".to_owned(), file]
            }
            Product::Haproxy | Product::HaproxySplice => {
                let file = write(at, "haproxy.cfg", &setup.haproxy(product == Product::HaproxySplice))?;
                vec![path(&self.haproxy)?, "-db".to_owned(), "-f".to_owned(), file]
            }
            Product::Nginx => {
                let file = write(at, "nginx.conf", &setup.nginx(&self.nginx_balance))?;
                let prefix = at.display().to_string();
                let options = ["-e", "stderr", "-p", &prefix, "-c", &file].map(str::to_owned);
                [vec![path(&self.nginx)?], options.to_vec()].concat()
            }
            Product::Relay => [vec![std::env::current_exe()?.display().to_string()], setup.relay()].concat(),
        };
        let mut running = Running::start(core, &program, log, false)?;
        wait_until_ready(&mut running, &setup)?;
        Ok((running, listen))
    }
}

fn write(directory: &Path, name: &str, text: &str) -> Result<String, Failure> {
    let path = directory.join(name);
    fs::write(&path, text)?;
    Ok(path.display().to_string())
}

fn path(product: &Option<(PathBuf, String)>) -> Result<String, Failure> {
    let (path, _) = product.as_ref().ok_or_else(|| Failure::new("is not there"))?;
    Ok(path.display().to_string())
}

/// The first line a program says when asked for its version, on whichever stream.
fn version(path: &Path, option: &str) -> Option<(PathBuf, String)> {
    let output = Command::new(path).arg(option).output().ok()?;
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    Some((
        path.to_owned(),
        text.lines().next().unwrap_or("version unknown").to_owned(),
    ))
}

/// An address nobody listens on now.
fn free_address() -> Result<SocketAddr, Failure> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?)
}

fn wait_until_ready(running: &mut Running, setup: &Setup<'_>) -> Result<(), Failure> {
    let deadline = Instant::now() + READY_MAX;
    while Instant::now() < deadline {
        if serves(setup).unwrap_or(false) {
            return Ok(());
        }
        if running.has_ended() {
            return Err(Failure::new(format!("ended: {}", running.words())));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Err(Failure::new(format!(
        "does not answer 200 after {} s: {}",
        READY_MAX.as_secs(),
        running.words()
    )))
}

fn serves(setup: &Setup<'_>) -> Result<bool, Failure> {
    const PATIENCE: Duration = Duration::from_secs(1);
    let (scenario, path) = (setup.scenario, setup.scenario.path());
    if scenario.door.is_h2() {
        return Ok(h2load::serves(setup.listen, scenario.door.is_encrypted(), path));
    }
    let mut stream = TcpStream::connect_timeout(&setup.listen, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n\r\n");
    let mut start = [0; 12];
    if scenario.door.is_encrypted() {
        let mut session = Client::trusting(&setup.directory.certificate())?.session()?;
        let mut stream = rustls::Stream::new(&mut session, &mut stream);
        stream.write_all(request.as_bytes())?;
        stream.read_exact(&mut start)?;
    } else {
        stream.write_all(request.as_bytes())?;
        stream.read_exact(&mut start)?;
    }
    Ok(start == *b"HTTP/1.1 200")
}
