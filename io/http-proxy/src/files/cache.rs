//! The files that a worker has open or in memory. Nothing here is older than a second without having been looked at
//! again, and all of it together is bounded.

use super::file::File;
use super::open::{Identity, Opened, Stamp, Unopened, open};
use evenkeel_model::{Encoding, Moment};
use foldhash::fast::FixedState;
use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::time::Duration;

/// How long a file is taken for unchanged without asking: what a client may see late.
pub(super) const TRUSTED: Duration = Duration::from_secs(1);
/// Paths that are remembered.
const PATHS: usize = 4096;
/// Bytes of content in memory.
const MEMORY_BYTES: usize = 8 * 1024 * 1024;
/// Files that are held open.
const DESCRIPTORS: usize = 256;
/// The siblings of a file, and their endings.
const SIBLINGS: [(Encoding, &[u8]); 3] = [
    (Encoding::Brotli, b".br"),
    (Encoding::Zstd, b".zst"),
    (Encoding::Gzip, b".gz"),
];

#[derive(Default)]
pub(super) struct Cache {
    places: HashMap<Box<[u8]>, usize, FixedState>,
    /// `None` = free.
    entries: Vec<Option<Entry>>,
    free: Vec<usize>,
    /// Where the next to leave is looked for.
    hand: usize,
    memory: usize,
    descriptors: usize,
    key: Vec<u8>,
}

struct Entry {
    key: Box<[u8]>,
    plain: Looked,
    siblings: [Option<Looked>; SIBLINGS.len()],
    /// What we have compressed ourselves of the plain file of this stamp, where that came to fewer bytes.
    made: [Option<(Stamp, Option<Rc<File>>)>; SIBLINGS.len()],
    /// Asked for since the hand came by.
    used: bool,
}

/// What was found when it was looked at.
#[derive(Clone)]
struct Looked {
    at: Moment,
    /// `None` = it is not there.
    file: Option<Rc<File>>,
}

/// Where a file is looked for.
pub(super) struct Place<'a> {
    pub(super) root: &'a OwnedFd,
    pub(super) identity: &'a Identity,
    /// Below the root.
    pub(super) path: &'a [u8],
}

pub(super) enum Found {
    File(Rc<File>),
    Directory,
}

impl Cache {
    /// The file at this place; of its siblings in the codings of `wanted` the first that is there and not older, else
    /// one that is made in the first coding of `makes`.
    pub(super) fn find(
        &mut self,
        place: &Place<'_>,
        wanted: impl Iterator<Item = Encoding>,
        makes: impl FnOnce(&File) -> Option<Encoding>,
        now: Moment,
    ) -> Result<Found, Unopened> {
        self.key.clear();
        self.key.extend_from_slice(place.identity);
        self.key.extend_from_slice(place.path);
        let known = self.places.get(self.key.as_slice()).copied();
        let (index, plain) = match self.plain(known, place, now)? {
            Some(found) => found,
            None => return Ok(Found::Directory),
        };
        if plain.kind.packed {
            return Ok(Found::File(plain));
        }
        for coding in wanted {
            if let Some(file) = self.sibling(index, &plain, place, coding, now) {
                return Ok(Found::File(file));
            }
        }
        let made = makes(&plain).and_then(|coding| self.make(index, &plain, place, coding));
        Ok(Found::File(made.unwrap_or(plain)))
    }

    /// Gives back memory and descriptors.
    pub(super) fn clear(&mut self) {
        *self = Cache::default();
    }

    /// `None` = a directory.
    fn plain(
        &mut self,
        known: Option<usize>,
        place: &Place<'_>,
        now: Moment,
    ) -> Result<Option<(usize, Rc<File>)>, Unopened> {
        let entry = known.and_then(|index| self.entries[index].as_mut().map(|entry| (index, entry)));
        let old = entry.and_then(|(index, entry)| {
            entry.used = true;
            entry.plain.file.clone().map(|file| (index, file, entry.plain.at))
        });
        if let Some((index, file, at)) = &old
            && now.since(*at) < TRUSTED
            && file.is_as_it_was()
        {
            return Ok(Some((*index, file.clone())));
        }
        let opened = open_again(place, place.path, None, old.as_ref().map(|(_, file, _)| file));
        match (opened, known) {
            (Ok(Some(file)), Some(index)) => {
                self.put(index, None, Some(file.clone()), now);
                Ok(Some((index, file)))
            }
            (Ok(Some(file)), None) => Ok(Some((self.insert(file.clone(), now), file))),
            (Ok(None), known) => {
                known.into_iter().for_each(|index| self.remove(index));
                Ok(None)
            }
            // What is not there is not remembered: there is no end of names that are not there.
            (Err(unopened), known) => {
                known.into_iter().for_each(|index| self.remove(index));
                Err(unopened)
            }
        }
    }

    fn sibling(
        &mut self,
        index: usize,
        plain: &File,
        place: &Place<'_>,
        coding: Encoding,
        now: Moment,
    ) -> Option<Rc<File>> {
        let which = SIBLINGS.iter().position(|(known, _)| *known == coding)?;
        let looked = self.entries.get(index)?.as_ref()?.siblings[which].clone();
        let file = match looked {
            Some(looked)
                if now.since(looked.at) < TRUSTED && looked.file.as_ref().is_none_or(|file| file.is_as_it_was()) =>
            {
                looked.file
            }
            looked => {
                let path = [place.path, SIBLINGS[which].1].concat();
                let old = looked.and_then(|looked| looked.file);
                let opened = open_again(place, &path, Some(coding), old.as_ref());
                let file = opened.ok().flatten();
                self.put(index, Some(which), file.clone(), now);
                file
            }
        };
        // Whole seconds: not every program that makes siblings copies more of the time.
        file.filter(|file| file.stamp.modified.0 >= plain.stamp.modified.0)
    }

    /// The file in a coding of ours, which is made once for each version of it.
    fn make(&mut self, index: usize, plain: &File, place: &Place<'_>, coding: Encoding) -> Option<Rc<File>> {
        let which = SIBLINGS.iter().position(|(known, _)| *known == coding)?;
        if let Some((stamp, made)) = &self.entries.get(index)?.as_ref()?.made[which]
            && *stamp == plain.stamp
        {
            return made.clone();
        }
        let made = plain.compressed(place.path, coding).ok()?.map(Rc::new);
        self.memory += made.as_ref().map_or(0, |file| file.memory());
        let before = self.entries[index].as_mut()?.made[which].replace((plain.stamp, made.clone()));
        self.forget(before.and_then(|(_, before)| before).as_deref());
        self.make_room(index);
        made
    }

    fn insert(&mut self, file: Rc<File>, now: Moment) -> usize {
        if self.places.len() >= PATHS {
            self.let_one_go(None);
        }
        let index = self.free.pop().unwrap_or(self.entries.len());
        if index == self.entries.len() {
            self.entries.push(None);
        }
        let key: Box<[u8]> = self.key.as_slice().into();
        self.places.insert(key.clone(), index);
        let plain = Looked { at: now, file: None };
        self.entries[index] = Some(Entry {
            key,
            plain,
            siblings: [const { None }; SIBLINGS.len()],
            made: [const { None }; SIBLINGS.len()],
            used: true,
        });
        self.put(index, None, Some(file), now);
        index
    }

    /// Notes what was found: the plain file or one of its siblings.
    fn put(&mut self, index: usize, sibling: Option<usize>, file: Option<Rc<File>>, now: Moment) {
        self.memory += file.as_ref().map_or(0, |file| file.memory());
        self.descriptors += file.as_ref().map_or(0, |file| file.descriptors());
        if let Some(entry) = &mut self.entries[index] {
            let looked = Looked { at: now, file };
            let before = match sibling {
                None => std::mem::replace(&mut entry.plain, looked).file,
                Some(which) => entry.siblings[which].replace(looked).and_then(|before| before.file),
            };
            self.forget(before.as_deref());
        }
        self.make_room(index);
    }

    /// Lets others go until memory and descriptors suffice.
    fn make_room(&mut self, spared: usize) {
        while self.memory > MEMORY_BYTES || self.descriptors > DESCRIPTORS {
            if !self.let_one_go(Some(spared)) {
                return;
            }
        }
    }

    fn forget(&mut self, file: Option<&File>) {
        self.memory -= file.map_or(0, File::memory);
        self.descriptors -= file.map_or(0, File::descriptors);
    }

    /// The first that was not asked for in a whole turn of the hand goes, but not `spared`. Whether one went.
    fn let_one_go(&mut self, spared: Option<usize>) -> bool {
        for _ in 0..self.entries.len() * 2 {
            self.hand = (self.hand + 1) % self.entries.len();
            match &mut self.entries[self.hand] {
                Some(entry) if entry.used => entry.used = false,
                Some(_) if Some(self.hand) != spared => {
                    self.remove(self.hand);
                    return true;
                }
                Some(_) | None => {}
            }
        }
        false
    }

    fn remove(&mut self, index: usize) {
        let Some(entry) = self.entries[index].take() else {
            return;
        };
        self.places.remove(&entry.key);
        self.free.push(index);
        self.forget(entry.plain.file.as_deref());
        for looked in entry.siblings.iter().flatten() {
            self.forget(looked.file.as_deref());
        }
        for (_, made) in entry.made.iter().flatten() {
            self.forget(made.as_deref());
        }
    }
}

/// Opens a file, or finds that it is the one that is known. `None` = a directory.
fn open_again(
    place: &Place<'_>,
    path: &[u8],
    coding: Option<Encoding>,
    known: Option<&Rc<File>>,
) -> Result<Option<Rc<File>>, Unopened> {
    use std::os::fd::AsFd;
    match open(place.root.as_fd(), path)? {
        Opened::Directory => Ok(None),
        Opened::File(_, stamp) if known.is_some_and(|known| known.stamp == stamp) => Ok(known.cloned()),
        Opened::File(file, stamp) => File::new(file, stamp, place.path, coding).map(|file| Some(Rc::new(file))),
    }
}
