use super::*;
use std::io::Read;

/// Text that repeats itself, and noise that does not.
fn content(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut bytes = Vec::with_capacity(length + 64);
    while bytes.len() < length {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        bytes.extend_from_slice(b"<li class=\"entry\"><a href=\"/page/");
        bytes.extend_from_slice(state.to_string().as_bytes());
        bytes.extend_from_slice(b"\">A page</a></li>\n");
    }
    bytes.truncate(length);
    bytes
}

fn decode(encoding: Encoding, coded: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    // A stream that goes on is read as far as it is there.
    let _ = match encoding {
        Encoding::Gzip => flate2::read::GzDecoder::new(coded).read_to_end(&mut plain),
        Encoding::Brotli => brotli::Decompressor::new(coded, 4096).read_to_end(&mut plain),
        Encoding::Zstd => {
            zstd::stream::read::Decoder::new(coded).and_then(|mut decoder| decoder.read_to_end(&mut plain))
        }
    };
    plain
}

#[test]
fn what_goes_in_comes_out_again_however_it_is_cut() {
    for encoding in Encoding::ALL {
        for (length, piece) in [(0, 1), (1, 1), (1000, 7), (100_000, 1000), (600_000, 48 * 1024)] {
            let plain = content(length);
            let mut compressor = Compressor::new(encoding).expect("memory");
            let mut coded = Vec::new();
            for (place, piece) in plain.chunks(piece).enumerate() {
                compressor.push(piece, &mut coded).expect("memory");
                if place % 5 == 4 {
                    compressor.flush(&mut coded).expect("memory");
                }
            }
            compressor.finish(&mut coded).expect("memory");
            assert_eq!(decode(encoding, &coded), plain, "{encoding:?} {length}");
            assert!(
                length < 10_000 || coded.len() * 3 < length,
                "{encoding:?} {length}: {}",
                coded.len()
            );
        }
    }
}

#[test]
fn after_a_flush_everything_can_be_read() {
    for encoding in Encoding::ALL {
        let mut compressor = Compressor::new(encoding).expect("memory");
        let (mut plain, mut coded) = (Vec::new(), Vec::new());
        for event in 0..100 {
            let event = format!("data: {event}\n\n").into_bytes();
            compressor.push(&event, &mut coded).expect("memory");
            plain.extend_from_slice(&event);
            compressor.flush(&mut coded).expect("memory");
            assert_eq!(decode(encoding, &coded), plain, "{encoding:?}");
        }
    }
}

#[test]
fn bytes_that_cannot_become_fewer_hardly_become_more() {
    let mut state = 1_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    })
    .take(200_000)
    .collect();
    for encoding in Encoding::ALL {
        let mut compressor = Compressor::new(encoding).expect("memory");
        let mut coded = Vec::new();
        for piece in noise.chunks(4096) {
            compressor.push(piece, &mut coded).expect("memory");
            compressor.flush(&mut coded).expect("memory");
        }
        compressor.finish(&mut coded).expect("memory");
        assert_eq!(decode(encoding, &coded), noise, "{encoding:?}");
        assert!(
            coded.len() < noise.len() + noise.len() / 50 + 1024,
            "{encoding:?}: {}",
            coded.len()
        );
    }
}
