//! The keys of `[listener.NAME]` and below.

use crate::keys::kinds::{
    ATTEMPTS, BIND, BODY, FIELD_NAME, HOST, LOG_PLACE, METHOD, NETWORK, PARAMETER, PATH_PATTERN, PATH_REGEX, POOL_NAME,
    REDIRECT, RETRY_ON, ROUTE_KEY, TIMEOUT, VALUE, text,
};
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
        key("trusted_proxies", Kind::OneOrMore(&text(&NETWORK)), "Whose X-Forwarded-For is believed and extended; others' is replaced.").default("[]").also(&["set_real_ip_from"]),
        key("timeouts", Kind::Table(&LISTENER_TIMEOUTS), "How long a client may take."),
        key("max_header_size", Kind::Size { least: 1 << 10, most: 1 << 20 }, "The largest head of a request.").default("\"32KiB\""),
        key("max_body_size", Kind::Size { least: 0, most: 1 << 50 }, "The largest body of a request; 0 = no limit.").default("\"0\"").also(&["client_max_body_size"]),
        key("access_log", text(&LOG_PLACE), "One JSON object a request: \"off\", \"stdout\", \"stderr\" or a path.").default("\"off\""),
        key("tls", Kind::Table(&LISTENER_TLS), "Connections are encrypted up to here.").also(&["ssl", "certificates", "ssl_certificate"]),
        later("http3", "HTTP/3."),
        later("accept_proxy_protocol", "From whom a PROXY header is taken."),
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
    ],
};

pub(crate) static ROUTE: Section = Section {
    place: "`[[listener.NAME.route]]`",
    id: "route",
    doc: "One choice: what it matches, and what is done then.",
    keys: &[
        key("host", text(&HOST), "Exact, or with `*.` in front.").also(&["hosts", "server_name", "domain"]),
        key(
            "path",
            text(&PATH_PATTERN),
            "Exact, or a prefix ending in /* (which also matches without it).",
        )
        .also(&["prefix", "location"]),
        key(
            "path_regex",
            text(&PATH_REGEX),
            "A regular expression that must match the whole path.",
        )
        .also(&["regex"]),
        key("method", Kind::OneOrMore(&text(&METHOD)), "One of these methods.").also(&["methods"]),
        key(
            "header",
            Kind::Map {
                keys: &FIELD_NAME,
                values: &text(&VALUE),
            },
            "These fields, with these values; \"*\" = present.",
        )
        .also(&["headers"]),
        key(
            "cookie",
            Kind::Map {
                keys: &PARAMETER,
                values: &text(&VALUE),
            },
            "These cookies, with these values; \"*\" = present.",
        )
        .also(&["cookies"]),
        key(
            "query",
            Kind::Map {
                keys: &PARAMETER,
                values: &text(&VALUE),
            },
            "These query parameters, with these values; \"*\" = present.",
        ),
        key("from", Kind::OneOrMore(&text(&NETWORK)), "Clients in these networks.").also(&["source", "src", "remote"]),
        key("pool", text(&POOL_NAME), "Forward to this pool.").also(&["backend", "upstream", "proxy_pass"]),
        key(
            "redirect",
            text(&REDIRECT),
            "Send the client elsewhere: \"https\" keeps host and target.",
        ),
        key("respond", Kind::Table(&RESPOND), "Answer here.").also(&["return"]),
        key("timeout", TIMEOUT, "Instead of the pool's `timeouts.response`."),
        key("retry", Kind::Table(&ROUTE_RETRY), "Instead of the pool's `retry`."),
        later("split", "Shares for several pools."),
        later("files", "Files from a folder."),
        later("strip_prefix", "Take this off the path."),
        later("rewrite_path", "Send another path."),
        later("set_host", "Send another host."),
        later("request_headers", "Change fields of the request."),
        later("response_headers", "Change fields of the answer."),
        later("mirror", "A copy to another pool."),
    ],
};

pub(crate) static RESPOND: Section = Section {
    place: "`respond` of `[[listener.NAME.route]]`",
    id: "respond",
    doc: "A fixed answer.",
    keys: &[
        key("status", Kind::Integer { least: 200, most: 599 }, "The status.")
            .default("200")
            .also(&["code"]),
        key("body", text(&BODY), "The text, at most 64 KiB.")
            .default("\"\"")
            .also(&["text", "content"]),
    ],
};

pub(crate) static ROUTE_RETRY: Section = Section {
    place: "`retry` of `[[listener.NAME.route]]`",
    id: "route-retry",
    doc: "Trying again elsewhere.",
    keys: &[
        key("attempts", ATTEMPTS, "Further tries after the first.").default("2"),
        key(
            "on",
            Kind::OneOrMore(&RETRY_ON_KIND),
            "What a try may fail with to be repeated: \"connect\", \"reset\" or a status from 500 to 599.",
        )
        .default("[\"connect\", \"reset\"]"),
    ],
};

pub(crate) static RETRY_ON_KIND: Kind = Kind::Either(&[Kind::Text(&RETRY_ON), Kind::Integer { least: 500, most: 599 }]);
