//! What the control plane asks of the data plane, and all it knows of it.

use crate::explain::{Asked, Explanation};
use evenkeel_model::Config;
use evenkeel_pool::Shared;
use evenkeel_tls::Sides;
use std::sync::Arc;
use std::time::Duration;

/// The doors that carry traffic, seen from the control plane. Every method may be called from any thread.
pub trait Doors: Send + Sync {
    /// Takes this configuration and these pools, which stand in the order of `config.pools`, with what encrypts the
    /// connections of those that have `tls`. Binds what is new first: on any failure nothing has changed, and every
    /// failure is a sentence for the operator.
    fn apply(&self, config: &Arc<Config>, pools: &[Arc<Shared>], tls: &Sides) -> Result<(), Vec<String>>;

    /// Appends the families of the data plane in Prometheus' text format.
    fn write_metrics(&self, out: &mut String);

    /// Client connections that are open on this listener now.
    fn connections(&self, listener: &str) -> u64;

    /// Requests to this pool by what became of their clients' homes: the word and how many; empty if none are kept.
    fn sticky(&self, pool: &str) -> Vec<(&'static str, u64)>;

    /// Which way a request would go, and why; without what the control plane knows itself. Blocks for a moment.
    ///
    /// # Errors
    /// A sentence for people.
    fn explain(&self, asked: &Asked) -> Result<Explanation, String>;

    /// Stops accepting, lets running requests finish, and returns when they have (true) or when `limit` has passed
    /// (false). Blocks.
    fn stop(&self, limit: Duration) -> bool;
}
