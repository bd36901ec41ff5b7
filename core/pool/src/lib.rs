//! The heart: which backends of a pool may have traffic, and which one a request gets.
//!
//! One [`Heart`] per pool is the only writer. It is told of events and of time, says which probes it wants and which
//! changes it made, and publishes an immutable [`View`] whole. Doors read the View through [`Shared`]; each worker has
//! a [`Chooser`] of its own and gets a [`Permit`] for one request to one backend.
//!
//! This crate must never open a socket, ask a clock, throw dice of its own or wait.

mod alarm;
mod balance;
mod bonds;
mod budget;
mod chooser;
mod dice;
mod gate;
mod heart;
mod home;
mod load;
mod member;
mod permit;
mod preview;
mod rendezvous;
mod shared;
mod view;

pub use balance::Ring;
pub use chooser::{Choice, Chooser, Request, Wish};
pub use gate::{Gate, QueueFull, Ticket};
pub use heart::{Change, Command, Event, Heart, Order, ProbeId, Saved, SavedBackend, Verdict};
pub use home::{HomeLine, HomeTicket};
pub use load::{Load, Probes};
pub use member::{BackendId, Health, Member, Membership, Why, keeps, usable};
pub use permit::{Failure, Permit, Stay};
pub use preview::Preview;
pub use shared::Shared;
pub use view::View;

/// Most backends of one pool, leaving ones included: indexes fit 16 bits and a whole look at a pool stays cheap.
pub const MEMBERS_MAX: usize = 4096;
