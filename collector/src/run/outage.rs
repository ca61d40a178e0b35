//! Says once that the bus cannot be reached, and once that it can again.

use std::time::Duration;

use bus::{BoxFuture, BusError, Clock};
use wire::Timestamp;

/// So long is waited before the bus is tried again.
const PAUSE: Duration = Duration::from_millis(20);

/// Whether the bus can be reached, as far as is known.
#[derive(Debug, Default)]
pub(super) struct Outage {
    since: Option<Timestamp>,
}

// === impl Outage ===

impl Outage {
    /// Takes an attempt's outcome: `None` means that it is worth trying again.
    pub(super) fn note<T>(&mut self, attempt: Result<T, BusError>, clock: &Clock) -> Result<Option<T>, BusError> {
        match attempt {
            Ok(value) => {
                if let Some(since) = self.since.take() {
                    tracing::info!(lasted = ?clock.now().since(since), "the collector reaches the bus again");
                }
                Ok(Some(value))
            }
            Err(error @ (BusError::Unavailable(_) | BusError::QueueFull)) => {
                if self.since.is_none() {
                    self.since = Some(clock.now());
                    tracing::warn!(%error, "the collector waits for the bus");
                }
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Repeats `attempt` until the bus can be reached.
    pub(super) async fn insist<'bus, T>(
        &mut self,
        clock: &Clock,
        mut attempt: impl FnMut() -> BoxFuture<'bus, Result<T, BusError>>,
    ) -> Result<T, BusError> {
        loop {
            if let Some(value) = self.note(attempt().await, clock)? {
                return Ok(value);
            }
            Self::pause().await;
        }
    }

    /// Gives the bus a moment.
    pub(super) async fn pause() {
        tokio::time::sleep(PAUSE).await;
    }
}
