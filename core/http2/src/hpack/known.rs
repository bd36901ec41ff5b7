/// Fields that mean something to the translation of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    Method,
    Scheme,
    Authority,
    Path,
    Status,
    Protocol,
    /// Another name that begins with a colon.
    UnknownPseudo,
    Host,
    Cookie,
    ContentLength,
    Te,
    /// Means something to one HTTP/1.1 connection only (RFC 9113 8.2.2).
    OfConnection,
    Upgrade,
    WebSocketKey,
    WebSocketAccept,
    /// A secret, or part of one: never put into a table (RFC 7541 7.1.3).
    Secret,
    /// Differs in every message: not worth a place in a table.
    Fleeting,
    /// Any other.
    Plain,
}

impl Known {
    /// Which field this is; names are in lower case.
    pub(crate) fn of(name: &[u8]) -> Known {
        match name {
            b":method" => Known::Method,
            b":scheme" => Known::Scheme,
            b":authority" => Known::Authority,
            b":path" => Known::Path,
            b":status" => Known::Status,
            b":protocol" => Known::Protocol,
            [b':', ..] => Known::UnknownPseudo,
            b"host" => Known::Host,
            b"cookie" => Known::Cookie,
            b"content-length" => Known::ContentLength,
            b"te" => Known::Te,
            b"connection" | b"keep-alive" | b"proxy-connection" | b"transfer-encoding" => Known::OfConnection,
            b"upgrade" => Known::Upgrade,
            b"http2-settings" => Known::OfConnection,
            b"sec-websocket-key" => Known::WebSocketKey,
            b"sec-websocket-accept" => Known::WebSocketAccept,
            b"authorization" | b"proxy-authorization" | b"set-cookie" => Known::Secret,
            b"etag" | b"location" | b"age" | b"last-modified" | b"content-range" | b"x-request-id" | b"range"
            | b"if-none-match" | b"if-modified-since" => Known::Fleeting,
            _ => Known::Plain,
        }
    }
}

impl Known {
    /// One of the pseudo-fields that exist (RFC 9113 8.3, RFC 8441 4).
    pub(crate) fn is_pseudo(self) -> bool {
        match self {
            Known::Method | Known::Scheme | Known::Authority | Known::Path | Known::Status | Known::Protocol => true,
            Known::UnknownPseudo
            | Known::Host
            | Known::Cookie
            | Known::ContentLength
            | Known::Te
            | Known::OfConnection
            | Known::Upgrade
            | Known::WebSocketKey
            | Known::WebSocketAccept
            | Known::Secret
            | Known::Fleeting
            | Known::Plain => false,
        }
    }
}
