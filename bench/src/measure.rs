//! Many runs of one thing, and what they came to.

use std::time::{Duration, Instant};

/// How long each of many runs took, and all of them together.
#[derive(Debug, Default)]
pub(crate) struct Runs {
    each: Vec<Duration>,
    pub(crate) together: Duration,
}

impl Runs {
    pub(crate) fn push(&mut self, took: Duration) {
        self.each.push(took);
    }

    pub(crate) fn join(&mut self, other: Self) {
        self.each.extend(other.each);
    }

    /// Runs in a second, all workers together.
    pub(crate) fn per_second(&self) -> f64 {
        per_second(self.each.len(), self.together)
    }

    /// In milliseconds, what so many of a thousand runs do not exceed.
    pub(crate) fn within(&self, of_a_thousand: usize) -> f64 {
        let mut each = self.each.clone();
        each.sort_unstable();
        let place = (each.len() * of_a_thousand).div_ceil(1_000).saturating_sub(1);
        each.get(place).map_or(0.0, |took| took.as_secs_f64() * 1_000.0)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
pub(crate) fn per_second(count: usize, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64().max(f64::EPSILON)
}

/// Nanoseconds of one run of many, the best of several goes: the others were disturbed.
pub(crate) fn best_of(goes: usize, runs: u32, mut run: impl FnMut()) -> f64 {
    let go = |run: &mut dyn FnMut()| {
        let begun = Instant::now();
        for _ in 0..runs {
            run();
        }
        begun.elapsed().as_secs_f64() * 1e9 / f64::from(runs)
    };
    (0..goes.max(1)).map(|_| go(&mut run)).fold(f64::INFINITY, f64::min)
}
