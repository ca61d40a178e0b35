//! The machine's clock, moved to the log's as far as that is known.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use wire::Timestamp;

use crate::skew::{Finding, Interval, Skew};

/// Wall time when it was made, moved on by the monotonic clock, less the correction.
///
/// It never steps back by a little: it stands still until the time has caught up. By much it does, once, for whoever is that
/// wrong; what is due by the time of the log was never due by the wrong one.
#[derive(Debug)]
pub struct Ticking {
    /// The wall time at `started`.
    origin: Timestamp,
    started: Instant,
    correction: AtomicI64,
    /// No earlier time is shown.
    floor: AtomicI64,
    skew: Mutex<Learned>,
}

#[derive(Debug, Default)]
struct Learned {
    skew: Skew,
    told: Told,
}

/// What was last said of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Told {
    #[default]
    Nothing,
    Corrected,
    TooFar,
    Unstable,
}

/// How far a clock is from the log's, as far as it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClockState {
    /// By how many microseconds less it is read.
    pub correction: i64,
    /// It is at least so many microseconds ahead of the log's, if anything says so.
    pub at_least: Option<i64>,
    /// It is at most so many microseconds ahead of the log's, if anything says so.
    pub at_most: Option<i64>,
    /// Whether that is believed.
    pub is_trusted: bool,
}

/// For so long a clock may stand still rather than step back.
const STANDSTILL: i64 = 100_000;
/// A smaller correction is not worth a word.
const WORTH_TELLING: i64 = 5_000;

// === impl Ticking ===

impl Ticking {
    pub(super) fn off_by(micros: i64) -> Self {
        let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let origin = Timestamp::from_micros(Timestamp::EPOCH.after(wall).as_micros().saturating_add(micros));
        Self {
            origin,
            started: Instant::now(),
            correction: AtomicI64::new(0),
            floor: AtomicI64::new(i64::MIN),
            skew: Mutex::default(),
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        let corrected = self.reading().as_micros().saturating_sub(self.correction.load(Ordering::Relaxed));
        Timestamp::from_micros(corrected.max(self.floor.load(Ordering::Relaxed)))
    }

    pub(super) fn reading(&self) -> Timestamp {
        self.origin.after(self.started.elapsed())
    }

    pub(super) fn on_appended(&self, sent: Timestamp, appended: Timestamp) {
        self.learn(|skew, now| skew.on_appended(sent, appended, now));
    }

    pub(super) fn on_read(&self, appended: Timestamp) {
        self.learn(|skew, now| skew.on_read(appended, now));
    }

    pub(super) fn state(&self) -> ClockState {
        let learned = self.skew.lock().unwrap_or_else(PoisonError::into_inner);
        let Interval { low, high } = learned.skew.proven();
        ClockState {
            correction: self.correction.load(Ordering::Relaxed),
            at_least: (low > i64::MIN).then_some(low),
            at_most: (high < i64::MAX).then_some(high),
            is_trusted: matches!(learned.told, Told::Nothing | Told::Corrected),
        }
    }

    /// Whoever finds somebody else learning goes on: there is another reading soon.
    fn learn(&self, learn: impl FnOnce(&mut Skew, Timestamp) -> Finding) {
        let Ok(mut learned) = self.skew.try_lock() else { return };
        let finding = learn(&mut learned.skew, self.reading());
        let (correction, told) = match finding {
            Finding::Corrected(by) if by.abs() < WORTH_TELLING => (by, Told::Nothing),
            Finding::Corrected(by) => (by, Told::Corrected),
            Finding::TooFar(_) => (0, Told::TooFar),
            Finding::Unstable(by) => (by, Told::Unstable),
        };
        self.correct(correction);
        if std::mem::replace(&mut learned.told, told) != told {
            tell(finding);
        }
    }

    fn correct(&self, correction: i64) {
        let back = correction - self.correction.load(Ordering::Relaxed);
        if back > 0 {
            let floor = if back <= STANDSTILL { self.now().as_micros() } else { i64::MIN };
            self.floor.store(floor, Ordering::Relaxed);
        }
        if back != 0 {
            self.correction.store(correction, Ordering::Relaxed);
        }
    }
}

fn tell(finding: Finding) {
    const MEND: &str = "keep the clocks of this host and of the brokers by NTP";
    match finding {
        Finding::Corrected(by) if by.abs() < WORTH_TELLING => {
            tracing::info!("this host's clock agrees with the log's");
        }
        Finding::Corrected(by) => {
            let (off, way) = (Duration::from_micros(by.unsigned_abs()), if by > 0 { "ahead of" } else { "behind" });
            tracing::warn!("this host's clock is {off:?} {way} the log's, and is corrected by that: {MEND}");
        }
        Finding::TooFar(by) => {
            let (off, way) = (Duration::from_micros(by.unsigned_abs()), if by > 0 { "ahead of" } else { "behind" });
            tracing::warn!(
                "this host's clock is {off:?} {way} the log's, which is too much to be corrected; deadlines are \
                 misjudged here: {MEND}"
            );
        }
        Finding::Unstable(_) => {
            tracing::warn!(
                "the log's append times contradict each other, so a clock jumps or brokers disagree: {MEND}"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    /// Another host's clock, which is right.
    fn log() -> Ticking {
        Ticking::off_by(0)
    }

    fn gap(one: &Ticking, other: &Ticking) -> i64 {
        one.now().as_micros() - other.now().as_micros()
    }

    /// Lets `clock` learn from a record that the log appends now.
    fn write(clock: &Ticking, log: &Ticking) {
        let sent = clock.reading();
        clock.on_appended(sent, log.reading());
    }

    #[test]
    fn a_clock_that_is_wrong_is_right_once_something_was_written() {
        let log = log();
        for off in [10 * SECOND, -10 * SECOND, 300_000, -300_000] {
            let clock = Ticking::off_by(off);
            write(&clock, &log);
            // Between two readings of two clocks lies at most what this machine does in the meantime.
            assert!(gap(&clock, &log).abs() < SECOND / 4, "{off}: {}", gap(&clock, &log));
            assert!(clock.state().is_trusted && clock.state().correction != 0, "{:?}", clock.state());
        }
    }

    #[test]
    fn a_clock_that_is_right_is_left_alone() {
        let (clock, log) = (Ticking::off_by(0), log());
        // Both are set by the same clock, one after the other.
        write(&clock, &log);
        assert!(clock.state().correction.abs() < WORTH_TELLING, "{:?}", clock.state());
    }

    #[test]
    fn it_stands_still_rather_than_step_back_by_a_little() {
        let clock = Ticking::off_by(0);
        let before = clock.now();
        clock.correct(90_000);
        assert!(clock.now() >= before);
        clock.correct(0);
        let ahead = clock.now();
        clock.correct(10 * SECOND);
        assert!(clock.now() < ahead, "by much it does step back");
    }

    #[test]
    fn an_offset_that_nobody_believes_corrects_nothing() {
        let (clock, log) = (Ticking::off_by(3_600 * SECOND), log());
        write(&clock, &log);
        let ClockState { correction, is_trusted, at_least, .. } = clock.state();
        assert!(correction == 0 && !is_trusted && at_least.is_some_and(|least| least > 3_500 * SECOND));
    }
}
