//! The one task that owns every heart: it tells them what happened and what time it is, and does what they want.

use super::probes::{Asker, Job, Probes, manner};
use super::rates::Rates;
use super::{Happening, Hearts, Kept, Message, PoolKeys, Published, Refused, timer, unknown_backend, unknown_pool};
use crate::clock;
use arc_swap::ArcSwap;
use evenkeel_model::{Backend, Moment, Pool};
use evenkeel_pool::{BackendId, Command, Event, Heart, MEMBERS_MAX, Saved, Shared, Verdict};
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, broadcast, mpsc};
use tokio::time::{Instant, MissedTickBehavior};

/// Between two samples of requests a second.
const SAMPLE_EVERY: Duration = Duration::from_secs(1);
/// A heart whose time is always now must not keep the thread busy.
const SHORTEST_PAUSE: Duration = Duration::from_millis(1);

/// One heart and what belongs to it.
struct Room {
    /// Never reused, so that a verdict finds only the heart that asked.
    number: u64,
    heart: Heart,
    pool: Arc<Pool>,
    shared: Arc<Shared>,
    /// A worker saw a request fail.
    rung: Arc<AtomicBool>,
    samples: Rates,
    rates: Arc<Mutex<HashMap<BackendId, f64>>>,
}

pub(super) struct Keeper {
    inbox: mpsc::Receiver<Message>,
    published: Arc<ArcSwap<Vec<Published>>>,
    happenings: broadcast::Sender<Arc<Happening>>,
    dirty: Arc<Notify>,
    bell: Arc<Notify>,
    probes: Probes,
    /// In the order of the configuration.
    rooms: Vec<Room>,
    /// The pools as they shall be, while a configuration is being taken.
    prepared: Vec<Arc<Pool>>,
    /// Hearts of pools that only the prepared configuration has. They are probed already.
    newcomers: Vec<Room>,
    /// What encrypts probes.
    tls: PoolKeys,
    /// The same of the configuration that is being taken.
    prepared_tls: PoolKeys,
    next_number: u64,
}

impl Keeper {
    pub(super) fn new(inbox: mpsc::Receiver<Message>, hearts: &Hearts) -> Keeper {
        Keeper {
            inbox,
            published: hearts.published.clone(),
            happenings: hearts.happenings.clone(),
            dirty: hearts.dirty.clone(),
            bell: Arc::default(),
            probes: Probes::default(),
            rooms: Vec::new(),
            prepared: Vec::new(),
            newcomers: Vec::new(),
            tls: PoolKeys::new(),
            prepared_tls: PoolKeys::new(),
            next_number: 0,
        }
    }

    /// Until the last handle is dropped.
    pub(super) async fn run(mut self) {
        let mut sampling = tokio::time::interval(SAMPLE_EVERY);
        sampling.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let next = self.every_room().filter_map(|room| room.heart.poll_timeout()).min();
            let next = next.unwrap_or(Moment::NEVER).max(clock::now() + SHORTEST_PAUSE);
            tokio::select! {
                message = self.inbox.recv() => match message {
                    Some(message) => self.receive(message),
                    None => return,
                },
                (asker, verdict) = self.probes.next() => self.verdict(asker, verdict),
                () = self.bell.notified() => self.traffic(),
                () = tokio::time::sleep_until(timer(next)) => {}
                _ = sampling.tick() => self.sample(),
            }
            self.pass_time();
            self.obey();
        }
    }

    fn every_room(&mut self) -> impl Iterator<Item = &mut Room> {
        self.rooms.iter_mut().chain(&mut self.newcomers)
    }

    /// Answers that nobody waits for any more are dropped.
    fn receive(&mut self, message: Message) {
        match message {
            Message::Prepare { pools, tls, reply } => {
                self.prepared_tls = tls;
                drop(reply.send(self.prepare(pools)));
            }
            Message::Commit { reply } => {
                self.commit();
                // Nobody waits for the answer any more.
                let _ = reply.send(());
            }
            Message::Abandon => {
                self.prepared.clear();
                self.newcomers.clear();
                self.prepared_tls.clear();
            }
            Message::Order {
                pool,
                backend,
                order,
                reply,
            } => {
                let event = |backend| Event::Operator { backend, order };
                drop(reply.send(self.tell_backend(&pool, &backend, event)));
            }
            Message::Add { pool, backend, reply } => drop(reply.send(self.add(&pool, backend))),
            Message::Remove { pool, backend, reply } => {
                drop(reply.send(self.tell_backend(&pool, &backend, Event::Remove)));
            }
            Message::Saved { reply } => {
                let kept = self.rooms.iter().map(|room| Kept {
                    pool: room.pool.clone(),
                    saved: room.heart.saved(),
                });
                drop(reply.send(kept.collect()));
            }
        }
    }

    fn prepare(&mut self, pools: Vec<(Pool, Option<Saved>)>) -> Vec<Arc<Shared>> {
        self.prepared.clear();
        self.newcomers.clear();
        let mut shared = Vec::new();
        for (pool, saved) in pools {
            let pool = Arc::new(pool);
            let known = self
                .rooms
                .iter()
                .find(|room| room.pool.name == pool.name)
                .map(|room| room.shared.clone());
            shared.push(known.unwrap_or_else(|| self.newcomer(&pool, saved.as_ref())));
            self.prepared.push(pool);
        }
        shared
    }

    fn newcomer(&mut self, pool: &Arc<Pool>, saved: Option<&Saved>) -> Arc<Shared> {
        let seed = RandomState::new().hash_one(self.next_number);
        let heart = Heart::new(pool, saved, seed, clock::now());
        let shared = heart.shared();
        let rung = Arc::new(AtomicBool::new(false));
        let (ring, bell) = (rung.clone(), self.bell.clone());
        shared.set_alarm(Arc::new(move || {
            ring.store(true, Ordering::Release);
            bell.notify_one();
        }));
        self.newcomers.push(Room {
            number: self.next_number,
            heart,
            pool: pool.clone(),
            shared: shared.clone(),
            rung,
            samples: Rates::default(),
            rates: Arc::default(),
        });
        self.next_number += 1;
        shared
    }

    fn commit(&mut self) {
        let now = clock::now();
        self.tls = std::mem::take(&mut self.prepared_tls);
        let mut before: Vec<Room> = self.rooms.drain(..).chain(self.newcomers.drain(..)).collect();
        for pool in self.prepared.drain(..) {
            let Some(index) = before.iter().position(|room| room.pool.name == pool.name) else {
                continue;
            };
            let mut room = before.swap_remove(index);
            if *room.pool != *pool {
                room.heart.handle(Event::Configure(Pool::clone(&pool)), now);
                room.pool = pool;
            }
            self.rooms.push(room);
        }
        let published = self.rooms.iter().map(|room| Published {
            pool: room.pool.clone(),
            shared: room.shared.clone(),
            rates: room.rates.clone(),
        });
        self.published.store(Arc::new(published.collect()));
        self.dirty.notify_one();
    }

    fn add(&mut self, pool: &str, backend: Backend) -> Result<(), Refused> {
        let room = self.room(pool)?;
        let view = room.shared.load();
        if let Some(there) = view.named(&backend.name) {
            return Err(Refused::NameTaken(there.address.to_string()));
        }
        if let Some(there) = view.named(&backend.address.to_string()) {
            return Err(Refused::AddressTaken(there.name.to_string()));
        }
        if view.members.len() >= MEMBERS_MAX {
            return Err(Refused::Full);
        }
        drop(view);
        room.heart.handle(Event::Add(backend), clock::now());
        self.dirty.notify_one();
        Ok(())
    }

    fn tell_backend(
        &mut self,
        pool: &str,
        backend: &str,
        event: impl FnOnce(BackendId) -> Event,
    ) -> Result<(), Refused> {
        let room = self.room(pool)?;
        let view = room.shared.load();
        let id = view
            .named(backend)
            .map(|member| member.id)
            .ok_or_else(|| unknown_backend(&view))?;
        drop(view);
        room.heart.handle(event(id), clock::now());
        self.dirty.notify_one();
        Ok(())
    }

    fn room(&mut self, pool: &str) -> Result<&mut Room, Refused> {
        match self.rooms.iter().position(|room| &*room.pool.name == pool) {
            Some(index) => Ok(&mut self.rooms[index]),
            None => Err(unknown_pool(&self.published.load())),
        }
    }

    fn verdict(&mut self, asker: Asker, verdict: Verdict) {
        let Asker { heart, backend, probe } = asker;
        if let Some(room) = self.every_room().find(|room| room.number == heart) {
            let event = Event::Probed {
                backend,
                probe,
                verdict,
            };
            room.heart.handle(event, clock::now());
        }
    }

    fn traffic(&mut self) {
        for room in self.every_room() {
            if room.rung.swap(false, Ordering::AcqRel) {
                room.heart.handle(Event::Traffic, clock::now());
            }
        }
    }

    fn pass_time(&mut self) {
        let now = clock::now();
        for room in self.every_room() {
            if room.heart.poll_timeout().is_some_and(|at| at <= now) {
                room.heart.handle_timeout(now);
            }
        }
    }

    /// Does what the hearts want.
    fn obey(&mut self) {
        let Keeper {
            rooms,
            newcomers,
            probes,
            tls,
            prepared_tls,
            ..
        } = self;
        let mut changed = false;
        for room in rooms.iter_mut().chain(newcomers) {
            while let Some(command) = room.heart.poll_command() {
                match command {
                    Command::Probe {
                        backend,
                        probe,
                        name: _,
                        address,
                        check,
                    } => probes.push(Job {
                        asker: Asker {
                            heart: room.number,
                            backend,
                            probe,
                        },
                        manner: manner(
                            &room.pool,
                            prepared_tls.get(&room.pool.name).or(tls.get(&room.pool.name)),
                            &address,
                        ),
                        address,
                        check,
                    }),
                    Command::Changed(change) => {
                        let happening = Happening::of(&change, &room.heart.view());
                        happening.log();
                        // Without subscribers nobody misses it.
                        let _ = self.happenings.send(Arc::new(happening));
                        changed = true;
                    }
                }
            }
        }
        if changed {
            self.dirty.notify_one();
        }
    }

    fn sample(&mut self) {
        let now = Instant::now();
        for room in &mut self.rooms {
            let rates = room.samples.sample(&room.shared.load(), now);
            *room.rates.lock().unwrap_or_else(PoisonError::into_inner) = rates;
        }
    }
}
