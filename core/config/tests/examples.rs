//! The examples that users copy are sound.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![allow(
    clippy::disallowed_methods,
    reason = "the ban on reading files is for the library; a test may read its examples"
)]

use std::path::{Path, PathBuf};

fn examples() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    files
}

#[test]
fn every_example_is_sound() {
    let examples = examples();
    assert!(examples.len() >= 8, "only {examples:?}");
    for file in examples {
        let text = std::fs::read_to_string(&file).unwrap();
        if let Err(problems) = evenkeel_config::parse(&text, Path::new("/etc/evenkeel")) {
            panic!("{}", problems.render(&file.display().to_string(), &text, false));
        }
    }
}
