//! Which path is what.

use super::answer::{self, Body};
use super::{change, events};
use crate::control::{Control, Phase};
use crate::explain::{self, Question};
use crate::hearts::Refused;
use crate::picture;
use crate::status::PoolStatus;
use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode};

/// What is shown at `/` until there is a dashboard.
const WELCOME: &str = "Evenkeel

GET    /healthz  /readyz  /metrics
GET    /api/v1/status
GET    /api/v1/pools
GET    /api/v1/pools/POOL
PUT    /api/v1/pools/POOL/backends/BACKEND    {\"state\": \"drain\"} | {\"weight\": 2} | {\"address\": \"10.0.0.1:80\"} adds
DELETE /api/v1/pools/POOL/backends/BACKEND
POST   /api/v1/reload
GET    /api/v1/explain?method=GET&url=URL&header=NAME:VALUE&from=IP
GET    /api/v1/events                         state changes as they happen
";

/// What is at a path.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    Welcome,
    Health,
    Readiness,
    Metrics,
    Status,
    Pools,
    Pool(String),
    Backend { pool: String, backend: String },
    Reload,
    Events,
    Explain,
}

impl Place {
    fn at(path: &[&str]) -> Option<Place> {
        Some(match path {
            [] => Place::Welcome,
            ["healthz"] => Place::Health,
            ["readyz"] => Place::Readiness,
            ["metrics"] => Place::Metrics,
            ["api", "v1", "status"] => Place::Status,
            ["api", "v1", "pools"] => Place::Pools,
            ["api", "v1", "pools", name] => Place::Pool((*name).to_owned()),
            ["api", "v1", "pools", pool, "backends", backend] => Place::Backend {
                pool: (*pool).to_owned(),
                backend: (*backend).to_owned(),
            },
            ["api", "v1", "reload"] => Place::Reload,
            ["api", "v1", "events"] => Place::Events,
            ["api", "v1", "explain"] => Place::Explain,
            _ => return None,
        })
    }

    /// The methods that it knows, as `Allow` has them.
    fn allowed(&self) -> &'static str {
        match self {
            Place::Welcome
            | Place::Health
            | Place::Readiness
            | Place::Metrics
            | Place::Status
            | Place::Pools
            | Place::Pool(_)
            | Place::Events
            | Place::Explain => "GET, HEAD",
            Place::Backend { .. } => "PUT, DELETE",
            Place::Reload => "POST",
        }
    }
}

/// Where a request leads; else why nowhere.
pub(super) fn find(method: &Method, path: &str) -> Result<Place, Box<Response<Body>>> {
    let Some(path) = segments(path) else {
        return Err(Box::new(answer::problem(
            StatusCode::BAD_REQUEST,
            "the path is not valid",
            "escape it as RFC 3986 says",
        )));
    };
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let place = Place::at(&path).ok_or_else(|| {
        Box::new(answer::problem(
            StatusCode::NOT_FOUND,
            "there is nothing at this path",
            "GET / lists what there is",
        ))
    })?;
    let allowed = place.allowed();
    if allowed.split(", ").any(|allowed| allowed == method.as_str()) {
        Ok(place)
    } else {
        Err(Box::new(answer::wrong_method(allowed)))
    }
}

/// Answers a request that the guard has let in.
pub(super) async fn answer(place: Place, head: &Parts, body: Incoming, control: &Control) -> Response<Body> {
    match place {
        Place::Welcome => answer::text(StatusCode::OK, WELCOME),
        Place::Health => answer::text(StatusCode::OK, "ok\n"),
        Place::Readiness => readiness(control),
        Place::Metrics => answer::metrics(control.metrics()),
        Place::Status => answer::json(StatusCode::OK, &control.status()),
        Place::Pools => pools(control),
        Place::Pool(name) => pool(control, &name),
        Place::Backend { pool, backend } if head.method == Method::PUT => {
            let query = head.uri.query().unwrap_or("");
            change::put(control, &pool, &backend, query, body).await
        }
        Place::Backend { pool, backend } => change::delete(control, &pool, &backend).await,
        Place::Reload => reload(control).await,
        Place::Events => follow(control),
        Place::Explain => explained(control, head.uri.query().unwrap_or("")).await,
    }
}

async fn explained(control: &Control, query: &str) -> Response<Body> {
    let spaced = |text: &str| unescape(&text.replace('+', " "));
    let told = match Question::read(query, spaced) {
        Ok(question) => explain::explain(control, &question).await,
        Err(error) => Err(error),
    };
    match told {
        Ok(explanation) => answer::json(StatusCode::OK, &explanation),
        Err(error) => answer::problem(
            StatusCode::BAD_REQUEST,
            &error,
            "for example /api/v1/explain?method=GET&url=https://example.com/a&header=accept:+text/html&from=192.0.2.1",
        ),
    }
}

fn readiness(control: &Control) -> Response<Body> {
    if control.is_ready() {
        return answer::text(StatusCode::OK, "ready\n");
    }
    let why = match control.phase() {
        Phase::Starting => "starting\n",
        Phase::Serving => "no pool that a listener uses has a usable backend\n",
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

fn pools(control: &Control) -> Response<Body> {
    let pools: Vec<PoolStatus> = picture::pools(control);
    answer::json(StatusCode::OK, &serde_json::json!({ "pools": pools }))
}

fn pool(control: &Control, name: &str) -> Response<Body> {
    let published = control.hearts.published();
    match published.iter().find(|published| &*published.pool.name == name) {
        Some(published) => answer::json(StatusCode::OK, &picture::pool(control, published)),
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
    fn places() {
        let status = |method: &Method, path| find(method, path).map_err(|response| response.status().as_u16());
        assert_eq!(status(&Method::HEAD, "/api/v1/pools/"), Ok(Place::Pools));
        let (pool, backend) = ("web".to_owned(), "a/b".to_owned());
        let place = Place::Backend { pool, backend };
        assert_eq!(status(&Method::PUT, "/api/v1/pools/web/backends/a%2Fb"), Ok(place));
        assert_eq!(status(&Method::GET, "/api/v1/pools/web/backends/a"), Err(405));
        assert_eq!(status(&Method::GET, "/api/v1/reload"), Err(405));
        assert_eq!(status(&Method::POST, "/metrics"), Err(405));
        assert_eq!(status(&Method::POST, "/api/v2"), Err(404));
        assert_eq!(status(&Method::GET, "/%"), Err(400));
    }

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
