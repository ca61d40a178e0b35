//! What is in hand of the input topic; shared with the acknowledgements, which come from any thread.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use bus::BusError;
use tokio::sync::Notify;

use crate::progress::Progress;

/// The inputs in hand. Its lock is held for a few map operations.
#[derive(Default)]
pub(super) struct Hand {
    state: Mutex<State>,
    acknowledged: Notify,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) progress: Progress,
    /// What the log refused for its size, to be led elsewhere when it is read again. At most as many as are in hand.
    pub(super) too_large: HashMap<(i32, i64), TooLarge>,
    /// Why nothing can be written any more.
    pub(super) fatal: Option<BusError>,
}

/// What was too large for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TooLarge {
    /// The request: the input becomes a dead letter.
    Request,
    /// The dead letter: it goes without its payload.
    DeadLetter,
}

// === impl State, Hand ===

impl State {
    /// What the input `at` led to is done with.
    fn let_go(&mut self, at: (i32, i64)) {
        self.progress.on_done(at.0, at.1);
        self.too_large.remove(&at);
    }
}

impl Hand {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The write that the input `at` led to came to an end; `wrote` says what it was.
    pub(super) fn on_acknowledged(&self, at: (i32, i64), outcome: &Result<i64, BusError>, wrote: TooLarge) {
        let mut state = self.state();
        match outcome {
            Ok(_) => state.let_go(at),
            // Shorter it cannot be, and the inputs behind it must not wait for ever.
            Err(BusError::TooLarge)
                if wrote == TooLarge::DeadLetter && state.too_large.get(&at) == Some(&TooLarge::DeadLetter) =>
            {
                let (partition, offset) = at;
                tracing::error!(
                    partition,
                    offset,
                    "the log takes no dead letter for an input: it is left where it lies"
                );
                state.let_go(at);
            }
            Err(error) => {
                match error {
                    BusError::TooLarge => _ = state.too_large.insert(at, wrote),
                    BusError::Fatal(_) => state.fatal = Some(error.clone()),
                    BusError::Unavailable(_) | BusError::QueueFull | BusError::OffsetGone { .. } => {}
                }
                state.progress.on_failed(at.0, at.1);
            }
        }
        drop(state);
        self.acknowledged.notify_one();
    }

    /// Waits until something comes to an end.
    pub(super) async fn acknowledged(&self) {
        self.acknowledged.notified().await;
    }
}
