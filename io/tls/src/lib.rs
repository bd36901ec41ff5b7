//! Certificates in one place, and the encrypted connections they make.
//!
//! Owns: what is read from certificate files, which certificate answers which name, the keys of session tickets, and
//! TLS over a worker's sockets. It must never know what is said inside.
