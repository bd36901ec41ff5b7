//! What the documentation shows is sound: every configuration in it is taken by this version (or, marked `toml,later`,
//! refused only because this version cannot do it yet), and every link within the repository leads somewhere.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "the bans are for the library; a test reads its own documentation"
)]

use std::path::{Path, PathBuf};

/// What a configuration of a later version is refused with.
const LATER: &str = "not supported by this version";

/// A fenced block of a page.
struct Block {
    language: String,
    /// Of its first line, from 1.
    line: usize,
    text: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The pages at the root and everything under `docs`.
fn pages() -> Vec<PathBuf> {
    let mut pages = files(&root());
    let mut folders = vec![root().join("docs")];
    while let Some(folder) = folders.pop() {
        pages.extend(files(&folder));
        folders.extend(entries(&folder).into_iter().filter(|path| path.is_dir()));
    }
    pages.sort();
    pages
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = entries(folder);
    files.retain(|path| path.is_file() && path.extension().is_some_and(|extension| extension == "md"));
    files
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect()
}

/// The fenced blocks of a page. A fence is never indented in ours.
fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (number, line) in (1..).zip(page.lines()) {
        match (line.strip_prefix("```"), open.as_mut()) {
            (Some(language), None) => {
                open = Some(Block {
                    language: language.trim().to_owned(),
                    line: number + 1,
                    text: String::new(),
                });
            }
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some(block)) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a fence is not closed");
    blocks
}

/// What is wrong with a block, for people.
fn fault(block: &Block) -> Option<String> {
    let parsed = evenkeel_config::parse(&block.text, Path::new("/etc/evenkeel"));
    match (block.language.as_str(), parsed) {
        ("toml", Ok(_)) => None,
        ("toml", Err(problems)) => Some(problems.to_string()),
        ("toml,later", Ok(_)) => Some("is marked `later`, but this version takes it".to_owned()),
        ("toml,later", Err(problems)) => {
            let only_later = problems.list.iter().all(|problem| problem.message.contains(LATER));
            (!only_later).then(|| problems.to_string())
        }
        (language, Ok(_) | Err(_)) => language
            .starts_with("toml")
            .then(|| format!("`{language}` is neither `toml` nor `toml,later`")),
    }
}

#[test]
fn every_configuration_in_the_documentation_is_sound() {
    let mut checked = 0;
    let mut faults = Vec::new();
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        for block in blocks(&text) {
            checked += usize::from(block.language.starts_with("toml"));
            faults.extend(fault(&block).map(|fault| format!("{}:{}\n{fault}", page.display(), block.line)));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
    assert!(checked >= 15, "only {checked} configurations were found");
}

/// The targets of `](...)` and `src="..."` outside of fences, as they are written.
fn links(page: &str) -> Vec<String> {
    let mut fenced = false;
    let mut links = Vec::new();
    for line in page.lines() {
        fenced ^= line.starts_with("```");
        if fenced {
            continue;
        }
        for (opening, closing) in [("](", ')'), ("src=\"", '"'), ("srcset=\"", '"')] {
            let targets = line.split(opening).skip(1).filter_map(|rest| rest.split_once(closing));
            links.extend(targets.map(|(target, _)| target.to_owned()));
        }
    }
    links
}

#[test]
fn every_link_within_the_repository_leads_somewhere() {
    let mut dead = Vec::new();
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        for link in links(&text) {
            let target = link.split('#').next().unwrap_or_default();
            let elsewhere = target.contains("://") || target.starts_with("mailto:");
            let there = page.parent().unwrap().join(target);
            if !target.is_empty() && !elsewhere && !there.exists() {
                dead.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(dead.is_empty(), "{}", dead.join("\n"));
}

#[test]
fn the_test_itself_finds_what_is_wrong() {
    let page = "[a](b.md#c) ![d](e.svg)\n```toml\nlistner = 1\n```\n```toml,later\n[dns]\n```\n```toml,later\n```\n```sh\nls\n```\n";
    let blocks = blocks(page);
    let faulty: Vec<bool> = blocks.iter().map(|block| fault(block).is_some()).collect();
    assert_eq!(faulty, [true, false, true, false]);
    assert_eq!((blocks[0].line, blocks[0].text.as_str()), (3, "listner = 1\n"));
    assert_eq!(links(page), ["b.md#c", "e.svg"]);
}
