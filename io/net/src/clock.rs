//! The one clock of the process: core is told what it says.

use evenkeel_model::Moment;
use std::sync::OnceLock;
use std::time::Instant;

static BEGINNING: OnceLock<Instant> = OnceLock::new();

/// Nanoseconds since the first call in this process.
pub fn now() -> Moment {
    let beginning = BEGINNING.get_or_init(Instant::now);
    Moment::from_nanos(u64::try_from(beginning.elapsed().as_nanos()).unwrap_or(u64::MAX))
}
