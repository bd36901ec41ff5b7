use crate::balance::{self, Algorithm, Field};
use crate::bonds;
use crate::budget::Budget;
use crate::dice::Dice;
use crate::home::HomeLine;
use crate::{BackendId, Permit, Stay, View, rendezvous};
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
    /// Where its client belongs.
    pub wish: Wish,
    /// Called from the line before its home: may pass those who wait there.
    pub first_at_home: bool,
}

/// Where a request's client belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Wish {
    /// Nowhere.
    #[default]
    None,
    /// To this backend, as its cookie says. While that may not be used, to whom the key draws.
    Home {
        /// Whose it is.
        backend: BackendId,
        /// The client's number.
        key: u64,
    },
    /// To the backend that the pool remembers for this key; if there is none, to whom the key draws, from now on.
    Key(u64),
    /// To another than its own for this time, to whom the key draws: the wait for its home took too long.
    Elsewhere(u64),
}

impl Wish {
    /// After a wait for its home that took too long.
    #[must_use]
    pub fn elsewhere(self) -> Wish {
        match self {
            Wish::None => Wish::None,
            Wish::Home { backend: _, key } | Wish::Key(key) | Wish::Elsewhere(key) => Wish::Elsewhere(key),
        }
    }
}

/// Where a request goes.
#[derive(Debug)]
pub enum Choice {
    /// There.
    Go(Permit),
    /// Every candidate is at its cap, or others wait already: wait at the gate.
    Full,
    /// Its home is at its cap, or others wait for it already: wait in this line for a while, then choose with
    /// [`Wish::elsewhere`]. One that was called from the gate does so at once.
    HomeFull(HomeLine),
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
        match request.wish {
            Wish::None => self.choose_any(request, now),
            Wish::Home { .. } | Wish::Key(_) | Wish::Elsewhere(_) => self.choose_sticky(request, now),
        }
    }

    fn choose_any(&mut self, request: &Request<'_>, now: Moment) -> Choice {
        if self.view.candidates.is_empty() {
            return Choice::Nothing;
        }
        self.earn(request, now);
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

    fn choose_sticky(&mut self, request: &Request<'_>, now: Moment) -> Choice {
        if !request.first_at_home && !matches!(request.wish, Wish::Elsewhere(_)) {
            self.earn(request, now);
        }
        let (home, key) = self.home(request.wish);
        if let Some(index) = home
            && let Some(choice) = self.go_home(request, index, now)
        {
            return choice;
        }
        if self.view.candidates.is_empty() {
            return Choice::Nothing;
        }
        if !request.first_in_line && self.view.gate.waiting() > 0 {
            return Choice::Full;
        }
        let drawn = self.draw(request, request.avoid, key, now);
        let drawn = drawn.or_else(|| {
            let again = !request.avoid.is_empty();
            again.then(|| self.draw(request, &[], key, now)).flatten()
        });
        let Some(permit) = drawn else {
            return Choice::Full;
        };
        let stay = match (request.wish, home) {
            (Wish::Elsewhere(_), _) | (_, Some(_)) => Stay::Away,
            (Wish::None | Wish::Home { .. } | Wish::Key(_), None) => Stay::New,
        };
        if let (Stay::New, Some(bonds)) = (stay, &self.view.bonds) {
            bonds.remember(key, bonds::number(permit.id()));
        }
        Choice::Go(permit.staying(stay, true))
    }

    /// The index of the client's backend, if it has one that has not left the pool; and its key.
    fn home(&self, wish: Wish) -> (Option<u16>, u64) {
        let (index, key) = match wish {
            Wish::None => (None, 0),
            Wish::Home { backend, key } => (self.view.index(backend), key),
            Wish::Key(key) => {
                let number = self.view.bonds.as_ref().and_then(|bonds| bonds.find(key));
                (number.and_then(|number| self.view.numbered(number)), key)
            }
            Wish::Elsewhere(key) => (None, key),
        };
        let stays = |index: &u16| !self.view.members[usize::from(*index)].leaving;
        (index.filter(stays), key)
    }

    /// `None`: it may not be used now, or was tried already.
    fn go_home(&mut self, request: &Request<'_>, index: u16, now: Moment) -> Option<Choice> {
        let member = &self.view.members[usize::from(index)];
        if !member.takes_its_own() || request.avoid.contains(&member.id) {
            return None;
        }
        let capped = member.cap != u32::MAX;
        let others_wait = member.load.waiting() > 0 || (member.candidate && self.view.gate.waiting() > 0);
        let polite = capped && others_wait && !request.first_at_home && !request.first_in_line;
        let entered = if polite { None } else { enter(&self.view, index, now) };
        let Some(permit) = entered else {
            return Some(Choice::HomeFull(HomeLine::new(Arc::clone(&member.load))));
        };
        Some(Choice::Go(permit.staying(Stay::Home, member.candidate)))
    }

    /// The open candidate that the key draws.
    fn draw(&self, request: &Request<'_>, avoid: &[BackendId], key: u64, now: Moment) -> Option<Permit> {
        let field = Field {
            view: &self.view,
            avoid,
            hash: request.hash,
            first_in_line: request.first_in_line,
            now,
        };
        let open = || self.view.candidates.iter().copied().filter(|index| field.open(*index));
        for _ in 0..TRIES {
            let index = rendezvous::pick(&self.view, open(), key)?;
            if let Some(permit) = enter(&self.view, index, now) {
                return Some(permit);
            }
        }
        open().find_map(|index| enter(&self.view, index, now))
    }

    fn earn(&mut self, request: &Request<'_>, now: Moment) {
        if request.avoid.is_empty() && !request.first_in_line {
            self.budget.earn(self.view.retry.budget.0, now);
        }
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
            first_in_line: request.first_in_line,
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
