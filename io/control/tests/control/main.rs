//! The control plane from outside, over real sockets.
#![allow(clippy::unwrap_used)]

mod admin;
mod house;
mod life;
