//! The layer-7 door.
//!
//! Owns the request's way through a worker: accept, head, route, permit, connection, exchange, answer. One relay
//! carries every request. It must never decide which backend is healthy or where a message ends: the heart and the
//! grammar do.

mod accept;
mod access_log;
mod by_rules;
mod client;
mod conduit;
mod door;
mod exchange;
mod explain;
mod facts;
mod files;
mod gather;
mod idle;
mod linger;
mod links;
mod mirror;
mod outbox;
mod own;
mod patience;
mod pool_side;
mod proxy;
mod reach;
mod reason;
mod relay;
mod rules;
mod scratch;
mod server;
mod setup;
mod skip;
mod stats;
mod sticky;
mod tls_facts;
mod trunk;
mod tunnel;
mod world;

pub use explain::{Asked, Explained};
pub use server::Server;
pub use setup::Setup;
