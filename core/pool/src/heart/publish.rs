use super::Heart;
use crate::balance::Ring;
use crate::bonds::{self, Bonds};
use crate::dice::hash_bytes;
use crate::{Gate, Member, Membership, View};
use evenkeel_model::{Balance, Pool, Sticky};
use std::sync::Arc;

/// The View before the first.
pub(super) fn empty(pool: &Pool, gate: &Arc<Gate>) -> View {
    View {
        pool: Arc::clone(&pool.name),
        generation: 0,
        members: Box::default(),
        candidates: Box::default(),
        panicking: false,
        capped: false,
        balance: pool.balance.clone(),
        ring: None,
        sticky: None,
        bonds: None,
        by_number: Box::default(),
        retry: pool.retry,
        queue: pool.queue,
        timeouts: pool.timeouts,
        gate: Arc::clone(gate),
    }
}

impl Heart {
    /// Makes the View anew and, if it differs, swaps it in whole and calls those who wait and may have a place now.
    pub(super) fn publish(&mut self) {
        let view = self.next_view();
        if same(&view, &self.view) {
            return;
        }
        let (ring, bonds) = (self.ring(&view), self.bonds(&view));
        let by_number = numbers(&view.members);
        self.view = Arc::new(View {
            ring,
            bonds,
            by_number,
            ..view
        });
        self.shared.publish(Arc::clone(&self.view));
        self.admit();
    }

    /// The View as it should be now, but for its ring.
    pub(super) fn next_view(&self) -> View {
        let candidates = self.candidates();
        let mut members: Box<[Member]> = (0..self.backends.len()).map(|index| self.member(index)).collect();
        for index in &candidates.indexes {
            members[usize::from(*index)].candidate = true;
        }
        let capped = candidates
            .indexes
            .iter()
            .any(|index| members[usize::from(*index)].cap != u32::MAX);
        View {
            pool: Arc::clone(&self.pool.name),
            generation: self.view.generation + 1,
            members,
            candidates: candidates.indexes.into_boxed_slice(),
            panicking: candidates.panicking,
            capped,
            balance: self.pool.balance.clone(),
            ring: None,
            sticky: self.pool.sticky.clone(),
            bonds: None,
            by_number: Box::default(),
            retry: self.pool.retry,
            queue: self.pool.queue,
            timeouts: self.pool.timeouts,
            gate: Arc::clone(&self.gate),
        }
    }

    fn member(&self, index: usize) -> Member {
        let backend = &self.backends[index];
        let rise = self.pool.check.as_ref().map_or(1, |check| check.rise);
        Member {
            id: backend.id,
            name: Arc::clone(&backend.spec.name),
            address: backend.spec.address.clone(),
            weight: backend.weight,
            scaled_weight: backend.warmup.scale(backend.weight),
            cap: backend
                .spec
                .max_connections
                .or(self.pool.max_connections)
                .unwrap_or(u32::MAX),
            backup: backend.spec.backup,
            admin: backend.admin,
            health: backend.health,
            ejected: backend.ejection.active(),
            leaving: backend.membership == Membership::Leaving,
            usable: backend.usable(),
            candidate: false,
            keeps: backend.keeps(),
            seed: hash_bytes(backend.spec.name.as_bytes()),
            why: backend.why(self.pool.check.is_some(), rise),
            site: backend.spec.site.clone(),
            load: Arc::clone(&backend.load),
        }
    }

    /// The ring of everybody who belongs, kept as it is unless one of them or a weight changed: a backend that is
    /// down keeps its points, its keys walk on and come back.
    fn ring(&self, view: &View) -> Option<Arc<Ring>> {
        match view.balance {
            Balance::Hash { .. } => {}
            Balance::LeastLatency
            | Balance::RoundRobin
            | Balance::LeastConnections
            | Balance::Random
            | Balance::First => return None,
        }
        let points = |view: &View| -> Vec<(u16, String, u32)> {
            let numbered = (0u16..).zip(&view.members).filter(|(_, member)| !member.leaving);
            numbered
                .map(|(index, member)| (index, member.address.to_string(), member.weight))
                .collect()
        };
        let wanted = points(view);
        match &self.view.ring {
            Some(ring) if points(&self.view) == wanted => Some(Arc::clone(ring)),
            Some(_) | None => Some(Arc::new(Ring::new(&wanted))),
        }
    }

    /// What is remembered of clients, kept unless they are known by something else now.
    fn bonds(&self, view: &View) -> Option<Arc<Bonds>> {
        match &view.sticky {
            None | Some(Sticky::Cookie { .. }) => None,
            Some(Sticky::Header(_) | Sticky::Source) => match &self.view.bonds {
                Some(bonds) if view.sticky == self.view.sticky => Some(Arc::clone(bonds)),
                Some(_) | None => Some(Arc::new(Bonds::new())),
            },
        }
    }

    /// Calls as many from the waiting room as there are free places now; all of them when nobody has a cap any more,
    /// or when there is no candidate left to wait for.
    fn admit(&self) {
        self.admit_at_home();
        let waiting = self.gate.waiting();
        if waiting == 0 {
            return;
        }
        let free = |index: &u16| {
            let member = &self.view.members[usize::from(*index)];
            member.cap.saturating_sub(member.load.in_flight())
        };
        let places = self.view.candidates.iter().map(free).fold(0, u32::saturating_add);
        let nothing = self.view.candidates.is_empty();
        self.gate.admit(if nothing { waiting } else { places.min(waiting) });
    }

    /// The same before each backend; all of them when it may not have them any more, so that they go elsewhere.
    fn admit_at_home(&self) {
        for member in &self.view.members {
            let waiting = member.load.waiting();
            if waiting == 0 {
                continue;
            }
            let places = if member.takes_its_own() {
                member.cap.saturating_sub(member.load.in_flight())
            } else {
                waiting
            };
            member.load.home().admit(places.min(waiting));
        }
    }
}

fn numbers(members: &[Member]) -> Box<[(u32, u16)]> {
    let number = |(index, member): (u16, &Member)| (bonds::number(member.id), index);
    let mut numbers: Box<[(u32, u16)]> = (0u16..).zip(members).map(number).collect();
    numbers.sort_unstable();
    numbers
}

/// Whether two Views say the same, generations apart.
pub(super) fn same(new: &View, old: &View) -> bool {
    new.candidates == old.candidates
        && new.panicking == old.panicking
        && new.balance == old.balance
        && new.sticky == old.sticky
        && new.retry == old.retry
        && new.queue == old.queue
        && new.timeouts == old.timeouts
        && new.members.len() == old.members.len()
        && new
            .members
            .iter()
            .zip(&old.members)
            .all(|(new, old)| same_member(new, old))
}

fn same_member(new: &Member, old: &Member) -> bool {
    new.id == old.id
        && new.name == old.name
        && new.address == old.address
        && (new.weight, new.scaled_weight, new.cap) == (old.weight, old.scaled_weight, old.cap)
        && (new.backup, new.admin, new.health) == (old.backup, old.admin, old.health)
        && (new.ejected, new.leaving, new.usable, new.keeps) == (old.ejected, old.leaving, old.usable, old.keeps)
        && new.site == old.site
        && new.why == old.why
}
