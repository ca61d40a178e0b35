//! Says when a stranger's writing begins: the first record is named, and those that follow in a row are only counted.

use std::time::Duration;

use wire::Timestamp;

/// A burst is over when nothing came for so long.
const QUIET: Duration = Duration::from_secs(10);

/// Who writes what nobody can read.
#[derive(Debug, Default)]
pub(super) struct Strangers {
    last: Option<Timestamp>,
}

// === impl Strangers ===

impl Strangers {
    /// Hears of a record; returns whether it is the first of a burst.
    pub(super) fn begins(&mut self, now: Timestamp) -> bool {
        let before = self.last.replace(now);
        before.is_none_or(|before| now.since(before) >= QUIET)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_a_burst_is_named_and_the_first_after_it() {
        let at = |seconds: i64| Timestamp::from_micros(seconds * 1_000_000);
        let mut strangers = Strangers::default();
        let named: Vec<i64> =
            [0, 1, 9, 18, 28, 29].into_iter().filter(|second| strangers.begins(at(*second))).collect();
        assert_eq!(named, [0, 28]);
    }
}
