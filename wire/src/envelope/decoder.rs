//! Reading: headers looked through once, and what most records repeat allocated once.

mod known;

use std::{str, str::FromStr, sync::Arc, time::Duration};

use bytes::Bytes;
use uuid::Uuid;

use super::{
    DEFAULT_TYPE, ERROR_TYPE, Envelope, EnvelopeError, FAILURE_TYPE, FENCE_TYPE, Failure, Fence, REQUEST_TYPE,
    RESPONSE_TYPE, RESULT_TYPE, Reply, Request, Response, ResultKind, ResultRecord,
};
use crate::{
    Attributes, Budget, ExecutorId, Headers, ModelVersion, Plan, PolicyRef, Record, RendezvousName, ReplyTo, RequestId,
    Timestamp,
    headers::{Label, Name},
};
use known::Known;

/// Reads records, one after another. Records repeat who says something, by which model, and who is asked: it keeps the
/// last few of those and shares them.
///
/// Law: it reads a record as one does that has read nothing before.
#[derive(Clone, Debug, Default)]
pub struct Decoder {
    executors: Known<ExecutorId>,
    models: Known<ModelVersion>,
    policies: Known<PolicyRef>,
    cases: Known<Arc<str>>,
    plans: Known<Plan>,
}

/// The values of our headers, found by their names.
pub(crate) struct Reader<'a>([Option<&'a [u8]>; Name::COUNT]);

// === impl Decoder ===

impl Decoder {
    /// Reads a record, sharing its bytes.
    pub fn decode(&mut self, record: &Record) -> Result<Envelope, EnvelopeError> {
        let headers = Reader::new(&record.headers);
        let body = || record.payload.clone().unwrap_or_default();
        match headers.text(Name::Type)? {
            REQUEST_TYPE => self.request(&headers, body()).map(Envelope::Request),
            RESPONSE_TYPE => self.response(&headers, Reply::Answer(body())).map(Envelope::Response),
            FAILURE_TYPE => {
                let message = String::from_utf8_lossy(record.payload.as_deref().unwrap_or_default()).into_owned();
                let failure = Failure { kind: headers.parse(Name::Failure)?, message };
                self.response(&headers, Reply::Failure(failure)).map(Envelope::Response)
            }
            RESULT_TYPE => self.result(&headers, ResultKind::Prediction, body()).map(Envelope::Result),
            DEFAULT_TYPE => self.result(&headers, ResultKind::Default, body()).map(Envelope::Result),
            ERROR_TYPE => self.result(&headers, ResultKind::Error, body()).map(Envelope::Result),
            FENCE_TYPE => headers.fencing().map(|fencing| Envelope::Fence(Fence(fencing))),
            unknown => Err(EnvelopeError::UnknownType(shortened(unknown.as_bytes()))),
        }
    }

    fn request(&mut self, headers: &Reader<'_>, body: Bytes) -> Result<Request, EnvelopeError> {
        let has = |name| headers.value(name).is_some();
        Ok(Request {
            id: headers.id()?,
            born: Timestamp::from_micros(headers.parse(Name::Born)?),
            budget: Budget::from_micros(headers.parse(Name::Budget)?),
            policy: self.policy(headers)?,
            case: if has(Name::Case) { Some(self.case(headers)?) } else { None },
            plan: self.plans.read(headers, Name::Plan, |plan| plan.parse().ok())?,
            key: headers.some_text(Name::Key)?,
            attributes: if has(Name::Attributes) { headers.parse(Name::Attributes)? } else { Attributes::default() },
            traceparent: headers.value(Name::Traceparent).map(Bytes::copy_from_slice),
            reply: headers.reply(),
            body,
        })
    }

    fn response(&mut self, headers: &Reader<'_>, reply: Reply) -> Result<Response, EnvelopeError> {
        let executor = self.executors.read(headers, Name::Executor, |name| ExecutorId::new(name).ok())?;
        // Who does not say when it had the request is heard even so.
        let fetched = if headers.value(Name::Fetched).is_some() { headers.parse(Name::Fetched)? } else { 0 };
        Ok(Response {
            request: headers.id()?,
            executor,
            model: self.models.read(headers, Name::Model, |model| Some(ModelVersion::from(model)))?,
            fetched: Duration::from_micros(fetched),
            queued: Duration::from_micros(headers.parse(Name::Queued)?),
            scored: Duration::from_micros(headers.parse(Name::Scored)?),
            reply,
        })
    }

    fn result(&mut self, headers: &Reader<'_>, kind: ResultKind, body: Bytes) -> Result<ResultRecord, EnvelopeError> {
        let (request, policy) = (RequestId::from_uuid(headers.uuid(Name::Id)?), self.policy(headers)?);
        let (key, reply, fencing) = (headers.some_text(Name::Key)?, headers.reply(), headers.fencing()?);
        Ok(ResultRecord { request, policy, kind, key, reply, fencing, body })
    }

    fn policy(&mut self, headers: &Reader<'_>) -> Result<PolicyRef, EnvelopeError> {
        self.policies.read(headers, Name::Policy, |policy| policy.parse().ok())
    }

    fn case(&mut self, headers: &Reader<'_>) -> Result<Arc<str>, EnvelopeError> {
        self.cases.read(headers, Name::Case, |case| Some(case.into()))
    }

    /// Returns one that keeps nothing, for whoever reads a single record.
    pub(super) fn forgetful() -> Self {
        Self {
            executors: Known::nothing(),
            models: Known::nothing(),
            policies: Known::nothing(),
            cases: Known::nothing(),
            plans: Known::nothing(),
        }
    }
}

// === impl Reader ===

impl<'a> Reader<'a> {
    pub(crate) fn new(headers: &'a Headers) -> Self {
        let mut values = [None; Name::COUNT];
        for (label, value) in headers.entries() {
            if let Label::Ours(name) = label {
                values[name as usize] = value;
            }
        }
        Self(values)
    }

    pub(crate) fn parse<T: FromStr>(&self, name: Name) -> Result<T, EnvelopeError> {
        let text = self.text(name)?;
        text.parse().map_err(|_| invalid(name, text.as_bytes()))
    }

    pub(crate) fn text(&self, name: Name) -> Result<&'a str, EnvelopeError> {
        let value = self.bytes(name)?;
        str::from_utf8(value).map_err(|_| invalid(name, value))
    }

    /// In its one spelling with hyphens, as every language can tell it.
    pub(super) fn uuid(&self, name: Name) -> Result<Uuid, EnvelopeError> {
        let text = self.bytes(name)?;
        let uuid = (text.len() == uuid::fmt::Hyphenated::LENGTH).then(|| Uuid::try_parse_ascii(text).ok()).flatten();
        uuid.ok_or_else(|| invalid(name, text))
    }

    /// Reads whose record it is where a source is a rendezvous' name behind a slash.
    pub(crate) fn rendezvous(&self) -> Result<RendezvousName, EnvelopeError> {
        let source = self.text(Name::Source)?;
        let name = source.strip_prefix('/').and_then(|name| RendezvousName::new(name).ok());
        name.ok_or_else(|| invalid(Name::Source, source.as_bytes()))
    }

    fn id(&self) -> Result<RequestId, EnvelopeError> {
        let text = self.bytes(Name::Id)?;
        Uuid::try_parse_ascii(text).map(RequestId::from_uuid).map_err(|_| invalid(Name::Id, text))
    }

    /// What cannot be read counts as none: a result is one whatever stands there.
    fn reply(&self) -> Option<Arc<ReplyTo>> {
        self.value(Name::ReplyTo)?;
        let bytes = |name| self.value(name).map(Bytes::copy_from_slice);
        let (key, correlation) = (bytes(Name::ReplyKey), bytes(Name::Correlation));
        Some(Arc::new(ReplyTo { address: self.parse(Name::ReplyTo).ok()?, key, correlation }))
    }

    fn some_text(&self, name: Name) -> Result<Option<Arc<str>>, EnvelopeError> {
        self.value(name).map(|_| self.text(name).map(Arc::from)).transpose()
    }

    fn bytes(&self, name: Name) -> Result<&'a [u8], EnvelopeError> {
        self.value(name).ok_or(EnvelopeError::Missing(name.as_str()))
    }

    fn value(&self, name: Name) -> Option<&'a [u8]> {
        self.0[name as usize]
    }
}

pub(crate) fn invalid(name: Name, value: &[u8]) -> EnvelopeError {
    EnvelopeError::Invalid { name: name.as_str(), value: shortened(value) }
}

pub(crate) fn shortened(value: &[u8]) -> String {
    String::from_utf8_lossy(&value[..value.len().min(80)]).into_owned()
}

#[cfg(test)]
mod tests;
