//! A backend in a process of its own, so that it can be killed with SIGKILL: `test-backend ADDRESS NAME JOURNAL`.
//!
//! One whose name begins with `hung` starts as after `/control?health=hang`.
//!
//! It prints its address when it listens, and ends when its standard input does, that is with the test that started
//! it. Every request is written to the journal (`NAME METHOD TARGET`) when it has arrived whole and before it is
//! answered: what was executed can be read there even after a SIGKILL.
//!
//! | target | what it does |
//! |---|---|
//! | `/healthz` | as `/control?health=ok`, `fail` or `hang` last said |
//! | `/control?faulty=yes` | from here on it ends connections instead of answering, until `faulty=no` |
//! | `/peak` | the most requests it has had at once |
//! | `/slow?ms=N` | answers after N milliseconds |
//! | `/hang` | never answers |
//! | `/endless` | answers and goes on for ever |
//! | `/stall` | answers the beginning of a body, and nothing more |
//! | `/reset-mid-body`, `/close-mid-body` | ends the connection within the body |
//! | `/close` | ends the connection without an answer |
//! | `/garbage` | speaks no HTTP |
//! | `/big?bytes=N`, `/big?chunked=N` | N bytes |
//! | `/sink` | the number of body bytes it got |
//! | `/echo` | the body it got |
//! | any with `upgrade` | switches protocols and echoes, then says `bye` when the client has ended its sending |
//! | anything else | its name |

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Enough for the shallow calls below; a thousand threads shall not cost a gigabyte of address space.
const STACK_BYTES: usize = 128 << 10;
/// Connections that wait to be accepted, as many as the kernel allows by default.
const BACKLOG: i32 = 4096;
/// Bytes of an answer written at once.
static PIECE: [u8; 64 << 10] = [b'x'; 64 << 10];
/// The largest body that is echoed.
const ECHO_BYTES: usize = 1 << 20;

struct Backend {
    name: String,
    journal: Mutex<std::fs::File>,
    health: AtomicU8,
    faulty: AtomicBool,
    present: AtomicUsize,
    peak: AtomicUsize,
}

struct Request {
    method: String,
    target: String,
    upgrade: bool,
    body: Vec<u8>,
    body_bytes: u64,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, name, journal] = &arguments[..] else {
        eprintln!("usage: test-backend ADDRESS NAME JOURNAL");
        return ExitCode::from(2);
    };
    match serve(address, name, journal) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{address}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(address: &str, name: &str, journal: &str) -> io::Result<()> {
    let listener = listen(address)?;
    println!("{}", listener.local_addr()?);
    std::thread::spawn(|| {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        std::process::exit(0);
    });
    let backend = Arc::new(Backend {
        name: name.to_owned(),
        journal: Mutex::new(std::fs::OpenOptions::new().append(true).create(true).open(journal)?),
        health: AtomicU8::new(if name.starts_with("hung") { b'h' } else { b'o' }),
        faulty: AtomicBool::new(false),
        present: AtomicUsize::new(0),
        peak: AtomicUsize::new(0),
    });
    for stream in listener.incoming() {
        let Ok(stream) = stream else { continue };
        let backend = backend.clone();
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
        thread.spawn(move || {
            // A connection that breaks is what many tests are about.
            let _ = converse(stream, &backend);
        })?;
    }
    Ok(())
}

/// A restart can bind at once, and a burst of connections finds its place: with the 128 of the standard library the
/// kernel answers with SYN cookies, and resets some connections that were already established.
fn listen(address: &str) -> io::Result<TcpListener> {
    let address: SocketAddr = address.parse().map_err(io::Error::other)?;
    let socket = socket2::Socket::new(socket2::Domain::for_address(address), socket2::Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn converse(stream: TcpStream, backend: &Backend) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::with_capacity(PIECE.len(), stream);
    while let Some(request) = read_request(&mut reader)? {
        if request.upgrade {
            return tunnel(&mut reader);
        }
        let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
        let number = query
            .split_once('=')
            .and_then(|(_, value)| value.parse().ok())
            .unwrap_or(0);
        match path {
            "/healthz" => match backend.health.load(Ordering::SeqCst) {
                b'o' => answer(&mut reader, "200 OK", b"ok")?,
                b'f' => answer(&mut reader, "503 Service Unavailable", b"sick")?,
                _ => return hold(&mut reader),
            },
            "/control" => {
                match (query.split_once('='), query.as_bytes().last()) {
                    (Some(("health", word)), _) => {
                        let word = word.bytes().next().unwrap_or(b'o');
                        backend.health.store(word, Ordering::SeqCst);
                    }
                    (_, last) => backend.faulty.store(last == Some(&b's'), Ordering::SeqCst),
                }
                answer(&mut reader, "200 OK", b"")?;
            }
            "/peak" => {
                let peak = backend.peak.load(Ordering::SeqCst).to_string();
                answer(&mut reader, "200 OK", peak.as_bytes())?;
            }
            _ => {
                let here = Here::enter(backend);
                backend.write_down(&request)?;
                if backend.faulty.load(Ordering::SeqCst) {
                    return Ok(());
                }
                if !work(&mut reader, backend, &request, path, query, number, here)? {
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}

/// One request being worked on. It ends before the last byte of its answer is written: whoever has read the answer
/// may send the next request, which must not be counted beside this one.
struct Here<'a>(&'a Backend);

impl Here<'_> {
    fn enter(backend: &Backend) -> Here<'_> {
        let present = backend.present.fetch_add(1, Ordering::SeqCst) + 1;
        backend.peak.fetch_max(present, Ordering::SeqCst);
        Here(backend)
    }
}

impl Drop for Here<'_> {
    fn drop(&mut self) {
        self.0.present.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Backend {
    fn write_down(&self, request: &Request) -> io::Result<()> {
        let line = format!("{} {} {}\n", self.name, request.method, request.target);
        self.journal
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .write_all(line.as_bytes())
    }
}

/// Answers; false when the connection has come to its end.
fn work(
    reader: &mut BufReader<TcpStream>,
    backend: &Backend,
    request: &Request,
    path: &str,
    query: &str,
    number: u64,
    here: Here<'_>,
) -> io::Result<bool> {
    match path {
        "/slow" => {
            std::thread::sleep(Duration::from_millis(number));
            drop(here);
            answer(reader, "200 OK", backend.name.as_bytes())?;
        }
        "/hang" => return hold(reader).map(|()| false),
        "/endless" => {
            // It learns late that nobody listens any more: it must not count beside who comes next.
            drop(here);
            return endless(reader).map(|()| false);
        }
        "/stall" => {
            begin(reader, "content-length: 1000", &PIECE[..100])?;
            return hold(reader).map(|()| false);
        }
        "/reset-mid-body" | "/close-mid-body" => {
            begin(reader, "content-length: 1000", &PIECE[..100])?;
            // The balancer shall have read this much before it sees the end.
            std::thread::sleep(Duration::from_millis(50));
            if path == "/reset-mid-body" {
                socket2::SockRef::from(reader.get_ref()).set_linger(Some(Duration::ZERO))?;
            }
            return Ok(false);
        }
        "/close" => return Ok(false),
        "/garbage" => {
            reader.get_ref().write_all(b"220 mail.example.com ESMTP\r\n\r\n")?;
            return hold(reader).map(|()| false);
        }
        "/big" if query.starts_with("chunked=") => big_in_chunks(reader, number, here)?,
        "/big" => big(reader, number, here)?,
        "/sink" => {
            drop(here);
            answer(reader, "200 OK", request.body_bytes.to_string().as_bytes())?;
        }
        "/echo" => {
            drop(here);
            answer(reader, "200 OK", &request.body)?;
        }
        _ => {
            drop(here);
            answer(reader, "200 OK", backend.name.as_bytes())?;
        }
    }
    Ok(true)
}

fn begin(reader: &mut BufReader<TcpStream>, framing: &str, body: &[u8]) -> io::Result<()> {
    let mut bytes = format!("HTTP/1.1 200 OK\r\n{framing}\r\n\r\n").into_bytes();
    bytes.extend_from_slice(body);
    reader.get_ref().write_all(&bytes)
}

fn endless(reader: &mut BufReader<TcpStream>) -> io::Result<()> {
    begin(reader, "transfer-encoding: chunked", b"")?;
    loop {
        reader.get_ref().write_all(b"5\r\ntick\n\r\n")?;
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn big(reader: &mut BufReader<TcpStream>, bytes: u64, here: Here<'_>) -> io::Result<()> {
    begin(reader, &format!("content-length: {bytes}"), b"")?;
    let mut left = bytes;
    let last = PIECE.len() as u64;
    while left > last {
        reader.get_ref().write_all(&PIECE)?;
        left -= last;
    }
    drop(here);
    reader.get_ref().write_all(&PIECE[..left as usize])
}

fn big_in_chunks(reader: &mut BufReader<TcpStream>, bytes: u64, here: Here<'_>) -> io::Result<()> {
    begin(reader, "transfer-encoding: chunked", b"")?;
    let mut left = bytes;
    while left > 0 {
        let count = left.min(PIECE.len() as u64);
        let mut chunk = format!("{count:x}\r\n").into_bytes();
        chunk.extend_from_slice(&PIECE[..count as usize]);
        chunk.extend_from_slice(b"\r\n");
        reader.get_ref().write_all(&chunk)?;
        left -= count;
    }
    drop(here);
    reader.get_ref().write_all(b"0\r\n\r\n")
}

/// One write: the answer arrives whole or not at all, even when this process is killed.
fn answer(reader: &mut BufReader<TcpStream>, status: &str, body: &[u8]) -> io::Result<()> {
    let mut bytes = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n", body.len()).into_bytes();
    bytes.extend_from_slice(body);
    reader.get_ref().write_all(&bytes)
}

/// Says nothing until the other side leaves.
fn hold(reader: &mut BufReader<TcpStream>) -> io::Result<()> {
    io::copy(reader, &mut io::sink()).map(|_| ())
}

fn tunnel(reader: &mut BufReader<TcpStream>) -> io::Result<()> {
    let switch = b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n";
    reader.get_ref().write_all(switch)?;
    let mut buffer = [0; 16 << 10];
    loop {
        let count = reader.read(&mut buffer)?;
        if count == 0 {
            return reader.get_ref().write_all(b"bye");
        }
        reader.get_ref().write_all(&buffer[..count])?;
    }
}

/// Forgives everything: judging what the balancer sends is another test's business. `None`: nothing more comes.
fn read_request(reader: &mut BufReader<TcpStream>) -> io::Result<Option<Request>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_ascii_whitespace().map(str::to_owned);
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut request = Request {
        method,
        target,
        upgrade: false,
        body: Vec::new(),
        body_bytes: 0,
    };
    let (mut length, mut chunked) = (0, false);
    loop {
        let mut field = String::new();
        if reader.read_line(&mut field)? == 0 {
            return Ok(None);
        }
        let field = field.trim_end().to_ascii_lowercase();
        let Some((name, value)) = field.split_once(':') else {
            break;
        };
        match name {
            "content-length" => length = value.trim().parse().unwrap_or(0),
            "transfer-encoding" => chunked = true,
            "upgrade" => request.upgrade = true,
            _ => {}
        }
    }
    if !chunked {
        take_body(reader, length, &mut request)?;
        return Ok(Some(request));
    }
    loop {
        let mut size = String::new();
        if reader.read_line(&mut size)? == 0 {
            return Ok(None);
        }
        let size = size.split(';').next().unwrap_or_default().trim();
        let size = u64::from_str_radix(size, 16).unwrap_or(0);
        take_body(reader, size, &mut request)?;
        // The end of the chunk's data, or of the (empty) trailer section.
        reader.read_line(&mut String::new())?;
        if size == 0 {
            return Ok(Some(request));
        }
    }
}

fn take_body(reader: &mut BufReader<TcpStream>, length: u64, request: &mut Request) -> io::Result<()> {
    let mut left = length;
    while left > 0 {
        let bytes = reader.fill_buf()?;
        if bytes.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let count = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let room = ECHO_BYTES.saturating_sub(request.body.len()).min(count);
        if request.target == "/echo" {
            request.body.extend_from_slice(&bytes[..room]);
        }
        reader.consume(count);
        request.body_bytes += count as u64;
        left -= count as u64;
    }
    Ok(())
}
