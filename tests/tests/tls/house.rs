//! A balancer with certificates in its own directory, an authority that signs them, and ways to ask.

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use evenkeel_tests::authority::{Authority, Issued, Wanted};
use evenkeel_tests::balancer::Balancer;
use evenkeel_tests::message::Response;
use evenkeel_tests::program::{Finished, program, run};
use evenkeel_tests::prometheus::Scrape;
use evenkeel_tests::scratch::Scratch;
use evenkeel_tests::tls::{Terms, TlsClient};
use serde_json::Value;

/// A test's result.
pub(crate) type Outcome = Result<(), Box<dyn Error>>;

/// How long something may take that is expected to come: generous, for machines that do much else.
pub(crate) const SOON: Duration = Duration::from_secs(30);
/// Between two looks at whether something has come.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Where certificates are, and who signs them.
pub(crate) struct House {
    pub(crate) scratch: Scratch,
    pub(crate) authority: Authority,
}

impl House {
    /// With `ca.pem`.
    pub(crate) fn new() -> Result<Self, Box<dyn Error>> {
        let house = Self {
            scratch: Scratch::new()?,
            authority: Authority::new("The test's authority")?,
        };
        house.write("ca.pem", &house.authority.pem())?;
        Ok(house)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> Outcome {
        Ok(std::fs::write(self.path(name), text)?)
    }

    /// Signs a certificate and writes it with its key to `NAME.pem`.
    pub(crate) fn issue(&self, name: &str, wanted: &Wanted<'_>) -> Result<Issued, Box<dyn Error>> {
        let issued = self.authority.issue(wanted)?;
        issued.write(self.scratch.path(), name)?;
        Ok(issued)
    }

    /// A balancer with this configuration: `@1`, `@2` ... are ports, `%/` is this directory.
    pub(crate) fn start(&self, ports: usize, configuration: &str) -> Result<Served, Box<dyn Error>> {
        let text = self.placed(configuration);
        let balancer = Balancer::start(ports, |ports| with_ports(&text, ports))?;
        Ok(Served { balancer })
    }

    /// `[listener.web]` with this `tls`, whose route answers `hello`.
    pub(crate) fn start_web(&self, tls: &str) -> Result<Served, Box<dyn Error>> {
        self.start(1, &web(tls))
    }

    /// The text with this directory in it.
    pub(crate) fn placed(&self, configuration: &str) -> String {
        configuration.replace("%/", &format!("{}/", self.scratch.path().display()))
    }

    pub(crate) fn terms<'a>(&'a self, name: &'a str) -> Terms<'a> {
        Terms::new(&self.authority, name)
    }
}

/// `[listener.web]` with this `tls`, whose route answers `hello`.
pub(crate) fn web(tls: &str) -> String {
    format!(
        "[listener.web]\nbind = \"127.0.0.1:@1\"\ntls = {{ {tls} }}\ntimeouts = {{ header = \"1s\" }}\n\
         [[listener.web.route]]\nrespond = {{ body = \"hello\" }}\n"
    )
}

pub(crate) fn with_ports(text: &str, ports: &[u16]) -> String {
    let mut text = text.to_owned();
    for (number, port) in ports.iter().enumerate() {
        text = text.replace(&format!("@{}", number + 1), &port.to_string());
    }
    text
}

/// A running balancer.
pub(crate) struct Served {
    pub(crate) balancer: Balancer,
}

impl Served {
    pub(crate) fn address(&self, port: usize) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.balancer.ports()[port - 1]))
    }

    /// Agrees on keys with the first port.
    pub(crate) fn connect(&self, terms: &Terms<'_>) -> std::io::Result<TlsClient> {
        TlsClient::connect(self.address(1), terms)
    }

    /// Another configuration, by a reload.
    pub(crate) fn change(&self, house: &House, configuration: &str) -> Outcome {
        let text = with_ports(&house.placed(configuration), self.balancer.ports());
        self.balancer.write_configuration(&text)?;
        let reloaded = self.balancer.command(&["reload"])?;
        assert!(reloaded.status.success(), "{reloaded:?}");
        Ok(())
    }

    /// One page over TLS from the first port.
    pub(crate) fn get(&self, terms: &Terms<'_>, target: &str, fields: &str) -> std::io::Result<Response> {
        self.connect(terms)?.get(terms.name, target, fields)
    }

    /// Runs `openssl s_client` on the first port, which asks for a page.
    pub(crate) fn openssl(&self, arguments: &[&str]) -> Result<Finished, Box<dyn Error>> {
        let mut command = program("openssl")?;
        command.arg("s_client").arg("-connect").arg(self.address(1).to_string());
        command.args(["-ign_eof"]).args(arguments);
        let request = "GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
        Ok(run(&mut command, request, SOON)?)
    }

    /// A metric's value: 0 before it is there.
    pub(crate) fn metric(&self, name: &str, labels: &[(&str, &str)]) -> Result<f64, Box<dyn Error>> {
        let (_, text) = self.balancer.admin("GET", "/metrics", "")?;
        Ok(Scrape::read(&text)?.sum(name, labels))
    }

    /// Handshakes that failed for this reason.
    pub(crate) fn failed(&self, reason: &str) -> Result<f64, Box<dyn Error>> {
        let labels = [("listener", "web"), ("reason", reason)];
        self.metric("evenkeel_tls_handshake_failures_total", &labels)
    }

    pub(crate) fn status(&self) -> Result<Value, Box<dyn Error>> {
        let (_, body) = self.balancer.admin("GET", "/api/v1/status", "")?;
        Ok(serde_json::from_str(&body)?)
    }

    /// Waits until the backends of the first pool are usable, or are not.
    pub(crate) fn wait_until_usable(&self, usable: bool) -> Outcome {
        wait_for(|| {
            let status = self.status()?;
            let backends = status["pools"][0]["backends"].as_array().cloned().unwrap_or_default();
            let known = backends.iter().all(|backend| backend["health"] != "unproven");
            Ok(known && backends.iter().all(|backend| backend["usable"] == usable))
        })
        .map_err(|error| format!("{error}: {:?}\n{}", self.status(), self.balancer.stderr()).into())
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
