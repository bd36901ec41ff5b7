//! The configuration file.

use crate::named_files;
use evenkeel_config::{Problems, TEXT_LIMIT};
use evenkeel_model::Config;
use serde_json::Value;
use std::fs::File;
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

/// Reads a configuration, and the files that it names; paths in it are relative to the file. Blocks.
pub fn load(path: &Path) -> Result<Config, Unusable> {
    load_file(path, Certificates::Readable)
}

/// As [`load`], but certificates must also be valid today: a balancer must start with the others when one has expired,
/// and whoever asks whether all is well wants to know. Blocks.
pub fn check(path: &Path) -> Result<Config, Unusable> {
    load_file(path, Certificates::Valid)
}

fn load_file(path: &Path, certificates: Certificates) -> Result<Config, Unusable> {
    let unusable = |cause| Unusable {
        path: path.to_owned(),
        cause,
    };
    let bytes = File::open(path).and_then(bytes);
    let text = bytes.and_then(text).map_err(|error| unusable(Cause::Unread(error)))?;
    understand(path.to_owned(), text, &folder_of(path), certificates)
}

/// Reads a configuration as [`check`] does from `source`, which is called `name`; paths in it are relative to the
/// working directory. Blocks.
pub fn check_from(source: impl Read, name: &str) -> Result<Config, Unusable> {
    let path = PathBuf::from(name);
    let folder = std::env::current_dir().unwrap_or_default();
    match bytes(source).and_then(text) {
        Ok(text) => understand(path, text, &folder, Certificates::Valid),
        Err(error) => Err(Unusable {
            path,
            cause: Cause::Unread(error),
        }),
    }
}

/// What certificates must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Certificates {
    Readable,
    Valid,
}

/// `[admin] socket` of a file that may have errors; none where it names none or cannot be read. Blocks.
pub fn control_socket(path: &Path) -> Option<PathBuf> {
    let bytes = File::open(path).and_then(bytes).ok()?;
    evenkeel_config::control_socket(&String::from_utf8_lossy(&bytes), &folder_of(path))
}

fn understand(path: PathBuf, text: String, folder: &Path, certificates: Certificates) -> Result<Config, Unusable> {
    let problems = match evenkeel_config::parse(&text, folder) {
        Ok(config) => {
            let mut complaints = evenkeel_tls::examine(&config, certificates == Certificates::Valid);
            complaints.extend(named_files::examine(&config));
            if complaints.is_empty() {
                return Ok(config);
            }
            evenkeel_config::complain(&text, &complaints)
        }
        Err(problems) => problems,
    };
    Err(Unusable {
        path,
        cause: Cause::Wrong { text, problems },
    })
}

fn folder_of(path: &Path) -> PathBuf {
    let folder = path
        .canonicalize()
        .ok()
        .and_then(|path| path.parent().map(Path::to_owned));
    folder.unwrap_or_default()
}

fn bytes(source: impl Read) -> Result<Vec<u8>, Error> {
    // One byte more than is allowed, so that the configuration's own error says that it is too long.
    let limit = TEXT_LIMIT as u64 + 1;
    let mut bytes = Vec::new();
    source.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn text(bytes: Vec<u8>) -> Result<String, Error> {
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
