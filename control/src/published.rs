//! Wanting something changed about a model: bytes by value are written first, into a topic of their own, and the change
//! says where they lie. What came of it is learnt by reading it back, as for policies.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bus::TopicPartition;
use bytes::Bytes;
use models::{Effect, Refusal, Registry};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use wire::{
    BY_VALUE_MAX, ControlError, Descriptor, MODELS_TOPIC, ModelAction, ModelChange, ModelName, ModelPart, Source,
};

use crate::{Follower, PublishError};

/// What is sent to change something about a model.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct WantedModel {
    /// Who wants it.
    pub author: String,
    /// Why.
    #[serde(default)]
    pub message: String,
    /// What is to be done.
    pub action: ModelAction,
    /// The bytes of what is published by value; where they lie is found then, whatever the descriptor says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<ModelBytes>,
}

/// A model's bytes, in JSON as base64.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ModelBytes(pub Bytes);

/// What came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ModelOutcome {
    /// It was taken, by every reader alike.
    Done(Effect),
    /// It was refused, by every reader alike, and changed nothing.
    Refused(RefusedModelChange),
}

/// Why it was refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RefusedModelChange {
    /// Always `refused`.
    pub outcome: String,
    /// Why.
    #[serde(flatten)]
    pub refusal: Refusal,
    /// The same in a sentence.
    pub sentence: String,
}

// === impl Follower ===

impl Follower {
    /// Writes what is wanted of `model` and returns what came of it. Bytes that could never be published under that name
    /// are refused without being written.
    pub async fn publish_model(&self, model: &ModelName, wanted: WantedModel) -> Result<ModelOutcome, PublishError> {
        let WantedModel { author, message, action, bytes } = wanted;
        let (id, author) = (self.fresh_id(), author.trim().to_owned());
        let mut change = ModelChange { id, model: model.clone(), author, message, action };
        if let (Some(ModelBytes(bytes)), ModelAction::Publish(publish)) = (bytes, &mut change.action) {
            check_bytes(&publish.descriptor, &bytes)?;
            let registry = Arc::clone(&self.models().borrow());
            let known = known_place(&registry, model, &publish.descriptor);
            let is_written = known.is_some();
            // Where it will lie is not known before it is written, and it is not written in vain.
            publish.descriptor.source = known.unwrap_or(Source::Value { offsets: vec![0] });
            change.check()?;
            if let Err(refusal) = Registry::clone(&registry).fold(&change, self.shared().clock.now()) {
                return Ok(refusal.into());
            }
            if let ModelAction::Publish(publish) = &mut change.action
                && !is_written
            {
                publish.descriptor.source = Source::Value { offsets: self.append_parts(&bytes).await? };
            }
        }
        change.check()?;
        let waiting = self.shared().desk.models();
        let told = self.shared().told(waiting, change.id, change.encode()).await?;
        Ok(told.map_or_else(ModelOutcome::from, ModelOutcome::Done))
    }

    async fn append_parts(&self, bytes: &Bytes) -> Result<Vec<i64>, PublishError> {
        let (to, mut offsets) = (TopicPartition::new(MODELS_TOPIC, 0), Vec::new());
        for part in ModelPart::of(self.fresh_id(), bytes) {
            offsets.push(self.shared().append(&to, part.encode()).await?);
        }
        Ok(offsets)
    }
}

/// Returns where the same bytes lie already.
fn known_place(registry: &Registry, model: &ModelName, descriptor: &Descriptor) -> Option<Source> {
    let entries = registry.get(model.as_str())?.entries().iter().map(|entry| &entry.descriptor);
    let mut same = entries.filter(|known| known.sha256 == descriptor.sha256).map(|known| &known.source);
    same.find(|source| matches!(source, Source::Value { .. })).cloned()
}

fn check_bytes(descriptor: &Descriptor, bytes: &Bytes) -> Result<(), ControlError> {
    if bytes.is_empty() {
        return Err(ControlError::Body("the model has no bytes".to_owned()));
    }
    if bytes.len() > BY_VALUE_MAX {
        return Err(ControlError::TooLong { what: "model", bytes: bytes.len(), most: BY_VALUE_MAX });
    }
    let sha256 = models::hex(&Sha256::digest(bytes));
    if sha256 != descriptor.sha256 {
        let told = format!("the model's bytes have the hash {sha256}, and it is said to be {}", descriptor.sha256);
        return Err(ControlError::Body(told));
    }
    Ok(())
}

// === impl ModelOutcome ===

impl ModelOutcome {
    /// Returns why it was refused, if it was.
    #[must_use]
    pub fn refused(&self) -> Option<&RefusedModelChange> {
        match self {
            Self::Done(_) => None,
            Self::Refused(refused) => Some(refused),
        }
    }
}

impl From<Refusal> for ModelOutcome {
    fn from(refusal: Refusal) -> Self {
        let sentence = refusal.to_string();
        Self::Refused(RefusedModelChange { outcome: "refused".to_owned(), refusal, sentence })
    }
}

// === impl ModelBytes ===

impl TryFrom<String> for ModelBytes {
    type Error = base64::DecodeError;

    fn try_from(text: String) -> Result<Self, base64::DecodeError> {
        STANDARD.decode(text).map(|bytes| Self(bytes.into()))
    }
}

impl From<ModelBytes> for String {
    fn from(ModelBytes(bytes): ModelBytes) -> Self {
        STANDARD.encode(bytes)
    }
}
