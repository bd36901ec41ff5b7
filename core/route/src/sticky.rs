//! The cookie by which a client is known again.
//!
//! Its value is 24 bytes as base64url: the client's number, the tag of its backend, and a signature over both and the
//! pool. A tag is a keyed hash of the backend's name, so that a cookie tells nobody where backends are. What is not
//! signed by this pool's [`Seal`] is no cookie of ours: nobody can choose a backend by writing one.

mod base64;
mod homes;
mod secret;
#[cfg(test)]
mod tests;

pub use homes::Homes;
pub use secret::{BadSecret, SECRET_LEAST, SECRET_MOST, Secret, Stretched};

use evenkeel_model::Name;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::time::Duration;

/// Bytes of a client's number: of 100 million clients two have the same with a chance of 0.03 %, and no harm is done.
pub const CLIENT_BYTES: usize = 8;
/// Bytes of a backend's tag: of 4096 backends two have the same with a chance of one in 30 million.
const TAG_BYTES: usize = 6;
/// Bytes of a signature: a forger is right once in 2^80 tries, each of which is a request.
const SIGNATURE_BYTES: usize = 10;
const PLAIN_BYTES: usize = CLIENT_BYTES + TAG_BYTES + SIGNATURE_BYTES;
/// Bytes of a cookie's value.
pub const VALUE_BYTES: usize = PLAIN_BYTES / 3 * 4;
/// Most cookies of our name that are looked at in one request: each costs a hash, and browsers send two only when
/// another site of the same domain sets one too.
const LOOKS_MAX: usize = 4;

/// A backend's name as a cookie shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag([u8; TAG_BYTES]);

/// What a cookie says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bond {
    /// The client's number, random.
    pub client: [u8; CLIENT_BYTES],
    /// Its backend.
    pub home: Tag,
}

impl Bond {
    /// The client's number, as a key for choosing among backends.
    pub fn key(&self) -> u64 {
        u64::from_le_bytes(self.client)
    }
}

/// Signs the cookies of one pool, and knows its own signature again. Allocates nothing after it is made.
#[derive(Clone)]
pub struct Seal {
    signer: Hmac<Sha256>,
    tagger: Hmac<Sha256>,
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Seal(..)")
    }
}

impl Seal {
    /// For the pool of this name: what one pool signs is worth nothing in another.
    pub fn new(secret: &Secret, pool: &str) -> Seal {
        let keyed = |purpose: &[u8]| {
            let mut hash = secret.keyed();
            hash.update(purpose);
            hash.update(pool.as_bytes());
            let key = hash.finalize().into_bytes();
            secret::keyed(&key)
        };
        Seal {
            signer: keyed(b"evenkeel sticky 1 client\0"),
            tagger: keyed(b"evenkeel sticky 1 backend\0"),
        }
    }

    /// The tag of the backend of this name.
    pub fn tag(&self, name: &str) -> Tag {
        let mut hash = self.tagger.clone();
        hash.update(name.as_bytes());
        let mut tag = [0; TAG_BYTES];
        tag.copy_from_slice(&hash.finalize().into_bytes()[..TAG_BYTES]);
        Tag(tag)
    }

    /// The value of a cookie that says this.
    pub fn write(&self, bond: &Bond) -> [u8; VALUE_BYTES] {
        let mut plain = [0; PLAIN_BYTES];
        let (said, signature) = plain.split_at_mut(CLIENT_BYTES + TAG_BYTES);
        said[..CLIENT_BYTES].copy_from_slice(&bond.client);
        said[CLIENT_BYTES..].copy_from_slice(&bond.home.0);
        signature.copy_from_slice(&self.sign(said).finalize().into_bytes()[..SIGNATURE_BYTES]);
        base64::encode(&plain)
    }

    /// What a value says; `None` when this pool did not sign it. Takes as long for a wrong signature as for a right one.
    pub fn read(&self, value: &[u8]) -> Option<Bond> {
        let plain: [u8; PLAIN_BYTES] = base64::decode(value.try_into().ok()?)?;
        let (said, signature) = plain.split_at(CLIENT_BYTES + TAG_BYTES);
        self.sign(said).verify_truncated_left(signature).ok()?;
        let (client, home) = said.split_at(CLIENT_BYTES);
        Some(Bond {
            client: client.try_into().ok()?,
            home: Tag(home.try_into().ok()?),
        })
    }

    fn sign(&self, said: &[u8]) -> Hmac<Sha256> {
        let mut hash = self.signer.clone();
        hash.update(said);
        hash
    }
}

/// A pool's cookie: its name, its seal and what browsers are told of it.
#[derive(Debug, Clone)]
pub struct Cookie {
    name: Name,
    seal: Seal,
    /// What follows the value.
    attributes: String,
    /// Whether its age counts from the last visit, so that every answer carries it.
    aging: bool,
}

/// What a request's cookies say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// It has no cookie of our name.
    Nothing,
    /// It has, and this pool signed none of them.
    Refused,
    /// The first that this pool signed.
    Bond(Bond),
}

impl Cookie {
    /// Of this pool; `name` and `duration` as in [`evenkeel_model::Sticky::Cookie`].
    pub fn new(pool: &str, name: Option<&Name>, duration: Option<Duration>, secret: &Secret) -> Cookie {
        let name = name.cloned().unwrap_or_else(|| default_name(pool));
        let mut attributes = "; Path=/; HttpOnly; SameSite=Lax".to_owned();
        if let Some(duration) = duration {
            // Part of a second longer rather than shorter.
            let seconds = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
            attributes.push_str(&format!("; Max-Age={seconds}"));
        }
        Cookie {
            name,
            seal: Seal::new(secret, pool),
            attributes,
            aging: duration.is_some(),
        }
    }

    /// What the cookie is called.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// The tag of the backend of this name.
    pub fn tag(&self, backend: &str) -> Tag {
        self.seal.tag(backend)
    }

    /// Whether every answer carries the cookie anew.
    pub fn is_aging(&self) -> bool {
        self.aging
    }

    /// Looks through the values of a request's `Cookie` fields (RFC 6265 4.2.1).
    pub fn find<'a>(&self, fields: impl Iterator<Item = &'a [u8]>) -> Found {
        let pairs = fields.flat_map(|field| field.split(|byte| *byte == b';'));
        let ours = pairs.filter_map(|pair| self.value(pair));
        let mut found = Found::Nothing;
        for value in ours.take(LOOKS_MAX) {
            match self.seal.read(value) {
                Some(bond) => return Found::Bond(bond),
                None => found = Found::Refused,
            }
        }
        found
    }

    /// Writes what the fields hold besides cookies of our name, as one field.
    pub fn write_others<'a>(&self, fields: impl Iterator<Item = &'a [u8]>, out: &mut Vec<u8>) {
        let begin = out.len();
        let pairs = fields.flat_map(|field| field.split(|byte| *byte == b';'));
        for pair in pairs.map(<[u8]>::trim_ascii) {
            if pair.is_empty() || self.value(pair).is_some() {
                continue;
            }
            if out.len() > begin {
                out.extend_from_slice(b"; ");
            }
            out.extend_from_slice(pair);
        }
    }

    /// The value, if the pair has our name.
    fn value<'a>(&self, pair: &'a [u8]) -> Option<&'a [u8]> {
        let rest = pair.trim_ascii_start().strip_prefix(self.name.as_bytes())?;
        let value = rest.trim_ascii_start().strip_prefix(b"=")?.trim_ascii();
        let quoted = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\""));
        Some(quoted.unwrap_or(value))
    }

    /// The value of a `Set-Cookie` field (RFC 6265 4.1.1). `secure`: the client came by TLS.
    pub fn write_set_cookie(&self, bond: &Bond, secure: bool, out: &mut Vec<u8>) {
        out.extend_from_slice(self.name.as_bytes());
        out.push(b'=');
        out.extend_from_slice(&self.seal.write(bond));
        out.extend_from_slice(self.attributes.as_bytes());
        if secure {
            out.extend_from_slice(b"; Secure");
        }
    }
}

/// The name of a cookie that the configuration does not name: one of its own for each pool, so that two pools of one host do not take each other's cookie away.
pub fn default_name(pool: &str) -> Name {
    let mut hash = secret::keyed(b"evenkeel sticky 1 name");
    hash.update(pool.as_bytes());
    let hash = hash.finalize().into_bytes();
    format!("evenkeel_{:02x}{:02x}{:02x}{:02x}", hash[0], hash[1], hash[2], hash[3]).into()
}
