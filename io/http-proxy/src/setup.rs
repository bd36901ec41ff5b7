//! What the control plane hands over.

use crate::reach::Speech;
use evenkeel_model::{Config, Name, PoolProtocol, PoolTimeouts};
use evenkeel_pool::Shared;
use evenkeel_tls::{ClientTls, ServerTls};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

/// A configuration on its way to the workers.
pub struct Setup {
    /// All listeners and pools.
    pub config: Arc<Config>,
    /// The hearts' sides of the pools, by name.
    pub pools: Vec<Arc<Shared>>,
    /// What encrypts the connections of clients, by the listener's name.
    pub listener_tls: HashMap<Name, Arc<ServerTls>>,
    /// What encrypts the connections to backends, by the pool's name.
    pub pool_tls: HashMap<Name, Arc<ClientTls>>,
}

impl Setup {
    /// The fields in which any listener tells backends of clients' certificates.
    pub(crate) fn guarded(&self) -> Rc<[&'static str]> {
        let tls = self
            .config
            .listeners
            .iter()
            .filter_map(|listener| listener.tls.as_ref());
        let forms = tls
            .filter_map(|tls| tls.client.as_ref())
            .flat_map(|client| &client.headers);
        let mut names: Vec<&str> = forms
            .flat_map(|form| evenkeel_tls::field_names(*form))
            .copied()
            .collect();
        names.sort_unstable();
        names.dedup();
        names.into()
    }

    /// How the backends of a pool are spoken to.
    pub(crate) fn speech(&self, pool: &Name) -> Speech {
        let found = self.config.pools.iter().find(|one| one.name == *pool);
        Speech {
            tls: self.pool_tls.get(pool).cloned(),
            protocol: found.map_or(PoolProtocol::Http1, |pool| pool.protocol),
            introduces: found.and_then(|pool| pool.send_proxy_protocol),
            idle: found.map_or_else(|| PoolTimeouts::default().idle, |pool| pool.timeouts.idle),
        }
    }
}
