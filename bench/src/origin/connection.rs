//! One connection of the origin: requests in, pre-built answers out, in order.

use std::collections::VecDeque;
use std::io::{self, IoSlice, Read, Write};
use std::net::TcpStream;

use super::answers::{Answer, Answers, Asked};
use super::request::parse_head;
use crate::framing::Body;
use crate::reactor::Ready;

/// Answers written with one system call when a client pipelines.
const SLICES_PER_WRITE: usize = 32;

/// What the connection wants next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    Stay,
    /// The connection is over.
    Close,
    /// A service time before `finish_work` may be called; no request is read meanwhile.
    Work,
    /// The same for a check.
    Check,
}

pub(crate) struct Connection {
    stream: TcpStream,
    /// Tells this connection from a later one with the same token.
    pub(crate) serial: u64,
    /// Which of the origin's addresses it came to.
    pub(crate) backend: usize,
    /// Bytes not used yet: an incomplete head, or requests behind one at work.
    kept: Vec<u8>,
    receiving: Option<Receiving>,
    out: VecDeque<(&'static [u8], usize)>,
    at_work: Option<Doing>,
    last: bool,
    ended: bool,
}

struct Receiving {
    body: Body,
    then: Doing,
}

#[derive(Clone, Copy)]
struct Doing {
    asked: Asked,
    head_only: bool,
    last: bool,
}

impl Connection {
    pub(crate) fn new(stream: TcpStream, serial: u64, backend: usize) -> Self {
        Self {
            stream,
            serial,
            backend,
            kept: Vec::new(),
            receiving: None,
            out: VecDeque::new(),
            at_work: None,
            last: false,
            ended: false,
        }
    }

    pub(crate) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Reads and writes as far as the sockets go. `buffer` is shared by all connections.
    pub(crate) fn handle(&mut self, ready: Ready, answers: &Answers, buffer: &mut [u8]) -> io::Result<Wish> {
        let mut wish = Wish::Stay;
        if ready.readable {
            loop {
                let length = match self.stream.read(buffer) {
                    Ok(0) => {
                        self.ended = true;
                        break;
                    }
                    Ok(length) => length,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(error) => return Err(error),
                };
                wish = self.take(&buffer[..length], answers, wish);
                if length < buffer.len() && !ready.ended {
                    break;
                }
            }
        }
        self.flush()?;
        Ok(self.or_close(wish))
    }

    /// The service time is over: answer, then read what came meanwhile.
    pub(crate) fn finish_work(&mut self, answers: &Answers) -> io::Result<Wish> {
        let Some(doing) = self.at_work.take() else {
            return Ok(Wish::Stay);
        };
        let answer = match doing.asked {
            Asked::Answer(answer) | Asked::Check(answer) => answer,
            Asked::Work => answers.small,
        };
        self.push(answer, doing.head_only);
        let kept = std::mem::take(&mut self.kept);
        let wish = self.take(&kept, answers, Wish::Stay);
        self.flush()?;
        Ok(self.or_close(wish))
    }

    fn or_close(&self, wish: Wish) -> Wish {
        let finished = self.out.is_empty() && self.at_work.is_none();
        if self.ended || (self.last && finished) {
            Wish::Close
        } else {
            wish
        }
    }

    fn take(&mut self, input: &[u8], answers: &Answers, mut wish: Wish) -> Wish {
        if !self.kept.is_empty() || self.at_work.is_some() {
            self.kept.extend_from_slice(input);
            if self.at_work.is_some() {
                return wish;
            }
            let kept = std::mem::take(&mut self.kept);
            return self.take(&kept, answers, wish);
        }
        let mut rest = input;
        while !rest.is_empty() && !self.last && self.at_work.is_none() {
            if let Some(receiving) = self.receiving.as_mut() {
                let Ok(taken) = receiving.body.advance(rest) else {
                    return self.refuse(answers.bad_request);
                };
                rest = &rest[taken..];
                if receiving.body.is_complete() {
                    let then = receiving.then;
                    self.receiving = None;
                    wish = self.perform(then, wish);
                }
                continue;
            }
            let head = match parse_head(rest, answers) {
                Ok(Some(head)) => head,
                Ok(None) => break,
                Err(answer) => return self.refuse(answer),
            };
            rest = &rest[head.length..];
            let then = Doing {
                asked: head.asked,
                head_only: head.head_only,
                last: head.last,
            };
            match head.body {
                Some(body) => {
                    if head.continue_expected {
                        self.out.push_back((b"HTTP/1.1 100 Continue\r\n\r\n", 0));
                    }
                    self.receiving = Some(Receiving { body, then });
                }
                None => wish = self.perform(then, wish),
            }
        }
        self.kept.extend_from_slice(rest);
        wish
    }

    fn perform(&mut self, doing: Doing, wish: Wish) -> Wish {
        self.last = doing.last;
        match doing.asked {
            Asked::Answer(answer) => {
                self.push(answer, doing.head_only);
                wish
            }
            Asked::Check(_) => {
                self.at_work = Some(doing);
                Wish::Check
            }
            Asked::Work => {
                self.at_work = Some(doing);
                Wish::Work
            }
        }
    }

    fn refuse(&mut self, answer: Answer) -> Wish {
        self.push(answer, false);
        self.last = true;
        Wish::Stay
    }

    fn push(&mut self, answer: Answer, head_only: bool) {
        let bytes = if head_only {
            &answer.bytes[..answer.head_length]
        } else {
            answer.bytes
        };
        self.out.push_back((bytes, 0));
    }

    /// Writes until everything is out or the socket is full; its next edge calls again.
    fn flush(&mut self) -> io::Result<()> {
        while let Some((first, written)) = self.out.front() {
            let result = if self.out.len() == 1 {
                self.stream.write(&first[*written..])
            } else {
                let slices = self
                    .out
                    .iter()
                    .take(SLICES_PER_WRITE)
                    .map(|(bytes, at)| IoSlice::new(&bytes[*at..]));
                self.stream.write_vectored(&slices.collect::<Vec<_>>())
            };
            let mut count = match result {
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            while let Some((bytes, at)) = self.out.front_mut() {
                let taken = count.min(bytes.len() - *at);
                *at += taken;
                count -= taken;
                if *at < bytes.len() {
                    break;
                }
                self.out.pop_front();
            }
        }
        Ok(())
    }
}
