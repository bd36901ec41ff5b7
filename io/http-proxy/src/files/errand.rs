//! What a worker cannot do without waiting, and has done by one who may.

use super::cache::SIBLINGS;
use super::file::{File, Recipe, Source};
use super::medium::Medium;
use super::open::{Identity, Opened, Stamp, Unopened, Wait, open};
use super::root::{self, Root};
use evenkeel_model::Encoding;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;

pub(super) enum Errand {
    /// Looking for the directory itself.
    Root(PathBuf, Arc<[PathBuf]>),
    Look(Look),
    Make {
        identity: Identity,
        which: usize,
        recipe: Recipe,
    },
}

/// What has become of an errand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// What was found is known now: whoever asks again gets it.
    Again,
    /// What is not remembered.
    Directory,
    Unopened(Unopened),
}

/// What an errand brings back.
pub(super) enum Brought {
    Root(Result<Root, Unopened>),
    Seen(Seen),
    Made(Made),
}

/// A file and its siblings, to be looked for.
pub(super) struct Look {
    pub(super) root: Arc<OwnedFd>,
    pub(super) identity: Identity,
    pub(super) others: Arc<[PathBuf]>,
    pub(super) path: Vec<u8>,
    /// What was known of the file.
    pub(super) plain: Option<Stamp>,
    /// Which siblings, in the order in which they are liked, and what was known of them.
    pub(super) siblings: Vec<(usize, Option<Stamp>)>,
}

/// What was seen of a file.
pub(super) struct Seen {
    pub(super) identity: Identity,
    pub(super) path: Vec<u8>,
    /// `None` = a directory.
    pub(super) plain: Result<Option<Again>, Unopened>,
    /// `None` = it is not there.
    pub(super) siblings: Vec<(usize, Option<Again>)>,
}

/// A file in a coding of ours; `None` where that saves nothing.
pub(super) struct Made {
    pub(super) identity: Identity,
    pub(super) path: Vec<u8>,
    pub(super) which: usize,
    pub(super) of: Stamp,
    pub(super) file: Option<File>,
}

/// A file that was looked at again.
pub(super) enum Again {
    /// It is the one that is known.
    Same(Stamp),
    New(Box<File>),
}

impl Errand {
    /// What tells errands apart: of those that are equal one is run.
    pub(super) fn key(&self) -> Vec<u8> {
        match self {
            Errand::Root(..) => Vec::new(),
            Errand::Look(look) => [b"l", &look.identity[..], &look.path].concat(),
            Errand::Make {
                identity,
                which,
                recipe,
            } => [b"m", &identity[..], &[*which as u8], &recipe.name].concat(),
        }
    }

    /// What the errand was about, below the root.
    pub(super) fn path(&self) -> &[u8] {
        match self {
            Errand::Root(..) => &[],
            Errand::Look(look) => &look.path,
            Errand::Make { recipe, .. } => &recipe.name,
        }
    }

    /// Does it. May wait.
    pub(super) fn run(self) -> Brought {
        match self {
            Errand::Root(path, others) => Brought::Root(root::found(&path, others)),
            Errand::Look(look) => Brought::Seen(look.run()),
            Errand::Make {
                identity,
                which,
                recipe,
            } => Brought::Made(Made {
                identity,
                which,
                of: recipe.stamp,
                file: recipe.made(),
                path: recipe.name,
            }),
        }
    }
}

impl Look {
    fn run(self) -> Seen {
        let plain = self.look(&self.path, None, self.plain.as_ref());
        let mut siblings = Vec::new();
        if let Ok(Some(_)) = plain {
            for (which, known) in &self.siblings {
                let (coding, ending) = SIBLINGS[*which];
                let path = [&self.path, ending].concat();
                let sibling = self.look(&path, Some(coding), known.as_ref()).ok().flatten();
                let is_there = sibling.is_some();
                siblings.push((*which, sibling));
                // The others are liked less.
                if is_there {
                    break;
                }
            }
        }
        Seen {
            identity: self.identity,
            path: self.path,
            plain,
            siblings,
        }
    }

    fn look(&self, path: &[u8], coding: Option<Encoding>, known: Option<&Stamp>) -> Result<Option<Again>, Unopened> {
        let target = Target {
            path,
            name: &self.path,
            coding,
            known,
        };
        let seen = look(
            self.root.as_fd(),
            &target,
            &self.others,
            Wait::AsLongAsItTakes,
            Medium::of,
        );
        seen.map_err(|unopened| match unopened {
            // Somebody keeps a lease on it for ever.
            Unopened::Cold => Unopened::Failed,
            other => other,
        })
    }
}

/// A file that is to be looked at.
pub(super) struct Target<'a> {
    /// Below the root.
    pub(super) path: &'a [u8],
    /// That of the plain file.
    pub(super) name: &'a [u8],
    pub(super) coding: Option<Encoding>,
    pub(super) known: Option<&'a Stamp>,
}

/// Opens a file, or finds that it is the one that is known. `None` = a directory.
pub(super) fn look(
    root: BorrowedFd<'_>,
    target: &Target<'_>,
    others: &[PathBuf],
    wait: Wait,
    medium: impl FnOnce(BorrowedFd<'_>) -> Result<Medium, Unopened>,
) -> Result<Option<Again>, Unopened> {
    match open(root, target.path, others, wait)? {
        Opened::Directory => Ok(None),
        Opened::File(_, stamp) if target.known == Some(&stamp) => Ok(Some(Again::Same(stamp))),
        Opened::File(file, stamp) => {
            let medium = medium(file.as_fd())?;
            let source = Source {
                file,
                stamp,
                medium,
                name: target.name,
                coding: target.coding,
            };
            File::new(source, wait).map(|file| Some(Again::New(Box::new(file))))
        }
    }
}
