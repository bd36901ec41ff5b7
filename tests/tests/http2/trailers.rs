//! Trailers behind a declared length, from HTTP/2 to HTTP/2.

use crate::Outcome;
use crate::frames::{
    ACK, DATA, END_HEADERS, END_STREAM, Frame, HEADERS, SETTINGS, SOON, STATUS_200, connect, frame, literal, read,
    request,
};
use crate::shared::{backend, behind};
use evenkeel_tests::balancer::Balancer;
use std::io::{self, Write as _};
use std::net::TcpStream;
use std::sync::mpsc;

/// All of a message on one stream.
fn message(stream: &mut TcpStream, number: u32) -> io::Result<Vec<Frame>> {
    let mut frames = Vec::new();
    loop {
        let next = read(stream)?;
        if next.kind == SETTINGS && next.flags & ACK == 0 {
            stream.write_all(&frame(SETTINGS, ACK, 0, &[]))?;
        }
        if next.stream == number && matches!(next.kind, HEADERS | DATA) {
            let ends = next.flags & END_STREAM != 0;
            frames.push(next);
            if ends {
                return Ok(frames);
            }
        }
    }
}

/// What a message is made of, and its content.
fn shape(frames: &[Frame]) -> (Vec<u8>, Vec<u8>) {
    let mut kinds: Vec<u8> = frames.iter().map(|frame| frame.kind).collect();
    kinds.dedup();
    let content = frames.iter().filter(|frame| frame.kind == DATA);
    (kinds, content.flat_map(|frame| frame.payload.clone()).collect())
}

fn echo(mut stream: TcpStream, told: &mpsc::Sender<Vec<Frame>>) -> io::Result<()> {
    stream.write_all(&frame(SETTINGS, 0, 0, &[]))?;
    for number in [1, 3] {
        told.send(message(&mut stream, number)?).map_err(io::Error::other)?;
        let mut head = vec![STATUS_200];
        head.extend(literal("content-length", "2"));
        head.extend(match number {
            1 => literal("content-type", "application/grpc"),
            _ => literal("trailer", "grpc-status"),
        });
        stream.write_all(&frame(HEADERS, END_HEADERS, number, &head))?;
        stream.write_all(&frame(DATA, 0, number, b"ok"))?;
        stream.write_all(&frame(
            HEADERS,
            END_HEADERS | END_STREAM,
            number,
            &literal("grpc-status", "7"),
        ))?;
    }
    Ok(())
}

#[test]
fn trailers_that_were_announced_follow_a_declared_length() -> Outcome {
    let (told, seen) = mpsc::channel();
    let backend = backend(move |stream| echo(stream, &told))?;
    let balancer = Balancer::start(1, |ports| behind(ports[0], backend))?;
    let mut client = connect(balancer.ports()[0], 65_535)?;
    for number in [1, 3] {
        let mut head = request("POST");
        head.extend(literal("content-length", "4"));
        head.extend(literal("trailer", "x-sum"));
        client.write_all(&frame(HEADERS, END_HEADERS, number, &head))?;
        client.write_all(&frame(DATA, 0, number, b"ping"))?;
        client.write_all(&frame(
            HEADERS,
            END_HEADERS | END_STREAM,
            number,
            &literal("x-sum", "42"),
        ))?;
        let asked = seen.recv_timeout(SOON)?;
        assert_eq!(shape(&asked), (vec![HEADERS, DATA, HEADERS], b"ping".to_vec()));
        let answered = message(&mut client, number)?;
        assert_eq!(shape(&answered), (vec![HEADERS, DATA, HEADERS], b"ok".to_vec()));
    }
    Ok(())
}
