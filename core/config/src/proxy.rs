//! A configuration without a file.

use crate::atom::address;
use crate::problem::Fault;
use evenkeel_model::{Admin, Backend, BackendAddress, BindAddress, Config, Listener, Log, Pool, RouteAction};
use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

/// Where the dashboard and the metrics of `proxy` and `demo` are.
const ADMIN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9180);

/// What `evenkeel proxy --listen :8080 --to 10.0.0.1:8080` means: one listener and one pool, both called `proxy`,
/// every default, the admin side on 127.0.0.1:9180.
///
/// # Errors
/// One line for people: what is wrong with which argument, and what to write.
pub fn proxy(listen: &str, to: &[String]) -> Result<Config, String> {
    let base = Path::new("");
    let bind = address::bind(listen, base).map_err(|fault| told("--listen", &fault))?;
    let admin = BindAddress::Tcp {
        address: ADMIN,
        every_address: false,
    };
    if address::overlap(&bind, &admin) {
        return Err(format!("--listen: {ADMIN} is where the dashboard and the metrics are"));
    }
    let mut backends = Vec::new();
    let mut seen = HashSet::new();
    for text in to {
        let address = address::backend(text, base).map_err(|fault| told("--to", &fault))?;
        if !seen.insert(address.clone()) {
            return Err(format!("--to: {address} is there twice"));
        }
        backends.push(Backend::new(address));
    }
    if backends.is_empty() {
        return Err("--to: at least one backend is needed, for example --to 10.0.0.1:8080".into());
    }
    let mut listener = Listener::new("proxy", bind);
    listener.routes = vec![crate::listener::everything(RouteAction::Pool("proxy".into()))];
    Ok(Config {
        listeners: vec![listener],
        pools: vec![Pool::new("proxy", backends)],
        admin: Admin {
            bind: Some(ADMIN),
            ..Admin::default()
        },
        log: Log::default(),
    })
}

/// A backend's address outside of a file: `10.0.0.1:80`, `[::1]:80`, `localhost:80` or `unix:/path`.
///
/// # Errors
/// One line for people.
pub fn backend_address(text: &str) -> Result<BackendAddress, String> {
    if text.starts_with("unix:") && !text.starts_with("unix:/") {
        return Err("address: the path of a unix address begins with `/` here, as in unix:/run/app.sock".to_owned());
    }
    address::backend(text, Path::new("")).map_err(|fault| told("address", &fault))
}

fn told(argument: &str, fault: &Fault) -> String {
    match &fault.help {
        Some(help) => format!("{argument}: {} ({help})", fault.message),
        None => format!("{argument}: {}", fault.message),
    }
}
