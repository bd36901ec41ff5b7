//! Who may ask what. The unix socket's permissions decide for the socket; this file decides for TCP, where a browser of
//! somebody who only visits a page may be made to ask us.

use hyper::StatusCode;
use hyper::header::{AUTHORIZATION, HOST, HeaderMap, HeaderName, ORIGIN};
use std::net::{IpAddr, SocketAddr};

#[cfg(test)]
mod tests;

/// Where a request came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// The control socket: whoever may open it may do everything.
    Socket,
    /// `admin.bind`: reading only, unless the token is shown.
    Tcp(SocketAddr),
}

/// Why a request is not answered.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) error: &'static str,
    pub(crate) help: &'static str,
}

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whether a request may be answered at all, whatever it asks.
pub(crate) fn judge_place(side: Side, headers: &HeaderMap) -> Result<(), Refusal> {
    match side {
        Side::Socket => Ok(()),
        Side::Tcp(bind) => judge_origin(bind, headers),
    }
}

/// Whether this request may change anything. `token` is the content of the token file now, if there is one. The content
/// type does not matter: a form of a foreign page cannot show the token, nor reach the socket.
pub(crate) fn judge_change(side: Side, headers: &HeaderMap, token: Option<&str>) -> Result<(), Refusal> {
    match side {
        Side::Socket => Ok(()),
        Side::Tcp(_) => judge_token(headers, token),
    }
}

/// Against DNS rebinding (a foreign name that resolves to us) and against requests of foreign pages.
fn judge_origin(bind: SocketAddr, headers: &HeaderMap) -> Result<(), Refusal> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = match (hosts.next().and_then(|host| host.to_str().ok()), hosts.next()) {
        (Some(host), None) if is_own_host(host, bind) => host,
        _ => {
            return Err(Refusal {
                status: StatusCode::MISDIRECTED_REQUEST,
                error: "this Host is not answered here",
                help: "ask with an IP address or localhost in the URL: a name could be anybody's",
            });
        }
    };
    let cross_site = headers.get_all(SEC_FETCH_SITE).iter().any(|site| site == "cross-site");
    let own = format!("http://{host}");
    let foreign = headers.get_all(ORIGIN).iter().any(|origin| origin != own.as_str());
    if cross_site || foreign {
        return Err(Refusal {
            status: StatusCode::FORBIDDEN,
            error: "requests of other sites are not answered",
            help: "this is an interface for operators; a page of another origin may not use it",
        });
    }
    Ok(())
}

/// An IP literal, `localhost`, or where we listen; each with or without a port.
fn is_own_host(host: &str, bind: SocketAddr) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((address, port)) if port.is_empty() || is_port(port.strip_prefix(':')) => {
                return address.parse::<std::net::Ipv6Addr>().is_ok();
            }
            Some(_) | None => return false,
        },
        None => match host.split_once(':') {
            Some((name, port)) if is_port(Some(port)) => name,
            Some(_) => return false,
            None => host,
        },
    };
    let is_bind = name.parse::<IpAddr>().is_ok_and(|address| address == bind.ip());
    is_bind || name.eq_ignore_ascii_case("localhost") || name.parse::<std::net::Ipv4Addr>().is_ok()
}

fn is_port(text: Option<&str>) -> bool {
    text.is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok())
}

fn judge_token(headers: &HeaderMap, token: Option<&str>) -> Result<(), Refusal> {
    let Some(token) = token.map(str::trim).filter(|token| !token.is_empty()) else {
        return Err(Refusal {
            status: StatusCode::FORBIDDEN,
            error: "changes over TCP are off",
            help: "use the control socket, or write [admin] token_file and show its token",
        });
    };
    let shown = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim());
    if shown.is_some_and(|shown| equal_in_constant_time(shown.as_bytes(), token.as_bytes())) {
        return Ok(());
    }
    Err(Refusal {
        status: StatusCode::UNAUTHORIZED,
        error: "the token is missing or wrong",
        help: "send `Authorization: Bearer TOKEN` with the content of [admin] token_file",
    })
}

/// Takes as long for a first wrong byte as for a last one; only the length can be learnt.
fn equal_in_constant_time(left: &[u8], right: &[u8]) -> bool {
    if left.len() != right.len() {
        return false;
    }
    let difference = left
        .iter()
        .zip(right)
        .fold(0_u8, |sum, (left, right)| sum | (left ^ right));
    std::hint::black_box(difference) == 0
}
