//! The clock that core is told from.

use evenkeel_model::Moment;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Now, for core: the same clock that the doors stamp their permits with.
pub fn now() -> Moment {
    evenkeel_net::clock::now()
}

/// The instant of a moment, for timers; `None` for [`Moment::NEVER`] and what no `Instant` can hold.
pub fn instant(moment: Moment) -> Option<Instant> {
    if moment == Moment::NEVER {
        return None;
    }
    let now = now();
    // What is past is now.
    Instant::now().checked_add(moment.since(now))
}

/// Wall-clock time since 1970; zero if the clock stands before it.
pub fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// `2026-01-31T23:59:59.123Z` for a time since 1970 (RFC 3339).
pub fn rfc3339(since_1970: Duration) -> String {
    let seconds = since_1970.as_secs();
    let (year, month, day) = civil(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    let millis = since_1970.subsec_millis();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

/// The date of a day counted from 1970-01-01 (Howard Hinnant's `civil_from_days`, for days that are not negative).
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400, "2000-02-29T00:00:00.000Z"),
            (1_709_210_096, "2024-02-29T12:34:56.000Z"),
            (4_102_444_799, "2099-12-31T23:59:59.000Z"),
        ] {
            assert_eq!(rfc3339(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn never_has_no_instant() {
        assert!(instant(Moment::NEVER).is_none());
        assert!(instant(now()).is_some_and(|instant| instant <= Instant::now()));
    }
}
