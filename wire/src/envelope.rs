//! The typed records of a rendezvous, and the only place that knows how they look as headers and bytes.
//!
//! Headers follow `CloudEvents` binary mode (`ce_…`; ours are extension attributes), so `ce_type` alone tells what a
//! record is. A default has a type of its own: it can never be read as a prediction by accident.
//! Law: `Envelope::decode(&envelope.encode()) == envelope`. Headers that we do not know are ignored.

mod result;

use std::{borrow::Cow, str, str::FromStr, sync::Arc, time::Duration};

use bytes::Bytes;

use crate::{Attributes, Budget, ExecutorId, Headers, ModelVersion, Plan, PolicyRef, Record, RequestId, Timestamp};

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

/// The names of all headers of ours. A reader that finds a name here need not allocate it.
pub const HEADER_NAMES: [&str; 22] = [
    CONTENT_TYPE,
    SPEC_VERSION,
    TYPE,
    ID,
    SOURCE,
    BORN,
    BUDGET,
    POLICY,
    PLAN,
    CASE,
    KEY,
    ATTRIBUTES,
    EXECUTOR,
    MODEL,
    QUEUED,
    SCORED,
    FAILURE,
    EPOCH,
    INSTANCE,
    REASON,
    ORIGIN,
    TRACEPARENT,
];

const CONTENT_TYPE: &str = "content-type";
const SPEC_VERSION: &str = "ce_specversion";
pub(crate) const TYPE: &str = "ce_type";
pub(crate) const ID: &str = "ce_id";
const SOURCE: &str = "ce_source";
const BORN: &str = "ce_born";
const BUDGET: &str = "ce_budget";
const POLICY: &str = "ce_policy";
const PLAN: &str = "ce_plan";
const CASE: &str = "ce_case";
const KEY: &str = "ce_key";
const ATTRIBUTES: &str = "ce_attributes";
const EXECUTOR: &str = "ce_executor";
const MODEL: &str = "ce_model";
const QUEUED: &str = "ce_queued";
const SCORED: &str = "ce_scored";
const FAILURE: &str = "ce_failure";
const EPOCH: &str = "ce_epoch";
const INSTANCE: &str = "ce_instance";
const REASON: &str = "ce_reason";
const ORIGIN: &str = "ce_origin";
const TRACEPARENT: &str = "traceparent";

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
    /// Reads a record, sharing its bytes.
    pub fn decode(record: &Record) -> Result<Self, EnvelopeError> {
        let headers = Reader(&record.headers);
        let body = || record.payload.clone().unwrap_or_default();
        match headers.text(TYPE)? {
            REQUEST_TYPE => headers.request(body()).map(Self::Request),
            RESPONSE_TYPE => headers.response(Reply::Answer(body())).map(Self::Response),
            FAILURE_TYPE => {
                let message = String::from_utf8_lossy(&body()).into_owned();
                let failure = Failure { kind: headers.parse(FAILURE)?, message };
                headers.response(Reply::Failure(failure)).map(Self::Response)
            }
            RESULT_TYPE => headers.result(ResultKind::Prediction, body()).map(Self::Result),
            DEFAULT_TYPE => headers.result(ResultKind::Default, body()).map(Self::Result),
            ERROR_TYPE => headers.result(ResultKind::Error, body()).map(Self::Result),
            FENCE_TYPE => headers.fencing().map(|fencing| Self::Fence(Fence(fencing))),
            unknown => Err(EnvelopeError::UnknownType(shortened(unknown.as_bytes()))),
        }
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
        let source = format!("/{}", self.policy.rendezvous);
        let mut headers = attributes(REQUEST_TYPE, &self.id.to_string(), source);
        push(&mut headers, BORN, self.born.as_micros().to_string());
        push(&mut headers, BUDGET, self.budget.as_micros().to_string());
        push(&mut headers, POLICY, self.policy.to_string());
        push(&mut headers, PLAN, self.plan.to_string());
        push_some(&mut headers, CASE, self.case.as_deref());
        push_some(&mut headers, KEY, self.key.as_deref());
        if !self.attributes.is_empty() {
            push(&mut headers, ATTRIBUTES, self.attributes.to_string());
        }
        if let Some(trace) = &self.traceparent {
            headers.push(TRACEPARENT, Some(trace.clone()));
        }
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
        let mut headers = attributes(kind, &self.request.to_string(), format!("/executors/{}", self.executor));
        push(&mut headers, EXECUTOR, self.executor.to_string());
        push(&mut headers, MODEL, self.model.to_string());
        push(&mut headers, QUEUED, self.queued.as_micros().to_string());
        push(&mut headers, SCORED, self.scored.as_micros().to_string());
        if let Reply::Failure(failure) = &self.reply {
            headers.push(FAILURE, Some(Bytes::from_static(failure.kind.as_str().as_bytes())));
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
        for (name, value) in attributes(DEAD_LETTER_TYPE, &self.origin, "/dead-letters".to_owned()).iter() {
            if name != CONTENT_TYPE {
                headers.push(name.to_owned(), value.cloned());
            }
        }
        push(&mut headers, ORIGIN, self.origin.clone());
        push(&mut headers, REASON, self.reason.clone());
        Record { key: self.original.key.clone(), headers, payload: self.original.payload.clone() }
    }

    /// Returns the letter for a log that does not take it whole: without its payload, also without key and headers if
    /// those are large, and with the reason saying where the original lies.
    #[must_use]
    pub fn shortened(self) -> Self {
        let Record { key, headers, payload } = self.original;
        let length = |bytes: Option<&Bytes>| bytes.map_or(0, Bytes::len);
        let around =
            length(key.as_ref()) + headers.iter().map(|(name, value)| name.len() + length(value)).sum::<usize>();
        let (size, original) = if around > LETTER_HEADERS_MAX {
            (around + length(payload.as_ref()), Record::default())
        } else {
            (length(payload.as_ref()), Record { key, headers, payload: None })
        };
        let Self { origin, reason, .. } = self;
        let reason = format!("{reason}; its {size} bytes are too many for a dead letter: read them at {origin}");
        Self { origin, reason, original }
    }

    /// Returns origin and reason of a dead letter, or `None` if the record is none.
    #[must_use]
    pub fn describe(record: &Record) -> Option<(String, String)> {
        let headers = Reader(&record.headers);
        let is_one = headers.text(TYPE) == Ok(DEAD_LETTER_TYPE);
        is_one.then(|| Some((headers.text(ORIGIN).ok()?.to_owned(), headers.text(REASON).ok()?.to_owned())))?
    }
}

// === writing ===

pub(crate) fn attributes(kind: &'static str, id: &str, source: String) -> Headers {
    // Twelve holds every header of ours without growing.
    let mut headers = Headers::with_capacity(12);
    headers.push(SPEC_VERSION, Some(Bytes::from_static(b"1.0")));
    headers.push(TYPE, Some(Bytes::from_static(kind.as_bytes())));
    headers.push(CONTENT_TYPE, Some(Bytes::from_static(b"application/json")));
    push(&mut headers, ID, id.to_owned());
    push(&mut headers, SOURCE, source);
    headers
}

fn push(headers: &mut Headers, name: &'static str, value: String) {
    headers.push(Cow::Borrowed(name), Some(Bytes::from(value)));
}

fn push_some(headers: &mut Headers, name: &'static str, value: Option<&str>) {
    if let Some(value) = value {
        push(headers, name, value.to_owned());
    }
}

fn json(id: &RequestId, headers: Headers, payload: Bytes) -> Record {
    Record { key: Some(Bytes::copy_from_slice(id.as_uuid().as_bytes())), headers, payload: Some(payload) }
}

// === reading ===

/// Reads typed values out of headers.
pub(crate) struct Reader<'a>(pub(crate) &'a Headers);

impl<'a> Reader<'a> {
    fn request(&self, body: Bytes) -> Result<Request, EnvelopeError> {
        Ok(Request {
            id: self.parse(ID)?,
            born: Timestamp::from_micros(self.parse(BORN)?),
            budget: Budget::from_micros(self.parse(BUDGET)?),
            policy: self.parse(POLICY)?,
            case: self.some_text(CASE)?,
            plan: self.parse(PLAN)?,
            key: self.some_text(KEY)?,
            attributes: if self.0.get(ATTRIBUTES).is_some() { self.parse(ATTRIBUTES)? } else { Attributes::default() },
            traceparent: self.0.get(TRACEPARENT).cloned(),
            body,
        })
    }

    fn response(&self, reply: Reply) -> Result<Response, EnvelopeError> {
        let executor = self.text(EXECUTOR)?;
        Ok(Response {
            request: self.parse(ID)?,
            executor: ExecutorId::new(executor).map_err(|_| invalid(EXECUTOR, executor.as_bytes()))?,
            model: ModelVersion::from(self.text(MODEL)?),
            queued: Duration::from_micros(self.parse(QUEUED)?),
            scored: Duration::from_micros(self.parse(SCORED)?),
            reply,
        })
    }

    pub(crate) fn parse<T: FromStr>(&self, name: &'static str) -> Result<T, EnvelopeError> {
        let text = self.text(name)?;
        text.parse().map_err(|_| invalid(name, text.as_bytes()))
    }

    fn some_text(&self, name: &'static str) -> Result<Option<Arc<str>>, EnvelopeError> {
        self.0.get(name).map(|_| self.text(name).map(Arc::from)).transpose()
    }

    pub(crate) fn text(&self, name: &'static str) -> Result<&'a str, EnvelopeError> {
        let value = self.0.get(name).ok_or(EnvelopeError::Missing(name))?;
        str::from_utf8(value).map_err(|_| invalid(name, value))
    }
}

pub(crate) fn invalid(name: &'static str, value: &[u8]) -> EnvelopeError {
    EnvelopeError::Invalid { name, value: shortened(value) }
}

pub(crate) fn shortened(value: &[u8]) -> String {
    String::from_utf8_lossy(&value[..value.len().min(80)]).into_owned()
}

#[cfg(test)]
pub(crate) mod tests;
