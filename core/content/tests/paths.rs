//! From the path of a request to the path of a file.

mod laws;

use evenkeel_content::{NoFile, relative};

fn file(path: &str, hidden: bool) -> Result<String, NoFile> {
    let mut out = Vec::new();
    relative(path.as_bytes(), hidden, &mut out)?;
    Ok(String::from_utf8_lossy(&out).into_owned())
}

#[test]
fn a_path_names_one_file_below_the_directory() {
    for (path, expected) in [
        ("/", ""),
        ("//", ""),
        ("/a", "a"),
        ("/a/", "a/"),
        ("/a//b/", "a/b/"),
        ("//a/b.html", "a/b.html"),
        ("/a%20b", "a b"),
        ("/caf%C3%A9", "café"),
        ("/%61", "a"),
        ("/100%25", "100%"),
        ("/a%2541", "a%41"),
        ("/a...b/..c", "a...b/..c"),
        ("/.well-known/acme-challenge/x", ".well-known/acme-challenge/x"),
        ("/a;b=c/d+e&f", "a;b=c/d+e&f"),
        ("/a:b", "a:b"),
        ("/~user", "~user"),
    ] {
        // `..c` begins with a dot.
        let hidden = path.contains("..c");
        assert_eq!(file(path, hidden).as_deref(), Ok(expected), "{path}");
    }
}

#[test]
fn what_could_leave_it_or_be_read_in_two_ways_is_refused() {
    for path in [
        "",
        "*",
        "a",
        "/..",
        "/../",
        "/a/..",
        "/a/../b",
        "/.",
        "/./a",
        "/%2e%2e/a",
        "/%2E./a",
        "/.%2e",
        "/a/%2e",
        "/a%2fb",
        "/a%2Fb",
        "/%2f",
        "/a%5cb",
        "/a\\b",
        "/..\\a",
        "/..%5ca",
        "/a%00",
        "/a%00.html",
        "/a%0ab",
        "/a%7f",
        "/%",
        "/%4",
        "/%zz",
        "/a%2",
        "/%u002e",
        "/a\tb",
    ] {
        assert_eq!(file(path, true), Err(NoFile::Malformed), "{path}");
        assert_eq!(file(path, false), Err(NoFile::Malformed), "{path}");
    }
    // Decoded once only.
    assert_eq!(file("/%252e%252e/a", false).as_deref(), Ok("%2e%2e/a"));
}

#[test]
fn hidden_names_are_shown_only_where_that_is_wanted() {
    for path in [
        "/.git/config",
        "/a/.env",
        "/%2eenv",
        "/.well-known2",
        "/a/.well-known/b",
        "/..a",
        "/.../b",
    ] {
        assert_eq!(file(path, false), Err(NoFile::Hidden), "{path}");
        assert!(file(path, true).is_ok(), "{path}");
    }
}

#[test]
fn the_laws_hold_for_every_short_path_of_the_bytes_that_matter() {
    let bytes = b"/.%2ef5c0\\a";
    let mut path = vec![b'/'];
    fn grow(path: &mut Vec<u8>, bytes: &[u8], depth: u32) {
        laws::path(path);
        if depth == 0 {
            return;
        }
        for byte in bytes {
            path.push(*byte);
            grow(path, bytes, depth - 1);
            path.pop();
        }
    }
    grow(&mut path, bytes, 5);
}
