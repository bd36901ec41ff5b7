//! An authority of a test's own, and what it signs. Its certificates stay in memory until they are written.

use std::io;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, SerialNumber, date_time_ymd,
};
use rustls::pki_types::CertificateDer;

/// An authority.
#[derive(Debug)]
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// What kind of key a certificate has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Key {
    /// NIST P-256.
    #[default]
    Ecdsa,
    /// 2048 bits.
    Rsa,
}

/// What a certificate is to say.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The first is the common name too.
    pub names: &'a [&'a str],
    /// Its key.
    pub key: Key,
    /// It begins and ends with these years.
    pub years: (i32, i32),
    /// For clients instead of servers.
    pub client: bool,
    /// Its number.
    pub serial: u64,
}

impl Default for Wanted<'_> {
    fn default() -> Self {
        Self {
            names: &["localhost", "127.0.0.1"],
            key: Key::Ecdsa,
            years: (2020, 2090),
            client: false,
            serial: 1,
        }
    }
}

/// A certificate with its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// The certificate, PEM.
    pub chain: String,
    /// Its key, PEM.
    pub key: String,
    /// The certificate, DER.
    pub der: CertificateDer<'static>,
}

impl Authority {
    /// A new one with this name.
    ///
    /// # Errors
    /// What the library said, here and below.
    pub fn new(name: &str) -> io::Result<Self> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![
            KeyUsagePurpose::KeyCertSign,
            KeyUsagePurpose::CrlSign,
            KeyUsagePurpose::DigitalSignature,
        ];
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let issuer = CertifiedIssuer::self_signed(params, key).map_err(io::Error::other)?;
        Ok(Self { issuer })
    }

    /// Its certificate, PEM.
    #[must_use]
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// Its key, PEM.
    #[must_use]
    pub fn key(&self) -> String {
        self.issuer.key().serialize_pem()
    }

    /// Signs a certificate with a new key.
    ///
    /// # Errors
    /// A name that is none.
    pub fn issue(&self, wanted: &Wanted<'_>) -> io::Result<Issued> {
        let names: Vec<String> = wanted.names.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names).map_err(io::Error::other)?;
        let first = wanted.names.first().copied().unwrap_or("nobody");
        params.distinguished_name.push(DnType::CommonName, first);
        params.not_before = date_time_ymd(wanted.years.0, 1, 1);
        params.not_after = date_time_ymd(wanted.years.1, 1, 1);
        params.serial_number = Some(SerialNumber::from(wanted.serial));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
        params.extended_key_usages = vec![if wanted.client {
            ExtendedKeyUsagePurpose::ClientAuth
        } else {
            ExtendedKeyUsagePurpose::ServerAuth
        }];
        let algorithm = match wanted.key {
            Key::Ecdsa => &rcgen::PKCS_ECDSA_P256_SHA256,
            Key::Rsa => &rcgen::PKCS_RSA_SHA256,
        };
        let key = KeyPair::generate_for(algorithm).map_err(io::Error::other)?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(io::Error::other)?;
        Ok(Issued {
            chain: certificate.pem(),
            key: key.serialize_pem(),
            der: certificate.der().clone(),
        })
    }
}

impl Issued {
    /// Certificate and key, as one file has them.
    #[must_use]
    pub fn both(&self) -> String {
        format!("{}{}", self.chain, self.key)
    }

    /// Writes both to `NAME.pem`.
    ///
    /// # Errors
    /// What the file system said.
    pub fn write(&self, directory: &Path, name: &str) -> io::Result<PathBuf> {
        let path = directory.join(format!("{name}.pem"));
        std::fs::write(&path, self.both())?;
        Ok(path)
    }
}
