//! The work that every system is given: what is asked, and who takes how long.

use std::{sync::Arc, time::Duration};

use bus::BoxFuture;
use bytes::Bytes;
use executors::{Executor, Input, Loader};
use tokio::time::sleep;
use uuid::Uuid;
use wire::{Failure, ModelVersion};

/// What a request says, as long as a small model's input: 200 bytes with its headers.
pub(crate) const BODY: &[u8] = br#"{"x": 13.205, "class": 1}"#;

/// The candidates: all three must agree.
pub(crate) const CANDIDATES: [&str; 3] = ["a", "b", "c"];

/// Partitions of every topic.
pub(crate) const PARTITIONS: i32 = 4;

/// How long a request may stay unanswered before whoever asked gives up on it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// The budget where time is not the point: nobody runs out of it.
pub(crate) const AMPLE: Duration = Duration::from_secs(10);

/// How long executors take, the same for every system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// No time at all.
    Nothing,
    /// No time, but for two answers of a hundred of each executor: those take 60 ms.
    Stragglers,
    /// So much time, but for the same two of a hundred.
    StragglersOver(Duration),
    /// A fixed time each, so many at a time.
    Fixed(Duration, usize),
}

/// Of `OF` answers of an executor so many straggle, and for so long.
const STRAGGLERS: u64 = 2;
const OF: u64 = 100;
const STRAGGLE: Duration = Duration::from_millis(60);

// === impl Work ===

impl Work {
    /// Returns how long `executor` takes over a request. It follows from the two alone, so that every system and every run
    /// has the same stragglers, in the long run, and no executor's are another's.
    pub(crate) fn takes(self, request: Uuid, executor: usize) -> Duration {
        let (high, low) = request.as_u64_pair();
        let mixed = (high ^ low.rotate_left(29) ^ (executor as u64 + 1).wrapping_mul(0xD6E8_FEB8_6659_FD93))
            .wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mixed = (mixed ^ (mixed >> 32)).wrapping_mul(0xD6E8_FEB8_6659_FD93) >> 32;
        match self {
            Self::Stragglers | Self::StragglersOver(_) if mixed % OF < STRAGGLERS => STRAGGLE,
            Self::Nothing | Self::Stragglers => Duration::ZERO,
            Self::StragglersOver(time) | Self::Fixed(time, _) => time,
        }
    }

    /// Returns how many requests an executor works on at a time.
    pub(crate) fn concurrency(self) -> usize {
        match self {
            Self::Nothing => 1,
            // Two of a hundred for 60 ms: at 17,000 a second 20 at a time, and bursts of them.
            Self::Stragglers | Self::StragglersOver(_) => 256,
            Self::Fixed(_, at_a_time) => at_a_time,
        }
    }

    /// Returns what makes hedgerow's executors; `None` says that its own echoes do.
    pub(crate) fn loader(self) -> Option<Loader> {
        (self != Self::Nothing).then(|| {
            let loader: Loader = Arc::new(move |post| {
                let name = post.spec.id.as_str().to_owned();
                Box::pin(async move {
                    let place = CANDIDATES.iter().position(|candidate| *candidate == name).unwrap_or_default();
                    let executor: Arc<dyn Executor> = Arc::new(Worker { work: self, place, name });
                    Ok(executor)
                })
            });
            loader
        })
    }
}

/// Answers with its input, after a while.
struct Worker {
    work: Work,
    place: usize,
    name: String,
}

// === impl Worker ===

impl Executor for Worker {
    fn score<'a>(&'a self, input: &'a Input) -> BoxFuture<'a, Result<Bytes, Failure>> {
        let takes = self.work.takes(input.request.as_uuid(), self.place);
        Box::pin(async move {
            if !takes.is_zero() {
                sleep(takes).await;
            }
            Ok(input.body.clone())
        })
    }

    fn model(&self) -> ModelVersion {
        ModelVersion::new(&self.name, "worker")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_of_a_hundred_answers_of_each_executor_straggle_independently() {
        let requests: Vec<Uuid> = (0..100_000).map(|_| Uuid::new_v4()).collect();
        let slow = |request: &Uuid, place| Work::Stragglers.takes(*request, place) > Duration::ZERO;
        for place in 0..CANDIDATES.len() {
            let count = requests.iter().filter(|request| slow(request, place)).count();
            assert!((1_700..2_300).contains(&count), "executor {place}: {count} of 100,000");
        }
        let any = requests.iter().filter(|request| (0..CANDIDATES.len()).any(|place| slow(request, place))).count();
        assert!((5_400..6_400).contains(&any), "{any} of 100,000 have a straggler: 5,881 if they are independent");
        assert!(requests.iter().all(|request| slow(request, 1) == slow(request, 1)));
    }
}
