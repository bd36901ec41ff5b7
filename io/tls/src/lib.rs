//! Certificates in one place, and the encrypted connections they make.
//!
//! Owns: what is read from certificate files, which certificate answers which name, the keys of session tickets, and
//! TLS over a worker's sockets. It must never know what is said inside.
//!
//! The control plane holds a [`Vault`]: it reads the files of a configuration, notices when they change, and makes a
//! [`ServerTls`] for each listener and a [`ClientTls`] for each pool. A door makes a [`TlsSocket`] with them of each
//! connection and uses it as it would use the socket inside.

mod certificate;
mod client;
mod der;
mod failure;
mod fields;
mod file;
mod metrics;
mod moment;
mod names;
mod provider;
mod read;
mod roots;
mod scratch;
mod server;
mod session;
mod socket;
mod stamp;
mod tickets;
mod vault;
mod words;

pub use client::ClientTls;
pub use failure::Failure;
pub use fields::{ClientCertificate, field_names};
pub use server::ServerTls;
pub use socket::TlsSocket;
pub use vault::{News, Prepared, Sides, Vault, examine};

/// What fuzzing reaches: our own parsers.
#[doc(hidden)]
pub mod parsers {
    pub use crate::certificate::Certificate;
    pub use crate::file::parse_pem;
}
