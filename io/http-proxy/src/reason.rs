/// Why a request ended as it did: one word for access log and metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Reason {
    /// The client has its answer, whatever its status.
    Ok,
    /// No route matched: 404.
    NoRoute,
    /// The pool has no backend that may be used: 503.
    NoBackend,
    /// The queue had no place: 503.
    QueueFull,
    /// No backend had a place in time: 503.
    QueueTimeout,
    /// The backend refused the connection or could not be reached: 502.
    ConnectRefused,
    /// It could not be agreed on TLS with the backend, or its certificate is not to be trusted: 502.
    TlsFailed,
    /// The backend did not accept the connection in time: 504.
    ConnectTimeout,
    /// The backend ended the connection before its answer was whole: 502, or a cut answer.
    BackendReset,
    /// The backend did not answer or go on in time: 504, or a cut answer.
    ResponseTimeout,
    /// The backend spoke nonsense: 502, or a cut answer.
    BadResponse,
    /// The client left before its answer was whole.
    ClientGone,
    /// The client broke the grammar: 400, 405, 414, 417, 431, 501.
    BadRequest,
    /// The connection did not begin with the PROXY header that it must begin with: no answer.
    BadProxyHeader,
    /// The client took too long for a head: 408.
    HeaderTimeout,
    /// The client took too long for its body, or to read its answer: 408, or a cut answer.
    RequestTimeout,
    /// The client's body is larger than allowed: 413.
    BodyTooLarge,
    /// We had no descriptor or port left to reach the backend, or no memory for another body: 503.
    Exhausted,
    /// The route takes no more requests of this client now: 429.
    RateLimited,
    /// A file could not be read, or changed while it was sent: 500, or a cut answer.
    FileFailed,
    /// Too many requests wait for the disk that a file is on: 503.
    DiskBusy,
    /// The disk that a file is on did not answer in time: 504, or a cut answer.
    DiskTimeout,
}

impl Reason {
    pub(crate) const COUNT: usize = 22;
    pub(crate) const ALL: [Reason; Reason::COUNT] = [
        Reason::Ok,
        Reason::NoRoute,
        Reason::NoBackend,
        Reason::QueueFull,
        Reason::QueueTimeout,
        Reason::ConnectRefused,
        Reason::TlsFailed,
        Reason::ConnectTimeout,
        Reason::BackendReset,
        Reason::ResponseTimeout,
        Reason::BadResponse,
        Reason::ClientGone,
        Reason::BadRequest,
        Reason::BadProxyHeader,
        Reason::HeaderTimeout,
        Reason::RequestTimeout,
        Reason::BodyTooLarge,
        Reason::Exhausted,
        Reason::RateLimited,
        Reason::FileFailed,
        Reason::DiskBusy,
        Reason::DiskTimeout,
    ];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Reason::Ok => "ok",
            Reason::NoRoute => "no-route",
            Reason::NoBackend => "no-backend",
            Reason::QueueFull => "queue-full",
            Reason::QueueTimeout => "queue-timeout",
            Reason::ConnectRefused => "connect-refused",
            Reason::TlsFailed => "tls-failed",
            Reason::ConnectTimeout => "connect-timeout",
            Reason::BackendReset => "backend-reset",
            Reason::ResponseTimeout => "response-timeout",
            Reason::BadResponse => "bad-response",
            Reason::ClientGone => "client-gone",
            Reason::BadRequest => "bad-request",
            Reason::BadProxyHeader => "bad-proxy-header",
            Reason::HeaderTimeout => "header-timeout",
            Reason::RequestTimeout => "request-timeout",
            Reason::BodyTooLarge => "body-too-large",
            Reason::Exhausted => "exhausted",
            Reason::RateLimited => "rate-limited",
            Reason::FileFailed => "file-failed",
            Reason::DiskBusy => "disk-busy",
            Reason::DiskTimeout => "disk-timeout",
        }
    }

    /// The status of the answer that we make for it.
    pub(crate) fn status(self) -> u16 {
        match self {
            Reason::Ok => 200,
            Reason::NoRoute => 404,
            Reason::NoBackend | Reason::QueueFull | Reason::QueueTimeout | Reason::Exhausted | Reason::DiskBusy => 503,
            Reason::ConnectRefused | Reason::TlsFailed | Reason::BackendReset | Reason::BadResponse => 502,
            Reason::ConnectTimeout | Reason::ResponseTimeout | Reason::DiskTimeout => 504,
            Reason::ClientGone => 499,
            Reason::BadRequest | Reason::BadProxyHeader => 400,
            Reason::HeaderTimeout | Reason::RequestTimeout => 408,
            Reason::BodyTooLarge => 413,
            Reason::RateLimited => 429,
            Reason::FileFailed => 500,
        }
    }

    /// What the client reads: it says what happened, not how we are built.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Reason::Ok => "",
            Reason::NoRoute => "Nothing is served here.",
            Reason::NoBackend => "No server is available. Please try again soon.",
            Reason::QueueFull | Reason::QueueTimeout => "All servers are busy. Please try again soon.",
            Reason::ConnectRefused | Reason::TlsFailed | Reason::BackendReset => {
                "The server did not answer. Please try again."
            }
            Reason::BadResponse => "The server's answer was not understood.",
            Reason::ConnectTimeout | Reason::ResponseTimeout => "The server took too long to answer.",
            Reason::ClientGone => "",
            Reason::BadRequest | Reason::BadProxyHeader => "The request was not understood.",
            Reason::HeaderTimeout | Reason::RequestTimeout => "The request took too long to arrive.",
            Reason::BodyTooLarge => "The request's body is too large.",
            Reason::DiskBusy => "The disk is busy. Please try again soon.",
            Reason::DiskTimeout => "The disk took too long to answer.",
            Reason::Exhausted => "The balancer is at its limit. Please try again soon.",
            Reason::RateLimited => "Too many requests. Please try again later.",
            Reason::FileFailed => "The file could not be read.",
        }
    }
}
