//! A configuration: any text gives a configuration or problems that can be shown, never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::path::Path;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    match evenkeel_config::parse(text, Path::new("/etc/evenkeel")) {
        Ok(config) => {
            assert!(evenkeel_config::diff(&config, &config).is_empty());
            assert!(!config.listeners.is_empty());
        }
        Err(problems) => {
            assert!(!problems.list.is_empty());
            assert!(problems.list.len() <= evenkeel_config::PROBLEMS_LIMIT);
            for problem in &problems.list {
                assert!(text.get(problem.span.clone()).is_some());
                assert!(problem.line >= 1 && problem.column >= 1);
            }
            assert!(!problems.render("fuzz.toml", text, true).contains("\u{1b}[2J"));
            assert!(problems.to_json("fuzz.toml").is_array());
        }
    }
});
