//! Which certificate answers which name.

use crate::file::Pair;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::{CertifiedKey, Signer, SigningKey};
use rustls::{SignatureAlgorithm, SignatureScheme};
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

/// Certificates of one name, the cheaper signature first.
type Choices = Vec<Arc<CertifiedKey>>;

/// The certificates of a listener by name. Names are lower case; those of the client come so.
#[derive(Debug)]
pub(crate) struct Names {
    exact: HashMap<Box<str>, Choices>,
    /// `example.com` for `*.example.com`, which is one label more (RFC 9525 6.3).
    wildcard: HashMap<Box<str>, Choices>,
    /// For clients that name nothing, or nothing that is here.
    first: Choices,
    /// For clients that can verify none of our signatures.
    none: Arc<CertifiedKey>,
}

/// A key that goes with no signature and no cipher: with it rustls refuses the handshake by the right alert. With a key that
/// it takes for fitting it would begin one of TLS 1.2, and end it without a word when it cannot sign.
#[derive(Debug)]
struct NoKey;

impl SigningKey for NoKey {
    fn choose_scheme(&self, _: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        None
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::Anonymous
    }
}

thread_local! {
    /// The name that the handshake under way on this thread asked for: where a connection is driven step by step,
    /// rustls tells it only to whoever chooses the certificate.
    static ASKED: RefCell<Option<Box<str>>> = const { RefCell::new(None) };
}

/// Takes what the last handshake step on this thread asked for.
pub(crate) fn take_asked() -> Option<Box<str>> {
    ASKED.with(|asked| asked.borrow_mut().take())
}

impl Names {
    /// `pairs` in the order of the configuration, at least one.
    pub(crate) fn new(pairs: Vec<Pair>) -> Names {
        let (mut exact, mut wildcard): (HashMap<_, Choices>, HashMap<_, Choices>) = Default::default();
        let mut first: Choices = Vec::new();
        let firsts: Vec<String> = pairs.first().map(names_of).unwrap_or_default();
        for (index, pair) in pairs.into_iter().enumerate() {
            let names = names_of(&pair);
            let certified = Arc::new(pair.certified);
            if index == 0 || names.iter().any(|name| firsts.contains(name)) {
                first.push(certified.clone());
            }
            for name in names {
                let choices = match name.strip_prefix("*.") {
                    Some(parent) => wildcard.entry(parent.into()).or_default(),
                    None => exact.entry(name.into_boxed_str()).or_default(),
                };
                choices.push(certified.clone());
            }
        }
        for choices in exact.values_mut().chain(wildcard.values_mut()).chain([&mut first]) {
            choices.sort_by_key(|certified| cost(certified.key.algorithm()));
        }
        Names {
            exact,
            wildcard,
            first,
            none: Arc::new(CertifiedKey::new(Vec::new(), Arc::new(NoKey))),
        }
    }

    fn choices(&self, name: Option<&str>) -> &Choices {
        let Some(name) = name else {
            return &self.first;
        };
        let parent = || name.split_once('.').map(|(_, parent)| parent);
        let found = self.exact.get(name).or_else(|| self.wildcard.get(parent()?));
        found.unwrap_or(&self.first)
    }
}

fn names_of(pair: &Pair) -> Vec<String> {
    // Certificates without names in subjectAltName are still made by hand; the common name is what is meant then.
    let leaf = &pair.leaf;
    let by_common_name = leaf.dns_names.is_empty().then(|| leaf.common_name.clone()).flatten();
    let mut names = leaf.dns_names.clone();
    names.extend(by_common_name.map(|name| name.to_ascii_lowercase()));
    names.sort();
    names.dedup();
    names
}

/// What a signature costs us, in ranks: RSA is twenty times an elliptic curve.
fn cost(algorithm: SignatureAlgorithm) -> u8 {
    match algorithm {
        SignatureAlgorithm::ECDSA | SignatureAlgorithm::ED25519 => 0,
        _ => 1,
    }
}

impl ResolvesServerCert for Names {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name();
        ASKED.with(|asked| *asked.borrow_mut() = name.map(Into::into));
        let choices = self.choices(name);
        let fits = |certified: &&Arc<CertifiedKey>| certified.key.choose_scheme(hello.signature_schemes()).is_some();
        Some(choices.iter().find(fits).unwrap_or(&self.none).clone())
    }
}
