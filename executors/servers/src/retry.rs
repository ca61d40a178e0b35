//! PURE: whether a call is made again, and after how long.
//!
//! Laws: a pause ends before the deadline, or there is none; one that a server asks for is never cut short; and each is
//! at most twice as long as the one before, and never the same for all who wait.

use std::time::Duration;

/// The pause before the first repetition, at most.
const FIRST: Duration = Duration::from_millis(10);
/// The longest pause that nobody asked for.
const LONGEST: Duration = Duration::from_secs(1);

/// Returns how long to wait before a call is made again that failed `failures` times before; `None` if what is `left` of
/// the budget would not outlast that. `wished` is what the server asked for, and `die` lies between 0 and 1.
pub(crate) fn pause(failures: u8, wished: Option<Duration>, left: Duration, die: f64) -> Option<Duration> {
    let most = FIRST.saturating_mul(1 << failures.min(16)).min(LONGEST);
    let pause = most.mul_f64(0.5 + die.clamp(0.0, 1.0) / 2.0).max(wished.unwrap_or_default());
    (pause < left).then_some(pause)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(failures: u8, wished_ms: Option<u64>, left_ms: u64, expected_ms: Option<u64>) {
        let ms = Duration::from_millis;
        assert_eq!(pause(failures, wished_ms.map(ms), ms(left_ms), 1.0), expected_ms.map(ms));
    }

    #[test]
    fn pauses_double_and_end() {
        check(0, None, 5_000, Some(10));
        check(1, None, 5_000, Some(20));
        check(4, None, 5_000, Some(160));
        check(200, None, 5_000, Some(1_000));
    }

    #[test]
    fn a_pause_that_is_asked_for_is_kept_or_not_made() {
        check(0, Some(300), 5_000, Some(300));
        check(0, Some(300), 300, None);
        check(3, Some(1), 5_000, Some(80));
    }

    #[test]
    fn nothing_is_waited_for_past_the_deadline() {
        check(0, None, 10, None);
        check(0, None, 0, None);
        check(0, None, 11, Some(10));
    }

    #[test]
    fn who_fails_together_comes_back_apart() {
        let left = Duration::from_secs(5);
        assert_eq!(pause(0, None, left, 0.0), Some(FIRST / 2));
        assert_eq!(pause(0, None, left, 0.5), Some(FIRST * 3 / 4));
    }
}
