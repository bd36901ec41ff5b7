//! TLS of a listener.

use crate::failure::Counts;
use crate::file::{Pair, Trouble};
use crate::names::Names;
use crate::provider::provider;
use crate::session::Session;
use crate::socket::TlsSocket;
use crate::tickets::TicketKeys;
use arc_swap::ArcSwap;
use evenkeel_model::{ClientAuth, ClientHeader, ListenerTls, TlsVersion};
use evenkeel_net::Socket;
use rustls::RootCertStore;
use rustls::ServerConfig;
use rustls::server::{NoServerSessionStorage, UnbufferedServerConnection, WebPkiClientVerifier};
use rustls::version::{TLS12, TLS13};
use std::io;
use std::sync::Arc;

/// Tickets after a handshake of TLS 1.3. One is enough for clients that come back, and each costs its encryption.
const TICKETS: usize = 1;

/// TLS of a listener. It stays the same as long as the listener has `tls`; what changes is taken into it, and
/// connections that stand keep what they began with.
#[derive(Debug)]
pub struct ServerTls {
    content: ArcSwap<ServerContent>,
    pub(crate) counts: Counts,
}

impl ServerTls {
    pub(crate) fn new(content: ServerContent) -> ServerTls {
        ServerTls {
            content: ArcSwap::from_pointee(content),
            counts: Counts::default(),
        }
    }

    /// New connections begin with this.
    pub(crate) fn replace(&self, content: ServerContent) {
        self.content.store(Arc::new(content));
    }

    /// The side of a server on a connection that a client has made.
    ///
    /// # Errors
    /// When rustls cannot begin, which it always can with a configuration that it took.
    pub fn accept(self: &Arc<ServerTls>, socket: Socket) -> io::Result<TlsSocket> {
        let config = self.content.load().config.clone();
        let connection = UnbufferedServerConnection::new(config).map_err(io::Error::other)?;
        Ok(TlsSocket::server(socket, Session::Server(connection), self.clone()))
    }

    /// How backends are told of clients' certificates.
    pub fn client_headers(&self) -> Arc<[ClientHeader]> {
        self.content.load().client_headers.clone()
    }
}

/// What was made of the files of a listener.
#[derive(Debug, Clone)]
pub(crate) struct ServerContent {
    config: Arc<ServerConfig>,
    client_headers: Arc<[ClientHeader]>,
}

/// Whose certificates clients may show.
pub(crate) type Clients = (Arc<RootCertStore>, ClientAuth);

/// What new connections begin with. `tickets`: keys that no listener with other demands on clients has.
pub(crate) fn content(
    model: &ListenerTls,
    pairs: Vec<Pair>,
    clients: Option<Clients>,
    tickets: Arc<TicketKeys>,
) -> Result<ServerContent, Trouble> {
    let refused = |error: &dyn std::fmt::Display| Trouble::new(format!("the certificates cannot be used: {error}"));
    let versions: &[_] = match model.min_version {
        TlsVersion::Tls12 => &[&TLS13, &TLS12],
        TlsVersion::Tls13 => &[&TLS13],
    };
    let builder = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(versions)
        .map_err(|error| refused(&error))?;
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some((roots, auth)) => {
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider());
            let verifier = match auth {
                ClientAuth::Require => verifier,
                ClientAuth::Optional => verifier.allow_unauthenticated(),
            };
            builder.with_client_cert_verifier(verifier.build().map_err(|error| refused(&error))?)
        }
    };
    let mut config = builder.with_cert_resolver(Arc::new(Names::new(pairs)));
    config.alpn_protocols = model.alpn.iter().map(|alpn| alpn.as_str().into()).collect();
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.ticketer = tickets;
    config.send_tls13_tickets = TICKETS;
    Ok(ServerContent {
        config: Arc::new(config),
        client_headers: model.client.iter().flat_map(|client| client.headers.clone()).collect(),
    })
}
