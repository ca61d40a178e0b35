//! PURE: what an executor that starts later may spend: a token bucket that requests fill.
//!
//! Laws, each tested by name: of any so many requests in a row no more start it than their share and `BURST`; and
//! since it began no more than the share and one. It is exact: shares are in parts of 10,000, and nothing is rounded.

use policies::Share;

/// How many starts can be saved up: a spell in which everybody is slow is not answered by asking everybody twice.
pub(super) const BURST: u32 = 10;
/// One start, in parts of which a request brings as many as its share has.
const START: u32 = 10_000;

/// What is left to spend.
#[derive(Debug)]
pub(super) struct Purse(u32);

// === impl Purse ===

impl Default for Purse {
    /// The first request can be hedged: whoever is asked seldom would wait for ever otherwise.
    fn default() -> Self {
        Self(START)
    }
}

impl Purse {
    /// A request was seen, of which `share` may start the executor.
    pub(super) fn earn(&mut self, share: Share) {
        self.0 = (self.0 + u32::from(share.parts())).min(BURST * START);
    }

    /// Pays for a start; returns whether there was enough for it.
    pub(super) fn spend(&mut self) -> bool {
        let left = self.0.checked_sub(START);
        self.0 = left.unwrap_or(self.0);
        left.is_some()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Plays requests, each of which wants a start or does not, and returns which got one.
    fn play(share: Share, wanted: &[bool]) -> Vec<bool> {
        let mut purse = Purse::default();
        let play = |wants: &bool| {
            purse.earn(share);
            *wants && purse.spend()
        };
        wanted.iter().map(play).collect()
    }

    fn started(started: &[bool]) -> u64 {
        started.iter().filter(|started| **started).count() as u64
    }

    /// Whether `started` of `requests` is at most `share` of them and `more`.
    fn within(share: Share, started: u64, requests: usize, more: u32) -> bool {
        started * 10_000 <= requests as u64 * u64::from(share.parts()) + u64::from(more) * 10_000
    }

    proptest! {
        #[test]
        fn no_more_start_than_their_share_and_a_burst(
            parts in 1..10_000_u16,
            wanted in proptest::collection::vec(any::<bool>(), 1..300),
            (from, to) in (0..300_usize, 0..300_usize),
        ) {
            let share = Share::new(parts).unwrap();
            let got = play(share, &wanted);
            prop_assert!(within(share, started(&got), got.len(), 1), "since it began");
            let (from, to) = (from.min(to).min(got.len()), from.max(to).min(got.len()));
            prop_assert!(within(share, started(&got[from..to]), to - from, BURST), "of some in a row");
        }

        #[test]
        fn who_wants_no_more_than_the_share_always_starts(every in 2..200_u16) {
            let share = Share::new(10_000_u16.div_ceil(every)).unwrap();
            let wanted: Vec<bool> = (1..=1_000).map(|request| request % every == 0).collect();
            prop_assert_eq!(play(share, &wanted), wanted);
        }
    }

    #[test]
    fn the_first_can_start_it_and_after_that_every_second_of_a_half() {
        let share = Share::new(5_000).unwrap();
        assert_eq!(play(share, &[true; 6]), [true, true, false, true, false, true]);
    }
}
