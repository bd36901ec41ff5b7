//! `tls` of `[listener.NAME]` and of `[pool.NAME]`. The files that it names are read elsewhere.

use crate::atom::{pattern, place};
use crate::problem::{Fault, shown};
use crate::reading::Reading;
use crate::report::Report;
use crate::slot::Slot;
use crate::view::View;
use evenkeel_model::{
    Alpn, CertificateFiles, ClientAuth, ClientCertificates, ClientHeader, HostPattern, ListenerTls, Name, PoolProtocol,
    PoolTls, TlsVersion,
};
use std::net::IpAddr;
use std::path::Path;

/// Certificates of one listener: each is read and looked at every second.
const CERTIFICATES_LIMIT: usize = 1024;

/// `None` when it has no sound certificate (then that has been told).
pub(crate) fn listener(reading: &mut Reading<'_>, view: &View<'_>) -> Option<ListenerTls> {
    let base = reading.base;
    let report = &mut reading.report;
    let certificates = certificates(report, view, base);
    let client = client(report, view, base);
    let min_version = match view.word(report, "min_version") {
        Some("1.3") => TlsVersion::Tls13,
        Some(_) | None => TlsVersion::Tls12,
    };
    let alpn = alpn(report, view);
    (!certificates.is_empty()).then_some(ListenerTls {
        certificates,
        client,
        min_version,
        alpn,
    })
}

fn certificates(report: &mut Report<'_>, view: &View<'_>, base: &Path) -> Vec<CertificateFiles> {
    let Some(slot) = view.get("certificates") else {
        return Vec::new();
    };
    let items = slot.items(report);
    if items.is_empty() {
        let fault = Fault::new("`certificates` has no certificate");
        slot.fault(
            report,
            fault.help("for example `certificates = [\"certs/example.com.pem\"]`"),
        );
    }
    if items.len() > CERTIFICATES_LIMIT {
        let message = format!(
            "a listener has at most {CERTIFICATES_LIMIT} certificates, this has {}",
            items.len()
        );
        slot.fault(report, Fault::new(message));
        return Vec::new();
    }
    let mut found: Vec<CertificateFiles> = Vec::new();
    for item in items {
        let Some(files) = certificate(report, &item, base) else {
            continue;
        };
        if found.iter().any(|other| other.cert == files.cert) {
            let message = format!("{} is there twice", shown(&files.cert.display().to_string()));
            item.fault(report, Fault::new(message));
            continue;
        }
        found.push(files);
    }
    found
}

fn certificate(report: &mut Report<'_>, item: &Slot<'_>, base: &Path) -> Option<CertificateFiles> {
    if item.is_text() {
        let path = item.parsed(report, |text| place::path(text, base))?;
        return Some(CertificateFiles {
            cert: path.clone(),
            key: path,
            ocsp: None,
        });
    }
    let view = item.table(report)?;
    let ocsp = view.parsed(report, "ocsp", |text| place::path(text, base));
    let files = pair(report, &view, base)?;
    Some(CertificateFiles { ocsp, ..files })
}

/// `cert` and `key`.
fn pair(report: &mut Report<'_>, view: &View<'_>, base: &Path) -> Option<CertificateFiles> {
    let key = view.parsed(report, "key", |text| place::path(text, base));
    let cert = view.parsed(report, "cert", |text| place::path(text, base))?;
    Some(CertificateFiles {
        key: key.unwrap_or_else(|| cert.clone()),
        cert,
        ocsp: None,
    })
}

fn client(report: &mut Report<'_>, view: &View<'_>, base: &Path) -> Option<ClientCertificates> {
    let ca = view.parsed(report, "client_ca", |text| place::path(text, base));
    let auth = match view.word(report, "client_auth") {
        Some("optional") => ClientAuth::Optional,
        Some(_) | None => ClientAuth::Require,
    };
    let headers = client_headers(report, view);
    if !view.is_meant(&["client_ca"])
        && let Some(slot) = view.first_of(&["client_auth", "client_header"])
        && !(slot.name == "client_header" && headers.is_empty())
    {
        let fault = Fault::new(format!("`{}` means nothing without `client_ca`", slot.name));
        report.add(
            slot.key_span,
            fault.help("for example `client_ca = \"certs/clients.pem\"`"),
        );
    }
    Some(ClientCertificates { ca: ca?, auth, headers })
}

fn client_headers(report: &mut Report<'_>, view: &View<'_>) -> Vec<ClientHeader> {
    // Who asks for certificates wants to know whose they are: as the standard says it, and as most programs expect it.
    let Some(slot) = view.get("client_header") else {
        return vec![ClientHeader::ClientCert, ClientHeader::XSslClient];
    };
    let mut headers = Vec::new();
    for item in slot.items(report) {
        let header = match item.word(report) {
            Some("x-forwarded-client-cert") => ClientHeader::XForwardedClientCert,
            Some("x-forwarded-tls-client-cert") => ClientHeader::XForwardedTlsClientCert,
            Some("x-ssl-client") => ClientHeader::XSslClient,
            Some(_) => ClientHeader::ClientCert,
            None => continue,
        };
        if !headers.contains(&header) {
            headers.push(header);
        }
    }
    headers
}

fn alpn(report: &mut Report<'_>, view: &View<'_>) -> Vec<Alpn> {
    let Some(slot) = view.get("alpn") else {
        return Alpn::ALL.to_vec();
    };
    let items = slot.items(report);
    if items.is_empty() {
        let fault = Fault::new("`alpn` has no protocol").help("for example `alpn = [\"http/1.1\"]`");
        slot.fault(report, fault);
    }
    let mut found = Vec::new();
    for item in items {
        let protocol = match item.word(report) {
            Some("h2") => Alpn::H2,
            Some(_) => Alpn::Http1,
            None => continue,
        };
        if !found.contains(&protocol) {
            found.push(protocol);
        }
    }
    found
}

/// `tls` of a pool.
pub(crate) fn pool(report: &mut Report<'_>, view: &View<'_>, base: &Path) -> PoolTls {
    let verify = view.flag(report, "verify").unwrap_or(true);
    if !verify && let Some(slot) = view.get("ca") {
        report.add(
            slot.key_span,
            Fault::new("`ca` means nothing with `verify = false`").help("leave out `verify = false`"),
        );
    }
    PoolTls {
        ca: view.parsed(report, "ca", |text| place::path(text, base)),
        server_name: view.parsed(report, "server_name", server_name),
        verify,
        client: view
            .table(report, "client")
            .and_then(|inner| pair(report, &inner, base)),
    }
}

/// A name without wildcards, or an address.
fn server_name(text: &str) -> Result<Name, Fault> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(address.to_string().into());
    }
    match pattern::host(text)? {
        Some(HostPattern::Exact(name)) if !name.starts_with('[') => Ok(name),
        Some(HostPattern::Exact(_)) => Err(Fault::new("an address has no brackets here")
            .help(format!("write \"{}\"", shown(text.trim_matches(['[', ']']))))),
        Some(HostPattern::Suffix(_)) | None => {
            Err(Fault::new("a server's name has no `*`").help("write the name that the backends' certificates have"))
        }
    }
}

/// `protocol` of a pool.
pub(crate) fn protocol(report: &mut Report<'_>, view: &View<'_>) -> PoolProtocol {
    match view.word(report, "protocol") {
        Some("h2") => PoolProtocol::H2,
        Some("auto") => {
            if !view.is_meant(&["tls"]) {
                let fault = Fault::new("`protocol = \"auto\"` needs `tls`: only there a backend says what it speaks")
                    .help("write \"http1\" or \"h2\"");
                view.blame(report, "protocol", fault);
            }
            PoolProtocol::Auto
        }
        Some(_) | None => PoolProtocol::Http1,
    }
}
