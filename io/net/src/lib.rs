//! Sockets and the reactor of a worker thread.
//!
//! Owns: one epoll set, one run queue and one timer wheel for each worker thread; listening, accepted and connecting
//! sockets; the process's clock. Everything on a worker stays on that worker: no lock is taken and no thread is
//! crossed while a request is served. It must never know what the bytes mean, but for the PROXY header that a balancer in
//! front may send before them.

pub mod clock;
pub mod introduction;
pub mod listen;
pub mod reactor;
mod socket;
mod wheel;

pub use reactor::{Elapsed, Remote, TaskId, within};
pub use socket::{Socket, Stream};
