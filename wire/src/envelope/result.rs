//! What the results topic holds: results, and the fences that say whose results are valid.

use std::sync::Arc;

use bytes::Bytes;
use uuid::Uuid;

use super::{
    DEFAULT_TYPE, ERROR_TYPE, EnvelopeError, FENCE_TYPE, RESULT_TYPE, Reader, attributes, invalid, json, put_reply,
    put_some,
};
use crate::{Headers, PolicyRef, Record, ReplyTo, RequestId, headers::Name};

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
    /// Where its caller wants it besides.
    pub reply: Option<Arc<ReplyTo>>,
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

// === impl ResultKind ===

impl ResultKind {
    /// Every one of them.
    pub const ALL: [Self; 3] = [Self::Prediction, Self::Default, Self::Error];

    /// Returns the word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Prediction => "prediction",
            Self::Default => "default",
            Self::Error => "error",
        }
    }
}

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
        let mut headers = attributes(kind, self.request, format_args!("/{}", self.policy.rendezvous));
        headers.write(Name::Policy, &self.policy);
        put_some(&mut headers, Name::Key, self.key.as_deref());
        put_reply(&mut headers, self.reply.as_deref());
        self.fencing.put_onto(&mut headers);
        json(&self.request, headers, self.body.clone())
    }
}

// === impl Fencing, Fence ===

impl Fencing {
    fn put_onto(self, headers: &mut Headers) {
        headers.write(Name::Epoch, self.epoch);
        headers.write(Name::Instance, self.instance);
    }
}

impl Fence {
    /// Writes the record: no key, so that no compaction can drop it, and no payload.
    #[must_use]
    pub fn encode(&self) -> Record {
        let mut headers = attributes(FENCE_TYPE, self.0.instance, "/collector");
        self.0.put_onto(&mut headers);
        Record { key: None, headers, payload: Some(Bytes::new()) }
    }
}

// === reading ===

impl Reader<'_> {
    pub(super) fn fencing(&self) -> Result<Fencing, EnvelopeError> {
        let digits = self.text(Name::Epoch)?;
        // No sign and no endless zeros: what one reader takes for a fence every reader must.
        let is_number = (1..=20).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit());
        let epoch = is_number.then(|| digits.parse().ok()).flatten();
        let epoch = epoch.ok_or_else(|| invalid(Name::Epoch, digits.as_bytes()))?;
        Ok(Fencing { epoch, instance: self.uuid(Name::Instance)? })
    }
}
