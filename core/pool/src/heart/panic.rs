//! Who is a candidate: backups and panic.

use super::Heart;
use super::backend::Backend;
use crate::Health;

/// Who gets traffic, by index.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Candidates {
    pub(super) indexes: Vec<u16>,
    pub(super) panicking: bool,
}

impl Heart {
    /// The rules, in this order:
    /// 1. Usable backends that are no backups, if they are at least the share `panic` of those that are ready.
    /// 2. None of them: the usable backups.
    /// 3. Too few, or nobody: panic. All that are ready (in neither drain nor maintenance, not leaving, weight above
    ///    0) are used though checks or traffic speak against them: better slow than nothing. Backups join only when
    ///    no other is ready. One that refused a connection is left out for a while if others are there.
    ///
    /// A backend that never passed a check does not count in the share, so newcomers cannot cause a panic; it is used
    /// in a panic only when its first probe has failed and nobody at all is usable.
    pub(super) fn candidates(&self) -> Candidates {
        let calm = |backup| self.indexes(|backend| backend.usable() && backend.spec.backup == backup);
        let primary = calm(false);
        let counted = self
            .indexes(|backend| backend.ready() && !backend.spec.backup && backend.proven)
            .len();
        let enough = primary.len() as f64 >= counted as f64 * self.pool.panic.0;
        if !primary.is_empty() && enough {
            return Candidates {
                indexes: primary,
                panicking: false,
            };
        }
        if primary.is_empty() {
            let backups = calm(true);
            if !backups.is_empty() {
                return Candidates {
                    indexes: backups,
                    panicking: false,
                };
            }
        }
        self.panic(&primary)
    }

    fn panic(&self, usable: &[u16]) -> Candidates {
        let nobody = usable.is_empty();
        let may = |backend: &Backend| {
            let judged = match backend.health {
                Health::Up | Health::Down => true,
                Health::Unproven => backend.failures > 0,
            };
            backend.ready() && if nobody { judged } else { backend.proven }
        };
        let mut all = self.indexes(|backend| may(backend) && !backend.spec.backup);
        if all.is_empty() {
            all = self.indexes(may);
        }
        if self.pool.panic.0 <= 0.0 {
            all = usable.to_vec();
        }
        let panicking = all.len() > usable.len();
        let refuses = |index: &u16| self.backends[usize::from(*index)].refused_until.is_some();
        let answering: Vec<u16> = all
            .iter()
            .copied()
            .filter(|index| usable.contains(index) || !refuses(index))
            .collect();
        Candidates {
            indexes: if answering.is_empty() { all } else { answering },
            panicking,
        }
    }

    fn indexes(&self, wanted: impl Fn(&Backend) -> bool) -> Vec<u16> {
        (0u16..)
            .zip(&self.backends)
            .filter(|(_, backend)| wanted(backend))
            .map(|(index, _)| index)
            .collect()
    }
}
