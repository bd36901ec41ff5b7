//! The products: how each is found, configured and started.

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
use crate::failure::Failure;

const HAPROXY: &str = include_str!("../../configs/haproxy.cfg");
const NGINX: &str = include_str!("../../configs/nginx.conf");
const EVENKEEL: &str = include_str!("../../configs/evenkeel.toml");

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
}

/// The products that are there, and which.
pub(crate) struct Products {
    evenkeel: Option<(PathBuf, String)>,
    haproxy: Option<(PathBuf, String)>,
    nginx: Option<(PathBuf, String)>,
    nginx_balance: String,
}

impl Products {
    /// Asks each for its version; one that does not answer is left out, with a word on stderr.
    pub(crate) fn find(options: &Options) -> Result<Self, Failure> {
        let found = Self {
            evenkeel: version(&options.evenkeel, "--version"),
            haproxy: version(&options.haproxy, "-v"),
            nginx: version(&options.nginx, "-v"),
            nginx_balance: options.nginx_balance.clone(),
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
        let mut products = Vec::new();
        if self.evenkeel.is_some() {
            products.push(Product::Evenkeel);
        }
        if self.haproxy.is_some() {
            products.push(Product::Haproxy);
            if scenario.splice {
                products.push(Product::HaproxySplice);
            }
        }
        if self.nginx.is_some() {
            products.push(Product::Nginx);
        }
        // A relay chooses nobody, so an uneven pool says nothing about it.
        if scenario.kind != Kind::Uneven {
            products.push(Product::Relay);
        }
        products
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
        let program = match product {
            Product::Evenkeel => {
                let file = write(at, "evenkeel.toml", &evenkeel(listen, backends, at))?;
                vec![path(&self.evenkeel)?, "run".to_owned(), "-c".to_owned(), file]
            }
            Product::Haproxy | Product::HaproxySplice => {
                let splice = product == Product::HaproxySplice;
                let file = write(at, "haproxy.cfg", &haproxy(listen, backends, scenario.kind, splice))?;
                vec![path(&self.haproxy)?, "-db".to_owned(), "-f".to_owned(), file]
            }
            Product::Nginx => {
                let file = write(at, "nginx.conf", &self.nginx(listen, backends, scenario, at))?;
                let prefix = at.display().to_string();
                let options = ["-e", "stderr", "-p", &prefix, "-c", &file].map(str::to_owned);
                [vec![path(&self.nginx)?], options.to_vec()].concat()
            }
            Product::Relay => {
                let own = std::env::current_exe()?.display().to_string();
                let mut program = vec![own, "relay".to_owned(), "--listen".to_owned(), listen.to_string()];
                program.extend(
                    backends
                        .iter()
                        .flat_map(|address| ["--to".to_owned(), address.to_string()]),
                );
                program
            }
        };
        let mut running = Running::start(core, &program, log, false)?;
        wait_until_ready(&mut running, listen)?;
        Ok((running, listen))
    }

    fn nginx(&self, listen: SocketAddr, backends: &[SocketAddr], scenario: &Scenario, directory: &Path) -> String {
        let balance = match scenario.kind {
            // Round robin is what nginx does when not told, and the cheapest.
            Kind::Cpu | Kind::Memory | Kind::Latency => String::new(),
            Kind::Uneven => format!("{};", self.nginx_balance),
        };
        let servers: Vec<String> = backends.iter().map(|address| format!("server {address};")).collect();
        fill(
            NGINX,
            &[
                ("DIRECTORY", &directory.display().to_string()),
                ("LISTEN", &listen.to_string()),
                ("BALANCE", &balance),
                ("BACKENDS", &servers.join("\n        ")),
                ("BUFFERS", scenario.nginx),
            ],
        )
    }
}

fn evenkeel(listen: SocketAddr, backends: &[SocketAddr], directory: &Path) -> String {
    let backends: Vec<String> = backends.iter().map(|address| format!("\"{address}\"")).collect();
    fill(
        EVENKEEL,
        &[
            ("DIRECTORY", &directory.display().to_string()),
            ("LISTEN", &listen.to_string()),
            ("BACKENDS", &backends.join(", ")),
        ],
    )
}

fn haproxy(listen: SocketAddr, backends: &[SocketAddr], kind: Kind, splice: bool) -> String {
    let balance = match kind {
        Kind::Cpu | Kind::Memory | Kind::Latency => "roundrobin",
        Kind::Uneven => "leastconn",
    };
    let servers: Vec<String> = backends
        .iter()
        .enumerate()
        .map(|(number, address)| format!("server b{number} {address}"))
        .collect();
    let (connections, splice) = if splice {
        ("2000", "option splice-response\n    option splice-request")
    } else {
        ("9600", "")
    };
    fill(
        HAPROXY,
        &[
            ("LISTEN", &listen.to_string()),
            ("BALANCE", balance),
            ("BACKENDS", &servers.join("\n    ")),
            ("CONNECTIONS", connections),
            ("SPLICE", splice),
        ],
    )
}

fn fill(template: &str, words: &[(&str, &str)]) -> String {
    words.iter().fold(template.to_owned(), |text, (word, value)| {
        text.replace(&format!("@{word}@"), value)
    })
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

fn wait_until_ready(running: &mut Running, address: SocketAddr) -> Result<(), Failure> {
    let deadline = Instant::now() + READY_MAX;
    while Instant::now() < deadline {
        if serves(address).unwrap_or(false) {
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

fn serves(address: SocketAddr) -> std::io::Result<bool> {
    const PATIENCE: Duration = Duration::from_secs(1);
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET /128 HTTP/1.1\r\nHost: bench.test\r\nConnection: close\r\n\r\n")?;
    let mut start = [0; 12];
    stream.read_exact(&mut start)?;
    Ok(start == *b"HTTP/1.1 200")
}
