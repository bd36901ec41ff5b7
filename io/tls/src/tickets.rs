//! The keys of session tickets (RFC 5077, RFC 8446 4.6.1). They live in memory only and are made anew regularly, so that
//! who takes them can read only what was recorded lately.

use arc_swap::ArcSwap;
use rustls::Error;
use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::server::ProducesTickets;
use std::sync::Arc;

/// How long tickets are made with the same keys, in seconds. They are taken as long again after it.
pub(crate) const ROTATION_SECONDS: u32 = 6 * 60 * 60;

/// Keys for the tickets of one listener.
#[derive(Debug)]
pub(crate) struct TicketKeys(ArcSwap<Generations>);

#[derive(Debug)]
struct Generations {
    current: Arc<dyn ProducesTickets>,
    /// Tickets of the time before are still good, and are replaced when they are used.
    previous: Option<Arc<dyn ProducesTickets>>,
    /// Seconds since 1970.
    since: i64,
}

impl TicketKeys {
    /// Random ones; the error is the system's lack of randomness.
    pub(crate) fn new(now: i64) -> Result<TicketKeys, Error> {
        Ok(TicketKeys(ArcSwap::from_pointee(Generations {
            current: Ticketer::new()?,
            previous: None,
            since: now,
        })))
    }

    /// Makes new keys when it is time.
    pub(crate) fn keep_fresh(&self, now: i64) -> Result<(), Error> {
        // A clock that was set back must not keep keys for ever.
        let age = now - self.0.load().since;
        if (0..i64::from(ROTATION_SECONDS)).contains(&age) {
            return Ok(());
        }
        self.rotate(now)
    }

    /// Makes new keys; those of before are kept for tickets that are out there.
    pub(crate) fn rotate(&self, now: i64) -> Result<(), Error> {
        let previous = Some(self.0.load().current.clone());
        self.0.store(Arc::new(Generations {
            current: Ticketer::new()?,
            previous,
            since: now,
        }));
        Ok(())
    }
}

impl ProducesTickets for TicketKeys {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        2 * ROTATION_SECONDS
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        self.0.load().current.encrypt(plain)
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        let generations = self.0.load();
        let current = generations.current.decrypt(cipher);
        current.or_else(|| generations.previous.as_ref()?.decrypt(cipher))
    }
}
