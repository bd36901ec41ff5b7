//! One reactor for each worker thread: it waits for sockets and deadlines and runs the tasks they belong to.
//!
//! A task is an ordinary future. It needs no waker to wait for its own sockets or its own deadline: a socket knows the
//! task that owns it, and a task has one deadline. Whatever happens to any of them queues the task once, and the task
//! looks at what it waits for (so a wake-up too many is harmless). That keeps atomics, allocation and reference
//! counting off the path of a request. Wakers for everything else come from [`waker`].

mod mailbox;

pub use mailbox::Remote;

use crate::clock;
use crate::wheel::Wheel;
use evenkeel_model::Moment;
use mailbox::{Mailbox, Message, TaskWaker};
use mio::{Events, Interest, Poll, Registry, Token};
use slab::Slab;
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll as Ready, Waker};
use std::time::Duration;

/// Events taken from the kernel at once: enough to amortise the call, few enough that deadlines are looked at often.
const EVENTS: usize = 1024;
/// The token of the mailbox's bell; no socket's key comes near it.
const BELL: Token = Token(usize::MAX);
/// A task that nobody is.
const NOBODY: u32 = u32::MAX;

/// A task of this reactor: place and generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskId {
    place: u32,
    generation: u32,
}

/// The deadline passed first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Elapsed;

struct Task {
    /// Taken out while it runs.
    future: Option<Pin<Box<dyn Future<Output = ()>>>>,
    generation: u32,
    queued: bool,
    /// What the task waits for at most.
    deadline: Moment,
    /// When the wheel will look at it next.
    fires: Moment,
}

pub(crate) struct SocketCell {
    task: u32,
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    /// The other side will send nothing more.
    pub(crate) read_closed: bool,
    /// The connection is gone in both directions or broken.
    pub(crate) gone: bool,
}

struct Reactor {
    poll: RefCell<Poll>,
    registry: Registry,
    mailbox: Arc<Mailbox>,
    tasks: RefCell<Slab<Task>>,
    sockets: RefCell<Slab<SocketCell>>,
    queue: RefCell<VecDeque<u32>>,
    wheel: RefCell<Wheel<TaskId>>,
    current: Cell<u32>,
    generation: Cell<u32>,
    now: Cell<Moment>,
    stopped: Cell<bool>,
    panics: Cell<u64>,
    /// Sockets that belong to nobody had an event: idle connections that their other side ended.
    orphans: Cell<bool>,
    after_batch: RefCell<Option<Box<dyn FnMut()>>>,
}

thread_local! {
    static REACTOR: OnceCell<Reactor> = const { OnceCell::new() };
}

fn with<R>(f: impl FnOnce(&Reactor) -> R) -> R {
    REACTOR.with(|cell| match cell.get() {
        Some(reactor) => f(reactor),
        None => unreachable!("used on a thread that is no worker"),
    })
}

/// Makes this thread a worker.
///
/// # Errors
/// When the kernel refuses an epoll set or an eventfd, or when this thread is a worker already.
pub fn begin() -> io::Result<Remote> {
    let poll = Poll::new()?;
    let registry = poll.registry().try_clone()?;
    let bell = mio::Waker::new(&registry, BELL)?;
    let mailbox = Arc::new(Mailbox {
        messages: Mutex::new(Vec::new()),
        bell,
    });
    let now = clock::now();
    let reactor = Reactor {
        poll: RefCell::new(poll),
        registry,
        mailbox: mailbox.clone(),
        tasks: RefCell::new(Slab::new()),
        sockets: RefCell::new(Slab::new()),
        queue: RefCell::new(VecDeque::new()),
        wheel: RefCell::new(Wheel::new(now)),
        current: Cell::new(NOBODY),
        generation: Cell::new(0),
        now: Cell::new(now),
        stopped: Cell::new(false),
        panics: Cell::new(0),
        orphans: Cell::new(false),
        after_batch: RefCell::new(None),
    };
    REACTOR.with(|cell| {
        cell.set(reactor)
            .map_err(|_| io::Error::new(io::ErrorKind::AlreadyExists, "this thread is a worker already"))
    })?;
    Ok(Remote { mailbox })
}

/// Runs until [`stop`] is called on this thread.
///
/// # Errors
/// When waiting for events fails, which the kernel does only for a broken epoll set.
pub fn run() -> io::Result<()> {
    let mut events = Events::with_capacity(EVENTS);
    let mut due = Vec::new();
    with(|reactor| {
        while !reactor.stopped.get() {
            reactor.run_queue();
            reactor.call_after_batch();
            reactor.wait(&mut events)?;
            reactor.take_events(&events);
            reactor.take_due(&mut due);
        }
        Ok(())
    })
}

/// Ends [`run`] after the batch under way; the tasks that are left are dropped with the thread.
pub fn stop() {
    with(|reactor| reactor.stopped.set(true));
}

/// The moment at which the batch under way began: read once for each batch of events.
pub fn now() -> Moment {
    with(|reactor| reactor.now.get())
}

/// How many tasks panicked (each was dropped alone) since the worker began.
pub fn panics() -> u64 {
    with(|reactor| reactor.panics.get())
}

/// Called after each batch of tasks, before the worker waits: the place to flush what was gathered.
pub fn after_batch(f: Box<dyn FnMut()>) {
    with(|reactor| *reactor.after_batch.borrow_mut() = Some(f));
}

/// Whether a socket that belongs to nobody had an event since the last call.
pub fn orphans_had_events() -> bool {
    with(|reactor| reactor.orphans.replace(false))
}

/// Starts a task; it runs with the next batch.
pub fn spawn(future: impl Future<Output = ()> + 'static) -> TaskId {
    let future = Box::pin(future);
    with(|reactor| {
        let generation = reactor.generation.get().wrapping_add(1);
        reactor.generation.set(generation);
        let task = Task {
            future: Some(future),
            generation,
            queued: true,
            deadline: Moment::NEVER,
            fires: Moment::NEVER,
        };
        let place = reactor.tasks.borrow_mut().insert(task) as u32;
        reactor.queue.borrow_mut().push_back(place);
        TaskId { place, generation }
    })
}

/// The task that runs.
pub fn current() -> TaskId {
    with(|reactor| {
        let place = reactor.current.get();
        let generation = reactor
            .tasks
            .borrow()
            .get(place as usize)
            .map_or(0, |task| task.generation);
        TaskId { place, generation }
    })
}

/// Queues a task of this worker.
pub fn wake(task: TaskId) {
    with(|reactor| reactor.wake(task));
}

/// Queues every task of this worker: something that any of them may wait for has changed (the worker stops).
pub fn wake_everyone() {
    with(|reactor| {
        let places: Vec<usize> = reactor.tasks.borrow().iter().map(|(place, _)| place).collect();
        for place in places {
            reactor.queue_task(place as u32);
        }
    });
}

/// The current reactor's handle for other threads.
pub fn remote() -> Remote {
    with(|reactor| Remote {
        mailbox: reactor.mailbox.clone(),
    })
}

/// A waker of the task that runs, for what is neither its socket nor its deadline. May be used on any thread.
pub fn waker() -> Waker {
    Waker::from(Arc::new(TaskWaker {
        remote: remote(),
        task: current(),
    }))
}

/// Lets everything else that is ready run first.
pub async fn yield_now() {
    let mut yielded = false;
    poll_fn(|_| {
        if yielded {
            return Ready::Ready(());
        }
        yielded = true;
        wake(current());
        Ready::Pending
    })
    .await;
}

/// Waits until `deadline`.
pub async fn sleep_until(deadline: Moment) {
    let _ = within(deadline, || Ready::<()>::Pending).await;
}

/// Asks `poll` at each wake-up of the task until it is ready or `deadline` has passed.
///
/// # Errors
/// [`Elapsed`] when the deadline came first.
pub async fn within<T>(deadline: Moment, mut poll: impl FnMut() -> Ready<T>) -> Result<T, Elapsed> {
    poll_fn(|_| match poll() {
        Ready::Ready(value) => Ready::Ready(Ok(value)),
        Ready::Pending if now() >= deadline => Ready::Ready(Err(Elapsed)),
        Ready::Pending => {
            arm(deadline);
            Ready::Pending
        }
    })
    .await
}

/// Sets the deadline of the task that runs: it is woken then at the latest. A task has one; the last call counts.
pub fn arm(deadline: Moment) {
    if deadline == Moment::NEVER {
        return;
    }
    with(|reactor| {
        let place = reactor.current.get();
        if let Some(task) = reactor.tasks.borrow_mut().get_mut(place as usize) {
            task.deadline = deadline;
            if task.fires > deadline {
                let id = TaskId {
                    place,
                    generation: task.generation,
                };
                task.fires = reactor.wheel.borrow_mut().insert(deadline, id);
            }
        }
    });
}

/// Registers a source; the task that runs owns it.
pub(crate) fn register(source: &mut impl mio::event::Source) -> io::Result<u32> {
    with(|reactor| {
        let cell = SocketCell {
            task: reactor.current.get(),
            // Tried before asked: what is there already costs no wait.
            readable: true,
            writable: true,
            read_closed: false,
            gone: false,
        };
        let key = reactor.sockets.borrow_mut().insert(cell);
        let interest = Interest::READABLE | Interest::WRITABLE;
        if let Err(error) = reactor.registry.register(source, Token(key), interest) {
            reactor.sockets.borrow_mut().remove(key);
            return Err(error);
        }
        Ok(key as u32)
    })
}

/// Forgets a source that is being closed (closing takes it out of the epoll set).
pub(crate) fn forget(key: u32) {
    // At the end of the thread the reactor may be gone before the socket.
    let _ = REACTOR.try_with(|cell| {
        if let Some(reactor) = cell.get() {
            let _ = reactor.sockets.borrow_mut().try_remove(key as usize);
        }
    });
}

/// Makes the running task the owner of a socket.
pub(crate) fn adopt(key: u32) {
    with(|reactor| {
        let current = reactor.current.get();
        cell_of(reactor, key, |cell| cell.task = current);
    });
}

/// Makes nobody the owner of a socket.
pub(crate) fn release(key: u32) {
    with(|reactor| cell_of(reactor, key, |cell| cell.task = NOBODY));
}

pub(crate) fn cell<R>(key: u32, f: impl FnOnce(&mut SocketCell) -> R) -> R {
    with(|reactor| cell_of(reactor, key, f))
}

fn cell_of<R>(reactor: &Reactor, key: u32, f: impl FnOnce(&mut SocketCell) -> R) -> R {
    match reactor.sockets.borrow_mut().get_mut(key as usize) {
        Some(cell) => f(cell),
        None => unreachable!("a socket keeps its cell as long as it lives"),
    }
}

impl Reactor {
    /// Runs what is queued now; what these queue runs after the next look at the sockets.
    fn run_queue(&self) {
        let mut context = Context::from_waker(Waker::noop());
        let count = self.queue.borrow().len();
        for _ in 0..count {
            let Some(place) = self.queue.borrow_mut().pop_front() else {
                break;
            };
            let future = match self.tasks.borrow_mut().get_mut(place as usize) {
                Some(task) => {
                    task.queued = false;
                    task.future.take()
                }
                None => None,
            };
            let Some(mut future) = future else { continue };
            self.current.set(place);
            let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(&mut context)));
            match polled {
                Ok(Ready::Pending) => {
                    if let Some(task) = self.tasks.borrow_mut().get_mut(place as usize) {
                        task.future = Some(future);
                    }
                }
                Ok(Ready::Ready(())) => self.end_task(place, future),
                Err(_) => {
                    // The hook has printed where; one broken conversation must not take the others with it.
                    self.panics.set(self.panics.get() + 1);
                    self.end_task(place, future);
                }
            }
            self.current.set(NOBODY);
        }
    }

    fn end_task(&self, place: u32, future: Pin<Box<dyn Future<Output = ()>>>) {
        // Dropping runs destructors that may use the reactor: no borrow may be held meanwhile.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(future)));
        self.tasks.borrow_mut().try_remove(place as usize);
    }

    fn call_after_batch(&self) {
        if let Some(f) = self.after_batch.borrow_mut().as_mut()
            && catch_unwind(AssertUnwindSafe(f)).is_err()
        {
            // A worker that ended here would leave its clients waiting for ever.
            self.panics.set(self.panics.get() + 1);
        }
    }

    fn wait(&self, events: &mut Events) -> io::Result<()> {
        let timeout = if !self.queue.borrow().is_empty() || self.stopped.get() {
            Some(Duration::ZERO)
        } else {
            self.wheel.borrow().next().map(|at| at.since(clock::now()))
        };
        let result = self.poll.borrow_mut().poll(events, timeout);
        self.now.set(clock::now());
        match result {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                events.clear();
                Ok(())
            }
            other => other,
        }
    }

    fn take_events(&self, events: &Events) {
        for event in events {
            if event.token() == BELL {
                self.take_messages();
                continue;
            }
            let mut owner = NOBODY;
            if let Some(cell) = self.sockets.borrow_mut().get_mut(event.token().0) {
                owner = cell.task;
                cell.readable |= event.is_readable() || event.is_read_closed() || event.is_error();
                cell.writable |= event.is_writable() || event.is_write_closed() || event.is_error();
                cell.read_closed |= event.is_read_closed();
                cell.gone |= event.is_error() || event.is_write_closed();
                if owner == NOBODY {
                    self.orphans.set(true);
                }
            }
            self.queue_task(owner);
        }
    }

    fn take_messages(&self) {
        let messages = {
            let mut messages = self.mailbox.messages.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *messages)
        };
        for message in messages {
            match message {
                Message::Wake(task) => self.wake(task),
                Message::Run(job) => {
                    if catch_unwind(AssertUnwindSafe(job)).is_err() {
                        self.panics.set(self.panics.get() + 1);
                    }
                }
            }
        }
    }

    fn take_due(&self, due: &mut Vec<TaskId>) {
        let now = self.now.get();
        self.wheel.borrow_mut().expire(now, due);
        for id in due.drain(..) {
            let mut tasks = self.tasks.borrow_mut();
            let Some(task) = tasks.get_mut(id.place as usize) else {
                continue;
            };
            // A later entry than the one that counts is what an earlier `arm` left behind.
            if task.generation != id.generation || task.fires > now {
                continue;
            }
            if task.deadline <= now {
                task.fires = Moment::NEVER;
                drop(tasks);
                self.queue_task(id.place);
            } else {
                task.fires = self.wheel.borrow_mut().insert(task.deadline, id);
            }
        }
    }

    fn wake(&self, id: TaskId) {
        let same = self
            .tasks
            .borrow()
            .get(id.place as usize)
            .is_some_and(|task| task.generation == id.generation);
        if same {
            self.queue_task(id.place);
        }
    }

    fn queue_task(&self, place: u32) {
        if let Some(task) = self.tasks.borrow_mut().get_mut(place as usize)
            && !task.queued
        {
            task.queued = true;
            self.queue.borrow_mut().push_back(place);
        }
    }
}

#[cfg(test)]
mod tests;
