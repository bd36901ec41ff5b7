use crate::{Name, ProxyProtocol};
use std::time::Duration;

/// A check: how a pool finds out whether a backend may have traffic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What is asked.
    pub kind: CheckKind,
    /// Time between two probes of one backend, 100 ms ..= 1 h. Default 5 s.
    pub every: Duration,
    /// How long one probe may take, 10 ms ..= 1 min. Default 2 s.
    pub timeout: Duration,
    /// Failures in a row that take an `Up` backend `Down`, 1 ..= 100. Default 3.
    pub fall: u32,
    /// Successes in a row that bring a `Down` backend `Up`, 1 ..= 100. Default 2. (`Unproven` needs one.)
    pub rise: u32,
    /// Probe this port instead of the backend's own.
    pub port: Option<u16>,
    /// What the connection of a probe begins with, where those of clients do: that it is a probe. `None` when `port` is
    /// another one, where nobody expects it.
    pub send_proxy_protocol: Option<ProxyProtocol>,
}

/// What a probe asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckKind {
    /// A TCP connect that succeeds is enough.
    Tcp,
    /// An HTTP/1.1 GET.
    Http(HttpCheck),
    /// The health service of gRPC (`grpc.health.v1`), over HTTP/2 with prior knowledge.
    Grpc(GrpcCheck),
}

/// What a grpc probe asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrpcCheck {
    /// The service, at most 255 bytes; empty = the server as a whole.
    pub service: Name,
    /// `:authority` to send; `None` = the backend's address.
    pub host: Option<Name>,
}

/// What an http probe asks and expects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpCheck {
    /// Origin-form target, begins with `/`.
    pub path: Name,
    /// `Host` to send; `None` = the backend's address.
    pub host: Option<Name>,
    /// Which statuses are healthy. Default 2xx.
    pub expect: Vec<Expect>,
    /// Text that the body's first 64 KiB must contain.
    pub body: Option<Name>,
}

/// A range of healthy statuses: `2xx` is 200 ..= 299, `204` is 204 ..= 204.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expect {
    /// First status, 100 ..= 599.
    pub first: u16,
    /// Last status, inclusive.
    pub last: u16,
}

impl Expect {
    /// The default: `2xx`.
    pub const SUCCESS: Expect = Expect { first: 200, last: 299 };

    /// Whether `status` is within.
    pub fn holds(self, status: u16) -> bool {
        (self.first..=self.last).contains(&status)
    }
}

impl Default for Check {
    fn default() -> Self {
        Check {
            kind: CheckKind::Tcp,
            every: Duration::from_secs(5),
            timeout: Duration::from_secs(2),
            fall: 3,
            rise: 2,
            port: None,
            send_proxy_protocol: None,
        }
    }
}
