//! A balancer that serves files, and how it is asked.

use evenkeel_tests::balancer::Balancer;
use evenkeel_tests::client::Client;
use evenkeel_tests::message::Response;
use std::error::Error;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::{Duration, Instant};

pub(crate) type Outcome = Result<(), Box<dyn Error>>;

/// Longer than anything here takes on a busy machine.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// A balancer that serves the directory `www` beside its configuration.
pub(crate) struct Site {
    pub(crate) balancer: Balancer,
    pub(crate) www: PathBuf,
}

impl Site {
    pub(crate) fn open(keys: &str) -> io::Result<Site> {
        Site::with_route(&format!("path = \"/*\"\nfiles = {{ root = \"www\"{keys} }}"))
    }

    pub(crate) fn with_route(route: &str) -> io::Result<Site> {
        Site::configured(|port| configuration(port, route))
    }

    pub(crate) fn configured(configuration: impl Fn(u16) -> String) -> io::Result<Site> {
        let balancer = Balancer::start(1, |ports| configuration(ports[0]))?;
        let www = balancer.directory().join("www");
        fs::create_dir(&www)?;
        Ok(Site { balancer, www })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.balancer.ports()[0]).into()
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> io::Result<()> {
        let path = self.www.join(name);
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        fs::write(path, content)
    }

    pub(crate) fn get(&self, target: &str, fields: &str) -> Result<Response, Box<dyn Error>> {
        self.ask("GET", target, fields)
    }

    pub(crate) fn ask(&self, method: &str, target: &str, fields: &str) -> Result<Response, Box<dyn Error>> {
        let mut client = Client::connect(self.address())?;
        ask(&mut client, method, target, fields)
    }

    /// Asks until the answer is as it should be: what is known of a file may be a second old.
    pub(crate) fn until(&self, method: &str, target: &str, enough: impl Fn(&Response) -> bool) -> Outcome {
        let deadline = Instant::now() + SOON;
        loop {
            let answer = self.ask(method, target, "")?;
            if enough(&answer) {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(format!("{target} stays {}", answer.status).into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

pub(crate) fn configuration(port: u16, route: &str) -> String {
    format!("[listener.web]\nbind = \"127.0.0.1:{port}\"\n[[listener.web.route]]\n{route}\n")
}

pub(crate) fn ask(client: &mut Client, method: &str, target: &str, fields: &str) -> Result<Response, Box<dyn Error>> {
    let fields = if fields.is_empty() {
        String::new()
    } else {
        format!("{}\r\n", fields.replace('\n', "\r\n"))
    };
    client.send(format!("{method} {target} HTTP/1.1\r\nhost: site.test\r\n{fields}\r\n").as_bytes())?;
    Ok(client.response(SOON, method == "HEAD")?)
}

pub(crate) fn field(answer: &Response, name: &str) -> String {
    String::from_utf8_lossy(&answer.fields.value(name).unwrap_or_default()).into_owned()
}

/// Bytes of which no two places look alike.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state = 7_u64;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        bytes.extend_from_slice(&(state >> 13).to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}
