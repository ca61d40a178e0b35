//! Breakers: only of who is waited for, and with numbers that can be reached.

use std::time::Duration;

use crate::{
    BreakerSpec,
    diagnostic::{Report, Spanned},
    document::{BreakerEntry, ExecutorEntry},
};

/// A shorter window holds no outcomes that one could count.
const WINDOW_MIN: Duration = Duration::from_millis(100);
/// A longer one would remember what nobody means any more.
const WINDOW_MAX: Duration = Duration::from_mins(10);
/// Who is away for less need not be counted out.
const PAUSE_MIN: Duration = Duration::from_millis(10);
/// More outcomes than one means.
const MIN_MAX: usize = 1_000_000;

/// Returns when the executor's breaker opens; `None` if it has none.
pub(super) fn breaker(entry: &ExecutorEntry, report: &mut Report<'_>) -> Option<BreakerSpec> {
    let usual = BreakerSpec::default();
    let Some(written) = &entry.breaker else { return (!entry.is_canary).then_some(usual) };
    if entry.is_canary {
        report
            .error(written.at, format!("canary `{}` is never waited for, so it has no breaker", entry.name.is))
            .hint("take its `breaker` out");
        return None;
    }
    if written.is_off {
        return None;
    }
    check(written, report);
    let min = written.min.as_ref().map_or(usual.min, |min| u32::try_from(min.is.get()).unwrap_or(u32::MAX));
    let of = |duration: &Option<Spanned<Duration>>, usual| duration.as_ref().map_or(usual, |duration| duration.is);
    Some(BreakerSpec {
        open_at: written.open_at.as_ref().map_or(usual.open_at, |share| share.is),
        min,
        window: of(&written.window, usual.window),
        pause: of(&written.pause, usual.pause),
    })
}

fn check(written: &BreakerEntry, report: &mut Report<'_>) {
    let is_outside = |window: &&Spanned<Duration>| window.is < WINDOW_MIN || window.is > WINDOW_MAX;
    if let Some(window) = written.window.as_ref().filter(is_outside) {
        report.error(window.at, "a breaker's window is from 100ms to 10 minutes").hint("write `window: 10s`");
    }
    if let Some(pause) = written.pause.as_ref().filter(|pause| pause.is < PAUSE_MIN) {
        report.error(pause.at, "a breaker that pauses for less than 10ms spares nobody").hint("write `pause: 1s`");
    }
    if let Some(pause) = written.pause.as_ref().filter(|pause| pause.is > BreakerSpec::PAUSE_MAX) {
        report.error(pause.at, "a breaker pauses for at most 30 seconds").hint("write `pause: 1s`");
    }
    if let Some(min) = written.min.as_ref().filter(|min| min.is.get() > MIN_MAX) {
        report.error(min.at, "so many requests are never counted: `min` is at most 1000000").hint("write `min: 20`");
    }
}
