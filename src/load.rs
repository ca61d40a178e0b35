//! An open-loop load: each request at its intended instant, whatever became of those before it.
//!
//! Latency counts from the intended instant, so a stall is charged to every request it held up (no coordinated
//! omission: the model of wrk2 and of Tene, "How NOT to measure latency").

use std::{
    future::Future,
    thread,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use tokio::{runtime::Handle, sync::mpsc};

/// How many requests, how fast.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Requests a second.
    pub rate: u32,
    /// Requests in all.
    pub count: u64,
}

/// One request that came to an end.
#[derive(Debug)]
pub struct Finished<T> {
    /// Which, from 0.
    pub index: u64,
    /// From its intended instant to its end.
    pub latency: Duration,
    /// What came of it.
    pub outcome: T,
}

/// How long requests took: exact to three digits, up to a minute.
#[derive(Clone, Debug)]
pub struct Latencies(Histogram<u64>);

/// Bounds what has finished and was not yet taken; reached only by a reader that has stalled for a second or more.
const FINISHED: usize = 65_536;

// === impl Pace ===

impl Pace {
    /// Begins to send; what comes of each request arrives in the order of finishing.
    ///
    /// A thread of its own keeps the pace, because the runtime's timers are whole milliseconds.
    pub fn drive<F, T>(self, ask: impl Fn(u64) -> F + Send + 'static) -> mpsc::Receiver<Finished<T>>
    where
        F: Future<Output = T> + Send + 'static,
        T: Send + 'static,
    {
        let (sender, receiver) = mpsc::channel(FINISHED);
        let runtime = Handle::current();
        let pacing = thread::Builder::new().name("pace".to_owned()).spawn(move || {
            let began = Instant::now();
            for index in 0..self.count {
                let intended = began + self.sent_at(index);
                thread::sleep(intended.saturating_duration_since(Instant::now()));
                let (asked, sender) = (ask(index), sender.clone());
                runtime.spawn(async move {
                    let outcome = asked.await;
                    let finished = Finished { index, latency: intended.elapsed(), outcome };
                    // The reader is gone only when nobody wants to know any more.
                    let _ = sender.send(finished).await;
                });
            }
        });
        // Where no thread can be started nothing arrives, and whoever counts says so.
        drop(pacing);
        receiver
    }

    /// Returns when request `index` is to be sent, from the beginning.
    #[must_use]
    pub fn sent_at(self, index: u64) -> Duration {
        let nanos = u128::from(index) * 1_000_000_000 / u128::from(self.rate.max(1));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

// === impl Latencies ===

impl Latencies {
    /// Takes down one.
    pub fn record(&mut self, latency: Duration) {
        self.0.saturating_record(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX));
    }

    /// Takes down all of another's.
    pub fn add(&mut self, other: &Self) {
        self.0 += &other.0;
    }

    /// Returns the latency that this share of them does not exceed; nothing of none.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Duration {
        Duration::from_micros(self.0.value_at_quantile(share))
    }
}

impl Default for Latencies {
    fn default() -> Self {
        Self(Histogram::new_with_bounds(1, 60_000_000, 3).expect("the bounds and three digits are constants"))
    }
}

/// Returns `part / whole`, zero of nothing.
#[must_use]
pub fn share(part: u64, whole: u64) -> f64 {
    // Counts stay far below 2^52, where the conversion is exact.
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
