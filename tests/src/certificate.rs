//! Certificates for a test, made by `openssl`: an authority of the test's own, and what it has signed.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::program::{program, run};

/// How long one command of `openssl` may take.
const WITHIN: Duration = Duration::from_secs(30);

/// An authority and one certificate with its key, as files.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// The authority's certificate: whom a client must trust.
    pub authority: PathBuf,
    /// The certificate, signed by the authority.
    pub chain: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// Both in one file.
    pub pem: PathBuf,
}

impl Certificate {
    /// One for `localhost`, `*.test` and 127.0.0.1, valid for two days from now on, with its files in `directory`.
    ///
    /// # Errors
    /// No `openssl`, or it could not; with what it said.
    pub fn make(directory: &Path) -> io::Result<Self> {
        let made = Self {
            authority: directory.join("authority.pem"),
            chain: directory.join("chain.pem"),
            key: directory.join("key.pem"),
            pem: directory.join("both.pem"),
        };
        let new = [
            "req",
            "-x509",
            "-nodes",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
        ];
        let mut authority = program("openssl")?;
        authority
            .args(new)
            .args(["-days", "2", "-subj", "/CN=The test's authority"]);
        authority.arg("-keyout").arg(directory.join("authority.key"));
        authority.arg("-out").arg(&made.authority);
        run(&mut authority, "", WITHIN)?.good()?;
        let mut leaf = program("openssl")?;
        leaf.args(new).args(["-days", "2", "-subj", "/CN=localhost"]);
        leaf.args(["-addext", "subjectAltName=DNS:localhost,DNS:*.test,IP:127.0.0.1"]);
        leaf.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
        leaf.arg("-CA").arg(&made.authority);
        leaf.arg("-CAkey").arg(directory.join("authority.key"));
        leaf.arg("-keyout").arg(&made.key);
        leaf.arg("-out").arg(&made.chain);
        run(&mut leaf, "", WITHIN)?.good()?;
        let both = [std::fs::read(&made.chain)?, std::fs::read(&made.key)?].concat();
        std::fs::write(&made.pem, both)?;
        Ok(made)
    }
}
