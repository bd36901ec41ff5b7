use crate::Name;
use std::path::PathBuf;
use std::time::Duration;

/// `sticky`: how a client is known again, so that it stays with its backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sticky {
    /// By a signed cookie that the balancer gives it.
    Cookie {
        /// The cookie's name; `None` = one made of the pool's name.
        name: Option<Name>,
        /// How long after its last visit a client is still known, 1 s ..= 9600 h (400 days); `None` = until the
        /// browser ends its session.
        duration: Option<Duration>,
        /// Where the secret is that signs it; `None` = it follows from the configuration.
        secret_file: Option<PathBuf>,
    },
    /// By the value of this field, lower-case name. Absent = the client is not known.
    Header(Name),
    /// By its address (the believed one, see `trusted_proxies`).
    Source,
}

impl Sticky {
    /// The word in status and explanations.
    pub fn as_str(&self) -> &'static str {
        match self {
            Sticky::Cookie { .. } => "cookie",
            Sticky::Header(_) => "header",
            Sticky::Source => "source",
        }
    }
}
