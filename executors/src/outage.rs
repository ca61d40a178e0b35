//! Says once that the log is away, and once that it is back.

use wire::Timestamp;

/// Whether the log is away, and since when.
#[derive(Debug, Default)]
pub(crate) struct Outage {
    since: Option<Timestamp>,
}

// === impl Outage ===

impl Outage {
    /// Takes note that the log did not answer.
    pub(crate) fn begin(&mut self, what: &str, now: Timestamp) {
        if self.since.is_none() {
            tracing::warn!(what, "executors wait for the log");
            self.since = Some(now);
        }
    }

    /// Takes note that it did.
    pub(crate) fn end(&mut self, now: Timestamp) {
        if let Some(since) = self.since.take() {
            tracing::info!(away_ms = now.since(since).as_millis(), "the log is back");
        }
    }
}
