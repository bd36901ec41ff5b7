//! Links within and out of the directory, as deploys make them.

use crate::site::{Outcome, Site, field};
use evenkeel_tests::guide::configurations;
use std::fs;
use std::os::unix::fs::symlink;

#[test]
fn links_with_absolute_targets_lead_where_they_lead_below_the_root() -> Outcome {
    let site = Site::open("")?;
    let www = fs::canonicalize(&site.www)?;
    site.write("releases/42/index.html", "forty-two")?;
    site.write("releases/42/app.js", "plain")?;
    site.write("releases/42/app.js.gz", "as gzip")?;
    site.write("large", vec![b'l'; 300_000])?;
    symlink(www.join("releases/42"), www.join("current"))?;
    symlink(www.join("current/index.html"), www.join("latest.html"))?;
    symlink(www.join("large"), www.join("releases/42/large"))?;
    symlink("current", www.join("live"))?;
    // Out of the root and back again.
    symlink("../../www/releases/42", www.join("releases/round"))?;
    symlink(&www, www.join("self"))?;
    for (target, body) in [
        ("/current/", &b"forty-two"[..]),
        ("/current/index.html", b"forty-two"),
        ("/latest.html", b"forty-two"),
        ("/live/", b"forty-two"),
        ("/releases/round/index.html", b"forty-two"),
        ("/self/current/", b"forty-two"),
        ("/current/app.js", b"plain"),
        ("/current/large", &[b'l'; 300_000]),
    ] {
        // Also from what is known of it.
        for _ in 0..2 {
            let answer = site.get(target, "")?;
            assert_eq!((answer.status, answer.body.len()), (200, body.len()), "{target}");
            assert!(answer.body == body, "{target}");
        }
    }
    assert_eq!(site.get("/current/app.js", "accept-encoding: gzip")?.body, b"as gzip");
    for target in ["/current", "/self", "/live"] {
        let answer = site.get(target, "")?;
        assert_eq!((answer.status, field(&answer, "location")), (308, format!("{target}/")));
    }
    // The next release: the link is exchanged, and what was served goes within a second.
    site.write("releases/43/index.html", "forty-three")?;
    symlink(www.join("releases/43"), www.join("next"))?;
    fs::rename(www.join("next"), www.join("current"))?;
    site.until("GET", "/current/", |answer| answer.body == b"forty-three")?;
    site.until("GET", "/current/app.js", |answer| answer.status == 404)
}

#[test]
fn links_out_of_the_root_lead_nowhere_unless_it_is_said_where_to() -> Outcome {
    let site = Site::open(", links_into = [\"common\", \"not-there\"]")?;
    let directory = fs::canonicalize(site.balancer.directory())?;
    let www = directory.join("www");
    for (name, text) in [
        ("common/uploads/a.txt", "common"),
        ("common-too/a.txt", "the secret"),
        ("other/a.txt", "the secret"),
        ("www-other/a.txt", "the secret"),
    ] {
        site.write(&format!("../{name}"), text)?;
    }
    symlink(directory.join("common/uploads"), www.join("uploads"))?;
    symlink("../common/uploads", www.join("relative"))?;
    symlink(directory.join("common-too"), www.join("too"))?;
    symlink(directory.join("other"), www.join("other"))?;
    symlink(directory.join("www-other"), www.join("similar"))?;
    symlink(&directory, www.join("parent"))?;
    // A link in the shared directory is followed no further than any other.
    symlink(directory.join("other/a.txt"), directory.join("common/uploads/leak.txt"))?;
    symlink("/proc/self/root", directory.join("common/uploads/magic"))?;
    for target in ["/uploads/a.txt", "/relative/a.txt", "/parent/common/uploads/a.txt"] {
        assert_eq!(site.get(target, "")?.body, b"common", "{target}");
    }
    for target in [
        "/too/a.txt",
        "/other/a.txt",
        "/similar/a.txt",
        "/parent/other/a.txt",
        "/uploads/leak.txt",
        "/uploads/magic/etc/passwd",
        "/uploads/magic",
    ] {
        let answer = site.get(target, "")?;
        assert_eq!(answer.status, 404, "{target}");
        assert!(!answer.body.windows(6).any(|bytes| bytes == b"secret"), "{target}");
    }
    Ok(())
}

#[test]
fn exchanging_links_all_the_time_shows_nothing_from_elsewhere() -> Outcome {
    let site = Site::open("")?;
    let directory = fs::canonicalize(site.balancer.directory())?;
    let www = directory.join("www");
    site.write("inside/a.txt", "inside")?;
    site.write("../outside/a.txt", "the secret")?;
    let is_over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| -> Outcome {
        let changes = scope.spawn(|| -> std::io::Result<()> {
            while !is_over.load(std::sync::atomic::Ordering::Relaxed) {
                for to in ["inside", "../outside"] {
                    symlink(www.join(to), www.join("next"))?;
                    fs::rename(www.join("next"), www.join("link"))?;
                }
            }
            Ok(())
        });
        let asked = (0..1500).try_for_each(|_| -> Outcome {
            let answer = site.get("/link/a.txt", "")?;
            assert!(matches!(answer.status, 200 | 404), "{}", answer.status);
            assert!(answer.status == 404 || answer.body == b"inside");
            Ok(())
        });
        is_over.store(true, std::sync::atomic::Ordering::Relaxed);
        changes.join().map_err(|_| "the changes ended early")??;
        asked
    })
}

#[test]
fn the_guide_serves_releases_that_share_a_directory() -> Outcome {
    let page = configurations("static-files.md")?;
    let block = page
        .iter()
        .find(|block| block.contains("links_into"))
        .ok_or("no block")?;
    let site = Site::configured(|port| {
        block
            .replace(":8080", &format!("127.0.0.1:{port}"))
            .replace("/srv/site/", "")
    })?;
    let directory = fs::canonicalize(site.balancer.directory())?;
    let uploads = directory.join("shared/uploads");
    fs::create_dir_all(&uploads)?;
    fs::write(uploads.join("a.txt"), "shared")?;
    for release in ["42", "43"] {
        let public = directory.join("releases").join(release).join("public");
        fs::create_dir_all(&public)?;
        fs::write(public.join("index.html"), release)?;
        symlink(&uploads, public.join("uploads"))?;
        symlink(format!("releases/{release}"), directory.join("next"))?;
        fs::rename(directory.join("next"), directory.join("current"))?;
        site.until("GET", "/", |answer| answer.body == release.as_bytes())?;
        assert_eq!(site.get("/uploads/a.txt", "")?.body, b"shared");
    }
    Ok(())
}
