//! The typed records of a rendezvous, and the only place that knows how they look as headers and bytes.
//!
//! Headers follow `CloudEvents` binary mode (`ce_…`; ours are extension attributes), so `ce_type` alone tells what a
//! record is. A default has a type of its own: it can never be read as a prediction by accident.
//! Law: `Envelope::decode(&envelope.encode()) == envelope`. Headers that we do not know are ignored.

mod decoder;
mod result;

use std::{fmt::Display, str::FromStr, sync::Arc, time::Duration};

use bytes::Bytes;

use crate::{
    Attributes, Budget, ExecutorId, Headers, ModelVersion, Plan, PolicyRef, Record, ReplyTo, RequestId, Timestamp,
    headers::Name,
};

pub use decoder::Decoder;
pub(crate) use decoder::{Reader, invalid, shortened};
pub use result::{Fence, Fencing, ResultKind, ResultRecord};

/// Any record of a rendezvous' topics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Envelope {
    /// In `requests`.
    Request(Request),
    /// In `responses`.
    Response(Response),
    /// In `results`.
    Result(ResultRecord),
    /// In `results`, beside the results it guards.
    Fence(Fence),
}

/// An input, fanned out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its name.
    pub id: RequestId,
    /// When it was taken in.
    pub born: Timestamp,
    /// How long its answer may take from then.
    pub budget: Budget,
    /// The policy that decides about it.
    pub policy: PolicyRef,
    /// Which of the policy's cases it is, by name; `None` is the policy's own ladder.
    pub case: Option<Arc<str>>,
    /// Who is asked.
    pub plan: Plan,
    /// Whom or what it is about, where the policy says where to find that: for the last known answer.
    pub key: Option<Arc<str>>,
    /// What the caller said beside the input.
    pub attributes: Attributes,
    /// W3C trace context, if the caller gave one.
    pub traceparent: Option<Bytes>,
    /// Where its result is to go besides the results topic, if the caller says so.
    pub reply: Option<Arc<ReplyTo>>,
    /// The input: one JSON object of features.
    pub body: Bytes,
}

/// What one executor said about one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// What it is about.
    pub request: RequestId,
    /// Who says so.
    pub executor: ExecutorId,
    /// Which model said so.
    pub model: ModelVersion,
    /// How long after the log took the request in the executor had it; for a judge, it and what others said of it.
    pub fetched: Duration,
    /// How long the request waited in the executor: before work began, and for others that were worked on with it.
    pub queued: Duration,
    /// How long the work took: its share, if others were worked on with it.
    pub scored: Duration,
    /// The answer, or why there is none.
    pub reply: Reply,
}

/// An answer, or why there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// One JSON object.
    Answer(Bytes),
    /// No answer will come.
    Failure(Failure),
}

/// Why an executor gives no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What sort.
    pub kind: FailureKind,
    /// In words.
    pub message: String,
}

/// The sorts of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// The model or its server raised an error.
    Failed,
    /// It chose not to answer.
    Abstained,
    /// The deadline left no time for the work, which was not begun.
    Expired,
    /// Its queue was full.
    Overloaded,
}

/// What could not be understood, with the reason and the original record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Where the original lies: `topic/partition/offset`.
    pub origin: String,
    /// What is wrong with it, in one sentence.
    pub reason: String,
    /// The record as it was.
    pub original: Record,
}

/// A record that is not what its topic holds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// A header we need is not there.
    #[error("header `{0}` is missing")]
    Missing(&'static str),
    /// A header cannot be read.
    #[error("header `{name}` cannot be read: `{value}`")]
    Invalid {
        /// Which.
        name: &'static str,
        /// What stood there, at most 80 bytes of it.
        value: String,
    },
    /// The record is of a type that we do not know.
    #[error("record type `{0}` is unknown")]
    UnknownType(String),
    /// The record is of a type of ours that its topic does not hold.
    #[error("a {0} is not what this topic holds")]
    Misplaced(&'static str),
}

/// Key and headers of a dead letter that must go without its payload are kept up to so many bytes.
const LETTER_HEADERS_MAX: usize = 4_096;

const REQUEST_TYPE: &str = "dev.hedgerow.request.v1";
const RESPONSE_TYPE: &str = "dev.hedgerow.response.v1";
const FAILURE_TYPE: &str = "dev.hedgerow.failure.v1";
const RESULT_TYPE: &str = "dev.hedgerow.result.v1";
const DEFAULT_TYPE: &str = "dev.hedgerow.default.v1";
const ERROR_TYPE: &str = "dev.hedgerow.error.v1";
const FENCE_TYPE: &str = "dev.hedgerow.fence.v1";
const DEAD_LETTER_TYPE: &str = "dev.hedgerow.deadletter.v1";

// === impl Envelope ===

impl Envelope {
    /// Reads a record, sharing its bytes. Whoever reads many has a `Decoder`.
    pub fn decode(record: &Record) -> Result<Self, EnvelopeError> {
        Decoder::forgetful().decode(record)
    }

    /// Writes the record.
    #[must_use]
    pub fn encode(&self) -> Record {
        match self {
            Self::Request(request) => request.encode(),
            Self::Response(response) => response.encode(),
            Self::Result(result) => result.encode(),
            Self::Fence(fence) => fence.encode(),
        }
    }
}

// === impl Request ===

impl Request {
    /// Returns the instant by which its result is due.
    #[must_use]
    pub fn deadline(&self) -> Timestamp {
        self.budget.deadline(self.born)
    }

    /// Writes the record.
    #[must_use]
    pub fn encode(&self) -> Record {
        let mut headers = attributes(REQUEST_TYPE, self.id, format_args!("/{}", self.policy.rendezvous));
        headers.write(Name::Born, self.born.as_micros());
        headers.write(Name::Budget, self.budget.as_micros());
        headers.write(Name::Policy, &self.policy);
        headers.write(Name::Plan, &self.plan);
        put_some(&mut headers, Name::Case, self.case.as_deref());
        put_some(&mut headers, Name::Key, self.key.as_deref());
        if !self.attributes.is_empty() {
            headers.write(Name::Attributes, &self.attributes);
        }
        if let Some(trace) = &self.traceparent {
            headers.put(Name::Traceparent, trace);
        }
        put_reply(&mut headers, self.reply.as_deref());
        json(&self.id, headers, self.body.clone())
    }
}

// === impl Response ===

impl Response {
    /// Writes the record.
    #[must_use]
    pub fn encode(&self) -> Record {
        let (kind, payload) = match &self.reply {
            Reply::Answer(answer) => (RESPONSE_TYPE, answer.clone()),
            Reply::Failure(failure) => (FAILURE_TYPE, Bytes::from(failure.message.clone())),
        };
        let mut headers = attributes(kind, self.request, format_args!("/executors/{}", self.executor));
        headers.put(Name::Executor, self.executor.as_str().as_bytes());
        headers.put(Name::Model, self.model.as_str().as_bytes());
        headers.write(Name::Fetched, self.fetched.as_micros());
        headers.write(Name::Queued, self.queued.as_micros());
        headers.write(Name::Scored, self.scored.as_micros());
        if let Reply::Failure(failure) = &self.reply {
            headers.put(Name::Failure, failure.kind.as_str().as_bytes());
        }
        json(&self.request, headers, payload)
    }
}

// === impl FailureKind ===

impl FailureKind {
    /// Returns the word for it, the same on the wire, in receipts and as a metric label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Abstained => "abstained",
            Self::Expired => "expired",
            Self::Overloaded => "overloaded",
        }
    }
}

impl FromStr for FailureKind {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        [Self::Failed, Self::Abstained, Self::Expired, Self::Overloaded]
            .into_iter()
            .find(|kind| kind.as_str() == word)
            .ok_or(())
    }
}

// === impl DeadLetter ===

impl DeadLetter {
    /// Writes the record: the original's key, payload and headers, and behind them the origin and the reason.
    #[must_use]
    pub fn encode(&self) -> Record {
        let mut headers = self.original.headers.clone();
        for (name, value) in attributes(DEAD_LETTER_TYPE, &self.origin, "/dead-letters").iter() {
            if name != Name::ContentType.as_str() {
                headers.push(name, value);
            }
        }
        headers.put(Name::Origin, self.origin.as_bytes());
        headers.put(Name::Reason, self.reason.as_bytes());
        Record { key: self.original.key.clone(), headers, payload: self.original.payload.clone() }
    }

    /// Returns the letter for a log that does not take it whole: without its payload, also without key and headers if
    /// those are large, and with the reason saying where the original lies.
    #[must_use]
    pub fn shortened(self) -> Self {
        let Record { key, headers, payload } = self.original;
        let length = |bytes: Option<&[u8]>| bytes.map_or(0, <[u8]>::len);
        let around =
            length(key.as_deref()) + headers.iter().map(|(name, value)| name.len() + length(value)).sum::<usize>();
        let (size, original) = if around > LETTER_HEADERS_MAX {
            (around + length(payload.as_deref()), Record::default())
        } else {
            (length(payload.as_deref()), Record { key, headers, payload: None })
        };
        let Self { origin, reason, .. } = self;
        let reason = format!("{reason}; its {size} bytes are too many for a dead letter: read them at {origin}");
        Self { origin, reason, original }
    }

    /// Returns origin and reason of a dead letter, or `None` if the record is none.
    #[must_use]
    pub fn describe(record: &Record) -> Option<(String, String)> {
        let headers = Reader::new(&record.headers);
        let is_one = headers.text(Name::Type) == Ok(DEAD_LETTER_TYPE);
        is_one
            .then(|| Some((headers.text(Name::Origin).ok()?.to_owned(), headers.text(Name::Reason).ok()?.to_owned())))?
    }
}

// === writing ===

pub(crate) fn attributes(kind: &'static str, id: impl Display, source: impl Display) -> Headers {
    // Twelve holds every header of ours without growing.
    let mut headers = Headers::with_capacity(12);
    headers.put(Name::SpecVersion, b"1.0");
    headers.put(Name::Type, kind.as_bytes());
    headers.put(Name::ContentType, b"application/json");
    headers.write(Name::Id, id);
    headers.write(Name::Source, source);
    headers
}

fn put_some(headers: &mut Headers, name: Name, value: Option<&str>) {
    if let Some(value) = value {
        headers.put(name, value.as_bytes());
    }
}

fn put_reply(headers: &mut Headers, reply: Option<&ReplyTo>) {
    let Some(ReplyTo { address, key, correlation }) = reply else { return };
    headers.write(Name::ReplyTo, address);
    for (name, value) in [(Name::ReplyKey, key), (Name::Correlation, correlation)] {
        if let Some(value) = value {
            headers.put(name, value);
        }
    }
}

fn json(id: &RequestId, headers: Headers, payload: Bytes) -> Record {
    Record { key: Some(Bytes::copy_from_slice(id.as_uuid().as_bytes())), headers, payload: Some(payload) }
}

#[cfg(test)]
pub(crate) mod tests;
