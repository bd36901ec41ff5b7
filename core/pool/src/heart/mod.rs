//! The one writer of a pool's truth.

mod backend;
mod command;
mod configure;
mod ejection;
mod panic;
mod probing;
mod publish;
mod saved;
#[cfg(test)]
mod tests;
mod warmup;

pub use command::{Change, Command, Event, Order, ProbeId, Verdict};
pub use saved::{Saved, SavedBackend};

use crate::alarm::Alarm;
use crate::dice::Dice;
use crate::{BackendId, Gate, Shared, View};
use backend::Backend;
use evenkeel_model::{Check, Moment, Pool};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// How often a leaving backend is looked at for its last request's end.
const LEAVING_EVERY: Duration = Duration::from_millis(250);
/// Most commands that wait to be taken; beyond, the oldest change is forgotten (probes are never more than one a
/// backend).
const COMMANDS_MAX: usize = 4 * crate::MEMBERS_MAX;

/// Decides for one pool which backends may have traffic. Does nothing itself: it is told of events and time, and
/// says what it wants.
#[derive(Debug)]
pub struct Heart {
    /// Without its backends: they are below.
    pool: Pool,
    /// The pool's check, as commands carry it.
    check: Option<Arc<Check>>,
    backends: Vec<Backend>,
    next_id: u32,
    next_probe: u64,
    dice: Dice,
    alarm: Arc<Alarm>,
    gate: Arc<Gate>,
    shared: Arc<Shared>,
    view: Arc<View>,
    commands: VecDeque<Command>,
    /// Something that a View shows may have changed.
    changed: bool,
}

impl Heart {
    /// A heart for `pool`. `saved` brings back what the operator decided and what was known before a restart; `seed`
    /// spreads probes over time.
    pub fn new(pool: &Pool, saved: Option<&Saved>, seed: u64, now: Moment) -> Heart {
        let alarm = Arc::new(Alarm::default());
        let gate = Arc::new(Gate::default());
        let view = Arc::new(publish::empty(pool, &gate));
        let mut heart = Heart {
            pool: Pool {
                backends: Vec::new(),
                ..pool.clone()
            },
            check: None,
            backends: Vec::new(),
            next_id: 0,
            next_probe: 0,
            dice: Dice::new(seed),
            shared: Arc::new(Shared::new(Arc::clone(&view), Arc::clone(&alarm))),
            alarm,
            gate,
            view,
            commands: VecDeque::new(),
            changed: true,
        };
        heart.configure(pool, now);
        if let Some(saved) = saved {
            heart.restore(saved, now);
        }
        heart.settle(now);
        heart
            .commands
            .retain(|command| matches!(command, Command::Probe { .. }));
        heart
    }

    /// What doors hold of the pool.
    pub fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    /// The newest View.
    pub fn view(&self) -> Arc<View> {
        Arc::clone(&self.view)
    }

    /// Something happened.
    pub fn handle(&mut self, event: Event, now: Moment) {
        match event {
            Event::Configure(pool) => self.configure(&pool, now),
            Event::Probed {
                backend,
                probe,
                verdict,
            } => self.probed(backend, probe, &verdict, now),
            Event::Traffic => self.look_at_traffic(now),
            Event::Operator { backend, order } => self.obey(backend, order, now),
            Event::Add(backend) => self.add(backend, now),
            Event::Remove(backend) => self.remove(backend, now),
        }
        self.settle(now);
    }

    /// Time passed; call at [`Heart::poll_timeout`], earlier does no harm.
    pub fn handle_timeout(&mut self, now: Moment) {
        self.look_at_traffic(now);
        for index in 0..self.backends.len() {
            self.time_probe(index, now);
            self.time_backend(index, now);
        }
        self.settle(now);
    }

    /// When to call [`Heart::handle_timeout`] next; `None` = only after an event.
    pub fn poll_timeout(&self) -> Option<Moment> {
        let timeouts = self.backends.iter().map(|backend| backend.timeout());
        timeouts.min().filter(|moment| *moment != Moment::NEVER)
    }

    /// What the heart wants done, oldest first.
    pub fn poll_command(&mut self) -> Option<Command> {
        while let Some(command) = self.commands.pop_front() {
            // A probe may have been called off before anybody took it.
            let wanted = match &command {
                Command::Probe { backend, probe, .. } => self.expects(*backend, *probe),
                Command::Changed(_) => true,
            };
            if wanted {
                return Some(command);
            }
        }
        None
    }

    /// What must survive a restart.
    pub fn saved(&self) -> Saved {
        saved::save(&self.backends)
    }

    fn find(&self, id: BackendId) -> Option<usize> {
        self.backends.iter().position(|backend| backend.id == id)
    }

    /// After everything that may have changed something: forget those that left, publish.
    fn settle(&mut self, now: Moment) {
        let count = self.backends.len();
        self.backends.retain_mut(|backend| !backend.gone(now));
        self.changed |= self.backends.len() != count;
        if std::mem::take(&mut self.changed) {
            self.publish();
        }
        debug_assert!(
            publish::same(&self.next_view(), &self.view),
            "a change was not published"
        );
    }

    fn command(&mut self, command: Command) {
        if self.commands.len() >= COMMANDS_MAX {
            self.commands.pop_front();
        }
        self.commands.push_back(command);
    }
}
