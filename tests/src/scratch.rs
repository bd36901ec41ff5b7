//! What a test needs from the machine and gives back: a directory of its own, and ports nobody listens on.

use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A directory under the system's temporary directory, removed with everything in it when dropped.
///
/// Its path is short: a unix socket's path must fit in 108 bytes.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// Makes an empty directory.
    ///
    /// # Errors
    /// What the file system said.
    pub fn new() -> io::Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("evenkeel-{}-{number}", std::process::id()));
        // A leftover of a killed run whose process number came around again.
        if path.exists() {
            std::fs::remove_dir_all(&path)?;
        }
        std::fs::create_dir_all(&path)?;
        Ok(Self { path })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

/// Distinct TCP ports of 127.0.0.1 on which nobody listens at this moment.
///
/// Somebody else may take one before it is used; whoever binds it must be ready to ask again.
///
/// # Errors
/// What the kernel said when it was asked for a port.
pub fn free_ports(count: usize) -> io::Result<Vec<u16>> {
    // All are held until the last is known, so that none is given twice.
    let held = (0..count)
        .map(|_| TcpListener::bind("127.0.0.1:0"))
        .collect::<io::Result<Vec<_>>>()?;
    held.iter().map(|listener| Ok(listener.local_addr()?.port())).collect()
}
