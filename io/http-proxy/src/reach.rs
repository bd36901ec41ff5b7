//! How one worker reaches the backends of a pool: new connections, and HTTP/2 connections that requests share.

use crate::client::ready;
use crate::conduit::Conduit;
use crate::trunk::{Stream, Trunk};
use evenkeel_http2::Settings;
use evenkeel_model::{BackendAddress, Moment, PoolProtocol, ProxyProtocol};
use evenkeel_net::{Elapsed, Socket, TaskId, introduction, reactor, within};
use evenkeel_pool::BackendId;
use evenkeel_proxy_protocol::Told;
use evenkeel_tls::ClientTls;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

/// Bytes that a backend may send on one stream before the client has taken any: 128 MB/s at a millisecond. What
/// clients that read nothing can make us hold is this for each of 128 streams, 16 MiB for a connection.
const STREAM_WINDOW: u32 = 128 * 1024;

/// Why there is no connection.
pub(crate) enum NoConnection {
    /// The backend refused it or could not be reached.
    Refused,
    /// The backend did not take it in time.
    TimedOut,
    /// We have no descriptor or port left: not the backend's fault.
    Exhausted,
    /// It could not be agreed on keys, its certificate is not to be trusted, or it does not speak what it should.
    Tls,
}

/// What a new connection shall speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// What the pool says, or both sides agree upon.
    Agreed,
    Http1,
}

/// What the configuration says of speaking to a pool's backends.
#[derive(Clone)]
pub(crate) struct Speech {
    pub(crate) tls: Option<Arc<ClientTls>>,
    pub(crate) protocol: PoolProtocol,
    /// Each connection begins with who the client is.
    pub(crate) introduces: Option<ProxyProtocol>,
    /// How long an HTTP/2 connection without streams is kept.
    pub(crate) idle: Duration,
}

impl Speech {
    fn settings(&self) -> Settings {
        let defaults = Settings::default();
        Settings {
            secure: self.tls.is_some(),
            stream_window: STREAM_WINDOW,
            // Many clients share the connection: those that read nothing must not hold up the others, so there is room
            // for all that every stream may leave unread.
            connection_window: STREAM_WINDOW * defaults.max_concurrent_streams,
            ..defaults
        }
    }

    fn is(&self, other: &Speech) -> bool {
        let same_tls = match (&self.tls, &other.tls) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        same_tls && self.protocol == other.protocol && self.introduces == other.introduces && self.idle == other.idle
    }

    /// A connection that stands, with keys agreed upon where the pool says so.
    async fn connect(
        &self,
        address: &BackendAddress,
        told: &Told,
        deadline: Moment,
        wanted: Wanted,
    ) -> Result<Conduit, NoConnection> {
        let socket = connect(address, deadline).await?;
        if let Some(version) = self.introduces {
            introduction::tell(&socket, version, told).map_err(|_| NoConnection::Refused)?;
        }
        let Some(tls) = &self.tls else {
            return Ok(Conduit::Plain(socket));
        };
        let socket = match wanted {
            Wanted::Agreed => tls.connect(socket, address),
            Wanted::Http1 => tls.connect_http1(socket, address),
        };
        let socket = socket.map_err(|_| NoConnection::Tls)?;
        match within(deadline, || ready(socket.handshake())).await {
            Ok(Ok(())) => Ok(Conduit::Tls(Box::new(socket))),
            Ok(Err(_)) => Err(NoConnection::Tls),
            Err(Elapsed) => {
                socket.timed_out();
                Err(NoConnection::TimedOut)
            }
        }
    }
}

/// The HTTP/2 connections to one backend.
#[derive(Default)]
struct Trunks {
    ready: Vec<Rc<Trunk>>,
    /// A task is making one; the others wait for it.
    connecting: bool,
    waiting: Vec<TaskId>,
    /// The backend was offered HTTP/2 and chose HTTP/1: nothing to wait for.
    declined: bool,
}

impl Trunks {
    fn wake(&mut self) {
        for task in self.waiting.drain(..) {
            reactor::wake(task);
        }
    }
}

/// The ways to the backends of one pool.
pub(crate) struct Reach {
    speech: RefCell<Rc<Speech>>,
    /// What a connection that begins with who the client is says of it.
    told: Told,
    trunks: RefCell<HashMap<BackendId, Trunks, foldhash::fast::RandomState>>,
    /// Whether there is or was any trunk: what pools without HTTP/2 pay.
    any: Cell<bool>,
}

impl Reach {
    pub(crate) fn new(speech: Speech) -> Reach {
        Reach {
            speech: RefCell::new(Rc::new(speech)),
            told: Told::Nothing,
            trunks: RefCell::default(),
            any: Cell::new(false),
        }
    }

    /// The same ways for one client, of whom the backends are told this.
    pub(crate) fn telling(&self, told: Told) -> Reach {
        Reach {
            speech: RefCell::new(self.speech.borrow().clone()),
            told,
            trunks: RefCell::default(),
            any: Cell::new(false),
        }
    }

    /// Whether each connection begins with who the client is, so that it serves no other.
    pub(crate) fn introduces(&self) -> bool {
        self.speech.borrow().introduces.is_some()
    }

    /// Whether the other one's configuration is the very same.
    pub(crate) fn speaks_as(&self, other: &Reach) -> bool {
        Rc::ptr_eq(&self.speech.borrow(), &other.speech.borrow())
    }

    /// Takes a new configuration; true when what stands now is of no use any more.
    pub(crate) fn change(&self, speech: Speech) -> bool {
        let changed = !self.speech.borrow().is(&speech);
        if changed {
            *self.speech.borrow_mut() = Rc::new(speech);
            self.close();
        }
        changed
    }

    /// Whether an upgrade has a connection of its own. Few servers take WebSocket over HTTP/2 (RFC 8441), and whether one
    /// does is known only when it is too late to ask for HTTP/1.1.
    pub(crate) fn sets_apart(&self, upgrade: bool) -> bool {
        upgrade && self.speech.borrow().protocol == PoolProtocol::Auto
    }

    /// A stream of a connection that stands. `upgrade`: for a request that asks for one.
    pub(crate) fn stream(&self, backend: BackendId, upgrade: bool) -> Option<Stream> {
        if !self.any.get() || self.sets_apart(upgrade) {
            return None;
        }
        let mut trunks = self.trunks.borrow_mut();
        let trunks = trunks.get_mut(&backend)?;
        trunks.ready.retain(|trunk| !trunk.is_closed());
        trunks.ready.iter().find_map(Trunk::open)
    }

    /// Connects to a backend until `deadline`. `upgrade`: for a request that asks for one.
    ///
    /// # Errors
    /// See [`NoConnection`].
    pub(crate) async fn connect(
        &self,
        backend: BackendId,
        address: &BackendAddress,
        deadline: Moment,
        upgrade: bool,
    ) -> Result<Conduit, NoConnection> {
        let speech = self.speech.borrow().clone();
        if self.sets_apart(upgrade) {
            match speech.connect(address, &self.told, deadline, Wanted::Http1).await {
                // It may speak HTTP/2 only.
                Err(NoConnection::Tls) => {}
                connected => return connected,
            }
        }
        match speech.protocol {
            PoolProtocol::Http1 => speech.connect(address, &self.told, deadline, Wanted::Agreed).await,
            PoolProtocol::H2 | PoolProtocol::Auto => self.share(backend, address, deadline, &speech).await,
        }
    }

    /// One task connects, the others wait for what becomes of it.
    async fn share(
        &self,
        backend: BackendId,
        address: &BackendAddress,
        deadline: Moment,
        speech: &Speech,
    ) -> Result<Conduit, NoConnection> {
        let waited = within(deadline, || {
            if let Some(stream) = self.stream(backend, false) {
                return Poll::Ready(Some(stream));
            }
            let mut all = self.trunks.borrow_mut();
            self.any.set(true);
            let trunks = all.entry(backend).or_default();
            if trunks.connecting && !trunks.declined {
                trunks.waiting.push(reactor::current());
                return Poll::Pending;
            }
            trunks.connecting = true;
            Poll::Ready(None)
        });
        match waited.await {
            Ok(Some(stream)) => return Ok(Conduit::Stream(stream)),
            Ok(None) => {}
            Err(Elapsed) => return Err(NoConnection::TimedOut),
        }
        // Also when this future is dropped, the next in line begins.
        let connecting = Connecting { reach: self, backend };
        let conduit = speech.connect(address, &self.told, deadline, Wanted::Agreed).await?;
        let agreed = conduit.speaks_h2() || (speech.protocol == PoolProtocol::H2 && conduit.plain().is_some());
        match speech.protocol {
            PoolProtocol::H2 if !agreed => return Err(NoConnection::Tls),
            PoolProtocol::Auto if !agreed => {
                if let Some(trunks) = self.trunks.borrow_mut().get_mut(&backend) {
                    trunks.declined = true;
                }
                return Ok(conduit);
            }
            PoolProtocol::Http1 | PoolProtocol::H2 | PoolProtocol::Auto => {}
        }
        let trunk = Trunk::to_backend(conduit, &speech.settings(), speech.idle);
        if let Some(trunks) = self.trunks.borrow_mut().get_mut(&backend) {
            trunks.ready.push(trunk.clone());
        }
        let stream = trunk.first().ok_or(NoConnection::Refused)?;
        match trunk.is_ready(deadline).await {
            Ok(true) => {}
            Ok(false) => return Err(NoConnection::Refused),
            Err(Elapsed) => {
                trunk.close();
                return Err(NoConnection::TimedOut);
            }
        }
        drop(connecting);
        Ok(Conduit::Stream(stream))
    }

    /// Forgets connections that ended, and ends those to backends that are no more.
    pub(crate) fn sweep(&self, keep: impl Fn(BackendId) -> bool) {
        if !self.any.get() {
            return;
        }
        self.trunks.borrow_mut().retain(|backend, trunks| {
            trunks.ready.retain(|trunk| !trunk.is_closed());
            if !keep(*backend) {
                trunks.ready.drain(..).for_each(|trunk| trunk.close());
            }
            !trunks.ready.is_empty() || trunks.connecting
        });
    }

    /// Ends all connections once their streams have ended.
    pub(crate) fn close(&self) {
        for trunks in self.trunks.borrow_mut().values_mut() {
            trunks.ready.drain(..).for_each(|trunk| trunk.close());
        }
    }
}

/// The right to connect for the others too.
struct Connecting<'a> {
    reach: &'a Reach,
    backend: BackendId,
}

impl Drop for Connecting<'_> {
    fn drop(&mut self) {
        if let Some(trunks) = self.reach.trunks.borrow_mut().get_mut(&self.backend) {
            trunks.connecting = false;
            trunks.wake();
        }
    }
}

/// Connects to a backend until `deadline`.
///
/// # Errors
/// See [`NoConnection`].
async fn connect(address: &BackendAddress, deadline: Moment) -> Result<Socket, NoConnection> {
    let socket = Socket::connect(address).map_err(|error| no_connection(&error))?;
    let connected = within(deadline, || match socket.connected() {
        Ok(true) => Poll::Ready(Ok(())),
        Ok(false) => Poll::Pending,
        Err(error) => Poll::Ready(Err(error)),
    });
    match connected.await {
        // Only on this machine can a connect come back to itself.
        Ok(Ok(())) if is_loopback(address) && socket.is_its_own_peer() => Err(NoConnection::Refused),
        Ok(Ok(())) => Ok(socket),
        Ok(Err(error)) => Err(no_connection(&error)),
        Err(Elapsed) => Err(NoConnection::TimedOut),
    }
}

fn is_loopback(address: &BackendAddress) -> bool {
    match address {
        BackendAddress::Tcp(address) => address.ip().is_loopback(),
        BackendAddress::Unix(_) => false,
    }
}

fn no_connection(error: &io::Error) -> NoConnection {
    match error.kind() {
        io::ErrorKind::TimedOut => NoConnection::TimedOut,
        io::ErrorKind::AddrNotAvailable | io::ErrorKind::OutOfMemory => NoConnection::Exhausted,
        _ if evenkeel_net::listen::is_exhaustion(error) => NoConnection::Exhausted,
        _ => NoConnection::Refused,
    }
}
