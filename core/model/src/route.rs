use crate::Name;
use ipnet::IpNet;
use std::time::Duration;

/// One choice of a listener: what it matches, and what is done then.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    /// How metrics, logs and `explain` call it: the short form's key (`example.com/api/*`), or host and path
    /// of the long form, or `*`. Not unique.
    pub name: Name,
    /// When it applies.
    pub matches: Match,
    /// What is done.
    pub action: RouteAction,
    /// Overrides the pool's `timeouts.response`.
    pub timeout: Option<Duration>,
    /// Overrides the pool's `retry`.
    pub retry: Option<RouteRetry>,
}

/// When a route applies; everything written must hold.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Match {
    /// `None` = any host.
    pub host: Option<HostPattern>,
    /// `None` = any path.
    pub path: Option<PathPattern>,
    /// Empty = any method. Methods are case-sensitive (RFC 9110 9.1).
    pub methods: Vec<Name>,
    /// Lower-case field names.
    pub headers: Vec<(Name, ValuePattern)>,
    /// Cookie names, case-sensitive.
    pub cookies: Vec<(Name, ValuePattern)>,
    /// Query parameter names, percent-decoded, case-sensitive.
    pub query: Vec<(Name, ValuePattern)>,
    /// Client networks; empty = any.
    pub from: Vec<IpNet>,
}

/// A host, lower case, without port.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum HostPattern {
    /// `example.com`
    Exact(Name),
    /// `*.example.com`, kept as `.example.com`: one label or more in front.
    Suffix(Name),
}

/// A path.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PathPattern {
    /// `/login`
    Exact(Name),
    /// `/api/*`, kept as `/api/`: also matches `/api` itself. `/*` is kept as `/`.
    Prefix(Name),
    /// `path_regex`: must match the whole path.
    Regex(Name),
}

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ValuePattern {
    /// `"*"`
    Present,
    /// Anything else: equal, byte for byte.
    Exact(Name),
}

/// What a route does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RouteAction {
    /// Forward to this pool.
    Pool(Name),
    /// Send the client elsewhere.
    Redirect(RedirectTo),
    /// Answer here.
    Respond(Respond),
}

/// Where a redirect goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RedirectTo {
    /// `redirect = "https"`: 308 to the same host and target over https.
    Https,
    /// `redirect = "https://..."`: 302 to exactly this.
    Location(Name),
}

/// A fixed answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Respond {
    /// 200 ..= 599.
    pub status: u16,
    /// `text/plain; charset=utf-8`; at most 64 KiB.
    pub body: Name,
}

/// A route's own retry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteRetry {
    /// Further tries after the first, 0 ..= 10.
    pub attempts: u32,
    /// On what.
    pub on: Vec<RetryOn>,
}

/// What a try may fail with to be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryOn {
    /// The backend could not be connected to: nothing was sent, so any request may be repeated.
    Connect,
    /// The connection ended before the first byte of an answer; only requests that may be repeated.
    Reset,
    /// The backend answered with this status (500 ..= 599); only requests that may be repeated.
    Status(u16),
}
