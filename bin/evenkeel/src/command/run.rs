//! `run`: serve a configuration.

use super::{configuration, fail};
use crate::cli::File;
use crate::{doors, paint, privileges};
use evenkeel_control::{Failure, STOP_LIMIT, Source, Start, log};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

pub(crate) fn run(arguments: &File, socket: Option<PathBuf>) -> ExitCode {
    let path = match configuration(arguments) {
        Ok(path) => path,
        Err(message) => return fail(&message),
    };
    let config = match evenkeel_control::file::load(&path) {
        Ok(config) => config,
        Err(problems) => return fail(&problems.render(paint::wanted_on_stderr())),
    };
    log::configure(config.log);
    raise_file_limit();
    privileges::drop_unneeded();
    let start = Start {
        config: Arc::new(config),
        source: Source::File(path),
        doors: match doors::open() {
            Ok(doors) => doors,
            Err(message) => return fail(&message),
        },
        version: env!("CARGO_PKG_VERSION"),
        socket,
        may_share: false,
        stop_limit: STOP_LIMIT,
        before_stop: None,
    };
    end(evenkeel_control::run(start, |_, _| {}))
}

/// How a process ends that has served.
pub(crate) fn end(result: Result<(), Failure>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => fail(&failure.to_string()),
    }
}

/// Every client and every backend connection is a file: as many as the system lets us.
pub(crate) fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        log::warn("the limit of open files stays as it is", &[("error", &error)]);
    }
}
