//! The files that a worker has open or in memory. Nothing here is older than a second without having been looked at
//! again, and all of it together is bounded.

use super::errand::{Again, Errand, Look, Made, Outcome, Seen, Target, look};
use super::file::File;
use super::medium::Medium;
use super::open::{Stamp, Unopened, Wait};
use super::root::Root;
use evenkeel_model::{Encoding, Moment};
use foldhash::fast::FixedState;
use std::collections::HashMap;
use std::os::fd::AsFd;
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
pub(super) const SIBLINGS: [(Encoding, &[u8]); 3] = [
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
    pub(super) root: &'a Root,
    /// Below the root.
    pub(super) path: &'a [u8],
    /// When the request came that asks: what was looked at since is new enough for it.
    pub(super) since: Moment,
}

impl Place<'_> {
    fn is_new(&self, at: Moment, now: Moment) -> bool {
        now.since(at) < TRUSTED || at >= self.since
    }

    /// On this worker, which must not wait.
    fn look(&self, path: &[u8], coding: Option<Encoding>, known: Option<&Stamp>) -> Result<Option<Again>, Unopened> {
        if self.root.medium == Medium::Remote {
            return Err(Unopened::Cold);
        }
        let target = Target {
            path,
            name: self.path,
            coding,
            known,
        };
        look(self.root.directory.as_fd(), &target, &[], Wait::Never, |_| {
            Ok(self.root.medium)
        })
    }

    fn errand(&self, known: Option<Stamp>, siblings: Vec<(usize, Option<Stamp>)>) -> Stop {
        Stop::Errand(Box::new(Errand::Look(Look {
            root: self.root.directory.clone(),
            identity: self.root.identity,
            others: self.root.others.clone(),
            path: self.path.to_vec(),
            plain: known,
            siblings,
        })))
    }
}

pub(super) enum Found {
    File(Rc<File>),
    Directory,
}

/// Why nothing is found, or not now.
pub(super) enum Stop {
    Unopened(Unopened),
    /// It takes one who may wait.
    Errand(Box<Errand>),
}

impl From<Unopened> for Stop {
    fn from(unopened: Unopened) -> Stop {
        Stop::Unopened(unopened)
    }
}

impl Cache {
    /// The file at this place; of its siblings in the codings of `wanted` the first that is there and not older, else
    /// one that is made in the first coding of `makes`.
    pub(super) fn find(
        &mut self,
        place: &Place<'_>,
        wanted: &(impl Iterator<Item = Encoding> + Clone),
        makes: impl FnOnce(&File) -> Option<Encoding>,
        now: Moment,
    ) -> Result<Found, Stop> {
        self.set_key(&place.root.identity, place.path);
        let known = self.places.get(self.key.as_slice()).copied();
        let (index, plain) = match self.plain(known, place, wanted.clone(), now)? {
            Some(found) => found,
            None => return Ok(Found::Directory),
        };
        if plain.kind.packed {
            return Ok(Found::File(plain));
        }
        for coding in wanted.clone() {
            if let Some(file) = self.sibling(index, &plain, place, coding, wanted.clone(), now)? {
                return Ok(Found::File(file));
            }
        }
        let made = match makes(&plain) {
            Some(coding) => self.made(index, &plain, place, coding)?,
            None => None,
        };
        Ok(Found::File(made.unwrap_or(plain)))
    }

    fn set_key(&mut self, identity: &[u8], path: &[u8]) {
        self.key.clear();
        self.key.extend_from_slice(identity);
        self.key.extend_from_slice(path);
    }

    /// Takes in what one who may wait has seen.
    pub(super) fn take(&mut self, seen: Seen, now: Moment) -> Outcome {
        self.set_key(&seen.identity, &seen.path);
        let mut known = self.places.get(self.key.as_slice()).copied();
        match seen.plain {
            Ok(Some(again)) => match (self.resolve(known, None, again), known) {
                (Some(file), Some(index)) => self.put(index, None, Some(file), now),
                (Some(file), None) => known = Some(self.insert(file, now)),
                // It has left the cache meanwhile.
                (None, _) => return Outcome::Again,
            },
            Ok(None) => {
                known.into_iter().for_each(|index| self.remove(index));
                return Outcome::Directory;
            }
            Err(unopened) => {
                known.into_iter().for_each(|index| self.remove(index));
                return Outcome::Unopened(unopened);
            }
        }
        for (which, again) in seen.siblings {
            if let Some(index) = known.filter(|index| self.entries[*index].is_some()) {
                let file = again.and_then(|again| self.resolve(known, Some(which), again));
                self.put(index, Some(which), file, now);
            }
        }
        Outcome::Again
    }

    /// Takes in what was made in a coding.
    pub(super) fn take_made(&mut self, made: Made) -> Outcome {
        self.set_key(&made.identity, &made.path);
        let Some(index) = self.places.get(self.key.as_slice()).copied() else {
            return Outcome::Again;
        };
        let file = made.file.map(Rc::new);
        self.memory += file.as_ref().map_or(0, |file| file.memory());
        if let Some(entry) = &mut self.entries[index] {
            let before = entry.made[made.which].replace((made.of, file));
            self.forget(before.and_then(|(_, before)| before).as_deref());
        }
        self.make_room(index);
        Outcome::Again
    }

    /// The file that was seen: a new one, or the one that is known.
    fn resolve(&self, known: Option<usize>, sibling: Option<usize>, again: Again) -> Option<Rc<File>> {
        match again {
            Again::New(file) => Some(Rc::from(file)),
            Again::Same(stamp) => {
                let entry = self.entries.get(known?)?.as_ref()?;
                let file = match sibling {
                    None => entry.plain.file.clone(),
                    Some(which) => entry.siblings[which].clone()?.file,
                };
                file.filter(|file| file.stamp == stamp)
            }
        }
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
        wanted: impl Iterator<Item = Encoding>,
        now: Moment,
    ) -> Result<Option<(usize, Rc<File>)>, Stop> {
        let entry = known.and_then(|index| self.entries[index].as_mut().map(|entry| (index, entry)));
        let old = entry.and_then(|(index, entry)| {
            entry.used = true;
            entry.plain.file.clone().map(|file| (index, file, entry.plain.at))
        });
        if let Some((index, file, at)) = &old
            && place.is_new(*at, now)
            && file.is_as_it_was()
        {
            return Ok(Some((*index, file.clone())));
        }
        let stamp = old.as_ref().map(|(_, file, _)| file.stamp);
        match (place.look(place.path, None, stamp.as_ref()), known) {
            (Ok(Some(again)), known) => {
                let file = match (again, old) {
                    (Again::Same(_), Some((_, file, _))) => file,
                    (Again::Same(_), None) => unreachable!("what is not known is not the same"),
                    (Again::New(file), _) => Rc::from(file),
                };
                match known {
                    Some(index) => {
                        self.put(index, None, Some(file.clone()), now);
                        Ok(Some((index, file)))
                    }
                    None => Ok(Some((self.insert(file.clone(), now), file))),
                }
            }
            (Ok(None), known) => {
                known.into_iter().for_each(|index| self.remove(index));
                Ok(None)
            }
            (Err(Unopened::Cold), known) => Err(place.errand(stamp, self.unknown(known, place, wanted, now))),
            // What is not there is not remembered: there is no end of names that are not there.
            (Err(unopened), known) => {
                known.into_iter().for_each(|index| self.remove(index));
                Err(unopened.into())
            }
        }
    }

    /// The siblings in these codings of which nothing new is known, and what was.
    fn unknown(
        &self,
        index: Option<usize>,
        place: &Place<'_>,
        wanted: impl Iterator<Item = Encoding>,
        now: Moment,
    ) -> Vec<(usize, Option<Stamp>)> {
        let entry = index.and_then(|index| self.entries.get(index)?.as_ref());
        wanted
            .filter_map(|coding| {
                let which = SIBLINGS.iter().position(|(known, _)| *known == coding)?;
                match entry.and_then(|entry| entry.siblings[which].as_ref()) {
                    Some(looked) if place.is_new(looked.at, now) => None,
                    Some(looked) => Some((which, looked.file.as_ref().map(|file| file.stamp))),
                    None => Some((which, None)),
                }
            })
            .collect()
    }

    fn sibling(
        &mut self,
        index: usize,
        plain: &File,
        place: &Place<'_>,
        coding: Encoding,
        wanted: impl Iterator<Item = Encoding>,
        now: Moment,
    ) -> Result<Option<Rc<File>>, Stop> {
        let Some(which) = SIBLINGS.iter().position(|(known, _)| *known == coding) else {
            return Ok(None);
        };
        let looked = self
            .entries
            .get(index)
            .and_then(|entry| entry.as_ref()?.siblings[which].clone());
        let file = match looked {
            Some(looked)
                if place.is_new(looked.at, now) && looked.file.as_ref().is_none_or(|file| file.is_as_it_was()) =>
            {
                looked.file
            }
            looked => {
                let path = [place.path, SIBLINGS[which].1].concat();
                let old = looked.and_then(|looked| looked.file);
                let file = match place.look(&path, Some(coding), old.as_ref().map(|old| &old.stamp)) {
                    Ok(Some(Again::Same(_))) => old,
                    Ok(Some(Again::New(file))) => Some(Rc::from(file)),
                    Err(Unopened::Cold) => {
                        let unknown = self.unknown(Some(index), place, wanted, now);
                        return Err(place.errand(Some(plain.stamp), unknown));
                    }
                    Ok(None) | Err(_) => None,
                };
                self.put(index, Some(which), file.clone(), now);
                file
            }
        };
        // Whole seconds: not every program that makes siblings copies more of the time.
        Ok(file.filter(|file| file.stamp.modified.0 >= plain.stamp.modified.0))
    }

    /// The file in a coding of ours, which is made once for each version of it.
    fn made(
        &mut self,
        index: usize,
        plain: &File,
        place: &Place<'_>,
        coding: Encoding,
    ) -> Result<Option<Rc<File>>, Stop> {
        let which = SIBLINGS.iter().position(|(known, _)| *known == coding);
        let (Some(which), Some(Some(entry))) = (which, self.entries.get(index)) else {
            return Ok(None);
        };
        match &entry.made[which] {
            Some((stamp, made)) if *stamp == plain.stamp => Ok(made.clone()),
            Some(_) | None => Err(Stop::Errand(Box::new(Errand::Make {
                identity: place.root.identity,
                which,
                recipe: plain.recipe(place.path, coding),
            }))),
        }
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
