//! Which bytes a client gets of a resource: the content negotiation, conditions and ranges of RFC 9110.
//!
//! This crate owns the decisions: which file a path names, which content type a file has, whether the client has the
//! newest version already, which ranges it gets, which coding. It is given bytes and numbers and gives back decisions
//! and bytes; it never opens a file, never looks at a clock and never compresses.
//!
//! Decisions where the RFCs leave room:
//! * A path with an encoded slash or NUL, a control byte, a backslash, or a segment `.` or `..` names no file: refused,
//!   never repaired. Empty segments are left out.
//! * Names that begin with a dot are hidden unless asked for, except `.well-known` (RFC 8615) at the beginning.
//! * Of a client that sends no `Accept-Encoding` nothing is assumed: it gets the plain bytes. One that refuses those
//!   too (`identity;q=0`) and offers no coding that we have gets them all the same (RFC 9110 12.5.3).
//! * More than 16 ranges, or ranges that come to more bytes than the whole, are ignored, which RFC 9110 14.2 allows.
//! * A list of entity tags that is malformed matches nothing; a date that is malformed is not there (RFC 9110 13.1).

mod accept;
mod asked;
mod coding;
mod conditions;
mod content_type;
mod date;
mod path;
mod range;
mod tag;

pub use accept::Accepted;
pub use asked::Asked;
pub use coding::{AnswerFacts, Coding, decide, is_about_the_bytes, weaken};
pub use conditions::{Verdict, judge};
pub use content_type::{ContentType, content_type, names_page};
pub use date::{DATE_BYTES, parse_date, write_date};
pub use path::{NoFile, relative};
pub use range::{PARTS_MAX, Part};
pub use tag::Validators;
