//! The directory whose files are served.

use super::medium::Medium;
use super::open::{self, Identity, Unopened, Wait};
use evenkeel_model::Moment;
use std::cell::Cell;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The directory, as it was found when it was looked at.
pub(super) struct Root {
    pub(super) at: Cell<Moment>,
    pub(super) directory: Arc<OwnedFd>,
    pub(super) identity: Identity,
    pub(super) medium: Medium,
    /// Other directories to which links may lead.
    pub(super) others: Arc<[PathBuf]>,
}

/// Looks for it. May wait. `at` is for the worker to say.
pub(super) fn found(path: &Path, others: Arc<[PathBuf]>) -> Result<Root, Unopened> {
    let (directory, identity) = open::root(path, Wait::AsLongAsItTakes)?;
    let medium = Medium::of(directory.as_fd())?;
    Ok(Root {
        at: Cell::new(Moment::ZERO),
        directory: Arc::new(directory),
        identity,
        medium,
        others,
    })
}

impl Root {
    /// Whether the path still leads to this directory, as far as can be known without waiting.
    pub(super) fn is_still_at(&self, path: &Path) -> Result<bool, Unopened> {
        if self.medium == Medium::Remote {
            return Err(Unopened::Cold);
        }
        let (_, identity) = open::root(path, Wait::Never)?;
        Ok(identity == self.identity)
    }
}
