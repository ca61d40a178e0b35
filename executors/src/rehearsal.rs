//! A new version of a model scores what the one before scored last, before it takes its place: that warms it up, and shows
//! whether it says the same kind of thing (`parity`).

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bus::Clock;
use bytes::Bytes;
use executor::{Executor, Input};
use policies::InputSchema;
use wire::RequestId;

use crate::{load::LoadError, load::Loading, metrics::ExecutorMetrics, parity};

/// The last inputs that a model answered, and what it said.
#[derive(Debug, Default)]
pub(crate) struct Recent(Mutex<VecDeque<Answered>>);

#[derive(Clone, Debug)]
struct Answered {
    request: RequestId,
    body: Bytes,
    answer: Bytes,
}

/// What a new version is to go through.
pub(crate) struct Rehearsal {
    /// What the version before it answered; as it is when the new one is loaded.
    pub(crate) recent: Arc<Recent>,
    pub(crate) schema: Arc<InputSchema>,
    pub(crate) clock: Clock,
    pub(crate) metrics: ExecutorMetrics,
    /// As responses name it.
    pub(crate) model: String,
}

/// How many are kept. Bodies are shared with the requests they came in, answers with the responses.
const RECENT: usize = 32;
/// Larger bodies are not kept: 32 of a megabyte would be more than the model.
const BODY_MAX: usize = 16 << 10;
const BUDGET: Duration = Duration::from_secs(10);

// === impl Recent ===

impl Recent {
    pub(crate) fn on_answered(&self, input: &Input, answer: &Bytes) {
        if input.body.len() > BODY_MAX || answer.len() > BODY_MAX {
            return;
        }
        let answered = Answered { request: input.request, body: input.body.clone(), answer: answer.clone() };
        let mut recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if recent.len() == RECENT {
            recent.pop_front();
        }
        recent.push_back(answered);
    }

    fn all(&self) -> Vec<Answered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

// === impl Rehearsal ===

impl Rehearsal {
    /// Loads, and gives away only who came through.
    pub(crate) fn of(self, loading: Loading) -> Loading {
        Box::pin(async move {
            let executor = loading.await?;
            self.play(&*executor).await?;
            Ok(executor)
        })
    }

    async fn play(&self, executor: &dyn Executor) -> Result<(), LoadError> {
        let recent = self.recent.all();
        let deadline = self.clock.now().after(BUDGET);
        let input = |answered: &Answered| {
            Input::new(answered.request, deadline, answered.body.clone(), Arc::clone(&self.schema))
        };
        let inputs: Vec<Input> = recent.iter().map(input).collect();
        let inputs: Vec<&Input> = inputs.iter().collect();
        let mut answers = Vec::with_capacity(inputs.len());
        // As they will come: alone and together.
        if let Some((first, rest)) = inputs.split_first() {
            answers.push(executor.score(first).await);
            for batch in rest.chunks(executor.batch_max().get()) {
                answers.extend(executor.score_batch(batch).await);
            }
        }
        let before: Vec<Bytes> = recent.into_iter().map(|answered| answered.answer).collect();
        let different = parity::compare(&before, &answers).map_err(LoadError::Parity)?;
        self.metrics.rehearsed(different);
        let (model, of) = (&self.model, before.len());
        tracing::info!(%model, different, of, "a new version of a model answers as the one before it, as far as shapes go");
        Ok(())
    }
}
