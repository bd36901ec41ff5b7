//! The scripts in `python/`, run by the interpreter and with the packages that `./x tools` puts into `target/python`.

use std::io;
use std::path::Path;
use std::process::Command;

use crate::program::{missing, target};

/// A command that runs the script of this name.
///
/// # Errors
/// There is no `target/python`, with what to do about it.
pub fn script(name: &str) -> io::Result<Command> {
    let interpreter = target()?.join("python/bin/python");
    if !interpreter.is_file() {
        return Err(missing("target/python"));
    }
    let mut command = Command::new(interpreter);
    command
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("python").join(name))
        // Nothing is written beside the scripts, and nothing of the surroundings gets in between.
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("PYTHONUNBUFFERED", "1")
        .env_remove("PYTHONPATH")
        .env_remove("http_proxy")
        .env_remove("https_proxy");
    Ok(command)
}
