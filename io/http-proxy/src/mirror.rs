//! Copies of requests to another pool: `mirror`. A copy is a request of its own, in a task of its own, that goes the same
//! way as every other, for a client that is nowhere: its answer is read and forgotten. Nothing that happens to it is told
//! to the request that it is a copy of, which does not wait for it either.

use crate::client::{Client, Guest};
use crate::conduit::Conduit;
use crate::door::Ways;
use crate::exchange::Exchange;
use crate::pool_side::PoolSide;
use crate::proxy::Journey;
use crate::stats::Counter;
use crate::sticky::Visit;
use crate::world::World;
use evenkeel_http::RequestFraming;
use evenkeel_net::reactor;
use std::net::IpAddr;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

/// Copies under way on one worker: what is beyond is not copied, so that a slow shadow cannot gather the memory.
const UNDER_WAY: usize = 256;
/// Bytes of their bodies on one worker; apart from what requests may hold, which copies must not take from them.
const UNDER_WAY_BYTES: usize = 64 << 20;
/// Bytes of a body that is copied; a larger one is not, unless the route's `buffer` holds it whole.
pub(crate) const COPIED_BYTES: usize = 64 * 1024;
/// The longest that a copy may take: nobody waits for it, and a stream need not end.
const LONGEST: Duration = Duration::from_secs(60);

/// Where copies go.
pub(crate) struct MirrorTo {
    pub(crate) pool: Rc<PoolSide>,
    /// Of how many requests, 0 to 1.
    pub(crate) share: f64,
    pub(crate) counts: Copies,
}

/// What became of requests that were to be copied.
pub(crate) struct Copies {
    pub(crate) sent: Arc<Counter>,
    /// The body was larger than what is copied, or did not come whole.
    pub(crate) too_large: Arc<Counter>,
    /// Too many, or too many bytes of them, were under way.
    pub(crate) busy: Arc<Counter>,
}

/// One copy that is to be made.
pub(crate) struct Original<'a> {
    pub(crate) guest: &'a Rc<Guest>,
    pub(crate) exchange: &'a Exchange,
    pub(crate) ways: &'a Rc<Ways>,
    /// The index of the route.
    pub(crate) way: usize,
    pub(crate) believed: Option<IpAddr>,
    pub(crate) trusted: bool,
}

impl MirrorTo {
    /// Whether this request is one of those that are copied.
    pub(crate) fn wants(&self, exchange: &Exchange, world: &World) -> bool {
        // A tunnel's other half is nobody.
        if exchange.head.upgrade.is_some() {
            return false;
        }
        // 53 bits: as many as a fraction has.
        self.share >= 1.0 || ((world.random() >> 11) as f64 / (1_u64 << 53) as f64) < self.share
    }

    /// Begins a copy of a request whose body is whole in `input`.
    pub(crate) fn send(&self, original: &Original<'_>, body: usize) {
        let world = original.guest.world.clone();
        if world.copies.get() >= UNDER_WAY || world.copied_bytes.get() + body > UNDER_WAY_BYTES {
            return self.counts.busy.add(1);
        }
        self.counts.sent.add(1);
        let mut exchange = Exchange::begin(reactor::now());
        exchange.head.clone_from(&original.exchange.head);
        let length = original.exchange.head.length + body;
        exchange.input.extend_from_slice(&original.exchange.input[..length]);
        exchange.record.request_id = original.exchange.record.request_id;
        let copy = Copy {
            client: Client {
                conduit: Conduit::Nowhere,
                guest: Rc::new(original.guest.shadow()),
            },
            exchange,
            ways: original.ways.clone(),
            way: original.way,
            pool: self.pool.clone(),
            believed: original.believed,
            trusted: original.trusted,
        };
        reactor::spawn(copy.run(UnderWay::begin(world, body)));
    }
}

struct Copy {
    client: Client,
    exchange: Box<Exchange>,
    ways: Rc<Ways>,
    way: usize,
    pool: Rc<PoolSide>,
    believed: Option<IpAddr>,
    trusted: bool,
}

impl Copy {
    async fn run(mut self, under_way: UnderWay) {
        self.travel().await;
        self.exchange.end();
        drop(under_way);
    }

    async fn travel(&mut self) {
        let deadline = reactor::now() + LONGEST;
        let mut journey = Journey {
            client: &self.client,
            exchange: &mut self.exchange,
            ways: &self.ways,
            way: &self.ways.ways[self.way],
            pool: &self.pool,
            believed: self.believed,
            trusted: self.trusted,
            copy_later: false,
            visit: Visit::default(),
        };
        let mut travel = pin!(journey.travel());
        // It wakes up at the latest when a timeout of its own has passed.
        std::future::poll_fn(|context| match travel.as_mut().poll(context) {
            Poll::Ready(_) => Poll::Ready(()),
            Poll::Pending if reactor::now() >= deadline => Poll::Ready(()),
            Poll::Pending => Poll::Pending,
        })
        .await;
    }
}

/// One copy under way.
struct UnderWay {
    world: Rc<World>,
    /// Of its body.
    bytes: usize,
}

impl UnderWay {
    fn begin(world: Rc<World>, bytes: usize) -> UnderWay {
        world.copies.set(world.copies.get() + 1);
        world.copied_bytes.set(world.copied_bytes.get() + bytes);
        UnderWay { world, bytes }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.world.copies.set(self.world.copies.get() - 1);
        self.world.copied_bytes.set(self.world.copied_bytes.get() - self.bytes);
    }
}

/// Bytes of a body that is copied on a route that holds bodies up to `buffer`: what is held is whole before it is sent.
pub(crate) fn most(buffer: Option<u64>) -> usize {
    let held = buffer.and_then(|bytes| usize::try_from(bytes).ok());
    held.unwrap_or(0).max(COPIED_BYTES)
}

/// Whether the body is larger than `most`, as far as its head says.
pub(crate) fn is_too_large(exchange: &Exchange, most: usize) -> bool {
    matches!(exchange.head.framing, RequestFraming::Length(length) if length > most as u64)
}

/// How many bytes after the head are the body, if all of it is in `input` and it is no larger than `most`.
pub(crate) fn whole_body(exchange: &Exchange, most: usize) -> Option<usize> {
    let mut body = exchange.head.body();
    let mut length = 0;
    while !body.ended() {
        let rest = exchange.input.get(exchange.head.length + length..)?;
        let run = body.next_run(rest).ok()?;
        if run.pass + run.skip == 0 {
            return None;
        }
        length += run.pass + run.skip;
    }
    (length <= most).then_some(length)
}
