//! `check`: everything that is wrong with a configuration.

use super::{configuration, fail, print};
use crate::cli::{Check, File};
use crate::paint;
use evenkeel_control::file::{check, check_from};
use evenkeel_control::status::counted;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Stands for standard input.
const DASH: &str = "-";
/// How standard input is called in messages.
const STDIN: &str = "stdin";

pub(crate) fn run(arguments: &Check) -> ExitCode {
    let path = match wanted(arguments) {
        Ok(path) => path,
        Err(message) => return fail(&message),
    };
    let (name, loaded) = if path == Path::new(DASH) {
        (STDIN.to_owned(), check_from(std::io::stdin().lock(), STDIN))
    } else {
        (path.display().to_string(), check(&path))
    };
    let problems = match loaded {
        Ok(config) if arguments.json => {
            drop(config);
            return print("[]\n");
        }
        Ok(config) => {
            let listeners = counted(config.listeners.len(), "listener");
            let pools = counted(config.pools.len(), "pool");
            return print(&format!("{name}: good ({listeners}, {pools})\n"));
        }
        Err(problems) => problems,
    };
    if arguments.json {
        print(&format!("{:#}\n", problems.to_json()));
        ExitCode::FAILURE
    } else {
        fail(&problems.render(paint::wanted_on_stderr()))
    }
}

fn wanted(arguments: &Check) -> Result<PathBuf, String> {
    configuration(&File {
        config: arguments.path.clone().or_else(|| arguments.file.config.clone()),
    })
}
