use crate::{ListenerTls, Name, Route};
use ipnet::IpNet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Where clients arrive.
#[derive(Debug, Clone, PartialEq)]
pub struct Listener {
    /// The key of its table.
    pub name: Name,
    /// At least one.
    pub bind: Vec<BindAddress>,
    /// The choice, in the order of the file; `pool = "x"` is one route that matches everything,
    /// `redirect = "https"` is one that redirects everything.
    pub routes: Vec<Route>,
    /// Client connections at once over all workers, 1 ..= 10,000,000. Default 20,000.
    pub max_connections: u32,
    /// Peers whose connections begin with a PROXY header, version 1 or 2: from these it is required, from all others
    /// never read. Empty (the default) = from nobody.
    pub accept_proxy_protocol: Vec<IpNet>,
    /// Whose `X-Forwarded-For` is believed and extended; others' is replaced.
    pub trusted_proxies: Vec<IpNet>,
    /// How long a client may take.
    pub timeouts: ListenerTimeouts,
    /// Largest request head in bytes, 1 KiB ..= 1 MiB. Default 32 KiB.
    pub max_header_size: usize,
    /// Largest request body in bytes; 0 = no limit (the default).
    pub max_body_size: u64,
    /// One JSON object a request.
    pub access_log: AccessLog,
    /// `None`: connections come as they are.
    pub tls: Option<ListenerTls>,
}

impl Listener {
    /// A listener with every default and no route.
    pub fn new(name: impl Into<Name>, bind: BindAddress) -> Listener {
        Listener {
            name: name.into(),
            bind: vec![bind],
            routes: Vec::new(),
            max_connections: 20_000,
            accept_proxy_protocol: Vec::new(),
            trusted_proxies: Vec::new(),
            timeouts: ListenerTimeouts::default(),
            max_header_size: 32 * 1024,
            max_body_size: 0,
            access_log: AccessLog::Off,
            tls: None,
        }
    }
}

/// An address to listen on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum BindAddress {
    /// One address and port. `:8080` is read as `[::]:8080` with `every_address`.
    Tcp {
        /// The address.
        address: SocketAddr,
        /// True for `:PORT`: IPv6 and IPv4 (a dual-stack socket, or 0.0.0.0 where the machine has no IPv6).
        every_address: bool,
    },
    /// `unix:/path`.
    Unix(PathBuf),
}

impl std::fmt::Display for BindAddress {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            BindAddress::Tcp {
                address,
                every_address: true,
            } => write!(formatter, ":{}", address.port()),
            BindAddress::Tcp {
                address,
                every_address: false,
            } => write!(formatter, "{address}"),
            BindAddress::Unix(path) => write!(formatter, "unix:{}", path.display()),
        }
    }
}

/// How long a client may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListenerTimeouts {
    /// From the first byte of a request until its head is whole. Default 10 s.
    pub header: Duration,
    /// Between two requests of a connection, and before the first. Default 60 s.
    pub idle: Duration,
    /// Between two successful reads of a request body or writes of an answer: a client that makes no progress
    /// for this long is cut. Default 60 s.
    pub request: Duration,
    /// Silence in both directions of a tunnel (an upgraded connection, such as WebSocket) after which it is cut: its
    /// sides may be long gone without a word. Default 1 h.
    pub tunnel: Duration,
}

impl Default for ListenerTimeouts {
    fn default() -> Self {
        ListenerTimeouts {
            header: Duration::from_secs(10),
            idle: Duration::from_secs(60),
            request: Duration::from_secs(60),
            tunnel: Duration::from_secs(3600),
        }
    }
}

/// Where the access log goes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(missing_docs)]
pub enum AccessLog {
    #[default]
    Off,
    Stdout,
    Stderr,
    File(PathBuf),
}
