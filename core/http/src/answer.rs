//! Answers of our own.

use crate::bytes::write_decimal;
use crate::request::write_field;

/// Appends a short plain-text answer. `text` follows the status in the body; `date` is now, as an IMF-fixdate
/// (RFC 9110 5.6.7, 6.6.1). Nobody may keep it: an error of ours says nothing about the resource.
pub fn error_answer(status: u16, text: &str, date: &[u8], keep_alive: bool, head_only: bool, out: &mut Vec<u8>) {
    let mut body = Vec::with_capacity(text.len() + 1);
    body.extend_from_slice(text.as_bytes());
    body.push(b'\n');
    let extra: [(&[u8], &[u8]); 3] = [
        (b"date", date),
        (b"cache-control", b"no-store"),
        (b"allow", b"GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH"),
    ];
    let extra = &extra[..if status == 405 { 3 } else { 2 }];
    fixed_answer(
        status,
        b"text/plain; charset=utf-8",
        extra,
        &body,
        keep_alive,
        head_only,
        out,
    );
}

/// Appends a whole answer. `extra` are further fields such as `location`; bytes that could end their line early are left
/// out. An empty `content_type` is not sent, and 1xx, 204 and 304 get neither body nor length.
pub fn fixed_answer(
    status: u16,
    content_type: &[u8],
    extra: &[(&[u8], &[u8])],
    body: &[u8],
    keep_alive: bool,
    head_only: bool,
    out: &mut Vec<u8>,
) {
    let bodiless = matches!(status, 100..=199 | 204 | 304);
    out.extend_from_slice(b"HTTP/1.1 ");
    write_decimal(u64::from(status), out);
    out.push(b' ');
    out.extend_from_slice(reason_phrase(status).as_bytes());
    out.extend_from_slice(b"\r\n");
    if !bodiless {
        if !content_type.is_empty() {
            write_field(b"content-type", content_type, out);
        }
        out.extend_from_slice(b"content-length: ");
        write_decimal(body.len() as u64, out);
        out.extend_from_slice(b"\r\n");
    }
    for (name, value) in extra {
        out.extend_from_slice(name);
        out.extend_from_slice(b": ");
        out.extend(value.iter().filter(|byte| !byte.is_ascii_control()));
        out.extend_from_slice(b"\r\n");
    }
    if !keep_alive {
        out.extend_from_slice(b"connection: close\r\n");
    }
    out.extend_from_slice(b"\r\n");
    if !bodiless && !head_only {
        out.extend_from_slice(body);
    }
}

/// The usual words for a status; empty for one that has none (RFC 9110 15 and the registry).
pub fn reason_phrase(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        101 => "Switching Protocols",
        103 => "Early Hints",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        203 => "Non-Authoritative Information",
        204 => "No Content",
        205 => "Reset Content",
        206 => "Partial Content",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        417 => "Expectation Failed",
        418 => "I'm a teapot",
        421 => "Misdirected Request",
        422 => "Unprocessable Content",
        425 => "Too Early",
        426 => "Upgrade Required",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        451 => "Unavailable For Legal Reasons",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        511 => "Network Authentication Required",
        _ => "",
    }
}
