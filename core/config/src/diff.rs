//! What a reload changes.

use evenkeel_model::{Backend, BackendAddress, Config, Listener, Name, Pool};
use std::collections::{HashMap, HashSet};

/// One difference between two configurations.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Change {
    ListenerAdded(Name),
    ListenerRemoved(Name),
    /// The listener of this name is another one now.
    ListenerChanged {
        name: Name,
        /// Whether the addresses differ; the sockets of those that stay are kept.
        bind_changed: bool,
        /// The keys whose values differ, `bind` among them; `routes` stands for every way to write routes.
        settings: Vec<&'static str>,
    },
    PoolAdded(Name),
    PoolRemoved(Name),
    /// The pool of this name is another one now.
    PoolChanged {
        name: Name,
        /// Names of backends that were not there: neither their address nor their name.
        backends_added: Vec<Name>,
        /// Names of backends that are no longer there.
        backends_removed: Vec<Name>,
        /// Names of backends that stay with another name, address, weight, cap, backup, state or site.
        backends_changed: Vec<Name>,
        /// The keys whose values differ, `backends` not among them; `order` is that of the backends that stay.
        settings: Vec<&'static str>,
    },
    AdminChanged,
    LogChanged,
}

/// One line without a full stop: `pool api: added 10.0.0.3:8080, removed 10.0.0.1:8080, changed check`.
impl std::fmt::Display for Change {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Change::ListenerAdded(name) => write!(formatter, "listener {name}: added"),
            Change::ListenerRemoved(name) => write!(formatter, "listener {name}: removed"),
            Change::ListenerChanged {
                name,
                bind_changed: _,
                settings,
            } => write!(formatter, "listener {name}: changed {}", settings.join(", ")),
            Change::PoolAdded(name) => write!(formatter, "pool {name}: added"),
            Change::PoolRemoved(name) => write!(formatter, "pool {name}: removed"),
            Change::PoolChanged {
                name,
                backends_added,
                backends_removed,
                backends_changed,
                settings,
            } => {
                let changed = backends_changed
                    .iter()
                    .map(Name::as_ref)
                    .chain(settings.iter().copied());
                let parts = [
                    part("added", backends_added.iter().map(Name::as_ref)),
                    part("removed", backends_removed.iter().map(Name::as_ref)),
                    part("changed", changed),
                ];
                let parts: Vec<String> = parts.into_iter().flatten().collect();
                write!(formatter, "pool {name}: {}", parts.join(", "))
            }
            Change::AdminChanged => formatter.write_str("admin: changed"),
            Change::LogChanged => formatter.write_str("log: changed"),
        }
    }
}

fn part<'a>(verb: &str, names: impl Iterator<Item = &'a str>) -> Option<String> {
    let names: Vec<&str> = names.collect();
    (!names.is_empty()).then(|| format!("{verb} {}", names.join(", ")))
}

/// What differs, listeners first, then pools; of each what is new or changed in the new order, then what is gone.
/// Empty when nothing does.
pub fn diff(old: &Config, new: &Config) -> Vec<Change> {
    let mut changes = Vec::new();
    let old_listeners: HashMap<&Name, &Listener> = old.listeners.iter().map(|item| (&item.name, item)).collect();
    for listener in &new.listeners {
        match old_listeners.get(&listener.name) {
            None => changes.push(Change::ListenerAdded(listener.name.clone())),
            Some(before) if *before != listener => changes.push(listener_change(before, listener)),
            Some(_) => {}
        }
    }
    let kept: HashSet<&Name> = new.listeners.iter().map(|item| &item.name).collect();
    let gone = old.listeners.iter().filter(|item| !kept.contains(&item.name));
    changes.extend(gone.map(|item| Change::ListenerRemoved(item.name.clone())));

    let old_pools: HashMap<&Name, &Pool> = old.pools.iter().map(|item| (&item.name, item)).collect();
    for pool in &new.pools {
        match old_pools.get(&pool.name) {
            None => changes.push(Change::PoolAdded(pool.name.clone())),
            Some(before) if *before != pool => changes.push(pool_change(before, pool)),
            Some(_) => {}
        }
    }
    let kept: HashSet<&Name> = new.pools.iter().map(|item| &item.name).collect();
    let gone = old.pools.iter().filter(|item| !kept.contains(&item.name));
    changes.extend(gone.map(|item| Change::PoolRemoved(item.name.clone())));

    if old.admin != new.admin {
        changes.push(Change::AdminChanged);
    }
    if old.log != new.log {
        changes.push(Change::LogChanged);
    }
    changes
}

fn listener_change(old: &Listener, new: &Listener) -> Change {
    // Taken apart, so that a field that is added cannot be forgotten here.
    let Listener {
        name,
        bind,
        routes,
        max_connections,
        accept_proxy_protocol,
        trusted_proxies,
        timeouts,
        max_header_size,
        max_body_size,
        access_log,
        tls,
    } = new;
    let settings = differing([
        ("bind", old.bind != *bind),
        ("routes", old.routes != *routes),
        ("max_connections", old.max_connections != *max_connections),
        (
            "accept_proxy_protocol",
            old.accept_proxy_protocol != *accept_proxy_protocol,
        ),
        ("trusted_proxies", old.trusted_proxies != *trusted_proxies),
        ("timeouts", old.timeouts != *timeouts),
        ("max_header_size", old.max_header_size != *max_header_size),
        ("max_body_size", old.max_body_size != *max_body_size),
        ("access_log", old.access_log != *access_log),
        ("tls", old.tls != *tls),
    ]);
    Change::ListenerChanged {
        name: name.clone(),
        bind_changed: old.bind != *bind,
        settings,
    }
}

fn pool_change(old: &Pool, new: &Pool) -> Change {
    let Pool {
        name,
        backends,
        balance,
        check,
        eject,
        sticky,
        max_connections,
        queue,
        retry,
        warmup,
        timeouts,
        send_proxy_protocol,
        panic,
        protocol,
        tls,
    } = new;
    let (added, changed) = compare(&old.backends, backends);
    let (removed, _) = compare(backends, &old.backends);
    let settings = differing([
        (
            "order",
            order(&old.backends, backends) != order(backends, &old.backends),
        ),
        ("balance", old.balance != *balance),
        ("check", old.check != *check),
        ("eject", old.eject != *eject),
        ("sticky", old.sticky != *sticky),
        ("max_connections", old.max_connections != *max_connections),
        ("queue", old.queue != *queue),
        ("retry", old.retry != *retry),
        ("warmup", old.warmup != *warmup),
        ("timeouts", old.timeouts != *timeouts),
        ("send_proxy_protocol", old.send_proxy_protocol != *send_proxy_protocol),
        ("panic", old.panic != *panic),
        ("protocol", old.protocol != *protocol),
        ("tls", old.tls != *tls),
    ]);
    Change::PoolChanged {
        name: name.clone(),
        backends_added: added,
        backends_removed: removed,
        backends_changed: changed,
        settings,
    }
}

fn differing<const COUNT: usize>(settings: [(&'static str, bool); COUNT]) -> Vec<&'static str> {
    settings
        .into_iter()
        .filter(|(_, differs)| *differs)
        .map(|(name, _)| name)
        .collect()
}

/// The addresses of `some` that `others` have too, in the order of `some`.
fn order<'a>(some: &'a [Backend], others: &[Backend]) -> Vec<&'a BackendAddress> {
    let known: HashSet<&BackendAddress> = others.iter().map(|backend| &backend.address).collect();
    some.iter()
        .map(|backend| &backend.address)
        .filter(|address| known.contains(address))
        .collect()
}

/// The names of those that are only in `new`, and of those that are in both but not equal. The same backend has the
/// same address or the same name.
fn compare(old: &[Backend], new: &[Backend]) -> (Vec<Name>, Vec<Name>) {
    let addresses: HashMap<_, &Backend> = old.iter().map(|backend| (&backend.address, backend)).collect();
    let names: HashMap<_, &Backend> = old.iter().map(|backend| (&backend.name, backend)).collect();
    let (mut added, mut changed) = (Vec::new(), Vec::new());
    for backend in new {
        match addresses.get(&backend.address).or_else(|| names.get(&backend.name)) {
            None => added.push(backend.name.clone()),
            Some(before) if *before != backend => changed.push(backend.name.clone()),
            Some(_) => {}
        }
    }
    (added, changed)
}
