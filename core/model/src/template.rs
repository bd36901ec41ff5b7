use crate::Name;

/// A value with variables in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Template {
    /// In order; texts are not empty.
    pub parts: Vec<Part>,
}

/// A part of a [`Template`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// As it stands: no control characters.
    Text(Name),
    /// What is known of the request.
    Variable(Variable),
    /// What this group of the route's `path_regex` matched, by its number; 0 is all of the path. It has such a group.
    Group(u16),
}

impl Part {
    /// What stands there whatever the request.
    pub fn text(&self) -> Option<&str> {
        match self {
            Part::Text(text) => Some(text),
            Part::Variable(_) | Part::Group(_) => None,
        }
    }
}

impl Template {
    /// Whether it says anything of what a `path_regex` matched.
    pub fn has_groups(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Group(_)))
    }
}

/// What a value may say of a request. A fact that a request does not have is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Variable {
    /// The client's address, without port: the believed one where `trusted_proxies` speak for clients.
    ClientAddress,
    /// The request's `X-Request-Id`: the client's, or ours where it sent none.
    RequestId,
    /// As sent.
    Method,
    /// As the client sent it, with its port.
    Host,
    /// As the client sent it, without the query.
    Path,
    /// What follows the `?`, without it.
    Query,
    /// `http` or `https`, as the client spoke to us.
    Scheme,
    /// The name of the backend that has the request.
    Backend,
    /// `TLSv1.3`
    TlsVersion,
    /// `TLS_AES_128_GCM_SHA256`
    TlsCipher,
    /// The name that the client asked for in its handshake.
    TlsServerName,
    /// The subject of the client's certificate, once it was verified.
    ClientCertificateSubject,
    /// SHA-256 of the client's certificate in lower-case hexadecimal, once it was verified.
    ClientCertificateFingerprint,
}

impl Variable {
    /// Every variable.
    pub const ALL: [Variable; 13] = [
        Variable::ClientAddress,
        Variable::RequestId,
        Variable::Method,
        Variable::Host,
        Variable::Path,
        Variable::Query,
        Variable::Scheme,
        Variable::Backend,
        Variable::TlsVersion,
        Variable::TlsCipher,
        Variable::TlsServerName,
        Variable::ClientCertificateSubject,
        Variable::ClientCertificateFingerprint,
    ];

    /// As it is written between the braces.
    pub fn as_str(self) -> &'static str {
        match self {
            Variable::ClientAddress => "client_address",
            Variable::RequestId => "request_id",
            Variable::Method => "method",
            Variable::Host => "host",
            Variable::Path => "path",
            Variable::Query => "query",
            Variable::Scheme => "scheme",
            Variable::Backend => "backend",
            Variable::TlsVersion => "tls_version",
            Variable::TlsCipher => "tls_cipher",
            Variable::TlsServerName => "tls_server_name",
            Variable::ClientCertificateSubject => "client_certificate_subject",
            Variable::ClientCertificateFingerprint => "client_certificate_fingerprint",
        }
    }

    /// The variable of this name.
    pub fn of(name: &str) -> Option<Variable> {
        Variable::ALL.into_iter().find(|variable| variable.as_str() == name)
    }
}
