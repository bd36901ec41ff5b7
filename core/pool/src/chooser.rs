use crate::balance::{self, Algorithm, Field};
use crate::budget::Budget;
use crate::dice::Dice;
use crate::{BackendId, Permit, View};
use evenkeel_model::Moment;
use std::sync::Arc;

/// How often a choice is repeated when another worker took the chosen one's last place in between; after that every
/// candidate is asked in turn.
const TRIES: usize = 4;

/// What a choice needs to know of a request.
#[derive(Debug, Clone, Copy, Default)]
pub struct Request<'a> {
    /// Of the key that `balance = "hash"` names; any number otherwise.
    pub hash: u64,
    /// Tried already: another is used if there is one with a place.
    pub avoid: &'a [BackendId],
    /// Called from the gate: may pass those who wait.
    pub first_in_line: bool,
}

/// Where a request goes.
#[derive(Debug)]
pub enum Choice {
    /// There.
    Go(Permit),
    /// Every candidate is at its cap, or others wait already: wait at the gate.
    Full,
    /// There is no candidate.
    Nothing,
}

/// Chooses for one worker: the algorithm's own state and the retry budget. Not shared, takes no lock.
#[derive(Debug)]
pub struct Chooser {
    view: Arc<View>,
    algorithm: Box<dyn Algorithm>,
    budget: Budget,
    dice: Dice,
}

impl Chooser {
    /// For the pool of this View; `seed` should differ between workers.
    pub fn new(view: Arc<View>, seed: u64) -> Chooser {
        let mut dice = Dice::new(seed);
        let mut algorithm = balance::algorithm(&view.balance, dice.next());
        algorithm.update(&view);
        Chooser {
            view,
            algorithm,
            budget: Budget::new(),
            dice,
        }
    }

    /// Takes up a new View; the algorithm keeps what it knows unless the pool's `balance` changed.
    pub fn update(&mut self, view: Arc<View>) {
        if view.balance != self.view.balance {
            self.algorithm = balance::algorithm(&view.balance, self.dice.next());
        }
        self.algorithm.update(&view);
        self.view = view;
    }

    /// The View that choices are made from.
    pub fn view(&self) -> &Arc<View> {
        &self.view
    }

    /// Chooses a backend and takes a place there.
    pub fn choose(&mut self, request: &Request<'_>, now: Moment) -> Choice {
        if self.view.candidates.is_empty() {
            return Choice::Nothing;
        }
        if request.avoid.is_empty() && !request.first_in_line {
            self.budget.earn(self.view.retry.budget.0, now);
        }
        if !request.first_in_line && self.view.gate.waiting() > 0 {
            return Choice::Full;
        }
        if let Some(permit) = self.take(request, request.avoid, now) {
            return Choice::Go(permit);
        }
        if !request.avoid.is_empty()
            && let Some(permit) = self.take(request, &[], now)
        {
            return Choice::Go(permit);
        }
        Choice::Full
    }

    /// Whether one more retry is within the pool's budget; if so it is spent.
    pub fn may_retry(&mut self, now: Moment) -> bool {
        self.budget.spend(now)
    }

    fn take(&mut self, request: &Request<'_>, avoid: &[BackendId], now: Moment) -> Option<Permit> {
        let field = Field {
            view: &self.view,
            avoid,
            hash: request.hash,
            now,
        };
        for _ in 0..TRIES {
            let index = self.algorithm.pick(&field, &mut self.dice)?;
            if let Some(permit) = enter(&self.view, index, now) {
                return Some(permit);
            }
        }
        let mut open = self.view.candidates.iter().copied().filter(|index| field.open(*index));
        open.find_map(|index| enter(&self.view, index, now))
    }
}

fn enter(view: &View, index: u16, now: Moment) -> Option<Permit> {
    let member = &view.members[usize::from(index)];
    let beside = member.load.enter(member.cap, now)?;
    Some(Permit::new(Arc::clone(&member.load), member.id, index, now, beside))
}
