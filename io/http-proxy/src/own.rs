//! Answers that no backend gave: errors, redirects, fixed ones.

use crate::client::{Client, Then, flush};
use crate::door::{Answer, Way};
use crate::exchange::Exchange;
use crate::facts;
use crate::files;
use crate::proxy::finish;
use crate::reason::Reason;
use crate::skip;
use evenkeel_http::{Method, Refused, RequestFraming, Version, error_answer, fixed_answer};
use evenkeel_model::{BindAddress, RedirectTo};
use evenkeel_net::{Socket, reactor};
use evenkeel_rewrite::Rewrite;
use std::net::IpAddr;
use std::time::Duration;

/// A refused head: an answer and the end.
pub(crate) fn refuse(client: &Client, mut exchange: Box<Exchange>, refused: Refused) {
    let text = refused.reason.to_string();
    exchange.record.detail = refused.reason.text();
    end_early(client, &mut exchange, refused.status, &text, Reason::BadRequest);
    exchange.end();
}

/// A head that did not come in time.
pub(crate) fn too_late(client: &Client, mut exchange: Box<Exchange>) {
    let reason = Reason::HeaderTimeout;
    end_early(client, &mut exchange, reason.status(), reason.text(), reason);
    exchange.end();
}

/// A client that speaks HTTP without TLS where TLS is expected: an answer that it can read, and the end. What it asked is not
/// looked at.
pub(crate) fn unencrypted(socket: &Socket) {
    const TEXT: &str = "This port speaks HTTPS, and the request came as plain HTTP. Please use https://.";
    let mut answer = Vec::new();
    error_answer(400, TEXT, &facts::date(), false, false, &mut answer);
    // It fits the kernel's buffer; a client that is gone does not want it.
    let _ = socket.try_write(&answer);
}

/// A connection that did not begin as it must: nobody is answered, since nobody knows in which language.
pub(crate) fn unintroduced(client: &Client, reason: Reason, detail: &'static str) {
    let mut exchange = Exchange::begin(reactor::now());
    exchange.record.detail = detail;
    exchange.record.status = reason.status();
    finish(client, &mut exchange, &client.guest.ways(), None, reason, client.peer());
    exchange.end();
}

fn end_early(client: &Client, exchange: &mut Exchange, status: u16, text: &str, reason: Reason) {
    error_answer(
        status,
        text,
        &facts::date(),
        false,
        false,
        &mut exchange.to_client.bytes,
    );
    exchange.record.status = status;
    // An answer this small fits the kernel's buffer; a client that is gone does not want it.
    exchange.record.bytes_out += exchange.to_client.flush(&client.conduit).unwrap_or(0) as u64;
    let ways = client.guest.inside.door.now();
    // Spans of a head that was refused mean nothing.
    exchange.head.reset();
    exchange.input.clear();
    finish(client, exchange, &ways, None, reason, client.peer());
}

/// The answer of a reason for which no backend's answer can be given.
pub(crate) async fn error(client: &Client, exchange: &mut Exchange, reason: Reason) -> Then {
    let keep_alive = lives_on(client, exchange);
    let head_only = exchange.head.kind == Method::Head;
    // What is here still is interim answers, and the client may have got half of one: they go first.
    let out = &mut exchange.to_client.bytes;
    error_answer(
        reason.status(),
        reason.text(),
        &facts::date(),
        keep_alive,
        head_only,
        out,
    );
    exchange.record.status = reason.status();
    let window = client.guest.inside.door.now().listener.timeouts.request;
    match flush(client, exchange, window).await {
        Ok(()) if keep_alive => Then::Next,
        Ok(()) => Then::Linger,
        Err(_) => Then::Close,
    }
}

/// The answer to what no route takes.
pub(crate) async fn no_route(client: &Client, exchange: &mut Exchange) -> Then {
    skip::body(client, exchange).await;
    error(client, exchange, Reason::NoRoute).await
}

/// The answer of a limit: `Retry-After` says when a request would be taken (RFC 6585 4).
pub(crate) async fn too_many(client: &Client, exchange: &mut Exchange, after: Duration) -> Then {
    skip::body(client, exchange).await;
    let reason = Reason::RateLimited;
    // Whole seconds, rounded up: who comes then is taken.
    let seconds = (after + Duration::from_nanos(999_999_999)).as_secs().max(1).to_string();
    let fields: [(&[u8], &[u8]); 2] = [(b"retry-after", seconds.as_bytes()), (b"cache-control", b"no-store")];
    let text = format!("{}\n", reason.text());
    let content_type: &[u8] = b"text/plain; charset=utf-8";
    own_answer(
        client,
        exchange,
        reason.status(),
        content_type,
        &fields,
        text.as_bytes(),
    )
    .await
}

/// What a route answers by itself.
pub(crate) async fn configured(
    client: &Client,
    exchange: &mut Exchange,
    way: &Way,
    answer: &Answer,
    believed: Option<IpAddr>,
) -> (Reason, Then) {
    skip::body(client, exchange).await;
    let rewrite = way.rules.as_ref().and_then(|rules| rules.rewrite.as_ref());
    if let Some(rewrite) = rewrite {
        if exchange.record.request_id[0] == 0 {
            exchange.record.request_id = client.guest.world.request_id();
        }
        facts::edit(client, exchange, believed, "", |facts, edits| {
            rewrite.response(facts, edits);
        });
    }
    match answer {
        Answer::Respond(respond) => (Reason::Ok, local(client, exchange, respond.status, &respond.body).await),
        Answer::Redirect(to) => redirect(client, exchange, to, rewrite).await,
        Answer::Files(files) => {
            let path = exchange.head.path.of(&exchange.input);
            let mut changed = Vec::new();
            if !rewrite.is_some_and(|rewrite| rewrite.path(path, &mut changed)) {
                changed.extend_from_slice(path);
            }
            files::serve(client, exchange, files, &changed).await
        }
    }
}

/// An answer that the configuration gives.
async fn local(client: &Client, exchange: &mut Exchange, status: u16, text: &str) -> Then {
    let content_type: &[u8] = b"text/plain; charset=utf-8";
    own_answer(client, exchange, status, content_type, &[], text.as_bytes()).await
}

/// A short answer of our own.
pub(crate) struct Short {
    pub(crate) status: u16,
    /// One more field: its name and value.
    pub(crate) field: Option<(&'static [u8], Vec<u8>)>,
    /// May be empty.
    pub(crate) text: &'static str,
}

pub(crate) async fn short(client: &Client, exchange: &mut Exchange, answer: &Short) -> Then {
    let content_type: &[u8] = match answer.text {
        "" => b"",
        _ => b"text/plain; charset=utf-8",
    };
    let field = answer.field.as_ref().map(|(name, value)| (*name, value.as_slice()));
    own_answer(
        client,
        exchange,
        answer.status,
        content_type,
        field.as_slice(),
        answer.text.as_bytes(),
    )
    .await
}

async fn redirect(
    client: &Client,
    exchange: &mut Exchange,
    to: &RedirectTo,
    rewrite: Option<&Rewrite>,
) -> (Reason, Then) {
    let (status, location) = match to {
        RedirectTo::Location(location) => (302, location.as_bytes().to_vec()),
        RedirectTo::Groups(_) => {
            let mut location = Vec::new();
            if let Some(rewrite) = rewrite {
                rewrite.location(exchange.head.path.of(&exchange.input), &mut location);
            }
            (302, location)
        }
        RedirectTo::Https { port } => match over_https(client, exchange, *port) {
            Some(location) => (308, location),
            None => {
                let text = "Without Host nobody knows where this leads over https.\n";
                return (Reason::BadRequest, local(client, exchange, 400, text).await);
            }
        },
    };
    let then = own_answer(client, exchange, status, b"", &[(b"location", &location)], b"").await;
    (Reason::Ok, then)
}

/// The same place over https; `None` where a client of HTTP/1.0 names no host.
fn over_https(client: &Client, exchange: &Exchange, https: Option<u16>) -> Option<Vec<u8>> {
    let (head, input) = (&exchange.head, &exchange.input);
    let (host, name) = (head.host.of(input), head.host_name.of(input));
    if name.is_empty() {
        return None;
    }
    let mut location = b"https://".to_vec();
    location.extend_from_slice(name);
    // Who names a port that we do not listen on came by another one, and of that one's neighbour nothing is known.
    let named = host[name.len()..].strip_prefix(b":").unwrap_or_default();
    let named = std::str::from_utf8(named)
        .ok()
        .and_then(|port| port.parse::<u16>().ok());
    let door = client.guest.inside.door.now();
    let is_own = |bind: &BindAddress| match bind {
        BindAddress::Tcp { address, .. } => Some(address.port()) == named,
        BindAddress::Unix(_) => false,
    };
    if let Some(port) = https.filter(|_| door.listener.bind.iter().any(is_own)) {
        location.extend_from_slice(format!(":{port}").as_bytes());
    }
    match head.target.of(input) {
        b"*" => {}
        target => location.extend_from_slice(target),
    }
    Some(location)
}

async fn own_answer(
    client: &Client,
    exchange: &mut Exchange,
    status: u16,
    content_type: &[u8],
    fields: &[(&[u8], &[u8])],
    body: &[u8],
) -> Then {
    let keep_alive = lives_on(client, exchange);
    let head_only = exchange.head.kind == Method::Head;
    let out = &mut exchange.to_client.bytes;
    let date = facts::date();
    let mut fields = fields.to_vec();
    fields.push((b"date", &date));
    let mut content_type = content_type;
    let edits = &exchange.edits;
    if !edits.is_empty() {
        fields.retain(|(name, _)| !edits.drops(name));
        fields.extend(edits.fields());
        if edits.drops(b"content-type") {
            content_type = b"";
        }
    }
    fixed_answer(status, content_type, &fields, body, keep_alive, head_only, out);
    exchange.record.status = status;
    let window = client.guest.inside.door.now().listener.timeouts.request;
    match flush(client, exchange, window).await {
        Ok(()) => after(client, exchange, keep_alive),
        Err(_) => Then::Close,
    }
}

/// What becomes of the connection after an answer of our own, which has said whether it lives on.
pub(crate) fn after(client: &Client, exchange: &Exchange, keep_alive: bool) -> Then {
    if keep_alive {
        Then::Next
    } else if has_no_body(exchange) && !client.conduit.may_read() {
        Then::Close
    } else {
        Then::Linger
    }
}

fn has_no_body(exchange: &Exchange) -> bool {
    matches!(exchange.head.framing, RequestFraming::None | RequestFraming::Length(0))
}

/// Whether the connection lives on after an answer of our own. A body that was not skipped ends it: reading it could take
/// for ever. So does HTTP/1.0, whose clients wait for the end unless they are told otherwise.
pub(crate) fn lives_on(client: &Client, exchange: &Exchange) -> bool {
    let head = &exchange.head;
    head.keep_alive && head.version == Version::Http11 && has_no_body(exchange) && !client.is_leaving()
}
