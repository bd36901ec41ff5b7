//! The top level, `[admin]` and `[log]`.

use crate::keys::kinds::{BIND, PATH, text};
use crate::keys::listener::LISTENER;
use crate::keys::pool::POOL;
use crate::keys::{Kind, Section, Word, key, later, word};

pub(crate) static ROOT: Section = Section {
    place: "the top level",
    id: "configuration",
    doc: "The configuration of Evenkeel.",
    keys: &[
        key("listener", Kind::Named(&LISTENER), "Where clients arrive.").also(&["server", "frontend", "entrypoint"]),
        key("pool", Kind::Named(&POOL), "A set of equal backends.")
            .also(&["upstream", "backend", "cluster", "service"]),
        key("admin", Kind::Table(&ADMIN), "Where the operator talks to Evenkeel.").also(&["api", "stats", "dashboard"]),
        key("log", Kind::Table(&LOG), "Evenkeel's own messages.").also(&["logging"]),
        later("vip", "A shared address."),
        later("bgp", "Announcing addresses to routers."),
        later("site", "A place, by the networks around it."),
        later("dns", "Answering names with usable backends."),
        later("store", "State shared by several nodes."),
    ],
};

pub(crate) static ADMIN: Section = Section {
    place: "`[admin]`",
    id: "admin",
    doc: "Where the operator talks to Evenkeel.",
    keys: &[
        key("socket", text(&PATH), "The control socket: everything."),
        key(
            "bind",
            text(&BIND),
            "Dashboard, metrics and reading over TCP; changing anything needs the token.",
        )
        .also(&["listen", "address"]),
        key("token_file", text(&PATH), "The file that holds the token.").also(&["token"]),
        key(
            "state",
            text(&PATH),
            "The folder where the operator's decisions and known health survive a restart.",
        )
        .also(&["state_dir"]),
    ],
};

pub(crate) static LOG: Section = Section {
    place: "`[log]`",
    id: "log",
    doc: "Evenkeel's own messages, not the access log.",
    keys: &[
        key("level", Kind::Word(LOG_LEVELS), "What is worth a line.").default("\"info\""),
        key("format", Kind::Word(LOG_FORMATS), "How a line looks.").default("\"auto\""),
    ],
};

pub(crate) static LOG_LEVELS: &[Word] = &[
    word("error", "What failed."),
    word("warn", "And what may fail."),
    word("info", "And what changed."),
    word("debug", "And what happened."),
];

pub(crate) static LOG_FORMATS: &[Word] = &[
    word("auto", "Text on a terminal, JSON otherwise."),
    word("text", "Text always."),
    word("json", "One JSON object a line."),
];
