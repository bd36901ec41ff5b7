//! The keys of `[listener.NAME]` and below.

use crate::keys::kinds::{BIND, LOG_PLACE, NETWORK, POOL_NAME, REDIRECT, ROUTE_KEY, TIMEOUT, text};
use crate::keys::route::ROUTE;
use crate::keys::tls::LISTENER_TLS;
use crate::keys::{Kind, Section, Word, key, later, later_word, word};

pub(crate) static LISTENER: Section = Section {
    place: "`[listener.NAME]`",
    id: "listener",
    doc: "Where clients arrive.",
    keys: &[
        key("bind", Kind::OneOrMore(&text(&BIND)), "Where to listen: \":8080\" is every address, IPv6 and IPv4; \"unix:/path\" is a socket file.")
            .required("\":8080\"")
            .also(&["listen", "address", "addr", "port"]),
        key("protocol", Kind::Word(LISTENER_PROTOCOLS), "What clients speak.").default("\"http\""),
        key("mode", Kind::Word(MODES), "How traffic is carried.").default("\"proxy\""),
        key("pool", text(&POOL_NAME), "Where everything goes that no route takes.").also(&["backend", "upstream", "proxy_pass", "default_backend", "to"]),
        key("routes", Kind::Map { keys: &ROUTE_KEY, values: &text(&POOL_NAME) }, "The short form: host, host/path or /path = pool; `*` only at an end."),
        key("route", Kind::Tables(&ROUTE), "The long form, when the short one is not enough. The most specific match wins: host, then path, then the number of other conditions, then the order.")
            .also(&["location", "rule"]),
        key("redirect", text(&REDIRECT), "Send every client to https, or to this URL."),
        key("max_connections", Kind::Integer { least: 1, most: 10_000_000 }, "Client connections at once.").default("20000").also(&["maxconn", "worker_connections"]),
        key("accept_proxy_protocol", Kind::OneOrMore(&text(&NETWORK)), "From whom a PROXY header (version 1 or 2) is taken: connections from here must begin with one, and what it says is the client's address; from anywhere else it is never read.").default("[]").also(&["proxy_protocol", "accept_proxy", "accept-proxy"]),
        key("trusted_proxies", Kind::OneOrMore(&text(&NETWORK)), "Whose X-Forwarded-For is believed and extended; others' is replaced.").default("[]").also(&["set_real_ip_from"]),
        key("timeouts", Kind::Table(&LISTENER_TIMEOUTS), "How long a client may take."),
        key("max_header_size", Kind::Size { least: 1 << 10, most: 1 << 20 }, "The largest head of a request.").default("\"32KiB\""),
        key("max_body_size", Kind::Size { least: 0, most: 1 << 50 }, "The largest body of a request; 0 = no limit.").default("\"0\"").also(&["client_max_body_size"]),
        key("access_log", text(&LOG_PLACE), "One JSON object a request: \"off\", \"stdout\", \"stderr\" or a path.").default("\"off\""),
        key("tls", Kind::Table(&LISTENER_TLS), "Connections are encrypted up to here.").also(&["ssl", "certificates", "ssl_certificate"]),
        later("http3", "HTTP/3."),
        later("tls_passthrough", "By SNI, without decrypting."),
        later("interface", "Where packets arrive."),
        later("dsr", "How packets reach a backend that answers by itself."),
    ],
};

pub(crate) static LISTENER_PROTOCOLS: &[Word] = &[
    word("http", "HTTP/1.1."),
    later_word("tcp", "Streams."),
    later_word("udp", "Datagrams."),
];

pub(crate) static MODES: &[Word] = &[
    word("proxy", "Connections end here, others go to the backends."),
    later_word("nat", "Packets are rewritten."),
    later_word("dsr", "Backends answer clients directly."),
];

pub(crate) static LISTENER_TIMEOUTS: Section = Section {
    place: "`timeouts` of `[listener.NAME]`",
    id: "listener-timeouts",
    doc: "How long a client may take.",
    keys: &[
        key(
            "header",
            TIMEOUT,
            "From the first byte of a request until its head is whole.",
        )
        .default("\"10s\""),
        key(
            "idle",
            TIMEOUT,
            "Between two requests of a connection, and before the first.",
        )
        .default("\"60s\"")
        .also(&["keepalive", "keep_alive"]),
        key("request", TIMEOUT, "Without progress of a request's body or an answer.")
            .default("\"60s\"")
            .also(&["client", "body", "read"]),
        key("tunnel", TIMEOUT, "Silence in a tunnel (WebSocket) until it is cut.")
            .default("\"1h\"")
            .also(&["websocket", "upgrade"]),
    ],
};
