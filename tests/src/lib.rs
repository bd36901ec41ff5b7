//! The balancer from outside: whatever a test needs to treat the built binary as a black box.
//!
//! * [`balancer`] starts the binary with a configuration, waits until it is ready, stops and reaps it.
//! * [`client`] is a TCP client that sends exactly the bytes it is given and waits for conditions, never for luck.
//! * [`backend`] is a backend in a process of its own, which can be killed; [`load`] many clients at once.
//! * [`origin`] is a backend that records every byte it receives and answers by a script.
//! * [`message`] reads HTTP/1 messages strictly, for judging what the balancer wrote to either side.
//! * [`prometheus`] reads metrics strictly.
//! * [`program`] runs other people's programs, [`python`] the scripts in `python/`, [`chromium`] a browser;
//!   [`certificate`] makes certificates. `./x tools` installs what they need.
//! * [`authority`] makes certificates of every kind without a program; [`tls`] is a client that says what was agreed upon.
//! * [`guide`] reads the configurations of the guide's pages.
//! * [`corpus`] reads the conformance cases in `corpus/`, [`conformance`] runs and judges them.
//!
//! It never links a crate of the balancer: a misunderstanding must not be shared between a test and what it tests.

pub mod authority;
pub mod backend;
pub mod balancer;
pub mod certificate;
pub mod chromium;
pub mod client;
pub mod conformance;
pub mod corpus;
pub mod guide;
pub mod load;
pub mod message;
pub mod notation;
pub mod origin;
pub mod program;
pub mod prometheus;
pub mod python;
pub mod scratch;
pub mod tls;
