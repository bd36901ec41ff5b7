use super::{Algorithm, Field};
use crate::dice::Dice;
use crate::{BackendId, View};

/// Most turns that a seed moves the start: enough that workers do not march in step.
const HEAD_START: u64 = 64;

/// Smooth weighted round robin: each turn every open candidate earns its weight, the richest is picked and pays what
/// all earned. Over any run each gets its exact share, spread as evenly as can be.
#[derive(Debug)]
pub(super) struct RoundRobin {
    /// What each member has earned, by the member's index.
    earned: Vec<(BackendId, i64)>,
    /// Turns to make before the first pick, once the members are known.
    head_start: u64,
}

impl RoundRobin {
    pub(super) fn new(seed: u64) -> RoundRobin {
        RoundRobin {
            earned: Vec::new(),
            head_start: seed % HEAD_START,
        }
    }

    fn turn(&mut self, view: &View, open: impl Fn(u16) -> bool) -> Option<u16> {
        let mut total = 0;
        let mut richest: Option<(i64, u16)> = None;
        for index in view.candidates.iter().copied().filter(|index| open(*index)) {
            let weight = i64::from(view.members[usize::from(index)].scaled_weight);
            let (_, earned) = &mut self.earned[usize::from(index)];
            *earned += weight;
            total += weight;
            if richest.is_none_or(|(most, _)| *earned > most) {
                richest = Some((*earned, index));
            }
        }
        let (_, index) = richest?;
        self.earned[usize::from(index)].1 -= total;
        Some(index)
    }
}

impl Algorithm for RoundRobin {
    fn update(&mut self, view: &View) {
        let before = std::mem::take(&mut self.earned);
        let known = |id: BackendId| {
            before
                .iter()
                .find(|(other, _)| *other == id)
                .map_or(0, |(_, earned)| *earned)
        };
        self.earned = view
            .members
            .iter()
            .map(|member| (member.id, known(member.id)))
            .collect();
        for _ in 0..std::mem::take(&mut self.head_start) {
            self.turn(view, |_| true);
        }
    }

    fn pick(&mut self, field: &Field<'_>, _dice: &mut Dice) -> Option<u16> {
        self.turn(field.view, |index| field.open(index))
    }
}
