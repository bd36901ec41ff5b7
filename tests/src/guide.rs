//! The configurations that the guide's pages show, so that tests can run them as they stand.

use std::io;
use std::path::Path;

/// Those of a page of `docs/guide`, in its order.
///
/// # Errors
/// The page cannot be read.
pub fn configurations(page: &str) -> io::Result<Vec<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/guide").join(page);
    let text = std::fs::read_to_string(path)?;
    let blocks = text.split("```toml\n").skip(1);
    Ok(blocks
        .filter_map(|block| Some(block.split_once("```")?.0.to_owned()))
        .collect())
}
