//! Times as people type them on a command line and in a query.

use std::time::Duration;

/// The longest time that can be asked for.
pub const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Reads `500ms`, `30s`, `1m30s`, `2h`: more than zero, at most [`LONGEST`]. The error is a sentence for whoever typed it.
pub fn parse(text: &str) -> Result<Duration, String> {
    let wrong = || "write a time such as 500ms, 30s or 1m30s".to_owned();
    let mut total = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest
            .find(|character: char| !character.is_ascii_digit())
            .ok_or_else(wrong)?;
        let number: u32 = rest[..digits].parse().map_err(|_| wrong())?;
        let after = &rest[digits..];
        let unit = after
            .find(|character: char| character.is_ascii_digit())
            .unwrap_or(after.len());
        let one = match &after[..unit] {
            "ms" => Duration::from_millis(1),
            "s" => Duration::from_secs(1),
            "m" => Duration::from_secs(60),
            "h" => Duration::from_secs(3600),
            _ => return Err(wrong()),
        };
        total = total.saturating_add(one.saturating_mul(number));
        rest = &after[unit..];
    }
    match total {
        Duration::ZERO => Err(wrong()),
        total if total > LONGEST => Err("at most 24h".to_owned()),
        total => Ok(total),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        for (text, millis) in [("500ms", 500), ("30s", 30_000), ("1m30s", 90_000), ("24h", 86_400_000)] {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in [
            "",
            "0s",
            "5",
            "s",
            "-1s",
            "1d",
            "1.5s",
            "25h",
            "99999999999s",
            "1 s",
            "1\u{e9}",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
