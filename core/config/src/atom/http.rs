//! Pieces of HTTP messages: methods, field names and values, targets, statuses.

use crate::atom::groups::{self, Groups};
use crate::problem::{Fault, shown};
use crate::suggest;
use evenkeel_model::{Expect, HashKey, Name, Part, RateKey, RedirectTo, RetryOn, SplitBy, ValuePattern};

/// The registered methods that people use; another one may still be written.
const METHODS: &[&str] = &["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"];
/// Bytes of a name or value that a route, hash or check asks for.
pub(crate) const VALUE_LIMIT: usize = 4096;

/// RFC 9110 5.6.2.
fn is_token(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.len() <= VALUE_LIMIT && text.bytes().all(allowed)
}

/// A method; they are case-sensitive (RFC 9110 9.1).
pub(crate) fn method(text: &str) -> Result<Name, Fault> {
    if !is_token(text) {
        return Err(Fault::new(format!("\"{}\" is no method", shown(text))).help("write for example \"GET\""));
    }
    if text == "CONNECT" {
        return Err(Fault::new("CONNECT is always refused, so no route can match it"));
    }
    let upper = text.to_ascii_uppercase();
    if upper != text && METHODS.contains(&upper.as_str()) {
        return Err(Fault::new("methods are case-sensitive").help(format!("did you mean \"{upper}\"?")));
    }
    Ok(text.into())
}

/// The name of a field, made lower case.
pub(crate) fn field_name(text: &str) -> Result<Name, Fault> {
    if is_token(text) {
        return Ok(text.to_ascii_lowercase().into());
    }
    Err(Fault::new(format!("\"{}\" is no name of a header field", shown(text))))
}

/// The name of a cookie.
pub(crate) fn cookie_name(text: &str) -> Result<Name, Fault> {
    if is_token(text) {
        return Ok(text.into());
    }
    Err(Fault::new(format!("\"{}\" is no name of a cookie", shown(text))))
}

/// The name of a query parameter, decoded.
pub(crate) fn parameter_name(text: &str) -> Result<Name, Fault> {
    if text.is_empty() || text.len() > VALUE_LIMIT {
        return Err(Fault::new(format!(
            "the name of a query parameter has 1 to {VALUE_LIMIT} bytes"
        )));
    }
    Ok(text.into())
}

/// A value, or `*` for any.
pub(crate) fn value(text: &str) -> Result<ValuePattern, Fault> {
    if text == "*" {
        return Ok(ValuePattern::Present);
    }
    if text.len() > VALUE_LIMIT {
        return Err(Fault::new(format!("a value has at most {VALUE_LIMIT} bytes here")));
    }
    if text.chars().any(char::is_control) {
        return Err(Fault::new("a value has no control characters"));
    }
    Ok(ValuePattern::Exact(text.into()))
}

/// A value of a header field: without blanks around it, for those are no part of a value (RFC 9110 5.5).
pub(crate) fn field_value(text: &str) -> Result<ValuePattern, Fault> {
    if text.trim() != text {
        let help = format!("write \"{}\"", shown(text.trim()));
        return Err(Fault::new("a header field's value has no blanks around it").help(help));
    }
    value(text)
}

/// `https`, a URL, or an absolute path, with groups behind its host. `None`: it refers to an expression that is not sound.
pub(crate) fn redirect(text: &str, groups: &Groups) -> Result<Option<RedirectTo>, Fault> {
    let Some(template) = groups::template(text, groups)? else {
        return Ok(None);
    };
    let has_groups = template.has_groups();
    let example: String = template.parts.iter().map(|part| part.text().unwrap_or("x")).collect();
    let to = location(&example)?;
    if !has_groups {
        return Ok(Some(to));
    }
    // Else whoever makes a link would choose the host.
    let first = template.parts.first().and_then(Part::text).unwrap_or_default();
    let hosted = ["https://", "http://", "//"]
        .iter()
        .find_map(|scheme| first.strip_prefix(scheme));
    let path = hosted.unwrap_or(first);
    if !path.contains('/') {
        let fault = Fault::new("a group stands only behind the host and its `/`");
        return Err(fault.help("else a client could choose the host"));
    }
    Ok(Some(RedirectTo::Groups(template)))
}

fn location(text: &str) -> Result<RedirectTo, Fault> {
    if text == "https" {
        return Ok(RedirectTo::Https { port: None });
    }
    let absolute = text.starts_with("https://") || text.starts_with("http://") || text.starts_with('/');
    let bad = || Fault::new(format!("\"{}\" is no place to redirect to", shown(text)));
    if !absolute {
        let help = suggest::nearest(text, ["https"]).map(|_| "did you mean \"https\"?".to_string());
        return Err(
            bad().help(help.unwrap_or_else(|| "write \"https\" or a URL such as \"https://example.com/\"".into()))
        );
    }
    if text == "https://" || text == "http://" {
        return Err(bad().help("write \"https\" for the same place over https"));
    }
    if text.len() > VALUE_LIMIT || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(bad().help(format!(
            "a URL is ASCII without blanks, percent-encoded, at most {VALUE_LIMIT} bytes"
        )));
    }
    Ok(RedirectTo::Location(text.into()))
}

/// `connect`, `reset`, or a status.
pub(crate) fn retry_on(text: &str) -> Result<RetryOn, Fault> {
    match text {
        "connect" => return Ok(RetryOn::Connect),
        "reset" => return Ok(RetryOn::Reset),
        _ => {}
    }
    match status(text) {
        Some(status @ 500..=599) => Ok(RetryOn::Status(status)),
        Some(_) | None => {
            let fault = Fault::new(format!("\"{}\" is nothing to retry on", shown(text)));
            let nearest = suggest::nearest(text, ["connect", "reset"]).map(|word| format!("did you mean \"{word}\"?"));
            Err(fault
                .help(nearest.unwrap_or_else(|| "write \"connect\", \"reset\" or a status from 500 to 599".into())))
        }
    }
}

/// `2xx`, `204`, `200-399`.
pub(crate) fn expect(text: &str) -> Result<Expect, Fault> {
    let bad = || Fault::new(format!("\"{}\" is no range of statuses", shown(text)));
    let digits = text.as_bytes();
    if let [class @ b'1'..=b'5', b'x' | b'X', b'x' | b'X'] = digits {
        let first = u16::from(class - b'0') * 100;
        return Ok(Expect {
            first,
            last: first + 99,
        });
    }
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    match (status(first), status(last)) {
        (Some(first), Some(last)) if first <= last => Ok(Expect { first, last }),
        _ => Err(bad().help("write for example \"2xx\", \"204\" or \"200-399\"")),
    }
}

fn status(text: &str) -> Option<u16> {
    let digits = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse()
        .ok()
        .filter(|status| digits && (100..=599).contains(status))
}

/// `source`, `path`, `uri`, `header:NAME`, `cookie:NAME`.
pub(crate) fn hash_key(text: &str) -> Result<HashKey, Fault> {
    match text.split_once(':') {
        None if text == "source" => Ok(HashKey::Source),
        None if text == "path" => Ok(HashKey::Path),
        None if text == "uri" => Ok(HashKey::Uri),
        Some(("header", name)) => field_name(name).map(HashKey::Header),
        Some(("cookie", name)) => cookie_name(name).map(HashKey::Cookie),
        None | Some(_) => {
            let fault = Fault::new(format!("\"{}\" is nothing to hash", shown(text)));
            let nearest = suggest::nearest(text, ["source", "path", "uri", "header:NAME", "cookie:NAME"]);
            Err(fault.help(match nearest {
                Some(meant) => format!("did you mean \"{meant}\"?"),
                None => "write \"source\", \"path\", \"uri\", \"header:NAME\" or \"cookie:NAME\"".into(),
            }))
        }
    }
}

/// `source`, `header:NAME`, `cookie:NAME`.
pub(crate) fn split_by(text: &str) -> Result<SplitBy, Fault> {
    match text.split_once(':') {
        None if text == "source" => Ok(SplitBy::Source),
        Some(("header", name)) => field_name(name).map(SplitBy::Header),
        Some(("cookie", name)) => cookie_name(name).map(SplitBy::Cookie),
        None | Some(_) => Err(no_key(text, "split by", &["source", "header:NAME", "cookie:NAME"])),
    }
}

/// `source`, `header:NAME`, `cookie:NAME`, `all`.
pub(crate) fn rate_on(text: &str) -> Result<RateKey, Fault> {
    match text.split_once(':') {
        None if text == "source" => Ok(RateKey::Source),
        None if text == "all" => Ok(RateKey::All),
        None if text == "host" => Ok(RateKey::Host),
        None if text == "path" => Ok(RateKey::Path),
        None if text == "uri" => Ok(RateKey::Uri),
        Some(("header", name)) => field_name(name).map(RateKey::Header),
        Some(("cookie", name)) => cookie_name(name).map(RateKey::Cookie),
        None | Some(_) => Err(no_key(
            text,
            "count apart",
            &["source", "header:NAME", "cookie:NAME", "host", "path", "uri", "all"],
        )),
    }
}

fn no_key(text: &str, purpose: &str, words: &[&str]) -> Fault {
    let fault = Fault::new(format!("\"{}\" is nothing to {purpose}", shown(text)));
    fault.help(match suggest::nearest(text, words.iter().copied()) {
        Some(meant) => format!("did you mean \"{meant}\"?"),
        None => format!("write one of \"{}\"", words.join("\", \"")),
    })
}

/// The target of an http check: a path, a query is allowed.
pub(crate) fn check_target(text: &str) -> Result<Name, Fault> {
    let bad = |why: &str| Fault::new(format!("\"{}\" is no path to check: {why}", shown(text)));
    if !text.starts_with('/') {
        let path = text
            .split_once("://")
            .and_then(|(_, rest)| rest.find('/').map(|slash| &rest[slash..]));
        let help = path.map_or_else(
            || format!("write \"/{}\"", shown(text)),
            |path| format!("write \"{}\"", shown(path)),
        );
        return Err(bad("it does not begin with `/`").help(help));
    }
    if text.len() > VALUE_LIMIT {
        return Err(bad(&format!("it has more than {VALUE_LIMIT} bytes")));
    }
    if text.contains('#') || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(
            bad("it has a character that no request's target has").help("write it percent-encoded: %20 is a space")
        );
    }
    Ok(text.into())
}

/// The `Host` of an http check: empty for the backend's address, a port is allowed.
pub(crate) fn check_host(text: &str) -> Result<Option<Name>, Fault> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:[]%".contains(&byte);
    if text.len() > 255 || !text.bytes().all(allowed) {
        return Err(Fault::new(format!("\"{}\" is no host", shown(text))).help("write for example \"example.com\""));
    }
    Ok((!text.is_empty()).then(|| text.into()))
}

/// The service that a grpc check asks for: empty for the server as a whole.
pub(crate) fn grpc_service(text: &str) -> Result<Name, Fault> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-/".contains(&byte);
    if text.len() > 255 || !text.bytes().all(allowed) {
        let fault = Fault::new(format!("\"{}\" is no gRPC service", shown(text)));
        return Err(fault.help("write for example \"package.Service\", or \"\" for the server as a whole"));
    }
    Ok(text.into())
}

/// The text that an http check looks for.
pub(crate) fn check_body(text: &str) -> Result<Name, Fault> {
    if text.is_empty() || text.len() > VALUE_LIMIT {
        return Err(Fault::new(format!("the text to look for has 1 to {VALUE_LIMIT} bytes")));
    }
    Ok(text.into())
}
