//! Exact bytes in readable text, as the corpus writes them.
//!
//! `\r \n \t \0 \s \\ \{ \} \#` and `\xNN` stand for one byte (`\s` is a space that must be seen), `{text*N}` for `text`
//! repeated N times, in which `#` is the number of the repetition from 0. Everything else stands for itself, in UTF-8.

use std::fmt::Write as _;

/// Most bytes one text may stand for, so that a typing error in a repetition is not a full memory.
const MOST_BYTES: usize = 16 << 20;

/// The bytes that `text` stands for.
///
/// # Errors
/// A sentence saying what is wrong with the text.
pub fn decode(text: &str) -> Result<Vec<u8>, String> {
    let mut reader = Reader { rest: text };
    let mut bytes = Vec::new();
    while let Some(next) = reader.next()? {
        match next {
            Piece::Byte(byte) => bytes.push(byte),
            Piece::Char(character) => push_character(&mut bytes, character),
            Piece::Open => repeat(&mut reader, &mut bytes)?,
            Piece::Close => return Err(format!("a closing brace without an opening one in {text:?}")),
        }
        if bytes.len() > MOST_BYTES {
            return Err(format!("{text:?} stands for more than {MOST_BYTES} bytes"));
        }
    }
    Ok(bytes)
}

/// `bytes` in the notation, shortened in the middle beyond `most` bytes; for messages to people.
#[must_use]
pub fn encode(bytes: &[u8], most: usize) -> String {
    if bytes.len() > most {
        let (head, tail) = (&bytes[..most / 2], &bytes[bytes.len() - most / 2..]);
        let left_out = bytes.len() - head.len() - tail.len();
        return format!("{} ...{left_out} bytes... {}", encode(head, most), encode(tail, most));
    }
    let mut text = String::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            b'\r' => text.push_str("\\r"),
            b'\n' => text.push_str("\\n"),
            b'\t' => text.push_str("\\t"),
            0 => text.push_str("\\0"),
            b'\\' => text.push_str("\\\\"),
            0x20..=0x7e => text.push(char::from(*byte)),
            other => {
                let _ = write!(text, "\\x{other:02x}");
            }
        }
    }
    text
}

enum Piece {
    Byte(u8),
    Char(char),
    Open,
    Close,
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn next(&mut self) -> Result<Option<Piece>, String> {
        let Some(character) = self.take() else { return Ok(None) };
        Ok(Some(match character {
            '{' => Piece::Open,
            '}' => Piece::Close,
            '\\' => Piece::Byte(self.escaped()?),
            other => Piece::Char(other),
        }))
    }

    fn take(&mut self) -> Option<char> {
        let character = self.rest.chars().next()?;
        self.rest = &self.rest[character.len_utf8()..];
        Some(character)
    }

    fn escaped(&mut self) -> Result<u8, String> {
        Ok(match self.take() {
            Some('r') => b'\r',
            Some('n') => b'\n',
            Some('t') => b'\t',
            Some('0') => 0,
            Some('s') => b' ',
            Some('\\') => b'\\',
            Some('{') => b'{',
            Some('}') => b'}',
            Some('#') => b'#',
            Some('x') => {
                let digits = self.rest.get(..2).ok_or("\\x without two hexadecimal digits")?;
                let byte = u8::from_str_radix(digits, 16).map_err(|_| format!("\\x{digits} is not a byte"))?;
                self.rest = &self.rest[2..];
                byte
            }
            other => {
                return Err(format!(
                    "unknown escape \\{}",
                    other.map_or(String::new(), String::from)
                ));
            }
        })
    }
}

fn push_character(bytes: &mut Vec<u8>, character: char) {
    bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
}

/// One place of a repeated text: a byte, or the repetition's number.
enum Repeated {
    Byte(u8),
    Number,
}

fn repeat(reader: &mut Reader<'_>, bytes: &mut Vec<u8>) -> Result<(), String> {
    let mut text = Vec::new();
    loop {
        match reader.next()? {
            Some(Piece::Close) => break,
            Some(Piece::Byte(byte)) => text.push(Repeated::Byte(byte)),
            Some(Piece::Char('#')) => text.push(Repeated::Number),
            Some(Piece::Char(character)) => {
                let mut buffer = [0; 4];
                text.extend(character.encode_utf8(&mut buffer).bytes().map(Repeated::Byte));
            }
            Some(Piece::Open) => return Err("a repetition inside a repetition".into()),
            None => return Err("a repetition without its closing brace".into()),
        }
    }
    let star = text.iter().rposition(|place| matches!(place, Repeated::Byte(b'*')));
    let star = star.ok_or("a repetition is written {text*N}")?;
    let digits: String = text[star + 1..]
        .iter()
        .map(|place| match place {
            Repeated::Byte(byte) => char::from(*byte),
            Repeated::Number => '#',
        })
        .collect();
    let times: usize = digits
        .parse()
        .map_err(|_| format!("{digits:?} is not a number of repetitions"))?;
    if times.saturating_mul(star) > MOST_BYTES {
        return Err(format!("{times} repetitions are more than {MOST_BYTES} bytes"));
    }
    for number in 0..times {
        for place in &text[..star] {
            match place {
                Repeated::Byte(byte) => bytes.push(*byte),
                Repeated::Number => bytes.extend_from_slice(number.to_string().as_bytes()),
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
