use evenkeel_model::Moment;
use std::time::Duration;

/// Steps in which a warming backend's weight grows: each is a new View.
const STEPS: u32 = 20;
/// Where warming begins, in steps: a tenth of the weight.
const FIRST: u32 = 2;

/// How far a backend that came up has warmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Warmup {
    /// All of its weight.
    #[default]
    Done,
    /// This many of the steps; one more at `next`.
    Warming { steps: u32, each: Duration, next: Moment },
}

impl Warmup {
    /// It came up, or came back.
    pub(super) fn begin(warmup: Duration, now: Moment) -> Warmup {
        if warmup == Duration::ZERO {
            return Warmup::Done;
        }
        let each = (warmup / (STEPS - FIRST)).max(Duration::from_nanos(1));
        Warmup::Warming {
            steps: FIRST,
            each,
            next: now + each,
        }
    }

    /// Time passed.
    pub(super) fn pass(&mut self, now: Moment) {
        for _ in FIRST..=STEPS {
            let Warmup::Warming { steps, each, next } = *self else {
                return;
            };
            if next > now {
                return;
            }
            *self = if steps + 1 >= STEPS {
                Warmup::Done
            } else {
                Warmup::Warming {
                    steps: steps + 1,
                    each,
                    next: next + each,
                }
            };
        }
    }

    /// The weight in 1/256, as far as it has warmed up; 0 only if the weight is 0.
    pub(super) fn scale(self, weight: u32) -> u32 {
        let full = weight * 256;
        match self {
            Warmup::Done => full,
            Warmup::Warming { steps, .. } => full * steps / STEPS,
        }
    }

    /// When the next step is due.
    pub(super) fn timeout(self) -> Moment {
        match self {
            Warmup::Done => Moment::NEVER,
            Warmup::Warming { next, .. } => next,
        }
    }
}
