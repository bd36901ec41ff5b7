//! The control plane: it owns every heart, runs their probes, answers operators and reloads.
//!
//! Everything here runs on one thread of its own. It must never stand in a request's way: doors read Views, and nothing
//! of theirs waits for anything here.

mod admin;
mod certificates;
pub mod clock;
mod control;
mod doors;
pub mod explain;
pub mod file;
mod hearts;
pub mod log;
mod metrics;
mod named_files;
mod picture;
mod reload;
mod run;
mod state;
pub mod status;
mod systemd;
pub mod time;

pub use control::{Control, Phase, Source};
pub use doors::Doors;
pub use hearts::{Happening, Hearts, Refused};
pub use metrics::{Label, heading};
pub use reload::{Refusal, Taken};
pub use run::{Failure, STOP_LIMIT, Start, USUAL_SOCKET, run, usual_sockets};
