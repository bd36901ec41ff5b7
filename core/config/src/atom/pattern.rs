//! What routes match: hosts, paths, and both in one key.

use crate::problem::{Fault, shown};
use evenkeel_model::{HostPattern, PathPattern};
use std::net::Ipv6Addr;

/// RFC 1035 2.3.4, in bytes.
const HOST_LIMIT: usize = 253;
const LABEL_LIMIT: usize = 63;
/// Longer paths are no configuration, in bytes.
const PATH_LIMIT: usize = 2048;
/// Bytes of a `path_regex`.
const REGEX_LIMIT: usize = 4096;
/// Bytes that the compiled `path_regex` may take; routing has the same limit.
pub(crate) const REGEX_COMPILED_LIMIT: usize = 1 << 20;

/// Host and path of a key of `routes`: `host`, `host/path`, `/path`, or `*` for everything.
pub(crate) fn route_key(text: &str) -> Result<(Option<HostPattern>, Option<PathPattern>), Fault> {
    if let Some((scheme, rest)) = text.split_once("://") {
        let help = format!("leave out `{}://`: \"{}\"", shown(scheme), shown(rest));
        return Err(Fault::new("a route has no scheme").help(help));
    }
    let (host, path) = match text.find('/') {
        Some(slash) => (&text[..slash], Some(&text[slash..])),
        None => (text, None),
    };
    let host = match host {
        "" if path.is_some() => None,
        _ => self::host(host)?,
    };
    Ok((host, path.map(self::path).transpose()?))
}

/// `example.com`, `*.example.com`, `[::1]`; `*` is any host. Made lower case.
pub(crate) fn host(text: &str) -> Result<Option<HostPattern>, Fault> {
    if text == "*" {
        return Ok(None);
    }
    let bad = |why: &str| Fault::new(format!("\"{}\" is no host: {why}", shown(text)));
    if text.is_empty() {
        return Err(Fault::new("a host is not empty").help("\"*\" is any host"));
    }
    if let Some(address) = bracketed(text) {
        return address.map(|address| Some(HostPattern::Exact(format!("[{address}]").into())));
    }
    if text.parse::<Ipv6Addr>().is_ok() {
        return Err(bad("an IPv6 address stands in brackets").help(format!("write \"[{text}]\"")));
    }
    if let Some((scheme, rest)) = text.split_once("://") {
        let host = rest.split('/').next().unwrap_or(rest);
        return Err(bad("it is a URL").help(format!("leave out `{}://`: \"{}\"", shown(scheme), shown(host))));
    }
    if let Some((host, _)) = text.rsplit_once(':') {
        let help = format!("write \"{}\": the port is the listener's", shown(host));
        return Err(bad("a host has no port here").help(help));
    }
    if !text.is_ascii() {
        return Err(bad("it is not ASCII").help("write it as browsers send it, with `xn--`"));
    }
    if let Some(host) = text.strip_suffix('.') {
        return Err(bad("it ends in a dot").help(format!("write \"{}\"", shown(host))));
    }
    let (wildcard, domain) = match text.strip_prefix("*.") {
        Some(domain) => (true, domain),
        None => (false, text),
    };
    if domain.contains('*') {
        return Err(bad("`*` stands only for the whole first label").help("write for example \"*.example.com\""));
    }
    if text.len() > HOST_LIMIT {
        return Err(bad(&format!("it is longer than {HOST_LIMIT} bytes")));
    }
    domain
        .split('.')
        .try_for_each(|label| self::label(label).map_err(|why| bad(&why)))?;
    let domain = domain.to_ascii_lowercase();
    Ok(Some(if wildcard {
        HostPattern::Suffix(format!(".{domain}").into())
    } else {
        HostPattern::Exact(domain.into())
    }))
}

fn bracketed(text: &str) -> Option<Result<Ipv6Addr, Fault>> {
    let rest = text.strip_prefix('[')?;
    let (inner, after) = rest.split_once(']').unwrap_or((rest, ""));
    let bad = || Fault::new(format!("\"{}\" is no host", shown(text)));
    if after.starts_with(':') {
        return Some(Err(
            bad().help(format!("write \"[{}]\": the port is the listener's", shown(inner)))
        ));
    }
    match inner.parse() {
        Ok(address) if after.is_empty() && rest.ends_with(']') => Some(Ok(address)),
        Ok(_) | Err(_) => Some(Err(bad().help("in brackets stands an IPv6 address: \"[::1]\""))),
    }
}

fn label(label: &str) -> Result<(), String> {
    let odd = |byte: &u8| !(byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if label.is_empty() {
        return Err("a label is empty".into());
    }
    if label.len() > LABEL_LIMIT {
        return Err(format!("a label is longer than {LABEL_LIMIT} bytes"));
    }
    if label.starts_with('-') || label.ends_with('-') {
        return Err("a label neither begins nor ends with `-`".into());
    }
    match label.bytes().find(odd) {
        Some(byte) => Err(format!("it has {:?}", char::from(byte))),
        None => Ok(()),
    }
}

/// `/login`, or the prefix `/api/*`.
pub(crate) fn path(text: &str) -> Result<PathPattern, Fault> {
    let bad = |why: &str| Fault::new(format!("\"{}\" is no path: {why}", shown(text)));
    if !text.starts_with('/') {
        return Err(bad("a path begins with `/`").help(format!("write \"/{}\"", shown(text))));
    }
    if text.len() > PATH_LIMIT {
        return Err(Fault::new(format!("a path has at most {PATH_LIMIT} bytes here")));
    }
    if text.contains('?') {
        return Err(
            bad("it has a query").help("`query = { name = \"value\" }` of a [[listener.NAME.route]] matches the query")
        );
    }
    if text.contains('#') {
        return Err(bad("`#...` never leaves the browser"));
    }
    if text
        .chars()
        .any(|character| character.is_whitespace() || character.is_control())
    {
        return Err(bad("it has a blank or a control character")
            .help("write it percent-encoded, as it is sent: %20 is a space"));
    }
    if text.split('/').any(|segment| segment == "." || segment == "..") {
        return Err(bad("it has a `.` or `..` segment"));
    }
    let (prefix, wildcard) = match text.strip_suffix("/*") {
        Some(_) => (&text[..text.len() - 1], true),
        None => (text, false),
    };
    if prefix.contains('*') {
        let help = match text.strip_suffix('*') {
            Some(start) if !start.contains('*') => format!("write \"{}/*\"", shown(start)),
            Some(_) | None => "write for example \"/api/*\"; `path_regex` can do more".into(),
        };
        return Err(bad("`*` stands only at the end, after a `/`").help(help));
    }
    Ok(if wildcard {
        PathPattern::Prefix(prefix.into())
    } else {
        PathPattern::Exact(prefix.into())
    })
}

/// A regular expression for the whole path, compiled as routing compiles it: byte-wise, `.` is any byte, `\d`, `\w` and
/// `(?i)` are ASCII.
pub(crate) fn path_regex(text: &str) -> Result<PathPattern, Fault> {
    if text.len() > REGEX_LIMIT {
        return Err(Fault::new(format!(
            "a regular expression has at most {REGEX_LIMIT} bytes here"
        )));
    }
    let whole = format!(r"\A(?:{text})\z");
    // Compiled on its own as well, so that `a)(b` is not completed by our brackets.
    for expression in [text, &whole] {
        let compiled = regex::bytes::RegexBuilder::new(expression)
            .unicode(false)
            .size_limit(REGEX_COMPILED_LIMIT)
            .build();
        if let Err(error) = compiled {
            return Err(regex_fault(&error));
        }
    }
    Ok(PathPattern::Regex(text.into()))
}

fn regex_fault(error: &regex::Error) -> Fault {
    match error {
        regex::Error::CompiledTooBig(limit) => Fault::new(format!(
            "the regular expression is too large: compiled, it takes more than {limit} bytes"
        )),
        _ => {
            let text = error.to_string();
            let last = text.lines().last().unwrap_or_default();
            let why = last.strip_prefix("error: ").unwrap_or(last);
            Fault::new(format!("no regular expression: {}", shown(why)))
        }
    }
}
