//! The loop of the closed and the open load.

use std::collections::{BTreeMap, VecDeque};
use std::io::ErrorKind;
use std::time::{Duration, Instant};

use super::connection::{Connection, Phase};
use super::outcome::{Outcome, Tally};
use super::schedule::Schedule;
use super::{Mode, Options};
use crate::certificate::Client;
use crate::channel::{Received, Space};
use crate::failure::Failure;
use crate::meter::{self, Cpu};
use crate::reactor::{Reactor, Ready};
use crate::response::Progress;

/// One read takes at most this much.
const BUFFER_BYTES: usize = 128 * 1024;

/// An open loop opens no more connections than this; further requests wait, and their latency counts on.
const OPEN_CONNECTIONS_MAX: usize = 4096;

/// A load with more errors than this has nothing more to tell.
const ERRORS_MAX: u64 = 10_000;

/// How long after an open loop's window its last requests may take.
const DRAIN_MAX: Duration = Duration::from_secs(5);

/// A request of a closed loop without an answer for so long at the end of the window is an error.
const STUCK_AFTER: Duration = Duration::from_secs(3);

pub(super) struct Engine<'a> {
    options: &'a Options,
    /// How TLS is spoken, where it is.
    client: Option<Client>,
    request: Vec<u8>,
    reactor: Reactor,
    connections: Vec<Connection>,
    /// Connections of an open loop that were idle when they came here; one that is not any more is skipped.
    idle: VecDeque<usize>,
    /// Requests of an open loop that are due and have no connection.
    backlog: VecDeque<Instant>,
    schedule: Option<Schedule>,
    /// Connections to be opened again at the next turn.
    closed: Vec<usize>,
    space: Space,
    tally: Tally,
    errors: BTreeMap<&'static str, u64>,
    reopened: u64,
    /// Whether completions are counted now (closed loop).
    counting: bool,
    /// The moments whose requests are counted (open loop).
    window: (Instant, Instant),
    /// Requests of the window that are due and not answered (open loop).
    outstanding: u64,
}

/// CPU clocks and the time they were read at.
struct Reading {
    at: Instant,
    watched: Cpu,
    own: Cpu,
    machine: Duration,
}

impl<'a> Engine<'a> {
    pub(super) fn new(options: &'a Options) -> Result<Self, Failure> {
        let start = Instant::now();
        let begin = start + options.warmup;
        Ok(Self {
            options,
            client: options.tls.as_deref().map(Client::trusting).transpose()?,
            request: super::request(options),
            reactor: Reactor::new()?,
            connections: Vec::new(),
            idle: VecDeque::new(),
            backlog: VecDeque::new(),
            schedule: match options.mode {
                Mode::Open { rate, arrivals } => Some(Schedule::new(start, rate, arrivals, options.seed)),
                Mode::Closed | Mode::PerRequest | Mode::Streams(_) | Mode::Idle => None,
            },
            closed: Vec::new(),
            space: Space::new(BUFFER_BYTES),
            tally: Tally::new(),
            errors: BTreeMap::new(),
            reopened: 0,
            counting: false,
            window: (begin, begin + options.window),
            outstanding: 0,
        })
    }

    pub(super) fn run(mut self) -> Result<Outcome, Failure> {
        let watched = self.options.watch.map(meter::tree).transpose()?.unwrap_or_default();
        let mut own = vec![std::process::id()];
        own.extend(self.options.companion);
        let read = || Reading {
            watched: Cpu::of(&watched),
            own: Cpu::of(&own),
            machine: meter::machine(),
            at: Instant::now(),
        };

        self.connections
            .extend((0..self.options.connections).map(|_| Connection::closed()));
        self.closed = (0..self.options.connections).collect();
        let mut begun: Option<Reading> = None;
        let mut ended: Option<Reading> = None;
        let mut ready = Vec::new();
        loop {
            let now = Instant::now();
            if begun.is_none() && now >= self.window.0 {
                begun = Some(read());
                self.counting = true;
            }
            let enough = self
                .options
                .requests
                .is_some_and(|requests| self.tally.completed >= requests);
            if ended.is_none() && (now >= self.window.1 || enough) {
                ended = Some(read());
                self.window.1 = self.window.1.min(now);
                self.counting = false;
            }
            if ended.is_some() && (self.schedule.is_none() || self.outstanding == 0 || now >= self.window.1 + DRAIN_MAX)
            {
                break;
            }
            self.turn(now, ended.is_some(), &mut ready)?;
        }
        let (Some(begun), Some(ended)) = (begun, ended) else {
            return Err(Failure::new("the window ended before it began"));
        };
        self.count_unanswered(ended.at);
        let watched_cpu = ended.watched.since(begun.watched);
        let own_cpu = ended.own.since(begun.own);
        let machine_cpu = ended.machine.saturating_sub(begun.machine);
        Ok(Outcome {
            tally: self.tally,
            window: ended.at - begun.at,
            errors: self.errors,
            reopened: self.reopened,
            watched_cpu: self.options.watch.map(|_| watched_cpu),
            own_cpu: Some(own_cpu),
            others_cpu: Some(machine_cpu.saturating_sub(watched_cpu + own_cpu)),
            idle: None,
        })
    }

    /// Sends what is due, waits and handles what came.
    fn turn(&mut self, now: Instant, ended: bool, ready: &mut Vec<Ready>) -> Result<(), Failure> {
        for index in std::mem::take(&mut self.closed) {
            self.open(index);
        }
        if !ended {
            self.send_due(now);
        }
        let mut until = if ended {
            self.window.1 + DRAIN_MAX
        } else {
            self.window.1
        };
        if !ended {
            if !self.counting {
                until = until.min(self.window.0);
            }
            if let Some(schedule) = &self.schedule {
                until = until.min(schedule.next());
            }
        }
        if !self.closed.is_empty() {
            until = now;
        }
        self.reactor.wait(Some(until.saturating_duration_since(now)), ready)?;
        for event in ready.iter() {
            if let Err(word) = self.handle(*event) {
                self.fail(event.token, word);
            }
        }
        let errors: u64 = self.errors.values().sum();
        if errors > ERRORS_MAX {
            return Err(Failure::new(format!(
                "gave up after {errors} errors: {:?}",
                self.errors
            )));
        }
        Ok(())
    }

    fn is_counted(&self, asked: Option<Instant>) -> bool {
        asked.is_some_and(|asked| asked >= self.window.0 && asked < self.window.1)
    }

    fn send_due(&mut self, now: Instant) {
        while let Some(due) = self.schedule.as_mut().and_then(|schedule| schedule.due(now)) {
            if self.is_counted(Some(due)) {
                self.outstanding += 1;
            }
            self.dispatch(due);
        }
    }

    /// Gives a request that is due to an idle connection, to a new one, or to the backlog.
    fn dispatch(&mut self, due: Instant) {
        while let Some(index) = self.idle.pop_front() {
            if self.connections[index].phase == Phase::Idle {
                return self.ask(index, due);
            }
        }
        if self.connections.len() < OPEN_CONNECTIONS_MAX {
            let index = self.connections.len();
            self.connections.push(Connection::closed());
            self.connections[index].asked = Some(due);
            return self.open(index);
        }
        self.backlog.push_back(due);
    }

    fn open(&mut self, index: usize) {
        if let Err(word) = self.connections[index].open(self.options.to, self.client.as_ref(), &self.reactor, index) {
            self.fail(index, word);
        }
    }

    fn ask(&mut self, index: usize, due: Instant) {
        let connection = &mut self.connections[index];
        connection.asked = Some(due);
        connection.phase = Phase::Sending(0);
        if let Err(word) = connection.send(&self.request) {
            self.fail(index, word);
        }
    }

    fn fail(&mut self, index: usize, word: &'static str) {
        *self.errors.entry(word).or_default() += 1;
        if self.schedule.is_some() && self.is_counted(self.connections[index].asked) {
            self.outstanding -= 1;
        }
        self.connections[index].close();
        self.closed.push(index);
    }

    fn handle(&mut self, ready: Ready) -> Result<(), &'static str> {
        let index = ready.token;
        if ready.writable {
            match self.connections[index].phase {
                Phase::Connecting if !ready.ended => self.connected(index),
                Phase::Sending(_) => self.connections[index].send(&self.request)?,
                Phase::Waiting => self.connections[index].flush()?,
                Phase::Connecting | Phase::Closed | Phase::Idle | Phase::Ending => {}
            }
        }
        if ready.readable {
            let mut space = std::mem::take(&mut self.space);
            let result = self.receive(index, ready.ended, &mut space);
            self.space = space;
            result?;
        }
        Ok(())
    }

    /// The connection is up: ask what it was opened for.
    fn connected(&mut self, index: usize) {
        match (self.options.mode, self.connections[index].asked) {
            (_, Some(due)) => self.ask(index, due),
            (Mode::Closed | Mode::PerRequest, None) => self.ask(index, Instant::now()),
            (Mode::Open { .. } | Mode::Streams(_) | Mode::Idle, None) => self.rest(index),
        }
    }

    fn rest(&mut self, index: usize) {
        self.connections[index].phase = Phase::Idle;
        self.connections[index].asked = None;
        match self.backlog.pop_front() {
            Some(due) => self.ask(index, due),
            None => self.idle.push_back(index),
        }
    }

    fn receive(&mut self, index: usize, ended: bool, space: &mut Space) -> Result<(), &'static str> {
        loop {
            let connection = &mut self.connections[index];
            let Some(channel) = connection.channel.as_mut() else {
                return Ok(());
            };
            let (bytes, drained) = match channel.receive(space) {
                Ok(Received::Ended) => return self.closed_by_peer(index),
                Ok(Received::Bytes { bytes, drained }) => (bytes, drained),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => return Err("refused"),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return Err("reset"),
                Err(error) if error.kind() == ErrorKind::InvalidData => return Err("bad TLS"),
                Err(_) => return Err("read failed"),
            };
            // TLS has words of its own that bring nothing.
            if bytes.is_empty() {
                // Perhaps the one that was waited for to send the request.
                self.connections[index].send(&self.request)?;
            } else {
                self.feed(index, bytes)?;
            }
            if drained && !ended {
                return Ok(());
            }
        }
    }

    fn feed(&mut self, index: usize, bytes: &[u8]) -> Result<(), &'static str> {
        let connection = &mut self.connections[index];
        match connection.phase {
            Phase::Waiting => match connection.reader.feed(bytes, self.options.expected)? {
                Progress::Complete => self.complete(index),
                Progress::Partial => {}
            },
            Phase::Sending(_) => return Err("answer before the request was sent"),
            Phase::Closed | Phase::Connecting | Phase::Idle => return Err("bytes nobody asked for"),
            Phase::Ending => return Err("bytes after the answer"),
        }
        Ok(())
    }

    fn closed_by_peer(&mut self, index: usize) -> Result<(), &'static str> {
        let connection = &mut self.connections[index];
        if let Some(word) = connection.end_word() {
            return Err(word);
        }
        let was_ending = connection.phase == Phase::Ending;
        connection.close();
        if was_ending {
            self.open(index);
        } else {
            self.reopened += 1;
            self.closed.push(index);
        }
        Ok(())
    }

    fn complete(&mut self, index: usize) {
        let now = Instant::now();
        let asked = self.connections[index].asked.take();
        let counted = if self.schedule.is_some() {
            self.is_counted(asked)
        } else {
            self.counting
        };
        if let (true, Some(asked)) = (counted, asked) {
            self.tally.record(now.saturating_duration_since(asked));
        }
        match self.options.mode {
            Mode::Closed => self.ask(index, now),
            Mode::PerRequest => self.connections[index].phase = Phase::Ending,
            Mode::Open { .. } | Mode::Streams(_) | Mode::Idle => {
                if counted {
                    self.outstanding -= 1;
                }
                self.rest(index);
            }
        }
    }

    /// What never came counts too: as an error, and in an open loop with the time it was waited for.
    fn count_unanswered(&mut self, end: Instant) {
        if self.schedule.is_some() {
            let waited = DRAIN_MAX;
            for _ in 0..self.outstanding {
                self.tally.record(waited);
                self.tally.completed -= 1;
                *self.errors.entry("unanswered").or_default() += 1;
            }
            return;
        }
        for connection in &self.connections {
            if connection.asked.is_some_and(|asked| asked + STUCK_AFTER < end) {
                *self.errors.entry("unanswered").or_default() += 1;
            }
        }
    }
}
