//! The rules that must hold after every step, and after the calm.

use crate::faults::Mode;
use crate::tally::Tally;
use crate::world::{Stage, World};
use evenkeel_model::{Balance, Pool};
use evenkeel_pool::BackendId;
use std::collections::{BTreeMap, BTreeSet};

/// So many requests for each candidate in that time are enough to see that everyone is used.
const REQUESTS_EACH: u64 = 100;
impl World {
    /// What must hold after every step.
    pub(crate) fn rules(&mut self) -> Result<(), String> {
        let view = self.heart.view();
        let mut held: BTreeMap<BackendId, u32> = BTreeMap::new();
        let mut waiting = 0;
        for exchange in self.exchanges.values() {
            match &exchange.stage {
                Stage::Sent(permit) => *held.entry(permit.id()).or_default() += 1,
                Stage::Waiting(_) => waiting += 1,
                Stage::AtHome(_) => {}
                Stage::Over => return Err("a request is nowhere".to_owned()),
            }
        }
        for member in &view.members {
            let held = held.remove(&member.id).unwrap_or(0);
            if member.load.in_flight() != held {
                return Err(format!(
                    "{}: {} in flight, {held} held",
                    member.name,
                    member.load.in_flight()
                ));
            }
        }
        if let Some((id, count)) = held.first_key_value() {
            return Err(format!("{id:?} was forgotten with {count} in flight"));
        }
        if self.shared.gate.waiting() != waiting {
            return Err(format!(
                "{} counted as waiting, {waiting} wait",
                self.shared.gate.waiting()
            ));
        }
        let free = |index: &u16| {
            let member = &view.members[usize::from(*index)];
            member.load.in_flight() < member.cap
        };
        if waiting > 0 && self.on_their_way.is_empty() && view.candidates.iter().any(free) {
            return Err(format!("{waiting} wait though there is a free place"));
        }
        if view.generation != self.generation {
            self.view_rules(&view)?;
        }
        self.home_rules(&view)
    }

    /// Who takes a place may pass nobody who stood before it in line when it was called. (Others that were called may come
    /// later, or have come and gone back: a call is in vain when the backend has been left out just now.)
    pub(crate) fn in_turn(&self, request: u64) -> Result<(), String> {
        let Some(own) = self.exchanges.get(&request) else {
            return Ok(());
        };
        if !matches!(own.stage, Stage::Waiting(_)) {
            return Ok(());
        }
        let passed = self.exchanges.iter().find(|(other, exchange)| {
            matches!(exchange.stage, Stage::Waiting(_))
                && exchange.turn < own.turn
                && exchange.lined < own.called
                && !self.on_their_way.contains(&(**other, false))
        });
        match passed {
            Some((other, _)) => Err(format!("request {request} passed request {other}, which waits in line")),
            None => Ok(()),
        }
    }

    fn view_rules(&mut self, view: &evenkeel_pool::View) -> Result<(), String> {
        if view.generation < self.generation || self.shared.load().generation != view.generation {
            return Err("generations do not grow".to_owned());
        }
        self.tally.views += view.generation - self.generation;
        self.generation = view.generation;
        self.shadow.meet(view, &[], false);
        self.shadow.agrees(view)?;
        let marked: Vec<u16> = (0u16..)
            .zip(&view.members)
            .filter(|(_, member)| member.candidate)
            .map(|(index, _)| index)
            .collect();
        if *marked != *view.candidates {
            return Err("candidates and marks differ".to_owned());
        }
        let ejected: BTreeSet<BackendId> = view
            .members
            .iter()
            .filter(|member| member.ejected && !member.leaving)
            .map(|member| member.id)
            .collect();
        if ejected.difference(&self.ejected).next().is_some() {
            let share = self.shadow.pool.eject.map_or(0.0, |eject| eject.max.0);
            let ready = view.members.iter().filter(|member| {
                !member.leaving && member.admin == evenkeel_model::AdminState::Ready && member.weight > 0
            });
            let out = ready.clone().filter(|member| member.ejected).count();
            let ready = ready.count();
            if out > ((ready as f64 * share).floor() as usize).max(1) {
                return Err(format!("{out} ejected of {ready}"));
            }
        }
        self.ejected = ejected;
        Ok(())
    }

    /// After the calm: the healthy serve, the dead do not.
    pub(crate) fn finish(self) -> Result<Tally, String> {
        let view = self.heart.view();
        let all: u64 = self.served.values().sum();
        for member in view.members.iter().filter(|member| !member.leaving) {
            let ready = member.admin == evenkeel_model::AdminState::Ready && member.weight > 0;
            let dead = self.mode(&member.address) == Mode::Crashed;
            let served = self.served.get(&member.id).copied().unwrap_or(0);
            let checked = self.shadow.pool.check.is_some();
            if !dead && ready && !member.usable {
                return Err(format!("{} is well and not usable: {}", member.name, member.why));
            }
            if dead && checked && member.usable {
                return Err(format!("{} is dead and usable: {}", member.name, member.why));
            }
            if dead && checked && !view.panicking && served > 0 {
                return Err(format!("{} is dead and got {served} requests", member.name));
            }
            let enough = all >= REQUESTS_EACH * view.candidates.len() as u64;
            if member.candidate && !dead && served == 0 && enough && promises(&self.shadow.pool) {
                return Err(format!("{} was never used", member.name));
            }
        }
        Ok(self.tally)
    }
}

/// Whether the algorithm promises that everyone usable is used.
fn promises(pool: &Pool) -> bool {
    match pool.balance {
        Balance::LeastLatency | Balance::RoundRobin | Balance::LeastConnections | Balance::Random => true,
        Balance::Hash { .. } | Balance::First => false,
    }
}
