//! Dates of certificates.

/// Seconds since 1970 of a date (proleptic Gregorian; after Howard Hinnant's days_from_civil).
fn seconds(year: i64, month: i64, day: i64, of_day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year - era * 400;
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    (era * 146_097 + day_of_era - 719_468) * 86_400 + of_day
}

/// UTCTime and GeneralizedTime as certificates have them (RFC 5280 4.1.2.5): to the second, in UTC.
pub(crate) fn parse(tag: u8, text: &[u8]) -> Option<i64> {
    const UTC_TIME: u8 = 0x17;
    const GENERALIZED_TIME: u8 = 0x18;
    let (year, rest) = match tag {
        UTC_TIME if text.len() == 13 => {
            let short = digits(&text[..2])?;
            (if short < 50 { 2000 + short } else { 1900 + short }, &text[2..])
        }
        GENERALIZED_TIME if text.len() == 15 => (digits(&text[..4])?, &text[4..]),
        _ => return None,
    };
    let part = |index: usize| digits(&rest[index * 2..index * 2 + 2]);
    let (month, day) = (part(0)?, part(1)?);
    let (hour, minute, second) = (part(2)?, part(3)?, part(4)?);
    let sound = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second < 61;
    (sound && rest[10] == b'Z').then(|| seconds(year, month, day, hour * 3600 + minute * 60 + second))
}

fn digits(text: &[u8]) -> Option<i64> {
    text.iter().try_fold(0, |number, digit| {
        digit.is_ascii_digit().then(|| number * 10 + i64::from(digit - b'0'))
    })
}

/// `2026-11-20` of seconds since 1970.
pub(crate) fn show(seconds: i64) -> String {
    let days = seconds.div_euclid(86_400) + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days - era * 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

/// Seconds since 1970.
pub(crate) fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_and_shown() {
        for (tag, text, expected, shown) in [
            (0x17, "700101000000Z", 0, "1970-01-01"),
            (0x17, "261120155959Z", 1_795_190_399, "2026-11-20"),
            (0x17, "491231235959Z", 2_524_607_999, "2049-12-31"),
            (0x17, "500101000000Z", -631_152_000, "1950-01-01"),
            (0x18, "20500101000000Z", 2_524_608_000, "2050-01-01"),
            (0x18, "20240229120000Z", 1_709_208_000, "2024-02-29"),
            (0x18, "99991231235959Z", 253_402_300_799, "9999-12-31"),
        ] {
            assert_eq!(parse(tag, text.as_bytes()), Some(expected), "{text}");
            assert_eq!(show(expected), shown);
        }
        for (tag, text) in [
            (0x17, "261320155959Z"),
            (0x17, "2611201559Z"),
            (0x17, "26112015595ZZ"),
            (0x18, "20261120155959+"),
            (0x19, "261120155959Z"),
        ] {
            assert_eq!(parse(tag, text.as_bytes()), None, "{text}");
        }
    }
}
