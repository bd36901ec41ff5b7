//! A request's way: route, pool, permit, connection, exchange; and its end: answer, log line, counters.

use crate::client::{Client, Then, flush};
use crate::conduit::Conduit;
use crate::door::{Action, Took, Way, Ways};
use crate::exchange::Exchange;
use crate::facts::{self, HeadFields};
use crate::links::Links;
use crate::own;
use crate::pool_side::PoolSide;
use crate::reach::NoConnection;
use crate::reason::Reason;
use crate::relay::{End, Failed, Relay, Terms};
use crate::rules;
use crate::sticky::Visit;
use crate::tunnel;
use evenkeel_http::{Edits, Forward};
use evenkeel_model::{BackendAddress, RetryOn};
use evenkeel_net::reactor;
use evenkeel_pool::{Failure, Member, Permit, Request, View};
use evenkeel_rewrite::Facts;
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;
use std::time::Duration;

/// Answers one request. What is not the ordinary way is boxed: it would make the ordinary one longer, and every idle
/// connection larger.
pub(crate) async fn answer(client: &Client, exchange: &mut Exchange) -> Then {
    let ways = client.guest.inside.door.now();
    let trusted = ways.trusts(client.peer());
    let believed = facts::believed(client.peer(), trusted, &ways, exchange);
    let Some(index) = route(&ways, exchange, believed) else {
        let then = Box::pin(own::no_route(client, exchange)).await;
        finish(client, exchange, &ways, None, Reason::NoRoute, believed);
        return then;
    };
    let way = &ways.ways[index];
    let mut took = Took { way, target: None };
    let refused = way.rules.as_ref().and_then(|rules| rules.refuses(exchange, believed));
    if let Some(after) = refused {
        let then = Box::pin(own::too_many(client, exchange, after)).await;
        finish(client, exchange, &ways, Some(took), Reason::RateLimited, believed);
        return then;
    }
    let target = match &way.action {
        Action::Pool(target) => target,
        Action::Split(fork) => fork.target(match &fork.by {
            Some(by) => rules::split_key(by, exchange, believed),
            None => client.guest.world.random(),
        }),
        Action::Own(answer) => {
            let (reason, then) = Box::pin(own::configured(client, exchange, way, answer, believed)).await;
            finish(client, exchange, &ways, Some(took), reason, believed);
            return then;
        }
    };
    took.target = Some(target);
    let mut journey = Journey {
        client,
        exchange,
        ways: &ways,
        way,
        pool: &target.pool,
        believed,
        trusted,
        copy_later: false,
        visit: Visit::default(),
    };
    let (reason, then) = match &way.rules {
        None => journey.travel().await,
        Some(rules) => Box::pin(journey.travel_by(rules, index)).await,
    };
    finish(client, exchange, &ways, Some(took), reason, believed);
    then
}

fn route(ways: &Ways, exchange: &Exchange, believed: Option<IpAddr>) -> Option<usize> {
    as_routed(exchange, believed, |request| ways.router.route(request))
}

/// Gives `use_it` what a request shows of itself to be routed.
#[inline]
pub(crate) fn as_routed<T>(
    exchange: &Exchange,
    believed: Option<IpAddr>,
    use_it: impl FnOnce(&evenkeel_route::Request<'_>) -> T,
) -> T {
    let (head, input) = (&exchange.head, &exchange.input);
    use_it(&evenkeel_route::Request {
        method: head.method.of(input),
        host: head.host_name.of(input),
        path: head.path.of(input),
        query: head.query.map(|query| query.of(input)),
        fields: &HeadFields { head, input },
        client: believed.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
    })
}

/// What a try came to.
enum Try {
    Over(Reason, Then),
    /// Once more, with a new connection: the old one had been ended by the backend while it was idle.
    Afresh,
    /// Once more, elsewhere.
    Elsewhere,
}

/// One request's way to a pool.
pub(crate) struct Journey<'a> {
    pub(crate) client: &'a Client,
    pub(crate) exchange: &'a mut Exchange,
    pub(crate) ways: &'a Rc<Ways>,
    pub(crate) way: &'a Way,
    pub(crate) pool: &'a Rc<PoolSide>,
    pub(crate) believed: Option<IpAddr>,
    pub(crate) trusted: bool,
    /// The body is kept, to be copied to a mirror when it is whole.
    pub(crate) copy_later: bool,
    /// Where the client belongs.
    pub(crate) visit: Visit,
}

impl Journey<'_> {
    /// To a backend and back, by another one where that is allowed.
    pub(crate) async fn travel(&mut self) -> (Reason, Then) {
        let view = self.pool.view();
        if let Some(reason) = self.too_large() {
            return Box::pin(self.refuse(reason)).await;
        }
        let retries = self.way.retry.as_ref().map_or(view.retry.attempts, |own| own.attempts);
        if !self.ways.guarded.is_empty() {
            // What nobody but us may say could come in again behind the body.
            self.exchange.head.drop_trailers();
        }
        let hash = facts::hash(&view.balance, self.exchange, self.believed);
        let world = &self.client.guest.world;
        self.visit = self.pool.sticky.borrow().visit(self.exchange, self.believed, world);
        // Without allocation where the first try is the last, which is the rule.
        let mut tried = Vec::new();
        let mut afresh = false;
        loop {
            let asked = reactor::now();
            let request = Request {
                hash,
                avoid: &tried,
                first_in_line: false,
                wish: self.visit.wish,
                first_at_home: false,
            };
            let permit = match self.pool.acquire(&self.client.conduit, request).await {
                Ok(permit) => permit,
                Err(reason) => return Box::pin(self.refuse(reason)).await,
            };
            let record = &mut self.exchange.record;
            record.queued = Some(reactor::now().since(asked) + record.queued.unwrap_or_default());
            record.attempts += 1;
            if record.attempts == 1 {
                self.pool.sticky.borrow().count(&self.visit, permit.stay());
            }
            let id = permit.id();
            let more = tried.len() < retries as usize;
            // The one of the choice, or newer after a wait in line.
            let view = self.pool.view();
            match self.try_once(permit, &view, more, afresh).await {
                Try::Over(reason, then) => return (reason, then),
                Try::Afresh => afresh = true,
                Try::Elsewhere => {
                    tried.push(id);
                    self.pool.retries.add(1);
                }
            }
        }
    }

    async fn try_once(&mut self, mut permit: Permit, view: &View, more: bool, afresh: bool) -> Try {
        let chosen = view
            .members
            .get(permit.index())
            .filter(|member| member.id == permit.id());
        let Some(member) = chosen.or_else(|| view.member(permit.id())) else {
            // It left between the choice and now.
            return if more {
                Try::Elsewhere
            } else {
                Box::pin(self.over(Reason::NoBackend, false)).await
            };
        };
        if self.ways.log.is_some() {
            self.exchange.record.backend = Some(member.name.clone());
        }
        let repeatable = self.exchange.head.may_repeat();
        let links = self.client.guest.links(self.pool);
        let stands = || links.take(permit.id(), !repeatable, self.upgrades());
        let idle = if afresh { None } else { stands() };
        let reused = idle.is_some();
        let backend = match idle {
            Some(conduit) => conduit,
            None => {
                let begun = reactor::now();
                let deadline = begun + view.timeouts.connect;
                let connected = Box::pin(links.connect(permit.id(), &member.address, deadline, self.upgrades())).await;
                self.exchange.record.connecting = Some(reactor::now().since(begun));
                match connected {
                    Ok(conduit) => conduit,
                    Err(failure) => return Box::pin(self.unconnected(permit, &failure, more, !member.usable)).await,
                }
            }
        };
        let timeout = self.way.timeout.unwrap_or(view.timeouts.response);
        self.write_head(member, &permit);
        let end = self.relay(&backend, &mut permit, more && repeatable, timeout).await;
        match end {
            End::Answered {
                reusable,
                keep_alive,
                whole,
            } => {
                self.settle(reusable, backend, &permit, &links);
                // The backend is done with: its place is free while the client still reads.
                drop(permit);
                if self.exchange.to_client.waits_for(&self.client.conduit) {
                    let (reason, then) = Box::pin(self.deliver(keep_alive, whole)).await;
                    return Try::Over(reason, then);
                }
                Try::Over(Reason::Ok, self.then(keep_alive, whole))
            }
            End::Upgraded => Box::pin(self.tunnel(backend, permit)).await,
            End::Failed(failed) => {
                drop(backend);
                let tries = Tries {
                    more,
                    reused,
                    repeatable,
                };
                let again = self.again(&failed, &tries);
                if let (Some(blame), false) = (failed.blame, matches!(again, Some(Try::Afresh))) {
                    permit.failed(blame, reactor::now());
                }
                drop(permit);
                match again {
                    Some(again) => again,
                    None => Box::pin(self.over(failed.reason, failed.begun)).await,
                }
            }
        }
    }

    /// The backend has answered: its connection may be good for others.
    fn settle(&self, reusable: bool, backend: Conduit, permit: &Permit, links: &Links) {
        if let Some(answered) = self.exchange.record.answered {
            self.pool.seconds(permit).record(answered);
        }
        if reusable && !backend.is_single() && !backend.may_read() {
            links.give(permit.id(), backend, reactor::now(), self.upgrades());
        }
    }

    fn upgrades(&self) -> bool {
        self.exchange.head.upgrade.is_some()
    }

    async fn relay(&mut self, backend: &Conduit, permit: &mut Permit, again: bool, timeout: Duration) -> End {
        let (client, pool, asks_on) = (self.client, self.pool, self.exchange.head.keep_alive);
        let terms = Terms {
            client: self.ways.listener.timeouts.request,
            backend: timeout,
            max_body_bytes: self.way.max_body_bytes,
            hold: again || self.copy_later,
            retry_statuses: if again { &self.way.retry_statuses } else { &[] },
            may_retry: &|| pool.may_retry(),
            keep_alive: &|| asks_on && !client.is_leaving(),
            compress: self.way.compress.as_ref(),
        };
        let up = self.exchange.head.body();
        let mut relay = Relay::new(&client.conduit, backend, self.exchange, up, permit, &terms);
        std::future::poll_fn(|_| relay.poll()).await
    }

    /// Gives the request an id of ours, unless it has one.
    pub(crate) fn name_request(&mut self) {
        let record = &mut self.exchange.record;
        if record.request_id[0] == 0 {
            record.request_id = self.client.guest.world.request_id();
        }
    }

    fn write_head(&mut self, member: &Member, permit: &Permit) {
        self.exchange.rewind();
        self.name_request();
        let rewrite = self.way.rules.as_ref().and_then(|rules| rules.rewrite.as_ref());
        self.exchange.edits.clear();
        if let Some(rewrite) = rewrite {
            self.edit(|facts, edits| rewrite.request(facts, edits), &member.name);
        }
        facts::tell_certificate(&self.ways.guarded, &self.client.guest, &mut self.exchange.edits);
        let (pool, secure) = (
            self.pool,
            facts::is_secure(&self.client.guest, self.trusted, self.exchange),
        );
        let exchange = &mut *self.exchange;
        pool.sticky.borrow_mut().hide(&self.visit, exchange);
        let backend = match &member.address {
            _ if !exchange.head.host.is_empty() => String::new(),
            BackendAddress::Tcp(address) => address.to_string(),
            BackendAddress::Unix(_) => "localhost".to_owned(),
        };
        let forward = Forward {
            client_address: self.client.guest.peer_text.as_bytes(),
            trusted: self.trusted,
            scheme: self.client.guest.scheme(),
            request_id: &exchange.record.request_id,
            backend: backend.as_bytes(),
        };
        let out = &mut exchange.to_backend.bytes;
        if exchange.edits.is_empty() {
            exchange.head.write(&exchange.input, &forward, out);
        } else {
            let edits = &exchange.edits;
            exchange.head.write_edited(&exchange.input, &forward, edits, out);
        }
        match rewrite {
            Some(rewrite) => {
                self.exchange.edits.clear();
                self.edit(|facts, edits| rewrite.response(facts, edits), &member.name);
            }
            None => self.exchange.edits.clear(),
        }
        let mut sticky = pool.sticky.borrow_mut();
        sticky.give(&self.visit, permit, secure, &mut self.exchange.edits);
    }

    /// Adds to the edits.
    fn edit(&mut self, edit: impl FnOnce(&Facts<'_>, &mut Edits), backend: &str) {
        facts::edit(self.client, self.exchange, self.believed, backend, edit);
    }

    /// `hoped`: the backend was known to be unusable and tried all the same, because too few were usable.
    async fn unconnected(&mut self, mut permit: Permit, failure: &NoConnection, more: bool, hoped: bool) -> Try {
        let now = reactor::now();
        let unreached = |reason| if hoped { Reason::NoBackend } else { reason };
        let reason = match failure {
            NoConnection::Refused => {
                permit.failed(Failure::Connect, now);
                unreached(Reason::ConnectRefused)
            }
            NoConnection::TimedOut => {
                permit.failed(Failure::ConnectTimeout, now);
                unreached(Reason::ConnectTimeout)
            }
            NoConnection::Tls => {
                permit.failed(Failure::Connect, now);
                unreached(Reason::TlsFailed)
            }
            NoConnection::Exhausted => {
                self.client.guest.world.relieve();
                Reason::Exhausted
            }
        };
        drop(permit);
        // Nothing of the request was sent, so any request may be repeated, and none counts against the budget.
        if more && self.way.retries_on(RetryOn::Connect) {
            return Try::Elsewhere;
        }
        Box::pin(self.over(reason, false)).await
    }

    /// Both sides have switched to another protocol: carries its bytes until it ends.
    async fn tunnel(&mut self, backend: Conduit, _permit: Permit) -> Try {
        let exchange = &mut *self.exchange;
        let leftover = exchange.leftover().to_vec();
        exchange.taken = exchange.input.len();
        exchange.to_backend.bytes.extend_from_slice(&leftover);
        let early = std::mem::take(&mut exchange.answer);
        exchange.to_client.bytes.extend_from_slice(&early);
        let ended = tunnel::run(
            &self.client.conduit,
            &backend,
            &mut exchange.to_backend,
            &mut exchange.to_client,
            self.ways.listener.timeouts.tunnel,
        )
        .await;
        exchange.record.bytes_in += ended.up;
        exchange.record.bytes_out += ended.down;
        if !ended.broken {
            return Try::Over(Reason::Ok, Then::Close);
        }
        backend.reset();
        Try::Over(Reason::Ok, Then::Reset)
    }

    /// Whether a failed try may be followed by another.
    fn again(&self, failed: &Failed, tries: &Tries) -> Option<Try> {
        let Tries {
            more,
            reused,
            repeatable,
        } = *tries;
        let possible = !failed.begun && failed.replayable && (failed.nothing_sent || repeatable);
        if !possible {
            return None;
        }
        match failed.blame {
            Some(Failure::Reset) if reused && failed.unanswered && (more || failed.nothing_sent) => Some(Try::Afresh),
            Some(Failure::Reset) if failed.unanswered && self.way.retries_on(RetryOn::Reset) => {
                (more && self.pool.may_retry()).then_some(Try::Elsewhere)
            }
            // The budget has been asked before the answer was given up.
            Some(Failure::Status) => Some(Try::Elsewhere),
            Some(
                Failure::Reset
                | Failure::Connect
                | Failure::ConnectTimeout
                | Failure::ResponseTimeout
                | Failure::BadResponse,
            )
            | None => None,
        }
    }

    /// Sends the client what is left of its answer. One that may still be sending gets time to read it.
    async fn deliver(&mut self, keep_alive: bool, whole: bool) -> (Reason, Then) {
        let window = self.ways.listener.timeouts.request;
        match flush(self.client, self.exchange, window).await {
            Ok(()) => (Reason::Ok, self.then(keep_alive, whole)),
            Err(reason) => (reason, Then::Reset),
        }
    }

    /// What becomes of the client's connection after a whole answer.
    fn then(&self, keep_alive: bool, whole: bool) -> Then {
        if keep_alive {
            return Then::Next;
        }
        let sending = !whole || self.client.conduit.may_read();
        if sending { Then::Linger } else { Then::Close }
    }

    async fn over(&mut self, reason: Reason, begun: bool) -> Try {
        let (reason, then) = Box::pin(self.fail(reason, begun)).await;
        Try::Over(reason, then)
    }

    /// Answers with the reason's status, or cuts an answer that has begun so that the client notices.
    pub(crate) async fn fail(&mut self, reason: Reason, begun: bool) -> (Reason, Then) {
        self.exchange.to_backend.clear();
        if begun {
            let _ = self.exchange.to_client.flush(&self.client.conduit);
            return (reason, Then::Reset);
        }
        if reason == Reason::ClientGone {
            self.exchange.record.status = reason.status();
            return (reason, Then::Close);
        }
        (reason, own::error(self.client, self.exchange, reason).await)
    }
}

/// What is known of a try when it has failed.
struct Tries {
    more: bool,
    reused: bool,
    repeatable: bool,
}

/// Counts and logs a finished request.
pub(crate) fn finish(
    client: &Client,
    exchange: &mut Exchange,
    ways: &Ways,
    took: Option<Took<'_>>,
    reason: Reason,
    believed: Option<IpAddr>,
) {
    let total = reactor::now().since(exchange.record.started);
    ways.reasons.count(reason);
    match took {
        Some(took) => took.count(exchange.record.status, total),
        None => ways.unrouted.count(exchange.record.status),
    }
    if let Some(lines) = &ways.log {
        if exchange.record.request_id[0] == 0 {
            exchange.record.request_id = client.guest.world.request_id();
        }
        let line = facts::Line {
            exchange,
            ways,
            took,
            reason,
            client: believed.or(client.peer()),
            total,
            protocol: client.protocol(exchange.head.version),
        };
        lines.push(|out| line.write(out));
    }
}
