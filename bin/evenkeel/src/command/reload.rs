//! `reload`: the running balancer takes its file again.

use super::{ask, fail, file_errors, print};
use crate::cli::File;
use crate::paint;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

pub(crate) fn run(file: &File, socket: Option<PathBuf>) -> ExitCode {
    let answer = match ask(socket, file, "POST", "/api/v1/reload", Some(&json!({})), Duration::ZERO) {
        Ok(answer) => answer,
        Err(message) => {
            let errors = file_errors(file);
            let errors = errors.map_or_else(String::new, |errors| errors.render(paint::wanted_on_stderr()));
            return fail(&format!("{message}\n\n{errors}"));
        }
    };
    if !answer.is_success() {
        return fail(&answer.complaint());
    }
    let json = answer.json();
    let changes = lines(&json["changes"]).chain(lines(&json["notes"]));
    let changes: String = changes.map(|change| format!("  {change}\n")).collect();
    if changes.is_empty() {
        print("reloaded: nothing has changed\n")
    } else {
        print(&format!("reloaded:\n{changes}"))
    }
}

fn lines(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}
