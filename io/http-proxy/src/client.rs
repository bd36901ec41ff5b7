//! One client's connection, request after request.

use crate::conduit::Conduit;
use crate::door::{Inside, Ways};
use crate::exchange::Exchange;
use crate::facts::AddressText;
use crate::linger::linger;
use crate::links::{Links, OwnLinks};
use crate::own;
use crate::patience::Patience;
use crate::pool_side::PoolSide;
use crate::proxy;
use crate::reason::Reason;
use crate::scratch;
use crate::tls_facts::TlsFacts;
use crate::trunk;
use crate::world::World;
use evenkeel_http::{Parsed, Refused, Version};
use evenkeel_http2::PREFACE;
use evenkeel_net::introduction::{self, Missed};
use evenkeel_net::{Elapsed, Socket, Stream, reactor, within};
use evenkeel_proxy_protocol::Told;
use evenkeel_tls::{Failure, ServerTls};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

/// Requests served in a row to one client whose next ones are already here, before others get their turn.
const PIPELINED_IN_A_ROW: u32 = 16;
/// How long a client that has just come may take to its first word when its listener closes meanwhile: it could not
/// know, and its request may be on its way.
const FIRST_WORD: Duration = Duration::from_secs(1);

/// Who is connected, and through which door: the same for all requests of a connection.
pub(crate) struct Guest {
    pub(crate) inside: Inside,
    pub(crate) peer: Option<IpAddr>,
    /// The peer's address as backends and logs read it: written once for all requests of the connection.
    pub(crate) peer_text: AddressText,
    pub(crate) world: Rc<World>,
    /// `None`: it did not come by TLS.
    pub(crate) tls: Option<Box<TlsFacts>>,
    /// What backends are told of the connection, where they are told; as it was when the client came.
    told: Option<Box<Told>>,
    own: OwnLinks,
}

impl Guest {
    fn new(address: Option<SocketAddr>, socket: &Socket, inside: Inside, world: Rc<World>) -> Guest {
        let peer = address.map(|address| address.ip().to_canonical());
        let told = world.introduces.get().then(|| match (address, socket.local_address()) {
            (Some(source), Some(destination)) => Box::new(Told::internet(source, destination)),
            (None, _) => Box::new(Told::Unix),
            (Some(_), None) => Box::new(Told::Nothing),
        });
        Guest {
            inside,
            peer,
            peer_text: AddressText::new(peer),
            world,
            tls: None,
            told,
            own: OwnLinks::default(),
        }
    }

    /// The peer has said whom it speaks for; if for nobody, it speaks for itself.
    fn speaks_for(&mut self, told: Told) {
        match told {
            Told::Internet { source, .. } => {
                self.peer = Some(source.ip());
                self.peer_text = AddressText::new(self.peer);
                self.told = Some(Box::new(told));
            }
            Told::Unix => self.told = Some(Box::new(told)),
            Told::Nothing => {}
        }
    }

    /// Whether the connection ends after what is under way.
    pub(crate) fn is_leaving(&self) -> bool {
        self.world.stopping.get() || self.inside.door.closed.get()
    }

    pub(crate) fn ways(&self) -> Rc<Ways> {
        self.inside.door.now()
    }

    /// The same, who is not counted among the connections: for requests that nobody waits for.
    pub(crate) fn shadow(&self) -> Guest {
        Guest {
            inside: self.inside.uncounted(),
            peer: self.peer,
            peer_text: self.peer_text,
            world: self.world.clone(),
            tls: self.tls.clone(),
            told: self.told.clone(),
            own: OwnLinks::default(),
        }
    }

    /// The connections to this pool's backends that its requests may use.
    pub(crate) fn links(&self, pool: &Rc<PoolSide>) -> Rc<Links> {
        self.own.of(pool, self.told.as_deref().unwrap_or(&Told::Nothing))
    }

    /// Whether it came by TLS.
    pub(crate) fn secure(&self) -> bool {
        self.tls.is_some()
    }

    pub(crate) fn scheme(&self) -> &'static [u8] {
        if self.secure() { b"https" } else { b"http" }
    }
}

/// Whoever asks, and what carries the answers.
pub(crate) struct Client {
    pub(crate) conduit: Conduit,
    pub(crate) guest: Rc<Guest>,
}

impl Client {
    pub(crate) fn peer(&self) -> Option<IpAddr> {
        self.guest.peer
    }

    fn ways(&self) -> Rc<Ways> {
        self.guest.ways()
    }

    /// How the client speaks to us.
    pub(crate) fn protocol(&self, version: Version) -> &'static str {
        match version {
            Version::Http11 if self.conduit.is_single() => "HTTP/2",
            Version::Http11 => "HTTP/1.1",
            Version::Http10 => "HTTP/1.0",
        }
    }

    /// Whether this connection ends after the request under way.
    pub(crate) fn is_leaving(&self) -> bool {
        self.guest.is_leaving()
    }

    async fn linger(&self) {
        linger(|| self.conduit.end_writing(), |buffer| self.conduit.try_read(buffer)).await;
    }
}

/// What becomes of the connection after a request.
pub(crate) enum Then {
    /// The next request.
    Next,
    /// An orderly end.
    Close,
    /// An end after the client has had time to read our answer.
    Linger,
    /// A reset: the client must not take what it got for whole.
    Reset,
}

/// Starts the task of a client that has come.
pub(crate) fn welcome(stream: Stream, address: Option<SocketAddr>, inside: Inside, world: Rc<World>) {
    let Ok(socket) = Socket::new(stream) else { return };
    let guest = Guest::new(address, &socket, inside, world);
    let ways = guest.ways();
    // What comes before the first request would make every idle connection larger: it is boxed.
    if ways.tls.is_some() || ways.expects_introduction(guest.peer) {
        reactor::spawn(async {
            if let Some(client) = Box::pin(prepare(socket, guest, ways)).await {
                serve(client).await;
            }
        });
    } else {
        let client = Client {
            conduit: Conduit::Plain(socket),
            guest: Rc::new(guest),
        };
        reactor::spawn(serve(client));
    }
}

/// What comes before the first request: whom the peer speaks for, and keys. `None`: it did not come so far.
async fn prepare(mut socket: Socket, mut guest: Guest, ways: Rc<Ways>) -> Option<Client> {
    socket.adopt();
    let limit = ways.listener.timeouts.header;
    if ways.expects_introduction(guest.peer) {
        (socket, guest) = introduced(socket, guest, limit).await?;
    }
    let conduit = match &ways.tls {
        None => Conduit::Plain(socket),
        Some(tls) => decrypt(tls, socket, limit).await?,
    };
    guest.tls = match &conduit {
        Conduit::Tls(socket) => Some(TlsFacts::of(socket)),
        Conduit::Plain(_) | Conduit::Stream(_) | Conduit::Nowhere => None,
    };
    Some(Client {
        conduit,
        guest: Rc::new(guest),
    })
}

/// Serves one client until it leaves.
async fn serve(client: Client) {
    client.conduit.adopt();
    if client.conduit.speaks_h2() {
        return Box::pin(trunk::serve(client.guest, client.conduit, &[])).await;
    }
    if let Some((client, early)) = converse(client).await {
        Box::pin(trunk::serve(client.guest, client.conduit, &early)).await;
    }
}

/// Lets the peer say whom it speaks for, which may take as long as a head. `None`: it did not, which has been counted.
async fn introduced(socket: Socket, mut guest: Guest, limit: Duration) -> Option<(Socket, Guest)> {
    let (reason, detail) = match introduction::take(&socket, reactor::now() + limit).await {
        Ok(told) => {
            guest.speaks_for(told);
            return Some((socket, guest));
        }
        // Whoever says nothing at all looks whether somebody listens.
        Err(Missed::Gone { begun: false } | Missed::Late { begun: false }) => return None,
        Err(Missed::Gone { begun: true }) => (Reason::ClientGone, ""),
        Err(Missed::Late { begun: true }) => (Reason::HeaderTimeout, ""),
        Err(Missed::Wrong(fault)) => (Reason::BadProxyHeader, fault.text()),
    };
    let client = Client {
        conduit: Conduit::Plain(socket),
        guest: Rc::new(guest),
    };
    own::unintroduced(&client, reason, detail);
    None
}

/// Agrees on keys with a client, which may take as long as a head.
async fn decrypt(tls: &Arc<ServerTls>, socket: Socket, limit: Duration) -> Option<Conduit> {
    let socket = tls.accept(socket).ok()?;
    match within(reactor::now() + limit, || ready(socket.handshake())).await {
        Ok(Ok(())) => Some(Conduit::Tls(Box::new(socket))),
        Ok(Err(_)) => {
            let plain = socket.failure() == Some(Failure::PlainHttp);
            if plain {
                own::unencrypted(socket.socket());
            }
            // Clients of TLS 1.3 send their request right behind their last words, often before our alert has come.
            if plain || socket.failure().is_some_and(Failure::was_told) {
                linger(
                    || socket.socket().end_writing(),
                    |buffer| socket.socket().try_read(buffer),
                )
                .await;
            }
            None
        }
        Err(Elapsed) => {
            socket.timed_out();
            None
        }
    }
}

/// What is done, or failed, or neither yet.
pub(crate) fn ready<E>(done: Result<bool, E>) -> Poll<Result<(), E>> {
    match done {
        Ok(true) => Poll::Ready(Ok(())),
        Ok(false) => Poll::Pending,
        Err(error) => Poll::Ready(Err(error)),
    }
}

/// Answers the one request of a stream.
pub(crate) async fn serve_stream(client: Client) {
    let mut exchange = match read_head(&client, Vec::new(), true).await {
        Arrived::Whole(exchange) => exchange,
        Arrived::Nothing | Arrived::Http2(_) => return,
        Arrived::Refused(exchange, refused) => return own::refuse(&client, exchange, refused),
        Arrived::Late(exchange) => return own::too_late(&client, exchange),
    };
    let then = proxy::answer(&client, &mut exchange).await;
    exchange.end();
    match then {
        Then::Next | Then::Close => {}
        // Clients that are told at once to send no more forget that they have got an answer (curl 7.88).
        Then::Linger => client.linger().await,
        Then::Reset => client.conduit.reset(),
    }
}

/// Answers request after request. A client that turns out to speak HTTP/2 is given back, with what it has sent.
async fn converse(client: Client) -> Option<(Client, Vec<u8>)> {
    let mut leftover = Vec::new();
    let mut in_a_row = 0;
    let mut first = true;
    loop {
        let arrived = read_head(&client, std::mem::take(&mut leftover), first).await;
        first = false;
        let mut exchange = match arrived {
            Arrived::Whole(exchange) => exchange,
            Arrived::Nothing => return None,
            Arrived::Http2(early) => return Some((client, early)),
            Arrived::Refused(exchange, refused) => {
                own::refuse(&client, exchange, refused);
                client.linger().await;
                return None;
            }
            Arrived::Late(exchange) => {
                own::too_late(&client, exchange);
                client.linger().await;
                return None;
            }
        };
        // Boxed: what a request needs would make every idle connection three times as large, and a worker's requests use
        // the same warm memory one after another.
        let then = Box::pin(proxy::answer(&client, &mut exchange)).await;
        leftover = exchange.leftover().to_vec();
        exchange.end();
        match then {
            Then::Next => {}
            Then::Close => return None,
            Then::Linger => {
                client.linger().await;
                return None;
            }
            Then::Reset => {
                client.conduit.reset();
                return None;
            }
        }
        in_a_row = if leftover.is_empty() { 0 } else { in_a_row + 1 };
        if in_a_row >= PIPELINED_IN_A_ROW {
            in_a_row = 0;
            reactor::yield_now().await;
        }
    }
}

enum Arrived {
    Whole(Box<Exchange>),
    /// The preface of HTTP/2, and what came with it.
    Http2(Vec<u8>),
    /// The client left, or had nothing to say in time.
    Nothing,
    Refused(Box<Exchange>, Refused),
    Late(Box<Exchange>),
}

/// Waits for a head. Nothing is held for a connection on which nothing has come yet.
async fn read_head(client: &Client, leftover: Vec<u8>, first: bool) -> Arrived {
    let ways = client.ways();
    let mut exchange: Option<Box<Exchange>> = None;
    if !leftover.is_empty() {
        let mut begun = Exchange::begin(reactor::now());
        begun.input = leftover;
        if let Some(arrived) = parse(&mut exchange, begun, &ways) {
            return arrived;
        }
    }
    let timeouts = ways.listener.timeouts;
    let since = reactor::now();
    loop {
        let leaving = client.is_leaving();
        let (deadline, begun) = match &exchange {
            Some(exchange) => (exchange.record.started + timeouts.header, true),
            None if leaving => (since + timeouts.idle.min(FIRST_WORD), false),
            None => (since + timeouts.idle, false),
        };
        // What has come is read first: whoever is leaving answers what was asked before.
        let read = within(deadline, || match poll_head(client, &mut exchange, &ways, first) {
            Poll::Pending if begun || !client.is_leaving() => Poll::Pending,
            Poll::Pending if !first => Poll::Ready(Some(Arrived::Nothing)),
            Poll::Pending if leaving => Poll::Pending,
            Poll::Pending => Poll::Ready(None),
            ready @ Poll::Ready(_) => ready,
        });
        match read.await {
            Ok(Some(arrived)) => return arrived,
            // The first bytes have come, or the listener closes: another deadline counts.
            Ok(None) => {}
            Err(Elapsed) => return exchange.take().map_or(Arrived::Nothing, Arrived::Late),
        }
    }
}

/// Reads once; `None` = more is needed.
fn poll_head(client: &Client, exchange: &mut Option<Box<Exchange>>, ways: &Ways, first: bool) -> Poll<Option<Arrived>> {
    scratch::with(|buffer| match client.conduit.try_read(buffer) {
        Ok(None) => Poll::Pending,
        Ok(Some(0)) | Err(_) => Poll::Ready(Some(Arrived::Nothing)),
        Ok(Some(length)) => {
            let mut begun = exchange.take().unwrap_or_else(|| Exchange::begin(reactor::now()));
            begun.input.extend_from_slice(&buffer[..length]);
            if first && begun.input[0] == PREFACE[0] && client.conduit.plain().is_some() {
                match preface(&begun.input) {
                    Preface::Absent => {}
                    Preface::Begun => {
                        *exchange = Some(begun);
                        return Poll::Ready(None);
                    }
                    Preface::Whole => {
                        let early = std::mem::take(&mut begun.input);
                        begun.end();
                        return Poll::Ready(Some(Arrived::Http2(early)));
                    }
                }
            }
            Poll::Ready(parse(exchange, begun, ways))
        }
    })
}

/// Whether a connection begins as HTTP/2 does (RFC 9113 3.4).
enum Preface {
    Absent,
    Begun,
    Whole,
}

fn preface(input: &[u8]) -> Preface {
    if input.starts_with(PREFACE) {
        Preface::Whole
    } else if PREFACE.starts_with(input) {
        Preface::Begun
    } else {
        Preface::Absent
    }
}

/// Parses what has come; puts the exchange back when more is needed.
fn parse(place: &mut Option<Box<Exchange>>, mut exchange: Box<Exchange>, ways: &Ways) -> Option<Arrived> {
    match exchange.head.parse(&exchange.input, &ways.limits) {
        Ok(Parsed::Whole) => {
            exchange.taken = exchange.head.length;
            Some(Arrived::Whole(exchange))
        }
        Ok(Parsed::Partial) => {
            *place = Some(exchange);
            None
        }
        Err(refused) => Some(Arrived::Refused(exchange, refused)),
    }
}

/// Sends what is left for the client.
///
/// # Errors
/// The client left, or does not read.
pub(crate) async fn flush(client: &Client, exchange: &mut Exchange, window: Duration) -> Result<(), Reason> {
    let mut patience = Patience::new(window);
    std::future::poll_fn(|_| {
        match exchange.to_client.flush(&client.conduit) {
            Ok(count) => {
                exchange.record.bytes_out += count as u64;
                patience.moved(count);
            }
            Err(_) => return Poll::Ready(Err(Reason::ClientGone)),
        }
        if !exchange.to_client.waits_for(&client.conduit) {
            return Poll::Ready(Ok(()));
        }
        if client.conduit.is_gone() {
            return Poll::Ready(Err(Reason::ClientGone));
        }
        let deadline = patience.deadline(reactor::now());
        if reactor::now() >= deadline {
            return Poll::Ready(Err(Reason::RequestTimeout));
        }
        reactor::arm(deadline);
        Poll::Pending
    })
    .await
}
