//! What is known of a connection and of who is at its other end.

use super::{Counted, TlsSocket};
use crate::fields::{self, ClientCertificate};
use rustls::{HandshakeKind, ProtocolVersion};
use std::rc::Rc;

impl TlsSocket {
    /// What both sides agreed to speak inside; after the handshake.
    pub fn speaks_h2(&self) -> bool {
        self.inner.borrow().session.state().alpn_protocol() == Some(b"h2")
    }

    /// What both sides agreed to speak inside, if they said anything; after the handshake.
    pub fn alpn(&self) -> Option<Box<[u8]>> {
        self.inner.borrow().session.state().alpn_protocol().map(Into::into)
    }

    /// The name that the client asked for (SNI), lower case.
    pub fn server_name(&self) -> Option<&str> {
        self.server_name.get().map(AsRef::as_ref)
    }

    /// `TLSv1.3` or `TLSv1.2`; empty before the handshake is done.
    pub fn version(&self) -> &'static str {
        match self.inner.borrow().session.state().protocol_version() {
            Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
            Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
            Some(_) | None => "",
        }
    }

    /// The registered name of the cipher, such as `TLS_AES_128_GCM_SHA256`; empty before the handshake is done.
    pub fn cipher(&self) -> &'static str {
        let suite = self.inner.borrow().session.state().negotiated_cipher_suite();
        match suite.and_then(|suite| suite.suite().as_str()).unwrap_or("") {
            "TLS13_AES_128_GCM_SHA256" => "TLS_AES_128_GCM_SHA256",
            "TLS13_AES_256_GCM_SHA384" => "TLS_AES_256_GCM_SHA384",
            "TLS13_CHACHA20_POLY1305_SHA256" => "TLS_CHACHA20_POLY1305_SHA256",
            other => other,
        }
    }

    /// Whether an earlier session was taken up again.
    pub fn is_resumed(&self) -> bool {
        self.inner.borrow().session.state().handshake_kind() == Some(HandshakeKind::Resumed)
    }

    /// The client's certificate, verified; none where it showed none or the listener asks for none.
    pub fn client_certificate(&self) -> Option<Rc<ClientCertificate>> {
        let read = || {
            let inner = self.inner.borrow();
            let chain = inner.session.state().peer_certificates()?;
            inner
                .session
                .is_server()
                .then(|| ClientCertificate::new(chain).map(Rc::new))?
        };
        self.certificate.get_or_init(read).clone()
    }

    /// The fields that tell a backend of the client's certificate, a line each with its end (`name: value\r\n`); empty
    /// where the listener has no `client_header`. What the client sent under [`crate::field_names`] is removed.
    pub fn client_fields(&self) -> &str {
        self.client_fields.get_or_init(|| match &self.side {
            Counted::Server(server) => {
                let headers = server.client_headers();
                if headers.is_empty() {
                    return "".into();
                }
                fields::lines(&headers, self.client_certificate().as_deref()).into_boxed_str()
            }
            Counted::Client(_) => "".into(),
        })
    }
}
