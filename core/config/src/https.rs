//! Where `redirect = "https"` leads.

use evenkeel_model::{BindAddress, Listener, RedirectTo, RouteAction};

/// The port of https where a URL names none (RFC 9110 4.2.2).
const HTTPS: u16 = 443;

/// Tells every redirect to https which port that is.
pub(crate) fn find(listeners: &mut [Listener]) {
    let found = port(listeners);
    let routes = listeners.iter_mut().flat_map(|listener| &mut listener.routes);
    for route in routes {
        if let RouteAction::Redirect(RedirectTo::Https { port }) = &mut route.action {
            *port = found;
        }
    }
}

/// The one port of all listeners with `tls`. Of several it cannot be known which is meant; those that a kernel chooses
/// are not known at all.
fn port(listeners: &[Listener]) -> Option<u16> {
    let encrypted = listeners.iter().filter(|listener| listener.tls.is_some());
    let mut ports = encrypted
        .flat_map(|listener| &listener.bind)
        .filter_map(|bind| match bind {
            BindAddress::Tcp { address, .. } => Some(address.port()),
            BindAddress::Unix(_) => None,
        });
    let first = ports.next().filter(|first| ![0, HTTPS].contains(first))?;
    ports.all(|port| port == first).then_some(first)
}

#[cfg(test)]
mod tests;
