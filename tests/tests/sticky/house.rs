//! Backends, one or more balancers before them, and browsers.

use std::error::Error;
use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
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
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// Every backend is found up or down quickly.
const CHECK: &str = "check = { http = \"/healthz\", every = \"100ms\", fall = 2, rise = 1 }";

pub(crate) struct House {
    pub(crate) balancer: Balancer,
    pub(crate) backends: Vec<Backend>,
    scratch: Scratch,
    pool: String,
}

impl House {
    /// One listener over the pool `web` of so many backends `b0`, `b1` ...; `pool` are further lines of its table, in which
    /// `DIR` is a directory of the test's own.
    pub(crate) fn start(count: usize, pool: &str) -> Result<House, Box<dyn Error>> {
        let scratch = Scratch::new()?;
        let names: Vec<String> = (0..count).map(|number| format!("b{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let backends = Backend::start_all(&names, &scratch.path().join("journal"))?;
        std::fs::write(scratch.path().join("sticky.secret"), "correct horse battery staple\n")?;
        let pool = pool.replace("DIR", &scratch.path().to_string_lossy());
        let balancer = Balancer::start(1, |ports| text(ports[0], &pool, &backends))?;
        let house = House {
            balancer,
            backends,
            scratch,
            pool,
        };
        house.wait_until_usable()?;
        Ok(house)
    }

    pub(crate) fn secret_file(&self) -> std::path::PathBuf {
        self.scratch.path().join("sticky.secret")
    }

    /// A second balancer with the same configuration, but for where it listens.
    pub(crate) fn twin(&self) -> Result<Balancer, Box<dyn Error>> {
        let twin = Balancer::start(1, |ports| text(ports[0], &self.pool, &self.backends))?;
        wait_for(|| {
            let status = status(&twin)?;
            let backends = backends_of(&status);
            Ok(backends.iter().all(|backend| backend["usable"] == true))
        })?;
        Ok(twin)
    }

    pub(crate) fn backend(&mut self, name: &str) -> &mut Backend {
        let found = self.backends.iter_mut().find(|backend| backend.name() == name);
        found.expect("a backend that the test named")
    }

    pub(crate) fn wait_until_usable(&self) -> Outcome {
        for backend in &self.backends {
            self.wait_for_backend(backend.name(), |backend| backend["usable"] == true)?;
        }
        Ok(())
    }

    pub(crate) fn wait_for_backend(&self, name: &str, wanted: impl Fn(&Value) -> bool) -> Outcome {
        wait_for(|| {
            let status = status(&self.balancer)?;
            let backends = backends_of(&status);
            Ok(backends
                .iter()
                .any(|backend| backend["name"] == name && wanted(backend)))
        })
        .map_err(|error| format!("{name}: {error}").into())
    }

    /// Runs a command that must succeed.
    pub(crate) fn command(&self, arguments: &[&str]) -> Outcome {
        let output = self.balancer.command(arguments)?;
        if output.status.success() {
            return Ok(());
        }
        Err(format!("{arguments:?}: {}", String::from_utf8_lossy(&output.stderr)).into())
    }

    /// Takes this configuration: the backends from `first` on, and these lines of the pool.
    pub(crate) fn reload(&self, first: usize, pool: &str) -> Outcome {
        let text = text(self.balancer.ports()[0], pool, &self.backends[first..]);
        self.balancer.write_configuration(&text)?;
        self.command(&["reload", "-c", &self.balancer.configuration().to_string_lossy()])
    }

    /// How many requests ended so, by `evenkeel_sticky_total`.
    pub(crate) fn counted(&self, result: &str) -> Result<f64, Box<dyn Error>> {
        let (_, text) = self.balancer.admin("GET", "/metrics", "")?;
        Ok(Scrape::read(&text)?.sum("evenkeel_sticky_total", &[("pool", "web"), ("result", result)]))
    }

    pub(crate) fn browser(&self) -> Browser {
        Browser::new(&self.balancer)
    }

    /// A browser whose backend is this one. A backend whose first answer was slow gets nobody for a while.
    pub(crate) fn browser_at(&self, backend: &str) -> Result<Browser, Box<dyn Error>> {
        let begun = Instant::now();
        while begun.elapsed() < SOON {
            let mut browser = self.browser();
            if browser.visit("/")? == backend {
                return Ok(browser);
            }
        }
        Err(format!("nobody came to {backend}").into())
    }
}

fn text(port: u16, pool: &str, backends: &[Backend]) -> String {
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
    format!(
        "[listener.web]\nbind = \"127.0.0.1:{port}\"\npool = \"web\"\ntrusted_proxies = [\"127.0.0.0/8\"]\n\
         [pool.web]\nbackends = [{list}]\n{CHECK}\n{pool}\n"
    )
}

pub(crate) fn status(balancer: &Balancer) -> Result<Value, Box<dyn Error>> {
    let (_, body) = balancer.admin("GET", "/api/v1/status", "")?;
    Ok(serde_json::from_str(&body)?)
}

fn backends_of(status: &Value) -> Vec<Value> {
    let pools = status["pools"].as_array().cloned().unwrap_or_default();
    let lists = pools.iter().flat_map(|pool| pool["backends"].as_array());
    lists.flatten().cloned().collect()
}

/// Keeps the last cookie it was given, as browsers do; each visit is a connection of its own.
#[derive(Clone)]
pub(crate) struct Browser {
    pub(crate) address: SocketAddr,
    /// `NAME=VALUE`.
    pub(crate) cookie: Option<String>,
    /// Further lines of each request.
    pub(crate) fields: String,
    /// The whole `Set-Cookie` field of the last answer, if it had one.
    pub(crate) given: Option<String>,
}

impl Browser {
    pub(crate) fn new(balancer: &Balancer) -> Browser {
        Browser {
            address: (Ipv4Addr::LOCALHOST, balancer.ports()[0]).into(),
            cookie: None,
            fields: String::new(),
            given: None,
        }
    }

    /// The same browser before another balancer.
    pub(crate) fn at(&self, balancer: &Balancer) -> Browser {
        Browser {
            address: (Ipv4Addr::LOCALHOST, balancer.ports()[0]).into(),
            ..self.clone()
        }
    }

    /// Asks, and is on its way.
    pub(crate) fn send(&self, target: &str) -> Result<Client, Box<dyn Error>> {
        let mut client = Client::connect(self.address)?;
        let cookie = match &self.cookie {
            Some(cookie) => format!("cookie: a=b; {cookie}\r\n"),
            None => String::new(),
        };
        let fields = &self.fields;
        client.send(format!("GET {target} HTTP/1.1\r\nhost: test\r\n{cookie}{fields}\r\n").as_bytes())?;
        Ok(client)
    }

    pub(crate) fn ask(&mut self, target: &str) -> Result<Response, Box<dyn Error>> {
        let response = self.send(target)?.response(SOON, false)?;
        self.given = response
            .fields
            .value("set-cookie")
            .map(|value| String::from_utf8_lossy(&value).into_owned());
        if let Some(given) = &self.given {
            self.cookie = given.split(';').next().map(str::to_owned);
        }
        Ok(response)
    }

    /// The name of the backend that answered with 200.
    pub(crate) fn visit(&mut self, target: &str) -> Result<String, Box<dyn Error>> {
        let response = self.ask(target)?;
        let body = String::from_utf8_lossy(&response.body).into_owned();
        if response.status != 200 {
            return Err(format!("{target}: {} {body}", response.status).into());
        }
        Ok(body)
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
