//! The files, besides certificates, that a configuration names and cannot do without.

use evenkeel_config::{Complaint, Step};
use evenkeel_model::{AccessLog, Config, Sticky};
use evenkeel_route::sticky::{SECRET_MOST, Secret};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

#[cfg(test)]
mod tests;

/// Bytes of a secret that are read: more than it may have, and some blanks around it.
const SECRET_BYTES: u64 = SECRET_MOST as u64 + 64;

/// Reads the secrets of sticky pools, and looks where logs are to be written. What we may not see is no complaint: whoever
/// asks may be somebody else than who serves. Blocks.
pub(crate) fn examine(config: &Config) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for listener in &config.listeners {
        if let AccessLog::File(path) = &listener.access_log
            && let Err(trouble) = log_file(path)
        {
            complaints.push(complaint(["listener", &listener.name, "access_log"], trouble));
        }
    }
    for pool in &config.pools {
        if let Some(Sticky::Cookie { secret_file, .. }) = &pool.sticky
            && let Some(Err(trouble)) = secret_file.as_deref().map(secret)
        {
            let mut complaint = complaint(["pool", &pool.name, "sticky"], trouble);
            complaint.at.push(Step::Key("secret_file".to_owned()));
            complaints.push(complaint);
        }
    }
    complaints
}

/// What is wrong, and what to do.
type Trouble = (String, Option<String>);

fn log_file(path: &Path) -> Result<(), Trouble> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder
        && let Err(error) = std::fs::metadata(folder)
        && error.kind() == ErrorKind::NotFound
    {
        let help = "folders are not made; relative paths begin at the configuration file's folder";
        return Err((
            format!("there is no folder {}", folder.display()),
            Some(help.to_owned()),
        ));
    }
    match path.is_dir() {
        true => Err((format!("{} is a folder", path.display()), None)),
        false => Ok(()),
    }
}

fn secret(path: &Path) -> Result<(), Trouble> {
    let shown = path.display();
    let mut content = Vec::new();
    let read = File::open(path).and_then(|file| file.take(SECRET_BYTES).read_to_end(&mut content));
    match read {
        Ok(_) => match Secret::from_file(&content) {
            Ok(_) => Ok(()),
            Err(bad) => Err((format!("{shown}: {bad}"), None)),
        },
        Err(error) => match error.kind() {
            ErrorKind::NotFound => {
                let help = "make one: (umask 077; head -c 32 /dev/urandom | base64 > FILE)";
                Err((format!("there is no file {shown}"), Some(help.to_owned())))
            }
            ErrorKind::PermissionDenied => Ok(()),
            _ => Err((format!("{shown} cannot be read: {error}"), None)),
        },
    }
}

fn complaint(at: [&str; 3], (message, help): Trouble) -> Complaint {
    Complaint {
        at: at.map(|key| Step::Key(key.to_owned())).to_vec(),
        message,
        help,
    }
}
