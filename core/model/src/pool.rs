use crate::{Check, Name, PoolProtocol, PoolTls, Sticky};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// A set of equal backends.
#[derive(Debug, Clone, PartialEq)]
pub struct Pool {
    /// The key of its table.
    pub name: Name,
    /// In the order of the file; names are unique within the pool, and so are addresses.
    pub backends: Vec<Backend>,
    /// How one is chosen.
    pub balance: Balance,
    /// `None` (`check = false`): every backend is taken as up.
    pub check: Option<Check>,
    /// `None` (`eject = false`): traffic's own verdict is not asked.
    pub eject: Option<Eject>,
    /// How a client is known again; `None` = it is not.
    pub sticky: Option<Sticky>,
    /// In-flight requests per backend, 1 ..= 1,000,000; `None` = no cap. A backend's own value wins.
    pub max_connections: Option<u32>,
    /// Where requests wait when every usable backend is at its cap.
    pub queue: Queue,
    /// Trying again elsewhere.
    pub retry: Retry,
    /// How long a backend that came up gets only a growing share of its weight; zero = off. At most 1 h.
    pub warmup: Duration,
    /// How long a backend may take.
    pub timeouts: PoolTimeouts,
    /// What each connection to a backend begins with, to tell who the client is; `None` = nothing (the default).
    pub send_proxy_protocol: Option<ProxyProtocol>,
    /// Below this share of usable backends all are used: better slow than nothing. Default 50 %.
    pub panic: Share,
    /// What the backends speak.
    pub protocol: PoolProtocol,
    /// `None`: connections to the backends are not encrypted.
    pub tls: Option<PoolTls>,
}

impl Pool {
    /// A pool of these with every default of the configuration, including the default tcp check.
    pub fn new(name: impl Into<Name>, backends: Vec<Backend>) -> Pool {
        Pool {
            name: name.into(),
            backends,
            balance: Balance::default(),
            check: Some(Check::default()),
            eject: Some(Eject::default()),
            sticky: None,
            max_connections: None,
            queue: Queue::default(),
            retry: Retry::default(),
            warmup: Duration::ZERO,
            timeouts: PoolTimeouts::default(),
            send_proxy_protocol: None,
            panic: Share::percent(50),
            protocol: PoolProtocol::Http1,
            tls: None,
        }
    }
}

/// One of a pool.
#[derive(Debug, Clone, PartialEq)]
pub struct Backend {
    /// Where it is.
    pub address: BackendAddress,
    /// How people call it; its address when they gave no name.
    pub name: Name,
    /// 0 ..= 1000, default 1; 0 = no traffic but still checked.
    pub weight: u32,
    /// In-flight requests, 1 ..= 1,000,000; `None` = the pool's.
    pub max_connections: Option<u32>,
    /// Used only when no other backend is usable.
    pub backup: bool,
    /// What the operator says; the start value.
    pub state: AdminState,
    /// The place it stands in.
    pub site: Option<Name>,
}

impl Backend {
    /// A backend with every default, named by its address.
    pub fn new(address: BackendAddress) -> Backend {
        let name = address.to_string().into();
        Backend {
            address,
            name,
            weight: 1,
            max_connections: None,
            backup: false,
            state: AdminState::Ready,
            site: None,
        }
    }
}

/// Where a backend is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BackendAddress {
    /// Address and port.
    Tcp(SocketAddr),
    /// `unix:/path`.
    Unix(PathBuf),
}

impl std::fmt::Display for BackendAddress {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            BackendAddress::Tcp(address) => write!(formatter, "{address}"),
            BackendAddress::Unix(path) => write!(formatter, "unix:{}", path.display()),
        }
    }
}

/// The operator's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum AdminState {
    /// May have traffic.
    #[default]
    Ready,
    /// Keeps what it has and its sticky clients, gets nothing new.
    Drain,
    /// Gets nothing and is not checked.
    Maintain,
}

impl AdminState {
    /// The word in configuration, API and status.
    pub fn as_str(self) -> &'static str {
        match self {
            AdminState::Ready => "ready",
            AdminState::Drain => "drain",
            AdminState::Maintain => "maintain",
        }
    }
}

/// How a backend is chosen.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Balance {
    /// Least expected wait: recent latency x what is in flight.
    #[default]
    LeastLatency,
    /// Smooth weighted round robin.
    RoundRobin,
    /// Fewest in flight per weight.
    LeastConnections,
    /// The better of two drawn at random.
    Random,
    /// By a key of the request, moving as few keys as possible when the set changes.
    Hash {
        /// What is hashed.
        on: HashKey,
        /// No backend gets more than this times its fair share of what is in flight, 1.05 ..= 100. `None` = unbounded.
        bounded: Option<f64>,
    },
    /// The first usable in the order of the file.
    First,
}

impl Balance {
    /// The word in configuration, API and status.
    pub fn as_str(&self) -> &'static str {
        match self {
            Balance::LeastLatency => "least-latency",
            Balance::RoundRobin => "round-robin",
            Balance::LeastConnections => "least-connections",
            Balance::Random => "random",
            Balance::Hash { .. } => "hash",
            Balance::First => "first",
        }
    }
}

/// What `balance = "hash"` hashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HashKey {
    /// The client's address (the believed one, see `trusted_proxies`).
    Source,
    /// The path without the query.
    Path,
    /// Path and query.
    Uri,
    /// A field, lower-case name. Absent = the source.
    Header(Name),
    /// A cookie. Absent = the source.
    Cookie(Name),
}

/// `eject`: traffic's own verdict on a backend.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Eject {
    /// Failures within `window` that eject, 1 ..= 10,000. Default 5.
    pub errors: u32,
    /// Default 10 s; 100 ms ..= 1 h.
    pub window: Duration,
    /// How long; doubles with each ejection in a row up to 10 x. Default 30 s; 100 ms ..= 1 h.
    pub duration: Duration,
    /// At most this share of the pool's backends is ejected at once. Default 50 %.
    pub max: Share,
}

impl Default for Eject {
    fn default() -> Self {
        Eject {
            errors: 5,
            window: Duration::from_secs(10),
            duration: Duration::from_secs(30),
            max: Share::percent(50),
        }
    }
}

/// Where requests wait for a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queue {
    /// How many may wait, 0 ..= 1,000,000. Default 1024.
    pub size: u32,
    /// How long each may wait. Default 5 s.
    pub timeout: Duration,
}

impl Default for Queue {
    fn default() -> Self {
        Queue {
            size: 1024,
            timeout: Duration::from_secs(5),
        }
    }
}

/// Trying again elsewhere.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Retry {
    /// Further tries after the first, 0 ..= 10. Default 2.
    pub attempts: u32,
    /// Retries may be at most this share of requests (with a floor of ten a second, so that a quiet pool may retry
    /// at all). Default 20 %.
    pub budget: Share,
}

impl Default for Retry {
    fn default() -> Self {
        Retry {
            attempts: 2,
            budget: Share::percent(20),
        }
    }
}

/// How long a backend may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolTimeouts {
    /// To accept a connection. Default 2 s.
    pub connect: Duration,
    /// From the end of the request to the head of the answer, and between two pieces of its body. Default 60 s.
    pub response: Duration,
    /// How long an idle connection to a backend is kept. Default 60 s.
    pub idle: Duration,
}

impl Default for PoolTimeouts {
    fn default() -> Self {
        PoolTimeouts {
            connect: Duration::from_secs(2),
            response: Duration::from_secs(60),
            idle: Duration::from_secs(60),
        }
    }
}

/// A version of the PROXY protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProxyProtocol {
    /// A line of text.
    V1,
    /// A block of bytes.
    V2,
}

/// A share of a whole, 0 ..= 100 %, kept as a fraction 0.0 ..= 1.0.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Share(pub f64);

impl Share {
    /// From whole percent.
    pub const fn percent(percent: u32) -> Share {
        Share(percent as f64 / 100.0)
    }
}
