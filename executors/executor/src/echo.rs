//! An executor that answers with its input: for trying a policy out, and for measuring everything but models.

use bytes::Bytes;
use futures::future::BoxFuture;
use wire::{ExecutorId, Failure, ModelVersion};

use crate::executor::{Executor, Input};

/// Answers with the request's own body, not a byte of it copied.
pub struct Echo {
    model: ModelVersion,
}

// === impl Echo ===

impl Echo {
    /// Returns an echo that calls itself `executor`.
    #[must_use]
    pub fn new(executor: &ExecutorId) -> Self {
        Self { model: ModelVersion::new(executor.as_str(), "echo") }
    }
}

impl Executor for Echo {
    fn score<'a>(&'a self, input: &'a Input) -> BoxFuture<'a, Result<Bytes, Failure>> {
        Box::pin(std::future::ready(Ok(input.body.clone())))
    }

    fn model(&self) -> ModelVersion {
        self.model.clone()
    }

    fn is_instantaneous(&self) -> bool {
        true
    }
}
