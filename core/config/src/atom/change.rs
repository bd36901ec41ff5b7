//! What a route changes on a request: path, host, fields.

use crate::atom::groups::{self, Groups};
use crate::atom::http::{self, VALUE_LIMIT};
use crate::atom::pattern;
use crate::problem::{Fault, shown};
use evenkeel_model::{Name, PathChange, PathPattern};

/// Fields that frame a message or belong to the connection (RFC 9110 7.6.1, 10.1.1, RFC 9112 6): what says where a
/// message ends is decided in one place, and not here.
const FIXED: [&str; 14] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authentication-info",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The name of a field that a route may change, made lower case.
pub(crate) fn field_name(text: &str) -> Result<Name, Fault> {
    let name = http::field_name(text)?;
    if &*name == "host" {
        let fault = Fault::new("`host` is not changed as a field");
        return Err(fault.help("write `set_host = \"...\"` for what the backend sees"));
    }
    if FIXED.contains(&&*name) {
        return Err(Fault::new(format!(
            "`{name}` cannot be changed: it belongs to the connection or says where the message ends"
        )));
    }
    Ok(name)
}

/// `/api`: what is taken off the beginning.
pub(crate) fn strip_prefix(text: &str) -> Result<PathChange, Fault> {
    let bare = text.strip_suffix('*').unwrap_or(text).trim_end_matches('/');
    if text == "/" || (bare.is_empty() && !text.is_empty()) {
        return Err(Fault::new("there is nothing to take off").help("write for example \"/api\""));
    }
    match path(text)? {
        PathPattern::Exact(path) if !path.ends_with('/') => Ok(PathChange::Strip(path)),
        PathPattern::Exact(_) | PathPattern::Prefix(_) | PathPattern::Regex(_) => {
            let fault = Fault::new("`strip_prefix` is the beginning of a path, without a `/` or a `*` at its end");
            Err(fault.help(format!("write \"{}\"", shown(bare))))
        }
    }
}

/// `/login`, `/v2/*`, or `/users/$1`. `None`: it refers to an expression that is not sound.
pub(crate) fn rewrite_path(text: &str, groups: &Groups) -> Result<Option<PathChange>, Fault> {
    let Some(template) = groups::template(text, groups)? else {
        return Ok(None);
    };
    let has_groups = template.has_groups();
    // What stands between the groups must be a path whatever they match.
    let example: String = template.parts.iter().map(|part| part.text().unwrap_or("x")).collect();
    match path(&example)? {
        PathPattern::Prefix(_) if has_groups => {
            let fault = Fault::new("a path has either groups or a `*`");
            Err(fault.help("a group such as `(.*)` matches what `*` would"))
        }
        _ if has_groups => Ok(Some(PathChange::Groups(template))),
        PathPattern::Prefix(path) => Ok(Some(PathChange::Prefix(path))),
        PathPattern::Exact(path) | PathPattern::Regex(path) => Ok(Some(PathChange::Exact(path))),
    }
}

/// A path that can be sent as it stands.
fn path(text: &str) -> Result<PathPattern, Fault> {
    let bad = |why: &str| Fault::new(format!("\"{}\" is no path: {why}", shown(text)));
    if text.starts_with('/') && text.contains('?') {
        return Err(bad("it has a query").help("leave it out: the query stays as the client sent it"));
    }
    let pattern = pattern::path(text)?;
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(bad("it is not ASCII").help("write it percent-encoded, as it is sent: %C3%A9 is an é"));
    }
    if text.contains("//") {
        return Err(bad("it has an empty segment"));
    }
    Ok(pattern)
}

/// What `Host` says: a host, perhaps with a port.
pub(crate) fn authority(text: &str) -> Result<Name, Fault> {
    let bad = || Fault::new(format!("\"{}\" is no host", shown(text)));
    if let Some((scheme, rest)) = text.split_once("://") {
        let help = format!("leave out `{}://`: \"{}\"", shown(scheme), shown(rest));
        return Err(bad().help(help));
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        Some(_) | None => (text, None),
    };
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok();
    if text.len() > VALUE_LIMIT || host == "*" || host.starts_with("*.") || !port.is_none_or(is_port) {
        return Err(bad().help("write for example \"app.internal\" or \"app.internal:8080\""));
    }
    pattern::host(host)?;
    Ok(text.to_ascii_lowercase().into())
}

/// `text/html`, `text/*`, made lower case.
pub(crate) fn content_type(text: &str) -> Result<Name, Fault> {
    let bad = || Fault::new(format!("\"{}\" is no content type", shown(text)));
    let token = |part: &str| part == "*" || (!part.contains('*') && http::field_name(part).is_ok());
    match text.split_once('/') {
        Some((kind, sub)) if kind != "*" && token(kind) && token(sub) => Ok(text.to_ascii_lowercase().into()),
        Some(_) | None => Err(bad().help("write for example \"text/html\" or \"text/*\", without parameters")),
    }
}

/// The path of a file below a directory; a slash before it is taken off.
pub(crate) fn file_below(text: &str) -> Result<Name, Fault> {
    /// Linux's PATH_MAX, in bytes.
    const PATH_LIMIT: usize = 4095;
    let path = text.strip_prefix('/').unwrap_or(text);
    let is_name = |segment: &str| !matches!(segment, "" | "." | "..") && !segment.contains('\0');
    if path.len() > PATH_LIMIT || !path.split('/').all(is_name) {
        let fault = Fault::new(format!("\"{}\" is no path of a file below `root`", shown(text)));
        return Err(fault.help("write for example \"index.html\""));
    }
    Ok(path.into())
}

/// The ending of a name; its dot may be left out.
pub(crate) fn ending(text: &str) -> Result<Name, Fault> {
    /// The longest that is in use, and a few more.
    const ENDING_LIMIT: usize = 32;
    let ending = text.strip_prefix('.').unwrap_or(text);
    let is_part = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if ending.len() > ENDING_LIMIT || !ending.split('.').all(is_part) {
        let fault = Fault::new(format!("\"{}\" is no ending of a name", shown(text)));
        return Err(fault.help("write for example \".html\""));
    }
    Ok(format!(".{ending}").as_str().into())
}

/// The name of a file within a directory; empty = none.
pub(crate) fn file_name(text: &str) -> Result<Name, Fault> {
    /// Linux's NAME_MAX, in bytes.
    const NAME_LIMIT: usize = 255;
    if text.contains(['/', '\0']) || matches!(text, "." | "..") || text.len() > NAME_LIMIT {
        let fault = Fault::new(format!("\"{}\" is no name of a file", shown(text)));
        return Err(fault.help("write for example \"index.html\""));
    }
    Ok(text.into())
}
