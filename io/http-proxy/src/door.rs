//! A listener as one worker sees it: what the configuration says, made ready for requests.

use crate::access_log::{Lines, Sink};
use crate::files::FilesSide;
use crate::mirror::{Copies, MirrorTo};
use crate::pool_side::PoolSide;
use crate::rules::{Limit, Rules};
use crate::stats::{Codes, Histogram, Reasons};
use crate::world::World;
use evenkeel_http::Limits;
use evenkeel_model::{
    Compress, Listener, Name, RedirectTo, Respond, RetryOn, Route, RouteAction, RouteRetry, Split, SplitBy,
};
use evenkeel_rewrite::Rewrite;
use evenkeel_route::{Router, Sides};
use evenkeel_tls::ServerTls;
use std::cell::{Cell, RefCell};
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// A longer request target is answered with 414.
const TARGET_BYTES: usize = 8 * 1024;
/// More fields than this are answered with 431: no honest client sends half of it.
const FIELDS: usize = 256;

/// A listener on this worker. It outlives reloads; what it does is in `ways`.
pub(crate) struct Door {
    pub(crate) ways: RefCell<Rc<Ways>>,
    /// The listener is gone from the configuration: its connections end after the request under way.
    pub(crate) closed: Cell<bool>,
    /// Over all workers.
    pub(crate) connections: Arc<AtomicI64>,
}

impl Door {
    pub(crate) fn now(&self) -> Rc<Ways> {
        self.ways.borrow().clone()
    }

    /// Whether another connection would be counted in.
    pub(crate) fn has_room(&self) -> bool {
        self.connections.load(Ordering::Relaxed) < self.limit()
    }

    fn limit(&self) -> i64 {
        i64::from(self.ways.borrow().listener.max_connections)
    }

    /// Counts a connection in if there is room for it.
    pub(crate) fn enter(self: &Rc<Door>) -> Option<Inside> {
        if self.connections.fetch_add(1, Ordering::Relaxed) >= self.limit() {
            self.connections.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        Some(Inside {
            door: self.clone(),
            counted: true,
        })
    }
}

/// One client's stay.
pub(crate) struct Inside {
    pub(crate) door: Rc<Door>,
    /// It is one of the door's connections.
    counted: bool,
}

impl Inside {
    /// At the same door, without a connection.
    pub(crate) fn uncounted(&self) -> Inside {
        Inside {
            door: self.door.clone(),
            counted: false,
        }
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        if self.counted {
            self.door.connections.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// Everything that a configuration says of a listener.
pub(crate) struct Ways {
    pub(crate) listener: Listener,
    pub(crate) router: Router,
    pub(crate) ways: Vec<Way>,
    pub(crate) limits: Limits,
    pub(crate) reasons: Arc<Reasons>,
    /// For requests that no route matched.
    pub(crate) unrouted: Arc<Codes>,
    pub(crate) log: Option<Rc<Lines>>,
    /// `None`: connections come as they are.
    pub(crate) tls: Option<Arc<ServerTls>>,
    /// Fields in which some listener tells backends of clients' certificates: no client may say them itself, here or
    /// elsewhere.
    pub(crate) guarded: Rc<[&'static str]>,
}

impl Ways {
    /// Whether a connection of this peer begins with a PROXY header.
    pub(crate) fn expects_introduction(&self, peer: Option<IpAddr>) -> bool {
        let networks = &self.listener.accept_proxy_protocol;
        !networks.is_empty() && peer.is_some_and(|peer| networks.iter().any(|network| network.contains(&peer)))
    }

    /// Whether this address may tell us of clients behind it.
    pub(crate) fn trusts(&self, peer: Option<IpAddr>) -> bool {
        let networks = &self.listener.trusted_proxies;
        !networks.is_empty() && peer.is_some_and(|peer| networks.iter().any(|network| network.contains(&peer)))
    }
}

/// A route, made ready.
pub(crate) struct Way {
    pub(crate) name: Name,
    pub(crate) action: Action,
    /// For answers of our own.
    pub(crate) codes: Arc<Codes>,
    /// Bytes of a request's body; 0 = no limit.
    pub(crate) max_body_bytes: u64,
    /// What else it asks; most ask nothing.
    pub(crate) rules: Option<Box<Rules>>,
    pub(crate) timeout: Option<std::time::Duration>,
    pub(crate) retry: Option<RouteRetry>,
    pub(crate) compress: Option<Compress>,
    /// The statuses among `retry.on`.
    pub(crate) retry_statuses: Vec<u16>,
}

impl Way {
    pub(crate) fn retries_on(&self, what: RetryOn) -> bool {
        self.retry.as_ref().is_none_or(|retry| retry.on.contains(&what))
    }
}

pub(crate) enum Action {
    Pool(Target),
    Split(Box<Fork>),
    Own(Answer),
}

/// An answer of our own.
pub(crate) enum Answer {
    Redirect(RedirectTo),
    Respond(Respond),
    Files(Box<FilesSide>),
}

/// A pool that a route leads to.
pub(crate) struct Target {
    pub(crate) pool: Rc<PoolSide>,
    pub(crate) seconds: Arc<Histogram>,
    pub(crate) codes: Arc<Codes>,
}

/// Where a route leads to one of several pools.
pub(crate) struct Fork {
    sides: Sides,
    pub(crate) by: Option<SplitBy>,
    targets: Vec<Target>,
}

impl Fork {
    /// The pool of this key.
    pub(crate) fn target(&self, key: u64) -> &Target {
        &self.targets[self.sides.choose(key)]
    }
}

/// What a request took.
#[derive(Clone, Copy)]
pub(crate) struct Took<'a> {
    pub(crate) way: &'a Way,
    /// `None`: an answer of our own.
    pub(crate) target: Option<&'a Target>,
}

impl Took<'_> {
    /// Counts a finished request.
    pub(crate) fn count(&self, status: u16, total: std::time::Duration) {
        match self.target {
            Some(target) => {
                target.codes.count(status);
                target.seconds.record(total);
            }
            None => self.way.codes.count(status),
        }
    }
}

/// Makes a listener ready.
pub(crate) struct Builder<'a> {
    pub(crate) world: &'a World,
    pub(crate) pools: &'a dyn Fn(&Name) -> Option<Rc<PoolSide>>,
    /// See [`Ways::guarded`].
    pub(crate) guarded: Rc<[&'static str]>,
}

impl Builder<'_> {
    /// `None` for what the configuration has promised not to happen: a bad regex, a pool that is not there.
    pub(crate) fn ways(
        &self,
        listener: &Listener,
        sink: Option<Arc<Sink>>,
        tls: Option<Arc<ServerTls>>,
    ) -> Option<Ways> {
        let none: Name = "".into();
        let ways = listener
            .routes
            .iter()
            .map(|route| self.way(listener, route))
            .collect::<Option<_>>()?;
        Some(Ways {
            router: Router::new(&listener.routes).ok()?,
            ways,
            limits: Limits {
                head_bytes: listener.max_header_size,
                target_bytes: TARGET_BYTES,
                fields: FIELDS,
            },
            reasons: self.world.stats.reasons(&listener.name, self.world.worker),
            unrouted: self.codes(&listener.name, &none, &none),
            tls,
            guarded: self.guarded.clone(),
            log: sink.map(|sink| Rc::new(Lines::new(sink))),
            listener: listener.clone(),
        })
    }

    fn codes(&self, listener: &Name, route: &Name, pool: &Name) -> Arc<Codes> {
        self.world.stats.codes(listener, route, pool, self.world.worker)
    }

    fn way(&self, listener: &Listener, route: &Route) -> Option<Way> {
        let action = match &route.action {
            RouteAction::Pool(name) => Action::Pool(self.target(listener, route, name)?),
            RouteAction::Split(split) => Action::Split(Box::new(self.fork(listener, route, split)?)),
            RouteAction::Redirect(to) => Action::Own(Answer::Redirect(to.clone())),
            RouteAction::Respond(respond) => Action::Own(Answer::Respond(respond.clone())),
            RouteAction::Files(files) => {
                let side = FilesSide::new(files.clone(), route.compress.clone());
                Action::Own(Answer::Files(Box::new(side)))
            }
        };
        let on = route.retry.iter().flat_map(|retry| &retry.on);
        let retry_statuses = on.filter_map(|on| match on {
            RetryOn::Status(status) => Some(*status),
            RetryOn::Connect | RetryOn::Reset => None,
        });
        Some(Way {
            name: route.name.clone(),
            action,
            codes: self.codes(&listener.name, &route.name, &"".into()),
            max_body_bytes: route.max_body_size.unwrap_or(listener.max_body_size),
            rules: self.rules(listener, route)?.boxed(),
            timeout: route.timeout,
            retry: route.retry.clone(),
            compress: route.compress.clone(),
            retry_statuses: retry_statuses.collect(),
        })
    }

    fn target(&self, listener: &Listener, route: &Route, pool: &Name) -> Option<Target> {
        Some(Target {
            pool: (self.pools)(pool)?,
            seconds: self.world.stats.requests(&listener.name, pool, self.world.worker),
            codes: self.codes(&listener.name, &route.name, pool),
        })
    }

    fn fork(&self, listener: &Listener, route: &Route, split: &Split) -> Option<Fork> {
        let targets = split.sides.iter().map(|side| self.target(listener, route, &side.pool));
        Some(Fork {
            sides: Sides::new(split),
            by: split.by.clone(),
            targets: targets.collect::<Option<_>>()?,
        })
    }

    fn rules(&self, listener: &Listener, route: &Route) -> Option<Rules> {
        let limit = route.rate.as_ref().map(|rate| Limit {
            on: rate.on.clone(),
            limiter: self.world.limits.limiter(&listener.name, route, rate),
        });
        let copies = |pool, result| self.world.stats.copies(pool, result, self.world.worker);
        let mirror = match &route.mirror {
            None => None,
            Some(mirror) => Some(MirrorTo {
                pool: (self.pools)(&mirror.pool)?,
                share: mirror.share.0,
                counts: Copies {
                    sent: copies(&mirror.pool, "sent"),
                    too_large: copies(&mirror.pool, "too-large"),
                    busy: copies(&mirror.pool, "busy"),
                },
            }),
        };
        Some(Rules {
            rewrite: Rewrite::new(route),
            limit,
            mirror,
            buffer: route.buffer,
        })
    }
}
