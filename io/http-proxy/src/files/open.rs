//! Opening files below a directory, and nowhere else.

use super::medium::Medium;
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags, StatxFlags, fstat, openat2, readlinkat, statx};
use rustix::io::{Errno, ReadWriteFlags, pread, preadv2};
use std::ffi::OsStr;
use std::io::IoSliceMut;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often an opening is tried again at once that the kernel gave up because something was renamed meanwhile.
const RACES: u32 = 8;
/// And how often, and after which pause, while another program holds a lease on the file: the kernel gives such a program 45
/// seconds to let go, and those that know what they do need milliseconds.
const LEASE_TRIES: u32 = 1000;
const LEASE_PAUSE: Duration = Duration::from_millis(10);

/// Whether a call may wait for a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    /// On a worker: what the kernel does not have in its caches is [`Unopened::Cold`].
    Never,
    /// On a thread that is there for it.
    AsLongAsItTakes,
}

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
    /// Whoever must not wait cannot know.
    Cold,
}

pub(super) enum Opened {
    File(OwnedFd, Stamp),
    Directory,
}

/// Which directory it is, whatever leads to it.
pub(super) type Identity = [u8; 16];

/// For reading; what is no file must neither wait for us nor become our terminal.
const READING: OFlags = OFlags::RDONLY
    .union(OFlags::CLOEXEC)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY);
/// Only to know what is there.
const LOOKING: OFlags = OFlags::PATH.union(OFlags::CLOEXEC);

/// Opens the directory itself; links on the way to it are the operator's and followed.
pub(super) fn root(path: &Path, wait: Wait) -> Result<(OwnedFd, Identity), Unopened> {
    let flags = LOOKING | OFlags::DIRECTORY;
    let directory = opened(CWD, path.as_os_str().as_bytes(), flags, ResolveFlags::empty(), wait).map_err(reason)?;
    let stat = fstat(&directory).map_err(reason)?;
    let mut identity = [0; 16];
    identity[..8].copy_from_slice(&stat.st_dev.to_ne_bytes());
    identity[8..].copy_from_slice(&stat.st_ino.to_ne_bytes());
    Ok((directory, identity))
}

/// Opens `path` for reading, which is relative. The kernel follows links as long as they stay below `root`, and refuses
/// whatever would leave it, also while somebody changes directories under its hands; see [`linked`] for what becomes of
/// that. A FIFO does not make us wait. Who must not wait stays on the file system of `root`.
pub(super) fn open(root: BorrowedFd<'_>, path: &[u8], others: &[PathBuf], wait: Wait) -> Result<Opened, Unopened> {
    let path = if path.is_empty() { b"." } else { path };
    let beneath = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    let file = match wait {
        Wait::Never => match opened(root, path, READING, beneath | ResolveFlags::NO_XDEV, wait) {
            Err(Errno::XDEV) => return Err(Unopened::Cold),
            other => other.map_err(reason)?,
        },
        Wait::AsLongAsItTakes => match opened(root, path, READING, beneath, wait) {
            Err(Errno::XDEV) => linked(root, path, others)?,
            other => other.map_err(reason)?,
        },
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

/// A link on the way has an absolute target, or leads out of `root` for a while. Where it ends is asked of the kernel, without
/// opening what is there; if that is below `root` or one of `others`, it is opened from there without following any link.
/// So whatever is changed meanwhile, nothing that is elsewhere is ever opened.
fn linked(root: BorrowedFd<'_>, path: &[u8], others: &[PathBuf]) -> Result<OwnedFd, Unopened> {
    let wait = Wait::AsLongAsItTakes;
    let found = opened(root, path, LOOKING, ResolveFlags::NO_MAGICLINKS, wait).map_err(reason)?;
    let found = real_path(found.as_fd())?;
    let beneath = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_SYMLINKS;
    let below = |top: BorrowedFd<'_>| -> Result<Option<OwnedFd>, Unopened> {
        let real = real_path(top)?;
        let Ok(rest) = found.strip_prefix(&real) else {
            return Ok(None);
        };
        let rest = match rest.as_os_str().as_bytes() {
            b"" => b".",
            rest => rest,
        };
        opened(top, rest, READING, beneath, wait).map(Some).map_err(reason)
    };
    if let Some(file) = below(root)? {
        return Ok(file);
    }
    for other in others {
        let flags = LOOKING | OFlags::DIRECTORY;
        let top = opened(CWD, other.as_os_str().as_bytes(), flags, ResolveFlags::empty(), wait);
        // One that is not there hides no other.
        let Ok(top) = top else { continue };
        if let Some(file) = below(top.as_fd())? {
            return Ok(file);
        }
    }
    Err(Unopened::Missing)
}

/// Where the kernel has found what is open. Without /proc nobody can know.
fn real_path(file: BorrowedFd<'_>) -> Result<PathBuf, Unopened> {
    let link = format!("/proc/self/fd/{}", file.as_raw_fd());
    let path = readlinkat(CWD, link, Vec::new()).map_err(reason)?;
    Ok(PathBuf::from(OsStr::from_bytes(path.as_bytes())))
}

/// openat2(2), again when something was renamed meanwhile.
fn opened(
    directory: BorrowedFd<'_>,
    path: &[u8],
    flags: OFlags,
    resolve: ResolveFlags,
    wait: Wait,
) -> Result<OwnedFd, Errno> {
    if wait == Wait::Never {
        return match openat2(directory, path, flags, Mode::empty(), resolve | ResolveFlags::CACHED) {
            // INVAL: a kernel that does not know the flag (before Linux 5.12).
            Err(Errno::INVAL | Errno::INTR) => Err(Errno::AGAIN),
            other => other,
        };
    }
    let mut tries = 0;
    loop {
        match openat2(directory, path, flags, Mode::empty(), resolve) {
            Err(Errno::AGAIN | Errno::INTR) if tries < RACES + LEASE_TRIES => tries += 1,
            other => return other,
        }
        if tries > RACES {
            std::thread::sleep(LEASE_PAUSE);
        }
    }
}

/// What an open file is like now. Of what is `Remote`, what the kernel remembers; everybody else knows for sure.
pub(super) fn stamp(file: BorrowedFd<'_>, medium: Medium) -> Result<Stamp, Unopened> {
    match medium {
        Medium::Memory | Medium::Disk => fstat(file).map(|stat| stamp_of(&stat)).map_err(reason),
        Medium::Remote => {
            let flags = AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC;
            statx(file, "", flags, StatxFlags::BASIC_STATS)
                .map(|stat| stamp_of_statx(&stat))
                .map_err(reason)
        }
    }
}

/// The same, from whoever has the file.
pub(super) fn newest_stamp(file: BorrowedFd<'_>) -> Result<Stamp, Unopened> {
    fstat(file).map(|stat| stamp_of(&stat)).map_err(reason)
}

/// All of a file of `length` bytes. `None` = it has fewer by now.
pub(super) fn read(file: BorrowedFd<'_>, length: usize, wait: Wait) -> Result<Option<Vec<u8>>, Unopened> {
    let mut bytes = vec![0; length];
    let mut at = 0;
    while at < length {
        let read = match wait {
            Wait::Never => read_at_once(file, &mut bytes[at..], at as u64),
            Wait::AsLongAsItTakes => pread(file, &mut bytes[at..], at as u64),
        };
        match read {
            Ok(0) => return Ok(None),
            Ok(count) => at += count,
            Err(Errno::INTR) => {}
            Err(errno) => return Err(reason(errno)),
        }
    }
    Ok(Some(bytes))
}

/// Reads what the kernel has in memory.
///
/// # Errors
/// `AGAIN` when it has nothing of it; also where the file system cannot say.
pub(super) fn read_at_once(file: BorrowedFd<'_>, buffer: &mut [u8], offset: u64) -> Result<usize, Errno> {
    #[cfg(test)]
    if super::double::is_cold(file) {
        return Err(Errno::AGAIN);
    }
    loop {
        match preadv2(file, &mut [IoSliceMut::new(buffer)], offset, ReadWriteFlags::NOWAIT) {
            Err(Errno::INTR) => {}
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => return Err(Errno::AGAIN),
            other => return other,
        }
    }
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

fn stamp_of_statx(stat: &rustix::fs::Statx) -> Stamp {
    Stamp {
        device: rustix::fs::makedev(stat.stx_dev_major, stat.stx_dev_minor),
        inode: stat.stx_ino,
        length: stat.stx_size,
        modified: (
            u64::try_from(stat.stx_mtime.tv_sec).unwrap_or(0),
            stat.stx_mtime.tv_nsec,
        ),
        changed: (stat.stx_ctime.tv_sec, i64::from(stat.stx_ctime.tv_nsec)),
    }
}

pub(super) fn reason(errno: Errno) -> Unopened {
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
        Errno::AGAIN => Unopened::Cold,
        _ => Unopened::Failed,
    }
}
