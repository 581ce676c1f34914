//! How often a fault is injected, and when.

use std::time::Duration;

use anyhow::{Context, Result};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// A number of faults at random instants, the same ones for the same seed.
#[derive(Debug)]
pub struct Rounds {
    /// How many.
    pub count: usize,
    random: StdRng,
}

impl Rounds {
    /// As `RIG_ROUNDS` and `RIG_SEED` say; prints how to replay it.
    pub fn from_environment(test: &str) -> Result<Self> {
        let number = |name: &str| -> Result<Option<u64>> {
            std::env::var(name)
                .ok()
                .map(|text| text.parse().with_context(|| format!("{name} is no number: {text}")))
                .transpose()
        };
        let count = number("RIG_ROUNDS")?.unwrap_or(2);
        let seed = number("RIG_SEED")?.unwrap_or_else(|| rand::rng().random_range(0..1_000_000));
        println!("replay with: RIG_SEED={seed} RIG_ROUNDS={count} cargo test -p rig {test} -- --nocapture");
        Ok(Self { count: usize::try_from(count)?, random: StdRng::seed_from_u64(seed) })
    }

    /// Whether this is the short form.
    #[must_use]
    pub const fn is_short(&self) -> bool {
        self.count < 10
    }

    /// A random while, up to `most` milliseconds.
    pub fn pause(&mut self, most: u64) -> Duration {
        Duration::from_millis(self.random.random_range(0..most))
    }
}
