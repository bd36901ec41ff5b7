use crate::Name;
use std::path::PathBuf;

/// Files of a directory, served by us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// The directory, absolute. Nothing outside of it and of `links_into` is ever opened.
    pub root: PathBuf,
    /// What is served for a directory, looked for in it; one file name. Empty = directories are not served. Default
    /// `index.html`.
    pub index: Name,
    /// Whether `x.br`, `x.zst` and `x.gz` beside `x` are sent in its place to clients that take them. Default true.
    pub precompressed: bool,
    /// Whether names that begin with a dot are served. Default false.
    pub hidden: bool,
    /// Endings that a path may leave out, each with its dot: with `.html`, `/about` is `about.html` where nothing is called
    /// `about` but a directory.
    pub endings: Vec<Name>,
    /// The file that is served in place of a page that is not there: its path below the root. Empty = none.
    pub fallback: Name,
    /// The file that is the body of an answer with 404: its path below the root. Empty = a line of text.
    pub not_found: Name,
    /// Directories besides the root, absolute, into which links may lead.
    pub links_into: Vec<PathBuf>,
}

impl Files {
    /// The files of a directory with every default.
    pub fn new(root: impl Into<PathBuf>) -> Files {
        Files {
            root: root.into(),
            index: "index.html".into(),
            precompressed: true,
            hidden: false,
            endings: Vec::new(),
            fallback: "".into(),
            not_found: "".into(),
            links_into: Vec::new(),
        }
    }
}
