//! The law of the floors: `bin -> io -> core`, never upward; core knows neither sockets nor a runtime; doors do not know
//! each other. Only what a crate is built with counts, not what its tests use.

// cargo's own output is not from outside.
#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

/// Crates that do things; core decides.
const DOERS: [&str; 14] = [
    "async-std",
    "aya",
    "hyper",
    "libc",
    "mio",
    "monoio",
    "nix",
    "quinn",
    "rustix",
    "rustls",
    "smol",
    "socket2",
    "tokio",
    "tokio-rustls",
];

/// Where traffic comes in, by folder; one may fall without the others.
const DOORS: [&str; 4] = ["http-proxy", "stream-proxy", "xdp", "dns-server"];

/// A crate of the workspace.
struct Crate {
    name: String,
    /// `core`, `io`, `bin`, `sim` ...
    floor: String,
    /// The last part of its path.
    folder: String,
    /// What it is built with.
    dependencies: Vec<String>,
}

/// Reads the output of `cargo metadata --no-deps`.
fn crates(metadata: &Value) -> Vec<Crate> {
    let root = Path::new(metadata["workspace_root"].as_str().unwrap());
    let packages = metadata["packages"].as_array().unwrap();
    packages
        .iter()
        .map(|package| {
            let manifest = Path::new(package["manifest_path"].as_str().unwrap());
            let folder = manifest.parent().unwrap();
            let within = folder.strip_prefix(root).unwrap().to_str().unwrap();
            let dependencies = package["dependencies"].as_array().unwrap();
            Crate {
                name: package["name"].as_str().unwrap().to_owned(),
                floor: within.split('/').next().unwrap().to_owned(),
                folder: within.rsplit('/').next().unwrap().to_owned(),
                dependencies: dependencies
                    .iter()
                    .filter(|dependency| dependency["kind"] != "dev")
                    .map(|dependency| dependency["name"].as_str().unwrap().to_owned())
                    .collect(),
            }
        })
        .collect()
}

/// Every break of the law, in words.
fn offences(crates: &[Crate]) -> Vec<String> {
    let mut offences = Vec::new();
    for user in crates {
        for name in &user.dependencies {
            let used = crates.iter().find(|used| used.name == *name);
            if let Some(law) = broken_law(user, name, used) {
                offences.push(format!("{} uses {name}: {law}", user.name));
            }
        }
    }
    offences
}

fn broken_law(user: &Crate, name: &str, used: Option<&Crate>) -> Option<&'static str> {
    let used_floor = used.map(|used| used.floor.as_str());
    let is_door = |one: &Crate| one.floor == "io" && DOORS.contains(&one.folder.as_str());
    match (user.floor.as_str(), used_floor) {
        ("core", None) if DOERS.contains(&name) => Some("core decides, it never does"),
        ("core", Some(floor)) if floor != "core" => Some("core depends on core only"),
        ("io", Some(floor)) if floor != "core" && floor != "io" => Some("io depends on io and core only"),
        ("io", Some(_)) if is_door(user) && used.is_some_and(is_door) => Some("doors do not know each other"),
        _ => None,
    }
}

#[test]
fn the_workspace_keeps_the_law() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let output = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let crates = crates(&serde_json::from_slice(&output.stdout).unwrap());
    assert!(
        crates
            .iter()
            .any(|one| one.name == "evenkeel-model" && one.floor == "core")
    );
    assert_eq!(offences(&crates), Vec::<String>::new());
}

/// A workspace of these crates: path, and what each is built with (`dev:` in front: only its tests).
fn workspace(crates: &[(&str, &[&str])]) -> Value {
    let packages: Vec<Value> = crates
        .iter()
        .map(|(path, dependencies)| {
            let dependencies: Vec<Value> = dependencies
                .iter()
                .map(|text| match text.split_once(':') {
                    Some((kind, name)) => json!({ "name": name, "kind": kind }),
                    None => json!({ "name": text, "kind": null }),
                })
                .collect();
            let name = format!("evenkeel-{}", path.rsplit('/').next().unwrap());
            json!({ "name": name, "manifest_path": format!("/house/{path}/Cargo.toml"), "dependencies": dependencies })
        })
        .collect();
    json!({ "workspace_root": "/house", "packages": packages })
}

#[test]
fn every_break_of_the_law_is_seen() {
    let house = workspace(&[
        ("core/model", &["ipnet", "dev:tokio", "dev:evenkeel-net"]),
        ("core/pool", &["evenkeel-model", "tokio", "build:libc", "evenkeel-net"]),
        ("core/http", &["evenkeel-evenkeel", "evenkeel-sim"]),
        ("io/net", &["tokio", "libc", "evenkeel-pool", "evenkeel-evenkeel"]),
        ("io/http-proxy", &["evenkeel-net", "evenkeel-stream-proxy"]),
        ("io/stream-proxy", &["evenkeel-net", "dev:evenkeel-http-proxy"]),
        ("bin/evenkeel", &["tokio", "evenkeel-net", "evenkeel-model"]),
        ("sim", &["evenkeel-pool", "tokio"]),
    ]);
    assert_eq!(
        offences(&crates(&house)),
        [
            "evenkeel-pool uses tokio: core decides, it never does",
            "evenkeel-pool uses libc: core decides, it never does",
            "evenkeel-pool uses evenkeel-net: core depends on core only",
            "evenkeel-http uses evenkeel-evenkeel: core depends on core only",
            "evenkeel-http uses evenkeel-sim: core depends on core only",
            "evenkeel-net uses evenkeel-evenkeel: io depends on io and core only",
            "evenkeel-http-proxy uses evenkeel-stream-proxy: doors do not know each other",
        ]
    );
}
