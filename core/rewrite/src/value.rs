//! What variables stand for.

use evenkeel_model::{Part, Template, Variable};
use evenkeel_route::Found;

/// What is known of a request; empty = not known.
#[derive(Debug, Clone, Copy, Default)]
pub struct Facts<'a> {
    /// The believed client's address as text, without port.
    pub client_address: &'a [u8],
    /// The client's request id or ours.
    pub request_id: &'a [u8],
    /// As sent.
    pub method: &'a [u8],
    /// As sent, with its port.
    pub host: &'a [u8],
    /// As sent, without the query.
    pub path: &'a [u8],
    /// What follows the `?`.
    pub query: Option<&'a [u8]>,
    /// `http` or `https`.
    pub scheme: &'a [u8],
    /// The backend's name.
    pub backend: &'a [u8],
    /// Of an encrypted connection.
    pub tls: TlsFacts<'a>,
}

/// What is known of an encrypted connection; empty = not known.
#[derive(Debug, Clone, Copy, Default)]
pub struct TlsFacts<'a> {
    /// `TLSv1.3`
    pub version: &'a [u8],
    /// `TLS_AES_128_GCM_SHA256`
    pub cipher: &'a [u8],
    /// What the client asked for.
    pub server_name: &'a [u8],
    /// Of the verified client certificate.
    pub client_subject: &'a [u8],
    /// Of the verified client certificate: SHA-256 in lower-case hexadecimal.
    pub client_fingerprint: &'a [u8],
}

impl<'a> Facts<'a> {
    fn of(&self, variable: Variable) -> &'a [u8] {
        match variable {
            Variable::ClientAddress => self.client_address,
            Variable::RequestId => self.request_id,
            Variable::Method => self.method,
            Variable::Host => self.host,
            Variable::Path => self.path,
            Variable::Query => self.query.unwrap_or_default(),
            Variable::Scheme => self.scheme,
            Variable::Backend => self.backend,
            Variable::TlsVersion => self.tls.version,
            Variable::TlsCipher => self.tls.cipher,
            Variable::TlsServerName => self.tls.server_name,
            Variable::ClientCertificateSubject => self.tls.client_subject,
            Variable::ClientCertificateFingerprint => self.tls.client_fingerprint,
        }
    }
}

/// The value, in `room` where it is put together from several. `found`: what the groups of the route's `path_regex` match.
pub(crate) fn expanded<'a>(
    template: &'a Template,
    facts: &Facts<'a>,
    found: Option<&'a Found>,
    room: &'a mut Vec<u8>,
) -> &'a [u8] {
    let part = |part: &'a Part| match part {
        Part::Text(text) => text.as_bytes(),
        Part::Variable(variable) => facts.of(*variable),
        Part::Group(number) => found.map_or(&[][..], |found| found.group(*number)),
    };
    match template.parts.as_slice() {
        [] => &[],
        [only] => part(only),
        several => {
            room.clear();
            for one in several {
                room.extend_from_slice(part(one));
            }
            room
        }
    }
}
