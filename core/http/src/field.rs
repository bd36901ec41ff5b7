/// A part of the buffer that was parsed, in bytes from its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// The first byte.
    pub start: u32,
    /// The byte after the last.
    pub end: u32,
}

impl Span {
    /// A head is far smaller than 4 GiB: `Limits` sees to it.
    pub(crate) fn new(start: usize, end: usize) -> Span {
        Span {
            start: start as u32,
            end: end as u32,
        }
    }

    /// The bytes. `buffer` is the one that was parsed, or one that begins with the same bytes.
    pub fn of(self, buffer: &[u8]) -> &[u8] {
        &buffer[self.start as usize..self.end as usize]
    }

    /// Whether there are no bytes.
    pub fn is_empty(self) -> bool {
        self.start == self.end
    }
}

/// One field line of a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// As sent; never empty.
    pub name: Span,
    /// Without white space around it.
    pub value: Span,
    /// The whole line with its CRLF.
    pub line: Span,
    /// Which field it is, if it is one that we know.
    pub id: FieldId,
    /// Whether the line may be passed on as it is. `false`: hop-by-hop, named by `Connection`, or written anew by us.
    pub forward: bool,
}

impl Field {
    /// Whether the line is `name: value` and nothing more.
    pub(crate) fn is_tight(&self, buffer: &[u8]) -> bool {
        self.value.start == self.name.end + 2
            && buffer[self.name.end as usize + 1] == b' '
            && self.line.end == self.value.end + 2
    }
}

macro_rules! known_fields {
    ($($length:literal { $($id:ident $name:literal)* })*) => {
        /// Fields that mean something to us.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u8)]
        #[allow(missing_docs)]
        pub enum FieldId {
            /// None of the below.
            Other,
            /// Any other `Content-...`.
            ContentOther,
            /// Any other `X-Forwarded-...`.
            XForwardedOther,
            /// With `_` for a `-`, and else the name of a field that says who the client is, or frames the message: many
            /// backends cannot tell the two apart (CGI and what follows it, RFC 3875 4.1.18). Clients' are not passed on.
            Disguised,
            $($($id,)*)*
        }

        impl FieldId {
            /// Which field `name` (in any case) is.
            pub fn of(name: &[u8]) -> FieldId {
                // Names of one length mostly differ in their first letter.
                let first = name.first().map_or(0, u8::to_ascii_lowercase);
                match name.len() {
                    $($length => {
                        $(if first == $name[0] && name.eq_ignore_ascii_case($name) { FieldId::$id } else)* {
                            FieldId::of_family(name)
                        }
                    })*
                    _ => FieldId::of_family(name),
                }
            }
        }

        #[cfg(test)]
        pub(crate) const KNOWN: &[(FieldId, &[u8], usize)] = &[$($((FieldId::$id, $name, $length),)*)*];
    };
}

known_fields! {
    2 { Te b"te" }
    3 { Age b"age" }
    4 { Host b"host" Date b"date" Vary b"vary" }
    5 { Range b"range" }
    6 { Cookie b"cookie" Accept b"accept" Expect b"expect" Server b"server" Pragma b"pragma" }
    7 { Upgrade b"upgrade" Trailer b"trailer" Referer b"referer" Expires b"expires" Warning b"warning" }
    8 { Location b"location" IfMatch b"if-match" IfRange b"if-range" }
    9 { Forwarded b"forwarded" }
    10 { Connection b"connection" SetCookie b"set-cookie" KeepAlive b"keep-alive" UserAgent b"user-agent" }
    11 { RetryAfter b"retry-after" ContentMd5 b"content-md5" }
    12 { XRequestId b"x-request-id" ContentType b"content-type" MaxForwards b"max-forwards" }
    13 { CacheControl b"cache-control" Authorization b"authorization" ContentRange b"content-range" IfNoneMatch b"if-none-match" }
    14 { ContentLength b"content-length" Http2Settings b"http2-settings" ContentDigest b"content-digest" }
    15 { XForwardedFor b"x-forwarded-for" }
    16 { XForwardedHost b"x-forwarded-host" ContentEncoding b"content-encoding" ProxyConnection b"proxy-connection" WwwAuthenticate b"www-authenticate" }
    17 { TransferEncoding b"transfer-encoding" XForwardedProto b"x-forwarded-proto" IfModifiedSince b"if-modified-since" }
    18 { ProxyAuthenticate b"proxy-authenticate" }
    19 { ProxyAuthorization b"proxy-authorization" IfUnmodifiedSince b"if-unmodified-since" AuthenticationInfo b"authentication-info" }
    25 { ProxyAuthenticationInfo b"proxy-authentication-info" }
}

const FORWARDED: &[u8] = b"x-forwarded-";

/// Whether two names are one where `-` and `_` are the same (CGI and what follows it, RFC 3875 4.1.18).
pub(crate) fn is_the_same_to_cgi(one: &[u8], other: &[u8]) -> bool {
    let plain = |byte: &u8| if *byte == b'_' { b'-' } else { byte.to_ascii_lowercase() };
    one.len() == other.len() && one.iter().map(plain).eq(other.iter().map(plain))
}

impl FieldId {
    fn of_family(name: &[u8]) -> FieldId {
        let begins = |prefix: &[u8]| {
            name.get(..prefix.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        };
        match name.first() {
            Some(b'c' | b'C') if begins(b"content-") => FieldId::ContentOther,
            Some(b'c' | b'C') => FieldId::disguised(name, &[b"content-length"]),
            Some(b't' | b'T') => FieldId::disguised(name, &[b"transfer-encoding"]),
            Some(b'x' | b'X') => {
                let begun = name.get(..FORWARDED.len());
                if begun.is_some_and(|start| is_the_same_to_cgi(start, FORWARDED)) {
                    return if name.contains(&b'_') {
                        FieldId::Disguised
                    } else {
                        FieldId::XForwardedOther
                    };
                }
                FieldId::disguised(name, &[b"x-request-id", b"x-real-ip"])
            }
            _ => FieldId::Other,
        }
    }

    /// Of a name that is not one of `plain`, however its letters are written. Only names of their lengths are looked at.
    fn disguised(name: &[u8], plain: &[&[u8]]) -> FieldId {
        let is_one = |plain: &&[u8]| is_the_same_to_cgi(name, plain) && name.contains(&b'_');
        if plain.iter().any(is_one) {
            FieldId::Disguised
        } else {
            FieldId::Other
        }
    }

    /// Meant for the next hop only (RFC 9110 7.6.1 and, for the proxy credentials, 11.7): never passed on as it came.
    pub(crate) fn is_hop_by_hop(self) -> bool {
        use FieldId::*;
        match self {
            Connection
            | Http2Settings
            | KeepAlive
            | ProxyAuthenticate
            | ProxyAuthenticationInfo
            | ProxyAuthorization
            | ProxyConnection
            | Te
            | TransferEncoding
            | Upgrade => true,
            Other | ContentOther | XForwardedOther | Disguised | Age | Host | Date | Vary | Range | Cookie | Accept
            | Expect | Server | Pragma | Trailer | Referer | Expires | Warning | Location | IfMatch | IfRange
            | Forwarded | SetCookie | UserAgent | RetryAfter | XRequestId | ContentType | MaxForwards
            | CacheControl | Authorization | ContentRange | IfNoneMatch | ContentLength | XForwardedFor
            | XForwardedHost | ContentEncoding | WwwAuthenticate | XForwardedProto | IfModifiedSince
            | IfUnmodifiedSince | ContentDigest | ContentMd5 | AuthenticationInfo => false,
        }
    }

    /// Must not come after the body: framing, routing, request modifiers, credentials, response control, how to read
    /// the content, and what belongs to the hop (RFC 9110 6.5.1).
    pub(crate) fn is_forbidden_in_trailers(self) -> bool {
        use FieldId::*;
        match self {
            Connection
            | Http2Settings
            | KeepAlive
            | ProxyAuthenticate
            | ProxyAuthenticationInfo
            | ProxyAuthorization
            | ProxyConnection
            | Te
            | TransferEncoding
            | Upgrade => true,
            ContentLength | Host | Trailer | Forwarded | XForwardedFor | XForwardedHost | XForwardedProto
            | XForwardedOther | XRequestId => true,
            Authorization | Cookie | SetCookie | WwwAuthenticate | ContentType | ContentRange | ContentEncoding
            | ContentOther => true,
            Expect | MaxForwards | CacheControl | Pragma | Range | IfMatch | IfNoneMatch | IfModifiedSince
            | IfUnmodifiedSince | IfRange => true,
            Age | Date | Expires | Location | RetryAfter | Vary | Warning => true,
            Other | Disguised | ContentDigest | ContentMd5 | Accept | Server | Referer | UserAgent
            | AuthenticationInfo => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_name_is_recognised_in_any_case_and_not_when_a_byte_differs() {
        for &(id, name, length) in KNOWN {
            assert_eq!(name.len(), length);
            assert_eq!(FieldId::of(name), id);
            assert_eq!(FieldId::of(&name.to_ascii_uppercase()), id);
            for place in 0..name.len() {
                let mut other = name.to_vec();
                other[place] = b'_';
                assert_ne!(FieldId::of(&other), id);
            }
        }
        assert_eq!(FieldId::of(b"Content-Language"), FieldId::ContentOther);
        assert_eq!(FieldId::of(b"x-forwarded-port"), FieldId::XForwardedOther);
        assert_eq!(FieldId::of(b"x"), FieldId::Other);
    }

    #[test]
    fn a_name_in_disguise_is_seen_through() {
        for disguised in [
            &b"X_Forwarded_For"[..],
            b"x-forwarded_for",
            b"x_forwarded-Host",
            b"X-FORWARDED_PROTO",
            b"x_forwarded_port",
            b"x-forwarded-client_cert",
            b"X_Request_Id",
            b"x-request_id",
            b"x_real_ip",
            b"X-Real_IP",
            b"Content_Length",
            b"transfer_encoding",
        ] {
            assert_eq!(
                FieldId::of(disguised),
                FieldId::Disguised,
                "{}",
                disguised.escape_ascii()
            );
        }
        for plain in [
            &b"x-real-ip"[..],
            b"x_forwarded",
            b"x_request_ids",
            b"x_request-i",
            b"xxrequest_id",
            b"content_type",
            b"_content-length",
            b"user_agent",
            b"x_",
            b"_",
        ] {
            assert_eq!(FieldId::of(plain), FieldId::Other, "{}", plain.escape_ascii());
        }
    }
}
