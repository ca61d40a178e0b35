//! What was measured of one system.

use std::time::Duration;

use hedgerow::load::{Finished, Latencies};
use tokio::sync::mpsc::Receiver;

/// Latencies and losses.
#[derive(Default)]
pub(crate) struct Measured {
    /// Requests sent.
    pub(crate) sent: u64,
    answered: u64,
    latencies: Latencies,
}

// === impl Measured ===

impl Measured {
    /// Takes everything that finishes until the load is over; `true` means answered.
    pub(crate) async fn take(&mut self, mut finished: Receiver<Finished<bool>>) {
        while let Some(finished) = finished.recv().await {
            self.note(finished.latency, finished.outcome);
        }
    }

    /// Takes one that finished.
    pub(crate) fn note(&mut self, latency: Duration, answered: bool) {
        self.sent += 1;
        if answered {
            self.answered += 1;
            self.latencies.record(latency);
        }
    }

    /// Returns the latency at `quantile`, in microseconds.
    pub(crate) fn us(&self, quantile: f64) -> f64 {
        self.latencies.quantile(quantile).as_secs_f64() * 1e6
    }

    pub(crate) fn missing(&self) -> u64 {
        self.sent - self.answered
    }
}
