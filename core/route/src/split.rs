//! Which side of a split a request takes.

use evenkeel_model::Split;

/// The sides of one split, made ready.
///
/// Each side draws a number from the key and its own name, and the best one wins (weighted rendezvous hashing): a side
/// wins as often as its weight says, and a change of weights moves only the keys that it must move, all of them towards
/// the side that gained. The same key takes the same side on every balancer with the same configuration.
#[derive(Debug, Clone)]
pub struct Sides {
    sides: Vec<Side>,
}

#[derive(Debug, Clone)]
struct Side {
    /// Its place in the split.
    index: usize,
    seed: u64,
    weight: f64,
}

impl Sides {
    /// Sides without weight never win.
    pub fn new(split: &Split) -> Sides {
        let sides = split.sides.iter().enumerate().filter(|(_, side)| side.weight > 0);
        Sides {
            sides: sides
                .map(|(index, side)| Side {
                    index,
                    seed: key_of(side.pool.as_bytes()),
                    weight: f64::from(side.weight),
                })
                .collect(),
        }
    }

    /// The place of the side that `key` takes: of a value to stay with by [`key_of`], or a random number. 0 when no side
    /// has weight, which configurations rule out.
    pub fn choose(&self, key: u64) -> usize {
        let mut best = (f64::INFINITY, 0);
        for side in &self.sides {
            // Evenly from the open interval 0 to 1; its logarithm is that of an exponential wait.
            let even = ((mixed(key ^ side.seed) >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
            let wait = -even.ln() / side.weight;
            if wait < best.0 {
                best = (wait, side.index);
            }
        }
        best.1
    }
}

/// The key of a value: FNV-1a, then mixed.
pub fn key_of(value: &[u8]) -> u64 {
    mixed(value.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    }))
}

/// The finaliser of MurmurHash3: all bits depend on all bits.
fn mixed(mut hash: u64) -> u64 {
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}
