//! The configuration file.

use evenkeel_config::{Problems, TEXT_LIMIT};
use evenkeel_model::Config;
use serde_json::Value;
use std::io::{Error, ErrorKind, Read};
use std::path::{Path, PathBuf};

/// Why a configuration cannot be used.
#[derive(Debug)]
pub struct Unusable {
    path: PathBuf,
    cause: Cause,
}

#[derive(Debug)]
enum Cause {
    /// The file cannot be read.
    Unread(Error),
    /// Its text is wrong.
    Wrong { text: String, problems: Problems },
}

/// Reads a configuration; paths in it are relative to the file. Blocks.
pub fn load(path: &Path) -> Result<Config, Unusable> {
    let unusable = |cause| Unusable {
        path: path.to_owned(),
        cause,
    };
    let text = read(path).map_err(|error| unusable(Cause::Unread(error)))?;
    let folder = path
        .canonicalize()
        .ok()
        .and_then(|path| path.parent().map(Path::to_owned));
    let folder = folder.unwrap_or_default();
    match evenkeel_config::parse(&text, &folder) {
        Ok(config) => Ok(config),
        Err(problems) => Err(unusable(Cause::Wrong { text, problems })),
    }
}

fn read(path: &Path) -> Result<String, Error> {
    // One byte more than is allowed, so that the configuration's own error says that it is too long.
    let limit = TEXT_LIMIT as u64 + 1;
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    String::from_utf8(bytes).map_err(|_| Error::new(ErrorKind::InvalidData, "the file is not UTF-8 text"))
}

impl Unusable {
    /// For people: every problem with its place, its line and a caret.
    pub fn render(&self, colours: bool) -> String {
        let name = self.path.display().to_string();
        match &self.cause {
            Cause::Unread(error) => format!("{name}: {error}\n"),
            Cause::Wrong { text, problems } => problems.render(&name, text, colours),
        }
    }

    /// For scripts: `[{"file", "line", "column", "message", "help"}]`.
    pub fn to_json(&self) -> Value {
        let name = self.path.display().to_string();
        match &self.cause {
            Cause::Unread(error) => serde_json::json!([{
                "file": name, "line": null, "column": null, "message": error.to_string(), "help": null,
            }]),
            Cause::Wrong { problems, .. } => problems.to_json(&name),
        }
    }

    /// In a few words.
    pub fn summary(&self) -> String {
        let name = self.path.display();
        match &self.cause {
            Cause::Unread(error) => format!("{name}: {error}"),
            Cause::Wrong { problems, .. } => {
                let count = problems.list.len() + problems.omitted;
                let plural = if count == 1 { "" } else { "s" };
                format!("{name} has {count} error{plural}")
            }
        }
    }
}
