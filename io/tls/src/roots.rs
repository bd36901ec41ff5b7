//! Whom the system trusts.

use crate::file::{self, Part, Trouble};
use rustls::RootCertStore;
use std::path::{Path, PathBuf};

/// Where distributions keep their bundle: Debian and Alpine, Fedora, older Fedora, SUSE, the BSDs.
const BUNDLES: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// The system's bundle: what `SSL_CERT_FILE` names, or the first usual one that is there.
pub(crate) fn system_bundle() -> Option<PathBuf> {
    let named = std::env::var_os("SSL_CERT_FILE").filter(|path| !path.is_empty());
    let usual = || BUNDLES.iter().map(PathBuf::from).find(|path| path.exists());
    named.map(PathBuf::from).or_else(usual)
}

/// The roots of a file, and its bytes. Blocks.
pub(crate) fn read(path: &Path) -> Result<(RootCertStore, Vec<u8>), Trouble> {
    let (certificates, text) = file::authorities(path)?;
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(certificates);
    if added == 0 {
        return Err(Trouble {
            part: Part::Cert,
            message: format!("no certificate in {} can be a root", path.display()),
            help: Some("copy the file again from where it was made".to_owned()),
        });
    }
    Ok((roots, text))
}
