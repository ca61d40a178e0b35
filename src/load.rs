//! An open-loop load: each request at its intended instant, whatever became of those before it.
//!
//! Latency counts from the intended instant, so a stall is charged to every request it held up (no coordinated
//! omission: the model of wrk2 and of Tene, "How NOT to measure latency").

use std::{
    future::Future,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
    time::{Duration, Instant},
};

use futures::{StreamExt, stream::FuturesUnordered};
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

/// Wakes the thread that keeps the pace.
struct Unpark(Thread);

/// Bounds what has finished and was not yet taken; reached only by a reader that has stalled for half a second or more.
const FINISHED: usize = 65_536;

/// Requests that follow each other faster than this go together, a few of them late by so much: a sleep costs the
/// processor as much as some requests do. What is late by it counts as latency.
const GRAIN: Duration = Duration::from_micros(50);

// === impl Pace ===

impl Pace {
    /// Begins to send; what comes of each request arrives in the order of finishing.
    ///
    /// A thread of its own keeps the pace, because the runtime's timers are whole milliseconds. The requests live on it
    /// too, as on a caller's: to be sent, and to be told of the end, none of them waits for another thread.
    pub fn drive<F, T>(self, ask: impl Fn(u64) -> F + Send + 'static) -> mpsc::Receiver<Finished<T>>
    where
        F: Future<Output = T> + Send + 'static,
        T: Send + 'static,
    {
        let (sender, receiver) = mpsc::channel(FINISHED);
        let runtime = Handle::current();
        let pacing = thread::Builder::new().name("pace".to_owned()).spawn(move || {
            let _timers = runtime.enter();
            self.keep(|index, intended| {
                let (asked, sender) = (ask(index), sender.clone());
                async move {
                    let outcome = asked.await;
                    let finished = Finished { index, latency: intended.elapsed(), outcome };
                    // The reader is gone only when nobody wants to know any more.
                    let _ = sender.send(finished).await;
                }
            });
        });
        // Where no thread can be started nothing arrives, and whoever counts says so.
        drop(pacing);
        receiver
    }

    /// Sends each request at its instant, until all have come to an end.
    fn keep<F: Future<Output = ()>>(self, send: impl Fn(u64, Instant) -> F) {
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let (mut context, mut under_way) = (Context::from_waker(&waker), FuturesUnordered::new());
        let (began, mut index) = (Instant::now(), 0);
        loop {
            let now = began.elapsed();
            while index < self.count && self.sent_at(index) <= now {
                under_way.push(send(index, began + self.sent_at(index)));
                index += 1;
            }
            while let Poll::Ready(Some(())) = under_way.poll_next_unpin(&mut context) {}
            if index < self.count {
                thread::park_timeout(self.pause(index, began.elapsed()));
            } else if under_way.is_empty() {
                return;
            } else {
                thread::park();
            }
        }
    }

    /// Returns how long nothing is to be sent, before request `next`.
    fn pause(self, next: u64, now: Duration) -> Duration {
        let left = self.sent_at(next).saturating_sub(now);
        let is_fast = self.sent_at(1) < GRAIN;
        if is_fast { left.max(GRAIN) } else { left }
    }

    /// Returns when request `index` is to be sent, from the beginning.
    #[must_use]
    pub fn sent_at(self, index: u64) -> Duration {
        let nanos = u128::from(index) * 1_000_000_000 / u128::from(self.rate.max(1));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

// === impl Unpark ===

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
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
