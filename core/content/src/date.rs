//! HTTP-date (RFC 9110 5.6.7).

/// Bytes of an IMF-fixdate.
pub const DATE_BYTES: usize = 29;

const MONTHS: &[u8; 36] = b"JanFebMarAprMayJunJulAugSepOctNovDec";
/// The first day, 1970-01-01, was a Thursday.
const DAYS: &[u8; 21] = b"ThuFriSatSunMonTueWed";
/// The last second of the year 9999: later ones have no IMF-fixdate.
const LAST: u64 = 253_402_300_799;
const DAY_SECONDS: u64 = 86_400;

/// `seconds` since 1970 as an IMF-fixdate: `Sun, 06 Nov 1994 08:49:37 GMT`. What lies after the year 9999 becomes its
/// last second.
pub fn write_date(seconds: u64) -> [u8; DATE_BYTES] {
    let seconds = seconds.min(LAST);
    let days = seconds / DAY_SECONDS;
    let (year, month, day) = civil(days);
    let of_day = seconds % DAY_SECONDS;
    let mut text = *b"Thu, 01 Jan 1970 00:00:00 GMT";
    let weekday = (days % 7) as usize * 3;
    text[..3].copy_from_slice(&DAYS[weekday..weekday + 3]);
    two_digits(day, &mut text[5..7]);
    let name = (month as usize - 1) * 3;
    text[8..11].copy_from_slice(&MONTHS[name..name + 3]);
    two_digits(year / 100, &mut text[12..14]);
    two_digits(year % 100, &mut text[14..16]);
    two_digits(of_day / 3600, &mut text[17..19]);
    two_digits(of_day / 60 % 60, &mut text[20..22]);
    two_digits(of_day % 60, &mut text[23..25]);
    text
}

fn two_digits(number: u64, place: &mut [u8]) {
    place[0] = b'0' + (number / 10) as u8;
    place[1] = b'0' + (number % 10) as u8;
}

/// Seconds since 1970 of a date in any of the three formats that a recipient must read. `None` for anything else, for
/// dates that do not exist and for those before 1970. A year of two digits is 1970 to 2069.
pub fn parse_date(text: &[u8]) -> Option<u64> {
    match text {
        // Sun, 06 Nov 1994 08:49:37 GMT
        [_, _, _, b',', b' ', rest @ ..] if is_day(&text[..3]) => {
            let ([day, b" ", month, b" ", year, b" ", time], b" GMT") = fields(rest, [2, 1, 3, 1, 4, 1, 8])? else {
                return None;
            };
            assemble(number(year)?, month_of(month)?, number(day)?, time)
        }
        // Sun Nov  6 08:49:37 1994
        [_, _, _, b' ', rest @ ..] if is_day(&text[..3]) => {
            let ([month, b" ", day, b" ", time, b" ", year], b"") = fields(rest, [3, 1, 2, 1, 8, 1, 4])? else {
                return None;
            };
            let day = day.strip_prefix(b" ").unwrap_or(day);
            assemble(number(year)?, month_of(month)?, number(day)?, time)
        }
        // Sunday, 06-Nov-94 08:49:37 GMT
        _ => {
            let comma = text.iter().position(|&byte| byte == b',')?;
            if !is_long_day(&text[..comma]) {
                return None;
            }
            let rest = text[comma + 1..].strip_prefix(b" ")?;
            let ([day, b"-", month, b"-", year, b" ", time], b" GMT") = fields(rest, [2, 1, 3, 1, 2, 1, 8])? else {
                return None;
            };
            let year = number(year)?;
            assemble(
                year + if year < 70 { 2000 } else { 1900 },
                month_of(month)?,
                number(day)?,
                time,
            )
        }
    }
}

/// Cuts `text` into pieces of these lengths, and what is left.
fn fields<const N: usize>(mut text: &[u8], lengths: [usize; N]) -> Option<([&[u8]; N], &[u8])> {
    let mut pieces: [&[u8]; N] = [b""; N];
    for (piece, length) in pieces.iter_mut().zip(lengths) {
        (*piece, text) = text.split_at_checked(length)?;
    }
    Some((pieces, text))
}

fn number(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0, |number, &byte| {
        byte.is_ascii_digit().then(|| number * 10 + u64::from(byte - b'0'))
    })
}

fn month_of(name: &[u8]) -> Option<u64> {
    let place = MONTHS.chunks_exact(3).position(|month| month == name)?;
    Some(place as u64 + 1)
}

fn is_day(name: &[u8]) -> bool {
    DAYS.chunks_exact(3).any(|day| day == name)
}

fn is_long_day(name: &[u8]) -> bool {
    let names: [&[u8]; 7] = [
        b"Monday",
        b"Tuesday",
        b"Wednesday",
        b"Thursday",
        b"Friday",
        b"Saturday",
        b"Sunday",
    ];
    names.contains(&name)
}

/// The day of the week is not compared with the date: nobody relies on it.
fn assemble(year: u64, month: u64, day: u64, time: &[u8]) -> Option<u64> {
    let ([hour, b":", minute, b":", second], b"") = fields(time, [2, 1, 2, 1, 2])? else {
        return None;
    };
    let (hour, minute, second) = (number(hour)?, number(minute)?, number(second)?);
    // A leap second is 60.
    let exists = (1970..=9999).contains(&year) && day >= 1 && hour < 24 && minute < 60 && second <= 60;
    if !exists || day > days_of(year, month) {
        return None;
    }
    Some(((days_since_1970(year, month, day) * 24 + hour) * 60 + minute) * 60 + second)
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_of(year: u64, month: u64) -> u64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

// Years are counted from March, so that the leap day is a year's last: then the days before a month are a straight line.

const DAYS_OF_400_YEARS: u64 = 146_097;
/// From 0000-03-01 to 1970-01-01.
const DAYS_BEFORE_1970: u64 = 719_468;

fn days_since_1970(year: u64, month: u64, day: u64) -> u64 {
    let year = if month <= 2 { year - 1 } else { year };
    let of_era = year % 400;
    let month_from_march = (month + 9) % 12;
    let of_year = (153 * month_from_march + 2) / 5 + day - 1;
    year / 400 * DAYS_OF_400_YEARS + of_era * 365 + of_era / 4 - of_era / 100 + of_year - DAYS_BEFORE_1970
}

fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + DAYS_BEFORE_1970;
    let of_era = days % DAYS_OF_400_YEARS;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = days / DAYS_OF_400_YEARS * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}
