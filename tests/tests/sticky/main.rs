//! Clients that stay with their backend, from outside: the built binary in front of backends that are drained, killed and
//! started again.
#![allow(clippy::expect_used, reason = "a test stops at the first surprise")]

mod cookie;
mod explain;
mod guide;
mod house;
mod keys;
mod operate;
mod tls;
