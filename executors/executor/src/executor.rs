//! One async function from an input to an answer, and one for several at once where that pays.

use std::{
    num::NonZeroUsize,
    sync::{Arc, OnceLock},
};

use bytes::Bytes;
use futures::future::BoxFuture;
use policies::InputSchema;
use wire::{Failure, FailureKind, ModelVersion, RequestId, Timestamp, TraceParent};

use crate::features::{self, Decoded};

/// Answers inputs. Lives on one thread of its own, which it may block; the station stops waiting, not the thread.
pub trait Executor: Send + Sync + 'static {
    /// Answers with one JSON object, or says why not. May be asked several at once, up to its `concurrency`.
    fn score<'a>(&'a self, input: &'a Input) -> BoxFuture<'a, Result<Bytes, Failure>>;

    /// Answers several inputs of one schema, one answer for each in their order: what is wrong with one of them costs
    /// the others nothing. Asked with at most `batch_max`; one after the other, unless a kind knows better.
    fn score_batch<'a>(&'a self, inputs: &'a [&'a Input]) -> BoxFuture<'a, Vec<Result<Bytes, Failure>>> {
        Box::pin(async move {
            let mut answers = Vec::with_capacity(inputs.len());
            for input in inputs {
                answers.push(self.score(input).await);
            }
            answers
        })
    }

    /// Returns how many inputs one `score_batch` takes at most. More than one promises that a batch costs less than its
    /// inputs one by one would.
    fn batch_max(&self) -> NonZeroUsize {
        NonZeroUsize::MIN
    }

    /// Returns which model gave the answer that `score` returned last.
    fn model(&self) -> ModelVersion;

    /// Returns why it cannot answer now, though it is loaded and may come right by itself: its server is away. One that
    /// works is not replaced by one in trouble.
    fn trouble(&self) -> Option<String> {
        None
    }

    /// Returns whether `score` is ready at once and costs next to nothing, so that it may run in the fetching loop.
    fn is_instantaneous(&self) -> bool {
        false
    }
}

/// One input, shared by all executors of the process.
#[derive(Debug)]
pub struct Input {
    /// Which request it belongs to.
    pub request: RequestId,
    /// When its result is due.
    pub deadline: Timestamp,
    /// The input as it was sent: one JSON object of features, numbers and texts. For one that hears others, the object
    /// `{"input": {…}, "answers": {"forest": {…}}}`, which has no features of its own.
    pub body: Bytes,
    /// What the caller said of his trace.
    pub caller: Option<TraceParent>,
    schema: Arc<InputSchema>,
    decoded: OnceLock<Result<Decoded, String>>,
}

// === impl Input ===

impl Input {
    /// Returns an input whose features are decoded when somebody first asks for them.
    #[must_use]
    pub fn new(request: RequestId, deadline: Timestamp, body: Bytes, schema: Arc<InputSchema>) -> Self {
        Self { request, deadline, body, caller: None, schema, decoded: OnceLock::new() }
    }

    /// Says what the caller said of his trace.
    #[must_use]
    pub fn called_by(self, caller: Option<TraceParent>) -> Self {
        Self { caller, ..self }
    }

    /// Returns what a judge is given about `input`: a JSON object of it and of the others' answers.
    #[must_use]
    pub fn judged(input: &Self, body: Bytes) -> Self {
        Self::new(input.request, input.deadline, body, Arc::clone(&input.schema)).called_by(input.caller)
    }

    /// Returns the same input for somebody whose answer is due at another time.
    #[must_use]
    pub fn due(&self, deadline: Timestamp) -> Self {
        Self::new(self.request, deadline, self.body.clone(), Arc::clone(&self.schema)).called_by(self.caller)
    }

    /// Returns the numbers in the schema's order. Decoded once, with the texts, however many executors ask.
    pub fn features(&self) -> Result<&[f64], Failure> {
        self.decoded().map(|decoded| &*decoded.numbers)
    }

    /// Returns the texts in the schema's order.
    pub fn texts(&self) -> Result<&[String], Failure> {
        self.decoded().map(|decoded| &*decoded.texts)
    }

    fn decoded(&self) -> Result<&Decoded, Failure> {
        match self.decoded.get_or_init(|| features::decode(&self.schema, &self.body)) {
            Ok(decoded) => Ok(decoded),
            Err(problem) => Err(failed(format!("the input cannot be read: {problem}"))),
        }
    }
}

/// Returns the failure of a model or of its server.
#[must_use]
pub fn failed(message: impl Into<String>) -> Failure {
    Failure { kind: FailureKind::Failed, message: message.into() }
}
