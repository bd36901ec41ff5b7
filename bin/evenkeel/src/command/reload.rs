//! `reload`: the running balancer takes its file again.

use super::{ask, fail, print};
use crate::cli::File;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

pub(crate) fn run(file: &File, socket: Option<PathBuf>) -> ExitCode {
    let answer = match ask(socket, file, "POST", "/api/v1/reload", Some(&json!({})), Duration::ZERO) {
        Ok(answer) => answer,
        Err(message) => return fail(&message),
    };
    if !answer.is_success() {
        return fail(&answer.complaint());
    }
    let json = answer.json();
    for note in lines(&json["notes"]) {
        eprintln!("{note}");
    }
    let changes: String = lines(&json["changes"]).map(|change| format!("  {change}\n")).collect();
    if changes.is_empty() {
        print("reloaded: nothing has changed\n")
    } else {
        print(&format!("reloaded:\n{changes}"))
    }
}

fn lines(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}
