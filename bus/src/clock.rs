//! The edge where the time is read; everything that decides takes it as a value.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

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
    /// A time that tests set, in microseconds since the epoch.
    Virtual(Arc<AtomicI64>),
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
        Self::Virtual(Arc::new(AtomicI64::new(now.as_micros())))
    }

    /// Returns the time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System { origin, started } => origin.after(started.elapsed()),
            Self::Virtual(micros) => Timestamp::from_micros(micros.load(Ordering::Relaxed)),
        }
    }

    /// Moves a virtual clock on; a system clock moves by itself.
    pub fn advance(&self, by: Duration) {
        if let Self::Virtual(micros) = self {
            micros.fetch_add(i64::try_from(by.as_micros()).unwrap_or(i64::MAX), Ordering::Relaxed);
        }
    }
}
