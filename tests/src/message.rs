//! HTTP/1 messages read strictly (RFC 9112), to judge what the balancer wrote: nothing is forgiven here.

/// Longest chunk this reader believes in; what is stored is bounded by what came.
const MOST_BODY_BYTES: u64 = 1 << 53;

/// What reading from the start of some bytes gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Read<T> {
    /// A whole message and how many bytes it took.
    Whole(T, usize),
    /// The beginning of one: its head is whole (`Some`, with what is there of the body) or is not.
    Part(Option<T>),
    /// No valid message; the sentence says why.
    Broken(String),
}

/// Names in lower case with their values trimmed, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fields(Vec<(String, Vec<u8>)>);

impl Fields {
    /// How many lines carry this name (lower case).
    #[must_use]
    pub fn lines(&self, name: &str) -> usize {
        self.0.iter().filter(|(own, _)| own == name).count()
    }

    /// All lines of this name (lower case) as one list value, `None` without any (RFC 9110 5.3).
    #[must_use]
    pub fn value(&self, name: &str) -> Option<Vec<u8>> {
        let lines: Vec<&[u8]> = self
            .0
            .iter()
            .filter(|(own, _)| own == name)
            .map(|(_, value)| &**value)
            .collect();
        (!lines.is_empty()).then(|| lines.join(&b", "[..]))
    }

    /// The list members of this name, in lower case and without empty ones.
    #[must_use]
    pub fn members(&self, name: &str) -> Vec<String> {
        let value = self.value(name).unwrap_or_default();
        let text = String::from_utf8_lossy(&value).to_ascii_lowercase();
        text.split(',')
            .map(|member| member.trim().to_owned())
            .filter(|member| !member.is_empty())
            .collect()
    }
}

/// Where a message's body ends (RFC 9112 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// No body.
    None,
    /// After this many bytes.
    Length(u64),
    /// After the last chunk and the trailers.
    Chunked,
    /// Where the connection ends.
    UntilClose,
}

/// A request as somebody sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The first line, without its end.
    pub line: Vec<u8>,
    /// The header fields.
    pub fields: Fields,
    /// The body without its framing, as far as it came.
    pub body: Vec<u8>,
    /// The trailer fields.
    pub trailers: Fields,
    /// How the body is framed.
    pub framing: Framing,
    /// Bytes of the head, the empty line included.
    pub head_bytes: usize,
}

impl Request {
    /// The first word of the request line.
    #[must_use]
    pub fn method(&self) -> &[u8] {
        self.line.split(|byte| *byte == b' ').next().unwrap_or_default()
    }

    /// The second word of the request line.
    #[must_use]
    pub fn target(&self) -> &[u8] {
        self.line.split(|byte| *byte == b' ').nth(1).unwrap_or_default()
    }

    /// Whether it says HTTP/1.0.
    #[must_use]
    pub fn is_http10(&self) -> bool {
        self.line.ends_with(b" HTTP/1.0")
    }
}

/// A response as somebody sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The first line, without its end.
    pub line: Vec<u8>,
    /// The status code.
    pub status: u16,
    /// The header fields.
    pub fields: Fields,
    /// The body without its framing, as far as it came.
    pub body: Vec<u8>,
    /// The trailer fields.
    pub trailers: Fields,
    /// How the body is framed.
    pub framing: Framing,
}

impl Response {
    /// Whether another response to the same request follows. 101 is the last one.
    #[must_use]
    pub fn is_interim(&self) -> bool {
        (100..200).contains(&self.status) && self.status != 101
    }
}

/// Reads a request from the start of `bytes`.
#[must_use]
pub fn request(bytes: &[u8]) -> Read<Request> {
    let head = match head(bytes) {
        Ok(Some(head)) => head,
        Ok(None) => return Read::Part(None),
        Err(problem) => return Read::Broken(problem),
    };
    let framing = match framing_of(&head.fields) {
        Ok(framing) => framing.unwrap_or(Framing::None),
        Err(problem) => return Read::Broken(problem),
    };
    let make = |body, trailers| Request {
        line: head.line.clone(),
        fields: head.fields.clone(),
        body,
        trailers,
        framing,
        head_bytes: head.bytes,
    };
    read_body(bytes, head.bytes, framing, false, make)
}

/// Reads a response from the start of `bytes`; `ended` says that no more follow, `to_head` that it answers HEAD.
#[must_use]
pub fn response(bytes: &[u8], ended: bool, to_head: bool) -> Read<Response> {
    let head = match head(bytes) {
        Ok(Some(head)) => head,
        Ok(None) => return Read::Part(None),
        Err(problem) => return Read::Broken(problem),
    };
    let status = match status_of(&head.line) {
        Ok(status) => status,
        Err(problem) => return Read::Broken(problem),
    };
    let declared = match framing_of(&head.fields) {
        Ok(framing) => framing,
        Err(problem) => return Read::Broken(problem),
    };
    let bodiless = to_head || status < 200 || status == 204 || status == 304;
    if declared.is_some() && (status < 200 || status == 204) {
        return Read::Broken(format!(
            "a {status} with content-length or transfer-encoding (RFC 9110 8.6, RFC 9112 6.1)"
        ));
    }
    let framing = if bodiless {
        Framing::None
    } else {
        declared.unwrap_or(Framing::UntilClose)
    };
    let make = |body, trailers| Response {
        line: head.line.clone(),
        status,
        fields: head.fields.clone(),
        body,
        trailers,
        framing,
    };
    read_body(bytes, head.bytes, framing, ended, make)
}

fn read_body<T>(
    bytes: &[u8],
    start: usize,
    framing: Framing,
    ended: bool,
    make: impl Fn(Vec<u8>, Fields) -> T,
) -> Read<T> {
    let rest = &bytes[start..];
    match framing {
        Framing::None => Read::Whole(make(Vec::new(), Fields::default()), start),
        Framing::Length(length) => match usize::try_from(length) {
            Ok(length) if rest.len() >= length => {
                Read::Whole(make(rest[..length].to_vec(), Fields::default()), start + length)
            }
            Ok(_) | Err(_) => Read::Part(Some(make(rest.to_vec(), Fields::default()))),
        },
        Framing::UntilClose if ended => Read::Whole(make(rest.to_vec(), Fields::default()), bytes.len()),
        Framing::UntilClose => Read::Part(Some(make(rest.to_vec(), Fields::default()))),
        Framing::Chunked => {
            let mut body = Vec::new();
            match chunked(rest, &mut body) {
                Ok(Some((trailers, used))) => Read::Whole(make(body, trailers), start + used),
                Ok(None) => Read::Part(Some(make(body, Fields::default()))),
                Err(problem) => Read::Broken(problem),
            }
        }
    }
}

struct Head {
    line: Vec<u8>,
    fields: Fields,
    bytes: usize,
}

fn head(bytes: &[u8]) -> Result<Option<Head>, String> {
    let Some((line, mut at)) = line_at(bytes, 0)? else {
        return Ok(None);
    };
    let Some(fields) = field_lines(bytes, &mut at)? else {
        return Ok(None);
    };
    Ok(Some(Head {
        line: line.to_vec(),
        fields,
        bytes: at,
    }))
}

/// The line that begins at `start`, without its CRLF, and where the next one begins.
fn line_at(bytes: &[u8], start: usize) -> Result<Option<(&[u8], usize)>, String> {
    let rest = &bytes[start..];
    let Some(end) = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n' | 0)) else {
        return Ok(None);
    };
    match rest[end..] {
        [b'\r', b'\n', ..] => Ok(Some((&rest[..end], start + end + 2))),
        [b'\r'] => Ok(None),
        [b'\r', ..] => Err("a bare CR".into()),
        [b'\n', ..] => Err("a bare LF".into()),
        [..] => Err("a NUL".into()),
    }
}

fn field_lines(bytes: &[u8], at: &mut usize) -> Result<Option<Fields>, String> {
    let mut fields = Fields::default();
    loop {
        let Some((line, next)) = line_at(bytes, *at)? else {
            return Ok(None);
        };
        *at = next;
        if line.is_empty() {
            return Ok(Some(fields));
        }
        let colon = line
            .iter()
            .position(|byte| *byte == b':')
            .ok_or("a field line without a colon")?;
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if name.is_empty() || !name.iter().all(|byte| is_token(*byte)) {
            return Err(format!("the field name {:?}", String::from_utf8_lossy(name)));
        }
        if value
            .iter()
            .any(|byte| (*byte < 0x20 && *byte != b'\t') || *byte == 0x7f)
        {
            return Err(format!(
                "a control byte in the value of {:?}",
                String::from_utf8_lossy(name)
            ));
        }
        fields
            .0
            .push((String::from_utf8_lossy(name).to_ascii_lowercase(), value.to_vec()));
    }
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn status_of(line: &[u8]) -> Result<u16, String> {
    let complaint = || format!("the status line {:?}", String::from_utf8_lossy(line));
    let rest = line
        .strip_prefix(b"HTTP/1.1 ")
        .or_else(|| line.strip_prefix(b"HTTP/1.0 "))
        .ok_or_else(complaint)?;
    let (digits, reason) = rest.split_at_checked(3).ok_or_else(complaint)?;
    let spaced = reason.first() == Some(&b' ');
    if !digits.iter().all(u8::is_ascii_digit) || digits[0] == b'0' || !spaced {
        return Err(complaint());
    }
    Ok(digits
        .iter()
        .fold(0, |number, digit| number * 10 + u16::from(digit - b'0')))
}

/// What content-length and transfer-encoding say, `None` without either; anything doubtful is an error.
fn framing_of(fields: &Fields) -> Result<Option<Framing>, String> {
    let (length, coding) = (fields.value("content-length"), fields.value("transfer-encoding"));
    match (length, coding) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err("content-length and transfer-encoding in one message".into()),
        (None, Some(coding)) if coding.eq_ignore_ascii_case(b"chunked") => Ok(Some(Framing::Chunked)),
        (None, Some(coding)) => Err(format!("transfer-encoding {:?}", String::from_utf8_lossy(&coding))),
        (Some(length), None) => {
            let complaint = || format!("content-length {:?}", String::from_utf8_lossy(&length));
            let text = std::str::from_utf8(&length).map_err(|_| complaint())?;
            if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(complaint());
            }
            text.parse()
                .map(|length| Some(Framing::Length(length)))
                .map_err(|_| complaint())
        }
    }
}

/// Reads a chunked body into `body`; the trailers and the bytes used once it is whole.
fn chunked(bytes: &[u8], body: &mut Vec<u8>) -> Result<Option<(Fields, usize)>, String> {
    let mut at = 0;
    loop {
        let Some((line, next)) = line_at(bytes, at)? else {
            return Ok(None);
        };
        let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
        let complaint = || format!("the chunk size {:?}", String::from_utf8_lossy(digits));
        let text = std::str::from_utf8(digits).map_err(|_| complaint())?;
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(complaint());
        }
        let size = u64::from_str_radix(text, 16).map_err(|_| complaint())?;
        if size > MOST_BODY_BYTES {
            return Err(complaint());
        }
        at = next;
        if size == 0 {
            let Some(trailers) = field_lines(bytes, &mut at)? else {
                return Ok(None);
            };
            return Ok(Some((trailers, at)));
        }
        let size = usize::try_from(size).map_err(|_| complaint())?;
        let rest = &bytes[at..];
        body.extend_from_slice(&rest[..size.min(rest.len())]);
        match rest.get(size..).unwrap_or_default() {
            [] | [b'\r'] => return Ok(None),
            [b'\r', b'\n', ..] => at += size + 2,
            [..] => return Err("no CRLF after a chunk's data".into()),
        }
    }
}

#[cfg(test)]
mod tests;
