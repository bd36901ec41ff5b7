//! Where a request would go, for people who ask.

use crate::chooser::Wish;
use crate::{Member, View, rendezvous};

/// Where a request's client would be sent now, if there is a place.
#[derive(Debug, Clone, Copy)]
pub enum Preview<'a> {
    /// Nobody may be used.
    Nobody,
    /// It belongs nowhere: to whom the pool's `balance` chooses.
    Anybody,
    /// To where it belongs.
    Home(&'a Member),
    /// To the second, because where it belongs may not be used.
    Away(&'a Member, &'a Member),
    /// To whom its key draws, which will be remembered.
    Drawn(&'a Member),
}

impl View {
    /// Where a request with this wish would go. Nothing is taken, and nothing is remembered.
    pub fn preview(&self, wish: Wish) -> Preview<'_> {
        let (home, key) = match wish {
            Wish::None => (None, None),
            Wish::Home { backend, key } => (self.index(backend), Some(key)),
            Wish::Key(key) => {
                let number = self.bonds.as_ref().and_then(|bonds| bonds.peek(key));
                (number.and_then(|number| self.numbered(number)), Some(key))
            }
            Wish::Elsewhere(key) => (None, Some(key)),
        };
        let member = |index: u16| &self.members[usize::from(index)];
        let home = home.map(member).filter(|home| !home.leaving);
        if let Some(home) = home.filter(|home| home.takes_its_own()) {
            return Preview::Home(home);
        }
        let drawn = key.and_then(|key| rendezvous::pick(self, self.candidates.iter().copied(), key));
        match (home, drawn.map(member)) {
            _ if self.candidates.is_empty() => Preview::Nobody,
            (Some(home), Some(drawn)) => Preview::Away(home, drawn),
            (None, Some(drawn)) => Preview::Drawn(drawn),
            (_, None) => Preview::Anybody,
        }
    }
}
