//! A table of the text seen through its section: unknown, unsupported and missing keys are told when it is opened.

use crate::keys::{Key, Section};
use crate::problem::{Fault, shown};
use crate::report::Report;
use crate::slot::{Slot, not_yet};
use crate::suggest;
use std::borrow::Cow;
use std::ops::Range;
use std::time::Duration;
use toml::Spanned;
use toml::de::DeTable;

/// The known and supported keys of one table, in the order of the text.
pub(crate) struct View<'a> {
    section: &'static Section,
    /// Where the table is: its name.
    pub(crate) place: Range<usize>,
    /// Nothing was told when it was opened: every key is known, and none is missing.
    pub(crate) is_sound: bool,
    slots: Vec<Slot<'a>>,
    /// Keys that are missing only because they are misspelt or not supported yet, which has been told.
    meant: Vec<&'static str>,
}

impl<'a> View<'a> {
    pub(crate) fn open(
        report: &mut Report<'_>,
        section: &'static Section,
        table: &'a DeTable<'a>,
        place: Range<usize>,
    ) -> View<'a> {
        let told = report.told();
        let (mut slots, mut meant) = (Vec::new(), Vec::new());
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(name, _)| name.span().start);
        for (name, value) in entries {
            match section.find(name.get_ref()) {
                Some(key) if key.ready => slots.push(Slot::new(key.name, name.span(), &key.kind, value)),
                Some(key) => {
                    meant.push(key.name);
                    report.add(name.span(), not_yet(key.name));
                }
                None => meant.extend(unknown_key(report, section, name)),
            }
        }
        let mut view = View {
            section,
            place,
            is_sound: true,
            slots,
            meant,
        };
        for key in section.keys {
            if let Some(example) = key.required
                && !view.is_meant(&[key.name])
            {
                missing(report, view.place.clone(), key, example);
            }
        }
        view.is_sound = report.told() == told;
        view
    }

    /// Whether one of these keys is written, even if misspelt or not supported yet.
    pub(crate) fn is_meant(&self, names: &[&str]) -> bool {
        names
            .iter()
            .any(|name| self.meant.contains(name) || self.slots.iter().any(|slot| slot.name == *name))
    }

    pub(crate) fn get(&self, name: &str) -> Option<Slot<'a>> {
        debug_assert!(
            self.section.find(name).is_some_and(|key| key.ready),
            "no key {name} here"
        );
        self.slots.iter().find(|slot| slot.name == name).cloned()
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The first of these keys that is written.
    pub(crate) fn first_of(&self, names: &[&str]) -> Option<Slot<'a>> {
        names.iter().find_map(|name| self.get(name))
    }

    pub(crate) fn flag(&self, report: &mut Report<'_>, name: &str) -> Option<bool> {
        self.get(name)?.flag(report)
    }

    pub(crate) fn integer(&self, report: &mut Report<'_>, name: &str) -> Option<u64> {
        self.get(name)?.integer(report)
    }

    /// An integer whose range fits.
    pub(crate) fn count(&self, report: &mut Report<'_>, name: &str) -> Option<u32> {
        u32::try_from(self.integer(report, name)?).ok()
    }

    pub(crate) fn duration(&self, report: &mut Report<'_>, name: &str) -> Option<Duration> {
        self.get(name)?.duration(report)
    }

    pub(crate) fn size(&self, report: &mut Report<'_>, name: &str) -> Option<u64> {
        self.get(name)?.size(report)
    }

    pub(crate) fn share(&self, report: &mut Report<'_>, name: &str) -> Option<evenkeel_model::Share> {
        self.get(name)?.share(report)
    }

    pub(crate) fn word(&self, report: &mut Report<'_>, name: &str) -> Option<&'static str> {
        self.get(name)?.word(report)
    }

    pub(crate) fn table(&self, report: &mut Report<'_>, name: &str) -> Option<View<'a>> {
        self.get(name)?.table(report)
    }

    /// Tells what is wrong with the value of `name`.
    pub(crate) fn blame(&self, report: &mut Report<'_>, name: &str, fault: Fault) {
        if let Some(slot) = self.get(name) {
            slot.fault(report, fault);
        }
    }

    /// A text with a grammar of its own; `None` when it is not written or not sound (then that has been told).
    pub(crate) fn parsed<T>(
        &self,
        report: &mut Report<'_>,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, Fault>,
    ) -> Option<T> {
        self.get(name)?.parsed(report, parse)
    }
}

/// Tells it, and is the key that is probably meant.
fn unknown_key(
    report: &mut Report<'_>,
    section: &'static Section,
    name: &Spanned<Cow<'_, str>>,
) -> Option<&'static str> {
    let message = format!("unknown key `{}` in {}", shown(name.get_ref()), section.place);
    if report.is_full() {
        report.add(name.span(), Fault::new(message));
        return None;
    }
    let (help, meant) = suggest::for_key(name.get_ref(), section);
    report.add(name.span(), Fault::new(message).help(help));
    meant
}

fn missing(report: &mut Report<'_>, place: Range<usize>, key: &Key, example: &str) {
    let name = key.name;
    let fault = Fault::new(format!("`{name}` is missing")).help(format!("for example `{name} = {example}`"));
    report.absent(place, fault);
}
