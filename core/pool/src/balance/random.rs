use super::least_connections::busy;
use super::{Algorithm, Field};
use crate::View;
use crate::dice::Dice;

/// How often a draw that hit a closed candidate is repeated before all are looked at.
const DRAWS: usize = 8;

/// The less busy of two drawn at random.
#[derive(Debug)]
pub(super) struct Random;

impl Algorithm for Random {
    fn update(&mut self, _view: &View) {}

    fn pick(&mut self, field: &Field<'_>, dice: &mut Dice) -> Option<u16> {
        let candidates = &*field.view.candidates;
        let mut first: Option<u16> = None;
        for _ in 0..DRAWS {
            let index = candidates[dice.below(candidates.len())];
            if !field.open(index) || first == Some(index) {
                continue;
            }
            let Some(other) = first.replace(index) else {
                continue;
            };
            let other_wins = busy(field, other, dice) < busy(field, index, dice);
            return Some(if other_wins { other } else { index });
        }
        first.or_else(|| candidates.iter().copied().find(|index| field.open(*index)))
    }
}
