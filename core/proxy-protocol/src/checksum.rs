//! CRC32c (RFC 4960, appendix B): polynomial 0x1edc6f41, both ways reflected. A header is at most 4 KiB and seldom has
//! one, so a table of one byte a step is fast enough.

const REFLECTED_POLYNOMIAL: u32 = 0x82f6_3b78;

const TABLE: [u32; 256] = table();

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut remainder = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            remainder = if remainder & 1 == 1 {
                (remainder >> 1) ^ REFLECTED_POLYNOMIAL
            } else {
                remainder >> 1
            };
            bit += 1;
        }
        table[byte] = remainder;
        byte += 1;
    }
    table
}

/// Of the three pieces one after the other.
pub(crate) fn crc32c(pieces: [&[u8]; 3]) -> u32 {
    let step = |sum: u32, byte: &u8| (sum >> 8) ^ TABLE[usize::from(sum.to_le_bytes()[0] ^ byte)];
    !pieces.into_iter().flatten().fold(!0, step)
}

#[cfg(test)]
mod tests {
    use super::crc32c;

    /// RFC 3720 B.4 and the check value of the catalogue of CRCs.
    #[test]
    fn known_sums() {
        assert_eq!(crc32c([b"123", b"45", b"6789"]), 0xe306_9283);
        assert_eq!(crc32c([&[0; 32], &[], &[]]), 0x8a91_36aa);
        assert_eq!(crc32c([&[], &[], &[]]), 0);
    }
}
