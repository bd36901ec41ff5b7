//! A listener as one worker sees it: what the configuration says, made ready for requests.

use crate::access_log::{Lines, Sink};
use crate::files::FilesSide;
use crate::pool_side::PoolSide;
use crate::stats::{Codes, Histogram, Reasons, Stats};
use evenkeel_http::Limits;
use evenkeel_model::{Listener, Name, RedirectTo, Respond, RetryOn, RouteAction, RouteRetry};
use evenkeel_route::Router;
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
        Some(Inside { door: self.clone() })
    }
}

/// One client's stay.
pub(crate) struct Inside {
    pub(crate) door: Rc<Door>,
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.door.connections.fetch_sub(1, Ordering::Relaxed);
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
}

impl Ways {
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
    pub(crate) codes: Arc<Codes>,
    pub(crate) timeout: Option<std::time::Duration>,
    pub(crate) retry: Option<RouteRetry>,
    /// The statuses among `retry.on`.
    pub(crate) retry_statuses: Vec<u16>,
}

impl Way {
    pub(crate) fn retries_on(&self, what: RetryOn) -> bool {
        self.retry.as_ref().is_none_or(|retry| retry.on.contains(&what))
    }
}

pub(crate) enum Action {
    Pool(Rc<PoolSide>, Arc<Histogram>),
    Redirect(RedirectTo),
    Respond(Respond),
    Files(FilesSide),
}

/// Makes a listener ready.
pub(crate) struct Builder<'a> {
    pub(crate) stats: &'a Arc<Stats>,
    pub(crate) worker: usize,
    pub(crate) pools: &'a dyn Fn(&Name) -> Option<Rc<PoolSide>>,
}

impl Builder<'_> {
    /// `None` for what the configuration has promised not to happen: a bad regex, a pool that is not there.
    pub(crate) fn ways(&self, listener: &Listener, sink: Option<Arc<Sink>>) -> Option<Ways> {
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
            reasons: self.stats.reasons(&listener.name, self.worker),
            unrouted: self.stats.codes(&listener.name, &none, &none, self.worker),
            log: sink.map(|sink| Rc::new(Lines::new(sink))),
            listener: listener.clone(),
        })
    }

    fn way(&self, listener: &Listener, route: &evenkeel_model::Route) -> Option<Way> {
        let none: Name = "".into();
        let (action, pool) = match &route.action {
            RouteAction::Pool(name) => {
                let seconds = self.stats.requests(&listener.name, name, self.worker);
                (Action::Pool((self.pools)(name)?, seconds), name)
            }
            RouteAction::Redirect(to) => (Action::Redirect(to.clone()), &none),
            RouteAction::Respond(respond) => (Action::Respond(respond.clone()), &none),
            RouteAction::Files(files) => (Action::Files(FilesSide::new(files.clone())), &none),
            RouteAction::Split(_) => return None,
        };
        let on = route.retry.iter().flat_map(|retry| &retry.on);
        let retry_statuses = on.filter_map(|on| match on {
            RetryOn::Status(status) => Some(*status),
            RetryOn::Connect | RetryOn::Reset => None,
        });
        Some(Way {
            name: route.name.clone(),
            action,
            codes: self.stats.codes(&listener.name, &route.name, pool, self.worker),
            timeout: route.timeout,
            retry: route.retry.clone(),
            retry_statuses: retry_statuses.collect(),
        })
    }
}
