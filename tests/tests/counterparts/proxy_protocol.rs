//! The PROXY protocol, in and out.
