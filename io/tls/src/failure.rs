//! Why connections did not come about, in words that metrics count.

use rustls::{CertificateError, Error, InvalidMessage, PeerIncompatible};
use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! failures {
    ($($name:ident = $word:literal, $doc:literal;)*) => {
        /// Why a handshake or an encrypted connection failed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Failure { $(#[doc = $doc] $name,)* }

        impl Failure {
            /// Every one, in the order of their counters.
            pub const ALL: &'static [Failure] = &[$(Failure::$name,)*];

            /// The word in metrics and logs.
            pub fn as_str(self) -> &'static str {
                match self { $(Failure::$name => $word,)* }
            }
        }
    };
}

failures! {
    PlainHttp = "plain-http", "HTTP without encryption arrived.";
    NotTls = "not-tls", "What arrived is not TLS, or damaged.";
    Version = "version", "No version of TLS in common.";
    Cipher = "cipher", "No cipher, key exchange or signature in common.";
    Alpn = "alpn", "No protocol inside in common.";
    NoCertificate = "no-certificate", "The other side showed no certificate and must.";
    CertificateExpired = "certificate-expired", "Its certificate has expired, or is not valid yet.";
    CertificateUnknown = "certificate-unknown", "Its certificate was signed by nobody that we know.";
    CertificateName = "certificate-name", "Its certificate has another name.";
    CertificateBad = "certificate-bad", "Its certificate is not sound otherwise.";
    Alert = "alert", "The other side gave up with an alert.";
    Misbehaved = "misbehaved", "The other side broke the rules of TLS.";
    Closed = "closed", "The other side closed without a word.";
    Reset = "reset", "The connection broke.";
    Timeout = "timeout", "It took too long.";
    Internal = "internal", "We failed.";
}

impl Failure {
    /// `incoming`: the first bytes that are not understood.
    pub(crate) fn of(error: &Error, incoming: &[u8]) -> Failure {
        match error {
            Error::InvalidMessage(InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion)
                if looks_like_http(incoming) =>
            {
                Failure::PlainHttp
            }
            Error::InvalidMessage(_) | Error::InappropriateMessage { .. } | Error::DecryptError => Failure::NotTls,
            Error::InappropriateHandshakeMessage { .. } | Error::PeerMisbehaved(_) | Error::PeerSentOversizedRecord => {
                Failure::Misbehaved
            }
            Error::PeerIncompatible(
                PeerIncompatible::ServerDoesNotSupportTls12Or13
                | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
                // What TLS 1.1 and older never send (RFC 5246 7.4.1.4.1).
                | PeerIncompatible::SignatureAlgorithmsExtensionRequired
                | PeerIncompatible::SupportedVersionsExtensionRequired
                | PeerIncompatible::Tls12NotOffered
                | PeerIncompatible::Tls12NotOfferedOrEnabled
                | PeerIncompatible::Tls13RequiredForQuic,
            ) => Failure::Version,
            Error::PeerIncompatible(_) => Failure::Cipher,
            Error::NoApplicationProtocol => Failure::Alpn,
            Error::NoCertificatesPresented => Failure::NoCertificate,
            Error::InvalidCertificate(error) => Failure::of_certificate(error),
            Error::InvalidCertRevocationList(_) | Error::UnsupportedNameType => Failure::CertificateBad,
            Error::AlertReceived(_) => Failure::Alert,
            _ => Failure::Internal,
        }
    }

    /// Whether the other side is still there, and has been told by an alert that there will be no connection.
    pub fn was_told(self) -> bool {
        match self {
            Failure::NotTls
            | Failure::Version
            | Failure::Cipher
            | Failure::Alpn
            | Failure::NoCertificate
            | Failure::CertificateExpired
            | Failure::CertificateUnknown
            | Failure::CertificateName
            | Failure::CertificateBad
            | Failure::Misbehaved
            | Failure::Internal => true,
            Failure::PlainHttp | Failure::Alert | Failure::Closed | Failure::Reset | Failure::Timeout => false,
        }
    }

    fn of_certificate(error: &CertificateError) -> Failure {
        match error {
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => Failure::CertificateExpired,
            // An authority of that name, with another key.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => Failure::CertificateUnknown,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                Failure::CertificateName
            }
            _ => Failure::CertificateBad,
        }
    }
}

fn looks_like_http(incoming: &[u8]) -> bool {
    const METHODS: [&[u8]; 9] = [
        b"GET ",
        b"HEAD ",
        b"POST ",
        b"PUT ",
        b"DELETE ",
        b"OPTIONS ",
        b"PATCH ",
        b"CONNECT ",
        b"PRI * ",
    ];
    // Of a longer word only a part may be here yet; five bytes, the head of a record, are.
    METHODS
        .iter()
        .any(|method| incoming.starts_with(method) || method.starts_with(incoming))
}

/// A failure as the door sees errors of sockets.
pub(crate) fn error_of(failure: Failure) -> io::Error {
    let kind = match failure {
        Failure::Closed => ErrorKind::UnexpectedEof,
        Failure::Reset => ErrorKind::ConnectionReset,
        Failure::Timeout => ErrorKind::TimedOut,
        Failure::PlainHttp
        | Failure::NotTls
        | Failure::Version
        | Failure::Cipher
        | Failure::Alpn
        | Failure::NoCertificate
        | Failure::CertificateExpired
        | Failure::CertificateUnknown
        | Failure::CertificateName
        | Failure::CertificateBad
        | Failure::Alert
        | Failure::Misbehaved
        | Failure::Internal => ErrorKind::InvalidData,
    };
    io::Error::new(kind, failure.as_str())
}

/// Handshakes of one listener or pool. Added to by every worker, once for each connection.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// By version (1.2, 1.3), then by whether a session was resumed.
    done: [[AtomicU64; 2]; 2],
    failed: [AtomicU64; Failure::ALL.len()],
}

impl Counts {
    pub(crate) fn done(&self, is_1_3: bool, resumed: bool) {
        self.done[usize::from(is_1_3)][usize::from(resumed)].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn failed(&self, failure: Failure) {
        self.failed[failure as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Version, whether resumed, and how many.
    pub(crate) fn all_done(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
        let versions = ["1.2", "1.3"].into_iter().zip(&self.done);
        versions.flat_map(|(version, counts)| {
            let counts = ["false", "true"].into_iter().zip(counts);
            counts.map(move |(resumed, count)| (version, resumed, count.load(Ordering::Relaxed)))
        })
    }

    pub(crate) fn all_failed(&self) -> impl Iterator<Item = (Failure, u64)> {
        let counts = Failure::ALL.iter().zip(&self.failed);
        counts.map(|(failure, count)| (*failure, count.load(Ordering::Relaxed)))
    }
}
