use crate::{Compress, Files, Name, Share, Template};
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
    /// What becomes of the path on the way to the backend, or to the files.
    pub path_change: Option<PathChange>,
    /// What `Host` says to the backend, instead of what the client sent: host and perhaps port.
    pub set_host: Option<Name>,
    /// What changes in the fields of the request.
    pub request_headers: FieldChanges,
    /// What changes in the fields of the answer.
    pub response_headers: FieldChanges,
    /// Some requests go to another pool as well.
    pub mirror: Option<Mirror>,
    /// The request's body is held until it is whole; bytes that it may have, 1 KiB ..= 64 MiB.
    pub buffer: Option<u64>,
    /// Overrides the listener's `max_body_size`; bytes, 0 = no limit.
    pub max_body_size: Option<u64>,
    /// How many requests are taken.
    pub rate: Option<Rate>,
    /// Answers are compressed.
    pub compress: Option<Compress>,
}

impl Route {
    /// A route with every default.
    pub fn new(name: impl Into<Name>, matches: Match, action: RouteAction) -> Route {
        Route {
            name: name.into(),
            matches,
            action,
            timeout: None,
            retry: None,
            path_change: None,
            set_host: None,
            request_headers: FieldChanges::default(),
            response_headers: FieldChanges::default(),
            mirror: None,
            buffer: None,
            max_body_size: None,
            rate: None,
            compress: None,
        }
    }
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
    /// Forward to one of several pools.
    Split(Split),
    /// Send the client elsewhere.
    Redirect(RedirectTo),
    /// Answer here.
    Respond(Respond),
    /// Answer with a file.
    Files(Files),
}

/// Several pools by weight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// In the order of the file, at least one with a weight above 0; pools are unique.
    pub sides: Vec<Side>,
    /// Requests that are equal in this go to the same side, as far as weights stay. `None` = by chance.
    pub by: Option<SplitBy>,
}

/// One of the pools of a [`Split`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Side {
    /// Its name.
    pub pool: Name,
    /// Its share of the sum of all weights, 0 ..= 1000.
    pub weight: u32,
}

/// What keeps a client on its side of a [`Split`]. A request without that field or cookie goes by its client's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SplitBy {
    /// The client's address.
    Source,
    /// Lower-case field name.
    Header(Name),
    /// Cookie name, case-sensitive.
    Cookie(Name),
}

/// What becomes of a path. Queries stay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathChange {
    /// These segments are taken off, kept as `/api`; a path that does not begin with them stays.
    Strip(Name),
    /// This path instead.
    Exact(Name),
    /// `/v2/*`, kept as `/v2/`: what the `*` of the route's path matched follows.
    Prefix(Name),
    /// `/users/$1`: texts and groups of the route's `path_regex`; dot segments and empty ones are resolved afterwards.
    Groups(Template),
}

/// What changes in the fields of a message: removed first, then set, then added.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FieldChanges {
    /// Lower-case names, unique: whatever came under this name is replaced.
    pub set: Vec<(Name, Template)>,
    /// Lower-case names: further fields beside what came.
    pub add: Vec<(Name, Template)>,
    /// Lower-case names, unique.
    pub remove: Vec<Name>,
}

impl FieldChanges {
    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.add.is_empty() && self.remove.is_empty()
    }
}

/// A copy of requests to another pool, whose answers are thrown away.
#[derive(Debug, Clone, PartialEq)]
pub struct Mirror {
    /// Not one of the pools that the route forwards to.
    pub pool: Name,
    /// Of how many requests.
    pub share: Share,
}

/// How many requests are taken: a bucket of `burst` that is filled again with `requests` in each `per`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Rate {
    /// 1 ..= 1,000,000.
    pub requests: u32,
    /// 1 ms ..= 24 h. Default 1 s.
    pub per: Duration,
    /// What has a bucket of its own: each combination of these, 1 ..= 4, unique; [`RateKey::All`] stands alone. Default source.
    pub on: Vec<RateKey>,
    /// How many may come at once, 1 ..= 1,000,000. Default as many as `requests`.
    pub burst: u32,
}

/// What has a bucket of its own. A request without that field or cookie is counted by its client's address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum RateKey {
    /// Each client address; of IPv6 each /64, which one client has as a whole.
    Source,
    /// Each value of this field; lower-case name.
    Header(Name),
    /// Each value of this cookie.
    Cookie(Name),
    /// Each host, as routing compares it, without its port.
    Host,
    /// Each path, as routing compares it.
    Path,
    /// Each path, as routing compares it, with its query as it came.
    Uri,
    /// All requests of the route together.
    All,
}

/// Where a redirect goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RedirectTo {
    /// `redirect = "https"`: 308 to the same host and target over https.
    Https {
        /// The port where this configuration has https, if it is one and not 443: for clients who come to the port that
        /// we listen on, not to one that leads there.
        port: Option<u16>,
    },
    /// `redirect = "https://..."`: 302 to exactly this.
    Location(Name),
    /// `redirect = "https://example.com/$1"`: 302 to texts and groups of the route's `path_regex`. The first part is a
    /// text with the host, if there is one, and the slash behind it.
    Groups(Template),
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
