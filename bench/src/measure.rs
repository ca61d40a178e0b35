//! What was measured of one system.

use std::time::Duration;

use hdrhistogram::Histogram;
use hedgerow::load::Finished;
use tokio::sync::mpsc::Receiver;

/// Latencies and losses.
pub(crate) struct Measured {
    /// Requests sent.
    pub(crate) sent: u64,
    answered: u64,
    micros: Histogram<u64>,
}

/// The longest latency that is told from longer ones: a minute.
const LONGEST_US: u64 = 60_000_000;

// === impl Measured ===

impl Measured {
    pub(crate) fn new() -> Self {
        let micros = Histogram::new_with_bounds(1, LONGEST_US, 3).expect("the bounds and three digits are constants");
        Self { sent: 0, answered: 0, micros }
    }

    /// Takes everything that finishes until the load is over; `true` means answered.
    pub(crate) async fn take(&mut self, mut finished: Receiver<Finished<bool>>) {
        while let Some(finished) = finished.recv().await {
            self.sent += 1;
            if finished.outcome {
                self.answered += 1;
                self.record(finished.latency);
            }
        }
    }

    /// Returns the latency at `quantile`, in microseconds.
    #[expect(clippy::cast_precision_loss, reason = "microseconds of a run stay far below 2^52")]
    pub(crate) fn us(&self, quantile: f64) -> f64 {
        self.micros.value_at_quantile(quantile) as f64
    }

    pub(crate) fn missing(&self) -> u64 {
        self.sent - self.answered
    }

    fn record(&mut self, latency: Duration) {
        self.micros.saturating_record(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX));
    }
}
