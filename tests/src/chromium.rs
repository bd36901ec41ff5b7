//! A page as a real browser sees it.

use std::io;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::program::{missing, program, run};

/// A browser starts slowly on a busy machine.
const PAGE_WITHIN: Duration = Duration::from_secs(90);

/// Loads the page in headless Chromium with a profile of its own in `directory`, lets its scripts run, and gives the document as it
/// is then. Certificates are not looked at: the test's own would need to be installed for the user.
///
/// # Errors
/// There is no Chromium, or it did not end in time; with what it said.
pub fn document(url: &str, directory: &Path) -> io::Result<String> {
    let profile = directory.join("chromium");
    let mut command = browser()?;
    command
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
        .args(["--disable-quic", "--ignore-certificate-errors", "--no-proxy-server"])
        // Nothing of its own over the network.
        .args([
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
        ])
        .args(["--disable-sync", "--disable-default-apps", "--disable-extensions"])
        .arg(format!("--user-data-dir={}", profile.display()))
        // What it keeps elsewhere, fonts and settings, goes there too.
        .env("HOME", directory)
        .env("XDG_CONFIG_HOME", &profile)
        .env("XDG_CACHE_HOME", &profile)
        .arg("--dump-dom")
        .arg(url);
    run(&mut command, "", PAGE_WITHIN)?.good()
}

/// The packages of different systems call it differently.
fn browser() -> io::Result<Command> {
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    let found = names.iter().find_map(|name| program(name).ok());
    found.ok_or_else(|| missing("chromium"))
}
