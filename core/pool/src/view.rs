use crate::balance::Ring;
use crate::bonds::{self, Bonds};
use crate::{BackendId, Gate, Member};
use evenkeel_model::{Balance, Name, PoolTimeouts, Queue, Retry, Sticky};
use std::sync::Arc;

/// The frozen truth about a pool, for readers.
#[derive(Debug, Clone)]
pub struct View {
    /// The pool's name.
    pub pool: Name,
    /// Grows by one with each View of the pool.
    pub generation: u64,
    /// All members, in the order of the file, then those added at run time, then those that leave.
    pub members: Box<[Member]>,
    /// Indexes of the members that a new request may use, after backup and panic rules, ascending.
    pub candidates: Box<[u16]>,
    /// Too few are usable, so all that are ready are used.
    pub panicking: bool,
    /// Whether any candidate has a cap: only then can anybody have to wait.
    pub capped: bool,
    /// How one is chosen.
    pub balance: Balance,
    /// For `hash`: where keys lie.
    pub ring: Option<Arc<Ring>>,
    /// How a client is known again.
    pub sticky: Option<Sticky>,
    /// Which backend each key has; only where clients are known by a key.
    pub(crate) bonds: Option<Arc<Bonds>>,
    /// Every member's number as bonds hold it, and its index; ascending.
    pub(crate) by_number: Box<[(u32, u16)]>,
    /// Trying again elsewhere.
    pub retry: Retry,
    /// Where requests wait.
    pub queue: Queue,
    /// How long a backend may take.
    pub timeouts: PoolTimeouts,
    /// The waiting room.
    pub gate: Arc<Gate>,
}

impl View {
    /// The member with this number.
    pub fn member(&self, id: BackendId) -> Option<&Member> {
        self.index(id).map(|index| &self.members[usize::from(index)])
    }

    /// Its index, while it is a member.
    pub(crate) fn index(&self, id: BackendId) -> Option<u16> {
        let index = self.numbered(bonds::number(id))?;
        (self.members[usize::from(index)].id == id).then_some(index)
    }

    /// The index of the member that bonds call so.
    pub(crate) fn numbered(&self, number: u32) -> Option<u16> {
        let place = self.by_number.binary_search_by_key(&number, |(number, _)| *number);
        place.ok().map(|place| self.by_number[place].1)
    }

    /// How many requests wait for a place: at the gate, and before each backend those that belong there.
    pub fn waiting(&self) -> u32 {
        let at_home = self.members.iter().map(|member| member.load.waiting());
        at_home.fold(self.gate.waiting(), u32::saturating_add)
    }

    /// The member that people call `name`, or whose address it is.
    pub fn named(&self, name: &str) -> Option<&Member> {
        let by_name = self
            .members
            .iter()
            .find(|member| &*member.name == name && !member.leaving);
        by_name.or_else(|| {
            self.members
                .iter()
                .find(|member| member.address.to_string() == name && !member.leaving)
        })
    }
}
