//! TLS of a pool.

use crate::certificate::Certificate;
use crate::failure::Counts;
use crate::file::{Pair, Trouble};
use crate::provider::provider;
use crate::session::Session;
use crate::socket::TlsSocket;
use arc_swap::ArcSwap;
use evenkeel_model::{Alpn, BackendAddress, PoolProtocol};
use evenkeel_net::Socket;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, UnbufferedClientConnection, WebPkiServerVerifier, verify_server_name};
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::sign::SingleCertAndKey;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;

/// Sessions that are remembered for taking them up again, over all backends of a pool.
const SESSIONS: usize = 256;

/// TLS of a pool. It stays the same as long as the pool has `tls`; what changes is taken into it, and connections that
/// stand keep what they began with.
#[derive(Debug)]
pub struct ClientTls {
    content: ArcSwap<ClientContent>,
    pub(crate) counts: Counts,
}

/// What was made of the files of a pool.
#[derive(Debug, Clone)]
pub(crate) struct ClientContent {
    config: Arc<ClientConfig>,
    /// The same, offering HTTP/1.1 only.
    http1: Arc<ClientConfig>,
    /// The same for all backends; otherwise each has its address.
    server_name: Option<ServerName<'static>>,
}

impl ClientTls {
    pub(crate) fn new(content: ClientContent) -> ClientTls {
        ClientTls {
            content: ArcSwap::from_pointee(content),
            counts: Counts::default(),
        }
    }

    /// New connections begin with this.
    pub(crate) fn replace(&self, content: ClientContent) {
        self.content.store(Arc::new(content));
    }

    /// The side of a client on a connection to this backend.
    ///
    /// # Errors
    /// When rustls cannot begin.
    pub fn connect(self: &Arc<ClientTls>, socket: Socket, backend: &BackendAddress) -> io::Result<TlsSocket> {
        let (config, name) = self.config(backend);
        self.begin(socket, config, name)
    }

    /// The same where only HTTP/1.1 will do, whatever the pool's `protocol`.
    ///
    /// # Errors
    /// When rustls cannot begin.
    pub fn connect_http1(self: &Arc<ClientTls>, socket: Socket, backend: &BackendAddress) -> io::Result<TlsSocket> {
        let (_, name) = self.config(backend);
        let config = self.content.load().http1.clone();
        self.begin(socket, config, name)
    }

    fn begin(
        self: &Arc<ClientTls>,
        socket: Socket,
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
    ) -> io::Result<TlsSocket> {
        let connection = UnbufferedClientConnection::new(config, name).map_err(io::Error::other)?;
        Ok(TlsSocket::client(socket, Session::Client(connection), self.clone()))
    }

    /// The configuration and the name for this backend: for those who have sockets of their own (probes).
    pub fn config(&self, backend: &BackendAddress) -> (Arc<ClientConfig>, ServerName<'static>) {
        let content = self.content.load();
        let address = match backend {
            BackendAddress::Tcp(address) => address.ip(),
            BackendAddress::Unix(_) => Ipv4Addr::LOCALHOST.into(),
        };
        let name = content.server_name.clone();
        (
            content.config.clone(),
            name.unwrap_or(ServerName::IpAddress(address.into())),
        )
    }
}

/// Whom backends may be.
pub(crate) enum Trust {
    /// Whoever shows a certificate that leads to one of these roots, or is one of these certificates itself.
    Roots(RootCertStore, Vec<CertificateDer<'static>>),
    /// Anybody.
    Anybody,
}

/// What new connections begin with.
pub(crate) fn content(
    protocol: PoolProtocol,
    trust: Trust,
    own: Option<Pair>,
    server_name: Option<ServerName<'static>>,
) -> Result<ClientContent, Trouble> {
    let refused = |error: &dyn std::fmt::Display| Trouble::new(format!("the certificates cannot be used: {error}"));
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| refused(&error))?;
    let builder = builder.dangerous().with_custom_certificate_verifier(match trust {
        Trust::Roots(roots, pinned) => {
            let roots = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider())
                .build()
                .map_err(|error| refused(&error))?;
            Arc::new(Verifier {
                roots: Some(roots),
                pinned,
            })
        }
        Trust::Anybody => Arc::new(Verifier {
            roots: None,
            pinned: Vec::new(),
        }),
    });
    let mut config = match own {
        None => builder.with_no_client_auth(),
        Some(pair) => builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(pair.certified))),
    };
    let alpn: &[Alpn] = match protocol {
        PoolProtocol::Http1 => &[],
        PoolProtocol::H2 => &[Alpn::H2],
        PoolProtocol::Auto => &Alpn::ALL,
    };
    config.alpn_protocols = alpn.iter().map(|alpn| alpn.as_str().into()).collect();
    config.resumption = Resumption::in_memory_sessions(SESSIONS);
    let mut http1 = config.clone();
    http1.alpn_protocols = vec![Alpn::Http1.as_str().into()];
    Ok(ClientContent {
        http1: Arc::new(http1),
        config: Arc::new(config),
        server_name,
    })
}

/// Judges backends' certificates.
#[derive(Debug)]
struct Verifier {
    /// None: anybody's certificate is good.
    roots: Option<Arc<WebPkiServerVerifier>>,
    /// Certificates that are trusted themselves: people name a self-signed certificate as its own authority, which
    /// the rules for authorities would refuse.
    pinned: Vec<CertificateDer<'static>>,
}

fn algorithms() -> WebPkiSupportedAlgorithms {
    provider().signature_verification_algorithms
}

impl Verifier {
    fn verify_pinned(&self, shown: &CertificateDer<'_>, name: &ServerName<'_>, now: UnixTime) -> Result<(), Error> {
        if !self.pinned.iter().any(|pinned| pinned == shown) {
            return Err(CertificateError::UnknownIssuer.into());
        }
        let dates = Certificate::parse(shown).ok_or(CertificateError::BadEncoding)?;
        let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        if now > dates.not_after {
            return Err(CertificateError::Expired.into());
        }
        if now < dates.not_before {
            return Err(CertificateError::NotValidYet.into());
        }
        verify_server_name(&ParsedCertificate::try_from(shown)?, name)
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(roots) = &self.roots else {
            return Ok(ServerCertVerified::assertion());
        };
        match roots.verify_server_cert(shown, intermediates, name, ocsp, now) {
            Ok(verified) => Ok(verified),
            Err(error) => match self.verify_pinned(shown, name, now) {
                Ok(()) => Ok(ServerCertVerified::assertion()),
                Err(Error::InvalidCertificate(CertificateError::UnknownIssuer)) => Err(error),
                Err(pinned) => Err(pinned),
            },
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signature, &algorithms())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &algorithms())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        algorithms().supported_schemes()
    }

    fn root_hint_subjects(&self) -> Option<&[rustls::DistinguishedName]> {
        None
    }
}

/// A name as rustls wants it; `None` for what is no name and no address.
pub(crate) fn server_name(text: &str) -> Option<ServerName<'static>> {
    ServerName::try_from(text.to_owned()).ok()
}
