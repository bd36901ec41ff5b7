//! Addresses to listen on and to connect to.

use crate::atom::place;
use crate::problem::{Fault, shown};
use evenkeel_model::{BackendAddress, BindAddress};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

/// The kernel's `sun_path` has 108 bytes, the last of them zero.
const SOCKET_PATH_LIMIT: usize = 107;

/// `:8080`, `10.0.0.1:80`, `[::1]:80`, `localhost:80`, `unix:/path`. Port 0 lets the kernel choose.
pub(crate) fn bind(text: &str, base: &Path) -> Result<BindAddress, Fault> {
    if let Some(path) = text.strip_prefix("unix:") {
        return Ok(BindAddress::Unix(socket_path(path, base)?));
    }
    if let Some(port) = text.strip_prefix(':')
        && !port.starts_with(':')
    {
        let address = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), self::port(text, port)?);
        return Ok(BindAddress::Tcp {
            address,
            every_address: true,
        });
    }
    if let Some(address) = tcp(text)? {
        return Ok(BindAddress::Tcp {
            address,
            every_address: false,
        });
    }
    let fault = Fault::new(format!("\"{}\" is no address to listen on", shown(text)));
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(fault.help(format!("write \":{text}\" for this port on every address")));
    }
    if let Some(port) = text.strip_prefix("*:") {
        return Err(fault.help(format!("write \":{}\" for this port on every address", shown(port))));
    }
    if text.starts_with('/') {
        return Err(fault.help(format!("write \"unix:{}\" for a socket file", shown(text))));
    }
    Err(fault.help(
        "write for example \":8080\", \"10.0.0.1:8080\", \"[::1]:8080\" or \"unix:/path\"; names are not looked up",
    ))
}

/// `10.0.0.1:80`, `[::1]:80`, `localhost:80`, `unix:/path`.
pub(crate) fn backend(text: &str, base: &Path) -> Result<BackendAddress, Fault> {
    if let Some(path) = text.strip_prefix("unix:") {
        return Ok(BackendAddress::Unix(socket_path(path, base)?));
    }
    let bad = |why: &str| Fault::new(format!("\"{}\" {why}", shown(text)));
    if let Some(address) = tcp(text)? {
        if address.port() == 0 {
            return Err(bad("has no port that a backend can listen on").help("ports are 1 to 65535"));
        }
        if address.ip().is_unspecified() {
            let help = format!("for a backend on this machine write \"127.0.0.1:{}\"", address.port());
            return Err(bad("is no address of one backend").help(help));
        }
        return Ok(BackendAddress::Tcp(address));
    }
    if let Some(port) = text.strip_prefix(':') {
        let help = format!("for a backend on this machine write \"127.0.0.1:{}\"", shown(port));
        return Err(bad("is no address of one backend").help(help));
    }
    if text.starts_with('/') {
        return Err(bad("is no address of a backend").help(format!("write \"unix:{}\" for a socket file", shown(text))));
    }
    let host = text.rsplit_once(':').map_or(text, |(host, _)| host);
    if is_name(host) {
        let help = "write its address, such as \"10.0.0.1:8080\"; looking names up comes with `discover`";
        return Err(bad("is a name, and names are not looked up by this version of Evenkeel yet").help(help));
    }
    Err(bad("is no address of a backend").help("write for example \"10.0.0.1:8080\", \"[::1]:8080\" or \"unix:/path\""))
}

/// Address and port; `None` when it is something else altogether.
fn tcp(text: &str) -> Result<Option<SocketAddr>, Fault> {
    if let Some((scheme, rest)) = text.split_once("://") {
        let rest = rest.trim_end_matches('/');
        let help = format!("leave out `{}://`: \"{}\"", shown(scheme), shown(rest));
        return Err(Fault::new("an address has no scheme").help(help));
    }
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Ok(Some(SocketAddr::new(address.ip().to_canonical(), address.port())));
    }
    if let Some(port) = text.strip_prefix("localhost:") {
        return Ok(Some(SocketAddr::new(
            Ipv4Addr::LOCALHOST.into(),
            self::port(text, port)?,
        )));
    }
    let unbracketed = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(text);
    let no_port = || Fault::new(format!("\"{}\" has no port", shown(text)));
    match unbracketed.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => Err(no_port().help(format!("for example \"{address}:8080\""))),
        Ok(IpAddr::V6(address)) => Err(no_port().help(format!("for example \"[{address}]:8080\""))),
        Err(_) if text == "localhost" => Err(no_port().help("for example \"localhost:8080\"")),
        Err(_) => match text.rsplit_once(':') {
            Some((host, port)) if is_address(host) => self::port(text, port).map(|_| None),
            Some(_) | None => Ok(None),
        },
    }
}

fn is_address(host: &str) -> bool {
    let unbracketed = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    host.parse::<Ipv4Addr>().is_ok() || unbracketed.is_some_and(|host| host.parse::<Ipv6Addr>().is_ok())
}

fn is_name(host: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    host.bytes().all(allowed) && host.bytes().any(|byte| byte.is_ascii_alphabetic())
}

fn port(text: &str, port: &str) -> Result<u16, Fault> {
    let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    match port.parse() {
        Ok(port) if digits => Ok(port),
        Ok(_) | Err(_) if port.is_empty() => {
            Err(Fault::new(format!("\"{}\" has no port", shown(text))).help("for example \":8080\""))
        }
        Ok(_) | Err(_) if digits => {
            Err(Fault::new(format!("port {} does not exist", shown(port))).help("ports go up to 65535"))
        }
        Ok(_) | Err(_) => {
            Err(Fault::new(format!("\"{}\" is no port", shown(port))).help("ports are numbers up to 65535"))
        }
    }
}

/// The path of a socket file.
pub(crate) fn socket_path(text: &str, base: &Path) -> Result<PathBuf, Fault> {
    let path = place::path(text, base)?;
    let length = path.as_os_str().len();
    if length > SOCKET_PATH_LIMIT {
        let message = format!("the path of a socket file has at most {SOCKET_PATH_LIMIT} bytes, this has {length}");
        return Err(Fault::new(message));
    }
    Ok(path)
}

/// Whether two listening sockets would be the same: equal, or both every address of a family. (One address beside
/// every address is sound: the kernel prefers the one.)
pub(crate) fn same_bind(one: &BindAddress, other: &BindAddress) -> bool {
    match (one, other) {
        (BindAddress::Unix(one), BindAddress::Unix(other)) => one == other,
        (
            BindAddress::Tcp {
                address: one,
                every_address: one_every,
            },
            BindAddress::Tcp {
                address: other,
                every_address: other_every,
            },
        ) => {
            let both_every = (*one_every && other.ip().is_unspecified()) || (*other_every && one.ip().is_unspecified());
            one.port() != 0 && one.port() == other.port() && (both_every || one.ip() == other.ip())
        }
        (BindAddress::Unix(_), BindAddress::Tcp { .. }) | (BindAddress::Tcp { .. }, BindAddress::Unix(_)) => false,
    }
}

/// Whether one client could mean both: the same, or one address beside every address. For sockets of different
/// purposes, where the kernel's preference would surprise.
pub(crate) fn overlap(one: &BindAddress, other: &BindAddress) -> bool {
    let shared = match (one, other) {
        (BindAddress::Tcp { address: one, .. }, BindAddress::Tcp { address: other, .. }) => {
            one.port() != 0 && one.port() == other.port() && (one.ip().is_unspecified() || other.ip().is_unspecified())
        }
        (BindAddress::Unix(_) | BindAddress::Tcp { .. }, BindAddress::Unix(_))
        | (BindAddress::Unix(_), BindAddress::Tcp { .. }) => false,
    };
    shared || same_bind(one, other)
}
