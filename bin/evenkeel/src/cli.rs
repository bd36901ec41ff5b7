//! What may be typed.

use clap::{Args, Parser, Subcommand, ValueEnum};
use evenkeel_control::time;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// A load balancer: one binary, one configuration, every layer.
#[derive(Debug, Parser)]
#[command(name = "evenkeel", version, after_help = FIRST_STEPS)]
pub(crate) struct Cli {
    /// The control socket of the running balancer [default: the configuration's, else /run/evenkeel.sock]
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) socket: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const FIRST_STEPS: &str = "First steps:
  evenkeel demo                                                    see it work
  evenkeel proxy --listen :8080 --to 10.0.0.1:8080 --to 10.0.0.2:8080    no file needed
  evenkeel run -c evenkeel.toml                                    serve a configuration";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// A balancer, three built-in backends and a trickle of traffic: something to see
    Demo(Demo),
    /// Balance over these backends, without a file
    Proxy(Proxy),
    /// Serve a configuration
    Run(File),
    /// Say everything that is wrong with a configuration; exit 0 or 1
    Check(Check),
    /// Print the JSON Schema of the configuration, for editors
    Schema,
    /// Make the running balancer take its file again; a bad file changes nothing
    Reload(File),
    /// Listeners, pools and backends: state and why, in flight, rate, latency, errors
    Status(Status),
    /// Status, live (not in this version yet)
    Top(Later),
    /// Let a backend finish what it has and give it nothing new
    Drain(Target),
    /// Give a backend traffic again
    Ready(Target),
    /// Give a backend nothing and do not check it
    Maintain(Target),
    /// Deploy to a pool, backend by backend (not in this version yet)
    Deploy(Later),
    /// Which way a request would go, and why
    Explain(Explain),
    /// Hand the sockets to a new binary (not in this version yet)
    Upgrade(Later),
    /// Print the completions of a shell
    Completions { shell: clap_complete::Shell },
    /// Print the version
    Version,
    /// One backend of the demo
    #[command(hide = true)]
    DemoBackend(DemoBackend),
}

#[derive(Debug, Args)]
pub(crate) struct File {
    /// The configuration [default: evenkeel.toml, else /etc/evenkeel/evenkeel.toml]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The configuration, as with -c; - is standard input
    #[arg(value_name = "FILE", conflicts_with = "config")]
    pub(crate) path: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) file: File,
    /// Print the problems as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Status {
    #[command(flatten)]
    pub(crate) file: File,
    /// Print everything as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// GET, POST, ...
    pub(crate) method: String,
    /// https://example.com/path?query; without scheme and host: a path
    pub(crate) url: String,
    /// A field of the request; several are possible
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    pub(crate) headers: Vec<String>,
    /// Who sends it [default: 127.0.0.1]
    #[arg(long, value_name = "IP")]
    pub(crate) from: Option<std::net::IpAddr>,
    /// Print everything as JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) file: File,
}

#[derive(Debug, Args)]
pub(crate) struct Target {
    /// The pool and one of its backends, by name or address
    #[arg(value_name = "POOL/BACKEND", value_parser = target)]
    pub(crate) target: (String, String),
    /// Return when its last request has ended (drain, maintain) or when it gets traffic (ready), at most after TIME (30s
    /// if none is given)
    #[arg(long, value_name = "TIME", value_parser = time::parse, num_args = 0..=1, default_missing_value = "30s")]
    pub(crate) wait: Option<Duration>,
    #[command(flatten)]
    pub(crate) file: File,
}

#[derive(Debug, Args)]
pub(crate) struct Proxy {
    /// Where clients arrive
    #[arg(long, value_name = "ADDRESS", default_value = ":8080")]
    pub(crate) listen: String,
    /// A backend; several are possible
    #[arg(long, value_name = "ADDRESS", required = true)]
    pub(crate) to: Vec<String>,
    /// How a backend is chosen
    #[arg(long, value_enum, default_value_t = Balance::LeastLatency)]
    pub(crate) balance: Balance,
    /// Ask this path of every backend instead of only connecting, e.g. /healthz
    #[arg(long, value_name = "PATH")]
    pub(crate) check: Option<String>,
    /// Metrics, status, API [default: 127.0.0.1:9180, or the next free port]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) admin: Option<SocketAddr>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Balance {
    LeastLatency,
    RoundRobin,
    LeastConnections,
    Random,
    Hash,
    First,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// End by itself after this time
    #[arg(long = "for", value_name = "TIME", value_parser = time::parse)]
    pub(crate) duration: Option<Duration>,
    /// Requests a second, 1 to 1000
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) rate: u32,
}

#[derive(Debug, Args)]
pub(crate) struct DemoBackend {
    #[arg(long)]
    pub(crate) name: String,
    #[arg(long)]
    pub(crate) port: u16,
    #[arg(long, value_parser = time::parse)]
    pub(crate) latency: Duration,
}

#[derive(Debug, Args)]
pub(crate) struct Later {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    pub(crate) rest: Vec<String>,
}

fn target(text: &str) -> Result<(String, String), String> {
    match text.split_once('/') {
        Some((pool, backend)) if !pool.is_empty() && !backend.is_empty() => Ok((pool.to_owned(), backend.to_owned())),
        Some(_) | None => Err("write POOL/BACKEND, for example web/10.0.0.1:8080".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_commands_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn targets() {
        assert_eq!(target("web/unix:/a/b"), Ok(("web".into(), "unix:/a/b".into())));
        for text in ["web", "/b", "web/", ""] {
            assert!(target(text).is_err(), "{text}");
        }
    }
}
