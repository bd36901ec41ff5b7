//! The shared words: what a configuration means once it has been read and found sound.
//!
//! This crate owns plain values only. It must never hold behaviour that decides about traffic, and every value in it
//! has already been checked against its range by `evenkeel-config`.

mod admin;
mod check;
mod compress;
mod files;
mod listener;
mod moment;
mod pool;
mod route;
mod sticky;
mod template;
mod tls;

pub use admin::{Admin, Log, LogFormat, LogLevel};
pub use check::{Check, CheckKind, Expect, GrpcCheck, HttpCheck};
pub use compress::{Compress, Encoding};
pub use files::Files;
pub use listener::{AccessLog, BindAddress, Listener, ListenerTimeouts};
pub use moment::Moment;
pub use pool::{
    AdminState, Backend, BackendAddress, Balance, Eject, HashKey, Pool, PoolTimeouts, ProxyProtocol, Queue, Retry,
    Share,
};
pub use route::{
    FieldChanges, HostPattern, Match, Mirror, PathChange, PathPattern, Rate, RateKey, RedirectTo, Respond, RetryOn,
    Route, RouteAction, RouteRetry, Side, Split, SplitBy, ValuePattern,
};
pub use sticky::Sticky;
pub use template::{Part, Template, Variable};
pub use tls::{
    Alpn, CertificateFiles, ClientAuth, ClientCertificates, ClientHeader, ListenerTls, PoolProtocol, PoolTls,
    TlsVersion,
};

/// A name given by the operator to a listener, pool or backend. Cheap to clone; never empty; at most 128 bytes.
pub type Name = std::sync::Arc<str>;

/// A whole configuration, checked.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Config {
    /// In the order of the file; names are unique.
    pub listeners: Vec<Listener>,
    /// In the order of the file; names are unique; every pool that a route names is here.
    pub pools: Vec<Pool>,
    /// Where the operator talks to us.
    pub admin: Admin,
    /// Our own messages.
    pub log: Log,
}
