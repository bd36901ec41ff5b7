use evenkeel_model::Moment;

/// Deadlines are rounded up to this: fine enough for the shortest timeout that can be configured (10 ms), coarse
/// enough that a worker full of idle connections wakes at most 250 times a second.
const TICK_NANOS: u64 = 4_000_000;
/// A power of two. 16 s ahead; what is later is looked at again when the wheel comes round.
const SLOTS: usize = 4096;
const WORDS: usize = SLOTS / 64;

/// A hashed timer wheel. Inserting is a push; nothing is ever removed: the owner of an entry that fires too early
/// (because its deadline moved on) inserts it anew.
pub(crate) struct Wheel<T> {
    slots: Vec<Vec<T>>,
    occupied: [u64; WORDS],
    /// Everything up to and with this tick has fired.
    tick: u64,
}

impl<T> Wheel<T> {
    pub(crate) fn new(now: Moment) -> Wheel<T> {
        Wheel {
            slots: std::iter::repeat_with(Vec::new).take(SLOTS).collect(),
            occupied: [0; WORDS],
            tick: now.as_nanos() / TICK_NANOS,
        }
    }

    /// Inserts `entry` to fire at `at` or, when that is beyond the wheel, earlier. Returns when it will fire.
    pub(crate) fn insert(&mut self, at: Moment, entry: T) -> Moment {
        let wanted = at.as_nanos().div_ceil(TICK_NANOS);
        let tick = wanted.clamp(self.tick + 1, self.tick + SLOTS as u64 - 1);
        let slot = (tick as usize) & (SLOTS - 1);
        self.slots[slot].push(entry);
        self.occupied[slot / 64] |= 1 << (slot % 64);
        Moment::from_nanos(tick * TICK_NANOS)
    }

    /// Moves everything that is due at `now` to `due`.
    pub(crate) fn expire(&mut self, now: Moment, due: &mut Vec<T>) {
        let until = now.as_nanos() / TICK_NANOS;
        while let Some(tick) = self.next_tick() {
            if tick > until {
                break;
            }
            let slot = (tick as usize) & (SLOTS - 1);
            due.append(&mut self.slots[slot]);
            self.occupied[slot / 64] &= !(1 << (slot % 64));
            self.tick = tick;
        }
        self.tick = self.tick.max(until);
    }

    /// When the next entry fires.
    pub(crate) fn next(&self) -> Option<Moment> {
        self.next_tick().map(|tick| Moment::from_nanos(tick * TICK_NANOS))
    }

    /// The first occupied tick after `self.tick`: one word of the map at a time.
    fn next_tick(&self) -> Option<u64> {
        let first = ((self.tick + 1) as usize) & (SLOTS - 1);
        let mut slot = first;
        // One word more than there are: the first is looked at twice, its low bits last.
        for _ in 0..=WORDS {
            let word_index = slot / 64;
            let word = self.occupied[word_index] & (u64::MAX << (slot % 64));
            if word != 0 {
                let found = word_index * 64 + word.trailing_zeros() as usize;
                let ahead = (found + SLOTS - first) & (SLOTS - 1);
                return Some(self.tick + 1 + ahead as u64);
            }
            slot = ((word_index + 1) * 64) & (SLOTS - 1);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn milliseconds(n: u64) -> Moment {
        Moment::from_nanos(n * 1_000_000)
    }

    #[test]
    fn fires_in_order_never_early_and_at_most_a_tick_late() {
        let mut wheel = Wheel::new(milliseconds(1003));
        let deadlines = [1004u64, 1010, 1999, 5000, 1004, 17_000, 16_999, 1100];
        for deadline in deadlines {
            wheel.insert(milliseconds(deadline), deadline);
        }
        let mut seen = Vec::new();
        for now in 1003..18_000 {
            let mut due = Vec::new();
            wheel.expire(milliseconds(now), &mut due);
            for deadline in due {
                assert!(deadline <= now && now <= deadline + 4, "{deadline} fired at {now}");
                seen.push(deadline);
            }
        }
        assert_eq!(seen.len(), deadlines.len());
        assert_eq!(wheel.next(), None);
    }

    #[test]
    fn what_is_beyond_the_wheel_fires_early_to_be_inserted_again() {
        let mut wheel = Wheel::new(Moment::ZERO);
        let fires = wheel.insert(milliseconds(60_000), 1);
        assert!(fires < milliseconds(17_000) && fires > milliseconds(16_000));
        assert_eq!(wheel.next(), Some(fires));
    }

    #[test]
    fn a_long_sleep_misses_nothing() {
        let mut wheel = Wheel::new(Moment::ZERO);
        for deadline in 1..2000 {
            wheel.insert(milliseconds(deadline), deadline);
        }
        let mut due = Vec::new();
        wheel.expire(milliseconds(1_000_000), &mut due);
        assert_eq!(due.len(), 1999);
        assert!(
            wheel.insert(milliseconds(5), 7) > milliseconds(1_000_000),
            "the past fires at the next tick"
        );
    }
}
