//! One client's connection, request after request.

use crate::conduit::Conduit;
use crate::door::{Inside, Ways};
use crate::exchange::Exchange;
use crate::facts::AddressText;
use crate::own;
use crate::patience::Patience;
use crate::proxy;
use crate::reason::Reason;
use crate::scratch;
use crate::world::World;
use evenkeel_http::{Parsed, Refused};
use evenkeel_model::Moment;
use evenkeel_net::{Elapsed, Socket, Stream, reactor, within};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

/// Requests served in a row to one client whose next ones are already here, before others get their turn.
const PIPELINED_IN_A_ROW: u32 = 16;
/// How long a client that has just come may take to its first word when its listener closes meanwhile: it could not
/// know, and its request may be on its way.
const FIRST_WORD: Duration = Duration::from_secs(1);
/// How long a client whose request was not read to its end may go on sending before it is cut: long enough to read
/// our answer, which a cut would take away from it (RFC 9112 9.6).
const LINGER: Duration = Duration::from_secs(2);
/// And how much.
const LINGER_BYTES: usize = 1024 * 1024;

/// Who is connected, and through which door: the same for all requests of a connection.
pub(crate) struct Guest {
    pub(crate) inside: Inside,
    pub(crate) peer: Option<IpAddr>,
    /// The peer's address as backends and logs read it: written once for all requests of the connection.
    pub(crate) peer_text: AddressText,
    pub(crate) world: Rc<World>,
}

impl Guest {
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
        }
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

    /// Whether this connection ends after the request under way.
    pub(crate) fn is_leaving(&self) -> bool {
        self.guest.is_leaving()
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

/// Serves one client until it leaves.
pub(crate) async fn serve(stream: Stream, address: Option<SocketAddr>, inside: Inside, world: Rc<World>) {
    let Ok(socket) = Socket::new(stream) else { return };
    let peer = address.map(|address| address.ip().to_canonical());
    let guest = Guest {
        inside,
        peer,
        peer_text: AddressText::new(peer),
        world,
    };
    let client = Client {
        conduit: Conduit::Plain(socket),
        guest: Rc::new(guest),
    };
    converse(client).await;
}

/// Answers request after request.
async fn converse(client: Client) {
    let mut leftover = Vec::new();
    let mut in_a_row = 0;
    let mut first = true;
    loop {
        let arrived = read_head(&client, std::mem::take(&mut leftover), first).await;
        first = false;
        let mut exchange = match arrived {
            Arrived::Whole(exchange) => exchange,
            Arrived::Nothing => return,
            Arrived::Refused(exchange, refused) => {
                own::refuse(&client, exchange, refused);
                return linger(&client.conduit).await;
            }
            Arrived::Late(exchange) => {
                own::too_late(&client, exchange);
                return linger(&client.conduit).await;
            }
        };
        let then = proxy::answer(&client, &mut exchange).await;
        leftover = exchange.leftover().to_vec();
        exchange.end();
        match then {
            Then::Next => {}
            Then::Close => return,
            Then::Linger => return linger(&client.conduit).await,
            Then::Reset => return client.conduit.reset(),
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
        let read = within(deadline, || match poll_head(client, &mut exchange, &ways) {
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
fn poll_head(client: &Client, exchange: &mut Option<Box<Exchange>>, ways: &Ways) -> Poll<Option<Arrived>> {
    scratch::with(|buffer| match client.conduit.try_read(buffer) {
        Ok(None) => Poll::Pending,
        Ok(Some(0)) | Err(_) => Poll::Ready(Some(Arrived::Nothing)),
        Ok(Some(length)) => {
            let mut begun = exchange.take().unwrap_or_else(|| Exchange::begin(reactor::now()));
            begun.input.extend_from_slice(&buffer[..length]);
            Poll::Ready(parse(exchange, begun, ways))
        }
    })
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

/// Ends our side, then reads and forgets for a while what the client still sends: closing at once would make the
/// kernel reset the connection, and the client might never see our answer.
async fn linger(conduit: &Conduit) {
    conduit.end_writing();
    let deadline: Moment = reactor::now() + LINGER;
    let mut total = 0;
    let _ = within(deadline, || {
        scratch::with(|buffer| {
            loop {
                match conduit.try_read(buffer) {
                    Ok(None) => return Poll::Pending,
                    Ok(Some(0)) | Err(_) => return Poll::Ready(()),
                    Ok(Some(length)) => total += length,
                }
                if total > LINGER_BYTES {
                    return Poll::Ready(());
                }
            }
        })
    })
    .await;
}
