//! Bodies of any size in bounded memory. `EVENKEEL_BODY_GIB` is how large each is (default 1).

use std::error::Error;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::house::{House, Outcome, SOON, alone};

/// The most memory that the process may ever have had.
const MEMORY_KIB: u64 = 64 << 10;
/// Before a client begins to read: a backend that is not held back fills the memory meanwhile.
const LAZY: Duration = Duration::from_millis(500);

fn size() -> u64 {
    let gib = std::env::var("EVENKEEL_BODY_GIB")
        .ok()
        .and_then(|text| text.parse().ok());
    gib.unwrap_or(1_u64) << 30
}

#[test]
fn uploads_need_no_memory() -> Outcome {
    let _alone = alone();
    let house = House::start(&["b0"], "", "")?;
    house.wait_until_usable()?;
    for chunked in [false, true] {
        upload(&house, chunked)?;
        judge_memory(&house)?;
    }
    Ok(())
}

#[test]
fn downloads_need_no_memory() -> Outcome {
    let _alone = alone();
    let house = House::start(&["b0"], "", "")?;
    house.wait_until_usable()?;
    for framing in ["bytes", "chunked"] {
        download(&house, framing)?;
        judge_memory(&house)?;
    }
    Ok(())
}

fn upload(house: &House, chunked: bool) -> Outcome {
    let mut stream = connect(house)?;
    let framing = if chunked {
        "transfer-encoding: chunked".to_owned()
    } else {
        format!("content-length: {}", size())
    };
    stream.write_all(format!("POST /sink HTTP/1.1\r\nhost: test\r\n{framing}\r\n\r\n").as_bytes())?;
    let piece = [b'x'; 64 << 10];
    let mut chunk = format!("{:x}\r\n", piece.len()).into_bytes();
    chunk.extend_from_slice(&piece);
    chunk.extend_from_slice(b"\r\n");
    for _ in 0..size() / piece.len() as u64 {
        stream.write_all(if chunked { &chunk } else { &piece })?;
    }
    if chunked {
        stream.write_all(b"0\r\n\r\n")?;
    }
    let expected = size().to_string();
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    while !answer.ends_with(expected.as_bytes()) {
        match stream.read(&mut buffer)? {
            0 => return Err(format!("the backend did not get all: {}", String::from_utf8_lossy(&answer)).into()),
            count => answer.extend_from_slice(&buffer[..count]),
        }
    }
    assert!(answer.starts_with(b"HTTP/1.1 200 "));
    Ok(())
}

fn download(house: &House, framing: &str) -> Outcome {
    let mut stream = connect(house)?;
    let target = format!("/big?{framing}={}", size());
    stream.write_all(format!("GET {target} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").as_bytes())?;
    std::thread::sleep(LAZY);
    let mut buffer = vec![0; 256 << 10];
    let mut head = Vec::new();
    let end = loop {
        match stream.read(&mut buffer)? {
            0 => return Err("the answer ended within its head".into()),
            count => head.extend_from_slice(&buffer[..count]),
        }
        if let Some(end) = head.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break end + 4;
        }
    };
    assert!(head.starts_with(b"HTTP/1.1 200 "));
    // Nothing but the body's own bytes is an `x`: neither chunk sizes nor line ends.
    let mut body = count(&head[end..]);
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => body += count(&buffer[..length]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    assert_eq!(body, size(), "{target}");
    Ok(())
}

fn count(bytes: &[u8]) -> u64 {
    bytes.iter().map(|byte| u64::from(*byte == b'x')).sum()
}

fn connect(house: &House) -> Result<TcpStream, Box<dyn Error>> {
    let stream = TcpStream::connect(house.address())?;
    stream.set_read_timeout(Some(SOON))?;
    stream.set_write_timeout(Some(SOON))?;
    Ok(stream)
}

/// VmHWM: the high-water mark of resident memory (proc(5)).
fn judge_memory(house: &House) -> Outcome {
    let text = std::fs::read_to_string(format!("/proc/{}/status", house.balancer.pid()))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak: u64 = line.ok_or("no VmHWM")?.trim().trim_end_matches(" kB").parse()?;
    println!("{peak} KiB at most");
    assert!(peak < MEMORY_KIB, "{peak} KiB");
    Ok(())
}
