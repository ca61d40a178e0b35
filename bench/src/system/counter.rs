//! An executor that keeps state and does as little as one can: it counts, and answers with its input.

use std::sync::Arc;

use bus::BoxFuture;
use executors::{Keyed, Kinds, Memory, Step, Turn};
use wire::{Failure, ModelVersion};

/// What policies call it.
pub(super) const COUNTER: &str = "counter";

struct Counter;

/// Returns the kinds that there are, and this one.
pub(super) fn counting() -> Kinds {
    Kinds::default().with_keyed(COUNTER, |_| Ok(Arc::new(Counter)))
}

// === impl Counter ===

impl Keyed for Counter {
    fn step<'a>(&'a self, turn: Turn<'a>) -> BoxFuture<'a, Result<Step, Failure>> {
        let known = turn.state.and_then(|known| std::str::from_utf8(known).ok()?.parse::<u64>().ok());
        let state = Memory::Is((known.unwrap_or_default() + 1).to_string().into());
        let answer = turn.input.body.clone();
        Box::pin(std::future::ready(Ok(Step { answer, state, command: None })))
    }

    fn model(&self) -> ModelVersion {
        ModelVersion::new(COUNTER, "1")
    }
}
