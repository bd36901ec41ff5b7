//! Kinds and texts that several keys share.

use crate::keys::{Kind, Text};
use std::time::Duration;

/// The shortest and the longest wait that any `timeouts`, `timeout` may ask for: less is no wait, more is a leak.
pub(crate) const TIMEOUT: Kind = Kind::Duration {
    least: Duration::from_millis(1),
    most: Duration::from_secs(24 * 3600),
};

pub(crate) const MINUTES: Kind = Kind::Duration {
    least: Duration::from_millis(100),
    most: Duration::from_secs(3600),
};

pub(crate) const COUNT_TO_100: Kind = Kind::Integer { least: 1, most: 100 };

pub(crate) const BACKEND_CONNECTIONS: Kind = Kind::Integer {
    least: 1,
    most: 1_000_000,
};

pub(crate) const ATTEMPTS: Kind = Kind::Integer { least: 0, most: 10 };

pub(crate) const fn text(text: &'static Text) -> Kind {
    Kind::Text(text)
}

pub(crate) static BIND: Text = Text {
    what: "an address such as \":8080\"",
    pattern: r"^(unix:.+|[0-9.]*:[0-9]{1,5}|localhost:[0-9]{1,5}|\[[0-9A-Fa-f:.]+\]:[0-9]{1,5})$",
};

pub(crate) static BACKEND_ADDRESS: Text = Text {
    what: "an address such as \"10.0.0.1:8080\"",
    pattern: r"^(unix:.+|[0-9.]+:[0-9]{1,5}|localhost:[0-9]{1,5}|\[[0-9A-Fa-f:.]+\]:[0-9]{1,5})$",
};

pub(crate) static PATH: Text = Text {
    what: "a path",
    pattern: ".",
};

pub(crate) static SERVER_NAME: Text = Text {
    what: "a name such as \"app.internal\"",
    pattern: r"^[0-9A-Za-z_.:-]+$",
};

pub(crate) static LOG_PLACE: Text = Text {
    what: "\"off\", \"stdout\", \"stderr\" or a path",
    pattern: ".",
};

pub(crate) static POOL_NAME: Text = Text {
    what: "the name of a pool",
    pattern: ".",
};

pub(crate) static BACKEND_NAME: Text = Text {
    what: "a name",
    pattern: ".",
};

pub(crate) static NETWORK: Text = Text {
    what: "a network such as \"10.0.0.0/8\"",
    pattern: r"^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$",
};

pub(crate) static ROUTE_KEY: Text = Text {
    what: "\"host/path\"",
    pattern: r"^[^\s?#]+$",
};

pub(crate) static HOST: Text = Text {
    what: "a host such as \"example.com\"",
    pattern: r"^(\*|(\*\.)?[0-9A-Za-z_.-]+|\[[0-9A-Fa-f:.]+\])$",
};

pub(crate) static PATH_PATTERN: Text = Text {
    what: "a path such as \"/api/*\"",
    pattern: r"^/[^\s?#]*$",
};

pub(crate) static PATH_REGEX: Text = Text {
    what: "a regular expression",
    pattern: ".",
};

pub(crate) static METHOD: Text = Text {
    what: "a method such as \"GET\"",
    pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$",
};

pub(crate) static FIELD_NAME: Text = Text {
    what: "a field name",
    pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$",
};

pub(crate) static COOKIE_NAME: Text = Text {
    what: "the name of a cookie",
    pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$",
};

pub(crate) static PARAMETER: Text = Text {
    what: "a parameter",
    pattern: ".",
};

pub(crate) static VALUE: Text = Text {
    what: "a value in quotes (\"*\" = present)",
    pattern: "",
};

pub(crate) static REDIRECT: Text = Text {
    what: "\"https\" or a URL",
    pattern: r"^(https|https?://.+|/.*)$",
};

pub(crate) static BODY: Text = Text {
    what: "a text",
    pattern: "",
};

pub(crate) static RETRY_ON: Text = Text {
    what: "\"connect\", \"reset\" or a status from 500 to 599",
    pattern: "^(connect|reset|5[0-9][0-9])$",
};

pub(crate) static HASH_ON: Text = Text {
    what: "\"source\", \"path\", \"uri\", \"header:NAME\" or \"cookie:NAME\"",
    pattern: "^(source|path|uri|header:.+|cookie:.+)$",
};

pub(crate) static SPLIT_BY: Text = Text {
    what: "\"source\", \"header:NAME\" or \"cookie:NAME\"",
    pattern: "^(source|header:.+|cookie:.+)$",
};

pub(crate) static RATE_ON: Text = Text {
    what: "\"source\", \"header:NAME\", \"cookie:NAME\", \"host\", \"path\", \"uri\" or \"all\"",
    pattern: "^(source|all|host|path|uri|header:.+|cookie:.+)$",
};

pub(crate) static STRIP_PREFIX: Text = Text {
    what: "the beginning of a path such as \"/api\"",
    pattern: r"^/[^\s?#*]*[^\s?#*/]$",
};

pub(crate) static REWRITE_PATH: Text = Text {
    what: "a path such as \"/v2/*\"",
    pattern: r"^/[^\s?#]*$",
};

pub(crate) static AUTHORITY: Text = Text {
    what: "a host such as \"app.internal\"",
    pattern: r"^\S+$",
};

pub(crate) static TEMPLATE: Text = Text {
    what: "a value in quotes",
    pattern: "",
};

pub(crate) static FILE_NAME: Text = Text {
    what: "the name of a file",
    pattern: "^[^/]*$",
};

pub(crate) static ENDING: Text = Text {
    what: "the ending of a name such as \".html\"",
    pattern: "^\\.?[0-9A-Za-z]",
};

pub(crate) static FILE_BELOW: Text = Text {
    what: "the path of a file below `root`",
    pattern: ".",
};

pub(crate) static CONTENT_TYPE: Text = Text {
    what: "a content type such as \"text/html\" or \"text/*\"",
    pattern: r"^[^\s/;]+/[^\s/;]+$",
};

pub(crate) static CHECK_PATH: Text = Text {
    what: "a path such as \"/healthz\"",
    pattern: r"^/[^\s#]*$",
};

pub(crate) static GRPC_SERVICE: Text = Text {
    what: "a service such as \"package.Service\", or \"\"",
    pattern: r"^[A-Za-z0-9_.\-/]{0,255}$",
};

pub(crate) static CHECK_HOST: Text = Text {
    what: "a host such as \"example.com\"",
    pattern: r"^\S*$",
};

pub(crate) static EXPECT: Text = Text {
    what: "statuses such as \"2xx\", \"204\" or \"200-399\"",
    pattern: "^[1-5](xx|[0-9]{2}(-[1-5][0-9]{2})?)$",
};
