//! TLS on a worker, with real sockets and independent clients.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod backends;
mod clients;
mod files;
mod house;
mod listener;
