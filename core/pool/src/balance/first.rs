use super::{Algorithm, Field};
use crate::View;
use crate::dice::Dice;

/// The first open one in the order of the file.
#[derive(Debug)]
pub(super) struct First;

impl Algorithm for First {
    fn update(&mut self, _view: &View) {}

    fn pick(&mut self, field: &Field<'_>, _dice: &mut Dice) -> Option<u16> {
        field.view.candidates.iter().copied().find(|index| field.open(*index))
    }
}
