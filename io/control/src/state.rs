//! What survives a restart: the operator's decisions and the known health of every backend, one JSON file for each
//! configuration file. Whatever is wrong with it is a warning, never a reason not to serve.

use crate::clock;
use crate::hearts::{Hearts, Kept};
use crate::log;
use evenkeel_pool::Saved;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{Error, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

#[cfg(test)]
mod tests;

/// The version of the file's shape; another one is not read.
const FORMAT: u32 = 1;
/// The largest file that is read, in bytes: more than 4096 backends in each of 100 pools need.
const LARGEST: u64 = 256 * 1024 * 1024;
/// At most one write in this time.
const PAUSE: Duration = Duration::from_secs(1);
/// Where it stands unless the configuration says otherwise.
const USUAL_FOLDER: &str = "/var/lib/evenkeel";

#[derive(Serialize, Deserialize)]
struct Content {
    format: u32,
    configuration: String,
    saved_at: String,
    pools: BTreeMap<String, Saved>,
}

/// The file of one configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StateFile {
    path: PathBuf,
    configuration: String,
}

impl StateFile {
    /// The file for `configuration`, in `folder` or else the first usual folder that can be written.
    pub(crate) fn open(folder: Option<&Path>, configuration: &Path) -> Result<StateFile, Error> {
        let canonical = configuration.canonicalize()?;
        let stem = canonical
            .file_stem()
            .map_or("state".into(), |stem| stem.to_string_lossy());
        let configuration = canonical.to_string_lossy().into_owned();
        let name = format!("{stem}-{:016x}.json", fnv1a(configuration.as_bytes()));
        let folder = match folder {
            Some(folder) => first_usable(vec![folder.to_owned()])?,
            None => first_usable(usual_folders())?,
        };
        Ok(StateFile {
            path: folder.join(name),
            configuration,
        })
    }

    /// What was saved; empty if nothing was, or if it cannot be understood: then the file is moved aside.
    pub(crate) fn load(&self) -> BTreeMap<String, Saved> {
        let error = match self.read() {
            Ok(content) => return content.pools,
            Err(error) if error.kind() == ErrorKind::NotFound => return BTreeMap::new(),
            Err(error) => error,
        };
        let aside = self.path.with_extension("json.unreadable");
        let path = self.path.display();
        log::warn(
            "the saved state cannot be used; it is moved aside",
            &[("file", &path), ("error", &error)],
        );
        if let Err(error) = std::fs::rename(&self.path, &aside) {
            log::warn("and it cannot be moved aside", &[("file", &path), ("error", &error)]);
        }
        BTreeMap::new()
    }

    fn read(&self) -> Result<Content, Error> {
        let mut text = Vec::new();
        File::open(&self.path)?.take(LARGEST).read_to_end(&mut text)?;
        let content: Content = serde_json::from_slice(&text)?;
        if content.format != FORMAT || content.configuration != self.configuration {
            return Err(Error::new(
                ErrorKind::InvalidData,
                "it is of another version or another configuration",
            ));
        }
        Ok(content)
    }

    /// Replaces the file whole: after a crash the old or the new one is there, never a part.
    fn save(&self, kept: Vec<Kept>) -> Result<(), Error> {
        let content = Content {
            format: FORMAT,
            configuration: self.configuration.clone(),
            saved_at: clock::rfc3339(clock::since_1970()),
            pools: kept
                .into_iter()
                .map(|kept| (kept.pool.name.to_string(), kept.saved))
                .collect(),
        };
        let temporary = self.path.with_extension("json.new");
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&temporary)?;
        file.write_all(&serde_json::to_vec_pretty(&content)?)?;
        file.sync_all()?;
        std::fs::rename(&temporary, &self.path)?;
        match self.path.parent() {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    }

    /// Saves what the hearts know now.
    pub(crate) async fn write(self: &Arc<Self>, hearts: &Hearts) {
        let Ok(kept) = hearts.saved().await else { return };
        let file = self.clone();
        let saved = tokio::task::spawn_blocking(move || file.save(kept)).await;
        if let Ok(Err(error)) = saved {
            log::warn(
                "the state cannot be saved",
                &[("file", &self.path.display()), ("error", &error)],
            );
        }
    }

    /// Saves after every change, at most once a second, until the task is dropped.
    pub(crate) async fn keep(self: Arc<Self>, hearts: Hearts) {
        loop {
            hearts.dirty().await;
            self.write(&hearts).await;
            tokio::time::sleep(PAUSE).await;
        }
    }
}

fn usual_folders() -> Vec<PathBuf> {
    let of_user = match std::env::var_os("XDG_STATE_HOME").filter(|folder| Path::new(folder).is_absolute()) {
        Some(folder) => Some(PathBuf::from(folder)),
        None => std::env::var_os("HOME").map(|home| Path::new(&home).join(".local/state")),
    };
    let of_user = of_user.map(|folder| folder.join("evenkeel"));
    [PathBuf::from(USUAL_FOLDER)].into_iter().chain(of_user).collect()
}

fn first_usable(folders: Vec<PathBuf>) -> Result<PathBuf, Error> {
    let mut tried = Vec::new();
    let mut kind = ErrorKind::NotFound;
    for folder in folders {
        match usable_folder(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) => {
                kind = error.kind();
                tried.push(format!("{}: {error}", folder.display()));
            }
        }
    }
    Err(Error::new(kind, tried.join("; ")))
}

/// Makes the folder if it is missing, and tries to write there.
fn usable_folder(folder: &Path) -> Result<(), Error> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let trial = folder.join(format!(".trial-{}", std::process::id()));
    File::create(&trial)?;
    std::fs::remove_file(&trial)
}

/// FNV-1a, 64 bits: tells configurations apart, protects nothing.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
