//! Durations, sizes and shares.

use crate::problem::{Fault, shown};
use std::time::Duration;

/// Units of time, longest first.
const TIMES: &[(&str, u64)] = &[("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Units of size. The first of each factor is the one shown.
const SIZES: &[(&str, u64)] = &[
    ("PiB", 1 << 50),
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("KB", 1_000),
    ("kB", 1_000),
    ("B", 1),
];

/// `500ms`, `2s`, `1m30s`; a bare `0` is zero. Units come once each, longest first.
pub(crate) fn duration(text: &str) -> Result<Duration, Fault> {
    let bad = || Fault::new(format!("\"{}\" is no duration", shown(text)));
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let mut rest = text;
    let mut milliseconds: u64 = 0;
    let mut units = TIMES;
    while !rest.is_empty() {
        let (number, after) = leading_number(rest);
        let unit_end = after
            .find(|character: char| !character.is_ascii_alphabetic())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_end);
        let Some(index) = units.iter().position(|(known, _)| *known == unit) else {
            return Err(bad().help(duration_help(text, number, unit, after)));
        };
        let value: u64 = number
            .parse()
            .map_err(|_| bad().help("write for example \"500ms\", \"2s\" or \"1m30s\""))?;
        milliseconds = milliseconds.saturating_add(value.saturating_mul(units[index].1));
        units = &units[index + 1..];
        rest = after;
    }
    if text.is_empty() {
        return Err(bad().help("write for example \"500ms\", \"2s\" or \"1m30s\""));
    }
    Ok(Duration::from_millis(milliseconds))
}

fn duration_help(text: &str, number: &str, unit: &str, after: &str) -> String {
    let whole = !number.is_empty() && number.len() + unit.len() == text.len();
    let unit_meant = match unit.to_ascii_lowercase().as_str() {
        "sec" | "secs" | "second" | "seconds" => Some("s"),
        "min" | "mins" | "minute" | "minutes" => Some("m"),
        "hour" | "hours" => Some("h"),
        "msec" | "millis" | "milliseconds" => Some("ms"),
        _ => None,
    };
    match unit_meant {
        Some(meant) if whole => format!("write \"{number}{meant}\""),
        Some(_) | None if whole && unit.is_empty() => format!("with a unit: \"{number}s\" or \"{number}ms\""),
        Some(_) | None if after.starts_with('.') => "only whole numbers: \"1500ms\" rather than \"1.5s\"".into(),
        Some(_) | None => "the units are ms, s, m and h, once each and the longest first: \"1m30s\"".into(),
    }
}

/// The longest unit that shows it whole, `1m30s`.
pub(crate) fn show_duration(duration: Duration) -> String {
    let mut rest = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if rest == 0 {
        return "0s".into();
    }
    let mut shown = String::new();
    for (unit, factor) in TIMES {
        if rest >= *factor {
            shown.push_str(&format!("{}{unit}", rest / factor));
            rest %= factor;
        }
    }
    shown
}

/// Bytes: `32KiB`, `1MB`, a bare number.
pub(crate) fn size(text: &str) -> Result<u64, Fault> {
    let bad = || Fault::new(format!("\"{}\" is no size", shown(text)));
    let (number, unit) = leading_number(text);
    let value: Option<u64> = number.parse().ok();
    let Some(value) = value else {
        let help = "write for example \"32KiB\", \"1MB\" or \"0\"";
        return Err(bad().help(help));
    };
    if unit.is_empty() {
        return Ok(value);
    }
    if let Some((_, factor)) = SIZES.iter().find(|(known, _)| *known == unit) {
        return Ok(value.saturating_mul(*factor));
    }
    let meant = SIZES.iter().find(|(known, _)| {
        let first = known.chars().next();
        unit.chars().next().map(|character| character.to_ascii_uppercase()) == first
    });
    Err(bad().help(match meant {
        Some((meant, _)) => format!("did you mean \"{number}{meant}\"?"),
        None => "the units are B, KiB, MiB, GiB, TiB (powers of 1024) and KB, MB, GB, TB (powers of 1000)".into(),
    }))
}

/// The longest unit of powers of 1024 that shows it whole.
pub(crate) fn show_size(bytes: u64) -> String {
    if bytes == 0 {
        return "0".into();
    }
    let whole = SIZES.iter().find(|(_, factor)| bytes.is_multiple_of(*factor));
    match whole {
        Some((unit, factor)) => format!("{}{unit}", bytes / factor),
        None => format!("{bytes}B"),
    }
}

/// `20%`, `12.5%`: percent, not negative.
pub(crate) fn percent(text: &str) -> Result<f64, Fault> {
    let bad = || Fault::new(format!("\"{}\" is no share", shown(text)));
    let Some(number) = text.strip_suffix('%') else {
        return Err(bad().help("write a percentage: \"20%\""));
    };
    let digits = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    match number.parse::<f64>() {
        Ok(percent) if digits => Ok(percent),
        Ok(_) | Err(_) => Err(bad().help("write a percentage: \"20%\"")),
    }
}

fn leading_number(text: &str) -> (&str, &str) {
    let end = text
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(text.len());
    text.split_at(end)
}
