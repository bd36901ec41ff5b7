//! The door as the control plane holds it: it starts the workers and hands them what is configured.

use crate::accept::{self, Entrance};
use crate::access_log::{Lines, Report, Sink};
use crate::door::{Builder, Door};
use crate::explain::{self, Asked, Explained};
use crate::pool_side::PoolSide;
use crate::rules::Limits;
use crate::setup::Setup;
use crate::stats::Stats;
use crate::sticky::{self, Cookies};
use crate::world::World;
use evenkeel_model::{AccessLog, BindAddress, Config, Name};
use evenkeel_net::listen::{self, Bound, Listening};
use evenkeel_net::{Remote, reactor};
use evenkeel_pool::Shared;
use evenkeel_route::Router;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long the workers may take to begin with a new configuration. They do it between two batches of events.
const APPLY: Duration = Duration::from_secs(10);
/// How long the last lines of the access logs may take to be written: a disk that is stuck must not keep the process.
const LAST_LINES: Duration = Duration::from_secs(1);
/// Between two looks at whether the last connection has ended.
const LOOK: Duration = Duration::from_millis(5);

/// New sockets for an address: one for each worker.
type NewSockets = (BindAddress, Vec<Bound>);

/// The workers.
pub struct Server {
    workers: Vec<Remote>,
    stats: Arc<Stats>,
    report: Report,
    configured: Mutex<Configured>,
}

/// What the workers have been told.
#[derive(Default)]
struct Configured {
    bound: Vec<BindAddress>,
    sinks: Vec<(AccessLog, Arc<Sink>)>,
}

thread_local! {
    static WORKER: RefCell<Option<Worker>> = const { RefCell::new(None) };
}

/// What a worker's thread keeps besides its tasks.
struct Worker {
    world: Rc<World>,
    entrances: HashMap<BindAddress, Rc<Entrance>>,
}

/// What one worker is told.
struct Order {
    setup: Arc<Setup>,
    sockets: Vec<(BindAddress, Bound)>,
    sinks: Vec<(AccessLog, Arc<Sink>)>,
    cookies: Arc<Cookies>,
}

impl Server {
    /// Starts `workers` threads without listeners. `report` tells the operator of what goes wrong beside requests.
    ///
    /// # Errors
    /// When the system gives no thread or no epoll set.
    pub fn start(workers: usize, report: Arc<dyn Fn(&str) + Send + Sync>) -> io::Result<Server> {
        let stats = Arc::new(Stats::default());
        let limits = Arc::new(Limits::new());
        let mut remotes = Vec::with_capacity(workers);
        for index in 0..workers.max(1) {
            let (sender, receiver) = channel();
            let (stats, limits) = (stats.clone(), limits.clone());
            std::thread::Builder::new()
                .name(format!("worker-{index}"))
                .spawn(move || work(index, &stats, limits, &sender))?;
            let begun = receiver
                .recv()
                .map_err(|_| io::Error::other("a worker ended before it began"))?;
            remotes.push(begun?);
        }
        Ok(Server {
            workers: remotes,
            stats,
            report,
            configured: Mutex::default(),
        })
    }

    /// Makes a configuration count. What is new is bound first; on any failure nothing has changed.
    ///
    /// # Errors
    /// One sentence for each address that could not be bound and each log that could not be opened.
    pub fn apply(&self, setup: Setup) -> Result<(), Vec<String>> {
        let mut configured = self.configured.lock().unwrap_or_else(PoisonError::into_inner);
        let mut problems = Vec::new();
        let (bound, sockets) = self.bind(&setup.config, &configured, &mut problems);
        let sinks = self.open_logs(&setup.config, &configured, &mut problems);
        let cookies = Arc::new(sticky::cookies(&setup.config, &mut problems));
        for listener in &setup.config.listeners {
            if let Err(error) = Router::new(&listener.routes) {
                problems.push(format!("listener {}: {error}", listener.name));
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        configured.bound = bound;
        configured.sinks.clone_from(&sinks);
        self.tell_workers(setup, sockets, &sinks, &cookies)
    }

    /// Binds what is not bound yet: for each address one socket for each worker.
    fn bind(
        &self,
        config: &Config,
        configured: &Configured,
        problems: &mut Vec<String>,
    ) -> (Vec<BindAddress>, Vec<NewSockets>) {
        let mut bound = Vec::new();
        let mut sockets = Vec::new();
        for listener in &config.listeners {
            for address in &listener.bind {
                if let Some(old) = configured.bound.iter().find(|old| *old == address) {
                    bound.push(old.clone());
                    continue;
                }
                let shared = bound
                    .iter()
                    .chain(&configured.bound)
                    .any(|other| same_port(other, address));
                // Several sockets on one address are how workers share it; another process must not join in unnoticed.
                let free = if shared { Ok(()) } else { listen::is_free(address) };
                match free.and_then(|()| listen::bind(address, self.workers.len())) {
                    Ok(new) => {
                        bound.push(address.clone());
                        sockets.push((address.clone(), new));
                    }
                    Err(error) => problems.push(cannot_bind(&listener.name, address, &error)),
                }
            }
        }
        (bound, sockets)
    }

    /// Opens what is not open yet, and again what is: a rotation may have moved it.
    fn open_logs(
        &self,
        config: &Config,
        configured: &Configured,
        problems: &mut Vec<String>,
    ) -> Vec<(AccessLog, Arc<Sink>)> {
        let mut sinks: Vec<(AccessLog, Arc<Sink>)> = Vec::new();
        for listener in &config.listeners {
            let to = &listener.access_log;
            if sinks.iter().any(|(open, _)| open == to) {
                continue;
            }
            if let Some(old) = configured.sinks.iter().find(|(open, _)| open == to) {
                old.1.reopen();
                sinks.push(old.clone());
                continue;
            }
            match Sink::open(to, &self.stats, &self.report) {
                Ok(Some(sink)) => sinks.push((to.clone(), sink)),
                Ok(None) => {}
                Err(error) => problems.push(format!("listener {}: access_log {}: {error}", listener.name, place(to))),
            }
        }
        sinks
    }

    fn tell_workers(
        &self,
        setup: Setup,
        mut sockets: Vec<NewSockets>,
        sinks: &[(AccessLog, Arc<Sink>)],
        cookies: &Arc<Cookies>,
    ) -> Result<(), Vec<String>> {
        let setup = Arc::new(setup);
        let (sender, receiver) = channel();
        for remote in &self.workers {
            let own = sockets
                .iter_mut()
                .filter_map(|(address, bound)| Some((address.clone(), bound.pop()?)));
            let order = Order {
                setup: setup.clone(),
                sockets: own.collect(),
                sinks: sinks.to_vec(),
                cookies: cookies.clone(),
            };
            let sender = sender.clone();
            remote.run(Box::new(move || {
                let result = with_worker(|worker| worker.take(order));
                // Nobody listens any more when the control plane has given up waiting.
                let _ = sender.send(result);
            }));
        }
        let mut problems = Vec::new();
        for _ in &self.workers {
            match receiver.recv_timeout(APPLY) {
                Ok(Ok(())) => {}
                Ok(Err(error)) => problems.push(error),
                Err(_) => problems.push("a worker did not take the configuration in time".to_owned()),
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    /// Appends the door's metrics in the Prometheus text format.
    pub fn write_metrics(&self, out: &mut String) {
        self.stats.write(out);
    }

    /// Open client connections of a listener.
    pub fn connections(&self, listener: &str) -> u64 {
        let count = self.stats.connections(&listener.into()).load(Ordering::Relaxed);
        u64::try_from(count).unwrap_or(0)
    }

    /// Requests to this pool by what became of their clients' homes; empty if it keeps no clients.
    pub fn sticky(&self, pool: &str) -> Vec<(&'static str, u64)> {
        self.stats.sticky_counts(pool)
    }

    /// Which way a request would go, and why. Asks a worker and waits for it.
    ///
    /// # Errors
    /// A sentence for people.
    pub fn explain(&self, asked: Asked) -> Result<Explained, String> {
        let worker = self.workers.first().ok_or("there is no worker")?;
        let (sender, receiver) = channel();
        worker.run(Box::new(move || {
            let explained = with_worker(|worker| explain::explain(&worker.world, &asked));
            // Nobody listens any more when this took too long.
            let _ = sender.send(explained);
        }));
        let answer = receiver.recv_timeout(APPLY);
        answer.map_err(|_| "a worker did not answer in time".to_owned())?
    }

    /// Accepts nothing more and lets what is under way finish. Blocks until the last connection has ended; false when
    /// `limit` came first.
    pub fn stop(&self, limit: Duration) -> bool {
        let begun = Instant::now();
        let (sender, closed) = channel();
        for remote in &self.workers {
            let sender = sender.clone();
            remote.run(Box::new(move || with_worker(|worker| worker.stop(&sender))));
        }
        drop(sender);
        // Nothing is ever sent: it ends when every entrance has taken in who waited there, and has dropped its sender.
        // Until then, nobody being here does not mean that nobody is coming.
        let _ = closed.recv_timeout(limit);
        let finished = self.wait_until_left(begun + limit);
        self.write_last_lines();
        finished
    }

    fn wait_until_left(&self, deadline: Instant) -> bool {
        while self.stats.open_connections() > 0 {
            if Instant::now() >= deadline {
                return false;
            }
            std::thread::sleep(LOOK);
        }
        true
    }

    fn write_last_lines(&self) {
        let deadline = Instant::now() + LAST_LINES;
        let (sender, receiver) = channel();
        for remote in &self.workers {
            let sender = sender.clone();
            remote.run(Box::new(move || {
                with_worker(|worker| worker.world.flush_logs());
                // Nobody listens any more when this took too long.
                let _ = sender.send(());
            }));
        }
        for _ in &self.workers {
            let _ = receiver.recv_timeout(deadline.saturating_duration_since(Instant::now()));
        }
        let configured = self.configured.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, sink) in &configured.sinks {
            sink.flush(deadline);
        }
    }
}

/// Whether both may mean the same port of one machine: then one of ours may hold the other's.
fn same_port(one: &BindAddress, other: &BindAddress) -> bool {
    match (one, other) {
        (BindAddress::Tcp { address: one, .. }, BindAddress::Tcp { address: other, .. }) => one.port() == other.port(),
        (BindAddress::Unix(_), _) | (_, BindAddress::Unix(_)) => false,
    }
}

fn place(log: &AccessLog) -> String {
    match log {
        AccessLog::File(path) => path.display().to_string(),
        AccessLog::Off | AccessLog::Stdout | AccessLog::Stderr => String::new(),
    }
}

fn cannot_bind(listener: &Name, address: &BindAddress, error: &io::Error) -> String {
    let advice = match error.kind() {
        io::ErrorKind::AddrInUse => " (another program listens there; `ss -ltnp` shows which)",
        io::ErrorKind::PermissionDenied => " (ports below 1024 need root or CAP_NET_BIND_SERVICE)",
        io::ErrorKind::AddrNotAvailable => " (this machine does not have that address)",
        _ => "",
    };
    format!("listener {listener}: cannot listen on {address}: {error}{advice}")
}

/// A worker's thread.
fn work(index: usize, stats: &Arc<Stats>, limits: Arc<Limits>, begun: &Sender<io::Result<Remote>>) {
    let remote = reactor::begin();
    let failed = remote.is_err();
    if begun.send(remote).is_err() || failed {
        return;
    }
    let seed = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), index);
    let world = Rc::new(World::new(index, stats.clone(), limits, seed));
    reactor::spawn(world.clone().keep_house());
    let housekeeper = world.clone();
    reactor::after_batch(Box::new(move || housekeeper.after_batch()));
    WORKER.with(|worker| {
        *worker.borrow_mut() = Some(Worker {
            world,
            entrances: HashMap::new(),
        });
    });
    if let Err(error) = reactor::run() {
        // Waiting for events fails only when this thread's epoll set is broken: nothing can be saved here.
        eprintln!("worker {index}: {error}");
        std::process::abort();
    }
}

fn with_worker<R>(f: impl FnOnce(&mut Worker) -> R) -> R {
    WORKER.with(|worker| match worker.borrow_mut().as_mut() {
        Some(worker) => f(worker),
        None => unreachable!("orders are run by workers"),
    })
}

impl Worker {
    fn take(&mut self, order: Order) -> Result<(), String> {
        let Order {
            setup,
            sockets,
            sinks,
            cookies,
        } = order;
        self.take_pools(&setup, &cookies);
        self.take_listeners(&setup, &sinks)?;
        self.take_sockets(&setup, sockets)
    }

    fn take_pools(&self, setup: &Setup, cookies: &Cookies) {
        let world = &self.world;
        let mut configured = setup.config.pools.iter();
        world
            .introduces
            .set(configured.any(|pool| pool.send_proxy_protocol.is_some()));
        let mut pools = world.pools.borrow_mut();
        pools.retain(|name, side| {
            let same = |shared: &Arc<Shared>| shared.name == *name && Arc::ptr_eq(shared, &side.shared);
            let stays = setup.pools.iter().any(same);
            if !stays {
                side.links.close();
            }
            stays
        });
        for shared in &setup.pools {
            let speech = setup.speech(&shared.name);
            let side = match pools.get(&shared.name) {
                Some(side) => {
                    side.links.change(speech);
                    side.clone()
                }
                None => {
                    let seed = world.random();
                    let side = PoolSide::new(shared.clone(), speech, &world.stats, world.worker, seed);
                    let side = Rc::new(side);
                    pools.insert(shared.name.clone(), side.clone());
                    side
                }
            };
            let pool = setup.config.pools.iter().find(|pool| pool.name == shared.name);
            side.take_sticky(pool.and_then(|pool| pool.sticky.as_ref()), cookies.get(&shared.name));
        }
    }

    fn take_listeners(&self, setup: &Setup, sinks: &[(AccessLog, Arc<Sink>)]) -> Result<(), String> {
        let world = &self.world;
        let pools = world.pools.borrow();
        let find = |name: &Name| pools.get(name).cloned();
        let guarded = setup.guarded();
        let builder = Builder {
            world,
            pools: &find,
            guarded,
        };
        let mut doors = world.doors.borrow_mut();
        doors.retain(|name, door| {
            let stays = setup.config.listeners.iter().any(|listener| listener.name == *name);
            door.closed.set(!stays);
            stays
        });
        let mut logs: Vec<Rc<Lines>> = Vec::new();
        for listener in &setup.config.listeners {
            let sink = sinks
                .iter()
                .find(|(to, _)| *to == listener.access_log)
                .map(|(_, sink)| sink.clone());
            let ways = builder.ways(listener, sink, setup.listener_tls.get(&listener.name).cloned());
            let ways = Rc::new(ways.ok_or_else(|| format!("listener {}: a route leads nowhere", listener.name))?);
            logs.extend(ways.log.clone());
            match doors.get(&listener.name) {
                Some(door) => *door.ways.borrow_mut() = ways,
                None => {
                    let connections = world.stats.connections(&listener.name);
                    let door = Door {
                        ways: RefCell::new(ways),
                        closed: Cell::new(false),
                        connections,
                    };
                    doors.insert(listener.name.clone(), Rc::new(door));
                }
            }
        }
        // Requests under way will write to the logs that they began with.
        let old = world.logs.take();
        logs.extend(old.into_iter().filter(|lines| Rc::strong_count(lines) > 1));
        *world.logs.borrow_mut() = logs;
        // Those who waited at a door that is closed leave.
        reactor::wake_everyone();
        Ok(())
    }

    fn take_sockets(&mut self, setup: &Setup, sockets: Vec<(BindAddress, Bound)>) -> Result<(), String> {
        let doors = self.world.doors.borrow();
        let mut wanted: HashMap<&BindAddress, &Rc<Door>> = HashMap::new();
        for listener in &setup.config.listeners {
            if let Some(door) = doors.get(&listener.name) {
                wanted.extend(listener.bind.iter().map(|address| (address, door)));
            }
        }
        self.entrances.retain(|address, entrance| match wanted.get(address) {
            Some(door) => {
                *entrance.door.borrow_mut() = (*door).clone();
                true
            }
            None => {
                entrance.close();
                false
            }
        });
        for (address, bound) in sockets {
            let Some(door) = wanted.get(&address) else { continue };
            let entrance = Rc::new(Entrance {
                door: RefCell::new((*door).clone()),
                closing: Cell::new(false),
                task: Cell::new(None),
                closed: RefCell::new(None),
            });
            let (inside, world) = (entrance.clone(), self.world.clone());
            let task = reactor::spawn(async move {
                // Taken into the reactor here, so that this task owns it.
                match Listening::new(bound) {
                    Ok(listening) => accept::run(listening, inside, world).await,
                    Err(error) => eprintln!("cannot watch a listening socket: {error}"),
                }
            });
            entrance.task.set(Some(task));
            self.entrances.insert(address, entrance);
        }
        Ok(())
    }

    fn stop(&mut self, closed: &Sender<Infallible>) {
        self.world.stopping.set(true);
        for (_, entrance) in self.entrances.drain() {
            *entrance.closed.borrow_mut() = Some(closed.clone());
            entrance.close();
        }
        reactor::wake_everyone();
    }
}
