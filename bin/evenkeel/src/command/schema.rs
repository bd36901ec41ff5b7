//! `schema`: for editors.

use std::process::ExitCode;

pub(crate) fn run() -> ExitCode {
    super::print(&format!("{:#}\n", evenkeel_config::schema()))
}
