//! Paths of files.

use crate::problem::Fault;
use std::path::{Path, PathBuf};

/// Linux's PATH_MAX, in bytes.
const PATH_LIMIT: usize = 4096;

/// A path, relative ones taken from `base`, purely lexically: nothing is looked up.
pub(crate) fn path(text: &str, base: &Path) -> Result<PathBuf, Fault> {
    if text.is_empty() {
        return Err(Fault::new("a path is not empty"));
    }
    if text.contains('\0') {
        return Err(Fault::new("a path has no zero byte"));
    }
    let path: PathBuf = base.join(text).components().collect();
    if path.as_os_str().len() > PATH_LIMIT {
        return Err(Fault::new(format!("a path has at most {PATH_LIMIT} bytes")));
    }
    Ok(path)
}
