//! The control socket as a file: made so that nobody else can open it, never taken from a process that lives, removed
//! at the end if it is still ours.

use std::fs::Permissions;
use std::io::{Error, ErrorKind};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use tokio::net::{UnixListener, UnixSocket, UnixStream};

#[cfg(test)]
mod tests;

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 64;

/// The socket file; removed when dropped.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl SocketFile {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if std::fs::symlink_metadata(&self.path).is_ok_and(|found| identity(&found) == self.identity) {
            // It is gone already: what we wanted.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Listens on `path` with mode 0600. `AddrInUse` says that a process answers there, and which.
pub(crate) async fn listen(path: &Path) -> Result<(UnixListener, SocketFile), Error> {
    refuse_taken(path).await?;
    let temporary = temporary_beside(path)?;
    // A file of a dead process that had our process id.
    let _ = std::fs::remove_file(&temporary);
    let socket = UnixSocket::new_stream()?;
    socket.bind(&temporary)?;
    // Nobody can connect before `listen`, so nobody gets in before the mode is right.
    let placed = std::fs::set_permissions(&temporary, Permissions::from_mode(0o600))
        .and_then(|()| socket.listen(BACKLOG))
        .and_then(|listener| std::fs::rename(&temporary, path).map(|()| listener));
    match placed {
        Ok(listener) => {
            let identity = identity(&std::fs::symlink_metadata(path)?);
            let path = path.to_owned();
            Ok((listener, SocketFile { path, identity }))
        }
        Err(error) => {
            let _ = std::fs::remove_file(&temporary);
            Err(error)
        }
    }
}

async fn refuse_taken(path: &Path) -> Result<(), Error> {
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
        Ok(found) if !found.file_type().is_socket() => {
            return Err(Error::new(
                ErrorKind::AlreadyExists,
                "a file that is not a socket stands there",
            ));
        }
        Ok(_) => {}
    }
    match UnixStream::connect(path).await {
        Ok(stream) => {
            let process = stream.peer_cred().ok().and_then(|peer| peer.pid());
            let process = process.map_or_else(String::new, |pid| format!(" (process {pid})"));
            Err(Error::new(ErrorKind::AddrInUse, format!("already running{process}")))
        }
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => Ok(()),
        Err(error) => Err(error),
    }
}

fn temporary_beside(path: &Path) -> Result<PathBuf, Error> {
    let Some(name) = path.file_name() else {
        return Err(Error::new(ErrorKind::InvalidInput, "the path has no file name"));
    };
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{}", std::process::id()));
    Ok(path.with_file_name(hidden))
}

fn identity(file: &std::fs::Metadata) -> (u64, u64) {
    (file.dev(), file.ino())
}
