//! Who has a key, by nothing but the key and the names of those who may have it: every worker, every balancer and every
//! restart finds the same one, and when one comes or goes only the keys move that it gets or had.

use crate::View;
use crate::dice::mix;

/// Of the indexes the one with the best draw for this key, each as likely as its weight says.
pub(crate) fn pick(view: &View, indexes: impl Iterator<Item = u16>, key: u64) -> Option<u16> {
    let mut best: Option<Draw> = None;
    for index in indexes {
        let member = &view.members[usize::from(index)];
        // In a panic one without a weight may be asked too.
        let draw = Draw {
            number: mix(key ^ member.seed),
            weight: member.scaled_weight.max(1),
            index,
        };
        if best.as_ref().is_none_or(|best| draw.beats(best)) {
            best = Some(draw);
        }
    }
    best.map(|draw| draw.index)
}

struct Draw {
    number: u64,
    weight: u32,
    index: u16,
}

impl Draw {
    /// Weighted rendezvous: the greatest -weight / ln(u) with u drawn evenly from 0 to 1. Among equals the greater
    /// number wins, which spares nearly all logarithms.
    fn beats(&self, other: &Draw) -> bool {
        if self.weight == other.weight {
            return self.number > other.number;
        }
        self.score() > other.score()
    }

    fn score(&self) -> f64 {
        let even = ((self.number >> 11) as f64 + 0.5) / (1u64 << 53) as f64;
        f64::from(self.weight) / -even.ln()
    }
}
