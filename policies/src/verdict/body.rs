//! A result's body as it is written into the log and read back: `answer` and `decision`.
//!
//! Law: the answer's bytes stand in it as the executor sent them.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;
use wire::{Budget, ExecutorId, PolicyRef, Role, Timestamp};

use crate::clause::Why;

use super::{ClauseNote, Completeness, DecidedBy, Fallen, Reason, ReceiptEntry, ReceiptState, Verdict};

/// A result's body, read back.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct ResultBody {
    /// The answer: one JSON object.
    pub answer: serde_json::Value,
    /// What was decided, and why.
    pub decision: DecisionBody,
}

/// What was decided, and why.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct DecisionBody {
    /// The clause kind that decided.
    pub decided_by: DecidedBy,
    /// How many of the candidates had been heard.
    pub completeness: Completeness,
    /// Why then.
    pub reason: Reason,
    /// The executors whose answer it is; none for a default.
    pub executors: Vec<String>,
    /// Whether the answer was made of several, and is nobody's own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub synthesised: bool,
    /// What the answer was known from, if it is the last prediction about the same key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_known: Option<LastKnownBody>,
    /// The policy: `wine@1`.
    pub policy: String,
    /// The policy's case that the request is one of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<String>,
    /// From birth to verdict, in microseconds.
    pub elapsed_us: u64,
    /// How long it might have taken, in microseconds.
    pub budget_us: u64,
    /// Each executor that was asked.
    pub receipt: Vec<ReceiptBody>,
    /// Each clause that was tried.
    pub clauses: Vec<ClauseBody>,
}

/// What is known of a prediction that was given again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct LastKnownBody {
    /// How old it was, in microseconds.
    pub age_us: u64,
}

/// What was known of one executor.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct ReceiptBody {
    /// Which.
    pub executor: String,
    /// `candidate` or `canary`.
    pub role: String,
    /// How far it was.
    pub state: ReceiptState,
    /// When its response counted, in microseconds since birth.
    pub after_us: Option<u64>,
    /// Which model answered.
    pub model: Option<String>,
    /// Its confidence, where the policy says where to find it.
    pub confidence: Option<f64>,
    /// The answer's digest.
    pub digest: Option<String>,
    /// A canary's answer.
    pub answer: Option<serde_json::Value>,
    /// Why there is no answer.
    pub failure: Option<String>,
}

/// How one clause fared.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct ClauseBody {
    /// Its kind.
    pub kind: DecidedBy,
    /// Until when it was tried, in microseconds since birth.
    pub until_us: u64,
    /// When the extra wait after the first usable answer ended it, in microseconds since birth, where that is earlier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extra_until_us: Option<u64>,
    /// Whether it decided.
    pub decided: bool,
    /// Why, or why not.
    pub why: String,
    /// Until when each rank was waited for, where ranks have a patience of their own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub patience: Vec<PatienceBody>,
}

/// Until when a rank was waited for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct PatienceBody {
    /// Whose.
    pub executor: String,
    /// In microseconds since birth.
    pub until_us: u64,
}

#[derive(Serialize)]
struct Body<'verdict> {
    answer: Verbatim<'verdict>,
    decision: Decision<'verdict>,
}

#[derive(Serialize)]
struct Decision<'verdict> {
    decided_by: DecidedBy,
    completeness: Completeness,
    reason: Reason,
    executors: Vec<&'verdict str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    synthesised: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_known: Option<LastKnownBody>,
    policy: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    case: Option<&'verdict str>,
    elapsed_us: u64,
    budget_us: u64,
    receipt: Vec<Entry<'verdict>>,
    clauses: Vec<Clause<'verdict>>,
}

#[derive(Serialize)]
struct Entry<'verdict> {
    executor: &'verdict str,
    role: &'static str,
    state: ReceiptState,
    #[serde(skip_serializing_if = "Option::is_none")]
    after_us: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'verdict str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<Verbatim<'verdict>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<&'verdict str>,
}

#[derive(Serialize)]
struct Clause<'verdict> {
    kind: DecidedBy,
    until_us: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    extra_until_us: Option<u64>,
    decided: bool,
    why: Sentence<'verdict>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    patience: Vec<PatienceBody>,
}

/// Written straight into the body.
struct Sentence<'verdict>(&'verdict Why);

/// An answer as it was sent. What is no JSON (a canary may say anything) stands as text.
#[derive(Serialize)]
#[serde(untagged)]
enum Verbatim<'verdict> {
    Json(&'verdict RawValue),
    Text(std::borrow::Cow<'verdict, str>),
}

// === impl Verdict ===

impl Verdict {
    /// Returns the body of the result under `policy`, in its `case` if one applied, of a request born at `born` with
    /// `budget`.
    #[must_use]
    pub fn body(&self, policy: &PolicyRef, case: Option<&str>, born: Timestamp, budget: Budget) -> Bytes {
        let decision = self.decision(policy, case, born, budget);
        let body = Body { answer: Verbatim::of(&self.answer), decision };
        // Measured on the demo policy: four receipts and two clauses take 600 to 900 bytes beside the answer.
        written(&body, Vec::with_capacity(1_024 + self.answer.len())).into()
    }

    fn decision<'verdict>(
        &'verdict self,
        policy: &PolicyRef,
        case: Option<&'verdict str>,
        born: Timestamp,
        budget: Budget,
    ) -> Decision<'verdict> {
        Decision {
            decided_by: self.decided_by,
            completeness: self.completeness,
            reason: self.reason,
            executors: self.executors.iter().map(ExecutorId::as_str).collect(),
            synthesised: self.is_synthesised(),
            last_known: match self.fallback {
                Some(Fallen::LastKnown { age }) => Some(LastKnownBody { age_us: micros(age) }),
                _ => None,
            },
            policy: policy.to_string(),
            case,
            elapsed_us: micros(self.at.since(born)),
            budget_us: budget.as_micros(),
            receipt: self.receipt.entries.iter().map(Entry::of).collect(),
            clauses: self.receipt.clauses.iter().map(Clause::of).collect(),
        }
    }
}

impl<'verdict> Entry<'verdict> {
    fn of(entry: &'verdict ReceiptEntry) -> Self {
        Self {
            executor: entry.executor.as_str(),
            role: entry.role.as_str(),
            state: entry.state,
            after_us: entry.after.map(micros),
            model: entry.model.as_ref().map(wire::ModelVersion::as_str),
            confidence: entry.confidence,
            digest: entry.digest(),
            answer: entry.answer.as_deref().filter(|_| entry.role == Role::Canary).map(Verbatim::of),
            failure: entry.failure.as_deref(),
        }
    }
}

impl<'verdict> Clause<'verdict> {
    fn of(note: &'verdict ClauseNote) -> Self {
        let rank = |(executor, until): &(ExecutorId, _)| PatienceBody {
            executor: executor.as_str().to_owned(),
            until_us: micros(*until),
        };
        let patience = note.patience.iter().map(rank).collect();
        let (until_us, extra_until_us) = (micros(note.until), note.extra_until.map(micros));
        Self { kind: note.kind, until_us, extra_until_us, decided: note.decided, why: Sentence(&note.why), patience }
    }
}

impl<'verdict> Verbatim<'verdict> {
    fn of(bytes: &'verdict [u8]) -> Self {
        serde_json::from_slice(bytes).map_or_else(|_| Self::Text(String::from_utf8_lossy(bytes)), Self::Json)
    }
}

fn written(body: &Body<'_>, mut bytes: Vec<u8>) -> Vec<u8> {
    serde_json::to_writer(&mut bytes, body).expect("text, finite numbers and checked JSON always serialise");
    bytes
}

fn micros(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

impl Serialize for Sentence<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self.0)
    }
}

// === impl ResultBody ===

impl ResultBody {
    /// Reads a result's body.
    pub fn read(body: &[u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(body)
    }

    /// Returns what each canary said, by name, where it answered.
    #[must_use]
    pub fn canaries(&self) -> BTreeMap<&str, &serde_json::Value> {
        let canaries = self.decision.receipt.iter().filter(|entry| entry.role == "canary");
        canaries.filter_map(|entry| Some((entry.executor.as_str(), entry.answer.as_ref()?))).collect()
    }
}
