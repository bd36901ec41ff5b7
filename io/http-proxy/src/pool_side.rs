//! A pool as one worker sees it: its chooser, its idle connections, its counters.

use crate::conduit::Conduit;
use crate::links::Links;
use crate::reach::Speech;
use crate::reason::Reason;
use crate::stats::{Counter, Histogram, Stats};
use crate::sticky::StickySide;
use arc_swap::{ArcSwap, Cache};
use evenkeel_model::{Moment, Name, Sticky};
use evenkeel_net::{Elapsed, reactor, within};
use evenkeel_pool::{BackendId, Choice, Chooser, HomeLine, Permit, Request, Shared, View};
use evenkeel_route::sticky::Cookie;
use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::Deref;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

/// A request whose client's backend is full waits there for this part of the time that it may wait at all; the rest is
/// left for finding a place elsewhere. HAProxy waits all of it and then answers 503; but a client that loses its
/// session once is better off than one that gets an error.
const HOME_PART: u32 = 2;

/// Lets the cache of views own the pool that it reads.
struct Views(Arc<Shared>);

impl Deref for Views {
    type Target = ArcSwap<View>;

    fn deref(&self) -> &ArcSwap<View> {
        self.0.views()
    }
}

pub(crate) struct PoolSide {
    pub(crate) shared: Arc<Shared>,
    views: RefCell<Cache<Views, Arc<View>>>,
    chooser: RefCell<Chooser>,
    /// The connections that clients share.
    pub(crate) links: Rc<Links>,
    seconds: RefCell<HashMap<BackendId, Arc<Histogram>, foldhash::fast::RandomState>>,
    pub(crate) retries: Arc<Counter>,
    pub(crate) sticky: RefCell<StickySide>,
    stats: Arc<Stats>,
    worker: usize,
}

impl PoolSide {
    pub(crate) fn new(shared: Arc<Shared>, speech: Speech, stats: &Arc<Stats>, worker: usize, seed: u64) -> PoolSide {
        let view = shared.views().load_full();
        PoolSide {
            views: RefCell::new(Cache::new(Views(shared.clone()))),
            chooser: RefCell::new(Chooser::new(view, seed)),
            links: Rc::new(Links::new(speech)),
            seconds: RefCell::default(),
            retries: stats.retries(&shared.name, worker),
            sticky: RefCell::default(),
            stats: stats.clone(),
            worker,
            shared,
        }
    }

    /// Brings the chooser up to the newest view and lets `f` use it.
    fn with_chooser<R>(&self, f: impl FnOnce(&mut Chooser) -> R) -> R {
        let mut views = self.views.borrow_mut();
        let view = views.load();
        let mut chooser = self.chooser.borrow_mut();
        if !Arc::ptr_eq(view, chooser.view()) {
            chooser.update(view.clone());
            self.sticky.borrow_mut().update(view);
        }
        f(&mut chooser)
    }

    /// How clients of the pool are known again, from now on.
    pub(crate) fn take_sticky(&self, sticky: Option<&Sticky>, cookie: Option<&Arc<Cookie>>) {
        let counts = match sticky {
            Some(_) => self.stats.sticky(&self.shared.name, self.worker),
            None => Arc::default(),
        };
        let mut side = StickySide::new(sticky, cookie, counts);
        side.update(&self.view());
        *self.sticky.borrow_mut() = side;
    }

    /// The newest view.
    pub(crate) fn view(&self) -> Arc<View> {
        self.with_chooser(|chooser| chooser.view().clone())
    }

    /// Whether the budget allows one more retry.
    pub(crate) fn may_retry(&self) -> bool {
        self.with_chooser(|chooser| chooser.may_retry(reactor::now()))
    }

    /// Asks for a backend; in line with others when all places are taken.
    ///
    /// # Errors
    /// Why there is none: `NoBackend`, `QueueFull`, `QueueTimeout`, `ClientGone`.
    pub(crate) async fn acquire(&self, client: &Conduit, request: Request<'_>) -> Result<Permit, Reason> {
        match self.with_chooser(|chooser| chooser.choose(&request, reactor::now())) {
            Choice::Go(permit) => Ok(permit),
            Choice::Nothing => Err(Reason::NoBackend),
            Choice::Full => {
                let deadline = reactor::now() + self.view().queue.timeout;
                Box::pin(self.wait_in_line(client, request, deadline)).await
            }
            Choice::HomeFull(line) => Box::pin(self.wait_for_home(client, request, &line)).await,
        }
    }

    /// The client's backend is full: waits there for a while, then goes to any.
    async fn wait_for_home(&self, client: &Conduit, request: Request<'_>, line: &HomeLine) -> Result<Permit, Reason> {
        let view = self.view();
        let begun = reactor::now();
        let elsewhere = Request {
            wish: request.wish.elsewhere(),
            ..request
        };
        // All lines of the pool together have `queue.size` places.
        let others = view.waiting().saturating_sub(line.waiting());
        let turn = Turn::new();
        if let Ok(ticket) = line.wait(turn.waker(), view.queue.size.saturating_sub(others)) {
            let called = Request {
                first_at_home: true,
                ..request
            };
            let until = begun + view.queue.timeout / HOME_PART;
            while turn.comes(client, until).await? {
                match self.with_chooser(|chooser| chooser.choose(&called, reactor::now())) {
                    Choice::Go(permit) => {
                        ticket.took(&permit);
                        return Ok(permit);
                    }
                    Choice::HomeFull(still) if still == *line => line.wait_again(&ticket, turn.waker()),
                    Choice::HomeFull(_) | Choice::Full => break,
                    Choice::Nothing => return Err(Reason::NoBackend),
                }
            }
        }
        match self.with_chooser(|chooser| chooser.choose(&elsewhere, reactor::now())) {
            Choice::Go(permit) => Ok(permit),
            Choice::Nothing => Err(Reason::NoBackend),
            Choice::Full | Choice::HomeFull(_) => {
                self.wait_in_line(client, elsewhere, begun + view.queue.timeout).await
            }
        }
    }

    async fn wait_in_line(&self, client: &Conduit, request: Request<'_>, deadline: Moment) -> Result<Permit, Reason> {
        let mut request = Request {
            first_in_line: true,
            ..request
        };
        let queue = self.view().queue;
        let gate = &self.shared.gate;
        let turn = Turn::new();
        let ticket = gate.wait(turn.waker(), queue.size).map_err(|_| Reason::QueueFull)?;
        loop {
            // Leaving in any way drops the ticket, and a turn that had come passes on to the next in line.
            if !turn.comes(client, deadline).await? {
                return Err(Reason::QueueTimeout);
            }
            let mut choice = self.with_chooser(|chooser| chooser.choose(&request, reactor::now()));
            if matches!(choice, Choice::HomeFull(_)) {
                request.wish = request.wish.elsewhere();
                choice = self.with_chooser(|chooser| chooser.choose(&request, reactor::now()));
            }
            match choice {
                Choice::Go(permit) => {
                    ticket.took(&permit);
                    return Ok(permit);
                }
                Choice::Nothing => return Err(Reason::NoBackend),
                Choice::Full | Choice::HomeFull(_) => gate.wait_again(&ticket, turn.waker()),
            }
        }
    }

    /// The histogram of one backend.
    pub(crate) fn seconds(&self, permit: &Permit) -> Arc<Histogram> {
        let id = permit.id();
        if let Some(histogram) = self.seconds.borrow().get(&id) {
            return histogram.clone();
        }
        let view = self.view();
        let name: Name = view.member(id).map_or_else(|| "?".into(), |member| member.name.clone());
        let histogram = self.stats.backend(&self.shared.name, &name, self.worker);
        self.seconds.borrow_mut().insert(id, histogram.clone());
        histogram
    }

    /// Closes what has been idle for too long or is of no use any more.
    pub(crate) fn sweep(&self, now: Moment) {
        let view = self.view();
        let keep = |id: BackendId| view.member(id).is_some_and(|member| !member.leaving);
        self.links.sweep(now, view.timeouts.idle, keep);
        self.seconds.borrow_mut().retain(|id, _| view.member(*id).is_some());
    }
}

/// Whether it is a waiting request's turn; set by whichever thread gave a place back.
struct Turn {
    flag: Arc<AtomicBool>,
}

impl Turn {
    fn new() -> Turn {
        Turn { flag: Arc::default() }
    }

    fn waker(&self) -> Box<dyn FnOnce() + Send> {
        let flag = self.flag.clone();
        let (remote, task) = (reactor::remote(), reactor::current());
        Box::new(move || {
            flag.store(true, Ordering::Release);
            remote.wake(task);
        })
    }

    fn take(&self) -> bool {
        self.flag.swap(false, Ordering::Acquire)
    }

    /// False: it did not come until the deadline.
    ///
    /// # Errors
    /// `ClientGone`.
    async fn comes(&self, client: &Conduit, deadline: Moment) -> Result<bool, Reason> {
        let waited = within(deadline, || match self.take() || client.is_gone() {
            true => Poll::Ready(()),
            false => Poll::Pending,
        });
        if waited.await == Err(Elapsed) {
            return Ok(false);
        }
        if client.is_gone() {
            return Err(Reason::ClientGone);
        }
        Ok(true)
    }
}
