use crate::{Sides, key_of};
use evenkeel_model::{Side, Split};

const KEYS: u64 = 100_000;

fn sides(weights: &[(&str, u32)]) -> Sides {
    let side = |(pool, weight): &(&str, u32)| Side {
        pool: (*pool).into(),
        weight: *weight,
    };
    Sides::new(&Split {
        sides: weights.iter().map(side).collect(),
        by: None,
    })
}

fn taken(sides: &Sides) -> Vec<usize> {
    (0..KEYS).map(|key| sides.choose(key_of(&key.to_le_bytes()))).collect()
}

#[test]
fn each_side_gets_its_share() {
    for weights in [
        &[("stable", 95), ("canary", 5)][..],
        &[("a", 1), ("b", 1), ("c", 1)],
        &[("a", 1000), ("b", 1), ("c", 0), ("d", 500)],
        &[("only", 3)],
    ] {
        let taken = taken(&sides(weights));
        let sum: u32 = weights.iter().map(|(_, weight)| weight).sum();
        for (index, (pool, weight)) in weights.iter().enumerate() {
            let count = taken.iter().filter(|side| **side == index).count() as f64;
            let expected = KEYS as f64 * f64::from(*weight) / f64::from(sum);
            // Four standard deviations at most.
            let tolerance = 4.0 * expected.sqrt();
            assert!((count - expected).abs() <= tolerance, "{pool}: {count}, not {expected}");
        }
    }
}

#[test]
fn a_change_of_weights_moves_only_towards_who_gained() {
    let before = taken(&sides(&[("stable", 95), ("canary", 5)]));
    let after = taken(&sides(&[("stable", 95), ("canary", 20)]));
    let moved: Vec<_> = before.iter().zip(&after).filter(|(one, other)| one != other).collect();
    assert!(moved.iter().all(|(from, to)| (**from, **to) == (0, 1)));
    let expected = KEYS as f64 * (20.0 / 115.0 - 0.05);
    assert!(
        (moved.len() as f64 - expected).abs() < 0.03 * KEYS as f64,
        "{} moved",
        moved.len()
    );
}

#[test]
fn neither_order_nor_scale_matters() {
    let one = taken(&sides(&[("stable", 95), ("canary", 5)]));
    let other = taken(&sides(&[("canary", 50), ("stable", 950)]));
    assert!(one.iter().zip(&other).all(|(one, other)| *one == 1 - other));
}

#[test]
fn another_side_takes_from_all_and_gives_back_the_same() {
    let two = taken(&sides(&[("a", 1), ("b", 1)]));
    let three = taken(&sides(&[("a", 1), ("b", 1), ("c", 1)]));
    assert!(
        two.iter()
            .zip(&three)
            .all(|(before, after)| *after == 2 || before == after)
    );
}
