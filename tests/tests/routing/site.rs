//! A balancer before pools of one origin each.

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use evenkeel_tests::balancer::Balancer;
use evenkeel_tests::client::Client;
use evenkeel_tests::message::{self, Read, Request, Response};
use evenkeel_tests::origin::Origin;
use evenkeel_tests::prometheus::Scrape;

/// A test's result.
pub(crate) type Outcome = Result<(), Box<dyn Error>>;

/// How long something may take that is expected to come: generous, for machines that do much else.
pub(crate) const SOON: Duration = Duration::from_secs(20);

pub(crate) struct Site {
    pub(crate) balancer: Balancer,
    pub(crate) origins: Vec<Origin>,
    names: Vec<String>,
}

impl Site {
    /// One listener `web` and a pool for each of `pools`. `routes` are further lines of the listener, most of them
    /// `[[listener.web.route]]` tables; `pool` are lines of each pool.
    pub(crate) fn start(pools: &[&str], routes: &str, pool: &str) -> Result<Site, Box<dyn Error>> {
        let origins = pools.iter().map(|_| Origin::start()).collect::<Result<Vec<_>, _>>()?;
        let names: Vec<String> = pools.iter().map(|name| (*name).to_owned()).collect();
        let pools = tables(&names, &origins, pool);
        let balancer = Balancer::start(1, |ports| text(ports[0], routes, &pools))?;
        Ok(Site {
            balancer,
            origins,
            names,
        })
    }

    /// Other routes in the running balancer.
    pub(crate) fn reload(&self, routes: &str, pool: &str) -> Outcome {
        let pools = tables(&self.names, &self.origins, pool);
        self.balancer
            .write_configuration(&text(self.balancer.ports()[0], routes, &pools))?;
        let file = self.balancer.configuration();
        let output = self.balancer.command(&["reload", "-c", &file.to_string_lossy()])?;
        if output.status.success() {
            return Ok(());
        }
        Err(String::from_utf8_lossy(&output.stderr).into_owned().into())
    }

    pub(crate) fn origin(&self, pool: &str) -> &Origin {
        let index = self.names.iter().position(|name| name == pool);
        &self.origins[index.expect("a pool that the test named")]
    }

    pub(crate) fn connect(&self) -> std::io::Result<Client> {
        Client::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, self.balancer.ports()[0])))
    }

    /// One request, as it is written here, on a connection of its own.
    pub(crate) fn ask(&self, request: &str) -> Result<Response, Box<dyn Error>> {
        let mut client = self.connect()?;
        client.send(request.as_bytes())?;
        Ok(client.response(SOON, request.starts_with("HEAD"))?)
    }

    /// One GET with these further lines.
    pub(crate) fn get(&self, target: &str, fields: &str) -> Result<Response, Box<dyn Error>> {
        self.ask(&format!(
            "GET {target} HTTP/1.1\r\nhost: www.example.com\r\n{fields}\r\n"
        ))
    }

    /// The requests that a pool's origin got since its round began, as far as they are whole.
    pub(crate) fn seen(&self, pool: &str) -> Vec<Request> {
        requests(
            &self
                .origin(pool)
                .records()
                .iter()
                .map(|record| &record.bytes[..])
                .collect::<Vec<_>>(),
        )
    }

    /// The one request that a pool's origin got.
    pub(crate) fn only(&self, pool: &str) -> Result<Request, Box<dyn Error>> {
        let mut seen = self.seen(pool);
        match (seen.pop(), seen.len()) {
            (Some(request), 0) => Ok(request),
            (_, more) => Err(format!("{pool} got {} requests", more + 1).into()),
        }
    }

    /// Waits until a pool's origin has got this many requests.
    pub(crate) fn wait_for(&self, pool: &str, count: usize) -> Outcome {
        let whole = self.origin(pool).wait_until(SOON, |records| {
            requests(&records.iter().map(|record| &record.bytes[..]).collect::<Vec<_>>()).len() >= count
        });
        if whole {
            Ok(())
        } else {
            Err(format!("{pool} got {} requests", self.seen(pool).len()).into())
        }
    }

    /// Forgets what the origins got, once they have answered it: a copy whose answer is cut would be sent again.
    pub(crate) fn forget(&self) {
        for origin in &self.origins {
            origin.settle(SOON);
            origin.begin(Vec::new());
        }
    }

    pub(crate) fn metrics(&self) -> Result<Scrape, Box<dyn Error>> {
        let (_, text) = self.balancer.admin("GET", "/metrics", "")?;
        Ok(Scrape::read(&text)?)
    }

    /// Waits until the sum of these samples is `wanted`.
    pub(crate) fn wait_for_metric(&self, name: &str, labels: &[(&str, &str)], wanted: f64) -> Outcome {
        let deadline = std::time::Instant::now() + SOON;
        loop {
            let found = self.metrics()?.sum(name, labels);
            if found == wanted {
                return Ok(());
            }
            if std::time::Instant::now() > deadline {
                return Err(format!("{name}{labels:?} is {found}, not {wanted}").into());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

fn requests(connections: &[&[u8]]) -> Vec<Request> {
    let mut found = Vec::new();
    for bytes in connections {
        let mut rest = *bytes;
        while let Read::Whole(request, used) = message::request(rest) {
            found.push(request);
            rest = &rest[used..];
        }
    }
    found
}

fn tables(names: &[String], origins: &[Origin], pool: &str) -> String {
    let table = |(name, origin): (&String, &Origin)| {
        let address = origin.address();
        format!("[pool.{name}]\nbackends = [\"{address}\"]\ncheck = false\neject = false\n{pool}\n")
    };
    names.iter().zip(origins).map(table).collect()
}

fn text(port: u16, routes: &str, pools: &str) -> String {
    format!("[listener.web]\nbind = \"127.0.0.1:{port}\"\n{routes}\n{pools}")
}

/// The value of a field, once; an error otherwise.
pub(crate) fn value(fields: &message::Fields, name: &str) -> String {
    match fields.lines(name) {
        0 => "(absent)".to_owned(),
        1 => String::from_utf8_lossy(&fields.value(name).unwrap_or_default()).into_owned(),
        more => format!("({more} lines)"),
    }
}

pub(crate) fn target(request: &Request) -> String {
    String::from_utf8_lossy(request.target()).into_owned()
}
