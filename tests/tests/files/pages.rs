//! Pages in place of what is not there.

use crate::site::{Outcome, Site, field};
use evenkeel_tests::chromium;
use evenkeel_tests::guide::configurations;

#[test]
fn an_application_of_one_page_is_served_for_all_its_paths() -> Outcome {
    let site = Site::open(", fallback = \"/index.html\"")?;
    site.write("index.html", "<p>app")?;
    site.write("assets/app.js", "script")?;
    for target in [
        "/",
        "/users/7",
        "/users/7/",
        "/users/john.doe",
        "/v1.2/notes",
        "/old.html",
        "/assets/",
        "/users/7?tab=a.js",
    ] {
        let answer = site.get(target, "")?;
        assert_eq!(
            (answer.status, answer.body.as_slice()),
            (200, &b"<p>app"[..]),
            "{target}"
        );
        assert_eq!(field(&answer, "content-type"), "text/html; charset=utf-8");
    }
    assert_eq!(site.get("/assets/app.js", "")?.body, b"script");
    // A page in place of a script or a picture would only hide that it is not there.
    for target in ["/assets/old.js", "/logo.PNG", "/app.css", "/.env", "/a/.git"] {
        assert_eq!(site.get(target, "")?.status, 404, "{target}");
    }
    let tag = field(&site.get("/users/7", "")?, "etag");
    assert_eq!(site.get("/users/8", &format!("if-none-match: {tag}"))?.status, 304);
    assert_eq!(site.ask("HEAD", "/users/7", "")?.status, 200);
    assert_eq!(site.ask("POST", "/users/7", "content-length: 0")?.status, 405);
    assert_eq!(site.get("/users/..%2f", "")?.status, 400);
    Ok(())
}

#[test]
fn what_is_not_there_has_a_page_of_its_own() -> Outcome {
    let site = Site::open(", not_found = \"errors/404.html\"")?;
    assert_eq!(site.get("/nothing", "")?.body, b"There is no such file.\n");
    site.write("errors/404.html", "<p>lost")?;
    site.write("errors/404.html.gz", "as gzip")?;
    site.write("empty/a", "")?;
    for target in ["/nothing", "/", "/empty/", "/app.js", "/.env"] {
        for fields in ["", "range: bytes=0-1", "if-none-match: *", "if-match: \"x\""] {
            let answer = site.get(target, fields)?;
            assert_eq!(
                (answer.status, answer.body.as_slice()),
                (404, &b"<p>lost"[..]),
                "{target}"
            );
            assert_eq!(field(&answer, "content-type"), "text/html; charset=utf-8");
            for name in ["etag", "last-modified", "content-range"] {
                assert_eq!(field(&answer, name), "", "{name}");
            }
        }
    }
    let packed = site.get("/nothing", "accept-encoding: gzip")?;
    assert_eq!((packed.status, packed.body.as_slice()), (404, &b"as gzip"[..]));
    assert_eq!(field(&packed, "content-encoding"), "gzip");
    let head = site.ask("HEAD", "/nothing", "")?;
    assert_eq!((head.status, field(&head, "content-length")), (404, "7".to_owned()));
    assert_eq!(site.get("/errors/404.html", "")?.status, 200);
    Ok(())
}

#[test]
fn the_guide_serves_an_application_of_one_page() -> Outcome {
    let page = configurations("static-files.md")?;
    let block = page.iter().find(|block| block.contains("fallback")).ok_or("no block")?;
    let site = Site::configured(|port| {
        block
            .replace(":8080", &format!("127.0.0.1:{port}"))
            .replace("/srv/app", "www")
    })?;
    site.write("index.html", "<p>app")?;
    site.write("assets/app.3f9a1c.js", "script")?;
    site.write("404.html", "<p>lost")?;
    for (target, status, body, cache) in [
        ("/", 200, &b"<p>app"[..], "no-cache"),
        ("/users/7", 200, b"<p>app", "no-cache"),
        (
            "/assets/app.3f9a1c.js",
            200,
            b"script",
            "public, max-age=31536000, immutable",
        ),
        ("/assets/app.000000.js", 404, b"<p>lost", ""),
    ] {
        let answer = site.get(target, "")?;
        assert_eq!((answer.status, answer.body.as_slice()), (status, body), "{target}");
        assert_eq!(field(&answer, "cache-control"), cache, "{target}");
    }
    Ok(())
}

#[test]
fn a_browser_runs_an_application_of_one_page() -> Outcome {
    const PAGE: &str = "<!doctype html><link rel=stylesheet href=/assets/app.css><p id=said>nothing</p>\
        <script type=module src=/assets/app.mjs></script>";
    // A browser refuses a module or a style sheet of the wrong content type. It waits for a script before the page is whole, but
    // not for what the script waits for.
    const SCRIPT: &str = "import { word } from '/assets/word.mjs';\n\
        const get = (path, range) => {\n\
          const request = new XMLHttpRequest();\n\
          request.open('GET', path, false);\n\
          if (range) request.setRequestHeader('range', range);\n\
          request.send();\n\
          return request;\n\
        };\n\
        const program = get('/assets/empty.wasm').getResponseHeader('content-type');\n\
        const part = get('/assets/large.bin', 'bytes=299999-');\n\
        const lost = get('/assets/old.mjs').status;\n\
        const said = document.getElementById('said');\n\
        const color = getComputedStyle(said).color;\n\
        said.textContent = [location.pathname, word, program, part.status, part.responseText, color, lost].join(' ');\n";
    let site = Site::open(", fallback = \"index.html\"")?;
    site.write("index.html", PAGE)?;
    site.write("assets/app.mjs", SCRIPT)?;
    site.write("assets/app.css", "#said { color: rgb(1, 2, 3) }")?;
    site.write("assets/word.mjs", "export const word = 'kept';")?;
    site.write("assets/empty.wasm", b"\0asm\x01\0\0\0")?;
    site.write("assets/large.bin", [vec![b'.'; 299_999], b"end".to_vec()].concat())?;
    let url = format!("http://{}/users/7", site.address());
    let document = chromium::document(&url, site.balancer.directory())?;
    let said = "/users/7 kept application/wasm 206 end rgb(1, 2, 3) 404";
    assert!(document.contains(said), "{document}");
    Ok(())
}

#[test]
fn paths_may_leave_out_the_ending() -> Outcome {
    let site = Site::open(", endings = [\".html\", \"txt\"], not_found = \"404.html\"")?;
    for (name, text) in [
        ("index.html", "home"),
        ("about.html", "about"),
        ("about/team.html", "team"),
        ("both.html", "page"),
        ("both", "exact"),
        ("notes.txt", "notes"),
        ("notes/index.html", "never"),
        ("docs/index.html", "docs"),
        ("a.b.html", "dots"),
        ("404.html", "lost"),
    ] {
        site.write(name, text)?;
    }
    for (target, status, body) in [
        ("/about", 200, "about"),
        ("/about?x=1", 200, "about"),
        ("/about.html", 200, "about"),
        ("/about/team", 200, "team"),
        ("/both", 200, "exact"),
        ("/notes", 200, "notes"),
        ("/a.b", 200, "dots"),
        ("/docs", 308, ""),
        ("/docs/", 200, "docs"),
        ("/about/", 404, "lost"),
        ("/nothing", 404, "lost"),
        ("/.about", 404, "lost"),
    ] {
        for _ in 0..2 {
            let answer = site.get(target, "")?;
            let seen = (answer.status, String::from_utf8_lossy(&answer.body).into_owned());
            assert_eq!(seen, (status, body.to_owned()), "{target}");
        }
    }
    let page = site.get("/about", "")?;
    assert_eq!(field(&page, "content-type"), "text/html; charset=utf-8");
    Ok(())
}
