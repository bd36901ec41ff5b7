//! Idle keep-alive connections: opened, used once, then held while the balancer's memory is read.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::Options;
use super::connection::{Connection, Phase};
use super::outcome::{Idle, Outcome, Tally};
use crate::certificate::Client;
use crate::channel::{Received, Space};
use crate::failure::Failure;
use crate::meter;
use crate::reactor::{Reactor, Ready};
use crate::response::Progress;

/// Connections that are being opened or asked on at the same time.
const AT_ONCE: usize = 64;

/// Between the last answer and the reading, so that what is only lent has been given back.
const SETTLE: Duration = Duration::from_millis(1000);

/// All connections must be up and answered by then.
const OPENING_MAX: Duration = Duration::from_secs(60);

const BUFFER_BYTES: usize = 64 * 1024;

struct Holder<'a> {
    options: &'a Options,
    client: Option<Client>,
    request: Vec<u8>,
    reactor: Reactor,
    connections: Vec<Connection>,
    answered: usize,
    lost: u64,
    tally: Tally,
    space: Space,
}

/// Opens, holds, reads.
pub(super) fn run(options: &Options) -> Result<Outcome, Failure> {
    let watch = options
        .watch
        .ok_or_else(|| Failure::new("idle connections cost nothing to nobody: give --watch PID"))?;
    let watched = meter::tree(watch)?;
    let mut holder = Holder {
        options,
        client: options.tls.as_deref().map(Client::trusting).transpose()?,
        request: super::request(options),
        reactor: Reactor::new()?,
        connections: Vec::with_capacity(options.connections),
        answered: 0,
        lost: 0,
        tally: Tally::new(),
        space: Space::new(BUFFER_BYTES),
    };
    let memory_before = meter::memory(&watched)?;
    let start = Instant::now();
    holder.open_all(start + OPENING_MAX)?;
    let opening = start.elapsed();
    holder.hold(Instant::now() + SETTLE)?;
    let memory_after = meter::memory(&watched)?;
    Ok(Outcome {
        tally: holder.tally,
        window: opening,
        errors: BTreeMap::new(),
        reopened: 0,
        watched_cpu: None,
        own_cpu: None,
        others_cpu: None,
        idle: Some(Idle {
            connections: holder.answered as u64,
            lost: holder.lost,
            memory_before,
            memory_after,
        }),
    })
}

impl Holder<'_> {
    fn open_all(&mut self, deadline: Instant) -> Result<(), Failure> {
        let mut ready = Vec::new();
        while self.answered < self.options.connections {
            let now = Instant::now();
            if now >= deadline {
                return Err(Failure::new(format!(
                    "only {} connections were answered",
                    self.answered
                )));
            }
            while self.connections.len() < self.options.connections && self.connections.len() < self.answered + AT_ONCE
            {
                let token = self.connections.len();
                let mut connection = Connection::closed();
                connection
                    .open(self.options.to, self.client.as_ref(), &self.reactor, token)
                    .map_err(Failure::new)?;
                connection.asked = Some(now);
                self.connections.push(connection);
            }
            self.reactor.wait(Some(deadline - now), &mut ready)?;
            self.handle(&ready)?;
        }
        Ok(())
    }

    fn hold(&mut self, until: Instant) -> Result<(), Failure> {
        let mut ready = Vec::new();
        while let Some(remaining) = until
            .checked_duration_since(Instant::now())
            .filter(|rest| !rest.is_zero())
        {
            self.reactor.wait(Some(remaining), &mut ready)?;
            self.handle(&ready)?;
        }
        Ok(())
    }

    fn handle(&mut self, ready: &[Ready]) -> Result<(), Failure> {
        for event in ready {
            let connection = &mut self.connections[event.token];
            if event.writable && connection.phase == Phase::Connecting && !event.ended {
                connection.phase = Phase::Sending(0);
                connection.send(&self.request).map_err(Failure::new)?;
            }
            if event.readable {
                self.receive(event.token)?;
            }
        }
        Ok(())
    }

    fn receive(&mut self, token: usize) -> Result<(), Failure> {
        let connection = &mut self.connections[token];
        let Some(channel) = connection.channel.as_mut() else {
            return Ok(());
        };
        let bytes = match channel.receive(&mut self.space) {
            Ok(Received::Bytes { bytes: [], .. }) => return Ok(()),
            Ok(Received::Bytes { bytes, .. }) => bytes,
            Ok(Received::Ended) => {
                if let Some(word) = connection.end_word() {
                    return Err(Failure::new(word));
                }
                connection.close();
                self.lost += 1;
                return Ok(());
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        if connection.phase != Phase::Waiting {
            return Err(Failure::new("bytes nobody asked for"));
        }
        match connection
            .reader
            .feed(bytes, self.options.expected)
            .map_err(Failure::new)?
        {
            Progress::Partial => {}
            Progress::Complete => {
                connection.phase = Phase::Idle;
                self.answered += 1;
                if let Some(asked) = connection.asked.take() {
                    self.tally.record(asked.elapsed());
                }
            }
        }
        Ok(())
    }
}
