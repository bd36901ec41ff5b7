//! Which way a request would go, and why: the question as it is asked, and the answer as it is told.

use crate::control::Control;
use evenkeel_model::{BindAddress, Listener};
use hyper::Uri;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr};

/// A request that somebody asks about, as text for a listener.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Where it arrives.
    pub listener: String,
    /// Its head as HTTP/1.1 text.
    pub head: Vec<u8>,
    /// Who sends it.
    pub from: IpAddr,
}

/// What `GET /api/v1/explain` and `explain --json` say.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Explanation {
    /// Where the request arrives.
    pub listener: String,
    /// Why there.
    pub why_listener: String,
    /// The client as it is believed to be.
    pub client: String,
    /// Why it is no request that is taken.
    pub refused: Option<String>,
    /// The route; none if none matches.
    pub route: Option<String>,
    /// Why that one, or why none.
    pub why: String,
    /// More specific routes that did not match, and why.
    pub missed: Vec<String>,
    /// What the route does.
    pub does: String,
    /// The path that is sent on, where it is another.
    pub path: Option<String>,
    /// The pool.
    pub pool: Option<String>,
    /// How the pool knows this client again.
    pub sticky: Option<String>,
    /// The backend, where that is certain.
    pub backend: Option<String>,
    /// Why that one, or among whom one is chosen.
    pub why_backend: String,
}

/// The question: `method=GET&url=https://example.com/&header=a:+b&from=192.0.2.1`, decoded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Question {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: Vec<String>,
    pub(crate) from: String,
}

/// Fields of a question; a real request has a few tens.
const HEADERS_LIMIT: usize = 256;

impl Question {
    /// Reads the query of the admin call.
    ///
    /// # Errors
    /// What cannot be read, for people.
    pub(crate) fn read(query: &str, unescape: impl Fn(&str) -> Option<String>) -> Result<Question, String> {
        let mut question = Question::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = unescape(value).ok_or_else(|| format!("`{name}` is not escaped as RFC 3986 says"))?;
            match name {
                "method" => question.method = value,
                "url" => question.url = value,
                "from" => question.from = value,
                "header" if question.headers.len() < HEADERS_LIMIT => question.headers.push(value),
                "header" => return Err(format!("more than {HEADERS_LIMIT} fields")),
                other => return Err(format!("`{other}` is nothing to ask with: method, url, header, from")),
            }
        }
        if question.url.is_empty() {
            return Err("`url` is missing".to_owned());
        }
        Ok(question)
    }
}

/// Answers it.
///
/// # Errors
/// What is wrong with the question, for people.
pub(crate) async fn explain(control: &Control, question: &Question) -> Result<Explanation, String> {
    let uri: Uri = question
        .url
        .parse()
        .map_err(|error| format!("\"{}\" is no URL: {error}", question.url.escape_debug()))?;
    let from = match question.from.as_str() {
        "" => IpAddr::V4(Ipv4Addr::LOCALHOST),
        text => text
            .parse()
            .map_err(|_| format!("\"{}\" is no IP address", text.escape_debug()))?,
    };
    let config = control.config.load();
    let (listener, why_listener) = listener(&config.listeners, &uri)?;
    let asked = Asked {
        listener: listener.name.to_string(),
        head: head(question, &uri)?,
        from,
    };
    let (name, doors) = (asked.listener.clone(), control.doors.clone());
    let explained = tokio::task::spawn_blocking(move || doors.explain(&asked)).await;
    let explained = explained.map_err(|error| error.to_string())??;
    Ok(Explanation {
        listener: name,
        why_listener,
        ..explained
    })
}

fn head(question: &Question, uri: &Uri) -> Result<Vec<u8>, String> {
    let method = if question.method.is_empty() {
        "GET"
    } else {
        &question.method
    };
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let mut lines = vec![format!("{method} {target} HTTP/1.1")];
    let mut has_host = false;
    for header in &question.headers {
        let Some((name, value)) = header.split_once(':') else {
            return Err(format!(
                "\"{}\" is no field: write 'name: value'",
                header.escape_debug()
            ));
        };
        has_host |= name.eq_ignore_ascii_case("host");
        lines.push(format!("{name}: {}", value.trim()));
    }
    if !has_host {
        let host = uri.authority().map_or("localhost", |authority| authority.as_str());
        lines.insert(1, format!("host: {host}"));
    }
    if lines.iter().any(|line| line.chars().any(char::is_control)) {
        return Err("control characters are in no request".to_owned());
    }
    Ok(format!("{}\r\n\r\n", lines.join("\r\n")).into_bytes())
}

/// The one at the URL's port, else one that encrypts as the URL says, else the first.
fn listener<'a>(listeners: &'a [Listener], uri: &Uri) -> Result<(&'a Listener, String), String> {
    let secure = uri.scheme_str() == Some("https");
    let port = uri.port_u16().or(match uri.scheme_str() {
        Some("https") => Some(443),
        Some("http") => Some(80),
        Some(_) | None => None,
    });
    let at_port = |listener: &&Listener| {
        listener.bind.iter().any(|bind| match bind {
            BindAddress::Tcp { address, .. } => Some(address.port()) == port,
            BindAddress::Unix(_) => false,
        })
    };
    if let (Some(found), Some(port)) = (listeners.iter().find(at_port), port) {
        return Ok((found, format!("it has port {port}")));
    }
    let first = listeners.first().ok_or("there is no listener")?;
    if listeners.len() == 1 {
        return Ok((first, "there is no other".to_owned()));
    }
    let none = port.map_or_else(String::new, |port| format!("none has port {port}; "));
    match listeners.iter().find(|listener| listener.tls.is_some() == secure) {
        Some(found) => {
            let how = if secure { "encrypts" } else { "does not encrypt" };
            Ok((found, format!("{none}it is the first that {how}")))
        }
        None => Ok((first, format!("{none}it is the first"))),
    }
}

#[cfg(test)]
mod tests;
