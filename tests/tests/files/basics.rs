use crate::site::{Outcome, SOON, Site, ask, configuration, field, noise};
use evenkeel_tests::balancer::Balancer;
use evenkeel_tests::client::Client;
use evenkeel_tests::guide::configurations;
use std::error::Error;
use std::fs;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

#[test]
fn a_site_is_served() -> Outcome {
    let site = Site::open("")?;
    site.write("index.html", "<p>home")?;
    site.write("docs/index.html", "<p>docs")?;
    site.write("empty/readme", "")?;
    site.write("a b/é.txt", "named")?;
    site.write("style.CSS", "p {}")?;
    site.write("photo.jpg", noise(20_000))?;
    site.write("large.bin", noise(1_000_000))?;
    site.write(".well-known/security.txt", "mailto:")?;
    let large = noise(1_000_000);
    let photo = noise(20_000);
    let text = "text/plain; charset=utf-8";
    let html = "text/html; charset=utf-8";
    let table: &[(&str, u16, &str, &[u8])] = &[
        ("/", 200, html, b"<p>home"),
        ("/index.html", 200, html, b"<p>home"),
        ("/?query", 200, html, b"<p>home"),
        ("/docs/", 200, html, b"<p>docs"),
        ("//docs//", 200, html, b"<p>docs"),
        ("/docs/index.html", 200, html, b"<p>docs"),
        ("/empty/readme", 200, "application/octet-stream", b""),
        ("/a%20b/%C3%A9.txt", 200, text, b"named"),
        ("/%61%20b/%c3%a9.txt", 200, text, b"named"),
        ("/style.CSS", 200, "text/css; charset=utf-8", b"p {}"),
        ("/photo.jpg", 200, "image/jpeg", &photo),
        ("/large.bin", 200, "application/octet-stream", &large),
        ("/.well-known/security.txt", 200, text, b"mailto:"),
        ("/empty/", 404, text, b"There is no such file.\n"),
        ("/style.css", 404, text, b"There is no such file.\n"),
        ("/index.html/", 404, text, b"There is no such file.\n"),
        ("/index.html/x", 404, text, b"There is no such file.\n"),
    ];
    let mut client = Client::connect(site.address())?;
    // The second time from what is known of it, all over one connection.
    for _ in 0..2 {
        for (target, status, content_type, body) in table {
            let whole = ask(&mut client, "GET", target, "")?;
            assert_eq!(
                (whole.status, field(&whole, "content-type").as_str()),
                (*status, *content_type),
                "{target}"
            );
            assert!(whole.body == *body, "{target}: {} bytes", whole.body.len());
            let head = ask(&mut client, "HEAD", target, "")?;
            assert_eq!(head.status, *status, "{target}");
            assert!(head.body.is_empty());
            for name in [
                "content-length",
                "content-type",
                "etag",
                "last-modified",
                "vary",
                "accept-ranges",
            ] {
                assert_eq!(field(&head, name), field(&whole, name), "{target} {name}");
            }
        }
    }
    Ok(())
}

#[test]
fn a_directory_without_its_slash_is_a_redirect_to_the_same_host() -> Outcome {
    let site = Site::open("")?;
    site.write("docs/index.html", "docs")?;
    site.write("evil.example/index.html", "")?;
    for (target, location) in [
        ("/docs", "/docs/"),
        ("/docs?a=b/c", "/docs/?a=b/c"),
        ("/%64ocs", "/%64ocs/"),
        ("//evil.example", "/evil.example/"),
        ("///evil.example?x", "/evil.example/?x"),
    ] {
        let answer = site.get(target, "")?;
        assert_eq!(
            (answer.status, field(&answer, "location")),
            (308, location.to_owned()),
            "{target}"
        );
    }
    Ok(())
}

#[test]
fn nothing_but_files_of_the_directory_is_served() -> Outcome {
    let site = Site::open("")?;
    let outside = site.balancer.directory().join("outside");
    fs::create_dir(&outside)?;
    fs::write(outside.join("secret"), "the secret")?;
    fs::write(site.balancer.directory().join("www-secret"), "the secret")?;
    site.write("sub/inside", "the inside")?;
    site.write(".git/config", "the secret")?;
    site.write(".env", "the secret")?;
    let www = &site.www;
    symlink("../outside/secret", www.join("up"))?;
    symlink(outside.join("secret"), www.join("absolute"))?;
    symlink("../outside", www.join("directory"))?;
    symlink("sub/../../outside/secret", www.join("winding"))?;
    symlink("up", www.join("chain"))?;
    symlink("loop", www.join("loop"))?;
    symlink("/proc/self/environ", www.join("environ"))?;
    symlink("/dev/zero", www.join("zero"))?;
    symlink("sub/inside", www.join("within"))?;
    symlink("../within", www.join("sub/back"))?;
    assert!(Command::new("mkfifo").arg(www.join("fifo")).status()?.success());
    let _socket = std::os::unix::net::UnixListener::bind(www.join("s"))?;
    for target in ["/within", "/sub/back", "/sub/inside"] {
        assert_eq!(site.get(target, "")?.body, b"the inside", "{target}");
    }
    for (status, targets) in [
        (
            404,
            &[
                "/up",
                "/absolute",
                "/directory/secret",
                "/directory/",
                "/directory",
                "/winding",
                "/chain",
                "/loop",
            ][..],
        ),
        (
            404,
            &[
                "/environ",
                "/zero",
                "/fifo",
                "/s",
                "/.env",
                "/.git/config",
                "/%2egit/config",
                "/sub/../.env",
            ],
        ),
        (404, &["/sub/inside%20", "/-secret", "/sub/inside.", "/~root", "/www"]),
        (
            400,
            &[
                "/..",
                "/../outside/secret",
                "/%2e%2e/outside/secret",
                "/.%2E/outside/secret",
                "/sub/../../outside/secret",
            ],
        ),
        (
            400,
            &[
                "/%2e%2e%2foutside%2fsecret",
                "/sub%2finside",
                "/..%5coutside%5csecret",
                "/..\\outside\\secret",
            ],
        ),
        (
            400,
            &[
                "/sub/./inside",
                "/sub/inside%00",
                "/sub/inside%00.txt",
                "/%",
                "/%zz",
                "/%2",
                "/sub/%0a",
            ],
        ),
        (
            404,
            &[
                "/%252e%252e/outside/secret",
                "/..%252foutside",
                "/%c0%ae%c0%ae/outside/secret",
            ],
        ),
    ] {
        for target in targets {
            let answer = site.get(target, "")?;
            // A path with dots is resolved by nobody: it is malformed, also where it would come back inside.
            let expected = if target.starts_with("/sub/../.env") {
                400
            } else {
                status
            };
            let expected = if target.starts_with("/..%252f") { 404 } else { expected };
            assert_eq!(answer.status, expected, "{target}");
            assert!(!answer.body.windows(6).any(|bytes| bytes == b"secret"), "{target}");
        }
    }
    Ok(())
}

#[test]
fn hidden_files_and_other_indexes_where_they_are_wanted() -> Outcome {
    let site = Site::open(", hidden = true, index = \"start.txt\", precompressed = false")?;
    site.write(".env", "shown")?;
    site.write("start.txt", "start")?;
    site.write("start.txt.gz", "packed")?;
    assert_eq!(site.get("/.env", "")?.body, b"shown");
    let answer = site.get("/", "accept-encoding: gzip")?;
    assert_eq!(answer.body, b"start");
    assert_eq!(field(&answer, "vary"), "");
    Ok(())
}

#[test]
fn files_can_only_be_read() -> Outcome {
    let site = Site::open("")?;
    site.write("a", "a")?;
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND"] {
        let answer = site.ask(method, "/a", "content-length: 0")?;
        assert_eq!(
            (answer.status, field(&answer, "allow").as_str()),
            (405, "GET, HEAD"),
            "{method}"
        );
    }
    assert_eq!(fs::read(site.www.join("a"))?, b"a");
    Ok(())
}

#[test]
fn who_has_the_newest_version_gets_no_other() -> Outcome {
    let site = Site::open("")?;
    for (name, length) in [("small", 1000), ("large", 200_000)] {
        let content = noise(length);
        site.write(name, &content)?;
        let target = format!("/{name}");
        let first = site.get(&target, "")?;
        let (tag, date) = (field(&first, "etag"), field(&first, "last-modified"));
        assert!(tag.starts_with('"') && tag.len() > 5, "{tag}");
        for (fields, status) in [
            (format!("if-none-match: {tag}"), 304),
            (format!("if-none-match: \"x\", W/{tag}"), 304),
            ("if-none-match: \"x\"".to_owned(), 200),
            (format!("if-modified-since: {date}"), 304),
            ("if-modified-since: Thu, 01 Jan 1970 00:00:00 GMT".to_owned(), 200),
            (format!("if-match: {tag}"), 200),
            ("if-match: \"x\"".to_owned(), 412),
            ("if-unmodified-since: Thu, 01 Jan 1970 00:00:00 GMT".to_owned(), 412),
            (format!("if-range: {tag}\nrange: bytes=1-2"), 206),
            ("if-range: \"x\"\nrange: bytes=1-2".to_owned(), 200),
        ] {
            let answer = site.get(&target, &fields)?;
            assert_eq!(answer.status, status, "{name} {fields}");
            if status == 304 {
                assert_eq!(field(&answer, "etag"), tag);
                assert!(answer.body.is_empty());
            }
        }
    }
    Ok(())
}

#[test]
fn parts_of_a_file_are_its_parts() -> Outcome {
    let site = Site::open("")?;
    let mut client = Client::connect(site.address())?;
    for (name, length) in [("small.txt", 10_000), ("large.txt", 300_000)] {
        let content = noise(length);
        site.write(name, &content)?;
        let target = format!("/{name}");
        for (range, first, end) in [
            ("0-0", 0, 1),
            ("9000-", 9000, length),
            ("-1", length - 1, length),
            ("5000-5999", 5000, 6000),
            ("1-99999999", 1, length),
        ] {
            let answer = ask(&mut client, "GET", &target, &format!("range: bytes={range}"))?;
            assert_eq!(answer.status, 206, "{name} {range}");
            assert!(answer.body == content[first..end], "{name} {range}");
            let said = format!("bytes {first}-{}/{length}", end - 1);
            assert_eq!(field(&answer, "content-range"), said);
        }
        let answer = ask(&mut client, "GET", &target, &format!("range: bytes={length}-"))?;
        assert_eq!(
            (answer.status, field(&answer, "content-range")),
            (416, format!("bytes */{length}"))
        );
        let answer = ask(&mut client, "GET", &target, "range: bytes=9-4")?;
        assert_eq!(answer.status, 200);
        let answer = ask(&mut client, "HEAD", &target, "range: bytes=0-0")?;
        assert_eq!(
            (answer.status, field(&answer, "content-length")),
            (200, length.to_string())
        );
        several_parts(&mut client, &target, &content)?;
    }
    Ok(())
}

fn several_parts(client: &mut Client, target: &str, content: &[u8]) -> Outcome {
    let answer = ask(client, "GET", target, "range: bytes=-10,0-4,7000-7999")?;
    assert_eq!(answer.status, 206);
    let content_type = field(&answer, "content-type");
    let boundary = content_type
        .strip_prefix("multipart/byteranges; boundary=")
        .ok_or("no boundary")?;
    let length = content.len();
    let mut expected = Vec::new();
    for (first, end) in [(length - 10, length), (0, 5), (7000, 8000)] {
        let head = format!(
            "\r\n--{boundary}\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-range: bytes {first}-{}/{length}\r\n\r\n",
            end - 1
        );
        expected.extend_from_slice(head.as_bytes());
        expected.extend_from_slice(&content[first..end]);
    }
    expected.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    assert!(answer.body == expected, "{}", String::from_utf8_lossy(&answer.body));
    // Overlapping ones that come to more than the whole are not served piece by piece.
    let greedy = ["0-"; 10].join(",");
    let answer = ask(client, "GET", target, &format!("range: bytes={greedy}"))?;
    assert_eq!((answer.status, answer.body.len()), (200, length));
    Ok(())
}

#[test]
fn what_is_compressed_already_is_sent_to_those_who_take_it() -> Outcome {
    let site = Site::open("")?;
    site.write("app.js", "plain")?;
    site.write("app.js.gz", "as gzip")?;
    site.write("app.js.br", "as br")?;
    site.write("app.js.zst", "as zstd")?;
    site.write("only.css", "plain")?;
    site.write("only.css.gz", "as gzip")?;
    site.write("photo.png", "plain")?;
    site.write("photo.png.gz", "never")?;
    for (target, accept, coding, body) in [
        ("/app.js", "", "", "plain"),
        ("/app.js", "gzip, deflate, br, zstd", "br", "as br"),
        ("/app.js", "gzip, zstd", "zstd", "as zstd"),
        ("/app.js", "gzip", "gzip", "as gzip"),
        ("/app.js", "br;q=0.1, gzip", "gzip", "as gzip"),
        ("/app.js", "br;q=0, *;q=0.5", "zstd", "as zstd"),
        ("/app.js", "deflate", "", "plain"),
        ("/app.js", "identity, gzip;q=0.1", "", "plain"),
        ("/only.css", "gzip, br", "gzip", "as gzip"),
        ("/only.css", "br", "", "plain"),
        ("/photo.png", "gzip", "", "plain"),
    ] {
        let answer = site.get(target, &format!("accept-encoding: {accept}"))?;
        assert_eq!(String::from_utf8_lossy(&answer.body), body, "{target} {accept}");
        assert_eq!(field(&answer, "content-encoding"), coding, "{target} {accept}");
        let vary = if target == "/photo.png" { "" } else { "accept-encoding" };
        assert_eq!(field(&answer, "vary"), vary);
        assert!(!field(&answer, "content-type").contains("gzip"));
    }
    // The tag of one coding is not that of another.
    let plain = site.get("/app.js", "")?;
    let other = format!("accept-encoding: gzip\nif-none-match: {}", field(&plain, "etag"));
    assert_eq!(site.get("/app.js", &other)?.body, b"as gzip");
    // Asked for by its own name it is a file as any other.
    let packed = site.get("/app.js.gz", "accept-encoding: gzip")?;
    assert_eq!(
        (
            field(&packed, "content-type").as_str(),
            field(&packed, "content-encoding").as_str()
        ),
        ("application/gzip", "")
    );
    // One that is older than the file is what the file was.
    let long_ago = SystemTime::now() - Duration::from_secs(3600);
    fs::File::options()
        .write(true)
        .open(site.www.join("only.css.gz"))?
        .set_modified(long_ago)?;
    let deadline = Instant::now() + SOON;
    while site.get("/only.css", "accept-encoding: gzip")?.body != b"plain" {
        assert!(Instant::now() < deadline, "the old sibling is served for ever");
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

#[test]
fn a_file_that_is_replaced_is_sent_to_its_end_and_then_the_new_one() -> Outcome {
    const LENGTH: usize = 48 * 1024 * 1024;
    let site = Site::open("")?;
    site.write("file", vec![b'o'; LENGTH])?;
    let mut client = Client::connect(site.address())?;
    client.send(b"GET /file HTTP/1.1\r\nhost: site.test\r\n\r\n")?;
    assert!(client.read_until(SOON, |bytes, _| bytes.len() > 10_000));
    site.write("new", "new")?;
    fs::rename(site.www.join("new"), site.www.join("file"))?;
    site.until("HEAD", "/file", |answer| field(answer, "content-length") == "3")?;
    let whole = |bytes: &[u8], _| {
        let head = bytes.windows(4).position(|end| end == b"\r\n\r\n");
        head.is_some_and(|head| bytes.len() == head + 4 + LENGTH)
    };
    assert!(client.read_until(SOON, whole), "{} bytes", client.received().len());
    assert!(client.received().iter().rev().take(LENGTH).all(|&byte| byte == b'o'));
    fs::remove_file(site.www.join("file"))?;
    site.until("HEAD", "/file", |answer| answer.status == 404)?;
    site.write("file", "again")?;
    site.until("HEAD", "/file", |answer| field(answer, "content-length") == "5")?;
    Ok(())
}

#[test]
fn a_file_that_is_changed_in_place_is_never_half_old_and_half_new() -> Outcome {
    const LENGTH: u64 = 64 * 1024 * 1024;
    type Change = fn(&mut fs::File) -> io::Result<()>;
    let changes: [(&str, Change); 2] = [
        ("cut", |file| file.set_len(1000)),
        ("overwritten", |file| {
            file.seek(SeekFrom::Start(LENGTH - 10))?;
            file.write_all(b"new")
        }),
    ];
    let site = Site::open("")?;
    for (name, change) in changes {
        let mut file = fs::File::create(site.www.join(name))?;
        file.set_len(LENGTH)?;
        let mut client = Client::connect(site.address())?;
        client.send(format!("GET /{name} HTTP/1.1\r\nhost: site.test\r\n\r\n").as_bytes())?;
        assert!(client.read_until(SOON, |bytes, _| bytes.len() > 10_000));
        change(&mut file)?;
        assert!(client.read_to_end(SOON), "{name}: neither sent nor cut");
        let got = client.received().len() as u64;
        assert!(got < LENGTH, "{name}: {got} bytes");
        assert!(!client.received().windows(3).any(|bytes| bytes == b"new"));
    }
    Ok(())
}

#[test]
fn a_huge_file_needs_no_memory() -> Outcome {
    const LENGTH: u64 = 400 * 1024 * 1024;
    const KIBIBYTES: u64 = 16 * 1024;
    let site = Site::open("")?;
    fs::File::create(site.www.join("huge"))?.set_len(LENGTH)?;
    site.write("small", "small")?;
    assert_eq!(site.get("/small", "")?.status, 200);
    let before = resident_kibibytes(site.balancer.pid())?;
    let mut stream = std::net::TcpStream::connect(site.address())?;
    stream.set_read_timeout(Some(SOON))?;
    // The second request waits behind the first in the same connection.
    stream.write_all(
        b"GET /huge HTTP/1.1\r\nhost: a\r\n\r\nGET /small HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
    )?;
    let mut buffer = vec![0; 256 * 1024];
    let mut total = 0;
    let mut last = Vec::new();
    loop {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        total += count as u64;
        last.extend_from_slice(&buffer[..count]);
        last.drain(..last.len().saturating_sub(5));
    }
    assert!(total > LENGTH, "{total}");
    assert_eq!(last, b"small");
    let after = resident_kibibytes(site.balancer.pid())?;
    assert!(after < before + KIBIBYTES, "{before} KiB before, {after} KiB after");
    Ok(())
}

fn resident_kibibytes(pid: u32) -> Result<u64, Box<dyn Error>> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .ok_or("no VmRSS")?;
    Ok(line.split_whitespace().nth(1).ok_or("no number")?.parse()?)
}

#[test]
fn many_files_are_served_though_few_are_held_open() -> Outcome {
    const FILES: usize = 700;
    let route = "path = \"/*\"\nfiles = { root = \"www\" }";
    let balancer = Balancer::start_with_files(Some(512), 1, |ports| configuration(ports[0], route))?;
    let www = balancer.directory().join("www");
    fs::create_dir(&www)?;
    let site = Site { balancer, www };
    for number in 0..FILES {
        fs::File::create(site.www.join(number.to_string()))?.set_len(70_000 + number as u64)?;
    }
    let mut client = Client::connect(site.address())?;
    for round in 0..2 {
        for number in 0..FILES {
            let answer = ask(&mut client, "GET", &format!("/{number}"), "")?;
            assert_eq!((answer.status, answer.body.len()), (200, 70_000 + number), "{round}");
        }
    }
    Ok(())
}

#[test]
fn a_root_that_is_a_link_may_be_set_anew() -> Outcome {
    let site = Site::with_route("path = \"/*\"\nfiles = { root = \"current\" }")?;
    let directory = site.balancer.directory();
    for release in ["one", "two"] {
        fs::create_dir(directory.join(release))?;
        fs::write(directory.join(release).join("index.html"), release)?;
        symlink(release, directory.join("next"))?;
        fs::rename(directory.join("next"), directory.join("current"))?;
        site.until("GET", "/", |answer| answer.body == release.as_bytes())?;
    }
    fs::remove_file(directory.join("current"))?;
    site.until("GET", "/", |answer| answer.status == 404)?;
    Ok(())
}

#[test]
fn a_reload_changes_what_is_served_and_keeps_connections() -> Outcome {
    let site = Site::open("")?;
    site.write("index.html", "old")?;
    let other = site.balancer.directory().join("other");
    fs::create_dir(&other)?;
    fs::write(other.join("index.html"), "new")?;
    let mut client = Client::connect(site.address())?;
    assert_eq!(ask(&mut client, "GET", "/", "")?.body, b"old");
    let route = "path = \"/*\"\nfiles = { root = \"other\" }";
    site.balancer
        .write_configuration(&configuration(site.balancer.ports()[0], route))?;
    let reloaded = site.balancer.command(&["reload"])?;
    assert!(
        reloaded.status.success(),
        "{}",
        String::from_utf8_lossy(&reloaded.stderr)
    );
    assert_eq!(ask(&mut client, "GET", "/", "")?.body, b"new");
    Ok(())
}

#[test]
fn a_route_may_have_files_compressed() -> Outcome {
    let site = Site::with_route("path = \"/*\"\ncompress = true\nfiles = { root = \"www\" }")?;
    let text = "The same again and again.\n".repeat(1000);
    site.write("page.html", &text)?;
    site.write("page.css", &text)?;
    site.write("page.css.gz", "made before")?;
    site.write("photo.jpg", &text)?;
    site.write("short.html", "short")?;
    let output = |arguments: &[&str], path: &str| -> Result<Vec<u8>, Box<dyn Error>> {
        let url = format!("http://{}{path}", site.address());
        let output = Command::new("curl")
            .args(["--silent", "--show-error", "--max-time", "20"])
            .args(arguments)
            .arg(url)
            .output()?;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(output.stdout)
    };
    for _ in 0..2 {
        assert!(output(&["--compressed"], "/page.html")? == text.as_bytes());
    }
    let small = site.get("/page.html", "accept-encoding: gzip")?;
    assert_eq!(field(&small, "content-encoding"), "gzip");
    assert!(small.body.len() * 10 < text.len(), "{}", small.body.len());
    assert_eq!(field(&small, "content-length"), small.body.len().to_string());
    let tag = field(&small, "etag");
    assert_eq!(
        site.get("/page.html", &format!("accept-encoding: gzip\nif-none-match: {tag}"))?
            .status,
        304
    );
    let part = site.get("/page.html", "accept-encoding: gzip\nrange: bytes=2-9")?;
    assert!(part.status == 206 && part.body == small.body[2..10]);
    assert_eq!(site.get("/page.css", "accept-encoding: gzip, br")?.body, b"made before");
    for target in ["/photo.jpg", "/short.html"] {
        assert_eq!(
            field(&site.get(target, "accept-encoding: gzip")?, "content-encoding"),
            "",
            "{target}"
        );
    }
    site.write("page.html", "<p>changed</p>".repeat(1000))?;
    let changed = "<p>changed</p>".repeat(1000);
    let deadline = Instant::now() + SOON;
    while output(&["--compressed"], "/page.html")? != changed.as_bytes() {
        assert!(Instant::now() < deadline, "the old version is served for ever");
    }
    Ok(())
}

#[test]
fn curl_goes_on_where_it_stopped() -> Outcome {
    let site = Site::open("")?;
    let content = noise(500_000);
    site.write("file.iso", &content)?;
    let begun: &Path = &site.balancer.directory().join("begun");
    fs::write(begun, &content[..123_456])?;
    let url = format!("http://{}/file.iso", site.address());
    let status = Command::new("curl")
        .args([
            "--silent",
            "--show-error",
            "--max-time",
            "20",
            "--continue-at",
            "-",
            "--output",
        ])
        .arg(begun)
        .arg(url)
        .status()?;
    assert!(status.success());
    assert!(fs::read(begun)? == content);
    Ok(())
}

#[test]
fn http2_clients_get_the_same() -> Outcome {
    let site = Site::open("")?;
    let content = noise(3_000_000);
    site.write("large.bin", &content)?;
    site.write("small.txt", "small")?;
    let output = |arguments: &[&str], path: &str| -> Result<Vec<u8>, Box<dyn Error>> {
        let url = format!("http://{}{path}", site.address());
        let output = Command::new("curl")
            .args([
                "--silent",
                "--show-error",
                "--max-time",
                "20",
                "--http2-prior-knowledge",
            ])
            .args(arguments)
            .arg(url)
            .output()?;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(output.stdout)
    };
    assert!(output(&[], "/large.bin")? == content);
    assert!(output(&["--range", "100000-2999998"], "/large.bin")? == content[100_000..2_999_999]);
    assert_eq!(output(&[], "/small.txt")?, b"small");
    let head = String::from_utf8(output(&["--head"], "/large.bin")?)?;
    assert!(
        head.starts_with("HTTP/2 200") && head.contains("content-length: 3000000"),
        "{head}"
    );
    Ok(())
}

#[test]
fn the_configuration_of_the_guide_serves_as_the_guide_says() -> Outcome {
    let page = configurations("static-files.md")?;
    let block = page.first().ok_or("no block")?;
    let balancer = Balancer::start(1, |ports| {
        let bind = format!("\"127.0.0.1:{}\"", ports[0]);
        block
            .replace("\":8080\"", &bind)
            .replace("/srv/", "./")
            .replace("10.0.0.1:8080", "127.0.0.1:1")
            + "check = false\n"
    })?;
    let www = balancer.directory().join("www");
    let site = Site { balancer, www };
    site.write("docs/index.html", "docs ".repeat(1000))?;
    site.write("../media/logo.svg", "<svg/>")?;
    let logo = site.get("/media/logo.svg", "")?;
    assert_eq!(logo.body, b"<svg/>");
    assert_eq!(field(&logo, "cache-control"), "public, max-age=3600");
    let docs = site.get("/docs", "")?;
    assert_eq!((docs.status, field(&docs, "location").as_str()), (308, "/docs/"));
    assert_eq!(site.get("/docs/", "accept-encoding: gzip")?.status, 200);
    assert_eq!(
        field(&site.get("/docs/", "accept-encoding: gzip")?, "content-encoding"),
        "gzip"
    );
    for target in ["/media", "/media/nothing", "/docs/nothing"] {
        assert_eq!(site.get(target, "")?.status, 404, "{target}");
    }
    // Everything else is the application's, which is not there.
    assert!(site.get("/other", "")?.status >= 502);
    Ok(())
}

#[test]
fn paths_and_fields_are_changed_as_a_route_wants() -> Outcome {
    let site = Site::with_route(
        "path = \"/old/*\"\nrewrite_path = \"/new/*\"\nfiles = { root = \"www\" }\n\
         response_headers = { set = { etag = '\"mine\"' }, remove = [\"last-modified\"], add = { x-seen = \"{path}\" } }",
    )?;
    site.write("new/a.txt", "a")?;
    site.write("new/sub/index.html", "sub")?;
    site.write("secret", "secret")?;
    let answer = site.get("/old/a.txt?q", "")?;
    assert_eq!(answer.body, b"a");
    for (name, value) in [("etag", "\"mine\""), ("last-modified", ""), ("x-seen", "/old/a.txt")] {
        assert_eq!(field(&answer, name), value);
    }
    // The client is sent to where it asked, not to where we looked.
    assert_eq!(field(&site.get("/old/sub", "")?, "location"), "/old/sub/");
    for target in [
        "/old/../secret",
        "/old/%2e%2e/secret",
        "/old/..%2fsecret",
        "/old//../../secret",
        "/secret",
    ] {
        assert!(site.get(target, "")?.status >= 400, "{target}");
    }
    Ok(())
}
