use super::*;

#[test]
fn text_is_skipped_to_the_first_control_byte_wherever_it_stands() {
    for byte in 0..=255u8 {
        for place in 0..24 {
            for fill in [b'a', b' ', 0x21, 0x7e, 0x80, 0xff] {
                let mut text = vec![fill; 24];
                text[place] = byte;
                let expected = if byte.is_ascii_control() { place } else { 24 };
                assert_eq!(
                    skip_text(&text, 0),
                    expected,
                    "byte {byte:#x} at {place} among {fill:#x}"
                );
            }
        }
    }
}

#[test]
fn two_control_bytes_give_the_first() {
    for first in 0..16 {
        for second in first + 1..17 {
            let mut text = [b' '; 17];
            text[first] = 0x7f;
            text[second] = b'\n';
            assert_eq!(skip_text(&text, 0), first);
        }
    }
}

#[test]
fn numbers_are_written_whole() {
    let mut out = Vec::new();
    for number in [0, 9, 10, u64::MAX] {
        write_decimal(number, &mut out);
        out.push(b' ');
        write_hexadecimal(number, &mut out);
        out.push(b' ');
    }
    assert_eq!(out, b"0 0 9 9 10 a 18446744073709551615 ffffffffffffffff ");
}

#[test]
fn tokens_end_at_the_same_place_however_they_are_looked_for() {
    for byte in 0..=255u8 {
        for before in 0..20 {
            let mut text = b"Content-Length-Abcdefgh"[..before].to_vec();
            text.push(byte);
            text.extend_from_slice(b"abcdefghi:xyz");
            for from in 0..=before {
                let expected = from + text[from..].iter().position(|byte| !is_token_byte(*byte)).unwrap();
                assert_eq!(skip_token(&text, from), expected, "{byte:#x} at {before} from {from}");
            }
        }
    }
}
