//! The keys of `[pool.NAME]` and below.

use crate::keys::kinds::{
    ATTEMPTS, BACKEND_ADDRESS, BACKEND_CONNECTIONS, BACKEND_NAME, BODY, CHECK_HOST, CHECK_PATH, COOKIE_NAME,
    COUNT_TO_100, EXPECT, FIELD_NAME, GRPC_SERVICE, HASH_ON, MINUTES, PATH, TIMEOUT, text,
};
use crate::keys::tls::POOL_TLS;
use crate::keys::{Kind, Section, Word, key, later, word};
use std::time::Duration;

pub(crate) static POOL: Section = Section {
    place: "`[pool.NAME]`",
    id: "pool",
    doc: "A set of equal backends.",
    keys: &[
        key("backends", Kind::List(&BACKEND_KIND), "Who does the work.")
            .required("[\"10.0.0.1:8080\"]")
            .also(&["servers", "server", "upstreams", "members", "targets", "endpoints", "nodes"]),
        key("balance", Kind::Word(BALANCES), "How a backend is chosen.").default("\"least-latency\"").also(&["algorithm", "strategy", "policy", "lb_policy"]),
        key("hash", Kind::Table(&HASH), "What balance = \"hash\" hashes."),
        key("check", Kind::Either(&[Kind::Table(&CHECK), Kind::Only(false)]), "How to find out whether a backend may have traffic; without it a tcp connect every 5s; false = every backend is taken as up.")
            .also(&["health", "healthcheck", "health_check", "checks", "httpchk"]),
        key("eject", Kind::Either(&[Kind::Table(&EJECT), Kind::Only(false)]), "Traffic's own verdict on a backend; false = off.").also(&["outlier_detection", "ejection"]),
        key("sticky", Kind::Either(&[Kind::Word(STICKIES), Kind::Table(&STICKY)]), "A client stays with its backend; a drained backend keeps its clients, a dead one loses them until it returns.")
            .also(&["stickiness", "persistence", "persist", "affinity", "session_affinity"]),
        key("max_connections", BACKEND_CONNECTIONS, "Requests in flight per backend.").also(&["maxconn", "max_conns"]),
        key("queue", Kind::Table(&QUEUE), "Where requests wait when every usable backend is at its cap."),
        key("retry", Kind::Table(&RETRY), "Trying again elsewhere.").also(&["retries"]),
        key("warmup", Kind::Duration { least: Duration::ZERO, most: Duration::from_secs(3600) }, "How long a backend that came up gets only a growing share; 0s = off.")
            .default("\"0s\"")
            .also(&["slow_start", "slowstart"]),
        key("timeouts", Kind::Table(&POOL_TIMEOUTS), "How long a backend may take."),
        key("protocol", Kind::Word(POOL_PROTOCOLS), "What the backends speak.").default("\"http1\""),
        key("send_proxy_protocol", Kind::Word(PROXY_PROTOCOLS), "Tell the backend who the client is before anything else; each connection then serves one client, and probes say that they are ours. Without it nothing is sent.")
            .also(&["proxy_protocol", "send_proxy", "send-proxy", "send-proxy-v2"]),
        key("panic", Kind::Share { least: 0, most: 100 }, "Below this share of usable backends all are used: better slow than nothing.").default("\"50%\""),
        later("discover", "Backends that come and go."),
        key("tls", Kind::Table(&POOL_TLS), "Encrypt to the backends.").also(&["ssl", "proxy_ssl"]),
    ],
};

pub(crate) static BACKEND_KIND: Kind = Kind::Either(&[Kind::Text(&BACKEND_ADDRESS), Kind::Table(&BACKEND)]);

pub(crate) static BACKEND: Section = Section {
    place: "`backends` of `[pool.NAME]`",
    id: "backend",
    doc: "One of a pool.",
    keys: &[
        key("address", text(&BACKEND_ADDRESS), "Where it is.")
            .required("\"10.0.0.1:8080\"")
            .also(&["addr", "host", "url", "server"]),
        key(
            "name",
            text(&BACKEND_NAME),
            "How people call it; without it, its address.",
        )
        .also(&["id"]),
        key(
            "weight",
            Kind::Integer { least: 0, most: 1000 },
            "Its share of the work; 0 = no traffic but still checked.",
        )
        .default("1"),
        key(
            "max_connections",
            BACKEND_CONNECTIONS,
            "Requests in flight; without it, the pool's.",
        )
        .also(&["maxconn", "max_conns"]),
        key("backup", Kind::Flag, "Used only when no other backend is usable.").default("false"),
        key("state", Kind::Word(STATES), "What the operator says; the start value.")
            .default("\"ready\"")
            .also(&["status", "disabled", "down"]),
        later("site", "The place it stands in."),
    ],
};

pub(crate) static STATES: &[Word] = &[
    word("ready", "May have traffic."),
    word("drain", "Keeps what it has and its sticky clients, gets nothing new."),
    word("maintain", "Gets nothing and is not checked."),
];

pub(crate) static BALANCES: &[Word] = &[
    word(
        "least-latency",
        "Least expected wait: recent latency times what is in flight.",
    )
    .also(&["ewma", "peak-ewma", "peak_ewma", "least_time", "least-time"]),
    word("round-robin", "One after the other, by weight.").also(&["rr", "wrr", "weighted_round_robin"]),
    word("least-connections", "Fewest in flight per weight.").also(&["lc", "wlc", "least_request"]),
    word("random", "The better of two drawn at random.").also(&["p2c", "two-random-choices"]),
    word("hash", "By a key of the request.").also(&["source", "uri", "url", "header", "cookie", "maglev"]),
    word("first", "The first usable in the order of the file."),
];

pub(crate) static STICKIES: &[Word] = &[word(
    "cookie",
    "By a signed cookie with every default: the short form of `{ cookie = ... }`.",
)];

pub(crate) static STICKY: Section = Section {
    place: "`sticky` of `[pool.NAME]`",
    id: "sticky",
    doc: "How a client is known again: by one of cookie, header and source.",
    keys: &[
        key("cookie", text(&COOKIE_NAME), "A signed cookie of this name; without it, of a name made of the pool's.").also(&["name"]),
        key(
            "for",
            Kind::Duration {
                least: Duration::from_secs(1),
                most: COOKIE_AGE_MOST,
            },
            "cookie: how long after its last visit a client is known; without it, until the browser ends its session.",
        )
        .also(&["max_age", "expires", "ttl"]),
        key(
            "secret_file",
            text(&PATH),
            "cookie: a file of 16 to 4096 bytes that nobody else can read; balancers that share it know each other's clients. Without it the key follows from the names of pool and cookie and the admin token.",
        )
        .also(&["secret", "key_file"]),
        key("header", text(&FIELD_NAME), "The value of this field.").also(&["field"]),
        key("source", Kind::Only(true), "The client's address.").also(&["ip", "client", "source_ip"]),
    ],
};

/// Browsers cut a longer age down to this (RFC 6265bis, 5.6.2).
const COOKIE_AGE_MOST: Duration = Duration::from_secs(400 * 24 * 3600);

pub(crate) static POOL_PROTOCOLS: &[Word] = &[
    word("http1", "HTTP/1.1.").also(&["http", "https", "h1"]),
    word("h2", "HTTP/2.").also(&["http2", "HTTP2", "http/2", "HTTP/2", "h2c", "grpc"]),
    word("auto", "What the backend chooses (ALPN, so `tls` is needed)."),
];

pub(crate) static PROXY_PROTOCOLS: &[Word] = &[word("v1", "A line of text."), word("v2", "A block of bytes.")];

pub(crate) static HASH: Section = Section {
    place: "`hash` of `[pool.NAME]`",
    id: "hash",
    doc: "What balance = \"hash\" hashes.",
    keys: &[
        key("on", text(&HASH_ON), "source, path, uri, header:NAME or cookie:NAME.")
            .default("\"source\"")
            .also(&["key", "by"]),
        key(
            "bounded",
            Kind::Number {
                least: 1.05,
                most: 100.0,
            },
            "No backend gets more than this times its fair share of what is in flight.",
        ),
    ],
};

pub(crate) static CHECK: Section = Section {
    place: "`check` of `[pool.NAME]`",
    id: "check",
    doc: "How to find out whether a backend may have traffic.",
    keys: &[
        key("http", text(&CHECK_PATH), "GET this path.").also(&["path", "uri", "url"]),
        key(
            "grpc",
            text(&GRPC_SERVICE),
            "Ask the gRPC health service (`grpc.health.v1`) for this service; \"\" = the server as a whole.",
        ),
        key("tcp", Kind::Only(true), "A connection that succeeds is enough."),
        key(
            "host",
            text(&CHECK_HOST),
            "http, grpc: the Host to send; \"\" = the backend's address.",
        )
        .default("\"\""),
        key("expect", Kind::OneOrMore(&EXPECT_KIND), "http: the healthy statuses.")
            .default("\"2xx\"")
            .also(&["status"]),
        key(
            "body",
            text(&BODY),
            "http: text that the body's first 64 KiB must contain.",
        )
        .also(&["contains"]),
        key("every", MINUTES, "The time between two probes of a backend.")
            .default("\"5s\"")
            .also(&["interval", "inter", "period"]),
        key(
            "timeout",
            Kind::Duration {
                least: Duration::from_millis(10),
                most: Duration::from_secs(60),
            },
            "How long one probe may take.",
        )
        .default("\"2s\""),
        key("fall", COUNT_TO_100, "Failures in a row that take a backend down.")
            .default("3")
            .also(&["fails", "unhealthy_threshold", "max_fails"]),
        key("rise", COUNT_TO_100, "Successes in a row that bring it up.")
            .default("2")
            .also(&["passes", "healthy_threshold"]),
        key(
            "port",
            Kind::Integer { least: 1, most: 65535 },
            "Probe this port instead of the backend's own.",
        ),
        later("tls", "A TLS handshake."),
        later("postgres", "A PostgreSQL login."),
        later("redis", "A Redis PING."),
        later("mysql", "A MySQL login."),
        later("exec", "A command."),
    ],
};

pub(crate) static EXPECT_KIND: Kind = Kind::Either(&[Kind::Text(&EXPECT), Kind::Integer { least: 100, most: 599 }]);

pub(crate) static EJECT: Section = Section {
    place: "`eject` of `[pool.NAME]`",
    id: "eject",
    doc: "Traffic's own verdict on a backend.",
    keys: &[
        key(
            "errors",
            Kind::Integer { least: 1, most: 10_000 },
            "Failures within the window that eject.",
        )
        .default("5"),
        key("window", MINUTES, "How far back failures count.").default("\"10s\""),
        key(
            "for",
            MINUTES,
            "How long; doubles with each ejection in a row up to 10 times.",
        )
        .default("\"30s\"")
        .also(&["duration"]),
        key(
            "max",
            Kind::Share { least: 0, most: 100 },
            "At most this share of the pool is ejected at once.",
        )
        .default("\"50%\""),
    ],
};

pub(crate) static QUEUE: Section = Section {
    place: "`queue` of `[pool.NAME]`",
    id: "queue",
    doc: "Where requests wait for a place.",
    keys: &[
        key(
            "size",
            Kind::Integer {
                least: 0,
                most: 1_000_000,
            },
            "How many may wait.",
        )
        .default("1024")
        .also(&["max", "length"]),
        key("timeout", TIMEOUT, "How long each may wait.").default("\"5s\""),
    ],
};

pub(crate) static RETRY: Section = Section {
    place: "`retry` of `[pool.NAME]`",
    id: "retry",
    doc: "Trying again elsewhere; only requests that may be repeated, unless nothing of it was sent.",
    keys: &[
        key(
            "attempts",
            ATTEMPTS,
            "Further tries after the first, each on another backend.",
        )
        .default("2"),
        key(
            "budget",
            Kind::Share { least: 0, most: 100 },
            "Retries may be at most this share of requests.",
        )
        .default("\"20%\""),
    ],
};

pub(crate) static POOL_TIMEOUTS: Section = Section {
    place: "`timeouts` of `[pool.NAME]`",
    id: "pool-timeouts",
    doc: "How long a backend may take.",
    keys: &[
        key("connect", TIMEOUT, "To accept a connection.").default("\"2s\""),
        key(
            "response",
            TIMEOUT,
            "From the end of the request to the head of the answer, and between two pieces of its body.",
        )
        .default("\"60s\"")
        .also(&["read", "server"]),
        key("idle", TIMEOUT, "How long an idle connection to a backend is kept.")
            .default("\"60s\"")
            .also(&["keepalive", "keep_alive"]),
    ],
};
