use std::fmt;

/// A request that is refused, and what the client is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// 400, 405, 414, 417, 431 or 501.
    pub status: u16,
    /// What was wrong.
    pub reason: Fault,
}

impl From<Fault> for Refused {
    fn from(reason: Fault) -> Self {
        Refused {
            status: reason.status(),
            reason,
        }
    }
}

macro_rules! faults {
    ($($name:ident $status:literal $text:literal)*) => {
        /// What is wrong with a message. `Display` is one short sentence with the section of the RFC.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Fault {
            $(#[doc = $text] $name,)*
        }

        impl Fault {
            /// The status for a client whose request has this fault.
            pub fn status(self) -> u16 {
                match self {
                    $(Fault::$name => $status,)*
                }
            }

            /// One short sentence with the section of the RFC.
            pub fn text(self) -> &'static str {
                match self {
                    $(Fault::$name => $text,)*
                }
            }
        }
    };
}

faults! {
    BareCarriageReturn 400 "a carriage return without a line feed (RFC 9112 2.2)"
    BareLineFeed 400 "a line feed without a carriage return (RFC 9112 2.2)"
    ChunkDataEnd 400 "chunk data is not followed by CRLF (RFC 9112 7.1)"
    ChunkExtension 400 "a malformed chunk extension (RFC 9112 7.1.1)"
    ChunkExtensionTooLong 400 "chunk extensions are too long (RFC 9112 7.1.1)"
    ChunkSize 400 "a chunk size is not 1 to 16 hexadecimal digits (RFC 9112 7.1)"
    ChunkSizeTooLarge 400 "a chunk size does not fit in 63 bits (RFC 9112 7.1)"
    CodingInOldVersion 400 "Transfer-Encoding in HTTP/1.0 (RFC 9112 6.1)"
    CodingNotChunked 400 "Transfer-Encoding is not exactly chunked (RFC 9112 6.1)"
    CodingRepeated 400 "Transfer-Encoding is repeated (RFC 9112 6.1)"
    CodingUnknown 501 "a transfer coding that is not implemented (RFC 9112 6.1)"
    Connect 405 "CONNECT is not offered here (RFC 9110 9.3.6)"
    ConnectionNames 400 "Connection names a field that is for all recipients (RFC 9110 7.6.1)"
    ConnectionOption 400 "a Connection option is not a token (RFC 9110 7.6.1)"
    ConnectionTooMany 400 "Connection has too many options (RFC 9110 7.6.1)"
    ControlByte 400 "a control byte (RFC 9110 5.5)"
    EmptyLines 400 "too many empty lines before the request (RFC 9112 2.2)"
    Expectation 417 "an expectation other than 100-continue (RFC 9110 10.1.1)"
    FieldName 400 "a field name is not a token (RFC 9110 5.1)"
    FieldsTooMany 431 "too many fields (RFC 6585 5)"
    Fold 400 "a folded field line (RFC 9112 5.2)"
    HeadTooLarge 431 "the head is too large (RFC 6585 5)"
    Host 400 "Host is not a host with an optional port (RFC 9110 7.2)"
    HostDiffers 400 "Host differs from the target's authority (RFC 9112 3.2.2)"
    HostMissing 400 "Host is missing (RFC 9112 3.2)"
    HostRepeated 400 "Host is repeated (RFC 9112 3.2)"
    Length 400 "Content-Length is not a decimal number that fits in 63 bits (RFC 9110 8.6)"
    LengthAndCoding 400 "both Content-Length and Transfer-Encoding (RFC 9112 6.1)"
    LengthRepeated 400 "Content-Length is repeated (RFC 9112 6.3)"
    Method 400 "the method is not a token (RFC 9112 3.1)"
    MethodTooLong 501 "the method is too long (RFC 9112 3)"
    RequestLine 400 "the request line is not method, target and version with one space between (RFC 9112 3)"
    SpaceBeforeColon 400 "a space before the colon of a field (RFC 9112 5.1)"
    StatusLine 400 "a malformed status line (RFC 9112 4)"
    StatusRange 400 "a status that is not 100 to 599 (RFC 9110 15)"
    SwitchUnasked 400 "101 that was not asked for (RFC 9110 15.2.2)"
    SwitchWithoutProtocol 400 "101 without Connection: upgrade and Upgrade (RFC 9110 7.8)"
    TargetByte 400 "a byte that may not be in a request target (RFC 9112 3.2)"
    TargetForm 400 "the target is of no form that this method has (RFC 9112 3.2)"
    TargetFragment 400 "a fragment in the request target (RFC 9112 3.2)"
    TargetTooLong 414 "the request target is too long (RFC 9110 15.5.15)"
    TrailerForbidden 400 "a field that may not be a trailer (RFC 9110 6.5.1)"
    TrailerTooLarge 400 "the trailers are too large (RFC 9112 7.1.2)"
    Truncated 400 "the connection ended before the body did (RFC 9112 8)"
    Version 400 "the version is not HTTP/1.0 or HTTP/1.1 (RFC 9112 2.3)"
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.text())
    }
}

impl std::error::Error for Fault {}

impl fmt::Display for Refused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.status, self.reason)
    }
}

impl std::error::Error for Refused {}
