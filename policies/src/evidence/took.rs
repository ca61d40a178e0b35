//! How long a request waited in an executor, and was worked on: in the three bytes that are free beside what it said.

use std::time::Duration;

/// Two times, rounded down: that of waiting by less than a sixty-fourth, that of work by less than a 256th.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Took([u8; 3]);

/// So many bits of each time are kept, and how far they are shifted.
const OF_QUEUED: u32 = 7;
const OF_SCORED: u32 = 9;
/// Waiting takes eleven of the bits, work the other thirteen.
const SCORED_BITS: u32 = 13;

// === impl Took ===

impl Took {
    pub(super) fn of(queued: Duration, scored: Duration) -> Self {
        let both = shorten(queued, OF_QUEUED) << SCORED_BITS | shorten(scored, OF_SCORED);
        let [_, bytes @ ..] = both.to_be_bytes();
        Self(bytes)
    }

    pub(super) fn queued(self) -> Duration {
        lengthen(self.both() >> SCORED_BITS, OF_QUEUED)
    }

    pub(super) fn scored(self) -> Duration {
        lengthen(self.both() & ((1 << SCORED_BITS) - 1), OF_SCORED)
    }

    fn both(self) -> u32 {
        let Self([first, second, third]) = self;
        u32::from_be_bytes([0, first, second, third])
    }
}

/// The first of the bits is not kept where it must be one.
fn shorten(took: Duration, bits: u32) -> u32 {
    let micros = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
    let shift = (u32::BITS - micros.leading_zeros()).saturating_sub(bits);
    (shift << (bits - 1)) + (micros >> shift)
}

fn lengthen(short: u32, bits: u32) -> Duration {
    let shift = (short >> (bits - 1)).saturating_sub(1);
    Duration::from_micros(u64::from(short - (shift << (bits - 1))) << shift)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_more_than_is_said_is_lost_of_any_hour(queued in 0..=u64::from(u32::MAX), scored in 0..=u64::from(u32::MAX)) {
            let (queued, scored) = (Duration::from_micros(queued), Duration::from_micros(scored));
            let kept = Took::of(queued, scored);
            let loses = |was: Duration, kept: Duration, part: u32| was.checked_sub(kept).is_some_and(|lost| lost * part <= was);
            prop_assert!(loses(queued, kept.queued(), 64) && loses(scored, kept.scored(), 256), "{kept:?}");
        }
    }

    #[test]
    fn what_is_longer_than_an_hour_is_as_long_as_can_be_said() {
        let kept = Took::of(Duration::MAX, Duration::MAX);
        assert!(kept.queued() > Duration::from_hours(1) && kept.scored() > Duration::from_hours(1));
    }
}
