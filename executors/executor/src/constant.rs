//! An executor that always says the same, at once or after a while: for rules that do not look, and for trying out
//! what a policy does about a slow model.

use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use wire::{ExecutorId, Failure, ModelVersion};

use crate::executor::{Executor, Input};

/// Answers always the same JSON object.
pub struct Constant {
    model: ModelVersion,
    answer: Bytes,
    delay: Duration,
}

// === impl Constant ===

impl Constant {
    /// Returns an executor that answers `answer`, JSON text, after `delay`.
    #[must_use]
    pub fn new(executor: &ExecutorId, answer: &str, delay: Duration) -> Self {
        let model = ModelVersion::new(executor.as_str(), "constant");
        Self { model, answer: Bytes::copy_from_slice(answer.as_bytes()), delay }
    }
}

impl Executor for Constant {
    fn score<'a>(&'a self, _input: &'a Input) -> BoxFuture<'a, Result<Bytes, Failure>> {
        Box::pin(async move {
            if !self.delay.is_zero() {
                tokio::time::sleep(self.delay).await;
            }
            Ok(self.answer.clone())
        })
    }

    fn model(&self) -> ModelVersion {
        self.model.clone()
    }

    fn is_instantaneous(&self) -> bool {
        self.delay.is_zero()
    }
}
