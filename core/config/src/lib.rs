//! Text to model: reads a configuration, tells every error at once with its place and a suggestion, and says what a
//! reload changes.
//!
//! This crate owns the configuration's keys ([`schema`] has them for editors), its grammar and its ranges. It must
//! never read a file, look up a name or decide about traffic.

mod admin;
mod atom;
mod complaint;
mod diff;
mod https;
mod keys;
mod listener;
mod pool;
mod problem;
mod proxy;
mod reading;
#[cfg(test)]
mod reference;
mod render;
mod report;
mod rescue;
mod route;
mod schema;
mod slot;
mod sticky;
mod suggest;
mod syntax;
mod tls;
mod view;

pub use complaint::{Complaint, Step, complain};
pub use diff::{Change, diff};
pub use problem::{PROBLEMS_LIMIT, Problem, Problems};
pub use proxy::{backend_address, proxy};
pub use reading::{TEXT_LIMIT, parse};
pub use rescue::control_socket;
pub use schema::schema;
