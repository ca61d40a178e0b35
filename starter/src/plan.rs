//! From an input to the request that is written: its id, its case, its budget, who is asked.
//!
//! Pure: time, randomness and the input are arguments. Laws, each tested by name:
//! - *A start is an instant*: where a start follows a latency, the request says when it is; whoever reads it later, or
//!   plays it again, need not know what was measured then.
//! - *A sample is in the id*: whoever asks again is asked about by the same executors, and the plan says who that was.
//! - *Same origin, same id*: a key or a position always names the same request, so a retry is never a second one.
//! - *One key, one partition*: where an executor keeps state, requests about one key lie in one partition, in order.
//! - *Never raised*: a caller can lower the budget of the policy, or of the request's case, and cannot raise it.

use std::sync::Arc;

use bytes::Bytes;
use policies::{Definition, Latencies, Route, Sampled};
use uuid::Uuid;
use wire::{Attributes, Budget, Plan, RendezvousName, ReplyTo, Request, RequestId, Timestamp};

use crate::input::{InvalidInput, budget};

/// Turns inputs into requests, as one version of a rendezvous' policy says.
#[derive(Clone, Debug)]
pub struct Planner {
    definition: Arc<Definition>,
    /// Where starts follow latencies, or canaries are sampled: what is written of whom each case asks, by its name.
    planned: Vec<(Option<Arc<str>>, Sampled)>,
}

/// A valid input with what its caller said beside it.
#[derive(Clone, Debug, Default)]
pub struct Stated {
    /// One JSON object of features.
    pub body: Bytes,
    /// The attributes, all of them declared.
    pub attributes: Attributes,
    /// How long the answer may take, if the caller says so.
    pub budget: Option<Budget>,
    /// W3C trace context; one that is none is left out of the request, as its specification says.
    pub traceparent: Option<Bytes>,
    /// Where the result is to go besides the results topic.
    pub reply: Option<Arc<ReplyTo>>,
}

/// Where an input came from, which gives the request its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin<'a> {
    /// The caller named it.
    Key(&'a str),
    /// The caller did not: a UUID made for it.
    Unnamed(Uuid),
    /// It lies in an input topic and has no key.
    Position {
        /// The topic.
        topic: &'a str,
        /// Its partition.
        partition: i32,
        /// The offset in it.
        offset: i64,
    },
}

/// The longest key of a caller, in bytes.
pub(crate) const KEY_BYTES: usize = 256;

// === impl Planner ===

impl Planner {
    /// Returns the planner of `definition`.
    #[must_use]
    pub fn new(definition: Arc<Definition>) -> Self {
        Self::knowing(definition, &Latencies::default())
    }

    /// Returns the planner of `definition` when executors take as long as `usual` says.
    #[must_use]
    pub fn knowing(definition: Arc<Definition>, usual: &Latencies) -> Self {
        let planned = planned(&definition, usual);
        Self { definition, planned }
    }

    /// Returns whether it plans as one that knows `usual` would.
    #[must_use]
    pub fn knows(&self, usual: &Latencies) -> bool {
        self.definition.followed().is_empty() || self.planned == planned(&self.definition, usual)
    }

    /// Returns what is planned by.
    #[must_use]
    pub fn definition(&self) -> &Arc<Definition> {
        &self.definition
    }

    /// Returns the request for what was stated and taken in at `born`.
    #[must_use]
    pub fn request(&self, id: RequestId, born: Timestamp, stated: Stated) -> Request {
        let Stated { body, attributes, budget, traceparent, reply } = stated;
        let Route { case, budget, plan, key } = self.definition.route(&body, &attributes, budget);
        // State is kept partition by partition, so whatever is about one key goes to one partition.
        let id = match &key {
            Some(key) if self.definition.keeps_state() => id.about(key),
            _ => id,
        };
        let planned = self.planned.iter().find(|(known, _)| *known == case);
        let plan = planned.map_or(plan, |(_, planned)| planned.plan(&id).clone());
        Request {
            id,
            born,
            budget,
            policy: self.definition.policy_ref.clone(),
            case,
            plan,
            key,
            attributes,
            traceparent: traceparent.filter(|value| is_traceparent(value)),
            reply,
            body,
        }
    }
}

/// Returns the plans of a definition in which starts follow latencies, or canaries are sampled; none of another, whose
/// plans are as written.
fn planned(definition: &Definition, usual: &Latencies) -> Vec<(Option<Arc<str>>, Sampled)> {
    if definition.followed().is_empty() && !definition.samples() {
        return Vec::new();
    }
    let cases = definition.cases.iter().map(|case| (Some(Arc::clone(&case.name)), &case.plan));
    let everybody = definition.plan();
    let plan = |plan: &Plan| Sampled::of(definition, &definition.planned(plan, usual));
    let all = std::iter::once((None, &everybody)).chain(cases);
    all.map(|(case, written)| (case, plan(written))).collect()
}

// === impl Origin ===

impl Origin<'_> {
    /// Returns the id of an input of `rendezvous` from here.
    #[must_use]
    pub fn id(self, rendezvous: &RendezvousName) -> RequestId {
        match self {
            Self::Key(key) => RequestId::from_key(rendezvous, key),
            Self::Unnamed(uuid) => RequestId::from_uuid(uuid),
            Self::Position { topic, partition, offset } => {
                RequestId::from_position(rendezvous, topic, partition, offset)
            }
        }
    }
}

/// Checks a caller's key that stands at `name`.
pub(crate) fn key<'a>(name: &'static str, value: &'a [u8]) -> Result<&'a str, InvalidInput> {
    let text = std::str::from_utf8(value).ok().map(str::trim);
    text.filter(|key| !key.is_empty() && key.len() <= KEY_BYTES && !key.contains(char::is_control))
        .ok_or_else(|| InvalidInput::parameter(name, "1 to 256 bytes of visible text", String::from_utf8_lossy(value)))
}

/// Reads a budget in milliseconds from a header that stands at `name`.
pub(crate) fn budget_header(name: &'static str, value: &[u8]) -> Result<Budget, InvalidInput> {
    budget(name, &String::from_utf8_lossy(value))
}

/// Version, trace id, parent id and flags in lower-case hexadecimal digits; later versions may have more behind.
fn is_traceparent(value: &[u8]) -> bool {
    let hexadecimal = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    (55..=256).contains(&value.len())
        && value[..55].iter().enumerate().all(|(index, byte)| match index {
            2 | 35 | 52 => *byte == b'-',
            _ => hexadecimal(byte),
        })
}

#[cfg(test)]
mod tests;
