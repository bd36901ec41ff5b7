//! One connection of the load.

use std::io;
use std::net::SocketAddr;
use std::time::Instant;

use crate::certificate::Client;
use crate::channel::Channel;
use crate::reactor::{self, Reactor};
use crate::response::Reader;

/// Where a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Closed,
    Connecting,
    /// Up, and nothing asked.
    Idle,
    /// A request is on its way, this much of it written.
    Sending(usize),
    /// The whole request is written.
    Waiting,
    /// Answered; the other side has to close.
    Ending,
}

pub(super) struct Connection {
    pub(super) channel: Option<Channel>,
    pub(super) phase: Phase,
    pub(super) reader: Reader,
    /// When the request that is under way was due.
    pub(super) asked: Option<Instant>,
}

impl Connection {
    pub(super) fn closed() -> Self {
        Self {
            channel: None,
            phase: Phase::Closed,
            reader: Reader::default(),
            asked: None,
        }
    }

    /// Begins a connection, which speaks TLS where a `client` is given.
    pub(super) fn open(
        &mut self,
        to: SocketAddr,
        client: Option<&Client>,
        reactor: &Reactor,
        token: usize,
    ) -> Result<(), &'static str> {
        // The old socket goes first, so that its descriptor is free.
        self.channel = None;
        self.reader = Reader::default();
        let stream = reactor::connect(to).map_err(|_| "cannot connect")?;
        reactor.register(&stream, token).map_err(|_| "cannot register")?;
        let session = client.map(Client::session).transpose();
        self.channel = Some(Channel::new(stream, session.map_err(|_| "no TLS session")?));
        self.phase = Phase::Connecting;
        Ok(())
    }

    pub(super) fn close(&mut self) {
        self.channel = None;
        self.phase = Phase::Closed;
        self.asked = None;
    }

    /// Writes as much of the request as the socket takes, from where the last write ended.
    pub(super) fn send(&mut self, request: &[u8]) -> Result<(), &'static str> {
        let (Some(channel), Phase::Sending(mut written)) = (self.channel.as_mut(), self.phase) else {
            return Ok(());
        };
        while written < request.len() {
            match channel.write(&request[written..]) {
                Ok(count) => written += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => return Err("refused"),
                Err(_) => return Err("write failed"),
            }
        }
        self.phase = if written == request.len() {
            Phase::Waiting
        } else {
            Phase::Sending(written)
        };
        Ok(())
    }

    /// What TLS could not write before.
    pub(super) fn flush(&mut self) -> Result<(), &'static str> {
        let flushed = self.channel.as_mut().map_or(Ok(()), Channel::flush);
        flushed.map_err(|_| "write failed")
    }

    /// The other side closed: fine when nothing was asked, or when it was told to.
    pub(super) fn end_word(&self) -> Option<&'static str> {
        match self.phase {
            Phase::Closed | Phase::Idle | Phase::Ending => None,
            Phase::Connecting => Some("refused"),
            Phase::Sending(_) | Phase::Waiting if self.reader.has_begun() => Some("closed within the answer"),
            Phase::Sending(_) | Phase::Waiting => Some("closed without an answer"),
        }
    }
}
