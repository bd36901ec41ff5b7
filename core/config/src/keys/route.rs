//! The keys of `[[listener.NAME.route]]` and below.

use crate::keys::kinds::{
    ATTEMPTS, AUTHORITY, BODY, CONTENT_TYPE, ENDING, FIELD_NAME, FILE_BELOW, FILE_NAME, HOST, METHOD, NETWORK,
    PARAMETER, PATH, PATH_PATTERN, PATH_REGEX, POOL_NAME, RATE_ON, REDIRECT, RETRY_ON, REWRITE_PATH, SPLIT_BY,
    STRIP_PREFIX, TEMPLATE, TIMEOUT, VALUE, text,
};
use crate::keys::{Kind, Section, Word, key, word};
use std::time::Duration;

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
            "A regular expression that must match the whole path. Its groups may be used in `rewrite_path`, `redirect` and values of fields.",
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
            "Send the client elsewhere: \"https\" keeps host and target; `$1` and `${name}` are groups of `path_regex`.",
        ),
        key("respond", Kind::Table(&RESPOND), "Answer here.").also(&["return"]),
        key("timeout", TIMEOUT, "Instead of the pool's `timeouts.response`."),
        key("retry", Kind::Table(&ROUTE_RETRY), "Instead of the pool's `retry`."),
        key(
            "split",
            Kind::Map {
                keys: &POOL_NAME,
                values: &WEIGHT,
            },
            "Forward to one of several pools, by weight: pool = weight, 0 to 1000.",
        )
        .also(&["weights", "split_clients", "weighted_clusters"]),
        key(
            "split_by",
            text(&SPLIT_BY),
            "What keeps a client on its side of the split; without it every request is dealt anew.",
        )
        .also(&["split_on"]),
        key("files", Kind::Table(&FILES), "Answer with files of a directory.").also(&[
            "root",
            "file_server",
            "static",
            "alias",
        ]),
        key(
            "strip_prefix",
            text(&STRIP_PREFIX),
            "Take this off the beginning of the path.",
        )
        .also(&["stripprefix", "handle_path", "uri_strip_prefix"]),
        key(
            "rewrite_path",
            text(&REWRITE_PATH),
            "Send this path instead; a `*` at its end is what the `*` of `path` matched, `$1` and `${name}` what groups of `path_regex` did. The query stays.",
        )
        .also(&["rewrite", "replace_path", "prefix_rewrite", "uri"]),
        key(
            "set_host",
            text(&AUTHORITY),
            "The Host that the backend sees, instead of the client's.",
        )
        .also(&["host_rewrite", "header_up_host"]),
        key(
            "request_headers",
            Kind::Table(&FIELD_CHANGES),
            "Change fields of the request.",
        )
        .also(&["proxy_set_header", "header_up", "set_header"]),
        key(
            "response_headers",
            Kind::Table(&FIELD_CHANGES),
            "Change fields of the answer.",
        )
        .also(&["add_header", "header_down", "custom_response_headers"]),
        key(
            "mirror",
            Kind::Either(&[Kind::Text(&POOL_NAME), Kind::Table(&MIRROR)]),
            "A copy of the requests to this pool too, its answers thrown away.",
        )
        .also(&["shadow", "mirroring"]),
        key(
            "buffer",
            Kind::Size {
                least: 1 << 10,
                most: 1 << 26,
            },
            "Hold the body until it is whole, at most this much (413 beyond it): the backend sees nothing before.",
        )
        .also(&["proxy_request_buffering", "request_buffer"]),
        key(
            "max_body_size",
            Kind::Size {
                least: 0,
                most: 1 << 50,
            },
            "Instead of the listener's `max_body_size`; 0 = no limit.",
        )
        .also(&["client_max_body_size"]),
        key(
            "rate",
            Kind::Table(&RATE),
            "Answer 429 to whoever asks more often than this.",
        )
        .also(&["rate_limit", "limit_req", "ratelimit"]),
        key(
            "compress",
            Kind::Either(&[Kind::Flag, Kind::OneOrMore(&ENCODING), Kind::Table(&COMPRESS)]),
            "Compress answers of the backends, and files, that are not compressed: true, one encoding or several, or a table.",
        )
        .default("false")
        .also(&["gzip", "compression", "encode", "brotli"]),
    ],
};

pub(crate) static WEIGHT: Kind = Kind::Integer { least: 0, most: 1000 };

pub(crate) static FILES: Section = Section {
    place: "`files` of `[[listener.NAME.route]]`",
    id: "files",
    doc: "Files of a directory. `strip_prefix` and `rewrite_path` change the path before it is looked for.",
    keys: &[
        key(
            "root",
            text(&PATH),
            "The directory; nothing outside of it (and of `links_into`) is ever served.",
        )
        .required("\"/srv/www\"")
        .also(&["path", "directory", "dir"]),
        key(
            "index",
            text(&FILE_NAME),
            "What is served for a directory; \"\" = directories are not served.",
        )
        .default("\"index.html\""),
        key(
            "precompressed",
            Kind::Flag,
            "Send `x.br`, `x.zst` or `x.gz` beside `x` to clients that take them.",
        )
        .default("true")
        .also(&["gzip_static", "brotli_static"]),
        key("hidden", Kind::Flag, "Serve names that begin with a dot.").default("false"),
        key(
            "endings",
            Kind::OneOrMore(&text(&ENDING)),
            "Endings that a path may leave out: with \".html\", `/about` is `about.html`.",
        )
        .also(&["try_files", "extensions"]),
        key(
            "fallback",
            text(&FILE_BELOW),
            "Served in place of a page that is not there: the application's own, such as \"index.html\".",
        )
        .also(&["spa"]),
        key(
            "not_found",
            text(&FILE_BELOW),
            "The page of answers with status 404, such as \"404.html\".",
        )
        .also(&["error_page", "errors"]),
        key(
            "links_into",
            Kind::OneOrMore(&text(&PATH)),
            "Directories besides `root` into which links may lead.",
        )
        .also(&["follow_symlinks", "symlinks"]),
    ],
};

pub(crate) static FIELD_CHANGES: Section = Section {
    place: "`request_headers` and `response_headers` of `[[listener.NAME.route]]`",
    id: "field-changes",
    doc: "Changes of fields: first `remove`, then `set`, then `add`. Values may have variables such as `{client_address}`; \
          `{{` and `}}` are braces. A value that is empty is not sent. Fields of the connection and of the framing cannot be changed.",
    keys: &[
        key(
            "set",
            Kind::Map {
                keys: &FIELD_NAME,
                values: &text(&TEMPLATE),
            },
            "These fields with these values, in place of whatever came under these names.",
        )
        .also(&["replace"]),
        key(
            "add",
            Kind::Map {
                keys: &FIELD_NAME,
                values: &TEMPLATES,
            },
            "Further fields beside those that came.",
        )
        .also(&["append"]),
        key(
            "remove",
            Kind::OneOrMore(&text(&FIELD_NAME)),
            "Fields that are not passed on.",
        )
        .also(&["delete", "del", "unset", "hide"]),
    ],
};

pub(crate) static TEMPLATES: Kind = Kind::OneOrMore(&text(&TEMPLATE));

pub(crate) static MIRROR: Section = Section {
    place: "`mirror` of `[[listener.NAME.route]]`",
    id: "mirror",
    doc: "A copy of requests to another pool; its answers are thrown away and its failures change nothing.",
    keys: &[
        key("pool", text(&POOL_NAME), "The pool that gets the copies.")
            .required("\"shadow\"")
            .also(&["to", "service", "backend"]),
        key("share", Kind::Share { least: 0, most: 100 }, "Of how many requests.")
            .default("\"100%\"")
            .also(&["percent", "percentage", "ratio"]),
    ],
};

pub(crate) static RATE: Section = Section {
    place: "`rate` of `[[listener.NAME.route]]`",
    id: "rate",
    doc: "How many requests are taken; the rest is answered with 429 and Retry-After.",
    keys: &[
        key(
            "requests",
            Kind::Integer {
                least: 1,
                most: 1_000_000,
            },
            "So many in each `per`.",
        )
        .required("100")
        .also(&["average", "events", "limit", "rate"]),
        key(
            "per",
            Kind::Duration {
                least: Duration::from_millis(1),
                most: Duration::from_secs(24 * 3600),
            },
            "The time over which they are counted.",
        )
        .default("\"1s\"")
        .also(&["period", "window", "interval"]),
        key(
            "on",
            Kind::OneOrMore(&text(&RATE_ON)),
            "What is counted apart: each client address (of IPv6 each /64), value of a field or a cookie, host, path, or path with query; several together; or nothing.",
        )
        .default("\"source\"")
        .also(&["key", "by", "zone"]),
        key(
            "burst",
            Kind::Integer {
                least: 1,
                most: 1_000_000,
            },
            "How many may come at once; as many as `requests` unless written.",
        ),
    ],
};

pub(crate) static COMPRESS: Section = Section {
    place: "`compress` of `[[listener.NAME.route]]`",
    id: "compress",
    doc: "Compression of answers.",
    keys: &[
        key(
            "encodings",
            Kind::OneOrMore(&ENCODING),
            "What may be used, the one that is liked best first.",
        )
        .default("[\"zstd\", \"br\", \"gzip\"]")
        .also(&["algorithms"]),
        key(
            "min_size",
            Kind::Size {
                least: 0,
                most: 1 << 30,
            },
            "Smaller answers are left as they are.",
        )
        .default("\"1KiB\"")
        .also(&["minimum_length", "gzip_min_length", "min_length"]),
        key(
            "types",
            Kind::OneOrMore(&text(&CONTENT_TYPE)),
            "Which content types; text in its many names unless written.",
        )
        .also(&["gzip_types", "content_types"]),
    ],
};

pub(crate) static ENCODING: Kind = Kind::Word(ENCODINGS);

pub(crate) static ENCODINGS: &[Word] = &[
    word("zstd", "Zstandard."),
    word("br", "Brotli."),
    word("gzip", "What everybody understands."),
];

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
