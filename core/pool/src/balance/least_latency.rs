use super::{Algorithm, Field};
use crate::View;
use crate::dice::Dice;

/// Least expected wait.
#[derive(Debug, Default)]
pub(super) struct LeastLatency {}

impl Algorithm for LeastLatency {
    fn update(&mut self, _view: &View) {}

    fn pick(&mut self, field: &Field<'_>, dice: &mut Dice) -> Option<u16> {
        field.cheapest(dice, |index, dice| {
            let member = &field.view.members[usize::from(index)];
            let estimate = member.load.estimate();
            let unanswered = member.load.places().unanswered as f32;
            let silence = if unanswered > 0.0 {
                field.now.since(member.load.progress()).as_nanos() as f32
            } else {
                0.0
            };
            let wait = estimate.latency * ((unanswered + 1.0) / estimate.breadth.max(1.0)).max(1.0);
            (wait + silence).max(1.0) * (unanswered + dice.fraction()) / member.scaled_weight as f32
        })
    }
}
