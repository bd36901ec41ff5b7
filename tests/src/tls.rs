//! A TLS client that says what was agreed upon.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ClientConnection, NamedGroup, ProtocolVersion, RootCertStore, StreamOwned};

use crate::authority::{Authority, Issued};
use crate::message::{self, Read, Response};

/// How long the other side may take to go on.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes of one read.
const READ_BYTES: usize = 16 << 10;

/// What a client wants.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// Whom it trusts.
    pub authority: &'a Authority,
    /// The name that it asks for, and that the certificate must have.
    pub name: &'a str,
    /// TLS 1.2 and nothing newer.
    pub old: bool,
    /// What it speaks inside.
    pub alpn: &'a [&'a str],
    /// Its own certificate.
    pub certificate: Option<&'a Issued>,
    /// The one key exchange that it offers.
    pub group: Option<NamedGroup>,
}

impl<'a> Terms<'a> {
    /// Whatever is usual.
    #[must_use]
    pub fn new(authority: &'a Authority, name: &'a str) -> Self {
        Self {
            authority,
            name,
            old: false,
            alpn: &[],
            certificate: None,
            group: None,
        }
    }

    fn config(&self) -> io::Result<ClientConfig> {
        let mut provider: CryptoProvider = aws_lc_rs::default_provider();
        if let Some(wanted) = self.group {
            provider.kx_groups = aws_lc_rs::ALL_KX_GROUPS.to_vec();
            provider.kx_groups.retain(|group| group.name() == wanted);
        }
        let mut roots = RootCertStore::empty();
        let root = CertificateDer::from_pem_slice(self.authority.pem().as_bytes()).map_err(io::Error::other)?;
        roots.add(root).map_err(io::Error::other)?;
        let versions: &[_] = if self.old { &[&TLS12] } else { &[&TLS13, &TLS12] };
        let builder = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(versions)
            .map_err(io::Error::other)?
            .with_root_certificates(roots);
        let mut config = match self.certificate {
            None => builder.with_no_client_auth(),
            Some(own) => {
                let key = PrivateKeyDer::from_pem_slice(own.key.as_bytes()).map_err(io::Error::other)?;
                let own = builder.with_client_auth_cert(vec![own.der.clone()], key);
                own.map_err(io::Error::other)?
            }
        };
        config.alpn_protocols = self.alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        Ok(config)
    }
}

/// A connection that stands.
#[derive(Debug)]
pub struct TlsClient {
    stream: StreamOwned<ClientConnection, TcpStream>,
}

impl TlsClient {
    /// Connects and agrees on keys.
    ///
    /// # Errors
    /// Why there is no connection: what the other side said, or what is wrong with it.
    pub fn connect(address: SocketAddr, terms: &Terms<'_>) -> io::Result<Self> {
        let name = ServerName::try_from(terms.name.to_owned()).map_err(io::Error::other)?;
        let connection = ClientConnection::new(Arc::new(terms.config()?), name).map_err(io::Error::other)?;
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut stream = StreamOwned::new(connection, stream);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(Self { stream })
    }

    /// Sends all of `bytes`.
    ///
    /// # Errors
    /// The connection is no more.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)?;
        self.stream.flush()
    }

    /// Asks for a page and reads the answer.
    ///
    /// # Errors
    /// There is none, or no valid one.
    pub fn get(&mut self, host: &str, target: &str, fields: &str) -> io::Result<Response> {
        let request = format!("GET {target} HTTP/1.1\r\nhost: {host}\r\n{fields}\r\n");
        self.send(request.as_bytes())?;
        self.response()
    }

    /// Reads an answer.
    ///
    /// # Errors
    /// There is none, or no valid one.
    pub fn response(&mut self) -> io::Result<Response> {
        let deadline = Instant::now() + PATIENCE;
        let mut received = Vec::new();
        let mut buffer = vec![0; READ_BYTES];
        while Instant::now() < deadline {
            let count = self.stream.read(&mut buffer)?;
            received.extend_from_slice(&buffer[..count]);
            match message::response(&received, count == 0, false) {
                Read::Whole(response, _) => return Ok(response),
                Read::Part(_) if count > 0 => {}
                Read::Part(_) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Read::Broken(problem) => return Err(io::Error::other(problem)),
            }
        }
        Err(io::ErrorKind::TimedOut.into())
    }

    /// The certificate that the other side showed, DER.
    #[must_use]
    pub fn certificate(&self) -> Option<&CertificateDer<'static>> {
        self.stream.conn.peer_certificates()?.first()
    }

    /// What is spoken inside, if anything was agreed upon.
    #[must_use]
    pub fn alpn(&self) -> Option<&[u8]> {
        self.stream.conn.alpn_protocol()
    }

    /// The version.
    #[must_use]
    pub fn version(&self) -> Option<ProtocolVersion> {
        self.stream.conn.protocol_version()
    }

    /// The key exchange.
    #[must_use]
    pub fn group(&self) -> Option<NamedGroup> {
        Some(self.stream.conn.negotiated_key_exchange_group()?.name())
    }
}
