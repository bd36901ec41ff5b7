//! The doors that carry traffic, as the control plane wants them.

use evenkeel_control::explain::{Asked, Explanation};
use evenkeel_control::{Doors, log};
use evenkeel_http_proxy::{Server, Setup};
use evenkeel_model::Config;
use evenkeel_pool::Shared;
use evenkeel_tls::Sides;
use std::sync::Arc;
use std::time::Duration;

/// Every door of this process, closed until a configuration is applied: one worker for each processor that we may use.
///
/// # Errors
/// When the system gives no thread or no epoll set.
pub(crate) fn open() -> Result<Arc<dyn Doors>, String> {
    let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let server = Server::start(workers, Arc::new(|trouble| log::warn(trouble, &[])))
        .map_err(|error| format!("cannot start the workers: {error}"))?;
    Ok(Arc::new(Http(server)))
}

/// The layer-7 door.
struct Http(Server);

impl Doors for Http {
    fn apply(&self, config: &Arc<Config>, pools: &[Arc<Shared>], tls: &Sides) -> Result<(), Vec<String>> {
        self.0.apply(Setup {
            config: config.clone(),
            pools: pools.to_vec(),
            listener_tls: tls.listeners.clone(),
            pool_tls: tls.pools.clone(),
        })
    }

    fn write_metrics(&self, out: &mut String) {
        self.0.write_metrics(out);
    }

    fn connections(&self, listener: &str) -> u64 {
        self.0.connections(listener)
    }

    fn sticky(&self, pool: &str) -> Vec<(&'static str, u64)> {
        self.0.sticky(pool)
    }

    fn explain(&self, asked: &Asked) -> Result<Explanation, String> {
        let explained = self.0.explain(evenkeel_http_proxy::Asked {
            listener: asked.listener.clone(),
            head: asked.head.clone(),
            from: asked.from,
        })?;
        Ok(Explanation {
            client: explained.client,
            refused: explained.refused,
            route: explained.route,
            why: explained.why,
            missed: explained.missed,
            does: explained.does,
            path: explained.path,
            pool: explained.pool,
            sticky: explained.sticky,
            backend: explained.backend,
            why_backend: explained.why_backend,
            ..Explanation::default()
        })
    }

    fn stop(&self, limit: Duration) -> bool {
        self.0.stop(limit)
    }
}
