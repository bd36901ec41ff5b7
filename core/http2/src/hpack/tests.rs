use super::huffman;
use super::{Decoder, Encoder, hash};

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u32> = hex.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits.chunks(2).map(|two| (two[0] * 16 + two[1]) as u8).collect()
}

fn read(decoder: &mut Decoder, block: &[u8]) -> Option<String> {
    let mut text = String::new();
    decoder
        .decode(block, |field| {
            assert!(field.sound || field.line.contains(&b'!'), "{field:?}");
            assert_eq!(
                field.line,
                [field.name(), b": ", field.value(), b"\r\n"].concat().as_slice()
            );
            text.push_str(&String::from_utf8_lossy(field.line).replace("\r\n", "\n"));
        })
        .ok()?;
    Some(text)
}

/// RFC 7541 C.2 to C.6; those of C.5 and C.6 have a table of 256 bytes.
#[test]
fn the_examples_of_rfc_7541() {
    let example = "www.example.com";
    let first = format!(":method: GET\n:scheme: http\n:path: /\n:authority: {example}\n");
    let second = format!("{first}cache-control: no-cache\n");
    let third =
        format!(":method: GET\n:scheme: https\n:path: /index.html\n:authority: {example}\ncustom-key: custom-value\n");
    let date = |second| format!("date: Mon, 21 Oct 2013 20:13:2{second} GMT\n");
    let found = |status| {
        format!(
            ":status: {status}\ncache-control: private\n{}location: https://www.example.com\n",
            date(1)
        )
    };
    let ok = format!(
        ":status: 200\ncache-control: private\n{}location: https://www.example.com\ncontent-encoding: gzip\n\
         set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1\n",
        date(2)
    );
    let plain_second = "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a
        6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765
        3d33 3630 303b 2076 6572 7369 6f6e 3d31";
    let coded_third = "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d
        d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07";
    let examples: [&[(&str, &str)]; 8] = [
        &[(
            "400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572",
            "custom-key: custom-header\n",
        )],
        &[("040c 2f73 616d 706c 652f 7061 7468", ":path: /sample/path\n")],
        &[("1008 7061 7373 776f 7264 0673 6563 7265 74", "password: secret\n")],
        &[("82", ":method: GET\n")],
        &[
            ("8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d", &first),
            ("8286 84be 5808 6e6f 2d63 6163 6865", &second),
            (
                "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
                &third,
            ),
        ],
        &[
            ("8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff", &first),
            ("8286 84be 5886 a8eb 1064 9cbf", &second),
            ("8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf", &third),
        ],
        &[
            (
                "3fe101 4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a
                 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
                &found(302),
            ),
            ("4803 3330 37c1 c0bf", &found(307)),
            (plain_second, &ok),
        ],
        &[
            (
                "3fe101 4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d
                 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
                &found(302),
            ),
            ("4883 640e ffc1 c0bf", &found(307)),
            (coded_third, &ok),
        ],
    ];
    for example in examples {
        let mut decoder = Decoder::new();
        for (block, fields) in example {
            let read = read(&mut decoder, &bytes(block));
            assert_eq!(read.as_deref(), Some(*fields), "{block}");
        }
    }
}

#[test]
fn malformed_blocks() {
    for (block, why) in [
        ("80", "index 0"),
        ("be", "an index beyond the tables"),
        ("7e", "an integer without its rest"),
        ("ff8080808001", "an integer that is too long"),
        ("ffffffffff0f", "an integer that is too large"),
        ("400a 61", "a name that is not all there"),
        ("4001 61", "no value"),
        ("4001 6105 61", "a value that is not all there"),
        ("82 20", "a size behind a field"),
        ("3fe21f", "a size above what was allowed"),
        ("20 20 20", "three sizes"),
        ("4001 6181 00", "padding that is not ones"),
        ("4001 6184 ffffffff", "EOS"),
        ("4001 6182 1fff", "padding of eight bits and more"),
        ("4001 6185 ffffffffff", "only padding"),
    ] {
        assert_eq!(read(&mut Decoder::new(), &bytes(block)), None, "{why}");
    }
    for block in ["", "20", "3fe11f", "203fe11f", "4001 6181 1f", "4001 6180", "82"] {
        assert!(read(&mut Decoder::new(), &bytes(block)).is_some(), "{block}");
    }
}

#[test]
fn soundness_is_kept_with_the_entry() {
    for (name, value, sound) in [
        ("a", "b", true),
        ("a", "b c\td", true),
        ("a", "", true),
        ("a", "\u{e9}", true),
        ("A", "b", false),
        ("a b", "b", false),
        ("", "b", false),
        ("a:", "b", false),
        (":a", "b", false),
        ("a", " b", false),
        ("a", "b ", false),
        ("a", "\tb", false),
        ("a", "b\r\nc: d", false),
        ("a", "b\nc", false),
        ("a", "b\0", false),
        ("a", "b\u{7f}", false),
        ("a", "b\u{1}", false),
        ("\u{e9}", "b", false),
    ] {
        let mut block = vec![0x40, name.len() as u8];
        block.extend_from_slice(name.as_bytes());
        block.push(value.len() as u8);
        block.extend_from_slice(value.as_bytes());
        // Again from the table, and with its name from there.
        block.extend_from_slice(&[0xbe, 0x7e, 1, b'x']);
        let mut seen = Vec::new();
        Decoder::new()
            .decode(&block, |field| seen.push(field.sound))
            .expect("sound blocks");
        let name_is_sound = crate::bytes::is_lower_token(name.as_bytes());
        assert_eq!(seen, [sound, sound, name_is_sound], "{name:?}: {value:?}");
    }
}

#[test]
fn every_byte_is_coded_and_decoded() {
    let all: Vec<u8> = (0..=255).collect();
    for length in 0..=all.len() {
        for text in [&all[..length], &all[all.len() - length..]] {
            let mut coded = Vec::new();
            huffman::encode(text, &mut coded);
            assert_eq!(coded.len(), huffman::coded_bytes(text));
            let mut decoded = Vec::new();
            assert_eq!(huffman::decode(&coded, &mut decoded), Some(()));
            assert_eq!(decoded, text);
        }
    }
}

#[test]
fn what_is_encoded_is_decoded_whatever_the_limits() {
    let mut state = 7u64;
    let mut below = |most: u64| {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % most
    };
    let mut encoder = Encoder::new();
    let mut decoder = Decoder::new();
    let names = ["a", "content-type", "x-long-name-for-a-field", "server", "date"];
    for _ in 0..20_000 {
        if below(50) == 0 {
            encoder.set_limit([0, 33, 100, 1000, 4096, 100_000][below(6) as usize]);
        }
        if below(200) == 0 {
            let mut nowhere = Vec::new();
            encoder.begin(&mut nowhere);
            encoder.remember(b"lost: x\r\n", hash(b"lost: x\r\n"), b"lost", b"x", &mut nowhere);
            encoder.forget();
        }
        let mut block = Vec::new();
        let mut wanted = String::new();
        encoder.begin(&mut block);
        for _ in 0..below(6) {
            let name = names[below(5) as usize];
            let longest = if below(4) == 0 { 600 } else { 12 };
            let value = "v".repeat(below(longest) as usize);
            let line = format!("{name}: {value}\r\n").into_bytes();
            let hash = hash(&line);
            if !encoder.remembered(&line, hash, &mut block) {
                encoder.remember(&line, hash, name.as_bytes(), value.as_bytes(), &mut block);
            }
            wanted.push_str(&format!("{name}: {value}\n"));
        }
        assert_eq!(read(&mut decoder, &block).as_deref(), Some(wanted.as_str()));
    }
}
