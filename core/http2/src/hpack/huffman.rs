//! The Huffman code (RFC 7541 5.2, B). It is canonical: codes follow from their lengths, shorter ones first, those of one
//! length in the order of their symbols. The longest are told apart by comparing with the first code of each length.

/// Bits of the code of each byte.
const LENGTHS: [u8; 256] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28,
    28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12,
    10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6,
    5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22,
    22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20,
    22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28,
    27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28,
    27, 27, 27, 27, 27, 26,
];

/// Bits of the longest code.
const LONGEST: usize = 30;
/// Bits that the first table looks at: enough for every byte that is common in fields.
const FIRST_BITS: u32 = 10;

struct Code {
    /// By the first `FIRST_BITS` bits: the byte, and how many bits it takes; 0 bits = a longer code.
    first: [(u8, u8); 1 << FIRST_BITS],
    /// For each length: the first code of it, left-aligned in 32 bits. Longer codes are not below it.
    starts: [u32; LONGEST + 2],
    /// For each length: the place in `sorted` of its first byte.
    places: [u16; LONGEST + 2],
    /// The bytes by length, then by value.
    sorted: [u8; 256],
    /// The code of each byte.
    codes: [u32; 256],
}

static CODE: Code = build();

const fn build() -> Code {
    let mut code = Code {
        first: [(0, 0); 1 << FIRST_BITS],
        starts: [u32::MAX; LONGEST + 2],
        places: [256; LONGEST + 2],
        sorted: [0; 256],
        codes: [0; 256],
    };
    let mut next = 0u32;
    let mut place = 0;
    let mut length = 1;
    while length <= LONGEST {
        next <<= 1;
        code.starts[length] = next << (32 - length);
        code.places[length] = place as u16;
        let mut byte = 0;
        while byte < 256 {
            if LENGTHS[byte] as usize == length {
                code.sorted[place] = byte as u8;
                code.codes[byte] = next;
                if length as u32 <= FIRST_BITS {
                    let spare = FIRST_BITS - length as u32;
                    let mut at = (next << spare) as usize;
                    let end = at + (1 << spare);
                    while at < end {
                        code.first[at] = (byte as u8, length as u8);
                        at += 1;
                    }
                }
                next += 1;
                place += 1;
            }
            byte += 1;
        }
        length += 1;
    }
    code
}

/// Appends what `coded` stands for. `None`: a wrong end (RFC 7541 5.2), or the EOS symbol.
pub(crate) fn decode(coded: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let mut bits = 0u64;
    let mut count = 0u32;
    let mut rest = coded;
    // No code is shorter than 5 bits.
    out.reserve(coded.len() * 8 / 5 + 1);
    loop {
        while count <= 56 {
            let Some((&byte, more)) = rest.split_first() else { break };
            bits |= u64::from(byte) << (56 - count);
            count += 8;
            rest = more;
        }
        if count == 0 {
            return Some(());
        }
        let (byte, length) = CODE.first[(bits >> (64 - FIRST_BITS)) as usize];
        let (byte, length) = match length {
            0 => long(bits, count)?,
            length => (byte, u32::from(length)),
        };
        if length > count {
            return is_padding(bits, count);
        }
        if length == 0 {
            return Some(());
        }
        out.push(byte);
        bits <<= length;
        count -= length;
    }
}

/// A code of more than `FIRST_BITS` bits. Zero bits: what is left is padding.
fn long(bits: u64, count: u32) -> Option<(u8, u32)> {
    let word = (bits >> 32) as u32;
    let mut length = FIRST_BITS as usize + 1;
    while length < LONGEST && word >= CODE.starts[length + 1] {
        length += 1;
    }
    if length as u32 > count {
        return is_padding(bits, count).map(|()| (0, 0));
    }
    let offset = (word - CODE.starts[length]) >> (32 - length);
    let place = usize::from(CODE.places[length]) + offset as usize;
    // Beyond the last byte is EOS.
    let byte = *CODE.sorted.get(place)?;
    Some((byte, length as u32))
}

/// Fewer than eight bits, all ones: the start of EOS.
fn is_padding(bits: u64, count: u32) -> Option<()> {
    (count < 8 && (count == 0 || bits >> (64 - count) == (1 << count) - 1)).then_some(())
}

/// Bytes that `text` takes when coded.
pub(crate) fn coded_bytes(text: &[u8]) -> usize {
    let bits: usize = text.iter().map(|&byte| usize::from(LENGTHS[usize::from(byte)])).sum();
    bits.div_ceil(8)
}

/// Appends `text`, coded.
pub(crate) fn encode(text: &[u8], out: &mut Vec<u8>) {
    let mut bits = 0u64;
    let mut count = 0u32;
    for &byte in text {
        let length = u32::from(LENGTHS[usize::from(byte)]);
        bits = bits << length | u64::from(CODE.codes[usize::from(byte)]);
        count += length;
        while count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
        }
    }
    if count > 0 {
        let spare = 8 - count;
        out.push((bits << spare) as u8 | ((1 << spare) - 1));
    }
}
