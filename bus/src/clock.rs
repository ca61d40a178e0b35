//! The edge where the time is read; everything that decides takes it as a value.

mod ticking;

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use tokio::sync::Notify;
use wire::Timestamp;

pub use ticking::{ClockState, Ticking};

/// Tells the time. Cheap to clone; clones are the same clock.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The machine's, corrected by what the log's append times say of it.
    System(Arc<Ticking>),
    /// A time that tests set.
    Virtual(Arc<Hands>),
}

/// What a virtual clock shows.
#[derive(Debug)]
pub struct Hands {
    micros: AtomicI64,
    moved: Notify,
}

/// The longest that is slept at once: a clock that is corrected meanwhile wakes who slept too long soon enough.
const NAP: Duration = Duration::from_millis(500);

// === impl Clock ===

impl Clock {
    /// Returns the machine's clock.
    #[must_use]
    pub fn system() -> Self {
        Self::system_off_by(0)
    }

    /// Returns a clock that is so many microseconds ahead of the machine's, as a host's is whose time nobody keeps.
    #[must_use]
    pub fn system_off_by(micros: i64) -> Self {
        Self::System(Arc::new(Ticking::off_by(micros)))
    }

    /// Returns a clock that stands at `now` until it is moved.
    #[must_use]
    pub fn standing_at(now: Timestamp) -> Self {
        Self::Virtual(Arc::new(Hands { micros: AtomicI64::new(now.as_micros()), moved: Notify::new() }))
    }

    /// Returns the time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System(ticking) => ticking.now(),
            Self::Virtual(hands) => hands.now(),
        }
    }

    /// Moves a virtual clock on and wakes who slept until then; a system clock moves by itself.
    pub fn advance(&self, by: Duration) {
        if let Self::Virtual(hands) = self {
            hands.micros.fetch_add(i64::try_from(by.as_micros()).unwrap_or(i64::MAX), Ordering::AcqRel);
            hands.moved.notify_waiters();
        }
    }

    /// Waits until this clock shows `at` or later. Cancel-safe. Never early; on a system clock up to about two
    /// milliseconds late, because that is how fine the runtime's timers are.
    pub async fn sleep_until(&self, at: Timestamp) {
        loop {
            match self {
                Self::System(ticking) if ticking.now() < at => {
                    tokio::time::sleep(at.since(ticking.now()).min(NAP)).await;
                }
                Self::Virtual(hands) => {
                    // Asked for before the time is read: a move in between is not missed.
                    let moved = hands.moved.notified();
                    if self.now() >= at {
                        return;
                    }
                    moved.await;
                }
                Self::System(_) => return,
            }
        }
    }

    /// Returns what this clock reads without any correction, to be handed to `on_appended`.
    pub(crate) fn reading(&self) -> Timestamp {
        match self {
            Self::System(ticking) => ticking.reading(),
            Self::Virtual(hands) => hands.now(),
        }
    }

    /// A record that was sent when this clock read `sent`, and is acknowledged now, was appended at this time of the log.
    pub(crate) fn on_appended(&self, sent: Timestamp, appended: Timestamp) {
        if let Self::System(ticking) = self {
            ticking.on_appended(sent, appended);
        }
    }

    /// A record that is read now was appended at this time of the log.
    pub(crate) fn on_read(&self, appended: Timestamp) {
        if let Self::System(ticking) = self {
            ticking.on_read(appended);
        }
    }

    /// Returns what is known of how far this clock is from the log's.
    #[must_use]
    pub fn state(&self) -> ClockState {
        match self {
            Self::System(ticking) => ticking.state(),
            Self::Virtual(_) => ClockState::default(),
        }
    }
}

impl Hands {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.micros.load(Ordering::Acquire))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_virtual_clock_wakes_who_slept_until_then() {
        let clock = Clock::standing_at(Timestamp::from_micros(1_000));
        let mut sleeper = Box::pin(clock.sleep_until(Timestamp::from_micros(1_500)));
        assert!(futures::poll!(&mut sleeper).is_pending());
        clock.advance(Duration::from_micros(499));
        assert!(futures::poll!(&mut sleeper).is_pending());
        clock.clone().advance(Duration::from_micros(1));
        sleeper.await;
        assert_eq!(clock.now(), Timestamp::from_micros(1_500));
    }

    #[tokio::test]
    async fn a_system_clock_never_wakes_early() {
        let clock = Clock::system();
        let at = clock.now().after(Duration::from_micros(700));
        clock.sleep_until(at).await;
        assert!(clock.now() >= at);
    }
}
