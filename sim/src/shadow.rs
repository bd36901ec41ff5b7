//! What a backend may have, worked out anew from the events alone: the heart is held against it.

use evenkeel_model::{AdminState, Backend, BackendAddress, Check, Moment, Pool};
use evenkeel_pool::{BackendId, Health, Member, ProbeId, Verdict, View};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long after its timeout a probe without a verdict has failed.
const GRACE: Duration = Duration::from_secs(1);

/// One backend as it should be.
#[derive(Debug, Clone)]
pub(crate) struct Shade {
    /// As the file or the operator wrote it.
    pub(crate) spec: Backend,
    /// Added at run time.
    pub(crate) added: bool,
    /// The operator's word.
    pub(crate) admin: AdminState,
    /// The operator's weight.
    pub(crate) weight: u32,
    /// What checks say.
    pub(crate) health: Health,
    /// Whether it ever was up.
    pub(crate) proven: bool,
    /// Belongs to the pool.
    pub(crate) joined: bool,
    agree: u32,
    failed: u32,
    expected: Option<(ProbeId, Moment)>,
}

/// The pool as it should be.
#[derive(Debug)]
pub(crate) struct Shadow {
    /// The configuration.
    pub(crate) pool: Pool,
    /// By the heart's numbers, which the shadow learns by address.
    pub(crate) shades: BTreeMap<BackendId, Shade>,
}

impl Shadow {
    /// Of a new heart.
    pub(crate) fn new(pool: &Pool) -> Shadow {
        Shadow {
            pool: pool.clone(),
            shades: BTreeMap::new(),
        }
    }

    /// Members that the shadow has not seen yet get a shade; those that are gone lose it.
    pub(crate) fn meet(&mut self, view: &View, specs: &[Backend], added: bool) {
        for member in &view.members {
            let Some(spec) = specs.iter().find(|spec| spec.address == member.address) else {
                continue;
            };
            let checked = self.pool.check.is_some();
            self.shades
                .entry(member.id)
                .or_insert_with(|| Shade::new(spec, added, checked));
        }
        self.shades.retain(|id, _| view.member(*id).is_some());
    }

    /// The heart asked for a probe.
    pub(crate) fn probing(&mut self, id: BackendId, probe: ProbeId, check: &Check, now: Moment) {
        if let Some(shade) = self.shades.get_mut(&id) {
            shade.expected = Some((probe, now + check.timeout + GRACE));
        }
    }

    /// A verdict is about to be told.
    pub(crate) fn probed(&mut self, id: BackendId, probe: ProbeId, verdict: &Verdict) {
        let Some(check) = self.pool.check.clone() else {
            return;
        };
        let Some(shade) = self.shades.get_mut(&id) else {
            return;
        };
        if shade.expected.is_some_and(|(expected, _)| expected == probe) {
            shade.expected = None;
            shade.judge(matches!(verdict, Verdict::Pass { .. }), &check);
        }
    }

    /// The heart is about to be told the time.
    pub(crate) fn pass_time(&mut self, now: Moment) {
        let Some(check) = self.pool.check.clone() else {
            return;
        };
        for shade in self.shades.values_mut() {
            if shade.expected.is_some_and(|(_, until)| until <= now) {
                shade.expected = None;
                shade.judge(false, &check);
            }
        }
    }

    /// The operator decided.
    pub(crate) fn state(&mut self, id: BackendId, state: AdminState) {
        let checked = self.pool.check.is_some();
        if let Some(shade) = self.shades.get_mut(&id) {
            shade.state(state, checked);
        }
    }

    /// A backend leaves.
    pub(crate) fn leave(&mut self, id: BackendId) {
        if let Some(shade) = self.shades.get_mut(&id) {
            shade.joined = false;
            shade.expected = None;
        }
    }

    /// A reload; newcomers are met afterwards.
    pub(crate) fn configure(&mut self, pool: &Pool) {
        let check_changed = self.pool.check != pool.check;
        let checked = pool.check.is_some();
        self.pool = pool.clone();
        for shade in self.shades.values_mut() {
            let spec = pool.backends.iter().find(|spec| spec.address == shade.spec.address);
            match spec {
                Some(spec) if !shade.joined => *shade = Shade::new(spec, false, checked),
                Some(spec) => {
                    let old = std::mem::replace(&mut shade.spec, spec.clone());
                    shade.added = false;
                    if old.weight != spec.weight {
                        shade.weight = spec.weight;
                    }
                    if old.state != spec.state {
                        shade.state(spec.state, checked);
                    }
                }
                None if !shade.added => {
                    shade.joined = false;
                    shade.expected = None;
                }
                None => {}
            }
            if shade.joined && check_changed {
                shade.expected = None;
                if !checked {
                    shade.rise();
                }
            }
        }
    }

    /// A backend that was leaving is added again.
    pub(crate) fn rejoin(&mut self, address: &BackendAddress, spec: &Backend) {
        let checked = self.pool.check.is_some();
        for shade in self
            .shades
            .values_mut()
            .filter(|shade| shade.spec.address == *address && !shade.joined)
        {
            *shade = Shade::new(spec, true, checked);
        }
    }

    /// The process begins anew with what was saved: the operator's decisions stay, whoever was up is up, nothing else
    /// is known.
    pub(crate) fn restart(&mut self, view: &View) {
        let checked = self.pool.check.is_some();
        let old = std::mem::take(&mut self.shades);
        for member in &view.members {
            let known = old
                .values()
                .find(|shade| shade.joined && shade.spec.address == member.address);
            let in_file = self.pool.backends.iter().find(|spec| spec.address == member.address);
            let Some(spec) = in_file.or(known.map(|shade| &shade.spec)) else {
                continue;
            };
            let mut shade = Shade::new(spec, in_file.is_none(), checked);
            if let Some(known) = known {
                // Where the file says otherwise than whoever added it, the file wins.
                let taken_over = known.added && !shade.added;
                if !taken_over || spec.state == AdminState::Ready {
                    shade.admin = known.admin;
                }
                if !taken_over || spec.weight == known.spec.weight {
                    shade.weight = known.weight;
                }
                if known.health == Health::Up {
                    shade.rise();
                }
            }
            if shade.added {
                shade.spec.state = AdminState::Ready;
            }
            self.shades.insert(member.id, shade);
        }
    }

    /// Whether the View shows what should be.
    ///
    /// # Errors
    /// What differs.
    pub(crate) fn agrees(&self, view: &View) -> Result<(), String> {
        for member in &view.members {
            let Some(shade) = self.shades.get(&member.id) else {
                return Err(format!("{} is not known", member.name));
            };
            let should = (shade.health, shade.admin, shade.weight, !shade.joined);
            let is = (member.health, member.admin, member.weight, member.leaving);
            if shade.joined && should != is {
                return Err(format!("{} is {is:?} and should be {should:?}", member.name));
            }
            if member.candidate && !self.may(member, view) {
                return Err(format!("{} may not have traffic: {member:?} {shade:?}", member.name));
            }
        }
        Ok(())
    }

    /// Whether this member may have new traffic, ejection taken from the View.
    pub(crate) fn may(&self, member: &Member, view: &View) -> bool {
        let Some(shade) = self.shades.get(&member.id) else {
            return false;
        };
        if !shade.ready() {
            return false;
        }
        let ejected = |id: &BackendId| view.member(*id).is_some_and(|member| member.ejected);
        let usable =
            |entry: &(&BackendId, &Shade)| entry.1.ready() && entry.1.health == Health::Up && !ejected(entry.0);
        let primaries = self.shades.iter().filter(|entry| !entry.1.spec.backup);
        let usable_primaries = primaries.clone().filter(usable).count();
        let counted = primaries.filter(|entry| entry.1.ready() && entry.1.proven).count();
        if usable(&(&member.id, shade)) && (!shade.spec.backup || usable_primaries == 0) {
            return true;
        }
        let panic = self.pool.panic.0;
        let too_few = panic > 0.0 && (usable_primaries as f64) < panic * counted as f64;
        let nobody = self.shades.iter().filter(usable).count() == 0 && panic > 0.0;
        view.panicking && ((too_few && shade.proven) || (nobody && (shade.proven || shade.failed > 0)))
    }
}

impl Shade {
    fn new(spec: &Backend, added: bool, checked: bool) -> Shade {
        Shade {
            spec: spec.clone(),
            added,
            admin: spec.state,
            weight: spec.weight,
            health: if checked { Health::Unproven } else { Health::Up },
            proven: !checked,
            joined: true,
            agree: 0,
            failed: 0,
            expected: None,
        }
    }

    fn ready(&self) -> bool {
        self.joined && self.admin == AdminState::Ready && self.weight > 0
    }

    fn rise(&mut self) {
        self.health = Health::Up;
        self.proven = true;
        self.agree = 0;
        self.failed = 0;
    }

    fn state(&mut self, state: AdminState, checked: bool) {
        let from = std::mem::replace(&mut self.admin, state);
        if from == AdminState::Maintain && state != AdminState::Maintain && checked {
            self.health = Health::Unproven;
            self.proven = false;
            self.agree = 0;
            self.failed = 0;
        }
        if from != state && (from == AdminState::Maintain || state == AdminState::Maintain) {
            self.expected = None;
            if !checked {
                self.rise();
            }
        }
    }

    fn judge(&mut self, passed: bool, check: &Check) {
        if passed {
            self.agree += 1;
            let enough = if self.proven { check.rise } else { 1 };
            if self.health == Health::Up || self.agree >= enough {
                self.rise();
            }
        } else {
            self.agree = 0;
            self.failed += 1;
            if self.failed >= check.fall {
                self.health = Health::Down;
            }
        }
    }
}
