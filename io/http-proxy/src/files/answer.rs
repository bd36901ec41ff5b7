//! What is answered, and its head.

use super::file::File;
use crate::facts;
use crate::own::Short;
use crate::reason::Reason;
use evenkeel_content::{Part, Verdict};
use std::io::Write;
use std::rc::Rc;

pub(super) enum Answer {
    File(FileAnswer),
    Short(Short),
    Error(Reason),
}

/// An answer with a file, or with the word that the client has it already.
pub(super) struct FileAnswer {
    pub(super) file: Rc<File>,
    /// Another client may get it in another coding.
    pub(super) varies: bool,
    pub(super) parts: Parts,
}

pub(super) enum Parts {
    Whole,
    /// Never empty.
    Some(Vec<Part>),
    /// 304.
    None,
    /// 404, and the page that says so.
    NotFound,
}

impl Answer {
    pub(super) fn of(file: Rc<File>, varies: bool, verdict: Verdict) -> Answer {
        let parts = match verdict {
            Verdict::Whole => Parts::Whole,
            Verdict::Parts(parts) => Parts::Some(parts),
            Verdict::NotModified => Parts::None,
            Verdict::PreconditionFailed => return short(412, None, "The file is another version.\n"),
            Verdict::Unsatisfiable => {
                let range = format!("bytes */{}", file.length).into_bytes();
                let field: (&[u8], _) = (b"content-range", range);
                return short(416, Some(field), "Nothing of what was asked for is there.\n");
            }
        };
        Answer::File(FileAnswer { file, varies, parts })
    }

    /// With the page for what is not there.
    pub(super) fn not_found(file: Rc<File>, varies: bool) -> Answer {
        let parts = Parts::NotFound;
        Answer::File(FileAnswer { file, varies, parts })
    }

    /// Whether the client gets nothing of a file that it asked for.
    pub(super) fn is_refusal(&self) -> bool {
        match self {
            Answer::File(answer) => matches!(answer.parts, Parts::NotFound),
            Answer::Short(short) => short.status >= 400,
            Answer::Error(_) => true,
        }
    }

    pub(super) fn not_allowed() -> Answer {
        short(
            405,
            Some((b"allow", b"GET, HEAD".to_vec())),
            "Files can only be read.\n",
        )
    }

    pub(super) fn malformed() -> Answer {
        short(400, None, "The path was not understood.\n")
    }

    pub(super) fn missing() -> Answer {
        short(404, None, "There is no such file.\n")
    }

    pub(super) fn forbidden() -> Answer {
        short(403, None, "This file may not be read.\n")
    }

    /// To the directory that was asked for without the slash at its end. The location begins with one slash: with two it
    /// would name another host.
    pub(super) fn with_slash(path: &[u8], query: Option<&[u8]>) -> Answer {
        let first = path.iter().position(|&byte| byte != b'/').unwrap_or(path.len());
        let mut location = b"/".to_vec();
        location.extend_from_slice(&path[first..]);
        location.push(b'/');
        if let Some(query) = query {
            location.push(b'?');
            location.extend_from_slice(query);
        }
        short(308, Some((b"location", location)), "")
    }
}

fn short(status: u16, field: Option<(&'static [u8], Vec<u8>)>, text: &'static str) -> Answer {
    Answer::Short(Short { status, field, text })
}

/// Between the parts of an answer with several (RFC 9110 14.6): 128 bits that no file contains but by chance.
pub(super) type Boundary = [u8; 32];

/// What the content is that a head announces.
pub(super) enum Extent<'a> {
    Whole,
    Part(Part),
    /// Several parts, and how many bytes they are with what stands between them.
    Several(&'a Boundary, u64),
    /// 304: none.
    Nothing,
    /// 404: all of a page that is no version of what was asked for.
    NotFound,
}

/// Appends the head of an answer with a file.
pub(super) fn head(answer: &FileAnswer, extent: &Extent<'_>, keep_alive: bool, out: &mut Vec<u8>) {
    let file = &answer.file;
    let line: &[u8] = match extent {
        Extent::Whole => b"HTTP/1.1 200 OK\r\n",
        Extent::Part(_) | Extent::Several(..) => b"HTTP/1.1 206 Partial Content\r\n",
        Extent::Nothing => b"HTTP/1.1 304 Not Modified\r\n",
        Extent::NotFound => b"HTTP/1.1 404 Not Found\r\n",
    };
    out.extend_from_slice(line);
    out.extend_from_slice(b"date: ");
    out.extend_from_slice(&facts::date());
    out.extend_from_slice(b"\r\n");
    if !matches!(extent, Extent::NotFound) {
        out.extend_from_slice(&file.version_lines);
    }
    let total = file.length;
    // Writing to memory does not fail.
    let _ = match extent {
        Extent::Whole | Extent::NotFound => {
            type_line(file, out);
            out.extend_from_slice(&file.coding_lines);
            length_line(total, out);
            Ok(())
        }
        Extent::Part(part) => {
            type_line(file, out);
            out.extend_from_slice(&file.coding_lines);
            length_line(part.length(), out);
            write!(out, "content-range: bytes {}-{}/{total}\r\n", part.first, part.end - 1)
        }
        Extent::Several(boundary, length) => {
            out.extend_from_slice(b"content-type: multipart/byteranges; boundary=");
            out.extend_from_slice(&boundary[..]);
            out.extend_from_slice(b"\r\n");
            out.extend_from_slice(&file.coding_lines);
            length_line(*length, out);
            Ok(())
        }
        Extent::Nothing => Ok(()),
    };
    if answer.varies {
        out.extend_from_slice(b"vary: accept-encoding\r\n");
    }
    if !keep_alive {
        out.extend_from_slice(b"connection: close\r\n");
    }
    out.extend_from_slice(b"\r\n");
}

/// What stands before each of several parts.
pub(super) fn part_head(file: &File, part: Part, boundary: &Boundary) -> Vec<u8> {
    let mut out = b"\r\n--".to_vec();
    out.extend_from_slice(boundary);
    out.extend_from_slice(b"\r\n");
    type_line(file, &mut out);
    // Writing to memory does not fail.
    let _ = write!(
        out,
        "content-range: bytes {}-{}/{}\r\n\r\n",
        part.first,
        part.end - 1,
        file.length
    );
    out
}

/// What stands after the last of several parts.
pub(super) fn parts_end(boundary: &Boundary) -> Vec<u8> {
    [b"\r\n--", &boundary[..], b"--\r\n"].concat()
}

fn type_line(file: &File, out: &mut Vec<u8>) {
    out.extend_from_slice(b"content-type: ");
    out.extend_from_slice(file.kind.text.as_bytes());
    out.extend_from_slice(b"\r\n");
}

fn length_line(length: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(b"content-length: ");
    out.extend_from_slice(itoa::Buffer::new().format(length).as_bytes());
    out.extend_from_slice(b"\r\n");
}
