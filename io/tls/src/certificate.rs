//! What a certificate says (RFC 5280 4.1), as far as operators and backends ask for it. Nothing is verified here.

use crate::der::{BOOLEAN, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, Reader, SEQUENCE, SET};
use crate::moment;
use crate::words::hexadecimal;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The object identifier of subjectAltName, encoded.
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];
/// Names of one certificate that are looked at: public authorities stop at 100, and a file is bounded anyway.
const NAMES_LIMIT: usize = 4096;

/// The parts of a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Certificate {
    /// Seconds since 1970.
    pub not_before: i64,
    /// Seconds since 1970.
    pub not_after: i64,
    /// As RFC 4514 writes it, ASCII only.
    pub subject: String,
    /// As RFC 4514 writes it, ASCII only.
    pub issuer: String,
    /// In hexadecimal.
    pub serial: String,
    /// The last CN of the subject.
    pub common_name: Option<String>,
    /// subjectAltName, lower case, ASCII.
    pub dns_names: Vec<String>,
    /// subjectAltName, ASCII.
    pub uris: Vec<String>,
    /// subjectAltName, ASCII.
    pub emails: Vec<String>,
    /// subjectAltName.
    pub addresses: Vec<IpAddr>,
}

impl Certificate {
    /// `None` for what is no certificate.
    pub fn parse(der: &[u8]) -> Option<Certificate> {
        let mut to_be_signed = Reader::new(der).inside(SEQUENCE)?.inside(SEQUENCE)?;
        const VERSION: u8 = 0xa0;
        if to_be_signed.peek() == Some(VERSION) {
            to_be_signed.value()?;
        }
        let serial = to_be_signed.content(INTEGER)?;
        to_be_signed.content(SEQUENCE)?;
        let (issuer, _) = name(to_be_signed.inside(SEQUENCE)?)?;
        let mut validity = to_be_signed.inside(SEQUENCE)?;
        let (begins, ends) = (validity.value()?, validity.value()?);
        let (subject, common_name) = name(to_be_signed.inside(SEQUENCE)?)?;
        let mut certificate = Certificate {
            not_before: moment::parse(begins.tag, begins.content)?,
            not_after: moment::parse(ends.tag, ends.content)?,
            subject,
            issuer,
            serial: hexadecimal(serial.strip_prefix(&[0]).unwrap_or(serial)),
            common_name,
            ..Certificate::default()
        };
        // The public key; then, each optional, the unique identifiers of issuer and subject.
        to_be_signed.content(SEQUENCE)?;
        const EXTENSIONS: u8 = 0xa3;
        if let Some(extensions) = to_be_signed.find(|value| value.tag == EXTENSIONS) {
            for extension in Reader::new(extensions.content).inside(SEQUENCE)? {
                certificate.take_extension(extension.content)?;
            }
        }
        Some(certificate)
    }

    fn take_extension(&mut self, extension: &[u8]) -> Option<()> {
        let mut extension = Reader::new(extension);
        let identifier = extension.content(OBJECT_IDENTIFIER)?;
        if extension.peek() == Some(BOOLEAN) {
            extension.value()?;
        }
        if identifier != SUBJECT_ALT_NAME {
            return Some(());
        }
        let names = Reader::new(extension.content(OCTET_STRING)?).inside(SEQUENCE)?;
        const EMAIL: u8 = 0x81;
        const DNS: u8 = 0x82;
        const URI: u8 = 0x86;
        const ADDRESS: u8 = 0x87;
        for name in names.take(NAMES_LIMIT) {
            match name.tag {
                DNS => self
                    .dns_names
                    .extend(graphic(name.content).map(|name| name.to_ascii_lowercase())),
                URI => self.uris.extend(graphic(name.content)),
                EMAIL => self.emails.extend(graphic(name.content)),
                ADDRESS => {
                    let v4 = <[u8; 4]>::try_from(name.content).map(|octets| IpAddr::from(Ipv4Addr::from(octets)));
                    let v6 = <[u8; 16]>::try_from(name.content).map(|octets| IpAddr::from(Ipv6Addr::from(octets)));
                    self.addresses.extend(v4.or(v6).ok());
                }
                _ => {}
            }
        }
        Some(())
    }

    /// What people call it: its first name.
    pub fn label(&self) -> Option<String> {
        let address = || self.addresses.first().map(ToString::to_string);
        let first = self.dns_names.first().or(self.common_name.as_ref()).cloned();
        first.or_else(address).or_else(|| self.uris.first().cloned())
    }
}

/// Text without blanks and control characters: names that would break a header field or a message are no names.
fn graphic(bytes: &[u8]) -> Option<String> {
    let sound = !bytes.is_empty() && bytes.iter().all(u8::is_ascii_graphic);
    sound.then(|| bytes.iter().map(|byte| char::from(*byte)).collect())
}

/// A distinguished name as RFC 4514 writes it, the last part first, and its last common name.
fn name(parts: Reader<'_>) -> Option<(String, Option<String>)> {
    let (mut written, mut common_name) = (Vec::new(), None);
    for set in parts {
        if set.tag != SET {
            return None;
        }
        let mut several = Vec::new();
        for attribute in Reader::new(set.content) {
            let mut attribute = Reader::new(attribute.content);
            let kind = attribute.content(OBJECT_IDENTIFIER)?;
            let value = attribute.value()?;
            let word = attribute_word(kind);
            let text = characters(value.tag, value.content);
            if let (Some("CN"), Some(text)) = (word, &text) {
                common_name = Some(escaped(text));
            }
            several.push(match (word, text) {
                (Some(word), Some(text)) => format!("{word}={}", escaped(&text)),
                (_, Some(text)) => format!("{}={}", dotted(kind), escaped(&text)),
                (_, None) => format!("{}=#{}", dotted(kind), hexadecimal(value.content)),
            });
        }
        written.push(several.join("+"));
    }
    written.reverse();
    Some((written.join(","), common_name))
}

/// RFC 4514 3, with the two more that every other program writes as words.
fn attribute_word(kind: &[u8]) -> Option<&'static str> {
    match kind {
        [0x55, 4, 3] => Some("CN"),
        [0x55, 4, 5] => Some("serialNumber"),
        [0x55, 4, 6] => Some("C"),
        [0x55, 4, 7] => Some("L"),
        [0x55, 4, 8] => Some("ST"),
        [0x55, 4, 9] => Some("STREET"),
        [0x55, 4, 10] => Some("O"),
        [0x55, 4, 11] => Some("OU"),
        [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 1] => Some("UID"),
        [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 25] => Some("DC"),
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1] => Some("emailAddress"),
        _ => None,
    }
}

/// The text of a value of one of the string types.
fn characters(tag: u8, content: &[u8]) -> Option<String> {
    const UTF8: u8 = 0x0c;
    const PRINTABLE: u8 = 0x13;
    const TELETEX: u8 = 0x14;
    const IA5: u8 = 0x16;
    const BMP: u8 = 0x1e;
    match tag {
        UTF8 | PRINTABLE | IA5 => String::from_utf8(content.to_vec()).ok(),
        TELETEX => Some(content.iter().map(|byte| char::from(*byte)).collect()),
        BMP => {
            let units = content
                .chunks(2)
                .map(|pair| pair.iter().fold(0, |unit, byte| unit << 8 | u16::from(*byte)));
            Some(
                char::decode_utf16(units)
                    .map(|unit| unit.unwrap_or('\u{fffd}'))
                    .collect(),
            )
        }
        _ => None,
    }
}

/// RFC 4514 2.4; whatever is not ASCII is escaped too, so that the result fits in a header field.
fn escaped(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    let last = text.len().saturating_sub(1);
    for (index, byte) in text.bytes().enumerate() {
        let at_edge = (index == 0 && matches!(byte, b' ' | b'#')) || (index == last && byte == b' ');
        match byte {
            b',' | b'+' | b'"' | b'\\' | b'<' | b'>' | b';' => {
                written.push('\\');
                written.push(char::from(byte));
            }
            _ if at_edge => {
                written.push('\\');
                written.push(char::from(byte));
            }
            b' '..=b'~' => written.push(char::from(byte)),
            _ => {
                written.push('\\');
                written.push_str(&hexadecimal(&[byte]).to_ascii_uppercase());
            }
        }
    }
    written
}

/// An object identifier as people write it.
fn dotted(kind: &[u8]) -> String {
    let mut arcs: Vec<u128> = Vec::new();
    let mut arc: u128 = 0;
    for byte in kind {
        // Longer arcs than this are nobody's.
        arc = (arc & (u128::MAX >> 7)) << 7 | u128::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            if arcs.is_empty() {
                let first = (arc / 40).min(2);
                arcs.push(first);
                arc -= first * 40;
            }
            arcs.push(arc);
            arc = 0;
        }
    }
    let arcs: Vec<String> = arcs.iter().map(ToString::to_string).collect();
    arcs.join(".")
}
