use crate::balance::Ring;
use crate::{BackendId, Gate, Member};
use evenkeel_model::{Balance, Name, PoolTimeouts, Queue, Retry};
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
        self.members.iter().find(|member| member.id == id)
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
