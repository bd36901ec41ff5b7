//! Reads the requests of one connection.

use super::answers::{Answer, Answers, Asked};
use crate::framing::Body;

/// Fields of one request's head; balancers add a handful to the load's three.
const FIELDS_MAX: usize = 64;

/// What a head says the origin has to do.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) length: usize,
    pub(crate) asked: Asked,
    pub(crate) head_only: bool,
    /// The connection ends after the answer.
    pub(crate) last: bool,
    pub(crate) continue_expected: bool,
    /// None: no body.
    pub(crate) body: Option<Body>,
}

/// Parses a head; nothing while it is incomplete, an answer to refuse with when it is wrong.
pub(crate) fn parse_head(input: &[u8], answers: &Answers) -> Result<Option<Head>, Answer> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
    let mut request = httparse::Request::new(&mut fields);
    let length = match request.parse(input) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err(answers.bad_request),
    };
    let method = request.method.unwrap_or_default();
    let mut head = Head {
        length,
        asked: if method == "POST" || method == "PUT" {
            Asked::Answer(answers.small)
        } else {
            answers.asked(request.path.unwrap_or_default())
        },
        head_only: method == "HEAD",
        last: request.version == Some(0),
        continue_expected: false,
        body: None,
    };
    for field in request.headers.iter() {
        if field.name.eq_ignore_ascii_case("content-length") {
            let declared = std::str::from_utf8(field.value)
                .ok()
                .and_then(|text| text.trim().parse().ok());
            head.body = Some(Body::of_length(declared.ok_or(answers.bad_request)?)).filter(|body| !body.is_complete());
        } else if field.name.eq_ignore_ascii_case("transfer-encoding") {
            head.body = Some(Body::chunked());
        } else if field.name.eq_ignore_ascii_case("connection") {
            head.last = field.value.eq_ignore_ascii_case(b"close")
                || head.last && !field.value.eq_ignore_ascii_case(b"keep-alive");
        } else if field.name.eq_ignore_ascii_case("expect") {
            head.continue_expected = field.value.eq_ignore_ascii_case(b"100-continue");
        }
    }
    Ok(Some(head))
}
