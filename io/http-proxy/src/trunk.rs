//! An HTTP/2 connection on a worker: many streams over one conduit, for clients and for backends.
//!
//! One task, the driver, moves bytes between the conduit and the protocol; each stream belongs to a task of its own,
//! which the driver queues when there is something for it. Nothing is shared with other threads.

mod driver;

use crate::client::{self, Client, Guest};
use crate::conduit::Conduit;
use crate::linger::linger;
use crate::patience::Patience;
use crate::reason::Reason;
use crate::scratch;
use driver::Driver;
use evenkeel_http2::{Connection, ErrorCode, Event, Read, Settings, StreamId, Write};
use evenkeel_model::Moment;
use evenkeel_net::{Elapsed, TaskId, reactor, within};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

/// How long a backend may be silent on all streams together before one that was given up for waiting in vain is a sign
/// that nobody is there any more.
const SILENCE: Duration = Duration::from_secs(1);

/// An HTTP/2 connection that tasks of this worker share.
pub(crate) struct Trunk {
    conduit: Conduit,
    /// Streams are opened by us.
    is_backend: bool,
    connection: RefCell<Connection>,
    lanes: RefCell<HashMap<StreamId, Rc<Lane>, foldhash::fast::RandomState>>,
    driver: Cell<Option<TaskId>>,
    /// No new stream can be opened here.
    closed: Cell<bool>,
    /// The other side has said what it takes.
    ready: Cell<bool>,
    /// The task that waits for that.
    waiting: Cell<Option<TaskId>>,
    /// When something came last.
    heard: Cell<Moment>,
}

/// What the driver knows of a stream.
struct Lane {
    task: Cell<TaskId>,
    gone: Cell<bool>,
}

/// The connection has come to its end.
struct Over;

/// One stream, as a conduit. Dropping it says the other side what is necessary.
pub(crate) struct Stream {
    trunk: Rc<Trunk>,
    id: StreamId,
    lane: Rc<Lane>,
    since: Moment,
}

impl Trunk {
    fn new(connection: Connection, conduit: Conduit, is_backend: bool) -> Rc<Trunk> {
        Rc::new(Trunk {
            conduit,
            is_backend,
            connection: RefCell::new(connection),
            lanes: RefCell::default(),
            driver: Cell::new(None),
            closed: Cell::new(false),
            ready: Cell::new(false),
            waiting: Cell::new(None),
            heard: Cell::new(reactor::now()),
        })
    }

    /// A backend's connection, driven by a task of its own until it has been idle for `idle`.
    pub(crate) fn to_backend(conduit: Conduit, settings: &Settings, idle: Duration) -> Rc<Trunk> {
        let trunk = Trunk::new(Connection::client(settings, reactor::now()), conduit, true);
        let task = reactor::spawn(drive_backend(trunk.clone(), idle));
        trunk.driver.set(Some(task));
        trunk
    }

    /// Waits until the other side has said how many streams it takes and what may be asked there; whether it did before
    /// `deadline`. Streams that are opened on luck may be refused.
    pub(crate) async fn is_ready(&self, deadline: Moment) -> Result<bool, Elapsed> {
        self.waiting.set(Some(reactor::current()));
        let ready = within(deadline, || match (self.closed.get(), self.ready.get()) {
            (true, _) => Poll::Ready(false),
            (false, true) => Poll::Ready(true),
            (false, false) => Poll::Pending,
        });
        ready.await
    }

    fn wake_waiting(&self) {
        if let Some(task) = self.waiting.take() {
            reactor::wake(task);
        }
    }

    /// Whether no new stream can ever be opened here.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.get()
    }

    /// Takes no new streams; those under way go on.
    pub(crate) fn close(&self) {
        self.closed.set(true);
        self.connection.borrow_mut().go_away(reactor::now());
        self.wake_driver();
    }

    /// A new stream for the task that runs; `None` when the backend allows no more at the moment.
    pub(crate) fn open(self: &Rc<Trunk>) -> Option<Stream> {
        if !self.ready.get() {
            return None;
        }
        self.first()
    }

    /// The same before it is known how many there may be: for the task that will wait until it is.
    pub(crate) fn first(self: &Rc<Trunk>) -> Option<Stream> {
        if self.closed.get() {
            return None;
        }
        let id = self.connection.borrow_mut().open()?;
        Some(self.stream(id, reactor::current()))
    }

    fn stream(self: &Rc<Trunk>, id: StreamId, task: TaskId) -> Stream {
        let lane = Rc::new(Lane {
            task: Cell::new(task),
            gone: Cell::new(false),
        });
        self.lanes.borrow_mut().insert(id, lane.clone());
        Stream {
            trunk: self.clone(),
            id,
            lane,
            since: reactor::now(),
        }
    }

    fn wake_driver(&self) {
        if let Some(driver) = self.driver.get() {
            reactor::wake(driver);
        }
    }

    /// Moves what can be moved; whether anything was. `opened` is told of each new stream.
    fn step(self: &Rc<Trunk>, patience: &mut Patience, opened: &mut dyn FnMut(StreamId)) -> Result<bool, Over> {
        let sent = self.flush(patience)?;
        // Also while it does not take what we have for it: if it thought likewise, both would wait for ever. What may
        // come is bounded by the windows, and what makes us answer by the limits of the connection.
        let read = self.receive()?;
        self.tell(opened);
        Ok(sent | read)
    }

    fn receive(&self) -> Result<bool, Over> {
        scratch::with(|buffer| match self.conduit.try_read(buffer) {
            Ok(None) => Ok(false),
            Ok(Some(0)) | Err(_) => Err(Over),
            Ok(Some(length)) => {
                self.heard.set(reactor::now());
                self.take(&buffer[..length]).map(|()| true)
            }
        })
    }

    fn take(&self, bytes: &[u8]) -> Result<(), Over> {
        let taken = self.connection.borrow_mut().receive(bytes, reactor::now());
        taken.map_err(|_| {
            self.last_words();
            Over
        })
    }

    /// Why the connection ends is said in what fits the kernel's buffer.
    fn last_words(&self) {
        let _ = self.flush(&mut Patience::new(Duration::ZERO));
        self.conduit.end_writing();
    }

    fn flush(&self, patience: &mut Patience) -> Result<bool, Over> {
        let mut connection = self.connection.borrow_mut();
        let mut moved = false;
        while !connection.output().is_empty() {
            match self.conduit.try_write(connection.output()) {
                Ok(None) => break,
                Ok(Some(count)) => {
                    connection.sent(count);
                    patience.moved(count);
                    moved = true;
                }
                Err(_) => return Err(Over),
            }
        }
        if self.conduit.has_unsent() {
            self.conduit.try_flush().map_err(|_| Over)?;
        }
        Ok(moved)
    }

    /// Tells the streams' tasks what has happened.
    fn tell(&self, opened: &mut dyn FnMut(StreamId)) {
        loop {
            let event = self.connection.borrow_mut().poll_event();
            match event {
                None => return,
                Some(Event::Opened(id)) => opened(id),
                Some(Event::Readable(id) | Event::Writable(id)) => self.wake_lane(id, false),
                Some(Event::Ended(id)) => self.wake_lane(id, true),
                Some(Event::GoAway) => {
                    self.closed.set(true);
                    self.wake_waiting();
                }
                Some(Event::Ready) => {
                    self.ready.set(true);
                    self.wake_waiting();
                }
            }
        }
    }

    fn wake_lane(&self, id: StreamId, gone: bool) {
        if let Some(lane) = self.lanes.borrow().get(&id) {
            lane.gone.set(lane.gone.get() | gone);
            reactor::wake(lane.task.get());
        }
    }

    /// Nothing more can be read or written: every stream learns it.
    fn end(&self) {
        self.closed.set(true);
        self.wake_waiting();
        for lane in self.lanes.borrow().values() {
            lane.gone.set(true);
            reactor::wake(lane.task.get());
        }
    }

    /// Whether all is said and sent.
    fn is_done(&self) -> bool {
        self.connection.borrow().is_finished() && !self.is_waiting_to_send()
    }

    /// Gives back what is only kept for the next streams.
    fn rest(&self) {
        self.connection.borrow_mut().rest();
        self.lanes.borrow_mut().shrink_to_fit();
    }

    fn is_waiting_to_send(&self) -> bool {
        !self.connection.borrow().output().is_empty() || self.conduit.has_unsent()
    }
}

/// Serves a client that speaks HTTP/2 until it leaves. `early` has been read already.
pub(crate) async fn serve(guest: Rc<Guest>, conduit: Conduit, early: &[u8]) {
    let ways = guest.ways();
    let timeouts = ways.listener.timeouts;
    let settings = Settings {
        max_head_bytes: ways.listener.max_header_size,
        head_within: Some(timeouts.header),
        ..Settings::default()
    };
    let reasons = ways.reasons.clone();
    drop(ways);
    let trunk = Trunk::new(Connection::server(&settings, reactor::now()), conduit, false);
    trunk.driver.set(Some(reactor::current()));
    let mut opened = |id| {
        let stream = trunk.stream(id, reactor::current());
        let lane = stream.lane.clone();
        let client = Client {
            conduit: Conduit::Stream(stream),
            guest: guest.clone(),
        };
        lane.task.set(reactor::spawn(client::serve_stream(client)));
    };
    if trunk.take(early).is_ok() {
        trunk.tell(&mut opened);
        let leaving = || guest.is_leaving();
        let mut driver = Driver::new(&trunk, timeouts.idle, timeouts.request, &leaving, &mut opened);
        driver.drive().await;
    }
    // Of requests that were never understood nobody else hears.
    reasons.add(Reason::BadRequest, trunk.connection.borrow().faults().0);
    trunk.end();
    if trunk.connection.borrow().is_finished() {
        // It may have sent more before it heard why we leave; a cut would take our last words away from it.
        linger(|| trunk.conduit.end_writing(), |buffer| trunk.conduit.try_read(buffer)).await;
    }
}

async fn drive_backend(trunk: Rc<Trunk>, idle: Duration) {
    trunk.conduit.adopt();
    let mut nobody = |_| {};
    Driver::new(&trunk, idle, idle, &|| false, &mut nobody).drive().await;
    trunk.end();
}

impl Stream {
    pub(crate) fn try_read(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        let read = self.trunk.connection.borrow_mut().read(self.id, buffer);
        match read {
            Read::Bytes(count) => {
                // The room that this made may be news for the other side.
                self.push();
                Ok(Some(count))
            }
            Read::Nothing if self.lane.gone.get() => Err(io::ErrorKind::ConnectionReset.into()),
            Read::Nothing => Ok(None),
            Read::End => Ok(Some(0)),
            Read::Broken(_) => Err(io::ErrorKind::ConnectionReset.into()),
        }
    }

    pub(crate) fn try_write(&self, bytes: &[u8]) -> io::Result<Option<usize>> {
        if self.lane.gone.get() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let written = self.trunk.connection.borrow_mut().write(self.id, bytes);
        match written {
            Write::Took(0) => Ok(None),
            Write::Took(count) => {
                self.push();
                Ok(Some(count))
            }
            Write::Broken(_) => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// Lets the driver send what is there.
    fn push(&self) {
        if !self.trunk.connection.borrow().output().is_empty() {
            self.trunk.wake_driver();
        }
    }

    pub(crate) fn may_read(&self) -> bool {
        self.trunk.connection.borrow().may_read(self.id)
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.lane.gone.get()
    }

    /// The other side has said that it did nothing with the request.
    pub(crate) fn is_refused(&self) -> bool {
        self.trunk.connection.borrow().is_refused(self.id)
    }

    /// What was wrong with what the other side said, if that ended the stream.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        self.trunk.connection.borrow().fault(self.id)
    }

    pub(crate) fn end_writing(&self) {
        self.trunk.connection.borrow_mut().end_writing(self.id);
        self.push();
    }

    pub(crate) fn reset(self) {
        self.trunk
            .connection
            .borrow_mut()
            .reset(self.id, ErrorCode::INTERNAL_ERROR);
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.trunk.lanes.borrow_mut().remove(&self.id);
        self.trunk.connection.borrow_mut().close(self.id);
        let now = reactor::now();
        if self.trunk.heard.get() <= self.since && now >= self.since + SILENCE && self.trunk.is_backend {
            self.trunk.close();
        }
        // The driver looks whether it is the last that was waited for.
        self.trunk.wake_driver();
    }
}
