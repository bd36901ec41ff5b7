use crate::clock;
use crate::log;
use evenkeel_pool::{Change, View};
use serde::Serialize;

/// A state change, as the event stream tells it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Happening {
    /// `backend`, `reload` or `stopping`.
    pub kind: &'static str,
    /// RFC 3339.
    pub time: String,
    /// Whose backend.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pool: Option<String>,
    /// Which backend.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backend: Option<String>,
    /// The state before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<&'static str>,
    /// The state now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<&'static str>,
    /// Whether the backend may have traffic now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usable: Option<bool>,
    /// For people.
    pub why: String,
}

impl Happening {
    /// A backend's change.
    pub(super) fn of(change: &Change, view: &View) -> Happening {
        Happening {
            pool: Some(view.pool.to_string()),
            backend: Some(change.name.to_string()),
            from: Some(change.from),
            to: Some(change.to),
            usable: Some(view.member(change.backend).is_some_and(|member| member.usable)),
            ..Happening::plain("backend", change.why.clone())
        }
    }

    /// Something that is no backend's.
    pub(crate) fn plain(kind: &'static str, why: String) -> Happening {
        Happening {
            kind,
            time: clock::rfc3339(clock::since_1970()),
            pool: None,
            backend: None,
            from: None,
            to: None,
            usable: None,
            why,
        }
    }

    /// As a line of the log.
    pub(super) fn log(&self) {
        let (pool, backend) = (
            self.pool.as_deref().unwrap_or(""),
            self.backend.as_deref().unwrap_or(""),
        );
        let (from, to) = (self.from.unwrap_or(""), self.to.unwrap_or(""));
        let fields: [log::Field<'_>; 5] = [
            ("pool", &pool),
            ("backend", &backend),
            ("from", &from),
            ("to", &to),
            ("why", &self.why),
        ];
        let bad = matches!(self.to, Some("down" | "ejected"));
        if bad {
            log::warn("a backend changed", &fields);
        } else {
            log::info("a backend changed", &fields);
        }
    }
}
