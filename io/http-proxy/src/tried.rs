use evenkeel_pool::BackendId;

/// The first try and the most retries that can be configured.
const TRIES: usize = 11;

/// The backends that were tried.
pub(crate) struct Tried {
    ids: [BackendId; TRIES],
    pub(crate) count: usize,
}

impl Tried {
    pub(crate) fn none() -> Tried {
        Tried {
            ids: [BackendId(u32::MAX); TRIES],
            count: 0,
        }
    }

    pub(crate) fn all(&self) -> &[BackendId] {
        &self.ids[..self.count]
    }

    pub(crate) fn push(&mut self, id: BackendId) {
        if let Some(place) = self.ids.get_mut(self.count) {
            *place = id;
            self.count += 1;
        }
    }
}
