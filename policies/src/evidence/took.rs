//! How long an executor worked on an answer, in the two bytes that are free beside what it said.

use std::time::Duration;

/// A time rounded down by less than a thousandth: eleven bits of it, and how far they are shifted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Took(u16);

const BITS: u32 = 11;

// === impl Took ===

impl Took {
    pub(super) fn of(took: Duration) -> Self {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).min(u64::from(u32::MAX));
        let shift = (u64::BITS - micros.leading_zeros()).saturating_sub(BITS);
        let (shift, digits) = (u16::try_from(shift).unwrap_or(0), u16::try_from(micros >> shift).unwrap_or(u16::MAX));
        Self(shift << BITS | digits)
    }

    pub(super) fn duration(self) -> Duration {
        let (shift, digits) = (self.0 >> BITS, self.0 & ((1 << BITS) - 1));
        Duration::from_micros(u64::from(digits) << shift)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_more_than_a_thousandth_is_lost_of_any_hour(micros in 0..3_600_000_000_u64) {
            let kept = Took::of(Duration::from_micros(micros)).duration();
            let lost = Duration::from_micros(micros).checked_sub(kept);
            prop_assert!(lost.is_some_and(|lost| lost * 1_000 <= Duration::from_micros(micros)), "{kept:?}");
        }
    }
}
