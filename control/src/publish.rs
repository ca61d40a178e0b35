//! Wanting a change: it is written once, and what came of it is learnt by reading it back in the fold.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bus::{BusError, Producer, TopicPartition};
use policies::{Definition, Effect, Refusal, VersionView, Versions};
use serde::{Deserialize, Serialize};
use tokio::sync::{OnceCell, oneshot, watch};
use uuid::Uuid;
use wire::{Action, Apply, CONTROL_TOPIC, Change, ControlError, MODELS_TOPIC, PolicyRef, Record, RendezvousName};

use crate::follower::{Follower, Shared, partition};

/// What came of a change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Outcome {
    /// It was taken, by every reader alike.
    Done(Effect),
    /// It was refused, by every reader alike, and changed nothing.
    Refused(RefusedChange),
}

/// Why a change was refused, and what its author did not know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RefusedChange {
    /// Always `refused`.
    pub outcome: String,
    /// Why.
    #[serde(flatten)]
    pub refusal: Refusal,
    /// The same in a sentence.
    pub sentence: String,
    /// The versions that were registered since the one that the author knew, oldest first.
    pub since: Vec<VersionView>,
}

/// Why it is not known what came of a change, or why it was not written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// It is no change that anybody would read.
    #[error("the change was not written: {0}")]
    Change(#[from] ControlError),
    /// It was not written.
    #[error("the change was not written: {0}")]
    NotWritten(BusError),
    /// It may have been written.
    #[error("it is not known whether the change was written ({0}): look at `hedgerow policies` before trying again")]
    Unknown(String),
    /// Too many changes are on their way already.
    #[error("the change was not written: too many others are on their way")]
    Busy,
}

/// Where those wait whose changes are on their way.
#[derive(Default)]
pub(crate) struct Desk {
    policies: Waiting<Result<Effect, Refusal>>,
    models: Waiting<Result<models::Effect, models::Refusal>>,
    producer: OnceCell<Arc<dyn Producer>>,
}

/// Who waits for what came of which change.
pub(crate) struct Waiting<T>(Mutex<HashMap<Uuid, oneshot::Sender<T>>>);

/// How long a change may take from being written to being read back. The log's own time-outs end before.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long is waited before the log is tried again for the first version.
const PAUSE: Duration = Duration::from_millis(200);
const WAITING_MAX: usize = 1_000;

// === impl Outcome ===

impl Outcome {
    /// Returns why the change was refused, if it was.
    #[must_use]
    pub fn refused(&self) -> Option<&RefusedChange> {
        match self {
            Self::Done(_) => None,
            Self::Refused(refused) => Some(refused),
        }
    }
}

// === impl Follower ===

impl Follower {
    /// Returns a change by `author`, with a name of its own.
    #[must_use]
    pub fn change(&self, rendezvous: &RendezvousName, author: &str, message: &str, action: Action) -> Change {
        Change {
            id: self.fresh_id(),
            rendezvous: rendezvous.clone(),
            author: author.trim().to_owned(),
            message: message.to_owned(),
            action,
        }
    }

    /// Returns a name that was never used.
    pub(crate) fn fresh_id(&self) -> Uuid {
        let micros = self.shared().clock.now().as_micros().max(0).unsigned_abs();
        let nanos = u32::try_from(micros % 1_000_000 * 1_000).unwrap_or_default();
        Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, micros / 1_000_000, nanos))
    }

    /// Writes `change` and returns what came of it, once this process serves accordingly. A text that could never
    /// become a version is refused without being written. Never give the same change twice: see `wire::CONTROL_TOPIC`.
    pub async fn publish(&self, change: Change) -> Result<Outcome, PublishError> {
        change.check()?;
        if let Some(refusal) = Self::refused_unwritten(&change) {
            return Ok(self.refused(&change, refusal));
        }
        let waiting = &self.shared().desk.policies;
        match self.shared().told(waiting, change.id, change.encode()).await? {
            Ok(effect) => Ok(Outcome::Done(effect)),
            Err(refusal) => Ok(self.refused(&change, refusal)),
        }
    }

    /// Returns what the stations of the definition's rendezvous see; if it has no version yet, the definition becomes
    /// its first. Safe to be called by any number of processes at once: one of them is first. While the log is away it
    /// waits. `source` names the definition's file, for the record and for the warning that something else is live.
    pub async fn ensure_first(
        &self,
        definition: &Definition,
        author: &str,
        source: &str,
    ) -> Result<watch::Receiver<Arc<Versions>>, PublishError> {
        let name = definition.name();
        loop {
            if let Some(versions) = self.versions(name) {
                warn_of_another(&versions.borrow(), definition, source);
                return Ok(versions);
            }
            let text = Arc::clone(&definition.text);
            let apply = Apply::live(text, 0);
            let message = format!("the first start, with {source}");
            match self.publish(self.change(name, author, &message, Action::Apply(apply))).await {
                Ok(Outcome::Refused(refused)) if !refused.refusal.is_conflict() => {
                    return Err(PublishError::NotWritten(BusError::Fatal(refused.sentence)));
                }
                // This process was first, or another one: either way there is a version now.
                Ok(_) => {}
                Err(PublishError::NotWritten(BusError::Unavailable(why)) | PublishError::Unknown(why)) => {
                    tracing::warn!("the first version of `{name}` is not published yet: {why}");
                    tokio::time::sleep(PAUSE).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Returns why no reader would ever take the change, whatever the log holds.
    fn refused_unwritten(change: &Change) -> Option<Refusal> {
        let Action::Apply(apply) = &change.action else { return None };
        let next = PolicyRef { rendezvous: change.rendezvous.clone(), version: apply.expected.saturating_add(1) };
        policies::admit(&next, &apply.text).err()
    }

    fn refused(&self, change: &Change, refusal: Refusal) -> Outcome {
        let since = match &refusal {
            Refusal::Conflict { expected, .. } => self
                .history(&change.rendezvous)
                .map_or_else(Vec::new, |history| history.borrow().since(*expected).map(VersionView::from).collect()),
            _ => Vec::new(),
        };
        let sentence = refusal.to_string();
        Outcome::Refused(RefusedChange { outcome: "refused".to_owned(), refusal, sentence, since })
    }
}

// === impl Shared ===

impl Shared {
    async fn producer(&self) -> Result<Arc<dyn Producer>, BusError> {
        self.desk.producer.get_or_try_init(|| self.bus.producer(&[CONTROL_TOPIC, MODELS_TOPIC])).await.cloned()
    }

    /// Writes a change of the control topic; returns what came of it, read back.
    pub(crate) async fn told<T>(&self, waiting: &Waiting<T>, id: Uuid, record: Record) -> Result<T, PublishError> {
        let folded = waiting.wait_for(id)?;
        let told = async {
            self.append(&partition(), record).await?;
            folded.await.map_err(|_| PublishError::Unknown("the control topic is followed no more".to_owned()))
        };
        let told = tokio::time::timeout(PATIENCE, told).await;
        waiting.forget(id);
        told.unwrap_or_else(|_| Err(PublishError::Unknown(format!("it was not read back within {PATIENCE:?}"))))
    }

    /// Writes one record; returns its offset once the log has taken it.
    pub(crate) async fn append(&self, to: &TopicPartition, record: Record) -> Result<i64, PublishError> {
        let producer = self.producer().await.map_err(PublishError::NotWritten)?;
        let (told, acknowledged) = oneshot::channel();
        let acknowledge = Box::new(move |outcome| {
            // Nobody waits any more if it took too long.
            let _ = told.send(outcome);
        });
        producer.send(to, record, acknowledge).map_err(PublishError::NotWritten)?;
        match acknowledged.await {
            Ok(Ok(offset)) => Ok(offset),
            Ok(Err(error @ BusError::TooLarge)) => Err(PublishError::NotWritten(error)),
            // It may lie in the log all the same; if it does, it is read back in a moment.
            Ok(Err(error)) => Err(PublishError::Unknown(error.to_string())),
            Err(_) => Err(PublishError::Unknown("its acknowledgement was lost".to_owned())),
        }
    }
}

// === impl Desk, Waiting ===

impl Desk {
    pub(crate) fn models(&self) -> &Waiting<Result<models::Effect, models::Refusal>> {
        &self.models
    }

    pub(crate) fn on_folded(&self, change: Uuid, effect: Result<Effect, Refusal>) {
        self.policies.on_folded(change, effect);
    }

    pub(crate) fn on_model_folded(&self, change: Uuid, effect: Result<models::Effect, models::Refusal>) {
        self.models.on_folded(change, effect);
    }

    /// Tells everybody that nothing more will be read.
    pub(crate) fn close(&self) {
        self.policies.lock().clear();
        self.models.lock().clear();
    }
}

impl<T> Default for Waiting<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Waiting<T> {
    fn wait_for(&self, change: Uuid) -> Result<oneshot::Receiver<T>, PublishError> {
        let (sender, receiver) = oneshot::channel();
        let mut waiting = self.lock();
        if waiting.len() >= WAITING_MAX {
            return Err(PublishError::Busy);
        }
        waiting.insert(change, sender);
        Ok(receiver)
    }

    fn forget(&self, change: Uuid) {
        self.lock().remove(&change);
    }

    fn on_folded(&self, change: Uuid, effect: T) {
        if let Some(waiting) = self.lock().remove(&change) {
            // Whoever wanted to know may have gone.
            let _ = waiting.send(effect);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, oneshot::Sender<T>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn warn_of_another(versions: &Versions, definition: &Definition, source: &str) {
    let live = versions.live();
    if live.text != definition.text {
        tracing::warn!(
            "`{}` serves version {} of its policy, and {source} says something else: `hedgerow apply {source}` makes it \
             the next version",
            live.name(),
            live.policy_ref.version,
        );
    }
}
