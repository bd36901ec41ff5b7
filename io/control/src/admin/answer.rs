//! Answers and their headers.

use super::Chunk;
use super::events::Events;
use http_body_util::{Either, Full};
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use serde::Serialize;

/// Whole, or events as they happen.
pub(crate) type Body = Either<Full<Chunk>, Events>;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const METRICS: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream");

/// Whatever a browser is made to show of us, it shows as what it is, in no frame, and keeps no copy.
const HARDENING: [(HeaderName, &str); 5] = [
    (HeaderName::from_static("x-content-type-options"), "nosniff"),
    (HeaderName::from_static("x-frame-options"), "DENY"),
    (HeaderName::from_static("referrer-policy"), "no-referrer"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (
        HeaderName::from_static("content-security-policy"),
        "default-src 'none'; frame-ancestors 'none'",
    ),
];

pub(super) fn harden(headers: &mut HeaderMap) {
    for (name, value) in HARDENING {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
}

fn whole(status: StatusCode, kind: HeaderValue, body: String) -> Response<Body> {
    let mut response = Response::new(Either::Left(Full::new(body.into())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Response<Body> {
    match serde_json::to_string_pretty(value) {
        Ok(mut body) => {
            body.push('\n');
            whole(status, JSON, body)
        }
        Err(error) => problem(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string(), ""),
    }
}

pub(super) fn text(status: StatusCode, body: impl Into<String>) -> Response<Body> {
    whole(status, TEXT, body.into())
}

pub(super) fn metrics(body: String) -> Response<Body> {
    whole(StatusCode::OK, METRICS, body)
}

pub(super) fn events(events: Events) -> Response<Body> {
    let mut response = Response::new(Either::Right(events));
    response.headers_mut().insert(CONTENT_TYPE, EVENT_STREAM);
    response
}

/// `{"error": ..., "help": ...}`; `help` only if there is any.
pub(super) fn problem(status: StatusCode, error: &str, help: &str) -> Response<Body> {
    let value = if help.is_empty() {
        serde_json::json!({ "error": error })
    } else {
        serde_json::json!({ "error": error, "help": help })
    };
    whole(status, JSON, format!("{value}\n"))
}

/// 405 with what is allowed.
pub(super) fn wrong_method(allowed: &'static str) -> Response<Body> {
    let help = format!("allowed here: {allowed}");
    let mut response = problem(StatusCode::METHOD_NOT_ALLOWED, "this method is not allowed here", &help);
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    response
}
