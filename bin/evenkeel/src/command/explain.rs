//! `explain`: which way a request would go, and why.

use super::{ask, fail, print};
use crate::cli;
use crate::client::escape;
use crate::paint::{self, Colour, paint, visible};
use crate::screen::{self, wrap};
use evenkeel_control::explain::Explanation;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Columns before what is said.
const INDENT: usize = 10;

pub(crate) fn run(arguments: &cli::Explain, socket: Option<PathBuf>) -> ExitCode {
    let mut target = format!(
        "/api/v1/explain?method={}&url={}",
        escape(&arguments.method),
        escape(&arguments.url)
    );
    for header in &arguments.headers {
        target += &format!("&header={}", escape(header));
    }
    if let Some(from) = arguments.from {
        target += &format!("&from={from}");
    }
    let answer = match ask(socket, &arguments.file, "GET", &target, None, Duration::ZERO) {
        Ok(answer) if answer.is_success() => answer,
        Ok(answer) => return fail(&answer.complaint()),
        Err(message) => return fail(&message),
    };
    if arguments.json {
        return print(&answer.body);
    }
    match serde_json::from_str::<Explanation>(&answer.body) {
        Ok(explanation) => print(&render(&explanation, screen::columns(), paint::wanted())),
        Err(error) => fail(&format!(
            "the balancer answers in a way this version does not know: {error}\nTry --json."
        )),
    }
}

fn render(explanation: &Explanation, columns: usize, colours: bool) -> String {
    let mut out = String::new();
    let mut say = |word: &str, text: &str| {
        let lines = wrap(&visible(text), columns.saturating_sub(INDENT));
        let lines = lines.join(&format!("\n{}", " ".repeat(INDENT)));
        out += &format!("{}{lines}\n", paint(colours, Colour::Bold, &format!("{word:INDENT$}")));
    };
    say(
        "listener",
        &format!("{}: {}", explanation.listener, explanation.why_listener),
    );
    say("client", &explanation.client);
    if let Some(refused) = &explanation.refused {
        say("refused", refused);
        return out;
    }
    say("route", &explanation.why);
    for missed in &explanation.missed {
        say("  not", missed);
    }
    say("does", &explanation.does);
    if let Some(path) = &explanation.path {
        say("path", path);
    }
    if let Some(pool) = &explanation.pool {
        say("pool", pool);
    }
    match (&explanation.sticky, &explanation.backend) {
        (Some(sticky), Some(backend)) => say("sticky", &format!("{sticky} -> backend {backend}")),
        (Some(sticky), None) => say("sticky", sticky),
        (None, _) => {}
    }
    match &explanation.backend {
        Some(backend) => say("backend", &format!("{backend}: {}", explanation.why_backend)),
        None if explanation.why_backend.is_empty() => {}
        None => say("backend", &explanation.why_backend),
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_said_and_nothing_else() {
        let explanation = Explanation {
            listener: "web".into(),
            why_listener: "it has port 80".into(),
            client: "192.0.2.1".into(),
            why: "route 1 (*) is the most specific".into(),
            does: "forwards to a pool".into(),
            pool: Some("app".into()),
            sticky: Some("cookie `S`, known client".into()),
            backend: Some("b2".into()),
            why_backend: "its home\u{1b}[31m".into(),
            ..Explanation::default()
        };
        let text = render(&explanation, 200, false);
        assert!(
            text.contains("sticky    cookie `S`, known client -> backend b2\n"),
            "{text}"
        );
        assert!(
            !text.contains('\u{1b}') && !text.contains("path") && !text.contains("refused"),
            "{text}"
        );
        let narrow = render(&explanation, 30, false);
        assert!(narrow.lines().all(|line| line.chars().count() <= 30), "{narrow}");
        let refused = Explanation {
            refused: Some("no (400)".into()),
            ..explanation
        };
        assert!(!render(&refused, 200, false).contains("pool"));
    }
}
