//! The admin API: HTTP on the control socket and on `admin.bind`.

use crate::control::Control;
use crate::log;
use bytes::Bytes;
use guard::Side;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::Semaphore;

mod answer;
mod change;
mod events;
mod guard;
mod routes;
pub(crate) mod socket;
mod wish;

/// Connections at once, on each side.
const CONNECTIONS: usize = 64;
/// How long a request's head may take, and how long a connection may be idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of a request's head, at least 8 KiB (hyper's own floor).
const HEAD_SIZE: usize = 16 * 1024;
/// After a failed accept, most likely for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves the control socket until the task is dropped.
pub(crate) async fn serve_socket(listener: UnixListener, control: Arc<Control>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        // The semaphore is never closed.
        let Ok(place) = places.clone().acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, _)) => {
                let control = control.clone();
                tokio::spawn(async move {
                    serve(stream, Side::Socket, control).await;
                    drop(place);
                });
            }
            Err(error) => accept_failed(&error).await,
        }
    }
}

/// Serves `admin.bind` until the task is dropped.
pub(crate) async fn serve_tcp(listener: TcpListener, control: Arc<Control>) {
    let Ok(bind) = listener.local_addr() else { return };
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, _)) => {
                let control = control.clone();
                tokio::spawn(async move {
                    serve(stream, Side::Tcp(bind), control).await;
                    drop(place);
                });
            }
            Err(error) => accept_failed(&error).await,
        }
    }
}

async fn accept_failed(error: &std::io::Error) {
    log::warn("the admin API cannot accept a connection", &[("error", error)]);
    tokio::time::sleep(ACCEPT_PAUSE).await;
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, side: Side, control: Arc<Control>) {
    let service = service_fn(move |request| respond(request, side, control.clone()));
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_SIZE)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        log::debug("an admin connection broke", &[("error", &error)]);
    }
}

async fn respond(
    request: Request<Incoming>,
    side: Side,
    control: Arc<Control>,
) -> Result<Response<answer::Body>, Infallible> {
    let admitted = admit(&request, side, &control).await;
    let (head, body) = request.into_parts();
    let mut response = match admitted {
        Ok(place) => routes::answer(place, &head, body, &control).await,
        Err(response) => {
            // A client that is still sending would lose the answer with the connection.
            let _unused = change::whole(body).await;
            *response
        }
    };
    answer::harden(response.headers_mut());
    Ok(response)
}

/// Where a request leads that may be answered. Whether its path and method make sense is said before a token is asked
/// for: both are no secret.
async fn admit(
    request: &Request<Incoming>,
    side: Side,
    control: &Control,
) -> Result<routes::Place, Box<Response<answer::Body>>> {
    let refused = |refusal: guard::Refusal| Box::new(answer::problem(refusal.status, refusal.error, refusal.help));
    guard::judge_place(side, request.headers()).map_err(refused)?;
    let place = routes::find(request.method(), request.uri().path())?;
    if request.method() != Method::GET && request.method() != Method::HEAD {
        let token = match side {
            Side::Socket => None,
            Side::Tcp(_) => control.token().await,
        };
        guard::judge_change(side, request.headers(), token.as_deref()).map_err(refused)?;
    }
    Ok(place)
}

/// What an admin answer is made of.
pub(crate) type Chunk = Bytes;
