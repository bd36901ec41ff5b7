//! Files of certificates, keys and OCSP responses. Whatever is wrong with one is said in a sentence, with what to do.

use crate::certificate::Certificate;
use crate::der::{Reader, SEQUENCE};
use crate::moment;
use crate::provider::provider;
use evenkeel_model::CertificateFiles;
use rustls::pki_types::pem::{self, PemObject, SectionKind};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

/// Bytes of a file that is read: twenty times Debian's bundle of roots.
const FILE_LIMIT: u64 = 4 << 20;
/// Certificates in one chain; more would make every handshake slow, and clients stop at ten.
const CHAIN_LIMIT: usize = 16;

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trouble {
    pub(crate) part: Part,
    /// One line without a full stop; names the file.
    pub(crate) message: String,
    /// What to do.
    pub(crate) help: Option<String>,
}

/// Which of the files that belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Cert,
    Key,
    Ocsp,
}

impl Trouble {
    /// Of no particular file.
    pub(crate) fn new(message: String) -> Trouble {
        Trouble {
            part: Part::Cert,
            message,
            help: None,
        }
    }
}

impl Part {
    pub(crate) fn key(self) -> &'static str {
        match self {
            Part::Cert => "cert",
            Part::Key => "key",
            Part::Ocsp => "ocsp",
        }
    }

    fn trouble(self, message: String, help: &str) -> Trouble {
        Trouble {
            part: self,
            message,
            help: Some(help.to_owned()),
        }
    }
}

/// A certificate with its key, read.
#[derive(Debug, Clone)]
pub(crate) struct Pair {
    pub(crate) certified: CertifiedKey,
    pub(crate) leaf: Certificate,
    /// The file of the certificate.
    pub(crate) path: PathBuf,
}

impl Pair {
    /// Whether both are one certificate, whatever chain, key file and OCSP response they came with.
    pub(crate) fn has_leaf_of(&self, other: &Pair) -> bool {
        self.certified.cert.first() == other.certified.cert.first()
    }

    /// What is wrong with its dates now.
    pub(crate) fn untimely(&self) -> Option<Trouble> {
        let path = self.path.display();
        let (now, leaf) = (moment::now(), &self.leaf);
        if now > leaf.not_after {
            let date = moment::show(leaf.not_after);
            let message = format!("the certificate in {path} expired on {date}");
            return Some(Part::Cert.trouble(message, "renew it; clients refuse it"));
        }
        (now < leaf.not_before).then(|| {
            let date = moment::show(leaf.not_before);
            let message = format!("the certificate in {path} is not valid before {date}");
            Part::Cert.trouble(message, "wait until then, or look at this machine's clock")
        })
    }
}

/// Reads a certificate with its key. Blocks.
pub(crate) fn pair(files: &CertificateFiles) -> Result<Pair, Trouble> {
    let text = read(&files.cert, Part::Cert)?;
    let (chain, key) = parse_pem(&text).map_err(|error| not_pem(&files.cert, Part::Cert, &text, &error))?;
    if chain.is_empty() {
        let message = format!("{} has no certificate", files.cert.display());
        let help = if key.is_some() {
            "it has a key only: the certificate (-----BEGIN CERTIFICATE-----) stands before or after it, or in a file of its own"
        } else {
            "a certificate begins with -----BEGIN CERTIFICATE-----; from DER it is made with: openssl x509 -inform der -in FILE"
        };
        return Err(Part::Cert.trouble(message, help));
    }
    if chain.len() > CHAIN_LIMIT {
        let message = format!(
            "{} has {} certificates, a chain at most {CHAIN_LIMIT}",
            files.cert.display(),
            chain.len()
        );
        let help = "keep the certificate and those that lead to a root; leave out the rest";
        return Err(Part::Cert.trouble(message, help));
    }
    let Some(leaf) = Certificate::parse(&chain[0]) else {
        let message = format!("the first certificate in {} is damaged", files.cert.display());
        return Err(Part::Cert.trouble(message, "copy the file again from whoever issued it"));
    };
    let key = if files.key == files.cert { key } else { None };
    let mut certified = certified(files, chain, key)?;
    certified.ocsp = files.ocsp.as_deref().map(ocsp).transpose()?;
    Ok(Pair {
        certified,
        leaf,
        path: files.cert.clone(),
    })
}

fn certified(
    files: &CertificateFiles,
    chain: Vec<CertificateDer<'static>>,
    key: Option<PrivateKeyDer<'static>>,
) -> Result<CertifiedKey, Trouble> {
    // Where both are in one file, that is what people are told of.
    let part = if files.key == files.cert { Part::Cert } else { Part::Key };
    let key = match key {
        Some(key) => key,
        None => read_key(files, part)?,
    };
    let signing = provider().key_provider.load_private_key(key).map_err(|_| {
        let message = format!("the key in {} is of a kind that is not supported", files.key.display());
        let help = "RSA from 2048 to 8192 bits, ECDSA on P-256, P-384 or P-521, or Ed25519";
        part.trouble(message, help)
    })?;
    let certified = CertifiedKey::new(chain, signing);
    if certified.keys_match().is_ok() {
        return Ok(certified);
    }
    let others = certified.cert.iter().skip(1).cloned();
    let is_behind = others.into_iter().any(|other| {
        CertifiedKey::new(vec![other], certified.key.clone())
            .keys_match()
            .is_ok()
    });
    let (key, cert) = (files.key.display(), files.cert.display());
    Err(if is_behind {
        let message = format!("the certificates in {cert} are in the wrong order");
        Part::Cert.trouble(
            message,
            "the certificate of the key comes first, then those that lead to a root",
        )
    } else if files.key == files.cert {
        let message = format!("the key in {key} is not the key of the certificate in it");
        part.trouble(message, "put the key there that the certificate was made with")
    } else {
        let message = format!("the key in {key} is not the key of the certificate in {cert}");
        part.trouble(message, "name the key that the certificate was made with")
    })
}

fn read_key(files: &CertificateFiles, part: Part) -> Result<PrivateKeyDer<'static>, Trouble> {
    let text = read(&files.key, part)?;
    let (_, key) = parse_pem(&text).map_err(|error| not_pem(&files.key, part, &text, &error))?;
    key.ok_or_else(|| {
        let path = files.key.display();
        if contains(&text, b"ENCRYPTED PRIVATE KEY") || contains(&text, b"Proc-Type: 4,ENCRYPTED") {
            let message = format!("the key in {path} has a passphrase");
            return part.trouble(message, "write it without one: openssl pkey -in FILE -out NEWFILE");
        }
        let message = format!("{path} has no private key");
        let help = if part == Part::Cert {
            "put the key behind the certificate, or name both: { cert = \"...\", key = \"...\" }"
        } else {
            "a key begins with -----BEGIN PRIVATE KEY----- (or RSA or EC)"
        };
        part.trouble(message, help)
    })
}

/// An OCSP response to staple (RFC 6960 4.2.1): whole, and a successful one.
fn ocsp(path: &Path) -> Result<Vec<u8>, Trouble> {
    const ENUMERATED: u8 = 0x0a;
    let bytes = read(path, Part::Ocsp)?;
    let mut reader = Reader::new(&bytes);
    let status = reader
        .inside(SEQUENCE)
        .and_then(|mut inside| inside.content(ENUMERATED));
    if reader.is_empty() && status == Some(&[0]) {
        return Ok(bytes);
    }
    let message = match status {
        Some([code]) if *code != 0 => format!("the OCSP response in {} is an error (status {code})", path.display()),
        Some(_) | None => format!("{} has no OCSP response in DER", path.display()),
    };
    Err(Part::Ocsp.trouble(
        message,
        "fetch it with: openssl ocsp -issuer CA -cert CERT -url URL -respout FILE",
    ))
}

/// The certificates of a file of roots, and its bytes. Blocks.
pub(crate) fn authorities(path: &Path) -> Result<(Vec<CertificateDer<'static>>, Vec<u8>), Trouble> {
    let text = read(path, Part::Cert)?;
    let (certificates, _) = parse_pem(&text).map_err(|error| not_pem(path, Part::Cert, &text, &error))?;
    if certificates.is_empty() {
        let message = format!("{} has no certificate", path.display());
        let help = "a certificate begins with -----BEGIN CERTIFICATE-----";
        return Err(Part::Cert.trouble(message, help));
    }
    Ok((certificates, text))
}

/// What a PEM file holds.
type Pem = (Vec<CertificateDer<'static>>, Option<PrivateKeyDer<'static>>);

/// Every certificate, and the first private key, of a text in PEM (RFC 7468).
///
/// # Errors
/// What is no PEM, in a few words.
pub fn parse_pem(text: &[u8]) -> Result<Pem, String> {
    let (mut certificates, mut key) = (Vec::new(), None);
    for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(text) {
        let (kind, der) = section.map_err(|error| wrong(&error))?;
        match kind {
            SectionKind::Certificate => certificates.push(CertificateDer::from(der)),
            SectionKind::PrivateKey if key.is_none() => key = Some(PrivateKeyDer::Pkcs8(der.into())),
            SectionKind::RsaPrivateKey if key.is_none() => key = Some(PrivateKeyDer::Pkcs1(der.into())),
            SectionKind::EcPrivateKey if key.is_none() => key = Some(PrivateKeyDer::Sec1(der.into())),
            _ => {}
        }
    }
    Ok((certificates, key))
}

fn wrong(error: &pem::Error) -> String {
    match error {
        pem::Error::MissingSectionEnd { .. } => "a section has no end: the file is cut off".to_owned(),
        pem::Error::IllegalSectionStart { .. } => "a line that begins a section is damaged".to_owned(),
        pem::Error::Base64Decode(_) => "a line is not base64".to_owned(),
        other => other.to_string(),
    }
}

fn not_pem(path: &Path, part: Part, text: &[u8], error: &str) -> Trouble {
    if contains(text, b"Proc-Type: 4,ENCRYPTED") {
        let message = format!("the key in {} has a passphrase", path.display());
        return part.trouble(message, "write it without one: openssl pkey -in FILE -out NEWFILE");
    }
    let message = format!("{} is not sound PEM: {error}", path.display());
    part.trouble(message, "copy the file again from where it was made")
}

fn contains(text: &[u8], wanted: &[u8]) -> bool {
    text.windows(wanted.len()).any(|window| window == wanted)
}

fn read(path: &Path, part: Part) -> Result<Vec<u8>, Trouble> {
    let shown = path.display();
    let mut bytes = Vec::new();
    // Opening a pipe would wait for its writer, and a device has no end.
    let is_file = std::fs::metadata(path).map(|metadata| metadata.is_file());
    let result = is_file.and_then(|is_file| match is_file {
        true => File::open(path)?.take(FILE_LIMIT + 1).read_to_end(&mut bytes),
        false => Err(std::io::Error::other("it is not a file")),
    });
    match result {
        Ok(_) if bytes.len() as u64 > FILE_LIMIT => {
            let message = format!("{shown} is larger than {} MiB", FILE_LIMIT >> 20);
            Err(part.trouble(message, "name a file of certificates or keys"))
        }
        Ok(_) => Ok(bytes),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let message = format!("there is no file {shown}");
            Err(part.trouble(message, "relative paths begin at the configuration file's folder"))
        }
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            let message = format!("{shown} may not be read by this user");
            Err(part.trouble(
                message,
                "let the user that runs evenkeel read it, by its group for example",
            ))
        }
        Err(error) => Err(Trouble {
            part,
            message: format!("{shown} cannot be read: {error}"),
            help: None,
        }),
    }
}
