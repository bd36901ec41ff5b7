//! The static table (RFC 7541 A).

use super::known::Known;

/// A field of the static table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Static {
    /// `name: value` and CRLF.
    pub(crate) line: &'static [u8],
    /// Bytes of the name.
    pub(crate) name: usize,
    pub(crate) known: Known,
}

macro_rules! fields {
    ($($name:literal $value:literal $known:ident)*) => {
        &[$(Static {
            line: concat!($name, ": ", $value, "\r\n").as_bytes(),
            name: $name.len(),
            known: Known::$known,
        },)*]
    };
}

/// Fields in the static table; index 1 is the first.
pub(crate) const COUNT: usize = 61;

pub(crate) static FIELDS: &[Static; COUNT] = fields! {
    ":authority" "" Authority
    ":method" "GET" Method
    ":method" "POST" Method
    ":path" "/" Path
    ":path" "/index.html" Path
    ":scheme" "http" Scheme
    ":scheme" "https" Scheme
    ":status" "200" Status
    ":status" "204" Status
    ":status" "206" Status
    ":status" "304" Status
    ":status" "400" Status
    ":status" "404" Status
    ":status" "500" Status
    "accept-charset" "" Plain
    "accept-encoding" "gzip, deflate" Plain
    "accept-language" "" Plain
    "accept-ranges" "" Plain
    "accept" "" Plain
    "access-control-allow-origin" "" Plain
    "age" "" Fleeting
    "allow" "" Plain
    "authorization" "" Secret
    "cache-control" "" Plain
    "content-disposition" "" Plain
    "content-encoding" "" Plain
    "content-language" "" Plain
    "content-length" "" ContentLength
    "content-location" "" Plain
    "content-range" "" Fleeting
    "content-type" "" Plain
    "cookie" "" Cookie
    "date" "" Plain
    "etag" "" Fleeting
    "expect" "" Plain
    "expires" "" Plain
    "from" "" Plain
    "host" "" Host
    "if-match" "" Plain
    "if-modified-since" "" Fleeting
    "if-none-match" "" Fleeting
    "if-range" "" Plain
    "if-unmodified-since" "" Plain
    "last-modified" "" Fleeting
    "link" "" Plain
    "location" "" Fleeting
    "max-forwards" "" Plain
    "proxy-authenticate" "" Plain
    "proxy-authorization" "" Secret
    "range" "" Fleeting
    "referer" "" Plain
    "refresh" "" Plain
    "retry-after" "" Plain
    "server" "" Plain
    "set-cookie" "" Secret
    "strict-transport-security" "" Plain
    "transfer-encoding" "" OfConnection
    "user-agent" "" Plain
    "vary" "" Plain
    "via" "" Plain
    "www-authenticate" "" Plain
};

/// The index of the first field with this name, which is in lower case; 0 when there is none.
pub(crate) fn name_index(name: &[u8]) -> usize {
    match name {
        b":authority" => 1,
        b":method" => 2,
        b":path" => 4,
        b":scheme" => 6,
        b":status" => 8,
        b"accept-charset" => 15,
        b"accept-encoding" => 16,
        b"accept-language" => 17,
        b"accept-ranges" => 18,
        b"accept" => 19,
        b"access-control-allow-origin" => 20,
        b"age" => 21,
        b"allow" => 22,
        b"authorization" => 23,
        b"cache-control" => 24,
        b"content-disposition" => 25,
        b"content-encoding" => 26,
        b"content-language" => 27,
        b"content-length" => 28,
        b"content-location" => 29,
        b"content-range" => 30,
        b"content-type" => 31,
        b"cookie" => 32,
        b"date" => 33,
        b"etag" => 34,
        b"expect" => 35,
        b"expires" => 36,
        b"from" => 37,
        b"host" => 38,
        b"if-match" => 39,
        b"if-modified-since" => 40,
        b"if-none-match" => 41,
        b"if-range" => 42,
        b"if-unmodified-since" => 43,
        b"last-modified" => 44,
        b"link" => 45,
        b"location" => 46,
        b"max-forwards" => 47,
        b"proxy-authenticate" => 48,
        b"proxy-authorization" => 49,
        b"range" => 50,
        b"referer" => 51,
        b"refresh" => 52,
        b"retry-after" => 53,
        b"server" => 54,
        b"set-cookie" => 55,
        b"strict-transport-security" => 56,
        b"transfer-encoding" => 57,
        b"user-agent" => 58,
        b"vary" => 59,
        b"via" => 60,
        b"www-authenticate" => 61,
        _ => 0,
    }
}
