//! Answers of backends that are compressed on their way.

use evenkeel_tests::balancer::Balancer;
use evenkeel_tests::client::Client;
use evenkeel_tests::guide::configurations;
use evenkeel_tests::message::{Framing, Response};
use std::error::Error;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

type Outcome = Result<(), Box<dyn Error>>;

/// Longer than anything here takes on a busy machine.
const SOON: Duration = Duration::from_secs(20);
const CODINGS: [&str; 3] = ["gzip", "br", "zstd"];

/// A balancer before a backend that the test plays, connection by connection.
struct Stage {
    balancer: Balancer,
    backend: TcpListener,
}

impl Stage {
    fn set(compress: &str) -> io::Result<Stage> {
        let backend = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = backend.local_addr()?;
        let balancer = Balancer::start(1, |ports| {
            format!(
                "[listener.web]\nbind = \"127.0.0.1:{}\"\n[[listener.web.route]]\npath = \"/*\"\npool = \"web\"\n\
                 compress = {compress}\n[pool.web]\nbackends = [\"{address}\"]\ncheck = false\n",
                ports[0]
            )
        })?;
        Ok(Stage { balancer, backend })
    }

    fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.balancer.ports()[0]).into()
    }

    /// Asks, and has the backend answer in these words.
    fn exchange(&self, request: &str, answer: &[u8], to_head: bool) -> Result<Response, Box<dyn Error>> {
        let mut client = Client::connect(self.address())?;
        client.send(request.as_bytes())?;
        let mut backend = self.accept()?;
        read_head(&mut backend)?;
        backend.write_all(answer)?;
        drop(backend);
        Ok(client.response(SOON, to_head)?)
    }

    fn accept(&self) -> io::Result<TcpStream> {
        let deadline = Instant::now() + SOON;
        self.backend.set_nonblocking(true)?;
        loop {
            match self.backend.accept() {
                Ok((stream, _)) => {
                    stream.set_nonblocking(false)?;
                    stream.set_read_timeout(Some(SOON))?;
                    return Ok(stream);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && Instant::now() < deadline => {
                    std::thread::sleep(Duration::from_millis(1));
                }
                Err(error) => return Err(error),
            }
        }
    }
}

fn read_head(stream: &mut TcpStream) -> io::Result<String> {
    let mut head = String::new();
    let mut reader = BufReader::with_capacity(1, stream);
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(head)
}

fn get(accept: &str) -> String {
    format!("GET / HTTP/1.1\r\nhost: site.test\r\naccept-encoding: {accept}\r\n\r\n")
}

fn field(answer: &Response, name: &str) -> String {
    String::from_utf8_lossy(&answer.fields.value(name).unwrap_or_default()).into_owned()
}

/// As far as it can be read.
fn decode(coding: &str, coded: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    let _ = match coding {
        "gzip" => flate2::read::GzDecoder::new(coded).read_to_end(&mut plain),
        "br" => brotli::Decompressor::new(coded, 4096).read_to_end(&mut plain),
        "zstd" => zstd::stream::read::Decoder::new(coded).and_then(|mut decoder| decoder.read_to_end(&mut plain)),
        other => Err(io::Error::other(other.to_owned())),
    };
    plain
}

fn text(bytes: usize) -> Vec<u8> {
    let lines = (0..).flat_map(|line: u32| format!("{line}: the same words in every line\n").into_bytes());
    lines.take(bytes).collect()
}

/// An answer with its length declared.
fn answer(fields: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n{fields}\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn chunked(fields: &str, body: &[u8], trailers: &str) -> Vec<u8> {
    let mut bytes = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n{fields}\r\n").into_bytes();
    for piece in body.chunks(5000) {
        bytes.extend_from_slice(format!("{:x};a=b\r\n", piece.len()).as_bytes());
        bytes.extend_from_slice(piece);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(format!("0\r\n{trailers}\r\n").as_bytes());
    bytes
}

#[test]
fn every_framing_in_every_coding_is_the_same_content() -> Outcome {
    let stage = Stage::set("true")?;
    let html = "content-type: text/html\r\n";
    for length in [2000, 300_000] {
        let body = text(length);
        let until_close = [b"HTTP/1.0 200 OK\r\ncontent-type: text/html\r\n\r\n", body.as_slice()].concat();
        let ways = [
            answer(html, &body),
            chunked(html, &body, ""),
            chunked(&format!("{html}trailer: x-sum\r\n"), &body, "x-sum: 1\r\n"),
            until_close,
        ];
        for (way, bytes) in ways.iter().enumerate() {
            for coding in CODINGS {
                let answer = stage.exchange(&get(coding), bytes, false)?;
                assert_eq!(answer.status, 200);
                assert_eq!(answer.framing, Framing::Chunked, "{coding} {way}");
                assert_eq!(field(&answer, "content-encoding"), coding);
                assert_eq!(field(&answer, "vary"), "accept-encoding");
                assert_eq!(field(&answer, "content-length"), "");
                assert!(decode(coding, &answer.body) == body, "{coding} {way} {length}");
                assert!(answer.body.len() * 3 < length, "{coding} {way}: {}", answer.body.len());
                assert_eq!(answer.trailers.value("x-sum"), None);
            }
            let plain = stage.exchange(&get("deflate"), bytes, false)?;
            assert_eq!(
                (
                    field(&plain, "content-encoding").as_str(),
                    field(&plain, "vary").as_str()
                ),
                ("", "accept-encoding")
            );
            assert!(plain.body == body, "{way} {length}");
        }
    }
    Ok(())
}

#[test]
fn the_head_says_what_became_of_the_bytes() -> Outcome {
    let stage = Stage::set("true")?;
    let body = text(2000);
    let fields = "Content-Type: application/json; charset=utf-8\r\nETag: \"v1\"\r\nAccept-Ranges: bytes\r\nContent-MD5: x\r\n\
                  Vary: Cookie\r\nRepr-Digest: sha-256=:x:\r\nlast-modified: Sun, 06 Nov 1994 08:49:37 GMT\r\nset-cookie: a=b\r\n";
    let coded = stage.exchange(&get("gzip"), &answer(fields, &body), false)?;
    for (name, value) in [
        ("etag", "W/\"v1\""),
        ("content-encoding", "gzip"),
        ("accept-ranges", ""),
        ("content-md5", ""),
        ("repr-digest", ""),
        ("vary", "Cookie, accept-encoding"),
        ("content-type", "application/json; charset=utf-8"),
        ("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT"),
        ("set-cookie", "a=b"),
    ] {
        assert_eq!(field(&coded, name), value, "{name}");
    }
    let plain = stage.exchange(&get("identity"), &answer(fields, &body), false)?;
    assert_eq!(
        (field(&plain, "etag").as_str(), field(&plain, "accept-ranges").as_str()),
        ("\"v1\"", "bytes")
    );
    // The answer to HEAD says what that to GET would say.
    let request = get("gzip").replace("GET", "HEAD");
    let head = stage.exchange(
        &request,
        &answer(fields, &body)[..answer(fields, &body).len() - body.len()],
        true,
    )?;
    assert_eq!(
        (field(&head, "content-encoding").as_str(), field(&head, "etag").as_str()),
        ("gzip", "W/\"v1\"")
    );
    assert_eq!(field(&head, "content-length"), "");
    Ok(())
}

#[test]
fn what_must_not_be_compressed_passes_as_it_is() -> Outcome {
    let stage = Stage::set("{ encodings = [\"gzip\"], min_size = \"1KiB\", types = [\"text/html\"] }")?;
    let html = "content-type: text/html\r\n";
    let (short, long) = (text(1023), text(1024));
    let partial = String::from_utf8(answer(&format!("{html}content-range: bytes 0-1023/5000\r\n"), &long))?;
    for (why, bytes) in [
        ("short", answer(html, &short)),
        ("another type", answer("content-type: text/css\r\n", &long)),
        ("no type", answer("", &long)),
        ("coded", answer(&format!("{html}content-encoding: br\r\n"), &long)),
        (
            "no-transform",
            answer(&format!("{html}cache-control: max-age=1, no-transform\r\n"), &long),
        ),
        ("a part", partial.replace("200 OK", "206 Partial Content").into_bytes()),
    ] {
        let sent = stage.exchange(&get("gzip"), &bytes, false)?;
        assert!(field(&sent, "content-encoding") != "gzip", "{why}");
        assert!(
            bytes.ends_with(&sent.body) && matches!(sent.framing, Framing::Length(_)),
            "{why}"
        );
        assert_eq!(field(&sent, "vary"), "", "{why}");
    }
    for (why, request) in [
        ("another coding", get("br, zstd")),
        ("refused", get("gzip;q=0")),
        ("HTTP/1.0", get("gzip").replace("HTTP/1.1", "HTTP/1.0")),
    ] {
        let sent = stage.exchange(&request, &answer(html, &long), false)?;
        assert!(sent.body == long, "{why}");
        assert_eq!(field(&sent, "content-encoding"), "", "{why}");
    }
    let not_modified = b"HTTP/1.1 304 Not Modified\r\ncontent-type: text/html\r\netag: \"a\"\r\n\r\n";
    let sent = stage.exchange(&get("gzip"), not_modified, false)?;
    assert_eq!((sent.status, field(&sent, "content-encoding").as_str()), (304, ""));
    let sent = stage.exchange(&get("gzip"), &answer(html, &long), false)?;
    assert_eq!(field(&sent, "content-encoding"), "gzip");
    Ok(())
}

#[test]
fn off_unless_it_is_asked_for() -> Outcome {
    let stage = Stage::set("false")?;
    let body = text(100_000);
    let sent = stage.exchange(
        &get("gzip, br, zstd"),
        &answer("content-type: text/html\r\n", &body),
        false,
    )?;
    assert!(sent.body == body);
    assert_eq!(
        (field(&sent, "content-encoding").as_str(), field(&sent, "vary").as_str()),
        ("", "")
    );
    Ok(())
}

#[test]
fn what_the_backend_has_sent_is_there_before_it_sends_more() -> Outcome {
    let stage = Stage::set("true")?;
    for content_type in ["text/event-stream", "Text/Event-Stream; charset=utf-8", "text/html"] {
        for coding in CODINGS {
            let mut client = Client::connect(stage.address())?;
            client.send(get(coding).as_bytes())?;
            let mut backend = stage.accept()?;
            read_head(&mut backend)?;
            let head = format!("HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ntransfer-encoding: chunked\r\n\r\n");
            backend.write_all(head.as_bytes())?;
            let mut sent = String::new();
            for event in 0..5 {
                let event = format!("data: {event}\n\n");
                backend.write_all(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes())?;
                sent.push_str(&event);
                // The next is sent only when this one has arrived.
                let all = |bytes: &[u8], _| decode(coding, &unchunked(bytes)) == sent.as_bytes();
                assert!(client.read_until(SOON, all), "{coding} {content_type}: {event}");
            }
            backend.write_all(b"0\r\n\r\n")?;
            let answer = client.response(SOON, false)?;
            assert!(decode(coding, &answer.body) == sent.as_bytes());
        }
    }
    Ok(())
}

/// The content of the chunks that are here whole.
fn unchunked(bytes: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    let Some(head) = bytes.windows(4).position(|end| end == b"\r\n\r\n") else {
        return content;
    };
    let mut rest = &bytes[head + 4..];
    while let Some(line) = rest.windows(2).position(|end| end == b"\r\n") {
        let size = std::str::from_utf8(&rest[..line])
            .ok()
            .and_then(|size| usize::from_str_radix(size, 16).ok());
        let Some(chunk) = size.and_then(|size| rest.get(line + 2..line + 2 + size)) else {
            break;
        };
        content.extend_from_slice(chunk);
        rest = rest.get(line + 4 + chunk.len()..).unwrap_or(&[]);
    }
    content
}

#[test]
fn an_answer_that_is_cut_does_not_look_whole() -> Outcome {
    let stage = Stage::set("true")?;
    let body = text(20_000);
    let html = "content-type: text/html\r\n";
    for bytes in [answer(html, &body), chunked(html, &body, "")] {
        for coding in CODINGS {
            let mut client = Client::connect(stage.address())?;
            client.send(get(coding).as_bytes())?;
            let mut backend = stage.accept()?;
            read_head(&mut backend)?;
            backend.write_all(&bytes[..bytes.len() - 1000])?;
            drop(backend);
            assert!(client.read_to_end(SOON));
            assert!(client.response(SOON, false).is_err(), "{coding}");
            assert!(!client.received().ends_with(b"0\r\n\r\n"));
        }
    }
    Ok(())
}

#[test]
fn connections_go_on_on_both_sides() -> Outcome {
    let stage = Stage::set("true")?;
    let body = text(50_000);
    let mut client = Client::connect(stage.address())?;
    let mut backend: Option<TcpStream> = None;
    for round in 0..6 {
        let coding = CODINGS[round % CODINGS.len()];
        client.send(get(coding).as_bytes())?;
        let stream = match &mut backend {
            Some(stream) => stream,
            None => backend.insert(stage.accept()?),
        };
        read_head(stream)?;
        stream.write_all(&answer("content-type: text/html\r\n", &body))?;
        let answer = client.response(SOON, false)?;
        assert!(decode(coding, &answer.body) == body, "{round}");
    }
    Ok(())
}

#[test]
fn a_client_that_does_not_read_holds_the_backend_back() -> Outcome {
    const PIECE: usize = 64 * 1024;
    const PIECES: usize = 768;
    const KIBIBYTES: u64 = 32 * 1024;
    let stage = Stage::set("true")?;
    let mut client = TcpStream::connect(stage.address())?;
    client.set_read_timeout(Some(SOON))?;
    client.write_all(get("gzip").as_bytes())?;
    let mut backend = stage.accept()?;
    read_head(&mut backend)?;
    let before = resident_kibibytes(stage.balancer.pid())?;
    let (stalled, progress): (Sender<usize>, Receiver<usize>) = channel();
    // Noise does not become smaller, so the sockets fill up.
    let sender = std::thread::spawn(move || -> io::Result<()> {
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n\r\n",
            PIECE * PIECES
        );
        backend.write_all(head.as_bytes())?;
        let mut state = 1_u64;
        // Longer than what gzip remembers.
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        })
        .take(PIECE)
        .collect();
        for piece in 0..PIECES {
            backend.write_all(&noise)?;
            let _ = stalled.send(piece);
        }
        Ok(())
    });
    // Nobody reads: the backend gets stuck long before its end.
    let mut sent = 0;
    while let Ok(piece) = progress.recv_timeout(Duration::from_secs(2)) {
        sent = piece;
    }
    assert!(sent < PIECES - 1, "all was taken though nobody read it");
    let after = resident_kibibytes(stage.balancer.pid())?;
    assert!(after < before + KIBIBYTES, "{before} KiB before, {after} KiB after");
    let mut buffer = vec![0; 256 * 1024];
    let mut last = Vec::new();
    while !last.ends_with(b"0\r\n\r\n") {
        let count = client.read(&mut buffer)?;
        assert!(count > 0, "cut");
        last.extend_from_slice(&buffer[..count]);
        last.drain(..last.len().saturating_sub(5));
    }
    sender.join().map_err(|_| "the backend")??;
    Ok(())
}

fn resident_kibibytes(pid: u32) -> Result<u64, Box<dyn Error>> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .ok_or("no VmRSS")?;
    Ok(line.split_whitespace().nth(1).ok_or("no number")?.parse()?)
}

#[test]
fn curl_reads_it_over_both_versions() -> Outcome {
    let stage = Stage::set("true")?;
    let body = text(400_000);
    for version in ["--http1.1", "--http2-prior-knowledge"] {
        for coding in CODINGS {
            let curl = Command::new("curl")
                .args(["--silent", "--show-error", "--max-time", "20", "--compressed", version])
                .args(["--header", &format!("accept-encoding: {coding}")])
                .arg(format!("http://{}/", stage.address()))
                .stdout(std::process::Stdio::piped())
                .spawn()?;
            let mut backend = stage.accept()?;
            read_head(&mut backend)?;
            backend.write_all(&answer("content-type: text/html\r\nconnection: close\r\n", &body))?;
            let output = curl.wait_with_output()?;
            assert!(output.status.success(), "{version} {coding}");
            assert!(
                output.stdout == body,
                "{version} {coding}: {} bytes",
                output.stdout.len()
            );
        }
    }
    Ok(())
}

#[test]
fn the_configuration_of_the_guide_compresses_as_the_guide_says() -> Outcome {
    let page = configurations("static-files.md")?;
    let block = page.iter().find(|block| block.contains("/events"));
    let block = block.ok_or("no block")?;
    let backend = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = backend.local_addr()?.to_string();
    let balancer = Balancer::start(1, |ports| {
        let bind = format!("\"127.0.0.1:{}\"", ports[0]);
        block.replace("\":8080\"", &bind).replace("10.0.0.1:8080", &address) + "check = false\n"
    })?;
    let stage = Stage { balancer, backend };
    let body = text(3000);
    for (target, content_type, accept, coding) in [
        ("/api/a", "application/json", "gzip, zstd, br", "zstd"),
        ("/api/a", "application/json", "gzip, br", "gzip"),
        ("/api/a", "text/html", "gzip", ""),
        ("/events", "text/event-stream", "zstd, gzip", "gzip"),
        ("/page", "text/html", "br, gzip", "br"),
        ("/page", "image/png", "br, gzip", ""),
    ] {
        let request = get(accept).replace("GET /", &format!("GET {target}"));
        let answer = stage.exchange(
            &request,
            &answer(&format!("content-type: {content_type}\r\n"), &body),
            false,
        )?;
        assert_eq!(field(&answer, "content-encoding"), coding, "{target} {accept}");
    }
    Ok(())
}
