use super::backend::Backend;
use super::{Heart, Order};
use crate::{BackendId, Health, Load, MEMBERS_MAX, Membership};
use evenkeel_model::{AdminState, Backend as Spec, Moment, Pool};
use std::sync::Arc;

/// Largest weight, as in the configuration.
pub(super) const WEIGHT_MAX: u32 = 1000;

impl Heart {
    /// The pool is this now.
    pub(super) fn configure(&mut self, pool: &Pool, now: Moment) {
        let check_changed = self.check.as_deref() != pool.check.as_ref();
        let first_new = self.next_id;
        self.changed = true;
        self.pool = Pool {
            backends: Vec::new(),
            ..pool.clone()
        };
        self.check = pool.check.clone().map(Arc::new);
        if pool.eject.is_none() {
            for backend in &mut self.backends {
                backend.ejection.end(now);
            }
        }
        for spec in &pool.backends {
            match self
                .backends
                .iter()
                .position(|backend| backend.spec.address == spec.address)
            {
                Some(index) => self.renew(index, spec, now),
                None => self.join(spec, false, now),
            }
        }
        let listed = |backend: &Backend| pool.backends.iter().any(|spec| spec.address == backend.spec.address);
        for index in 0..self.backends.len() {
            if !self.backends[index].added && !listed(&self.backends[index]) {
                self.part(index, "no longer in the configuration", now);
            }
        }
        self.order(pool);
        if check_changed {
            for index in 0..self.backends.len() {
                let backend = &self.backends[index];
                if backend.membership == Membership::Joined && backend.id.0 < first_new {
                    self.restart_probing(index, now);
                }
            }
        }
    }

    /// Puts the backends in the order of the file, then those added, then those that leave.
    fn order(&mut self, pool: &Pool) {
        let place = |backend: &Backend| match backend.membership {
            Membership::Joined => pool
                .backends
                .iter()
                .position(|spec| spec.address == backend.spec.address)
                .unwrap_or(pool.backends.len()),
            Membership::Leaving => usize::MAX,
        };
        self.backends.sort_by_cached_key(place);
    }

    /// A backend of the file that is known: its address stays.
    fn renew(&mut self, index: usize, spec: &Spec, now: Moment) {
        let backend = &mut self.backends[index];
        let old = std::mem::replace(&mut backend.spec, spec.clone());
        backend.added = false;
        if backend.membership == Membership::Leaving {
            self.rejoin(index, now);
            return;
        }
        if old.weight != spec.weight {
            backend.weight = spec.weight;
        }
        if old.state != spec.state {
            self.set_state(index, spec.state, now);
        }
    }

    /// It was leaving and is wanted again: nothing is known of its health any more.
    fn rejoin(&mut self, index: usize, now: Moment) {
        let backend = &mut self.backends[index];
        backend.membership = Membership::Joined;
        backend.look_at = Moment::NEVER;
        backend.admin = backend.spec.state;
        backend.weight = backend.spec.weight;
        backend.health = Health::Unproven;
        backend.proven = false;
        backend.forget_verdicts();
        let change = backend.change("leaving", "joined", "wanted again".to_owned());
        self.tell(change);
        self.restart_probing(index, now);
    }

    fn join(&mut self, spec: &Spec, added: bool, now: Moment) {
        if self.backends.len() >= MEMBERS_MAX {
            return;
        }
        let id = BackendId(self.next_id);
        self.next_id += 1;
        let load = Load::new((*self.gate).clone(), Arc::clone(&self.alarm));
        let mut backend = Backend::new(id, spec.clone(), load);
        backend.added = added;
        let change = backend.change(
            "new",
            "joined",
            if added { "added by the operator" } else { "configured" }.to_owned(),
        );
        self.backends.push(backend);
        self.tell(change);
        self.restart_probing(self.backends.len() - 1, now);
    }

    fn part(&mut self, index: usize, why: &str, now: Moment) {
        let backend = &mut self.backends[index];
        if backend.membership == Membership::Leaving {
            return;
        }
        backend.leave(now);
        let change = backend.change("joined", "leaving", why.to_owned());
        self.tell(change);
    }

    /// A backend that is not in the file joins.
    pub(super) fn add(&mut self, spec: Spec, now: Moment) {
        match self
            .backends
            .iter()
            .position(|backend| backend.spec.address == spec.address)
        {
            Some(index) if self.backends[index].membership == Membership::Leaving => {
                self.backends[index].spec = spec;
                self.backends[index].added = true;
                self.rejoin(index, now);
            }
            Some(_) => {}
            None => {
                self.join(&spec, true, now);
                self.sort_leaving();
            }
        }
    }

    /// A backend leaves.
    pub(super) fn remove(&mut self, id: BackendId, now: Moment) {
        if let Some(index) = self.find(id) {
            self.part(index, "removed by the operator", now);
            self.sort_leaving();
        }
    }

    fn sort_leaving(&mut self) {
        self.backends
            .sort_by_key(|backend| backend.membership == Membership::Leaving);
    }

    /// The operator decided.
    pub(super) fn obey(&mut self, id: BackendId, order: Order, now: Moment) {
        let Some(index) = self.find(id) else {
            return;
        };
        match order {
            Order::State(state) => self.set_state(index, state, now),
            Order::Weight(weight) => {
                let backend = &mut self.backends[index];
                let before = std::mem::replace(&mut backend.weight, weight.min(WEIGHT_MAX));
                if before != backend.weight {
                    let why = format!("from {before} to {} by the operator", backend.weight);
                    let change = backend.change("weight", "weight", why);
                    self.tell(change);
                }
            }
        }
    }

    pub(super) fn set_state(&mut self, index: usize, state: AdminState, now: Moment) {
        let backend = &mut self.backends[index];
        let from = std::mem::replace(&mut backend.admin, state);
        if from == state || backend.membership == Membership::Leaving {
            return;
        }
        let change = backend.change(from.as_str(), state.as_str(), "the operator's word".to_owned());
        if state == AdminState::Ready {
            backend.ejection.end(now);
        }
        // What was known before maintenance is worth nothing after it: a new check must pass.
        if from == AdminState::Maintain && self.pool.check.is_some() {
            backend.health = Health::Unproven;
            backend.proven = false;
            backend.forget_verdicts();
        }
        self.tell(change);
        if from == AdminState::Maintain || state == AdminState::Maintain {
            self.restart_probing(index, now);
        }
    }
}
