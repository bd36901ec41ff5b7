//! Networks of clients.

use crate::problem::{Fault, shown};
use ipnet::IpNet;
use std::net::IpAddr;

/// `10.0.0.0/8`, `2001:db8::/32`, or one address. Bits beyond the prefix are refused: one of both is a mistake.
pub(crate) fn network(text: &str) -> Result<IpNet, Fault> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(IpNet::from(address));
    }
    let bad = || Fault::new(format!("\"{}\" is no network", shown(text)));
    let Ok(network) = text.parse::<IpNet>() else {
        let mask = text.split_once('/').is_some_and(|(_, mask)| mask.contains('.'));
        let help = if mask {
            "write the length of the prefix: \"10.0.0.0/8\" rather than \"10.0.0.0/255.0.0.0\""
        } else {
            "write for example \"10.0.0.0/8\", \"2001:db8::/32\" or one address"
        };
        return Err(bad().help(help));
    };
    if network.trunc() != network {
        let message = format!("\"{}\" has bits set beyond its prefix", shown(text));
        return Err(Fault::new(message).help(format!("did you mean \"{}\"?", network.trunc())));
    }
    Ok(network)
}
