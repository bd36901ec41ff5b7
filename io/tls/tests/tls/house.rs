//! Certificates in a folder, a worker that serves with them, and clients.

use evenkeel_config::parse;
use evenkeel_model::Config;
use evenkeel_net::listen::{self, Accepted, Bound, Listening};
use evenkeel_net::{Remote, Socket, reactor, within};
use evenkeel_tls::{ServerTls, Sides, TlsSocket, Vault};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, SignatureAlgorithm, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::task::Poll;
use std::thread::JoinHandle;
use std::time::Duration;
use tempfile::TempDir;

/// Longer than anything here takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// What a certificate is to say.
pub(crate) struct Wanted<'a> {
    pub(crate) names: &'a [&'a str],
    pub(crate) algorithm: &'static SignatureAlgorithm,
    /// Years: from, to.
    pub(crate) years: (i32, i32),
    pub(crate) is_client: bool,
}

impl Default for Wanted<'_> {
    fn default() -> Self {
        Wanted {
            names: &["localhost"],
            algorithm: &rcgen::PKCS_ECDSA_P256_SHA256,
            years: (2020, 2090),
            is_client: false,
        }
    }
}

pub(crate) fn names<'a>(names: &'a [&'a str]) -> Wanted<'a> {
    Wanted {
        names,
        ..Wanted::default()
    }
}

pub(crate) struct Leaf {
    pub(crate) chain: String,
    pub(crate) key: String,
    pub(crate) der: CertificateDer<'static>,
    pub(crate) key_der: PrivateKeyDer<'static>,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Authority {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        Authority { issuer }
    }

    pub(crate) fn pem(&self) -> String {
        self.issuer.pem()
    }

    pub(crate) fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).unwrap();
        roots
    }

    pub(crate) fn issue(&self, wanted: &Wanted<'_>) -> Leaf {
        let names: Vec<String> = wanted.names.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params
            .distinguished_name
            .push(DnType::OrganizationName, "Tests, \"Inc\"");
        params
            .distinguished_name
            .push(DnType::CommonName, wanted.names.first().copied().unwrap_or("nobody"));
        params.not_before = date_time_ymd(wanted.years.0, 1, 1);
        params.not_after = date_time_ymd(wanted.years.1, 1, 1);
        params.extended_key_usages = vec![if wanted.is_client {
            ExtendedKeyUsagePurpose::ClientAuth
        } else {
            ExtendedKeyUsagePurpose::ServerAuth
        }];
        let key = KeyPair::generate_for(wanted.algorithm).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Leaf {
            chain: certificate.pem(),
            key: key.serialize_pem(),
            der: certificate.der().clone(),
            key_der: PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        }
    }
}

/// A folder with certificates, and what is made of a configuration there.
pub(crate) struct House {
    folder: TempDir,
    pub(crate) authority: Authority,
    pub(crate) vault: Vault,
}

impl House {
    pub(crate) fn new() -> House {
        let house = House {
            folder: tempfile::tempdir().unwrap(),
            authority: Authority::new("Tests CA"),
            vault: Vault::new(),
        };
        house.write("ca.pem", house.authority.pem());
        house
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), content).unwrap();
    }

    /// Writes `NAME.pem` with certificate and key.
    pub(crate) fn issue(&self, name: &str, wanted: &Wanted<'_>) -> Leaf {
        let leaf = self.authority.issue(wanted);
        self.write(&format!("{name}.pem"), format!("{}{}", leaf.chain, leaf.key));
        leaf
    }

    /// `tls` of the listener `web` and of the pool `web`.
    pub(crate) fn config(&self, listener: &str, pool: &str) -> Config {
        config(self.folder.path(), listener, pool)
    }

    pub(crate) fn sides(&self, listener: &str, pool: &str) -> Sides {
        let prepared = self.vault.prepare(&self.config(listener, pool)).unwrap();
        let sides = prepared.sides().clone();
        self.vault.commit(prepared);
        sides
    }

    pub(crate) fn listener(&self, tls: &str) -> Arc<ServerTls> {
        self.sides(tls, "").listeners["web"].clone()
    }

    /// What the metrics say under this name and labels.
    pub(crate) fn metric(&self, series: &str) -> Option<f64> {
        let mut out = String::new();
        self.vault.write_metrics(&mut out);
        let line = out
            .lines()
            .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.map(|value| value.parse().unwrap())
    }

    /// A client that trusts the authority.
    pub(crate) fn client(&self) -> ClientConfig {
        ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(self.authority.roots())
            .with_no_client_auth()
    }

    /// The same with a certificate.
    pub(crate) fn client_with(&self, leaf: &Leaf) -> ClientConfig {
        ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(self.authority.roots())
            .with_client_auth_cert(vec![leaf.der.clone()], leaf.key_der.clone_key())
            .unwrap()
    }
}

pub(crate) fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

pub(crate) fn config(folder: &Path, listener: &str, pool: &str) -> Config {
    let mut text = "[listener.web]\nbind = ':443'\npool = 'web'\n".to_owned();
    if !listener.is_empty() {
        text.push_str(&format!("tls = {{ {listener} }}\n"));
    }
    text.push_str("[pool.web]\nbackends = []\n");
    text.push_str(pool);
    match parse(&text, folder) {
        Ok(config) => config,
        Err(problems) => panic!("{problems}"),
    }
}

/// What a served connection was found to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) failure: Option<&'static str>,
    pub(crate) server_name: Option<String>,
    pub(crate) alpn: Option<Vec<u8>>,
    pub(crate) version: &'static str,
    pub(crate) cipher: &'static str,
    pub(crate) is_resumed: bool,
    pub(crate) subject: Option<String>,
    pub(crate) fields: String,
}

impl Facts {
    fn of(socket: &TlsSocket) -> Facts {
        Facts {
            failure: socket.failure().map(evenkeel_tls::Failure::as_str),
            server_name: socket.server_name().map(ToOwned::to_owned),
            alpn: socket.alpn().map(Into::into),
            version: socket.version(),
            cipher: socket.cipher(),
            is_resumed: socket.is_resumed(),
            subject: socket
                .client_certificate()
                .map(|shown| shown.certificate.subject.clone()),
            fields: socket.client_fields().to_owned(),
        }
    }
}

/// A worker that serves until it is dropped.
pub(crate) struct Worker {
    pub(crate) address: SocketAddr,
    facts: Receiver<Facts>,
    remote: Remote,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    /// Sends back what clients send.
    pub(crate) fn echo(server: Arc<ServerTls>) -> Worker {
        Worker::serve(server, async |socket| echo(&socket).await)
    }

    pub(crate) fn serve<F>(server: Arc<ServerTls>, handler: F) -> Worker
    where
        F: AsyncFn(TlsSocket) -> io::Result<()> + Clone + Send + 'static,
    {
        let address = evenkeel_model::BindAddress::Tcp {
            address: "127.0.0.1:0".parse().unwrap(),
            every_address: false,
        };
        let bound = listen::bind(&address, 1).unwrap().remove(0);
        let address = match &bound {
            Bound::Tcp(listener) => listener.local_addr().unwrap(),
            Bound::Unix(_) => unreachable!(),
        };
        let (remote_sender, remote) = channel();
        let (facts_sender, facts) = channel();
        let thread = std::thread::spawn(move || {
            remote_sender.send(reactor::begin().unwrap()).unwrap();
            reactor::spawn(accept(bound, server, facts_sender, handler));
            reactor::run().unwrap();
        });
        Worker {
            address,
            facts,
            remote: remote.recv().unwrap(),
            thread: Some(thread),
        }
    }

    /// Of the next connection.
    pub(crate) fn facts(&self) -> Facts {
        self.facts.recv_timeout(PATIENCE).unwrap()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.remote.run(Box::new(reactor::stop));
        self.thread.take().unwrap().join().unwrap();
    }
}

async fn accept<F>(bound: Bound, server: Arc<ServerTls>, facts: Sender<Facts>, handler: F)
where
    F: AsyncFn(TlsSocket) -> io::Result<()> + Clone + Send + 'static,
{
    let listening = Listening::new(bound).unwrap();
    loop {
        let accepted = within(evenkeel_model::Moment::NEVER, || listening.poll_accept())
            .await
            .unwrap();
        let Accepted::Client(stream, _) = accepted else {
            continue;
        };
        let (server, facts, handler) = (server.clone(), facts.clone(), handler.clone());
        reactor::spawn(async move {
            let socket = server.accept(Socket::new(stream).unwrap()).unwrap();
            let done = handshake(&socket).await;
            let _ = facts.send(Facts::of(&socket));
            if done.is_ok() {
                let _ = handler(socket).await;
            }
        });
    }
}

pub(crate) async fn handshake(socket: &TlsSocket) -> io::Result<()> {
    wait(|| match socket.handshake() {
        Ok(true) => Poll::Ready(Ok(())),
        Ok(false) => Poll::Pending,
        Err(error) => Poll::Ready(Err(error)),
    })
    .await
}

pub(crate) async fn wait<T>(poll: impl FnMut() -> Poll<T>) -> T {
    within(reactor::now() + PATIENCE, poll).await.unwrap()
}

/// Reads once; 0 = the end.
pub(crate) async fn read(socket: &TlsSocket, buffer: &mut [u8]) -> io::Result<usize> {
    wait(|| match socket.try_read(buffer) {
        Ok(Some(length)) => Poll::Ready(Ok(length)),
        Ok(None) => Poll::Pending,
        Err(error) => Poll::Ready(Err(error)),
    })
    .await
}

pub(crate) async fn write_all(socket: &TlsSocket, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let count = wait(|| match socket.try_write(bytes) {
            Ok(Some(count)) => Poll::Ready(Ok(count)),
            Ok(None) => Poll::Pending,
            Err(error) => Poll::Ready(Err(error)),
        })
        .await?;
        bytes = &bytes[count..];
    }
    flush(socket).await
}

pub(crate) async fn flush(socket: &TlsSocket) -> io::Result<()> {
    wait(|| match socket.try_flush() {
        Ok(true) => Poll::Ready(Ok(())),
        Ok(false) => Poll::Pending,
        Err(error) => Poll::Ready(Err(error)),
    })
    .await
}

async fn echo(socket: &TlsSocket) -> io::Result<()> {
    let mut buffer = vec![0; 48 * 1024];
    loop {
        let length = read(socket, &mut buffer).await?;
        if length == 0 {
            socket.end_writing();
            return flush(socket).await;
        }
        write_all(socket, &buffer[..length]).await?;
    }
}

pub(crate) type Client = StreamOwned<ClientConnection, TcpStream>;

/// Connects and shakes hands.
pub(crate) fn connect(address: SocketAddr, config: &Arc<ClientConfig>, name: &str) -> io::Result<Client> {
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let connection = ClientConnection::new(config.clone(), name).unwrap();
    let socket = TcpStream::connect(address)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.set_write_timeout(Some(PATIENCE))?;
    let mut client = StreamOwned::new(connection, socket);
    while client.conn.is_handshaking() {
        client.conn.complete_io(&mut client.sock)?;
    }
    Ok(client)
}

/// Sends a word and gets it back: by then tickets have come too.
pub(crate) fn exchange(client: &mut Client) -> io::Result<()> {
    client.write_all(b"hello")?;
    let mut word = [0; 5];
    client.read_exact(&mut word)?;
    assert_eq!(&word, b"hello");
    Ok(())
}

/// The certificate that the server showed.
pub(crate) fn shown(client: &Client) -> CertificateDer<'static> {
    client.conn.peer_certificates().unwrap()[0].clone()
}

/// Trusts whatever is shown.
#[derive(Debug)]
pub(crate) struct Anybody;

impl rustls::client::danger::ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: rustls::pki_types::UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}
