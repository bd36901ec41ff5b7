//! One backend of the demo, in a process of its own so that it can really be killed. It ends with its parent.

use crate::cli::DemoBackend;
use std::io::{BufRead, BufReader, Error, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Connections at once; more are closed unanswered.
const CONNECTIONS: usize = 256;
/// Bytes of a request head.
const HEAD: u64 = 16 * 1024;
/// How long a connection may be silent.
const SILENCE: Duration = Duration::from_secs(120);

/// Serves until the parent ends, which is when stdin does.
pub(crate) fn run(arguments: &DemoBackend) -> ExitCode {
    let listener = match TcpListener::bind((Ipv4Addr::LOCALHOST, arguments.port)) {
        Ok(listener) => listener,
        Err(error) => {
            eprintln!("demo backend {}: port {}: {error}", arguments.name, arguments.port);
            return ExitCode::FAILURE;
        }
    };
    std::thread::spawn(|| {
        let mut nothing = [0; 16];
        while std::io::stdin().read(&mut nothing).is_ok_and(|count| count > 0) {}
        std::process::exit(0);
    });
    let open = Arc::new(AtomicUsize::new(0));
    let desk = Arc::new(Mutex::new(()));
    let body: Arc<str> = format!("hello from {}\n", arguments.name).into();
    for stream in listener.incoming() {
        let Ok(stream) = stream else {
            std::thread::sleep(Duration::from_millis(10));
            continue;
        };
        if open.fetch_add(1, Ordering::Relaxed) >= CONNECTIONS {
            open.fetch_sub(1, Ordering::Relaxed);
            continue;
        }
        let (open, desk, body, latency) = (open.clone(), desk.clone(), body.clone(), arguments.latency);
        std::thread::spawn(move || {
            // A client that went away is its own affair.
            let _ = serve(&stream, &desk, &body, latency);
            open.fetch_sub(1, Ordering::Relaxed);
        });
    }
    ExitCode::SUCCESS
}

/// Answers requests without a body until the client goes or says something else.
fn serve(stream: &TcpStream, desk: &Mutex<()>, body: &str, latency: Duration) -> Result<(), Error> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(SILENCE))?;
    let mut reader = BufReader::new(stream);
    let mut served: u32 = 0;
    loop {
        let mut head = String::new();
        let mut limited = (&mut reader).take(HEAD);
        while !head.ends_with("\r\n\r\n") {
            if limited.read_line(&mut head)? == 0 {
                return Ok(());
            }
        }
        let probe = head.starts_with("GET /healthz ");
        if !probe {
            // One request at a time is worked on; the others wait.
            let _working = desk.lock().unwrap_or_else(PoisonError::into_inner);
            std::thread::sleep(varied(latency, served));
            served = served.wrapping_add(1);
        }
        let content = if head.starts_with("HEAD ") { "" } else { body };
        let length = body.len();
        let mut writer = stream;
        let answer =
            format!("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {length}\r\n\r\n{content}");
        writer.write_all(answer.as_bytes())?;
    }
}

/// Between half and one and a half times `latency`, without dice.
fn varied(latency: Duration, served: u32) -> Duration {
    let tenth = served.wrapping_mul(7) % 11;
    latency * (5 + tenth) / 10
}
