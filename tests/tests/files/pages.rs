//! Pages in place of what is not there.

use crate::site::{Outcome, Site, field};
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
        ("/assets/..%2f", 400, b"The path was not understood.\n", ""),
    ] {
        let answer = site.get(target, "")?;
        assert_eq!((answer.status, answer.body.as_slice()), (status, body), "{target}");
        assert_eq!(field(&answer, "cache-control"), cache, "{target}");
    }
    Ok(())
}
