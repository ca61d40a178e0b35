//! What the results topic holds: results, and the fences that say whose results are valid.

use std::sync::Arc;

use bytes::Bytes;
use uuid::{Uuid, fmt::Hyphenated};

use super::{
    DEFAULT_TYPE, EPOCH, ERROR_TYPE, EnvelopeError, FENCE_TYPE, INSTANCE, KEY, POLICY, RESULT_TYPE, Reader, attributes,
    invalid, json, push, push_some,
};
use crate::{Headers, PolicyRef, Record, RequestId};

/// The one record a request's caller gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultRecord {
    /// What it answers.
    pub request: RequestId,
    /// The policy that decided.
    pub policy: PolicyRef,
    /// Whether it is a prediction.
    pub kind: ResultKind,
    /// The request's key, if it had one.
    pub key: Option<Arc<str>>,
    /// By whose right it was written.
    pub fencing: Fencing,
    /// One JSON object: `answer` and `decision`.
    pub body: Bytes,
}

/// Whether a result's answer was predicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ResultKind {
    /// A model's answer, or one made of several.
    Prediction,
    /// No model's answer was acceptable in time: the policy's default.
    Default,
    /// The same, and the policy's default is to say so: an error for the caller.
    Error,
}

/// The right to write results into a partition: the highest epoch in the log's order holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fencing {
    /// Counts take-overs of the partition.
    pub epoch: u64,
    /// Names one take-over; never used again.
    pub instance: Uuid,
}

/// Takes a partition's results over: results under older fencings behind it are void.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fence(pub Fencing);

// === impl ResultRecord ===

impl ResultRecord {
    /// Writes the record.
    #[must_use]
    pub fn encode(&self) -> Record {
        let kind = match self.kind {
            ResultKind::Prediction => RESULT_TYPE,
            ResultKind::Default => DEFAULT_TYPE,
            ResultKind::Error => ERROR_TYPE,
        };
        let mut headers = attributes(kind, &self.request.to_string(), format!("/{}", self.policy.rendezvous));
        push(&mut headers, POLICY, self.policy.to_string());
        push_some(&mut headers, KEY, self.key.as_deref());
        self.fencing.push_onto(&mut headers);
        json(&self.request, headers, self.body.clone())
    }
}

// === impl Fencing, Fence ===

impl Fencing {
    fn push_onto(self, headers: &mut Headers) {
        push(headers, EPOCH, self.epoch.to_string());
        push(headers, INSTANCE, self.instance.to_string());
    }
}

impl Fence {
    /// Writes the record: no key, so that no compaction can drop it, and no payload.
    #[must_use]
    pub fn encode(&self) -> Record {
        let mut headers = attributes(FENCE_TYPE, &self.0.instance.to_string(), "/collector".to_owned());
        self.0.push_onto(&mut headers);
        Record { key: None, headers, payload: Some(Bytes::new()) }
    }
}

// === reading ===

impl Reader<'_> {
    pub(super) fn result(&self, kind: ResultKind, body: Bytes) -> Result<ResultRecord, EnvelopeError> {
        let (request, policy) = (RequestId::from_uuid(self.uuid(super::ID)?), self.parse(POLICY)?);
        let fencing = self.fencing()?;
        Ok(ResultRecord { request, policy, kind, key: self.some_text(KEY)?, fencing, body })
    }

    pub(super) fn fencing(&self) -> Result<Fencing, EnvelopeError> {
        let digits = self.text(EPOCH)?;
        // No sign and no endless zeros: what one reader takes for a fence every reader must.
        if !(1..=20).contains(&digits.len()) || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err(invalid(EPOCH, digits.as_bytes()));
        }
        Ok(Fencing { epoch: self.parse(EPOCH)?, instance: self.uuid(INSTANCE)? })
    }

    /// In its one spelling with hyphens, as every language can tell it.
    fn uuid(&self, name: &'static str) -> Result<Uuid, EnvelopeError> {
        let text = self.text(name)?;
        let uuid = (text.len() == Hyphenated::LENGTH).then(|| Uuid::try_parse(text).ok()).flatten();
        uuid.ok_or_else(|| invalid(name, text.as_bytes()))
    }
}
