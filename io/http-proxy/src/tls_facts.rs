use evenkeel_tls::{ClientCertificate, TlsSocket};
use std::rc::Rc;

/// What is known of a client that came by TLS.
#[derive(Clone)]
pub(crate) struct TlsFacts {
    pub(crate) version: &'static str,
    pub(crate) cipher: &'static str,
    /// The name that it asked for.
    pub(crate) server_name: Option<Box<str>>,
    pub(crate) certificate: Option<Rc<ClientCertificate>>,
    /// What backends are told of the certificate: `name: value` and CRLF, line after line.
    pub(crate) certificate_fields: Box<str>,
}

impl TlsFacts {
    pub(crate) fn of(socket: &TlsSocket) -> Box<TlsFacts> {
        Box::new(TlsFacts {
            version: socket.version(),
            cipher: socket.cipher(),
            server_name: socket.server_name().map(Into::into),
            certificate: socket.client_certificate(),
            certificate_fields: socket.client_fields().into(),
        })
    }

    /// As variables say it.
    pub(crate) fn facts(&self) -> evenkeel_rewrite::TlsFacts<'_> {
        let certificate = self.certificate.as_ref();
        evenkeel_rewrite::TlsFacts {
            version: self.version.as_bytes(),
            cipher: self.cipher.as_bytes(),
            server_name: self.server_name.as_deref().unwrap_or_default().as_bytes(),
            client_subject: certificate.map_or(b"", |shown| shown.certificate.subject.as_bytes()),
            client_fingerprint: certificate.map_or(b"", |shown| shown.fingerprint.as_bytes()),
        }
    }
}
