//! Changes of backends.

use super::answer::{self, Body};
use super::routes::unescape;
use super::wish::{self, Wish};
use crate::control::Control;
use crate::hearts::Refused;
use crate::{log, time};
use bytes::Bytes;
use evenkeel_model::{AdminState, Backend, BackendAddress};
use evenkeel_pool::Order;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::{Response, StatusCode};
use serde_json::json;
use std::time::Duration;

/// Bytes of a body.
const BODY_SIZE: usize = 64 * 1024;
/// How long a body may take.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest name of a backend, in bytes, as in the configuration.
const NAME_MAX: usize = 128;
/// Names that are listed in an error.
const NAMES_LISTED: usize = 20;

pub(super) async fn put(control: &Control, pool: &str, backend: &str, query: &str, body: Incoming) -> Response<Body> {
    let (wish, wait) = match read(query, body).await {
        Ok(read) => read,
        Err(response) => return *response,
    };
    let there = match control.hearts.view(pool) {
        Ok(view) => view.named(backend).map(|member| member.address.clone()),
        Err(refused) => return self::refused(&refused, pool, backend),
    };
    let result = match (&wish.address, there) {
        (Some(address), None) => match newcomer(backend, address, &wish) {
            Ok(newcomer) => control.hearts.add(pool, newcomer).await,
            Err(error) => return answer::problem(StatusCode::BAD_REQUEST, &error, ""),
        },
        (Some(address), Some(there)) if *address != there => Err(Refused::NameTaken(there.to_string())),
        (None, _) if wish.max_connections.is_some() || wish.backup.is_some() => {
            let help = "state and weight can be changed; change the others in the configuration and reload";
            return answer::problem(StatusCode::BAD_REQUEST, "only with an address, when adding", help);
        }
        // Put twice is as put once.
        (None, _) | (Some(_), Some(_)) => order(control, pool, backend, &wish).await,
    };
    if let Err(refused) = result {
        return self::refused(&refused, pool, backend);
    }
    log::info(
        "the operator changed a backend",
        &[("pool", &pool), ("backend", &backend), ("to", &describe(&wish))],
    );
    settled(control, pool, backend, wish.state, wait).await
}

pub(super) async fn delete(control: &Control, pool: &str, backend: &str) -> Response<Body> {
    match control.hearts.remove(pool, backend).await {
        Ok(()) => {
            log::info(
                "the operator removed a backend",
                &[("pool", &pool), ("backend", &backend)],
            );
            answer::json(
                StatusCode::OK,
                &json!({ "pool": pool, "backend": backend, "removed": true }),
            )
        }
        Err(refused) => self::refused(&refused, pool, backend),
    }
}

/// What is wished, and how long the answer may wait for it to be so.
async fn read(query: &str, body: Incoming) -> Result<(Wish, Option<Duration>), Box<Response<Body>>> {
    let bad = |error: &str, help: &str| Box::new(answer::problem(StatusCode::BAD_REQUEST, error, help));
    let mut wait = None;
    for (key, value) in query
        .split('&')
        .filter(|part| !part.is_empty())
        .map(|part| part.split_once('=').unwrap_or((part, "")))
    {
        match (key, unescape(value)) {
            ("wait", Some(value)) => wait = Some(time::parse(&value).map_err(|help| bad("wait is not a time", &help))?),
            (_, None) => return Err(bad("the query is not valid", "escape it as RFC 3986 says")),
            (_, Some(_)) => return Err(bad("unknown query parameter", "only wait=TIME is known here")),
        }
    }
    let bytes = whole(body).await?;
    let wish = Wish::read(&bytes).map_err(|error| bad(&error, wish::EXAMPLES))?;
    Ok((wish, wait))
}

/// A body to its end, within its limits of size and time.
pub(super) async fn whole(body: Incoming) -> Result<Bytes, Box<Response<Body>>> {
    let (status, error, help) = match tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, BODY_SIZE).collect()).await
    {
        Ok(Ok(collected)) => return Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => (
            StatusCode::PAYLOAD_TOO_LARGE,
            "the body is larger than 64 KiB",
            String::new(),
        ),
        Ok(Err(error)) => (StatusCode::BAD_REQUEST, "the body cannot be read", error.to_string()),
        Err(_) => (StatusCode::REQUEST_TIMEOUT, "the body took too long", String::new()),
    };
    Err(Box::new(answer::problem(status, error, &help)))
}

fn newcomer(name: &str, address: &BackendAddress, wish: &Wish) -> Result<Backend, String> {
    if name.is_empty() || name.len() > NAME_MAX || name.contains(char::is_control) {
        return Err("a name is 1 to 128 bytes without control characters".to_owned());
    }
    Ok(Backend {
        name: name.into(),
        weight: wish.weight.unwrap_or(1),
        max_connections: wish.max_connections,
        backup: wish.backup.unwrap_or(false),
        state: wish.state.unwrap_or(AdminState::Ready),
        ..Backend::new(address.clone())
    })
}

async fn order(control: &Control, pool: &str, backend: &str, wish: &Wish) -> Result<(), Refused> {
    if let Some(weight) = wish.weight {
        control.hearts.order(pool, backend, Order::Weight(weight)).await?;
    }
    if let Some(state) = wish.state {
        control.hearts.order(pool, backend, Order::State(state)).await?;
    }
    Ok(())
}

/// Answers at once, or when what was wished has come about.
async fn settled(
    control: &Control,
    pool: &str,
    backend: &str,
    state: Option<AdminState>,
    wait: Option<Duration>,
) -> Response<Body> {
    let hearts = &control.hearts;
    let done = match (wait, state) {
        (None, _) | (Some(_), None) => Ok(None),
        (Some(limit), Some(AdminState::Drain | AdminState::Maintain)) => {
            hearts.wait_drained(pool, backend, limit).await.map(Some)
        }
        (Some(limit), Some(AdminState::Ready)) => hearts.wait_usable(pool, backend, limit).await.map(Some),
    };
    let member = hearts.view(pool).map(|view| view.named(backend).cloned());
    match (done, member) {
        (Err(refused), _) | (_, Err(refused)) => self::refused(&refused, pool, backend),
        (Ok(done), Ok(member)) => {
            let mut body = json!({ "pool": pool, "backend": backend });
            if let Some(member) = member {
                body["state"] = member.admin.as_str().into();
                body["weight"] = member.weight.into();
                body["health"] = member.health.as_str().into();
                body["usable"] = member.usable.into();
                body["why"] = member.why.to_string().into();
                body["in_flight"] = member.load.in_flight().into();
            }
            if let Some(done) = done {
                body["done"] = done.into();
            }
            answer::json(StatusCode::OK, &body)
        }
    }
}

fn describe(wish: &Wish) -> String {
    let state = wish.state.map(|state| state.as_str().to_owned());
    let weight = wish.weight.map(|weight| format!("weight {weight}"));
    let address = wish.address.as_ref().map(|address| format!("added at {address}"));
    [address, state, weight]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(", ")
}

/// What was asked for is not there, with what is.
pub(super) fn refused(refused: &Refused, pool: &str, backend: &str) -> Response<Body> {
    let (status, error, there) = match refused {
        Refused::UnknownPool(pools) => (
            StatusCode::NOT_FOUND,
            format!("there is no pool {pool:?}"),
            (pools, pool),
        ),
        Refused::UnknownBackend(backends) => {
            let error = format!("pool {pool:?} has no backend {backend:?}");
            (StatusCode::NOT_FOUND, error, (backends, backend))
        }
        Refused::NameTaken(address) => {
            let error = format!("pool {pool:?} has a backend {backend:?} already, at {address}");
            return answer::problem(StatusCode::CONFLICT, &error, "remove it first, or choose another name");
        }
        Refused::AddressTaken(name) => {
            let error = format!("pool {pool:?} has a backend at this address already: {name:?}");
            return answer::problem(StatusCode::CONFLICT, &error, "change that one, or remove it first");
        }
        Refused::Full => {
            let error = format!("pool {pool:?} has as many backends as a pool may have");
            return answer::problem(StatusCode::CONFLICT, &error, "remove one first");
        }
        Refused::Stopping => return answer::problem(StatusCode::SERVICE_UNAVAILABLE, "the balancer is stopping", ""),
    };
    answer::problem(status, &error, &suggestion(there.0, there.1))
}

/// `did you mean`, or what there is.
fn suggestion(there: &[String], asked: &str) -> String {
    if there.is_empty() {
        return "there are none".to_owned();
    }
    let near = there.iter().map(|name| (distance(name, asked), name)).min();
    match near {
        Some((distance, name)) if distance <= 2 && distance < asked.len() => format!("did you mean {name:?}?"),
        Some(_) | None => {
            let listed: Vec<&str> = there.iter().take(NAMES_LISTED).map(String::as_str).collect();
            let more = if there.len() > NAMES_LISTED { ", ..." } else { "" };
            format!("there are: {}{more}", listed.join(", "))
        }
    }
}

/// Levenshtein's, of names of at most 128 bytes; longer ones are far.
fn distance(left: &str, right: &str) -> usize {
    if left.len() > NAME_MAX || right.len() > NAME_MAX {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (index, from) in left.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, to) in right.bytes().enumerate() {
            let replaced = diagonal + usize::from(from != to);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (left, right, expected) in [
            ("", "", 0),
            ("web", "web", 0),
            ("wbe", "web", 2),
            ("", "abc", 3),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(left, right), expected, "{left} {right}");
        }
    }

    #[test]
    fn suggestions() {
        let there = ["web".to_owned(), "api".to_owned()];
        assert_eq!(suggestion(&there, "wb"), "did you mean \"web\"?");
        assert_eq!(suggestion(&there, "something"), "there are: web, api");
        assert_eq!(suggestion(&[], "web"), "there are none");
    }
}
