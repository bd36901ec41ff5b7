use super::{Cookie, Tag};
use evenkeel_model::Name;

/// Which backend a tag means, and back. Brought up to date with each new set of backends; finding allocates nothing.
#[derive(Debug, Clone)]
pub struct Homes<Id> {
    /// By tag. A tag that two backends share means the first of them.
    by_tag: Vec<(Tag, Id)>,
    /// By number.
    by_id: Vec<(Id, Name, Tag)>,
}

impl<Id> Default for Homes<Id> {
    fn default() -> Self {
        Homes {
            by_tag: Vec::new(),
            by_id: Vec::new(),
        }
    }
}

impl<Id: Copy + Ord> Homes<Id> {
    /// The backends are these now. Tags of those that were known under the same name are kept.
    pub fn update<'a>(&mut self, cookie: &Cookie, backends: impl Iterator<Item = (Id, &'a Name)>) {
        let known = |id: Id, name: &Name| {
            let place = self.by_id.binary_search_by_key(&id, |(id, _, _)| *id).ok()?;
            let (_, before, tag) = &self.by_id[place];
            (before == name).then_some(*tag)
        };
        let mut by_id: Vec<(Id, Name, Tag)> = backends
            .map(|(id, name)| (id, name.clone(), known(id, name).unwrap_or_else(|| cookie.tag(name))))
            .collect();
        by_id.sort_unstable_by_key(|(id, _, _)| *id);
        self.by_tag = by_id.iter().map(|(id, _, tag)| (*tag, *id)).collect();
        self.by_tag.sort_unstable();
        self.by_tag.dedup_by_key(|(tag, _)| *tag);
        self.by_id = by_id;
    }

    /// Whose tag this is; `None` when it is nobody's any more.
    pub fn find(&self, tag: Tag) -> Option<Id> {
        let place = self.by_tag.binary_search_by_key(&tag, |(tag, _)| *tag).ok()?;
        Some(self.by_tag[place].1)
    }

    /// The tag of this backend; `None` when it is not among them.
    pub fn tag(&self, id: Id) -> Option<Tag> {
        let place = self.by_id.binary_search_by_key(&id, |(id, _, _)| *id).ok()?;
        Some(self.by_id[place].2)
    }
}
