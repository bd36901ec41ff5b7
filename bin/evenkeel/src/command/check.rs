//! `check`: everything that is wrong with a configuration.

use super::{configuration, fail, print};
use crate::cli::Check;
use crate::paint;
use std::process::ExitCode;

pub(crate) fn run(arguments: &Check) -> ExitCode {
    let path = match configuration(&arguments.file) {
        Ok(path) => path,
        Err(message) => return fail(&message),
    };
    let problems = match evenkeel_control::file::load(&path) {
        Ok(config) if arguments.json => {
            drop(config);
            return print("[]\n");
        }
        Ok(config) => {
            let (listeners, pools) = (config.listeners.len(), config.pools.len());
            return print(&format!(
                "{}: good ({listeners} listeners, {pools} pools)\n",
                path.display()
            ));
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
