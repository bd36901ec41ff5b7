use super::Heart;
use super::backend::Backend;
use crate::{Health, Membership};
use evenkeel_model::{AdminState, Backend as Spec, BackendAddress, Moment};
use serde::{Deserialize, Serialize};

/// What must survive a restart: known health, what the operator decided, backends added at run time. Plain words and
/// numbers, so that an older or newer version can read it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Saved {
    /// One entry a backend.
    pub backends: Vec<SavedBackend>,
}

/// What must survive of one backend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedBackend {
    /// Its address as displayed: `10.0.0.1:80`, `[::1]:80` or `unix:/path`.
    pub address: String,
    /// Its name.
    pub name: String,
    /// Whether it was up.
    pub up: bool,
    /// The operator's state, when it is not the file's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<SavedChoice<String>>,
    /// The operator's weight, when it is not the file's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<SavedChoice<u32>>,
    /// Present for a backend that is not in the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub added: Option<SavedAdded>,
}

/// What the operator chose, and what the file said then: when the file says something else now, the file wins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedChoice<T> {
    /// The operator's.
    pub chosen: T,
    /// The file's.
    pub file: T,
}

/// The rest of a backend that is not in the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedAdded {
    /// Its weight.
    pub weight: u32,
    /// Its cap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_connections: Option<u32>,
    /// Whether it is a backup.
    #[serde(default)]
    pub backup: bool,
    /// The place it stands in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
}

pub(super) fn save(backends: &[Backend]) -> Saved {
    let joined = backends
        .iter()
        .filter(|backend| backend.membership == Membership::Joined);
    Saved {
        backends: joined.map(save_one).collect(),
    }
}

fn save_one(backend: &Backend) -> SavedBackend {
    let spec = &backend.spec;
    // A backend that is not in the file starts ready.
    let file = if backend.added { AdminState::Ready } else { spec.state };
    SavedBackend {
        address: spec.address.to_string(),
        name: spec.name.to_string(),
        up: backend.health == Health::Up,
        state: (backend.admin != file).then(|| SavedChoice {
            chosen: backend.admin.as_str().to_owned(),
            file: file.as_str().to_owned(),
        }),
        weight: (backend.weight != spec.weight).then_some(SavedChoice {
            chosen: backend.weight,
            file: spec.weight,
        }),
        added: backend.added.then(|| SavedAdded {
            weight: spec.weight,
            max_connections: spec.max_connections,
            backup: spec.backup,
            site: spec.site.as_ref().map(ToString::to_string),
        }),
    }
}

impl Heart {
    /// Takes up what was saved before a restart. Entries that make no sense are passed over: a state file must never
    /// keep a balancer from starting.
    pub(super) fn restore(&mut self, saved: &Saved, now: Moment) {
        self.changed = true;
        for entry in &saved.backends {
            let Some(address) = address(&entry.address) else {
                continue;
            };
            let known = |heart: &Heart| {
                heart
                    .backends
                    .iter()
                    .position(|backend| backend.spec.address == address)
            };
            if known(self).is_none()
                && let Some(added) = &entry.added
            {
                self.add(spec(entry, added, address.clone()), now);
            }
            if let Some(index) = known(self) {
                self.restore_one(index, entry, now);
            }
        }
    }

    fn restore_one(&mut self, index: usize, entry: &SavedBackend, now: Moment) {
        let backend = &mut self.backends[index];
        if let Some(weight) = &entry.weight
            && weight.file == backend.spec.weight
        {
            backend.weight = weight.chosen.min(super::configure::WEIGHT_MAX);
        }
        let file = backend.spec.state.as_str();
        if entry.up && backend.health == Health::Unproven {
            backend.health = Health::Up;
            backend.proven = true;
            backend.remembered = true;
        }
        if let Some(state) = &entry.state
            && state.file == file
            && let Some(chosen) = admin_state(&state.chosen)
        {
            self.set_state(index, chosen, now);
        }
    }
}

fn admin_state(word: &str) -> Option<AdminState> {
    [AdminState::Ready, AdminState::Drain, AdminState::Maintain]
        .into_iter()
        .find(|state| state.as_str() == word)
}

fn address(text: &str) -> Option<BackendAddress> {
    match text.strip_prefix("unix:") {
        Some(path) => Some(BackendAddress::Unix(path.into())),
        None => text.parse().ok().map(BackendAddress::Tcp),
    }
}

fn spec(entry: &SavedBackend, added: &SavedAdded, address: BackendAddress) -> Spec {
    let mut spec = Spec::new(address);
    if !entry.name.is_empty() {
        spec.name = entry.name.as_str().into();
    }
    spec.weight = added.weight.min(super::configure::WEIGHT_MAX);
    spec.max_connections = added.max_connections.filter(|cap| *cap > 0);
    spec.backup = added.backup;
    spec.site = added.site.as_deref().map(Into::into);
    spec
}
