//! `drain`, `ready`, `maintain`: the operator's word.

use super::{ask, fail, print};
use crate::cli::Target;
use crate::client::escape;
use evenkeel_control::status::counted;
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

pub(crate) fn run(state: &str, arguments: &Target, socket: Option<PathBuf>) -> ExitCode {
    let (pool, backend) = &arguments.target;
    let wait = arguments
        .wait
        .map_or_else(String::new, |wait| format!("?wait={}ms", wait.as_millis()));
    let target = format!("/api/v1/pools/{}/backends/{}{wait}", escape(pool), escape(backend));
    let body = json!({ "state": state });
    let patience = arguments.wait.unwrap_or(Duration::ZERO);
    let answer = match ask(socket, &arguments.file, "PUT", &target, Some(&body), patience) {
        Ok(answer) => answer,
        Err(message) => return fail(&message),
    };
    if !answer.is_success() {
        return fail(&answer.complaint());
    }
    let json = answer.json();
    let in_flight = json["in_flight"].as_u64().unwrap_or(0);
    let requests = counted(usize::try_from(in_flight).unwrap_or(usize::MAX), "request");
    let why = json["why"].as_str().unwrap_or("");
    let here = format!("{pool}/{backend}");
    match (json["done"].as_bool(), state) {
        (Some(false), "ready") => fail(&format!("{here} is ready, but not usable after {patience:?}: {why}")),
        (Some(false), _) => fail(&format!("{here} still has {requests} after {patience:?}")),
        (Some(true), "ready") => print(&format!("{here} is ready and usable\n")),
        (Some(true), _) => print(&format!("{here} is in {state} and has no request left\n")),
        (None, "ready") => print(&format!("{here} is ready ({why})\n")),
        (None, _) => print(&format!("{here} is in {state}, {requests} in flight\n")),
    }
}
