//! What each product is told: its configuration for a scenario.

use std::net::SocketAddr;

use super::process::Directory;
use super::scenario::{Door, Kind, Scenario};

const HAPROXY: &str = include_str!("../../configs/haproxy.cfg");
const NGINX: &str = include_str!("../../configs/nginx.conf");
const NGINX_PROXY: &str = include_str!("../../configs/nginx-proxy.conf");
const NGINX_TLS: &str = include_str!("../../configs/nginx-tls.conf");
const EVENKEEL: &str = include_str!("../../configs/evenkeel.toml");

/// One product's place in one measurement.
pub(super) struct Setup<'a> {
    pub(super) listen: SocketAddr,
    pub(super) backends: &'a [SocketAddr],
    pub(super) scenario: &'a Scenario,
    pub(super) directory: &'a Directory,
}

impl Setup<'_> {
    pub(super) fn evenkeel(&self) -> String {
        let backends = self.each_backend(", ", |_, address| format!("\"{address}\""));
        let certificate = self.certificate();
        let tls = format!("tls = {{ certificates = [\"{certificate}\"] }}");
        let files = format!(
            "\n[[listener.bench.route]]\npath = \"/*\"\nfiles = {{ root = \"{}\" }}",
            self.directory.files().display()
        );
        let front = match self.scenario.door {
            Door::Plain | Door::H2Clear => "pool = \"bench\"".to_owned(),
            Door::Tls | Door::TlsNeverResumed | Door::H2Tls => format!("pool = \"bench\"\n{tls}"),
            Door::Files => files,
            Door::FilesTls => format!("{tls}\n{files}"),
        };
        self.fill(EVENKEEL, &[("BACKENDS", &backends), ("FRONT", &front)])
    }

    pub(super) fn haproxy(&self, splice: bool) -> String {
        let balance = match self.scenario.kind {
            Kind::Cpu | Kind::Memory | Kind::Latency => "roundrobin",
            Kind::Uneven => "leastconn",
        };
        let certificate = self.certificate();
        let bind = match self.scenario.door {
            Door::Plain | Door::Files => String::new(),
            Door::Tls | Door::FilesTls => format!("ssl crt {certificate} alpn http/1.1"),
            Door::TlsNeverResumed => format!("ssl crt {certificate} alpn http/1.1 no-tls-tickets"),
            Door::H2Tls => format!("ssl crt {certificate} alpn h2,http/1.1"),
            Door::H2Clear => "proto h2".to_owned(),
        };
        let sessions = match self.scenario.door {
            Door::TlsNeverResumed => "tune.ssl.cachesize 0",
            Door::Plain | Door::Tls | Door::H2Tls | Door::H2Clear | Door::Files | Door::FilesTls => "",
        };
        let (connections, splice) = if splice {
            ("2000", "option splice-response\n    option splice-request")
        } else {
            ("9600", "")
        };
        let backends = self.each_backend("\n    ", |number, address| format!("server b{number} {address}"));
        self.fill(
            HAPROXY,
            &[
                ("BIND", &bind),
                ("SESSIONS", sessions),
                ("BUFFER", self.scenario.haproxy_buffer),
                ("BALANCE", balance),
                ("BACKENDS", &backends),
                ("CONNECTIONS", connections),
                ("SPLICE", splice),
            ],
        )
    }

    /// `uneven_balance`: the directive that chooses in the uneven pool.
    pub(super) fn nginx(&self, uneven_balance: &str) -> String {
        let balance = match self.scenario.kind {
            // Round robin is what nginx does when not told, and the cheapest.
            Kind::Cpu | Kind::Memory | Kind::Latency => String::new(),
            Kind::Uneven => format!("{uneven_balance};"),
        };
        let (listen, sessions) = match self.scenario.door {
            Door::Plain | Door::Files => ("", None),
            Door::Tls | Door::FilesTls => ("ssl", Some("ssl_session_cache shared:bench:10m;")),
            Door::TlsNeverResumed => (
                "ssl",
                Some("ssl_session_cache off; ssl_session_tickets off; ssl_conf_command NumTickets 0;"),
            ),
            Door::H2Tls => ("ssl http2", Some("ssl_session_cache shared:bench:10m;")),
            Door::H2Clear => ("http2", None),
        };
        let tls = sessions.map(|sessions| {
            replace(
                NGINX_TLS,
                &[
                    ("CERTIFICATE", &self.certificate()),
                    ("SESSIONS", sessions),
                    ("RECORD", self.scenario.nginx_record),
                ],
            )
        });
        let answer = match self.scenario.door {
            Door::Plain | Door::Tls | Door::TlsNeverResumed | Door::H2Tls | Door::H2Clear => {
                replace(NGINX_PROXY, &[("BUFFERS", self.scenario.nginx)])
            }
            Door::Files | Door::FilesTls => format!("root {};", self.directory.files().display()),
        };
        let backends = self.each_backend("\n        ", |_, address| format!("server {address};"));
        self.fill(
            NGINX,
            &[
                ("BALANCE", &balance),
                ("BACKENDS", &backends),
                ("OPTIONS", listen),
                ("TLS", &tls.unwrap_or_default()),
                ("ANSWER", &answer),
            ],
        )
    }

    /// Arguments of the relay.
    pub(super) fn relay(&self) -> Vec<String> {
        let mut arguments = vec!["relay".to_owned(), "--listen".to_owned(), self.listen.to_string()];
        for address in self.backends {
            arguments.extend(["--to".to_owned(), address.to_string()]);
        }
        if self.scenario.door.is_encrypted() {
            arguments.extend(["--tls".to_owned(), self.certificate()]);
        }
        arguments
    }

    fn certificate(&self) -> String {
        self.directory.certificate().display().to_string()
    }

    fn each_backend(&self, between: &str, word: impl Fn(usize, &SocketAddr) -> String) -> String {
        let words: Vec<String> = self
            .backends
            .iter()
            .enumerate()
            .map(|(number, address)| word(number, address))
            .collect();
        words.join(between)
    }

    /// Fills in these words and those that all products need.
    fn fill(&self, template: &str, words: &[(&str, &str)]) -> String {
        let directory = self.directory.path().display().to_string();
        let listen = self.listen.to_string();
        replace(
            &replace(template, words),
            &[("DIRECTORY", &directory), ("LISTEN", &listen)],
        )
    }
}

fn replace(template: &str, words: &[(&str, &str)]) -> String {
    words.iter().fold(template.to_owned(), |text, (word, value)| {
        text.replace(&format!("@{word}@"), value)
    })
}

#[cfg(test)]
mod tests;
