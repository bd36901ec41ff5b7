use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Fewest bytes of a secret: what can be guessed signs nothing.
pub const SECRET_LEAST: usize = 16;
/// Most bytes of a secret: a longer file is another file.
pub const SECRET_MOST: usize = 4096;

/// What balancers share that know each other's clients.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret([u8; 32]);

/// The admin token, made slow to guess: every client holds something that was signed with what follows from it, and could
/// try tokens against it.
#[derive(Clone)]
pub struct Stretched([u8; 32]);

/// Rounds of PBKDF2 (RFC 8018 5.2) over the token: a tenth of a second for us at a reload, and for whoever guesses, each
/// time.
const ROUNDS: u32 = 200_000;

impl Stretched {
    /// Takes its time: not for a thread that serves.
    pub fn new(token: &[u8]) -> Stretched {
        let mac = keyed(token);
        let round = |previous: &[u8]| -> [u8; 32] {
            let mut mac = mac.clone();
            mac.update(previous);
            mac.finalize().into_bytes().into()
        };
        // The first block; its number ends the salt.
        let mut last = round(b"evenkeel sticky 1 token\0\0\0\x01");
        let mut key = last;
        for _ in 1..ROUNDS {
            last = round(&last);
            key.iter_mut().zip(last).for_each(|(key, last)| *key ^= last);
        }
        Stretched(key)
    }
}

/// A file that holds no secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadSecret {
    /// Bytes that it has, blanks and line ends around it not counted.
    pub length: usize,
}

impl std::fmt::Display for BadSecret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let length = self.length;
        write!(
            formatter,
            "a secret has {SECRET_LEAST} to {SECRET_MOST} bytes, this has {length}"
        )
    }
}

impl std::error::Error for BadSecret {}

impl std::fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Secret(..)")
    }
}

impl Secret {
    /// From what a `secret_file` holds; blanks and line ends around it do not count.
    ///
    /// # Errors
    /// [`BadSecret`] when it is too short or too long.
    pub fn from_file(content: &[u8]) -> Result<Secret, BadSecret> {
        let content = content.trim_ascii();
        let length = content.len();
        if !(SECRET_LEAST..=SECRET_MOST).contains(&length) {
            return Err(BadSecret { length });
        }
        Ok(Secret::of(b"evenkeel sticky 1 file", &[content]))
    }

    /// Without a file: from what two balancers with the same configuration share, and what a change of the pool's
    /// backends leaves alone. It is as secret as the admin token; without one, whoever knows the names of the pool, of
    /// the cookie and of a backend can forge a cookie that leads there.
    pub fn derived(pool: &str, cookie: Option<&str>, token: Option<&Stretched>) -> Secret {
        let token = token.map_or(&[][..], |stretched| &stretched.0);
        let parts = [pool.as_bytes(), cookie.unwrap_or("").as_bytes(), token];
        Secret::of(b"evenkeel sticky 1 derived", &parts)
    }

    fn of(purpose: &[u8], parts: &[&[u8]]) -> Secret {
        let mut hash = keyed(purpose);
        for part in parts {
            hash.update(&(part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Secret(hash.finalize().into_bytes().into())
    }

    pub(super) fn keyed(&self) -> Hmac<Sha256> {
        keyed(&self.0)
    }
}

/// HMAC takes a key of any length (RFC 2104 2).
#[allow(clippy::expect_used, reason = "no length is refused")]
pub(super) fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length")
}
