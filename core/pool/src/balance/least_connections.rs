use super::{Algorithm, Field};
use crate::View;
use crate::dice::Dice;

/// Fewest in flight per weight. A random part below one place breaks ties and, among unequal weights, stands for the
/// fractions that whole places cannot express: an idle backend of a tenth of the weight wins a tenth of the ties.
#[derive(Debug)]
pub(super) struct LeastConnections;

impl Algorithm for LeastConnections {
    fn update(&mut self, _view: &View) {}

    fn pick(&mut self, field: &Field<'_>, dice: &mut Dice) -> Option<u16> {
        field.cheapest(dice, |index, dice| busy(field, index, dice))
    }
}

/// In flight per weight, with the random part.
pub(super) fn busy(field: &Field<'_>, index: u16, dice: &mut Dice) -> f32 {
    let member = &field.view.members[usize::from(index)];
    (member.load.in_flight() as f32 + dice.fraction()) / member.scaled_weight as f32
}
