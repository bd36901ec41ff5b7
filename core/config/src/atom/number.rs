//! Whole numbers.

use toml::de::DeInteger;

/// The value of a TOML integer, `None` beyond 128 bits.
pub(crate) fn integer(integer: &DeInteger<'_>) -> Option<i128> {
    i128::from_str_radix(integer.as_str(), integer.radix()).ok()
}
