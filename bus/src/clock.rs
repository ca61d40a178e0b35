//! The edge where the time is read; everything that decides takes it as a value.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use tokio::sync::Notify;
use wire::Timestamp;

/// Tells the time. Cheap to clone; clones of a virtual clock are the same clock.
#[derive(Clone, Debug)]
pub enum Clock {
    /// Wall time when it was made, moved on by the monotonic clock: it never steps back.
    System {
        /// The wall time at `started`.
        origin: Timestamp,
        /// The monotonic instant of `origin`.
        started: Instant,
    },
    /// A time that tests set.
    Virtual(Arc<Hands>),
}

/// What a virtual clock shows.
#[derive(Debug)]
pub struct Hands {
    micros: AtomicI64,
    moved: Notify,
}

// === impl Clock ===

impl Clock {
    /// Returns the machine's clock.
    #[must_use]
    pub fn system() -> Self {
        let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self::System { origin: Timestamp::EPOCH.after(wall), started: Instant::now() }
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
            Self::System { origin, started } => origin.after(started.elapsed()),
            Self::Virtual(hands) => Timestamp::from_micros(hands.micros.load(Ordering::Acquire)),
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
                Self::System { .. } if self.now() < at => tokio::time::sleep(at.since(self.now())).await,
                Self::Virtual(hands) => {
                    // Asked for before the time is read: a move in between is not missed.
                    let moved = hands.moved.notified();
                    if self.now() >= at {
                        return;
                    }
                    moved.await;
                }
                Self::System { .. } => return,
            }
        }
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
