//! What must hold when things go wrong, and while they are operated on: against the built binary, with backends in
//! processes of their own that are really killed. Everything is counted, nothing is timed for speed.

mod admin;
mod backends;
mod bodies;
mod churn;
mod descriptors;
mod health;
mod house;
mod observe;
mod operate;
mod reload;
mod slow;
mod tunnel;
