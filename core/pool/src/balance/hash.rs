use super::{Algorithm, Field};
use crate::View;
use crate::dice::Dice;

/// By a key: the first on the ring from the key's place onward that is open and, with a bound, not above its share.
#[derive(Debug)]
pub(super) struct Hash {
    bounded: Option<f64>,
    /// Sum of the candidates' scaled weights.
    weights: f64,
}

impl Hash {
    pub(super) fn new(bounded: Option<f64>) -> Hash {
        Hash { bounded, weights: 0.0 }
    }
}

impl Algorithm for Hash {
    fn update(&mut self, view: &View) {
        let weight = |index: &u16| f64::from(view.members[usize::from(*index)].scaled_weight);
        self.weights = view.candidates.iter().map(weight).sum();
    }

    fn pick(&mut self, field: &Field<'_>, _dice: &mut Dice) -> Option<u16> {
        let Some(ring) = &field.view.ring else {
            return field.view.candidates.iter().copied().find(|index| field.open(*index));
        };
        let members = &field.view.members;
        // What all carry with this request, per unit of weight, times the bound.
        let bound = self.bounded.map(|bounded| {
            let carry = |index: &u16| f64::from(members[usize::from(*index)].load.in_flight());
            let all: f64 = field.view.candidates.iter().map(carry).sum();
            bounded * (all + 1.0) / self.weights
        });
        let mut fallback = None;
        for index in ring.walk(field.hash) {
            let Some(member) = members.get(usize::from(index)) else {
                continue;
            };
            if !member.candidate || !field.open(index) {
                continue;
            }
            let Some(bound) = bound else {
                return Some(index);
            };
            // Rounded up: everyone may carry at least one.
            if f64::from(member.load.in_flight()) < (bound * f64::from(member.scaled_weight)).ceil() {
                return Some(index);
            }
            fallback = fallback.or(Some(index));
        }
        fallback.or_else(|| field.view.candidates.iter().copied().find(|index| field.open(*index)))
    }
}
