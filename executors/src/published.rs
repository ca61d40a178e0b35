//! The bytes of a published model: out of the log, or from where its descriptor says that they are.

use std::{num::NonZeroUsize, path::PathBuf, sync::Arc};

use artifacts::{Artifacts, checked};
use bus::{Bus, BusError, Stretch, TopicPartition};
use bytes::{Bytes, BytesMut};
use executor::Executor;
use models::Entry;
use onnx::Onnx;
use policies::InputSchema;
use wire::{MODELS_TOPIC, ModelKind, ModelPart, ModelVersion, Source};

use crate::{load::LoadError, post::Published};

/// Loads published models.
pub(crate) struct Publications {
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) artifacts: Artifacts,
}

/// Why the bytes of a model by value are not there.
#[derive(Debug, thiserror::Error)]
pub enum PartsError {
    /// They cannot be read now.
    #[error("its bytes in `{MODELS_TOPIC}` cannot be read: {0}")]
    Bus(#[from] BusError),
    /// What lies there is none of its parts.
    #[error("its bytes are gone from `{MODELS_TOPIC}` (offset {offset}): publish it again under another version")]
    Gone {
        /// Where the first of those lay that are missing.
        offset: i64,
    },
}

// === impl Publications ===

impl Publications {
    /// Returns what runs `model` for inputs of `schema`, in calls of `max_batch` rows at most.
    pub(crate) async fn load(
        &self,
        model: &Published,
        schema: &InputSchema,
        max_batch: Option<NonZeroUsize>,
    ) -> Result<Arc<dyn Executor>, LoadError> {
        let entry = model.found.as_ref().map_err(|unresolved| LoadError::Unresolved(unresolved.clone()))?;
        let bytes = self.bytes(entry).await?;
        let version = ModelVersion::new(model.name.as_str(), entry.version());
        let place = PathBuf::from(version.as_str());
        match entry.descriptor.kind {
            ModelKind::Onnx => {
                let loaded = Onnx::of(version, &place, &bytes, schema, max_batch)?;
                Ok(Arc::new(loaded))
            }
        }
    }

    async fn bytes(&self, entry: &Entry) -> Result<Bytes, LoadError> {
        let bytes = match &entry.descriptor.source {
            Source::Value { offsets } => self.parts(offsets).await?,
            Source::Reference { uri } => self.artifacts.fetch(uri).await?,
        };
        let place = || entry.descriptor.source.to_string();
        Ok(checked(bytes, &entry.descriptor.sha256, place)?)
    }

    /// Puts together what lies at `offsets`.
    async fn parts(&self, offsets: &[i64]) -> Result<Bytes, PartsError> {
        let partition = TopicPartition::new(MODELS_TOPIC, 0);
        let mut found: Vec<Option<Bytes>> = vec![None; offsets.len()];
        // Others' parts may lie between them, and are read past.
        let first = offsets.iter().min().copied().unwrap_or(0);
        let end = offsets.iter().max().map_or(0, |last| last + 1);
        let mut stretch = Stretch::default();
        stretch.add_offsets(partition, first..end);
        let take = |received: bus::Received| {
            let place = offsets.iter().position(|offset| *offset == received.offset);
            if let (Some(place), Ok(part)) = (place, ModelPart::decode(&received.record)) {
                found[place] = (part.number == place).then_some(part.bytes);
            }
        };
        stretch.read(&*self.bus, take, |_| {}).await?;
        let mut whole = BytesMut::new();
        for (part, offset) in found.into_iter().zip(offsets) {
            whole.extend_from_slice(&part.ok_or(PartsError::Gone { offset: *offset })?);
        }
        Ok(whole.freeze())
    }
}
