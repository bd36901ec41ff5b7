use super::{decode, encode};

#[test]
fn plain_text_stands_for_itself() {
    assert_eq!(decode("GET / HTTP/1.1").unwrap(), b"GET / HTTP/1.1");
    assert_eq!(decode("é").unwrap(), "é".as_bytes());
    assert_eq!(decode("a*b # c").unwrap(), b"a*b # c");
}

#[test]
fn escapes_stand_for_one_byte() {
    assert_eq!(
        decode(r"\r\n\t\0\s\\\{\}\#\x00\xfF").unwrap(),
        b"\r\n\t\0 \\{}#\x00\xff"
    );
}

#[test]
fn repetitions_are_written_out() {
    assert_eq!(decode("<{ab*3}>").unwrap(), b"<ababab>");
    assert_eq!(decode(r"{x-#: \#\r\n*2}").unwrap(), b"x-0: #\r\nx-1: #\r\n");
    assert_eq!(decode("{a**2}").unwrap(), b"a*a*");
    assert_eq!(decode("{a*0}").unwrap(), b"");
    assert_eq!(decode("{a*9000}").unwrap().len(), 9000);
}

#[test]
fn what_is_not_the_notation_is_an_error() {
    for text in [
        r"\q",
        r"\",
        r"\x1",
        r"\xzz",
        "{a}",
        "{a*}",
        "{a*b}",
        "{a*3",
        "a}",
        "{a{b*2}*2}",
        "{a*999999999}",
    ] {
        assert!(decode(text).is_err(), "{text} was accepted");
    }
}

#[test]
fn what_is_encoded_decodes_to_the_same() {
    let every_byte: Vec<u8> = (0..=255).filter(|byte| !b"{}".contains(byte)).collect();
    assert_eq!(decode(&encode(&every_byte, 1000)).unwrap(), every_byte);
}

#[test]
fn what_is_long_is_shortened_in_the_middle() {
    assert_eq!(encode(b"aaaabbbbcccc", 8), "aaaa ...4 bytes... cccc");
}
