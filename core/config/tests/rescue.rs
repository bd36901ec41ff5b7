//! The control socket of texts that are no configuration.

use evenkeel_config::{TEXT_LIMIT, control_socket, parse};
use std::path::{Path, PathBuf};

fn found(text: &str) -> Option<PathBuf> {
    let base = Path::new("/etc/evenkeel");
    assert!(parse(text, base).is_err(), "nothing is wrong with\n{text}");
    control_socket(text, base)
}

#[test]
fn is_found_in_broken_texts() {
    for text in [
        "[admin]\nsocket = \"a.sock\"\nx = 1\n",
        "x = \n[admin]\nsocket = \"a.sock\"\n",
        "[listener.web\nbind = ':80'\n[admin]\nsocket = \"a.sock\"\n",
        "[pool.web]\nbackends = [\"10.0.0.1:80\"\n[admin]\nsocket = 'a.sock'\n",
        "[admin\nsocket = \"a.sock\"\n",
        "[admin]\nsocket = \"a.sock\n",
        "admin.socket = \"a.sock\"\n",
        "admin = { socket = \"a.sock\", x = 1 }\n",
        "[pool.web]\nname = \"\"\"\n[admin]\nsocket = \"a.sock\"\n",
        "[admin]\nsocket = \"a.sock\"\nsocket = \"a.sock\"\n",
    ] {
        assert_eq!(found(text), Some("/etc/evenkeel/a.sock".into()), "{text}");
    }
}

#[test]
fn is_not_made_up() {
    for text in [
        "",
        "[admin]\nbind = \":80\"",
        "[admin]\nsocket = 7",
        "[admin]\nsocket = \"\"",
        "[listener.web]\nsocket = \"a.sock\"",
        "[admin]\n# socket = \"a.sock\"\nx = 1",
        "[administration]\nsocket = \"a.sock\"",
        &format!("[admin]\nsocket = \"a.sock\"\n{}", "#".repeat(TEXT_LIMIT)),
    ] {
        assert_eq!(found(text), None, "{text}");
    }
}
