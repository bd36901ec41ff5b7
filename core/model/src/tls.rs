use crate::Name;
use std::path::PathBuf;

/// `tls` of a listener: connections are decrypted here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenerTls {
    /// At least one. The first answers clients that name no host, or one that no certificate has.
    pub certificates: Vec<CertificateFiles>,
    /// Certificates of clients are asked for and verified.
    pub client: Option<ClientCertificates>,
    /// Nothing older is spoken.
    pub min_version: TlsVersion,
    /// What is offered inside, best first; never empty.
    pub alpn: Vec<Alpn>,
}

/// A certificate with its key, as files.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CertificateFiles {
    /// PEM: the certificate, then those that lead to a root.
    pub cert: PathBuf,
    /// PEM; the same file where nobody named another.
    pub key: PathBuf,
    /// DER: an OCSP response to staple.
    pub ocsp: Option<PathBuf>,
}

/// How clients' certificates are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificates {
    /// PEM: those who may have signed them.
    pub ca: PathBuf,
    /// Whether a client may come without one.
    pub auth: ClientAuth,
    /// How backends are told of them; empty = not at all.
    pub headers: Vec<ClientHeader>,
}

/// Whether a client may come without a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ClientAuth {
    /// No certificate, no connection.
    #[default]
    Require,
    /// A certificate that is shown must be good; none need be shown.
    Optional,
}

/// Fields of a request that tell a backend of the client's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClientHeader {
    /// `Client-Cert` and `Client-Cert-Chain` (RFC 9440).
    ClientCert,
    /// `X-Forwarded-Client-Cert` as Envoy writes it.
    XForwardedClientCert,
    /// `X-Forwarded-Tls-Client-Cert` as Traefik writes it.
    XForwardedTlsClientCert,
    /// `X-SSL-Client-Verify`, `-S-DN`, `-I-DN`, `-Serial`, `-SHA256` and `-Cert` as is usual with nginx and HAProxy.
    XSslClient,
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
#[allow(missing_docs)]
pub enum TlsVersion {
    #[default]
    Tls12,
    Tls13,
}

/// What is spoken inside TLS (RFC 7301).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Alpn {
    H2,
    Http1,
}

impl Alpn {
    /// What both are, best first.
    pub const ALL: [Alpn; 2] = [Alpn::H2, Alpn::Http1];

    /// The registered name.
    pub fn as_str(self) -> &'static str {
        match self {
            Alpn::H2 => "h2",
            Alpn::Http1 => "http/1.1",
        }
    }
}

/// `tls` of a pool: connections to its backends are encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolTls {
    /// PEM: who may have signed the backends' certificates; the system's roots where nobody named a file.
    pub ca: Option<PathBuf>,
    /// The name that the certificates must have, and that is sent (SNI) unless it is an address; without it each
    /// backend's own address.
    pub server_name: Option<Name>,
    /// False: any certificate is taken.
    pub verify: bool,
    /// Our own certificate.
    pub client: Option<CertificateFiles>,
}

impl Default for PoolTls {
    fn default() -> Self {
        PoolTls {
            ca: None,
            server_name: None,
            verify: true,
            client: None,
        }
    }
}

/// What the backends of a pool speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum PoolProtocol {
    /// HTTP/1.1.
    #[default]
    Http1,
    /// HTTP/2, without asking.
    H2,
    /// What the backend chooses (ALPN).
    Auto,
}
