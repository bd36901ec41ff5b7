//! How backends are told of a client's certificate.

use crate::certificate::Certificate;
use crate::provider::sha256;
use crate::words::{base64, hexadecimal, pem_certificate, percent};
use evenkeel_model::ClientHeader;
use rustls::pki_types::CertificateDer;
use std::fmt::Write;

/// The intermediates are left out where they would be longer than this: backends refuse heads that are too large.
const CHAIN_BYTES: usize = 16 * 1024;

/// The names of the fields of a form, lower case. What clients send under them is removed.
pub fn field_names(header: ClientHeader) -> &'static [&'static str] {
    match header {
        ClientHeader::ClientCert => &["client-cert", "client-cert-chain"],
        ClientHeader::XForwardedClientCert => &["x-forwarded-client-cert"],
        ClientHeader::XForwardedTlsClientCert => &["x-forwarded-tls-client-cert"],
        ClientHeader::XSslClient => &[
            "x-ssl-client-verify",
            "x-ssl-client-s-dn",
            "x-ssl-client-i-dn",
            "x-ssl-client-serial",
            "x-ssl-client-sha256",
            "x-ssl-client-cert",
        ],
    }
}

/// A client's certificate that has been verified.
#[derive(Debug, Clone)]
pub struct ClientCertificate {
    /// What it says.
    pub certificate: Certificate,
    /// SHA-256 of the whole, in lower-case hexadecimal.
    pub fingerprint: String,
    /// The certificate, then those that the client sent with it; DER.
    chain: Vec<CertificateDer<'static>>,
}

impl ClientCertificate {
    pub(crate) fn new(chain: &[CertificateDer<'static>]) -> Option<ClientCertificate> {
        let leaf = chain.first()?;
        Some(ClientCertificate {
            certificate: Certificate::parse(leaf)?,
            fingerprint: hexadecimal(&sha256(leaf)),
            chain: chain.to_vec(),
        })
    }

    /// The certificate itself, DER.
    pub fn der(&self) -> &[u8] {
        self.chain.first().map_or(&[], AsRef::as_ref)
    }
}

/// The fields of these forms, a line each with its end (`name: value\r\n`).
pub(crate) fn lines(headers: &[ClientHeader], shown: Option<&ClientCertificate>) -> String {
    let mut out = String::new();
    for header in headers {
        match (header, shown) {
            (ClientHeader::XSslClient, None) => line(&mut out, "x-ssl-client-verify", "NONE"),
            (_, None) => {}
            (ClientHeader::ClientCert, Some(shown)) => rfc_9440(&mut out, shown),
            (ClientHeader::XForwardedClientCert, Some(shown)) => {
                line(&mut out, "x-forwarded-client-cert", &element(shown));
            }
            (ClientHeader::XForwardedTlsClientCert, Some(shown)) => {
                line(&mut out, "x-forwarded-tls-client-cert", &base64(shown.der()));
            }
            (ClientHeader::XSslClient, Some(shown)) => usual(&mut out, shown),
        }
    }
    out
}

fn line(out: &mut String, name: &str, value: &str) {
    // Every value is printable ASCII: the encodings and RFC 4514 as it is written here see to that.
    debug_assert!(value.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{value}");
    for part in [name, ": ", value, "\r\n"] {
        out.push_str(part);
    }
}

/// Byte sequences of structured fields (RFC 9440 2.1).
fn rfc_9440(out: &mut String, shown: &ClientCertificate) {
    line(out, "client-cert", &format!(":{}:", base64(shown.der())));
    let rest: Vec<String> = shown
        .chain
        .iter()
        .skip(1)
        .map(|der| format!(":{}:", base64(der)))
        .collect();
    let rest = rest.join(", ");
    if !rest.is_empty() && rest.len() <= CHAIN_BYTES {
        line(out, "client-cert-chain", &rest);
    }
}

/// An element of Envoy's field.
fn element(shown: &ClientCertificate) -> String {
    let certificate = &shown.certificate;
    let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
    let mut element = format!(
        "Hash={};Cert=\"{}\";Subject=\"{}\"",
        shown.fingerprint,
        percent(&pem_certificate(shown.der())),
        quoted(&certificate.subject)
    );
    let uris = certificate.uris.iter().map(|uri| ("URI", uri));
    let names = certificate.dns_names.iter().map(|name| ("DNS", name));
    for (key, value) in uris.chain(names) {
        let bare = value
            .bytes()
            .all(|byte| !matches!(byte, b',' | b';' | b'=' | b'"' | b'\\'));
        // Writing to a String cannot fail.
        let _ = if bare {
            write!(element, ";{key}={value}")
        } else {
            write!(element, ";{key}=\"{}\"", quoted(value))
        };
    }
    element
}

fn usual(out: &mut String, shown: &ClientCertificate) {
    let certificate = &shown.certificate;
    line(out, "x-ssl-client-verify", "SUCCESS");
    line(out, "x-ssl-client-s-dn", &certificate.subject);
    line(out, "x-ssl-client-i-dn", &certificate.issuer);
    line(out, "x-ssl-client-serial", &certificate.serial);
    line(out, "x-ssl-client-sha256", &shown.fingerprint);
    line(out, "x-ssl-client-cert", &percent(&pem_certificate(shown.der())));
}
