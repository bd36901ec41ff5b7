//! Clients that come again: what they and the pool remember of where they belong, worked out anew from what was
//! answered, and what follows from it.

use crate::world::{Exchange, Happening, Stage, World};
use evenkeel_model::{AdminState, Name, Sticky};
use evenkeel_pool::{BackendId, Health, HomeLine, HomeTicket, Member, Permit, Stay, View, Wish};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

/// So few that each comes often in a run.
const CLIENTS: usize = 80;
/// A request waits for its client's backend this part of the time that it may wait at all, as the door does.
const HOME_PART: u32 = 2;

/// Where clients belong.
#[derive(Debug, Default)]
pub(crate) struct Homes {
    /// In their cookies: the backend's name. Survives a restart.
    cookies: BTreeMap<u64, Name>,
    /// In the pool's memory.
    keys: BTreeMap<u64, BackendId>,
}

/// In line before its client's backend.
#[derive(Debug)]
pub(crate) struct AtHome {
    pub(crate) backend: BackendId,
    line: HomeLine,
    ticket: HomeTicket,
}

impl AtHome {
    /// It got this permit.
    pub(crate) fn took(self, permit: &Permit) {
        self.ticket.took(permit);
    }
}

impl Homes {
    /// The pool's memory ends with the process, or when clients are known by something else.
    pub(crate) fn forget_keys(&mut self) {
        self.keys.clear();
    }

    /// Nobody has a cookie of the pool any more.
    pub(crate) fn forget_cookies(&mut self) {
        self.cookies.clear();
    }

    /// The backend that this request's client belongs to now, if it has one that has not left.
    fn home<'a>(&self, wish: Wish, view: &'a View) -> Option<&'a Member> {
        let id = match wish {
            Wish::None | Wish::Elsewhere(_) => None,
            Wish::Home { backend, key: _ } => Some(backend),
            Wish::Key(key) => match view.sticky {
                Some(Sticky::Header(_) | Sticky::Source) => self.keys.get(&key).copied(),
                Some(Sticky::Cookie { .. }) | None => None,
            },
        };
        id.and_then(|id| view.member(id)).filter(|member| !member.leaving)
    }
}

impl World {
    /// A client comes, perhaps one that is known; what the door makes of it.
    pub(crate) fn client(&mut self) -> (Option<u64>, Wish) {
        let view = self.heart.view();
        let Some(sticky) = &view.sticky else {
            return (None, Wish::None);
        };
        if self.dice.chance(0.3) {
            return (None, Wish::None);
        }
        let client = self.dice.below(CLIENTS) as u64;
        let wish = match sticky {
            Sticky::Header(_) | Sticky::Source => Wish::Key(client),
            Sticky::Cookie { .. } => match self.homes.cookies.get(&client) {
                None => Wish::None,
                Some(name) => view
                    .members
                    .iter()
                    .find(|member| member.name == *name && !member.leaving)
                    .map_or(Wish::Key(client), |member| Wish::Home {
                        backend: member.id,
                        key: client,
                    }),
            },
        };
        (Some(client), wish)
    }

    /// A sticky client whose backend may have it goes nowhere else; nobody else goes to a drained one; whoever is told
    /// that a backend is its own now had none.
    pub(crate) fn belongs(&self, exchange: &Exchange, permit: &Permit, view: &View) -> Result<(), String> {
        let home = self.homes.home(exchange.wish, view);
        let chosen = permit.id();
        let right = match home {
            None => permit.stay() != Stay::Home,
            Some(home) if exchange.tried.contains(&home.id) => permit.stay() == Stay::Away,
            Some(home) if self.keeps(home) || home.candidate => chosen == home.id && permit.stay() == Stay::Home,
            Some(_) => permit.stay() == Stay::Away,
        };
        if !right {
            let stay = permit.stay();
            let home = home.map(|home| home.id);
            return Err(format!(
                "{:?} belongs to {home:?} and went to {chosen:?}: {stay:?}",
                exchange.wish
            ));
        }
        let expected = match exchange.wish {
            Wish::None => permit.stay() == Stay::Free,
            Wish::Elsewhere(_) => permit.stay() == Stay::Away,
            Wish::Key(_) | Wish::Home { .. } => permit.stay() != Stay::Free,
        };
        if !expected {
            return Err(format!("{:?} came as {:?}", exchange.wish, permit.stay()));
        }
        Ok(())
    }

    /// Whether its own clients may go there by the four axes, ejection taken from the View.
    pub(crate) fn keeps(&self, member: &Member) -> bool {
        self.shadow.shades.get(&member.id).is_some_and(|shade| {
            let admin = match shade.admin {
                AdminState::Ready | AdminState::Drain => true,
                AdminState::Maintain => false,
            };
            shade.joined && admin && shade.health == Health::Up && shade.weight > 0 && !member.ejected
        })
    }

    /// The answer carries a cookie, or the pool remembers.
    pub(crate) fn remember(&mut self, client: Option<u64>, permit: &Permit, view: &View) {
        let Some(client) = client else {
            return;
        };
        match (&view.sticky, permit.stay()) {
            (Some(Sticky::Cookie { .. }), Stay::Free | Stay::New) => {
                let name = Arc::clone(&view.members[permit.index()].name);
                self.homes.cookies.insert(client, name);
            }
            (Some(Sticky::Header(_) | Sticky::Source), Stay::New) => {
                self.homes.keys.insert(client, permit.id());
            }
            (Some(_) | None, _) => {}
        }
    }

    /// Its home is full: it waits there, or goes elsewhere if too many do.
    pub(crate) fn wait_at_home(&mut self, request: u64, line: HomeLine) -> Result<(), String> {
        let called = Arc::clone(&self.called);
        let waker = Box::new(move || {
            called
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push((request, true));
        });
        let view = self.heart.view();
        let Some(exchange) = self.exchanges.get_mut(&request) else {
            return Ok(());
        };
        match &exchange.stage {
            Stage::AtHome(home) if home.line == line => {
                home.line.wait_again(&home.ticket, waker);
                return Ok(());
            }
            // Another request of the client has found a new home meanwhile.
            Stage::AtHome(_) => return self.leave_home(request),
            // It was called from the pool's line.
            Stage::Waiting(_) => {
                exchange.wish = exchange.wish.elsewhere();
                return self.choose(request, true);
            }
            Stage::Sent(_) | Stage::Over => {}
        }
        let Some(home) = self.homes.home(exchange.wish, &view).map(|home| home.id) else {
            return Err("a full home of somebody who has none".to_owned());
        };
        let others = view.waiting() - line.waiting();
        let Ok(ticket) = line.wait(waker, view.queue.size.saturating_sub(others)) else {
            return self.leave_home(request);
        };
        exchange.stage = Stage::AtHome(AtHome {
            backend: home,
            line,
            ticket,
        });
        self.tally.waited_at_home += 1;
        self.after(view.queue.timeout / HOME_PART, Happening::HomeTimeout { request });
        Ok(())
    }

    /// It waited for its home for long enough.
    pub(crate) fn leave_home(&mut self, request: u64) -> Result<(), String> {
        let Some(exchange) = self.exchanges.get_mut(&request) else {
            return Ok(());
        };
        exchange.wish = exchange.wish.elsewhere();
        exchange.stage = Stage::Over;
        self.choose(request, false)
    }

    /// Nobody waits for a backend that has a place for it, or that it may not have.
    pub(crate) fn home_rules(&self, view: &View) -> Result<(), String> {
        let mut waiting: BTreeMap<BackendId, u32> = BTreeMap::new();
        for exchange in self.exchanges.values() {
            if let Stage::AtHome(home) = &exchange.stage {
                *waiting.entry(home.backend).or_default() += 1;
            }
        }
        for member in &view.members {
            let waiting = waiting.remove(&member.id).unwrap_or(0);
            if member.load.waiting() != waiting {
                let counted = member.load.waiting();
                return Err(format!(
                    "{}: {counted} counted as waiting there, {waiting} wait",
                    member.name
                ));
            }
            let place = member.load.in_flight() < member.cap || !(self.keeps(member) || member.candidate);
            if waiting > 0 && place && self.on_their_way.is_empty() {
                return Err(format!("{waiting} wait for {} for nothing", member.name));
            }
        }
        Ok(())
    }
}
