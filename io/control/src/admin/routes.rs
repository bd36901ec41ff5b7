//! Which path is what.

use super::answer::{self, Body};
use super::{change, events};
use crate::control::{Control, Phase};
use crate::hearts::Refused;
use crate::picture;
use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode};

/// What is shown at `/` until there is a dashboard.
const WELCOME: &str = "Evenkeel

GET    /healthz  /readyz  /metrics
GET    /api/v1/status
GET    /api/v1/pools/POOL
PUT    /api/v1/pools/POOL/backends/BACKEND    {\"state\": \"drain\"} | {\"weight\": 2} | {\"address\": \"10.0.0.1:80\"} adds
DELETE /api/v1/pools/POOL/backends/BACKEND
POST   /api/v1/reload
GET    /api/v1/events                         state changes as they happen
";

const READ: &str = "GET, HEAD";

/// Answers a request that the guard has let in.
pub(super) async fn route(head: &Parts, body: Incoming, control: &Control) -> Response<Body> {
    let Some(path) = segments(head.uri.path()) else {
        return answer::problem(
            StatusCode::BAD_REQUEST,
            "the path is not valid",
            "escape it as RFC 3986 says",
        );
    };
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let reads = head.method == Method::GET || head.method == Method::HEAD;
    let query = head.uri.query().unwrap_or("");
    match path.as_slice() {
        ["api", "v1", "pools", pool, "backends", backend] => match head.method {
            Method::PUT => change::put(control, pool, backend, query, body).await,
            Method::DELETE => change::delete(control, pool, backend).await,
            _ => answer::wrong_method("PUT, DELETE"),
        },
        ["api", "v1", "reload"] if head.method == Method::POST => reload(control).await,
        ["api", "v1", "reload"] => answer::wrong_method("POST"),
        _ if reads => read(&path, control),
        _ if read(&path, control).status() != StatusCode::NOT_FOUND => answer::wrong_method(READ),
        _ => not_found(),
    }
}

fn read(path: &[&str], control: &Control) -> Response<Body> {
    match path {
        [] => answer::text(StatusCode::OK, WELCOME),
        ["healthz"] => answer::text(StatusCode::OK, "ok\n"),
        ["readyz"] => readiness(control),
        ["metrics"] => answer::metrics(control.metrics()),
        ["api", "v1", "status"] => answer::json(StatusCode::OK, &control.status()),
        ["api", "v1", "pools", name] => pool(control, name),
        ["api", "v1", "events"] => follow(control),
        ["api", "v1", "explain"] => {
            answer::problem(StatusCode::NOT_IMPLEMENTED, "explain is not in this version yet", "")
        }
        _ => not_found(),
    }
}

fn not_found() -> Response<Body> {
    answer::problem(
        StatusCode::NOT_FOUND,
        "there is nothing at this path",
        "GET / lists what there is",
    )
}

fn readiness(control: &Control) -> Response<Body> {
    if control.is_ready() {
        return answer::text(StatusCode::OK, "ready\n");
    }
    let why = match control.phase() {
        Phase::Starting => "starting\n",
        Phase::Serving => "no pool has a usable backend\n",
        Phase::Stopping => "stopping\n",
    };
    answer::text(StatusCode::SERVICE_UNAVAILABLE, why)
}

fn follow(control: &Control) -> Response<Body> {
    match control.followers.clone().try_acquire_owned() {
        Ok(place) => answer::events(events::follow(control.hearts.subscribe(), place)),
        Err(_) => answer::problem(
            StatusCode::SERVICE_UNAVAILABLE,
            "too many follow the events already",
            "at most 32",
        ),
    }
}

fn pool(control: &Control, name: &str) -> Response<Body> {
    let published = control.hearts.published();
    match published.iter().find(|published| &*published.pool.name == name) {
        Some(published) => answer::json(StatusCode::OK, &picture::pool(published)),
        None => {
            let there = published
                .iter()
                .map(|published| published.pool.name.to_string())
                .collect();
            change::refused(&Refused::UnknownPool(there), name, "")
        }
    }
}

async fn reload(control: &Control) -> Response<Body> {
    match control.reload().await {
        Ok(taken) => answer::json(StatusCode::OK, &taken),
        Err(refusal) => {
            let problems = refusal.problems.unwrap_or(serde_json::Value::Null);
            let body = serde_json::json!({ "error": refusal.error, "help": refusal.help, "problems": problems });
            answer::json(StatusCode::UNPROCESSABLE_ENTITY, &body)
        }
    }
}

/// The path's segments, each decoded after it was cut, so that an escaped slash stays within its segment.
fn segments(path: &str) -> Option<Vec<String>> {
    let path = path.strip_prefix('/')?;
    let path = path.strip_suffix('/').unwrap_or(path);
    if path.is_empty() {
        return Some(Vec::new());
    }
    path.split('/').map(unescape).collect()
}

/// Percent-decodes; nothing if an escape is broken or the result is not UTF-8.
pub(super) fn unescape(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut out = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let mut digit = || char::from(bytes.next()?).to_digit(16);
            let (high, low) = (digit()?, digit()?);
            out.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            out.push(byte);
        }
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        assert_eq!(segments("/"), Some(vec![]));
        assert_eq!(segments("/a/b%2Fc/"), Some(vec!["a".into(), "b/c".into()]));
        assert_eq!(segments("/%C3%A9"), Some(vec!["é".into()]));
        for broken in ["", "*", "/%", "/%2", "/%zz", "/%ff", "/%+1"] {
            assert_eq!(segments(broken), None, "{broken}");
        }
    }
}
