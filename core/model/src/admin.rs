use std::net::SocketAddr;
use std::path::PathBuf;

/// `[admin]`: where the operator talks to us.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Admin {
    /// The control socket; `None` = the default place: `/run/evenkeel.sock`, or below `$XDG_RUNTIME_DIR` where that is not writable.
    pub socket: Option<PathBuf>,
    /// Dashboard, metrics and reading over TCP; `None` = off.
    pub bind: Option<SocketAddr>,
    /// The file that holds the token which allows changes over TCP.
    pub token_file: Option<PathBuf>,
    /// The folder where the operator's decisions and known health survive a restart; `None` = the default place.
    pub state: Option<PathBuf>,
}

/// `[log]`: our own messages (not the access log).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Log {
    /// What is worth a line.
    pub level: LogLevel,
    /// How a line looks.
    pub format: LogFormat,
}

/// What is worth a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs)]
pub enum LogLevel {
    Error,
    Warn,
    #[default]
    Info,
    Debug,
}

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// Text on a terminal, JSON otherwise.
    #[default]
    Auto,
    /// Text always.
    Text,
    /// One JSON object a line.
    Json,
}
