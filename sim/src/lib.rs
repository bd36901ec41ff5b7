//! The heart in virtual time: clients, backends and faults around it, one seed a run.
//!
//! This crate owns models of what surrounds the heart and the rules it must never break. It must never look at the
//! heart's private parts: it knows what a door knows, and checks it by predicates written anew.

mod clients;
pub mod compare;
pub mod dice;
mod faults;
pub mod pools;
pub mod queueing;
pub mod rivals;
mod rules;
mod shadow;
mod tally;
mod waiting;
mod world;

pub use tally::Tally;
pub use world::run;
