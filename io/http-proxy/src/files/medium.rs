//! What a file lies on: whether looking at it and reading it may wait.

use super::open::{Unopened, reason};
use rustix::fs::fstatfs;
use std::os::fd::BorrowedFd;

/// What kind of file system something is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Medium {
    /// All of it is in memory: nothing waits.
    Memory,
    /// A disk of this machine: what the kernel has in its caches does not wait, and the kernel can say whether it has it.
    Disk,
    /// A network, or a program: opening and looking wait for somebody else, whatever the kernel remembers.
    Remote,
}

/// The numbers of statfs(2), of `linux/magic.h`.
const MEMORY: [u64; 2] = [0x0102_1994, 0x8584_58f6];
/// ext2 to ext4, XFS, Btrfs, F2FS, overlay, ZFS, bcachefs, SquashFS, EROFS, FAT, exFAT, NTFS, ISO 9660, UDF, JFS, ReiserFS, NILFS.
const DISKS: [u64; 17] = [
    0xef53,
    0x5846_5342,
    0x9123_683e,
    0xf2f5_2010,
    0x794c_7630,
    0x2fc1_2fc1,
    0xca45_1a4e,
    0x7371_7368,
    0xe0f5_e1e2,
    0x4d44,
    0x2011_bab0,
    0x7366_746e,
    0x9660,
    0x1501_3346,
    0x3153_464a,
    0x5265_4973,
    0x3434,
];

impl Medium {
    /// What an open file or directory lies on. May wait.
    pub(super) fn of(file: BorrowedFd<'_>) -> Result<Medium, Unopened> {
        // A word of the machine; the numbers have 32 bits.
        let number = fstatfs(file).map_err(reason)?.f_type as u64 & 0xffff_ffff;
        Ok(if MEMORY.contains(&number) {
            Medium::Memory
        } else if DISKS.contains(&number) {
            Medium::Disk
        } else {
            Medium::Remote
        })
    }
}
