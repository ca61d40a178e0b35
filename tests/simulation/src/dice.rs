//! The only chance there is: everything that could go one way or another asks these dice, and the seed is all they have.

use std::time::Duration;

/// One stream of chance.
#[derive(Clone, Debug)]
pub struct Dice(fastrand::Rng);

// === impl Dice ===

impl Dice {
    /// Returns the stream called `name` of `seed`. Streams do not disturb each other: what one asks for does not change
    /// what another is told.
    #[must_use]
    pub fn of(seed: u64, name: u64) -> Self {
        // The finaliser of SplitMix64, so that neighbouring seeds have nothing in common.
        let mut mixed = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ name.wrapping_mul(0xD1B5_4A32_D192_ED03);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        Self(fastrand::Rng::with_seed(mixed ^ (mixed >> 31)))
    }

    /// Returns whether something happens that happens `per_mille` times in a thousand.
    pub fn chance(&mut self, per_mille: u32) -> bool {
        per_mille > 0 && self.0.u32(0..1_000) < per_mille
    }

    /// Returns a number from `low` to `high`, both included.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        self.0.u64(low..=high.max(low))
    }

    /// Returns a place in a list of `length`, which is not empty.
    pub fn below(&mut self, length: usize) -> usize {
        self.0.usize(0..length.max(1))
    }

    /// Returns one of `choices`.
    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }

    /// Returns a duration of `low` to `high` microseconds.
    pub fn micros(&mut self, low: u64, high: u64) -> Duration {
        Duration::from_micros(self.between(low, high))
    }

    /// Returns a duration of `low` to `high` milliseconds, in microseconds as fine.
    pub fn millis(&mut self, low: u64, high: u64) -> Duration {
        self.micros(low * 1_000, high * 1_000)
    }

    /// Returns 128 bits.
    pub fn bits(&mut self) -> u128 {
        self.0.u128(..)
    }
}
