//! Opening files below a directory, and nowhere else.

use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, fstat, open as open_path, openat2};
use rustix::io::{Errno, pread};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

/// How often an opening is tried again that the kernel gave up because something was renamed meanwhile.
const RACES: u32 = 8;

/// What tells whether a file is still as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    device: u64,
    inode: u64,
    /// In bytes.
    pub(super) length: u64,
    /// Seconds since 1970, and nanoseconds.
    pub(super) modified: (u64, u32),
    /// The same of its inode, which nobody can set back.
    changed: (i64, i64),
}

impl Stamp {
    /// Whether the content is the same. That names of the file come and go does not matter to whoever has it open.
    pub(super) fn is_same_content(&self, other: &Stamp) -> bool {
        let content = |stamp: &Stamp| (stamp.device, stamp.inode, stamp.length, stamp.modified);
        content(self) == content(other)
    }
}

/// Why nothing was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unopened {
    /// It is not there, or outside, or neither a file nor a directory.
    Missing,
    /// We may not read it.
    Forbidden,
    /// No descriptor or memory is left.
    Exhausted,
    /// The disk or the system failed.
    Failed,
}

pub(super) enum Opened {
    File(OwnedFd, Stamp),
    Directory,
}

/// Which directory it is, whatever leads to it.
pub(super) type Identity = [u8; 16];

/// Opens the directory itself; links on the way to it are the operator's and followed.
pub(super) fn root(path: &Path) -> Result<(OwnedFd, Identity), Unopened> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = open_path(path, flags, Mode::empty()).map_err(reason)?;
    let stat = fstat(&directory).map_err(reason)?;
    let mut identity = [0; 16];
    identity[..8].copy_from_slice(&stat.st_dev.to_ne_bytes());
    identity[8..].copy_from_slice(&stat.st_ino.to_ne_bytes());
    Ok((directory, identity))
}

/// Opens `path` for reading, which is relative. The kernel follows links as long as they stay below `root`, and refuses
/// whatever would leave it, also while somebody changes directories under its hands. A FIFO does not make us wait.
pub(super) fn open(root: BorrowedFd<'_>, path: &[u8]) -> Result<Opened, Unopened> {
    let path = if path.is_empty() { b"." } else { path };
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    let mut races = 0;
    let file = loop {
        match openat2(root, path, flags, Mode::empty(), resolve) {
            Err(Errno::AGAIN | Errno::INTR) if races < RACES => races += 1,
            other => break other.map_err(reason)?,
        }
    };
    let stat = fstat(&file).map_err(reason)?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Ok(Opened::File(file, stamp_of(&stat))),
        FileType::Directory => Ok(Opened::Directory),
        FileType::Symlink
        | FileType::Fifo
        | FileType::Socket
        | FileType::CharacterDevice
        | FileType::BlockDevice
        | FileType::Unknown => Err(Unopened::Missing),
    }
}

/// What an open file is like now.
pub(super) fn stamp(file: BorrowedFd<'_>) -> Result<Stamp, Unopened> {
    fstat(file).map(|stat| stamp_of(&stat)).map_err(reason)
}

/// All of a file of `length` bytes. `None` = it has fewer by now.
pub(super) fn read(file: &OwnedFd, length: usize) -> Result<Option<Vec<u8>>, Unopened> {
    let mut bytes = vec![0; length];
    let mut at = 0;
    while at < length {
        match pread(file.as_fd(), &mut bytes[at..], at as u64) {
            Ok(0) => return Ok(None),
            Ok(count) => at += count,
            Err(Errno::INTR) => {}
            Err(errno) => return Err(reason(errno)),
        }
    }
    Ok(Some(bytes))
}

fn stamp_of(stat: &rustix::fs::Stat) -> Stamp {
    Stamp {
        device: stat.st_dev,
        inode: stat.st_ino,
        length: u64::try_from(stat.st_size).unwrap_or(0),
        // Before 1970 there were no files.
        modified: (
            u64::try_from(stat.st_mtime).unwrap_or(0),
            u32::try_from(stat.st_mtime_nsec).unwrap_or(0),
        ),
        changed: (stat.st_ctime, i64::try_from(stat.st_ctime_nsec).unwrap_or(0)),
    }
}

fn reason(errno: Errno) -> Unopened {
    match errno {
        // XDEV: it would have left the directory. NXIO: a socket. INVAL: a name that the file system does not take.
        Errno::NOENT
        | Errno::NOTDIR
        | Errno::ISDIR
        | Errno::LOOP
        | Errno::NAMETOOLONG
        | Errno::XDEV
        | Errno::NXIO
        | Errno::NODEV
        | Errno::INVAL
        | Errno::ILSEQ => Unopened::Missing,
        Errno::ACCESS | Errno::PERM => Unopened::Forbidden,
        Errno::MFILE | Errno::NFILE | Errno::NOMEM => Unopened::Exhausted,
        _ => Unopened::Failed,
    }
}
