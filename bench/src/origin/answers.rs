//! The answers, built once: the path says which.

/// What comes back, whole, ready to be written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer {
    /// Head and body.
    pub(crate) bytes: &'static [u8],
    /// How much of it is head (all that HEAD gets).
    pub(crate) head_length: usize,
}

/// Content length of the answer to everything small: `/128`, `/work`, uploads.
pub(crate) const SMALL_BYTES: usize = 128;
const MEDIUM_BYTES: usize = 16 * 1024;
const LARGE_BYTES: usize = 1024 * 1024;
const CHUNK_BYTES: usize = 4096;

const HUGE_BYTES: usize = 100 * 1024 * 1024;

/// Files that products serve by themselves, and their lengths; the origin does not have them.
pub(crate) const FILES: [(&str, usize); 3] = [
    ("/16k.txt", MEDIUM_BYTES),
    ("/1m.bin", LARGE_BYTES),
    ("/100m.bin", HUGE_BYTES),
];

/// All answers the origin has.
pub(crate) struct Answers {
    pub(crate) small: Answer,
    medium: Answer,
    large: Answer,
    chunked: Answer,
    pub(crate) not_found: Answer,
    pub(crate) bad_request: Answer,
}

/// What a path asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Asked {
    /// This answer, at once.
    Answer(Answer),
    /// This answer, but never while the backend stalls: a check.
    Check(Answer),
    /// The small answer after a service time.
    Work,
}

impl Answers {
    /// Builds them; they live as long as the process.
    pub(crate) fn build() -> Self {
        Self {
            small: of_length("200 OK", SMALL_BYTES),
            medium: of_length("200 OK", MEDIUM_BYTES),
            large: of_length("200 OK", LARGE_BYTES),
            chunked: in_chunks(MEDIUM_BYTES),
            not_found: of_length("404 Not Found", 0),
            bad_request: of_length("400 Bad Request", 0),
        }
    }

    pub(crate) fn asked(&self, path: &str) -> Asked {
        match path {
            "/128" | "/upload" => Asked::Answer(self.small),
            "/16k" => Asked::Answer(self.medium),
            "/1m" => Asked::Answer(self.large),
            "/chunked16k" => Asked::Answer(self.chunked),
            "/health" => Asked::Check(self.small),
            "/work" => Asked::Work,
            _ => Asked::Answer(self.not_found),
        }
    }
}

/// Content bytes of a path's answer, for a load that must know what to expect.
pub(crate) fn content_length(path: &str) -> Option<u64> {
    let length = match path {
        "/128" | "/upload" | "/health" | "/work" => SMALL_BYTES,
        "/16k" | "/chunked16k" => MEDIUM_BYTES,
        "/1m" => LARGE_BYTES,
        _ => FILES.iter().find(|(file, _)| *file == path)?.1,
    };
    Some(length as u64)
}

fn head(status: &str, framing: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status}\r\nServer: origin\r\nDate: Fri, 20 Nov 2026 12:00:00 GMT\r\n\
         Content-Type: text/plain\r\n{framing}\r\n\r\n"
    )
    .into_bytes()
}

fn of_length(status: &str, length: usize) -> Answer {
    let mut bytes = head(status, &format!("Content-Length: {length}"));
    let head_length = bytes.len();
    bytes.resize(head_length + length, b'x');
    Answer {
        bytes: bytes.leak(),
        head_length,
    }
}

fn in_chunks(length: usize) -> Answer {
    let mut bytes = head("200 OK", "Transfer-Encoding: chunked");
    let head_length = bytes.len();
    for _ in 0..length / CHUNK_BYTES {
        bytes.extend_from_slice(format!("{CHUNK_BYTES:x}\r\n").as_bytes());
        bytes.resize(bytes.len() + CHUNK_BYTES, b'x');
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    Answer {
        bytes: bytes.leak(),
        head_length,
    }
}
